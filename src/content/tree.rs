//! A message as a tree of parts over its own octets.

use std::{borrow::Cow, sync::OnceLock};

use bytes::Bytes;

use super::{
    header::{self, Field},
    part::{Class, Flaw, Part, PartId, TransferEncoding},
    reading::OffsetMap,
    transfer, uuencode, walk,
};

/// A message, walked. Nothing is copied but what is asked for decoded, and
/// that once.
#[derive(Debug)]
pub struct Content {
    raw: Bytes,
    parts: Vec<Part>,
    bodies: Vec<OnceLock<Body>>,
    /// Messages that stand in a transfer encoding, which RFC 2046 section
    /// 5.2.1 forbids and mailers write: trees of their own.
    nested: Vec<(PartId, Content)>,
}

/// The content of a part, its transfer encoding undone.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) octets: Bytes,
    /// From `octets` to the raw message.
    pub(crate) map: OffsetMap,
    pub(crate) damaged: bool,
}

impl Content {
    /// Never fails: what is ill-formed still gives a tree, with its flaws.
    pub fn parse(raw: Bytes) -> Self {
        Self::parse_within(raw, MAX_ENCODED_NESTING)
    }

    fn parse_within(raw: Bytes, depth_left: usize) -> Self {
        let parts = walk::walk(&raw);
        let bodies = parts.iter().map(|_| OnceLock::new()).collect();
        let mut content = Self { raw, parts, bodies, nested: Vec::new() };
        let encoded = |part: &&Part| part.class == Class::Message && part.children.is_empty();
        let encoded: Vec<PartId> = content
            .parts
            .iter()
            .filter(encoded)
            .filter(|part| part.flaw.is_none())
            .map(|p| p.id)
            .collect();
        for id in encoded {
            match depth_left.checked_sub(1) {
                Some(left) => {
                    let message = Self::parse_within(content.decoded(id), left);
                    content.nested.push((id, message));
                }
                None => {
                    if let Some(part) = content.parts.get_mut(id.0) {
                        part.flaw = Some(Flaw::OverLimit);
                    }
                }
            }
        }
        content
    }

    pub fn raw(&self) -> &Bytes {
        &self.raw
    }

    /// All parts, in the order in which they start; the first is the whole
    /// message.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    pub fn part(&self, id: PartId) -> Option<&Part> {
        self.parts.get(id.0)
    }

    /// The message itself. There is always one part.
    pub(crate) fn whole(&self) -> Option<&Part> {
        self.parts.first()
    }

    /// The octets of a part with the transfer encoding undone: those of the
    /// message itself, where there is none.
    pub fn decoded(&self, id: PartId) -> Bytes {
        self.body(id).map(|body| body.octets.clone()).unwrap_or_default()
    }

    pub(crate) fn body(&self, id: PartId) -> Option<&Body> {
        let part = self.part(id)?;
        Some(self.bodies.get(id.0)?.get_or_init(|| self.decode(part)))
    }

    fn decode(&self, part: &Part) -> Body {
        let raw = self.raw.slice(part.body.clone());
        let decoded = match part.encoding {
            TransferEncoding::Base64 => transfer::base64(&raw),
            TransferEncoding::QuotedPrintable => transfer::quoted_printable(&raw),
            TransferEncoding::Uuencode => return uudecoded(&raw, part.body.start),
            _ => {
                let map = OffsetMap::straight_from(part.body.start);
                return Body { octets: raw, map, damaged: false };
            }
        };
        Body {
            octets: decoded.octets.into(),
            map: decoded.map.through(&OffsetMap::straight_from(part.body.start)),
            damaged: decoded.damaged,
        }
    }

    pub(super) fn nested(&self) -> &[(PartId, Content)] {
        &self.nested
    }

    /// The header fields of the message itself.
    pub fn fields(&self) -> &[Field] {
        self.whole().map(|part| part.fields.as_slice()).unwrap_or_default()
    }

    /// The message's own fields of a name, in order; case does not matter.
    pub fn fields_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Field> {
        self.fields().iter().filter(move |field| self.name(field).eq_ignore_ascii_case(name))
    }

    pub fn name(&self, field: &Field) -> Cow<'_, str> {
        header::lossy(self.raw.get(field.name.clone()).unwrap_or_default())
    }

    /// A field's value as it stands, without line breaks.
    pub fn value(&self, field: &Field) -> Cow<'_, str> {
        header::unfolded(self.raw.get(field.value.clone()).unwrap_or_default())
    }

    /// A field's value as a person reads it: encoded words decoded.
    pub fn readable(&self, field: &Field) -> String {
        header::readable(&self.raw, &field.value).0
    }

    /// The parts around a part, the nearest first.
    pub fn ancestors(&self, id: PartId) -> impl Iterator<Item = &Part> {
        let parent = |part: &Part| part.parent.and_then(|parent| self.part(parent));
        std::iter::successors(self.part(id).and_then(parent), move |part| parent(part))
    }
}

/// What is no file is left as it stands.
fn uudecoded(raw: &Bytes, start: usize) -> Body {
    match uuencode::body(raw) {
        Some(file) => {
            let map = OffsetMap::at(start);
            Body { octets: file.octets.into(), map, damaged: file.damaged }
        }
        None => {
            let map = OffsetMap::straight_from(start);
            Body { octets: raw.clone(), map, damaged: true }
        }
    }
}

/// Where in the raw message an octet of a part's decoded content starts.
pub(crate) fn body_offset(content: &Content, id: PartId, decoded: usize) -> usize {
    content.body(id).map_or(0, |body| body.map.source(decoded))
}

/// Whether a body does not keep to its transfer encoding.
pub(crate) fn is_damaged(content: &Content, id: PartId) -> bool {
    content.body(id).is_some_and(|body| body.damaged)
}

/// How many encoded messages within each other are opened.
const MAX_ENCODED_NESTING: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(raw: &str) -> Content {
        Content::parse(Bytes::copy_from_slice(raw.as_bytes()))
    }

    #[test]
    fn a_body_without_transfer_encoding_is_not_copied() {
        let content = parse("Subject: a\r\n\r\nhello\r\n");
        let decoded = content.decoded(PartId(0));
        assert_eq!(decoded, "hello\r\n");
        assert_eq!(decoded.as_ptr(), content.raw()[14..].as_ptr());
    }

    #[test]
    fn a_message_in_base64_has_a_tree_of_its_own() {
        use base64::Engine;
        let inner = "Subject: in\r\n\r\nhello\r\n";
        let encoded = base64::engine::general_purpose::STANDARD.encode(inner);
        let raw = format!(
            "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n{encoded}\r\n"
        );
        let content = parse(&raw);
        assert_eq!(content.nested()[0].1.raw(), inner);
    }

    #[test]
    fn nothing_at_all_is_one_empty_part() {
        assert_eq!(parse("").parts().len(), 1);
    }
}
