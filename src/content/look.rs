//! How a part is to be read, by what its octets look like and by what is said
//! of it: the looks count, and where they say nothing, the claims.

use super::{
    charset::Certainty,
    document::Format,
    extract::charset_of,
    part::{Class, Flaw, Multipart, Part},
    rare_charset::RareCharset,
    reading::ReadingKind,
    sniff::{Looks, looks},
    tree::{Body, Content},
};
use crate::mail::OpaqueReason;

/// How a part is to be read, and what of it cannot be.
#[derive(Default)]
pub(super) struct Looked {
    pub(super) read_as: Option<ReadAs>,
    pub(super) reason: Option<OpaqueReason>,
    /// There is more in it than its octets say as text.
    pub(super) needs_reader: bool,
}

impl From<Option<OpaqueReason>> for Looked {
    fn from(reason: Option<OpaqueReason>) -> Self {
        Self { reason, ..Self::default() }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadAs {
    Plain(ReadingKind),
    Html,
}

impl Content {
    /// What is to be done about a part.
    pub(super) fn look(&self, part: &Part) -> Looked {
        if self.is_within_encrypted(part) {
            return Looked::default();
        }
        let flaw = part.flaw.map(|flaw| match flaw {
            Flaw::NoParts | Flaw::Ambiguous => OpaqueReason::Damaged,
            Flaw::OverLimit => OpaqueReason::OverLimit,
        });
        let plain = Looked { read_as: Some(ReadAs::Plain(ReadingKind::Plain)), ..flaw.into() };
        match part.class {
            Class::Multipart(Multipart::Encrypted) => return Some(OpaqueReason::Encrypted).into(),
            Class::Multipart(_) if !part.children.is_empty() => return flaw.into(),
            Class::Multipart(_) => return plain,
            Class::Message if flaw.is_some() => return plain,
            Class::Message => return Looked::default(),
            Class::Plain | Class::Html | Class::Calendar | Class::Other => {}
        }
        let Some(body) = self.body(part.id) else { return flaw.into() };
        let looked = self.look_at_leaf(part, body);
        let damaged = body.damaged.then_some(OpaqueReason::Damaged);
        Looked { reason: looked.reason.or(flaw).or(damaged), ..looked }
    }

    fn look_at_leaf(&self, part: &Part, body: &Body) -> Looked {
        let attached = part.is_attachment() || part.class != Class::Plain;
        let kind = if attached { ReadingKind::Extracted } else { ReadingKind::Plain };
        let is_text = part.media.kind == "text" || part.class == Class::Html;
        let as_text = match part.class {
            Class::Html => ReadAs::Html,
            _ => ReadAs::Plain(kind),
        };
        let told = match (part.media.kind.as_str(), part.media.subtype.as_str()) {
            // The rest of the message is somewhere else.
            ("message", "partial" | "external-body") => Some(OpaqueReason::Unreadable),
            ("application", "pgp-encrypted") => Some(OpaqueReason::Encrypted),
            _ => None,
        };
        let claimed = is_text.then_some(as_text);
        let looks = looks(&body.octets);
        let (read_as, reason) = match looks {
            Looks::Empty => (None, told.filter(|reason| *reason == OpaqueReason::Encrypted)),
            Looks::Picture => (claimed, Some(OpaqueReason::Picture)),
            Looks::Drawing if !is_text || attached => {
                (Some(ReadAs::Html), Some(OpaqueReason::Picture))
            }
            Looks::Encrypted => (claimed, Some(OpaqueReason::Encrypted)),
            Looks::Container(Format::Cms) if self.is_signature(part) => (None, None),
            Looks::Container(_) => (claimed, None),
            Looks::Binary if is_text && has_wide_charset(part) => (claimed, told),
            Looks::Binary if is_text => (claimed, told.or(Some(OpaqueReason::Damaged))),
            Looks::Binary if self.is_signature(part) => (None, None),
            // A picture in a format that is told nowhere is still one.
            Looks::Binary if part.media.kind == "image" => (None, Some(OpaqueReason::Picture)),
            Looks::Binary => (None, told.or(Some(OpaqueReason::Unreadable))),
            _ if self.is_signature(part) => (None, None),
            Looks::TextHolding(format) if format.replaces_text() && !is_text => (None, told),
            Looks::Html if !is_text => (Some(ReadAs::Html), told),
            Looks::Text | Looks::Html | Looks::Drawing | Looks::TextHolding(_) => {
                (Some(as_text), told.or_else(|| text_opaque(part, &body.octets)))
            }
        };
        let needs_reader = match looks {
            Looks::Container(Format::Cms) => !self.is_signature(part),
            Looks::Container(_) => true,
            // What is displayed is text, not opened as a file of messages.
            Looks::TextHolding(format) => attached || !format.replaces_text(),
            _ => false,
        };
        Looked { read_as, reason, needs_reader }
    }

    /// A detached signature, where it belongs.
    fn is_signature(&self, part: &Part) -> bool {
        let signs = matches!(
            part.media.subtype.as_str(),
            "pgp-signature" | "pkcs7-signature" | "x-pkcs7-signature"
        );
        let outer = part.parent.and_then(|id| self.part(id));
        signs && outer.is_some_and(|outer| outer.class == Class::Multipart(Multipart::Signed))
    }

    fn is_within_encrypted(&self, part: &Part) -> bool {
        self.ancestors(part.id).any(|outer| outer.class == Class::Multipart(Multipart::Encrypted))
    }
}

fn has_wide_charset(part: &Part) -> bool {
    let wide = ["utf-16", "utf16", "utf-32", "utf32", "ucs-4", "ucs-2", "iso-10646-ucs"];
    part.charset().is_some_and(|label| {
        let label = label.to_ascii_lowercase();
        wide.iter().any(|name| label.starts_with(name))
    })
}

/// What in a text is no text.
fn text_opaque(part: &Part, octets: &[u8]) -> Option<OpaqueReason> {
    if let Some(reason) = sealed_text(octets) {
        return Some(reason);
    }
    let unknown = charset_of(part, octets).certainty == Certainty::Unknown
        && RareCharset::of(octets, part.charset()).is_none();
    (unknown && !octets.is_ascii()).then_some(OpaqueReason::Unreadable)
}

/// What stands in a text for something that no reader here opens.
pub(super) fn sealed_text(octets: &[u8]) -> Option<OpaqueReason> {
    let holds = |mark: &[u8]| memchr::memmem::find(octets, mark).is_some();
    if holds(PGP_MESSAGE) {
        Some(OpaqueReason::Encrypted)
    } else if SEALS.iter().any(|mark| holds(mark)) {
        Some(OpaqueReason::Unreadable)
    } else {
        None
    }
}

const PGP_MESSAGE: &[u8] = b"-----BEGIN PGP MESSAGE-----";
/// Files and messages as text, by BinHex (RFC 1741), yEnc and RFC 7468.
const SEALS: [&[u8]; 4] = [
    b"(This file must be converted with BinHex",
    b"=ybegin line=",
    b"-----BEGIN PKCS7-----",
    b"-----BEGIN CMS-----",
];
