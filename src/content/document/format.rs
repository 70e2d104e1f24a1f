//! Formats that need a reader, told by their first octets: names and types are
//! only claims.

use super::{
    cms, compressed, dicom, extract::Document, gatherer::Gatherer, message, office, ole, pdf,
    postscript, rar, rtf, seven_zip, tar, tnef, uuencoded, zip,
};
use crate::{content::uuencode, mail::OpaqueReason};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::content) enum Format {
    Pdf,
    PostScript,
    /// An archive, or a document that is one.
    Zip,
    SevenZip,
    Rar,
    Cabinet,
    Tar,
    Gzip,
    Compress,
    Bzip2,
    Xz,
    Lzma,
    Zstandard,
    /// A document in one file of XML.
    OfficeXml,
    Rtf,
    /// Compound files: doc, xls, ppt, msg, and documents under a password.
    Ole,
    Tnef,
    Dicom,
    /// Signed or compressed: what is encrypted has no reader.
    Cms,
    /// A message, and a mailbox of them.
    Message,
    Mailbox,
    /// Files within a text.
    Uuencoded,
    Program,
    /// A picture, or what nobody knows, with an archive at its end.
    Picture,
    Unknown,
}

impl Format {
    pub(in crate::content) fn of(octets: &[u8]) -> Option<Self> {
        if dicom::is_dicom(octets) {
            return Some(Self::Dicom);
        }
        let known = FIRST_OCTETS.iter().find(|(magic, _)| octets.starts_with(magic));
        let known = known.filter(|(_, format)| *format != Self::Program || is_program(octets));
        let tar = || tar::is_tar(octets).then_some(Self::Tar);
        let office = || office::is_flat(octets).then_some(Self::OfficeXml);
        let lzma = || compressed::is_lzma(octets).then_some(Self::Lzma);
        let pdf = || pdf::is_behind_other_octets(octets).then_some(Self::Pdf);
        known.map(|(_, format)| *format).or_else(pdf).or_else(tar).or_else(lzma).or_else(office)
    }

    /// Told by how its lines begin, which only a text has.
    pub(in crate::content) fn of_text(text: &[u8]) -> Option<Self> {
        if message::is_message(text) {
            Some(Self::Message)
        } else if message::is_mailbox(text) {
            Some(Self::Mailbox)
        } else {
            uuencode::files(text).next().map(|_| Self::Uuencoded)
        }
    }

    /// Whether a text of this format says nothing more when it is read as
    /// text: a message in base64 is not, one with a file in it is.
    pub(in crate::content) fn replaces_text(self) -> bool {
        matches!(self, Self::Message | Self::Mailbox)
    }

    /// Has the format's reader draw out of a document what there is.
    pub(super) fn read(
        self,
        document: &Document,
        gatherer: &mut Gatherer,
    ) -> Result<(), OpaqueReason> {
        let read = match self {
            Self::Zip => return zip::read(document, gatherer),
            Self::OfficeXml => office::read_flat(document, gatherer),
            Self::Rtf => rtf::read(document, gatherer),
            Self::SevenZip => seven_zip::read(document, gatherer),
            Self::Tar => tar::read(document, gatherer),
            Self::Gzip => compressed::gzip(document, gatherer),
            Self::Bzip2 => compressed::bzip2(document, gatherer),
            Self::Xz => compressed::xz(document, gatherer),
            Self::Lzma => compressed::lzma(document, gatherer),
            Self::Zstandard => compressed::zstandard(document, gatherer),
            Self::Ole => ole::read(document, gatherer),
            Self::Tnef => tnef::read(document, gatherer),
            Self::Dicom => dicom::read(document, gatherer),
            Self::Cms => cms::read(document, gatherer),
            Self::Message => message::read(document, gatherer),
            Self::Mailbox => message::read_mailbox(document, gatherer),
            Self::Uuencoded => uuencoded::read(document, gatherer),
            Self::Program => seven_zip::read_within(document, gatherer),
            Self::Picture => Err(OpaqueReason::Picture),
            Self::Rar => Err(rar::reason(&document.octets)),
            Self::Pdf => pdf::read(document, gatherer),
            Self::PostScript => postscript::read(document, gatherer),
            Self::Cabinet | Self::Compress | Self::Unknown => Err(OpaqueReason::Unreadable),
        };
        // Programs look for a zip archive at the end, whatever is in front.
        if zip::is_at_end_of(&document.octets) {
            let archive = zip::read(document, gatherer);
            return read.and(archive);
        }
        read
    }
}

