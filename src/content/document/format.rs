//! Formats that need a reader, told by their first octets: names and types are
//! only claims.

use super::{extract::Document, gatherer::Gatherer, pdf};
use crate::mail::OpaqueReason;

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
    Zstandard,
    Rtf,
    /// Compound files: doc, xls, ppt, msg, and documents under a password.
    Ole,
    Tnef,
    Program,
}

impl Format {
    pub(in crate::content) fn of(octets: &[u8]) -> Option<Self> {
        let known = FIRST_OCTETS.iter().find(|(magic, _)| octets.starts_with(magic));
        let tar = || (octets.get(257..262) == Some(b"ustar")).then_some(Self::Tar);
        known.map(|(_, format)| *format).or_else(tar)
    }

    /// Has the format's reader draw out of a document what there is.
    pub(super) fn read(
        self,
        document: &Document,
        gatherer: &mut Gatherer,
    ) -> Result<(), OpaqueReason> {
        match self {
            Self::Pdf => pdf::read(document, gatherer),
            Self::PostScript | Self::Rar | Self::Cabinet | Self::Compress | Self::Program => {
                Err(OpaqueReason::Unreadable)
            }
            _ => Err(OpaqueReason::Unreadable),
        }
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
