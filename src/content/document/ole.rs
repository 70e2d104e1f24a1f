//! Compound files (MS-CFB): what stands in one is told by its streams.

use std::io::Cursor;

use super::{
    extract::Document,
    gatherer::{Gatherer, Unfolded},
    office, outlook,
};
use crate::mail::OpaqueReason;

pub(super) type CompoundFile<'a> = cfb::CompoundFile<Cursor<&'a [u8]>>;

pub(super) fn read(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let mut file = cfb::CompoundFile::open(Cursor::new(document.octets.as_ref()))
        .map_err(|_| OpaqueReason::Damaged)?;
    if is_encrypted(&file) {
        return Err(OpaqueReason::Encrypted);
    }
    if file.exists("/__properties_version1.0") {
        return outlook::read(&mut file, &document.path, gatherer);
    }
    let office = office::read_compound(&mut file, &document.path, gatherer);
    office.unwrap_or(Err(OpaqueReason::Unreadable))
}

/// A document under a password (MS-OFFCRYPTO sections 2.3.4 and 2.2): in a
/// stream beside how it was encrypted, or in a storage of data spaces.
pub(super) fn is_encrypted(file: &CompoundFile<'_>) -> bool {
    ["/EncryptedPackage", "/EncryptionInfo", "/\u{6}DataSpaces"]
        .iter()
        .any(|name| file.exists(name))
}

/// All of a stream.
pub(super) fn stream(
    file: &mut CompoundFile<'_>,
    path: &str,
    gatherer: &mut Gatherer,
) -> Result<Vec<u8>, OpaqueReason> {
    let stream = file.open_stream(path).map_err(|_| OpaqueReason::Damaged)?;
    // Streams may share their sectors, so that they are more than the file.
    let Unfolded { octets, fault } = gatherer.unfold(stream);
    gatherer.unfolded(octets.len());
    fault.map_or(Ok(octets), Err)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::content::document::samples::{opaque, read, texts};

    fn compound(streams: &[(&str, &[u8])]) -> Vec<u8> {
        let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
        for (name, octets) in streams {
            let storage = name.rsplit_once('/').unwrap().0;
            if !storage.is_empty() {
                file.create_storage_all(storage).unwrap();
            }
            file.create_stream(name).unwrap().write_all(octets).unwrap();
        }
        file.flush().unwrap();
        file.into_inner().into_inner()
    }

    #[test]
    fn what_stands_in_a_file_of_no_known_kind_does_not_make_it_readable() {
        let within: &[u8] = b"what it says";
        let drawing = [("/VisioDocument", &[0; 9][..]), ("/Objects/1/Package", within)];
        let extract = read(compound(&drawing));
        assert_eq!(texts(&extract), [("2/1", "what it says")]);
        assert_eq!(opaque(&extract), [("2", OpaqueReason::Unreadable)]);
        let with_macros = [("/Quill/CONTENTS", within), ("/VBA/Macros/VBA/Module1", within)];
        assert_eq!(opaque(&read(compound(&with_macros))), [("2", OpaqueReason::Unreadable)]);
        assert_eq!(opaque(&read(compound(&[("/Package", within)]))), []);
    }
}
