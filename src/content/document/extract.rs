//! What is drawn out of a document, and who draws.

use bytes::Bytes;

use super::{gatherer::Gatherer, limits::Limits};
use crate::{
    content::{
        part,
        reading::{OffsetMap, Reading},
    },
    mail::{Opaque, OpaqueReason},
};

/// A part, or a file within one, that needs a reader of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// As in [`Reading::part`].
    pub path: String,
    pub octets: Bytes,
}

/// What could be drawn out, and what could not.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Extract {
    /// Their places are the document's path and what follows it: `2/1` for the
    /// first file within part 2, `2/1:notes` for a place in that. Files go by
    /// numbers, since their names may be patients'.
    pub readings: Vec<Reading>,
    pub opaque: Vec<Opaque>,
    /// Files, unfolded, for rules that look at octets.
    pub files: Vec<File>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// As in [`Reading::part`].
    pub path: String,
    pub octets: Bytes,
}

/// Reads documents, somewhere. Never fails: what goes wrong makes the document
/// opaque.
pub trait ReadDocument {
    fn read(&mut self, document: &Document) -> Extract;
}

/// Reads in the process that asks: for one that is confined already, and for
/// messages of our own.
#[derive(Clone, Copy, Debug, Default)]
pub struct InPlace(pub Limits);

impl ReadDocument for InPlace {
    fn read(&mut self, document: &Document) -> Extract {
        let mut gatherer = Gatherer::new(self.0.for_part_of(document.octets.len()));
        gatherer.document(document);
        gatherer.finish()
    }
}

impl Extract {
    pub fn append(&mut self, mut other: Extract) {
        self.readings.append(&mut other.readings);
        self.opaque.append(&mut other.opaque);
        self.files.append(&mut other.files);
    }

    /// All of it comes from one place in the message, where it stands in no
    /// order.
    #[must_use]
    pub(in crate::content) fn found_at(mut self, source: usize) -> Self {
        let map = OffsetMap::at(source);
        self.readings.iter_mut().for_each(|reading| reading.map = map.clone());
        self
    }

    /// The same of a message that stands at `path` in another.
    #[must_use]
    pub(in crate::content) fn placed_in(mut self, path: &str) -> Self {
        let inner = self.readings.iter_mut().map(|reading| &mut reading.part);
        let inner = inner.chain(self.opaque.iter_mut().map(|opaque| &mut opaque.part));
        for place in inner.chain(self.files.iter_mut().map(|file| &mut file.path)) {
            *place = part::within(path, place);
        }
        self
    }

    /// Nothing could be drawn out of a document, for a reason.
    pub fn unread(document: &Document, reason: OpaqueReason) -> Self {
        let opaque = vec![Opaque { part: document.path.clone(), reason }];
        Self { opaque, ..Self::default() }
    }
}
