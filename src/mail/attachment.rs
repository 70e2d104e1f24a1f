//! What sort of file is attached: a closed set, told by content, since a name
//! is only a claim.

use std::fmt;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AttachmentType {
    /// A program, an installer, a shortcut: what runs when it is opened.
    Executable,
    /// Text that a computer runs, as systems tell it: by its first line or by
    /// the end of its name.
    Script,
    /// Files within a file, a disk's image among them.
    Archive,
    /// Documents of office programs, RTF among them.
    Office,
    /// An office document with macros; it is `office` too.
    Macro,
    Pdf,
    /// Drawings and medical images among them.
    Picture,
    /// Sound and film.
    Recording,
    /// A message, or a file of messages.
    Message,
    Calendar,
    /// A page for a browser.
    Html,
    /// Any other text: tables, records, visiting cards.
    Text,
    /// Detached, or around what is signed.
    Signature,
    /// For its recipients' keys only.
    Encrypted,
    Other,
}

impl AttachmentType {
    pub const ALL: [Self; 15] = [
        Self::Executable,
        Self::Script,
        Self::Archive,
        Self::Office,
        Self::Macro,
        Self::Pdf,
        Self::Picture,
        Self::Recording,
        Self::Message,
        Self::Calendar,
        Self::Html,
        Self::Text,
        Self::Signature,
        Self::Encrypted,
        Self::Other,
    ];

    /// As policies and the audit trail have it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Executable => "executable",
            Self::Script => "script",
            Self::Archive => "archive",
            Self::Office => "office",
            Self::Macro => "macro",
            Self::Pdf => "pdf",
            Self::Picture => "picture",
            Self::Recording => "recording",
            Self::Message => "message",
            Self::Calendar => "calendar",
            Self::Html => "html",
            Self::Text => "text",
            Self::Signature => "signature",
            Self::Encrypted => "encrypted",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for AttachmentType {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}