/// A letter may begin with MZ, but has no NUL where a program's header ends.
fn is_program(octets: &[u8]) -> bool {
    memchr::memchr(0, octets.get(..PROGRAM_HEADER.min(octets.len())).unwrap_or_default()).is_some()
}

const PROGRAM_HEADER: usize = 64;
const FIRST_OCTETS: [(&[u8], Format); 20] = [
    (b"%PDF-", Format::Pdf),
    (b"%!PS", Format::PostScript),
    (b"\x04%!PS", Format::PostScript),
    (postscript::PREVIEWED, Format::PostScript),
    (b"PK\x03\x04", Format::Zip),
    (b"PK\x05\x06", Format::Zip),
    (b"PK\x07\x08", Format::Zip),
    (b"7z\xbc\xaf\x27\x1c", Format::SevenZip),
    (b"Rar!\x1a\x07", Format::Rar),
    (b"MSCF", Format::Cabinet),
    (b"\x1f\x8b", Format::Gzip),
    (b"\x1f\x9d", Format::Compress),
    (b"BZh", Format::Bzip2),
    (b"\xfd7zXZ\0", Format::Xz),
    (b"\x28\xb5\x2f\xfd", Format::Zstandard),
    (b"{\\rtf", Format::Rtf),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Format::Ole),
    (b"\x78\x9f\x3e\x22", Format::Tnef),
    (b"MZ", Format::Program),
    (b"\x7fELF", Format::Program),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::document::{Gatherer, limits::Limits};

    /// What is neither text nor known is told, whatever it is: nobody can say
    /// that there is nothing in it.
    #[test]
    fn no_format_is_passed_over_in_silence() {
        let image = [vec![0; 32 << 10], b"\x01CD001\x01\0".to_vec(), vec![0; 4096]].concat();
        let formats: [(&str, &[u8], OpaqueReason); 19] = [
            ("ISO 9660", &image, OpaqueReason::Unreadable),
            ("RAR", b"Rar!\x1a\x07\x01\0abcd\x21\x01", OpaqueReason::Unreadable),
            ("CAB", b"MSCF\0\0\0\0\x2c\0\0\0", OpaqueReason::Unreadable),
            ("ARJ", b"\x60\xea\x28\0\x1e\x06\x01\0\x10\0\x02", OpaqueReason::Unreadable),
            ("LHA", b"\x1d\x9c-lh5-\x20\0\0\0\x33\0\0\0", OpaqueReason::Unreadable),
            ("ACE", b"\x01\x02\x31\0\0\0\x90**ACE**", OpaqueReason::Unreadable),
            ("compress", b"\x1f\x9d\x90\x77\xd0\x84", OpaqueReason::Unreadable),
            ("Access", b"\0\x01\0\0Standard Jet DB\0\x01\0\0\0", OpaqueReason::Unreadable),
            ("OneNote", b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\0", OpaqueReason::Unreadable),
            ("WordPerfect", b"\xffWPC\x10\0\0\0\x01\x0a\0\0", OpaqueReason::Unreadable),
            ("SQLite", b"SQLite format 3\0\x10\0\x01\x01", OpaqueReason::Unreadable),
            ("Outlook store", b"!BDN\x01\x02\x03\x04SM\x17\0", OpaqueReason::Unreadable),
            ("WAV", b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0", OpaqueReason::Unreadable),
            ("MP3", b"ID3\x03\0\0\0\0\0\x21", OpaqueReason::Unreadable),
            ("MP4", b"\0\0\0\x18ftypmp42\0\0\0\0", OpaqueReason::Unreadable),
            ("EMF", &[&[1, 0, 0, 0][..], &[9; 36], b" EMF\0\0"].concat(), OpaqueReason::Picture),
            ("JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n\0", OpaqueReason::Picture),
            ("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0", OpaqueReason::Picture),
            ("nothing known", b"\x01\x02\x03\0\x04", OpaqueReason::Unreadable),
        ];
        for (name, octets, reason) in formats {
            let mut gatherer = Gatherer::new(Limits::default());
            gatherer.file("2/1", None, bytes::Bytes::copy_from_slice(octets));
            let reasons: Vec<_> = gatherer.finish().opaque.iter().map(|o| o.reason).collect();
            assert_eq!(reasons, [reason], "{name}");
        }
    }
}
