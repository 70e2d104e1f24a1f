//! The envelope: who a message is from and for, apart from what it says.

use serde::{Deserialize, Serialize};

use super::address::{Address, ReversePath};

/// What MAIL and RCPT have said (RFC 5321 section 3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub reverse_path: ReversePath,
    pub recipients: Vec<Address>,
    #[serde(default)]
    pub body: Body,
    #[serde(default)]
    pub encoding: AddressEncoding,
}

/// The BODY parameter of MAIL (RFC 6152).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    #[default]
    SevenBit,
    EightBitMime,
}

/// Whether the client has asked for SMTPUTF8 (RFC 6531).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressEncoding {
    #[default]
    Ascii,
    Utf8,
}
