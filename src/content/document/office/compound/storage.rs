//! The storages of a compound file: the document, and those embedded in it.

use super::{biff, doc, macros, ppt, property_sets};
use crate::{
    content::document::{
        embedded,
        gatherer::Gatherer,
        ole::{self, CompoundFile},
    },
    mail::OpaqueReason,
};

/// Reads every office document in a compound file; None where it is none
/// itself, whatever stands in it.
pub(in crate::content::document) fn read(
    file: &mut CompoundFile<'_>,
    path: &str,
    gatherer: &mut Gatherer,
) -> Option<Result<(), OpaqueReason>> {
    let streams: Vec<(String, String)> = file
        .walk()
        .filter(cfb::Entry::is_stream)
        .take(MAX_STREAMS)
        .filter_map(|entry| {
            let whole = entry.path().to_str()?.to_owned();
            let (storage, name) = whole.rsplit_once('/')?;
            Some((storage.to_owned(), name.to_owned()))
        })
        .collect();
    let mut reading = Reading { file, path, gatherer, number: 0, found: false, trouble: None };
    for (storage, name) in &streams {
        reading.stream(storage, name);
    }
    reading.found.then(|| reading.trouble.map_or(Ok(()), Err))
}

struct Reading<'a, 'f> {
    file: &'a mut CompoundFile<'f>,
    path: &'a str,
    gatherer: &'a mut Gatherer,
    /// Of the next document or file within.
    number: usize,
    /// What the file itself is has a reader.
    found: bool,
    trouble: Option<OpaqueReason>,
}

impl Reading<'_, '_> {
    fn stream(&mut self, storage: &str, name: &str) {
        let stream = format!("{storage}/{name}");
        let read = match name {
            "WordDocument" => {
                let path = self.place(storage);
                doc::read(self.file, storage, &path, self.gatherer)
            }
            "Workbook" | "Book" => {
                let path = self.place(storage);
                biff::read(self.file, &stream, &path, self.gatherer)
            }
            // The copy that pivot tables keep of their sources.
            _ if storage.ends_with("/_SX_DB_CUR") => {
                let path = format!("{}:pivot {name}", self.path);
                biff::read_pivot(self.file, &stream, &path, self.gatherer)
            }
            "PowerPoint Document" => {
                let path = self.place(storage);
                ppt::read(self.file, storage, &path, self.gatherer)
            }
            _ if storage.ends_with("/VBA") => self.macros(storage, &stream),
            "\u{5}SummaryInformation" | "\u{5}DocumentSummaryInformation" => {
                self.properties(&stream)
            }
            "Package" | "CONTENTS" | "EmbeddedOdf" | "\u{1}Ole10Native" => {
                self.embedded(storage, &stream, name)
            }
            _ => return,
        };
        if let Err(reason) = read {
            self.trouble.get_or_insert(reason);
        }
    }

    /// The outermost document has the path of the file, others one within.
    fn place(&mut self, storage: &str) -> String {
        if storage.is_empty() {
            self.found = true;
            return self.path.to_owned();
        }
        self.place_within()
    }

    fn place_within(&mut self) -> String {
        self.number += 1;
        format!("{}/{}", self.path, self.number)
    }

    fn properties(&mut self, stream: &str) -> Result<(), OpaqueReason> {
        let octets = ole::stream(self.file, stream, self.gatherer)?;
        let text = property_sets::text(&octets);
        self.gatherer.text(&format!("{}:properties", self.path), text);
        Ok(())
    }

    /// A module, or what is compiled of all of them. They stand by themselves
    /// in a file within a document of today.
    fn macros(&mut self, storage: &str, stream: &str) -> Result<(), OpaqueReason> {
        self.found |= storage == "/VBA";
        let octets = ole::stream(self.file, stream, self.gatherer)?;
        if let Some(source) = macros::source(&octets, self.gatherer.left()) {
            self.gatherer.text(&format!("{}:macros", self.path), source);
        }
        Ok(())
    }

    /// A file as it is, or as the packager wraps it behind its length.
    fn embedded(&mut self, storage: &str, stream: &str, name: &str) -> Result<(), OpaqueReason> {
        self.found |= storage.is_empty();
        let octets = ole::stream(self.file, stream, self.gatherer)?;
        let wrapped = octets.get(4..).filter(|_| name.ends_with("Ole10Native"));
        let (name, octets) = match wrapped.map(|native| (embedded::packaged(native), native)) {
            Some((Some((name, octets)), _)) => (Some(name), octets),
            Some((None, native)) => (None, native),
            None => (None, octets.as_slice()),
        };
        let path = self.place_within();
        let octets = bytes::Bytes::copy_from_slice(octets);
        self.gatherer.file(&path, name.as_deref(), octets);
        Ok(())
    }
}

const MAX_STREAMS: usize = 10_000;
