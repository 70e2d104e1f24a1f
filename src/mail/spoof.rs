//! Signs that a message is not from whom it shows.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spoof {
    /// Two From fields or more: one is checked, another shown.
    SeveralFrom,
    /// No From field, or one without an address.
    NoFrom,
    /// Several authors, and no Sender to say which of them sent it (RFC 5322
    /// section 3.6.2).
    SeveralAuthors,
    /// The name shown for the author holds an address of another domain.
    DisplayNameAddress,
    /// An author of a domain of ours, from outside, and nothing of that domain
    /// passed.
    LocalDomain,
    /// The author's domain looks like one of ours and is not.
    Lookalike,
    /// A field of which there may be one stands there twice.
    DoubledFields,
    /// NUL, a bare CR or another control character in the header.
    ControlCharacters,
    /// An encoded word where an address should be (RFC 2047 section 5).
    EncodedAddress,
}

impl Spoof {
    pub const ALL: [Self; 9] = [
        Self::SeveralFrom,
        Self::NoFrom,
        Self::SeveralAuthors,
        Self::DisplayNameAddress,
        Self::LocalDomain,
        Self::Lookalike,
        Self::DoubledFields,
        Self::ControlCharacters,
        Self::EncodedAddress,
    ];

    /// As policies have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SeveralFrom => "several-from",
            Self::NoFrom => "no-from",
            Self::SeveralAuthors => "several-authors",
            Self::DisplayNameAddress => "display-name-address",
            Self::LocalDomain => "local-domain",
            Self::Lookalike => "lookalike",
            Self::DoubledFields => "doubled-fields",
            Self::ControlCharacters => "control-characters",
            Self::EncodedAddress => "encoded-address",
        }
    }
}

impl fmt::Display for Spoof {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::SeveralFrom => "there is more than one From field",
            Self::NoFrom => "From names nobody",
            Self::SeveralAuthors => "From names several people, and Sender none of them",
            Self::DisplayNameAddress => "the name in From shows another address",
            Self::LocalDomain => "From is of a domain of ours, which did not send it",
            Self::Lookalike => "the domain in From looks like one of ours",
            Self::DoubledFields => "a header field stands there twice",
            Self::ControlCharacters => "the header has control characters",
            Self::EncodedAddress => "the address in From is written in code",
        })
    }
}
