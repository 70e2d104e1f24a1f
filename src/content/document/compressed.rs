//! Single files, compressed: gzip (RFC 1952), bzip2, xz, LZMA alone, Zstandard.
//!
//! Several streams in a row are one file. A tar archive within is read as one,
//! since it is told by its looks.

use std::io::Read;

use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use lzma_rust2::{LzmaReader, XzReader};

use super::{extract::Document, gatherer::Gatherer, limits::DICTIONARY_KIB, zstandard::Frames};
use crate::{
    content::charset::{self, Charset},
    mail::OpaqueReason,
};

pub(super) fn gzip(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let decoder = MultiGzDecoder::new(document.octets.as_ref());
    let header = decoder.header();
    let said = |octets: Option<&[u8]>| {
        octets.map(|octets| charset::decode(octets, Charset::of(octets, None)).0)
    };
    let name = said(header.and_then(|header| header.filename()));
    let comment = said(header.and_then(|header| header.comment())).unwrap_or_default();
    gatherer.text(&format!("{}:comment", document.path), comment);
    file(document, name.as_deref(), decoder, gatherer)
}

pub(super) fn bzip2(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let decoder = bzip2::bufread::MultiBzDecoder::new(document.octets.as_ref());
    file(document, None, decoder, gatherer)
}

pub(super) fn xz(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let decoder = XzReader::new_mem_limit(document.octets.as_ref(), true, DICTIONARY_KIB);
    file(document, None, decoder, gatherer)
}

pub(super) fn lzma(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let decoder = LzmaReader::new_mem_limit(document.octets.as_ref(), DICTIONARY_KIB, None)
        .map_err(|_| OpaqueReason::OverLimit)?;
    file(document, None, decoder, gatherer)
}

pub(super) fn zstandard(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    file(document, None, Frames::of(&document.octets), gatherer)
}

/// The header of LZMA alone has no mark: properties as all programs write
/// them, a dictionary of a power of two, and a length that is unknown or small.
pub(super) fn is_lzma(octets: &[u8]) -> bool {
    let Some((head, _)) = octets.split_at_checked(13) else { return false };
    let [0x5d, d0, d1, d2, d3, length @ ..] = head else { return false };
    let dictionary = u32::from_le_bytes([*d0, *d1, *d2, *d3]);
    let unknown = length.iter().all(|octet| *octet == 0xff);
    let small = length.iter().skip(5).all(|octet| *octet == 0);
    (dictionary.is_power_of_two() && dictionary >= 1 << 12) && (unknown || small)
}

fn file(
    document: &Document,
    name: Option<&str>,
    decoder: impl Read,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let unfolded = gatherer.unfold(decoder);
    gatherer.file(&format!("{}/1", document.path), name, Bytes::from(unfolded.octets));
    unfolded.fault.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::content::{
        InPlace, Limits, ReadDocument, base64_decoded,
        document::samples::{opaque, read, texts},
    };

    /// What `bzip2`, `xz`, `lzma` and `zstd` make of "what it says", the last
    /// in two frames with one between that is for programs.
    const BY_PROGRAMS: [&str; 4] = [
        "KLUv/QRYKQAAd2hhdCD181osUCpNGAMAAABhYmMotS/9BFg5AABpdCBzYXlz4aa6HQ==",
        "QlpoOTFBWSZTWRyAWrgAAAURgEAAIGAMoCAAMQwIGgeiC0fKOGeLuSKcKEgOQC1cAA==",
        "/Td6WFoAAAFpIt42AgAhARYAAAB0L+WjAQALd2hhdCBpdCBzYXlzABFjPuMAASAMot20vJBCmQ0BAAAAAAFZWg==",
        "XQAAgAD//////////wA7mghIaeo+d9Pr87ELb+NC//y40AA=",
    ];

    fn gzipped(name: &str, octets: &[u8]) -> Vec<u8> {
        let builder = flate2::GzBuilder::new().filename(name);
        let mut encoder = builder.write(Vec::new(), flate2::Compression::best());
        encoder.write_all(octets).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_gzipped_text_is_read_with_the_name_it_had() {
        let extract = read(gzipped("Needle, Ann.txt", b"what it says"));
        assert_eq!(texts(&extract), [("2/1", "Needle, Ann.txt"), ("2/1", "what it says")]);
        assert!(extract.opaque.is_empty());
    }

    #[test]
    fn what_other_programs_compress_is_read() {
        for encoded in BY_PROGRAMS {
            let extract = read(base64_decoded(encoded.as_bytes()));
            assert_eq!(texts(&extract), [("2/1", "what it says")]);
            assert!(extract.opaque.is_empty());
        }
    }

    #[test]
    fn streams_in_a_row_are_one_file() {
        let both = [gzipped("a", b"one "), gzipped("b", b"two")].concat();
        assert_eq!(texts(&read(both))[1], ("2/1", "one two"));
    }

    #[test]
    fn what_was_unfolded_before_a_fault_is_read() {
        let text = "a line of some letter\n".repeat(2_000);
        let mut cut = gzipped("a", text.as_bytes());
        cut.truncate(cut.len() - 12);
        let extract = read(cut);
        assert!(texts(&extract)[1].1.starts_with("a line of"));
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Damaged)]);
    }

    #[test]
    fn a_wrong_sum_is_damage() {
        let mut wrong = gzipped("a", b"what it says");
        let at = wrong.len() - 8;
        wrong[at] ^= 1;
        let extract = read(wrong);
        assert_eq!(texts(&extract)[1], ("2/1", "what it says"));
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Damaged)]);
    }

    #[test]
    fn a_wrong_sum_of_zstandard_is_damage_and_a_missing_end_too() {
        let whole = base64_decoded(BY_PROGRAMS[0].as_bytes());
        let mut wrong = whole.clone();
        let at = wrong.len() - 1;
        wrong[at] ^= 1;
        let extract = read(wrong);
        assert_eq!(texts(&extract), [("2/1", "what it says")]);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Damaged)]);
        assert_eq!(opaque(&read(whole[..30].to_vec())), [("2", OpaqueReason::Damaged)]);
        // A window of 1 GiB (RFC 8878 section 3.1.1.1.2).
        let large = b"\x28\xb5\x2f\xfd\x00\xa0\x01\0\0";
        assert_eq!(opaque(&read(large.as_slice())), [("2", OpaqueReason::OverLimit)]);
    }

    #[test]
    fn a_bomb_is_over_the_limit_and_leaves_nothing_for_another() {
        let bomb = gzipped("a", &vec![0; 1 << 20]);
        let limits = Limits { octets: 1 << 16, ..Limits::default() };
        let document = Document { path: "2".into(), octets: bomb.into() };
        let extract = InPlace(limits).read(&document);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::OverLimit)]);
        let mut gatherer = Gatherer::new(limits);
        gatherer.document(&document);
        assert!(gatherer.is_full());
    }

    #[test]
    fn a_dictionary_over_the_limit_is_never_made() {
        let mut head = vec![0x5d];
        head.extend((1_u32 << 30).to_le_bytes());
        head.extend([0xff; 8]);
        head.extend([0; 32]);
        assert!(is_lzma(&head));
        assert_eq!(opaque(&read(head)), [("2", OpaqueReason::OverLimit)]);
    }

    #[test]
    fn prose_is_not_lzma() {
        assert!(!is_lzma(b"] what is this about, please?"));
    }
}
