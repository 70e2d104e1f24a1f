//! S/MIME that is signed or compressed and not encrypted (RFC 8551): the
//! message is within. CMS is RFC 5652, compressed data RFC 3274.

use bytes::Bytes;
use flate2::bufread::ZlibDecoder;

use super::{
    ber::{CONSTRUCTED, Ends, OBJECT_IDENTIFIER, SEQUENCE, Value, Values},
    extract::Document,
    gatherer::Gatherer,
    message,
};
use crate::mail::OpaqueReason;

/// What a ContentInfo holds, by its object identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::content) enum ContentKind {
    Signed,
    Compressed,
    /// For recipients only: enveloped, encrypted, with authentication or not.
    Encrypted,
    /// A digest, a time stamp, a receipt.
    Other,
}

impl ContentKind {
    pub(in crate::content) fn of(octets: &[u8]) -> Option<Self> {
        if octets.first() != Some(&SEQUENCE) {
            return None;
        }
        let info = Values(octets).next()?;
        let identifier = info.values().next().filter(|value| value.tag == OBJECT_IDENTIFIER)?;
        match identifier.content.split_last()? {
            (2, PKCS7) => Some(Self::Signed),
            (3 | 4 | 6, PKCS7) => Some(Self::Encrypted),
            (_, PKCS7) => Some(Self::Other),
            (9, SMIME_CONTENT) => Some(Self::Compressed),
            (23, SMIME_CONTENT) => Some(Self::Encrypted),
            (_, SMIME_CONTENT) => Some(Self::Other),
            _ => None,
        }
    }
}

pub(super) fn read(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let kind = ContentKind::of(&document.octets).ok_or(OpaqueReason::Damaged)?;
    let fields = match kind {
        ContentKind::Signed | ContentKind::Compressed => 2,
        ContentKind::Encrypted => return Err(OpaqueReason::Encrypted),
        ContentKind::Other => return Err(OpaqueReason::Unreadable),
    };
    // ContentInfo { contentType, [0] { SignedData { version, digestAlgorithms,
    // encapContentInfo { eContentType, [0] { eContent } }, … } } };
    // CompressedData has one algorithm where SignedData has a set of them.
    let info = Values(&document.octets).next().ok_or(OpaqueReason::Damaged)?;
    let explicit = info.values().nth(1).ok_or(OpaqueReason::Damaged)?;
    let data = explicit.values().next().ok_or(OpaqueReason::Damaged)?;
    let inner = data.values().nth(fields).ok_or(OpaqueReason::Damaged)?;
    let Some(content) = inner.values().nth(1) else {
        // What is signed stands elsewhere, and is read there; or nothing is,
        // and there are certificates.
        return Ok(());
    };
    let string = content.values().next().ok_or(OpaqueReason::Damaged)?;
    // A value that is no string, as PKCS #7 version 1.5 has it: its contents.
    let string = Value { tag: string.tag & CONSTRUCTED, ..string };
    let octets = match kind {
        ContentKind::Compressed => {
            let packed = string.string();
            let unfolded = gatherer.unfold(ZlibDecoder::new(packed.as_slice()));
            entity(document, Bytes::from(unfolded.octets), gatherer);
            return unfolded.fault.map_or(Ok(()), Err);
        }
        _ => string.string(),
    };
    entity(document, Bytes::from(octets), gatherer);
    match string.ends {
        Ends::Within => Ok(()),
        Ends::CutOff => Err(OpaqueReason::Damaged),
    }
}

/// A MIME entity, or a file that was signed as it is.
fn entity(document: &Document, octets: Bytes, gatherer: &mut Gatherer) {
    if message::is_entity(&octets) {
        if gatherer.unfolded(octets.len()) {
            gatherer.message(&document.path, &octets);
        } else {
            gatherer.unread(&document.path, OpaqueReason::OverLimit);
        }
    } else {
        gatherer.file(&format!("{}/1", document.path), None, octets);
    }
}

