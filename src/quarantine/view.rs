//! A message as a person may see it: every header field and part as text, with
//! what was found in it marked.

use serde::{Deserialize, Serialize};

use crate::mail::Kind;

/// How much is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sight {
    /// What was found is masked.
    #[default]
    Masked,
    /// As it is.
    Revealed,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MessageView {
    pub sight: Sight,
    /// Those that people read: From, To, Cc, Date, Subject.
    pub header: Vec<(String, Vec<Span>)>,
    pub parts: Vec<PartView>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartView {
    /// `1.2`, and for what is within an archive or a document its path there.
    pub path: String,
    pub file_name: Option<String>,
    pub media_type: String,
    /// Octets, decoded.
    pub size: u64,
    pub text: Vec<Span>,
    /// What is not shown, and why: it could not be read, or there is more.
    pub remark: Option<String>,
}

/// Text that is marked as one, or not at all.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Span {
    pub text: String,
    pub mark: Option<Mark>,
}

/// What was found here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mark {
    pub kind: Kind,
    pub confidence: u8,
    pub why: String,
}
