//! A message opened as far as it can be without reading documents: what is
//! left is for whoever reads them where they can do no harm.

use super::document::{Document, Extract, ReadDocument};

/// What was read, and what was not yet.
pub struct Opened {
    pub(super) extract: Extract,
    /// Each with its place in the message.
    pub(super) documents: Vec<(Document, usize)>,
}

impl Opened {
    /// Whether a reader will be asked for anything.
    pub fn has_documents(&self) -> bool {
        !self.documents.is_empty()
    }

    /// With all that stands in the documents.
    pub fn read(self, reader: &mut dyn ReadDocument) -> Extract {
        let Self { mut extract, documents } = self;
        for (document, place) in documents {
            extract.append(reader.read(&document).found_at(place));
        }
        extract
    }
}
