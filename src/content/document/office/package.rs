//! Packages: documents that are zips of parts (ECMA-376 part 2, ISO/IEC 26300
//! part 3). Parts are unfolded one at a time, and all of them count.

use std::io::{Cursor, Read};

use bytes::Bytes;
use zip::{ZipArchive, result::ZipError};

use super::{odf, ooxml, xml};
use crate::{
    content::{
        document::{extract::Document, gatherer::Gatherer},
        sniff::{Looks, looks},
    },
    mail::OpaqueReason,
};

/// Reads a zip that has `[Content_Types].xml` or `mimetype` in it; None where
/// no office program could open it.
pub(in crate::content::document) fn read_package(
    document: &Document,
    gatherer: &mut Gatherer,
) -> Option<Result<(), OpaqueReason>> {
    let package = Package::open(document).ok()?;
    Some(package.and_then(|package| read(&document.path, package, gatherer)))
}

fn read(path: &str, mut package: Package, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    let has = |name| package.named(name).is_some();
    let (is_office_open, is_open_document) =
        (has("[Content_Types].xml"), has("content.xml") || has("META-INF/manifest.xml"));
    // One that could be taken for either is read as both.
    if is_office_open || !is_open_document && !has("mimetype") {
        ooxml::read(path, &mut package, gatherer)?;
    }
    if is_open_document || package.named("mimetype").is_some() {
        odf::read(path, &mut package, gatherer)?;
    }
    Ok(())
}

pub(super) struct Package {
    archive: ZipArchive<Cursor<Bytes>>,
    names: Vec<String>,
}

impl Package {
    fn open(document: &Document) -> Result<Result<Self, OpaqueReason>, ZipError> {
        let archive = ZipArchive::new(Cursor::new(document.octets.clone()))?;
        if archive.len() > MAX_PARTS {
            return Ok(Err(OpaqueReason::OverLimit));
        }
        let names = (0..archive.len())
            .map(|index| archive.name_for_index(index).unwrap_or_default())
            .map(|name| name.replace('\\', "/").trim_start_matches('/').to_owned())
            .collect();
        Ok(Ok(Self { archive, names }))
    }

    /// Names of parts, as the zip has them in its order but without the first
    /// slash.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The name as the package writes it: parts' names differ in more than
    /// case (ECMA-376 part 2 section 6.2.2).
    pub(super) fn named(&self, name: &str) -> Option<&str> {
        let mut names = self.names.iter();
        names.find(|known| known.eq_ignore_ascii_case(name)).map(String::as_str)
    }

    /// A part as text.
    pub(super) fn xml(
        &mut self,
        name: &str,
        gatherer: &mut Gatherer,
    ) -> Result<String, OpaqueReason> {
        Ok(xml::decode(&self.part(name, gatherer)?))
    }

    /// The octets of a part, counted.
    pub(super) fn part(
        &mut self,
        name: &str,
        gatherer: &mut Gatherer,
    ) -> Result<Bytes, OpaqueReason> {
        let octets = self.file(name, gatherer)?;
        if !gatherer.unfolded(octets.len()) {
            return Err(OpaqueReason::OverLimit);
        }
        Ok(octets)
    }

    /// The octets of a part that the gatherer will count itself: an octet more
    /// than it takes where there are more.
    pub(super) fn file(&mut self, name: &str, gatherer: &Gatherer) -> Result<Bytes, OpaqueReason> {
        let (octets, damaged) = self.octets(name, gatherer.left().saturating_add(1))?;
        if damaged && octets.is_empty() {
            return Err(OpaqueReason::Damaged);
        }
        Ok(octets.into())
    }

    /// The first octets of a part, which count for nothing.
    pub(super) fn head(&mut self, name: &str) -> Vec<u8> {
        self.octets(name, HEAD).map(|(octets, _)| octets).unwrap_or_default()
    }

    /// Up to `most` octets, and whether the part breaks off before its end.
    fn octets(&mut self, name: &str, most: u64) -> Result<(Vec<u8>, bool), OpaqueReason> {
        let index = self.names.iter().position(|known| known == name);
        let index = index.ok_or(OpaqueReason::Damaged)?;
        let file = self.archive.by_index(index).map_err(|error| match error {
            ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)
            | ZipError::InvalidPassword => OpaqueReason::Encrypted,
            ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => {
                OpaqueReason::Unreadable
            }
            _ => OpaqueReason::Damaged,
        })?;
        let mut octets = Vec::new();
        let damaged = file.take(most).read_to_end(&mut octets).is_err();
        Ok((octets, damaged))
    }
}

/// Whether a part begins as a picture.
pub(super) fn is_picture(head: &[u8]) -> bool {
    looks(head) == Looks::Picture
}

/// Real documents have a few hundred.
const MAX_PARTS: usize = 10_000;
/// Enough for a declaration and the outermost element with its namespaces.
const HEAD: u64 = 4096;
