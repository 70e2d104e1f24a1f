//! DICOM files (PS3.10): pictures that say who is on them. The data set is read
//! for its text, and for the documents that stand in it; the picture itself
//! stays a picture, which often has the patient's name burnt in.
//!
//! Sequences need no tree: their items' elements follow one another.

use bytes::Bytes;
use flate2::bufread::DeflateDecoder;
use memchr::memmem;

use super::{
    dicom_attributes::{Value, attribute, value_of},
    extract::Document,
    gatherer::{Gatherer, Unfolded},
    octets::Octets,
};
use crate::mail::OpaqueReason;

/// A mark behind a preamble, which may be anything (section 7.1).
pub(in crate::content) fn is_dicom(octets: &[u8]) -> bool {
    octets.get(PREAMBLE..).is_some_and(|rest| rest.starts_with(MARK))
}

pub(super) fn read(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let octets = document.octets.get(PREAMBLE + MARK.len()..).unwrap_or_default();
    let mut reading = Reading::default();
    let read = reading.file(octets, gatherer);
    gatherer.text(&document.path, std::mem::take(&mut reading.text));
    for (number, octets) in (1_usize..).zip(reading.documents) {
        gatherer.file(&format!("{}/{number}", document.path), None, octets);
    }
    if reading.has_pixels {
        gatherer.unread(&document.path, OpaqueReason::Picture);
    }
    read
}

/// How elements are written (PS3.5 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syntax {
    /// What a value is has to be known.
    Implicit,
    Explicit,
}

/// What stands in front of a value.
#[derive(Clone, Copy, Debug)]
struct Header {
    tag: (u16, u16),
    /// The value representation, where it is written.
    kind: Option<[u8; 2]>,
    /// None where the value ends at a delimiter.
    length: Option<usize>,
}

impl Header {
    fn next(octets: &mut Octets<'_>, syntax: Syntax) -> Option<Self> {
        let tag = (octets.u16()?, octets.u16()?);
        let (kind, length) = if tag.0 == DELIMITERS || syntax == Syntax::Implicit {
            (None, octets.u32()?)
        } else {
            let kind = octets.take(2)?;
            let is_long = LONG.contains(&kind);
            let short = octets.u16()?;
            let length = if is_long { octets.u32()? } else { u32::from(short) };
            (kind.try_into().ok(), length)
        };
        let length = (length != u32::MAX).then(|| usize::try_from(length).unwrap_or(usize::MAX));
        Some(Self { tag, kind, length })
    }
}

#[derive(Default)]
struct Reading {
    text: String,
    charset: Option<String>,
    documents: Vec<Bytes>,
    has_pixels: bool,
}

impl Reading {
    /// The file's own header is always explicit, and says how the rest is
    /// written.
    fn file(&mut self, octets: &[u8], gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
        let mut octets = Octets(octets);
        let mut syntax = String::new();
        while octets.0.starts_with(&FILE_GROUP) {
            let header =
                Header::next(&mut octets, Syntax::Explicit).ok_or(OpaqueReason::Damaged)?;
            let value = octets.take_up_to(header.length.unwrap_or(0));
            if header.tag == TRANSFER_SYNTAX {
                syntax = String::from_utf8_lossy(value).trim_matches(['\0', ' ']).to_owned();
            }
        }
        match syntax.as_str() {
            "" | "1.2.840.10008.1.2" => self.data_set(octets.0, Syntax::Implicit),
            "1.2.840.10008.1.2.2" => Err(OpaqueReason::Unreadable),
            "1.2.840.10008.1.2.1.99" => {
                let Unfolded { octets, fault } = gatherer.unfold(DeflateDecoder::new(octets.0));
                if !gatherer.unfolded(octets.len()) {
                    return Err(OpaqueReason::OverLimit);
                }
                self.data_set(&octets, Syntax::Explicit)?;
                fault.map_or(Ok(()), Err)
            }
            _ => self.data_set(octets.0, Syntax::Explicit),
        }
    }

    fn data_set(&mut self, octets: &[u8], syntax: Syntax) -> Result<(), OpaqueReason> {
        let mut octets = Octets(octets);
        let mut within_pixels = false;
        while !octets.is_empty() {
            let header = Header::next(&mut octets, syntax).ok_or(OpaqueReason::Damaged)?;
            match (header.tag, header.length) {
                ((DELIMITERS, ITEM), Some(length)) if within_pixels => {
                    octets.take(length).ok_or(OpaqueReason::Damaged)?;
                }
                ((DELIMITERS, _), _) => within_pixels &= header.tag.1 != END_OF_SEQUENCE,
                (PIXELS, None) => (within_pixels, self.has_pixels) = (true, true),
                (_, None) if header.kind == Some(*b"UN") => pass_over(&mut octets)?,
                (_, None) => {}
                (_, Some(_)) if is_sequence(&header, &octets) => {}
                (_, Some(length)) => {
                    let value = octets.take_up_to(length);
                    self.value(&header, value);
                    if value.len() < length {
                        return Err(OpaqueReason::Damaged);
                    }
                }
            }
        }
        Ok(())
    }

