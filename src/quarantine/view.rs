//! A message as a person may see it: every header field and part as text, with
//! what was found in it marked.
//!
//! In [`Sight::Masked`] a value that was found is masked wherever it stands:
//! in another part, in a file's name, written another way. Detectors can miss,
//! and this sight is for people who need not know whose mail it is, so it errs
//! to the safe side: what was weighed and left out is masked too, and so is
//! every run of six digits or more and every date, found or not. Who judges a
//! message loses little by that, and no patient's number or birthday is shown
//! because it was written oddly. Where not all that was found is known, no text
//! is shown at all.
//!
//! In either sight nothing shown can do anything: it is text, or markup of our
//! own making. `secrets` knows what must not be seen and where it stands,
//! `shown` makes text of it, `parts` finds what there is to show, and
//! `rendering` lays out HTML.

mod parts;
mod rendering;
mod secrets;
mod shown;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::rendering::RENDERING_STYLE;
use self::{parts::Parts, secrets::Secrets};
use crate::{
    classify::{Classification, Found},
    content::{Content, Extract},
    mail::Kind,
};

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
    /// Those that people read: From, To, Cc, Date, Subject, and others in
    /// which a person may have written something.
    pub header: Vec<(String, Vec<Span>)>,
    pub parts: Vec<PartView>,
    /// Its HTML as a document of its own, in markup of ours alone.
    pub rendering: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartView {
    /// `1.2`, and for what is within an archive or a document its path there.
    pub path: String,
    pub file_name: Option<String>,
    /// As its sender calls it; empty where nobody says.
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

/// A message that was read and classified.
#[derive(Clone, Copy)]
pub struct Judged<'a> {
    pub content: &'a Content,
    pub extract: &'a Extract,
    pub classification: &'a Classification,
    /// What was weighed and is not sure enough to be a finding.
    pub left_out: &'a [Found],
}

impl MessageView {
    /// Never fails and is of bounded size, whatever the message.
    pub fn of(message: Judged<'_>, sight: Sight) -> Self {
        let secrets = Secrets::of(message.classification, message.left_out, sight);
        let Parts { header, parts } = Parts::of(message, &secrets);
        let rendering = rendering::rendering(message.content, &secrets);
        Self { sight, header, parts, rendering }
    }
}

/// A Subject on one line, so many characters of it, masked as a view masks it:
/// what it is about can still be made out.
pub fn masked_subject(subject: &str, classification: &Classification, most: usize) -> String {
    let secrets = Secrets::of(classification, &[], Sight::Masked);
    if !secrets.are_complete() {
        return String::new();
    }
    let line = secrets.line(subject, secrets::Care::Usual);
    line.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(most).collect()
}

/// A line that a person has written, with long numbers and dates masked: what
/// officers give as a reason goes on record, and may be about a patient.
pub fn to_be_safe(line: &str) -> String {
    let secrets = Secrets::of(&Classification::default(), &[], Sight::Masked);
    secrets.line(line, secrets::Care::Usual)
}
