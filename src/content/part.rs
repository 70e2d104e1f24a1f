//! The parts of a message.

use std::ops::Range;

use super::{header::Field, media::MediaType};

/// Which part of its message: an index into [`super::Content::parts`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PartId(pub(super) usize);

/// One node of the MIME tree, as ranges of octets of the raw message.
#[derive(Clone, Debug)]
pub struct Part {
    pub id: PartId,
    /// As IMAP counts (RFC 3501 section 6.4.5): `1`, `1.2`; a message within
    /// a message goes on (`2.1`). The multipart that is a whole message has
    /// the path of that message, which is empty at the top.
    pub path: String,
    pub parent: Option<PartId>,
    pub children: Vec<PartId>,
    pub fields: Vec<Field>,
    /// The fields, without the empty line after them.
    pub header: Range<usize>,
    /// The empty line; of no length where it is missing.
    pub separator: Range<usize>,
    /// Without the line break that belongs to the delimiter after it.
    pub body: Range<usize>,
    pub media: MediaType,
    pub class: Class,
    pub disposition: Disposition,
    pub file_name: Option<String>,
    pub encoding: TransferEncoding,
    pub delimiters: Option<Delimiters>,
    pub flaw: Option<Flaw>,
}

/// What a part is to the stages after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Multipart(Multipart),
    Plain,
    Html,
    Calendar,
    /// A message within the message, read in place.
    Message,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Multipart {
    Mixed,
    Alternative,
    Related,
    Signed,
    Encrypted,
    Report,
    Other,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disposition {
    /// The field is absent, or says nothing known.
    #[default]
    Unstated,
    Inline,
    Attachment,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TransferEncoding {
    /// No field; 7bit by default (RFC 2045 section 6.1).
    #[default]
    Unstated,
    SevenBit,
    EightBit,
    Binary,
    QuotedPrintable,
    Base64,
    /// x-uuencode and its kin, which have no reader.
    Uuencode,
    /// Anything else is read as it stands, as mail programs do.
    Unknown,
}

/// The delimiter lines of a multipart.
#[derive(Clone, Debug)]
pub struct Delimiters {
    pub boundary: Vec<u8>,
    /// Where the first one starts: the preamble ends before it.
    pub first: usize,
    /// The line that closes the last part, with its line end.
    pub close: Option<Range<usize>>,
}

/// What is wrong with the structure of a part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// A multipart that has no delimiter, or whose boundary cannot work.
    NoParts,
    /// Two Content-Type or Content-Transfer-Encoding fields that differ.
    Ambiguous,
    /// Below the depth, or beyond the number, that is followed.
    OverLimit,
}

impl Part {
    pub fn is_multipart(&self) -> bool {
        matches!(self.class, Class::Multipart(_))
    }

    pub fn charset(&self) -> Option<&str> {
        self.media.parameters.get("charset").map(str::trim).filter(|label| !label.is_empty())
    }

    /// Set apart from what is displayed: by its disposition, or by having a
    /// file's name, unless it is all there is.
    pub fn is_attachment(&self) -> bool {
        let named_away = self.file_name.is_some() && self.parent.is_some();
        self.disposition == Disposition::Attachment || named_away
    }
}

impl Class {
    pub(super) fn of(media: &MediaType) -> Self {
        match (media.kind.as_str(), media.subtype.as_str()) {
            ("multipart", subtype) => Self::Multipart(match subtype {
                "mixed" => Multipart::Mixed,
                "alternative" => Multipart::Alternative,
                "related" => Multipart::Related,
                "signed" => Multipart::Signed,
                "encrypted" => Multipart::Encrypted,
                "report" => Multipart::Report,
                _ => Multipart::Other,
            }),
            ("text", "html") | ("application", "xhtml+xml") => Self::Html,
            ("text", "plain") => Self::Plain,
            ("text", "calendar") | ("application", "ics") => Self::Calendar,
            ("message", "rfc822" | "global" | "news") => Self::Message,
            _ => Self::Other,
        }
    }
}

impl TransferEncoding {
    pub(super) fn parse(value: &str) -> Self {
        let value = value.trim();
        let end = value.find(|c: char| c.is_whitespace() || c == ';' || c == '(');
        let token = end.and_then(|end| value.get(..end)).unwrap_or(value);
        match token.trim_matches('"').to_ascii_lowercase().as_str() {
            "" => Self::Unstated,
            "7bit" => Self::SevenBit,
            "8bit" => Self::EightBit,
            "binary" => Self::Binary,
            "quoted-printable" => Self::QuotedPrintable,
            "base64" => Self::Base64,
            "x-uuencode" | "uuencode" | "x-uue" | "uue" => Self::Uuencode,
            _ => Self::Unknown,
        }
    }

    /// Whether the octets of the body are the octets of the content.
    pub fn is_identity(self) -> bool {
        !matches!(self, Self::QuotedPrintable | Self::Base64 | Self::Uuencode)
    }
}

impl Disposition {
    pub(super) fn parse(value: &str) -> Self {
        match value.trim().to_ascii_lowercase().as_str() {
            "" => Self::Unstated,
            "inline" => Self::Inline,
            // RFC 2183 section 2.8: an unknown one is an attachment.
            _ => Self::Attachment,
        }
    }
}

/// The name of something in a message within the message at `path`.
pub(super) fn within(path: &str, inner: &str) -> String {
    match inner {
        "" => path.to_owned(),
        _ if path.is_empty() => inner.to_owned(),
        _ if inner.starts_with("header:") => format!("{path}:{inner}"),
        _ => format!("{path}.{inner}"),
    }
}