/// 1.2.840.113549.1.7: data, signed-data…
const PKCS7: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07];
/// 1.2.840.113549.1.9.16.1: id-ct.
const SMIME_CONTENT: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01];

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::content::document::samples::{opaque, read, texts};

    const ENTITY: &[u8] = b"Content-Type: text/plain\r\n\r\nwhat it says\r\n";

    fn value(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        [&[tag, 0x82], length.as_slice(), content].concat()
    }

    /// Of indefinite length, as programs write that stream.
    fn streamed(tag: u8, content: &[u8]) -> Vec<u8> {
        [&[tag, 0x80], content, &[0, 0]].concat()
    }

    fn identifier(arcs: &[u8], last: u8) -> Vec<u8> {
        value(OBJECT_IDENTIFIER, &[arcs, &[last]].concat())
    }

    fn wrapped(kind: Vec<u8>, string: &[u8], value: fn(u8, &[u8]) -> Vec<u8>) -> Vec<u8> {
        let inner = [identifier(PKCS7, 1), value(0xa0, string)].concat();
        let data = [vec![2, 1, 1], value(0x31, &[]), value(SEQUENCE, &inner)].concat();
        let info = [kind, value(0xa0, &value(SEQUENCE, &data))].concat();
        value(SEQUENCE, &info)
    }

    #[test]
    fn a_signed_entity_is_read_as_a_message() {
        for encoded in [
            wrapped(identifier(PKCS7, 2), &value(4, ENTITY), value),
            wrapped(
                identifier(PKCS7, 2),
                &streamed(0x24, &[value(4, &ENTITY[..9]), value(4, &ENTITY[9..])].concat()),
                streamed,
            ),
        ] {
            let extract = read(encoded);
            assert_eq!(texts(&extract), [("2.1", "what it says\r\n")]);
            assert!(extract.opaque.is_empty());
        }
    }

    #[test]
    fn a_signed_file_is_read_by_its_looks() {
        let extract = read(wrapped(identifier(PKCS7, 2), &value(4, b"what it says"), value));
        assert_eq!(texts(&extract), [("2/1", "what it says")]);
    }

    #[test]
    fn a_compressed_entity_is_read() {
        let mut encoder =
            flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(ENTITY).unwrap();
        let packed = value(4, &encoder.finish().unwrap());
        let extract = read(wrapped(identifier(SMIME_CONTENT, 9), &packed, value));
        assert_eq!(texts(&extract), [("2.1", "what it says\r\n")]);
    }

    #[test]
    fn what_is_for_its_recipients_only_is_encrypted() {
        for kind in [identifier(PKCS7, 3), identifier(SMIME_CONTENT, 23)] {
            let encoded = wrapped(kind, &value(4, ENTITY), value);
            assert_eq!(ContentKind::of(&encoded), Some(ContentKind::Encrypted));
            assert_eq!(
                crate::content::sniff::looks(&encoded),
                crate::content::sniff::Looks::Encrypted
            );
        }
    }

    #[test]
    fn a_signature_that_stands_apart_has_nothing_to_read() {
        let data = [vec![2, 1, 1], value(0x31, &[]), value(SEQUENCE, &identifier(PKCS7, 1))];
        let info = [identifier(PKCS7, 2), value(0xa0, &value(SEQUENCE, &data.concat()))].concat();
        let extract = read(value(SEQUENCE, &info));
        assert!(extract.readings.is_empty() && extract.opaque.is_empty());
    }

    #[test]
    fn what_is_cut_off_is_read_as_far_as_it_goes() {
        let mut encoded = wrapped(identifier(PKCS7, 2), &value(4, ENTITY), value);
        encoded.truncate(encoded.len() - 4);
        let extract = read(encoded);
        assert_eq!(texts(&extract), [("2.1", "what it sa")]);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Damaged)]);
    }
}
