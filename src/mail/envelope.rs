//! The envelope: who a message is from and for, apart from what it says.

use serde::{Deserialize, Serialize};

use super::{
    address::{Address, ReversePath},
    requests::{Notify, OriginalRecipient, Requests},
};

/// What MAIL and RCPT have said (RFC 5321 section 3.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub reverse_path: ReversePath,
    pub recipients: Vec<Recipient>,
    #[serde(default)]
    pub body: Body,
    #[serde(default)]
    pub encoding: AddressEncoding,
    #[serde(default)]
    pub requests: Requests,
}

/// A forward-path, and what its RCPT asks to be told (RFC 3461).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    pub address: Address,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notify: Option<Notify>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub original: Option<OriginalRecipient>,
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

impl From<Address> for Recipient {
    /// Somebody of whom nothing but the address was said.
    fn from(address: Address) -> Self {
        Self { address, notify: None, original: None }
    }
}
