//! Collects what readers find, and keeps the limits for all of them.

use bytes::Bytes;

use super::{
    extract::{Document, Extract, File, ReadDocument},
    limits::Limits,
};
use crate::{
    content::{
        charset::{self, Charset},
        html,
        reading::{OffsetMap, Reading, ReadingKind},
        sniff::{Looks, looks},
    },
    mail::{Opaque, OpaqueReason},
};

/// Handed from reader to reader, down into files within files.
pub(super) struct Gatherer {
    extract: Extract,
    /// What is left of each.
    left: Limits,
}

impl Gatherer {
    pub(super) fn new(limits: Limits) -> Self {
        Self { extract: Extract::default(), left: limits }
    }

    pub(super) fn finish(self) -> Extract {
        self.extract
    }

    /// Reads what needs a reader; what was read before a fault is kept.
    pub(super) fn document(&mut self, document: &Document) {
        let Looks::Container(format) = looks(&document.octets) else {
            return self.unread(&document.path, OpaqueReason::Damaged);
        };
        let Some(depth) = self.left.depth.checked_sub(1) else {
            return self.unread(&document.path, OpaqueReason::OverLimit);
        };
        let around = std::mem::replace(&mut self.left.depth, depth);
        if let Err(reason) = format.read(document, self) {
            self.unread(&document.path, reason);
        }
        self.left.depth = around;
    }

    /// A file within, by whatever it looks like; its name is read too.
    pub(super) fn file(&mut self, path: &str, name: Option<&str>, octets: Bytes) {
        let Some(files) = self.left.files.checked_sub(1) else {
            return self.unread(path, OpaqueReason::OverLimit);
        };
        self.left.files = files;
        if !self.unfolded(octets.len()) {
            return self.unread(path, OpaqueReason::OverLimit);
        }
        if let Some(name) = name {
            self.push(path, ReadingKind::Header, name.to_owned());
        }
        match looks(&octets) {
            Looks::Empty => {}
            Looks::Picture => self.unread(path, OpaqueReason::Picture),
            Looks::EnvelopedCms => self.unread(path, OpaqueReason::Encrypted),
            Looks::Cms | Looks::Binary => self.unread(path, OpaqueReason::Unreadable),
            Looks::Html => {
                let (text, _) = charset::decode(&octets, Charset::of(&octets, None));
                self.html(path, &text);
            }
            Looks::Text => {
                let (text, _) = charset::decode(&octets, Charset::of(&octets, None));
                self.text(path, text);
            }
            Looks::Container(_) => {
                self.document(&Document { path: path.to_owned(), octets: octets.clone() });
            }
        }
        self.extract.files.push(File { path: path.to_owned(), octets });
    }

    /// Text as it is displayed at a place.
    pub(super) fn text(&mut self, path: &str, text: String) {
        self.push(path, ReadingKind::Extracted, text);
    }

    pub(super) fn html(&mut self, path: &str, text: &str) {
        let read = html::text_of(text);
        for (text, _) in [read.displayed, read.aside] {
            self.push(path, ReadingKind::Extracted, text);
        }
    }

    pub(super) fn unread(&mut self, path: &str, reason: OpaqueReason) {
        let opaque = Opaque { part: path.to_owned(), reason };
        if !self.extract.opaque.contains(&opaque) {
            self.extract.opaque.push(opaque);
        }
    }

    /// Octets that may still be unfolded: what a reader may ask for at most,
    /// and one more shows that there is more.
    pub(super) fn left(&self) -> u64 {
        self.left.octets
    }

    /// Counts octets against the limit; false where they are too many.
    pub(super) fn unfolded(&mut self, octets: usize) -> bool {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        match self.left.octets.checked_sub(octets) {
            Some(left) => self.left.octets = left,
            None => return false,
        }
        true
    }

    fn push(&mut self, path: &str, kind: ReadingKind, text: String) {
        if text.trim().is_empty() {
            return;
        }
        let octets = u64::try_from(text.len()).unwrap_or(u64::MAX);
        let Some(left) = self.left.text.checked_sub(octets) else {
            return self.unread(path, OpaqueReason::OverLimit);
        };
        self.left.text = left;
        let (part, map) = (path.to_owned(), OffsetMap::at(0));
        self.extract.readings.push(Reading { part, kind, text, map });
    }
}

/// For the documents of a message that stands in an archive.
impl ReadDocument for Gatherer {
    fn read(&mut self, document: &Document) -> Extract {
        let outer = std::mem::take(&mut self.extract);
        self.document(document);
        std::mem::replace(&mut self.extract, outer)
    }
}