    fn value(&mut self, header: &Header, octets: &[u8]) {
        match header.tag {
            PIXELS | FLOAT_PIXELS | DOUBLE_PIXELS => self.has_pixels = true,
            ENCAPSULATED_DOCUMENT => {
                // Values have even lengths.
                let document = octets.strip_suffix(&[0]).unwrap_or(octets);
                self.documents.push(Bytes::copy_from_slice(document));
            }
            CHARSET => self.charset = charset(octets),
            tag => {
                let label = attribute(tag);
                match value_of(header.kind, label, octets, self.charset.as_deref()) {
                    Value::Nothing => {}
                    Value::Labelled(label, value) => {
                        self.text.push_str(&format!("{label}: {value}\n"));
                    }
                    Value::Plain(value) => self.text.push_str(&format!("{value}\n")),
                }
            }
        }
    }
}

/// Where that is not written, by what the value begins with.
fn is_sequence(header: &Header, value: &Octets<'_>) -> bool {
    match header.kind {
        Some(kind) => kind == *b"SQ",
        None => header.length != Some(0) && value.0.starts_with(&ITEM_MARK),
    }
}

/// A sequence that was not known to who wrote it is written in another syntax.
fn pass_over(octets: &mut Octets<'_>) -> Result<(), OpaqueReason> {
    let end = memmem::find(octets.0, &END_MARK).ok_or(OpaqueReason::Damaged)?;
    octets.take_up_to(end + END_MARK.len());
    Ok(())
}

/// A character set as DICOM names it (PS3.3 section C.12.1.1.2): of several
/// the last, which is for what the first does not have.
fn charset(octets: &[u8]) -> Option<String> {
    let names = String::from_utf8_lossy(octets);
    let name =
        names.rsplit('\\').map(|name| name.trim_matches(['\0', ' '])).find(|n| !n.is_empty())?;
    let number = name.strip_prefix("ISO_IR ").or_else(|| name.strip_prefix("ISO 2022 IR "));
    let label = match number {
        Some("6") => "us-ascii",
        Some("13") => "shift_jis",
        Some("87" | "159") => "iso-2022-jp",
        Some("100") => "iso-8859-1",
        Some("101") => "iso-8859-2",
        Some("109") => "iso-8859-3",
        Some("110") => "iso-8859-4",
        Some("126") => "iso-8859-7",
        Some("127") => "iso-8859-6",
        Some("138") => "iso-8859-8",
        Some("144") => "iso-8859-5",
        Some("148") => "iso-8859-9",
        Some("149") => "euc-kr",
        Some("166") => "tis-620",
        Some("192") => "utf-8",
        Some(_) => return None,
        None => name,
    };
    Some(label.to_owned())
}

