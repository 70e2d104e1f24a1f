//! Formats that need a reader, told by their first octets: names and types are
//! only claims.

use super::{
    cms, compressed, extract::Document, gatherer::Gatherer, message, office, ole, pdf, rar, rtf,
    seven_zip, tar, tnef, uuencoded, zip,
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
        let known = FIRST_OCTETS.iter().find(|(magic, _)| octets.starts_with(magic));
        let tar = || tar::is_tar(octets).then_some(Self::Tar);
        let office = || office::is_flat(octets).then_some(Self::OfficeXml);
        let lzma = || compressed::is_lzma(octets).then_some(Self::Lzma);
        known.map(|(_, format)| *format).or_else(tar).or_else(lzma).or_else(office)
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
            Self::Ole => ole::read(document, gatherer),
            Self::Tnef => tnef::read(document, gatherer),
            Self::Cms => cms::read(document, gatherer),
            Self::Message => message::read(document, gatherer),
            Self::Mailbox => message::read_mailbox(document, gatherer),
            Self::Uuencoded => uuencoded::read(document, gatherer),
            Self::Program => seven_zip::read_within(document, gatherer),
            Self::Picture => Err(OpaqueReason::Picture),
            Self::Rar => Err(rar::reason(&document.octets)),
            Self::Pdf => pdf::read(document, gatherer),
            Self::PostScript | Self::Cabinet | Self::Compress | Self::Zstandard | Self::Unknown => {
                Err(OpaqueReason::Unreadable)
            }
        };
        // Programs look for a zip archive at the end, whatever is in front.
        if zip::is_at_end_of(&document.octets) {
            let archive = zip::read(document, gatherer);
            return read.and(archive);
        }
        read
    }
}

const FIRST_OCTETS: [(&[u8], Format); 18] = [
    (b"%PDF-", Format::Pdf),
    (b"%!PS", Format::PostScript),
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
