//! What must be done to a copy on its way, and whose wording it bears.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{address::Address, field_names::FieldNames, protected::Protected};

/// What must be done to a copy on its way.
#[derive(Clone, Debug, PartialEq)]
pub enum Obligation {
    Disclaimer(Arc<Disclaimer>),
    /// Set above every text, in the same two readings.
    Banner(Arc<Disclaimer>),
    /// Mail of these classes, which cannot be edited, is wrapped whole in a new
    /// message that has the wording beside it.
    Wrap(Vec<Protected>),
    /// Set in front of the Subject, in printable ASCII.
    TagSubject(String),
    /// Taken out of the Subject, in any case.
    StripSubject(String),
    /// Add a header field; the name and value are checked when policy is read.
    Header {
        name: String,
        value: String,
    },
    /// Take header fields out.
    RemoveHeaders(FieldNames),
    /// Send another copy there.
    Copy(Address),
}

/// A tag line: the mandated text under every message, in both readings. Also a
/// banner, which stands above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Disclaimer {
    pub name: String,
    /// Lines parted by `\n`, without a final one.
    pub plain: String,
    /// A fragment of HTML, self-contained.
    pub html: String,
}

/// What a message bears one of, whichever rules ask for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notice {
    TagLine,
    Banner,
}

impl Notice {
    pub const fn name(self) -> &'static str {
        match self {
            Self::TagLine => "tag line",
            Self::Banner => "banner",
        }
    }
}

/// Whose wording a message bears, and which gave way to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    pub notice: Notice,
    pub chosen: Wording,
    /// In the order of the rules.
    pub gave_way: Vec<Wording>,
}

/// A wording, and the rule that asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    pub name: String,
    pub rule: String,
}