const PREAMBLE: usize = 128;
const MARK: &[u8] = b"DICM";
const FILE_GROUP: [u8; 2] = [2, 0];
const TRANSFER_SYNTAX: (u16, u16) = (0x0002, 0x0010);
const CHARSET: (u16, u16) = (0x0008, 0x0005);
const ENCAPSULATED_DOCUMENT: (u16, u16) = (0x0042, 0x0011);
const PIXELS: (u16, u16) = (0x7fe0, 0x0010);
const FLOAT_PIXELS: (u16, u16) = (0x7fe0, 0x0008);
const DOUBLE_PIXELS: (u16, u16) = (0x7fe0, 0x0009);
const DELIMITERS: u16 = 0xfffe;
const ITEM: u16 = 0xe000;
const END_OF_SEQUENCE: u16 = 0xe0dd;
const ITEM_MARK: [u8; 4] = [0xfe, 0xff, 0x00, 0xe0];
const END_MARK: [u8; 8] = [0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0];
/// Kinds whose length has four octets (PS3.5 table 7.1-1).
const LONG: [&[u8]; 13] =
    [b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::document::samples::{opaque, read, texts};

    fn element(tag: (u16, u16), kind: &[u8; 2], value: &[u8]) -> Vec<u8> {
        let mut element = [tag.0.to_le_bytes(), tag.1.to_le_bytes()].concat();
        element.extend(kind);
        let length = u32::try_from(value.len()).unwrap();
        match LONG.contains(&kind.as_slice()) {
            true => element.extend([vec![0; 2], length.to_le_bytes().to_vec()].concat()),
            false => element.extend(u16::try_from(length).unwrap().to_le_bytes()),
        }
        [element, value.to_vec()].concat()
    }

    fn implicit(tag: (u16, u16), value: &[u8]) -> Vec<u8> {
        let length = u32::try_from(value.len()).unwrap().to_le_bytes();
        [&tag.0.to_le_bytes()[..], &tag.1.to_le_bytes(), &length, value].concat()
    }

    fn file(syntax: &[u8], elements: &[Vec<u8>]) -> Vec<u8> {
        let meta = element(TRANSFER_SYNTAX, b"UI", syntax);
        [vec![0; PREAMBLE], MARK.to_vec(), meta, elements.concat()].concat()
    }

    const EXPLICIT: &[u8] = b"1.2.840.10008.1.2.1\0";

    #[test]
    fn who_is_on_a_picture_is_read_and_the_picture_is_told() {
        let patient = [
            element(CHARSET, b"CS", b"ISO_IR 100"),
            element((0x10, 0x10), b"PN", b"EX\xc9MPLE^JANE^^MRS"),
            element((0x10, 0x20), b"LO", b"999 000 0018"),
            element((0x10, 0x30), b"DA", b"19610325"),
            element((0x20, 0x10), b"SH", b"a study "),
            element((0x28, 0x10), b"US", &[0, 2]),
            element(PIXELS, b"OW", &[0; 64]),
        ];
        let extract = read(file(EXPLICIT, &patient));
        let text = "Patient name: MRS JANE EXÉMPLE\nPatient ID: 999 000 0018\n\
                    Date of birth: 1961-03-25\na study\n";
        assert_eq!(texts(&extract), [("2", text)]);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Picture)]);
    }

    #[test]
    fn implicit_files_and_sequences_of_either_length_are_read() {
        let inner = implicit((0x08, 0x104), b"Chest X-ray");
        let open = [&(0x40_u16).to_le_bytes()[..], &[0x75, 2], &[0xff; 4]].concat();
        let item =
            [&ITEM_MARK[..], &[0xff; 4], &inner, &[0xfe, 0xff, 0x0d, 0xe0, 0, 0, 0, 0]].concat();
        let sized = [&ITEM_MARK[..], &[19, 0, 0, 0], &inner].concat();
        let elements = [
            [open, item, END_MARK.to_vec()].concat(),
            implicit((0x40, 0x275), &sized),
            implicit((0x10, 0x20), b"999 000 0018"),
        ];
        let extract = read(file(b"1.2.840.10008.1.2\0", &elements));
        assert_eq!(
            texts(&extract),
            [("2", "Chest X-ray\nChest X-ray\nPatient ID: 999 000 0018\n")]
        );
        assert!(extract.opaque.is_empty());
    }

    #[test]
    fn packed_pictures_are_passed_over_and_what_follows_is_read() {
        let pixels = [
            &[0xe0, 0x7f, 0x10, 0][..],
            b"OB\0\0",
            &[0xff; 4],
            &ITEM_MARK,
            &[0; 4],
            &ITEM_MARK,
            &[4, 0, 0, 0],
            b"\xff\xd8\xff\xd9",
            &END_MARK,
        ]
        .concat();
        let behind = element((0x7fe1, 0x10), b"LO", b"999 000 0018");
        let extract = read(file(b"1.2.840.10008.1.2.4.50", &[pixels, behind]));
        assert_eq!(texts(&extract), [("2", "999 000 0018\n")]);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Picture)]);
    }

    #[test]
    fn a_document_within_is_read() {
        let within = element(ENCAPSULATED_DOCUMENT, b"OB", b"what it says.\0");
        assert_eq!(texts(&read(file(EXPLICIT, &[within]))), [("2/1", "what it says.")]);
    }

    #[test]
    fn a_file_cut_off_is_damaged_and_the_old_order_of_octets_unreadable() {
        let mut cut = file(EXPLICIT, &[element((0x10, 0x20), b"LO", b"999 000 0018")]);
        cut.truncate(cut.len() - 4);
        let extract = read(cut);
        assert_eq!(texts(&extract), [("2", "Patient ID: 999 000\n")]);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Damaged)]);
        let big = file(b"1.2.840.10008.1.2.2\0", &[]);
        assert_eq!(opaque(&read(big)), [("2", OpaqueReason::Unreadable)]);
    }

    #[test]
    fn a_preamble_of_another_format_hides_nothing() {
        for front in [&b"II*\0"[..], b"MZ\0\0", b"%PDF-1.4"] {
            let mut octets = file(EXPLICIT, &[element((0x10, 0x20), b"LO", b"999 000 0018")]);
            octets[..front.len()].copy_from_slice(front);
            assert_eq!(texts(&read(octets))[0].1, "Patient ID: 999 000 0018\n");
        }
    }
}
