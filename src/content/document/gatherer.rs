//! Collects what readers find, and keeps the limits for all of them.

use std::io::{ErrorKind, Read};

use bytes::Bytes;

use super::{
    extract::{Document, Extract, File, ReadDocument},
    limits::Limits,
};
use crate::{
    content::{
        charset,
        leaf::Leaf,
        look::sealed_text,
        part::within,
        reading::{OffsetMap, Reading, ReadingKind},
        sniff::{Looks, looks},
        structured::Expected,
        tree::Content,
    },
    mail::{Opaque, OpaqueReason},
};

/// Handed from reader to reader, down into files within files.
pub(in crate::content) struct Gatherer {
    extract: Extract,
    /// What is left of each.
    left: Limits,
    /// Documents left to another, where they are not read here.
    left_over: Option<Vec<Document>>,
}

/// What came of packed octets, as far as they went.
pub(super) struct Unfolded {
    pub(super) octets: Vec<u8>,
    /// Why they went no further.
    pub(super) fault: Option<OpaqueReason>,
}

impl Gatherer {
    pub(super) fn new(limits: Limits) -> Self {
        Self { extract: Extract::default(), left: limits, left_over: None }
    }

    /// Reads plain files and leaves documents to somebody else.
    pub(in crate::content) fn of_plain_files(limits: Limits) -> Self {
        Self { left_over: Some(Vec::new()), ..Self::new(limits) }
    }

    pub(super) fn finish(self) -> Extract {
        self.extract
    }

    /// With the documents that are left to read.
    pub(in crate::content) fn finish_plain(self) -> (Extract, Vec<Document>) {
        (self.extract, self.left_over.unwrap_or_default())
    }

    /// Reads what needs a reader; what was read before a fault is kept.
    pub(super) fn document(&mut self, document: &Document) {
        if let Some(left_over) = &mut self.left_over {
            return left_over.push(document.clone());
        }
        let (Looks::Container(format) | Looks::TextHolding(format)) = looks(&document.octets)
        else {
            return self.unread(&document.path, OpaqueReason::Damaged);
        };
        self.deeper(&document.path, |gatherer| {
            if let Err(reason) = format.read(document, gatherer) {
                gatherer.unread(&document.path, reason);
            }
        });
    }

    /// A file within, by whatever it looks like; its name is read too.
    pub(in crate::content) fn file(&mut self, path: &str, name: Option<&str>, octets: Bytes) {
        if !self.entry(path, name) {
            return;
        }
        if !self.unfolded(octets.len()) {
            return self.unread(path, OpaqueReason::OverLimit);
        }
        match looks(&octets) {
            Looks::Empty => {}
            Looks::Picture => self.unread(path, OpaqueReason::Picture),
            Looks::Encrypted => self.unread(path, OpaqueReason::Encrypted),
            Looks::Binary => self.unread(path, OpaqueReason::Unreadable),
            Looks::Html => self.octets_of_html(path, &octets),
            Looks::Drawing => {
                self.octets_of_html(path, &octets);
                self.unread(path, OpaqueReason::Picture);
            }
            Looks::Text => self.octets_of_text(path, name, &octets),
            Looks::TextHolding(format) => {
                if !format.replaces_text() {
                    self.octets_of_text(path, name, &octets);
                }
                self.document(&Document { path: path.to_owned(), octets: octets.clone() });
            }
            Looks::Container(_) => {
                self.document(&Document { path: path.to_owned(), octets: octets.clone() });
            }
        }
        self.extract.files.push(File { path: path.to_owned(), octets });
    }

    /// Counts something that stands in an archive, readable or not, and reads
    /// its name. False where there are too many.
    pub(super) fn entry(&mut self, path: &str, name: Option<&str>) -> bool {
        let Some(files) = self.left.files.checked_sub(1) else {
            self.unread(path, OpaqueReason::OverLimit);
            return false;
        };
        self.left.files = files;
        if let Some(name) = name {
            self.push(path, ReadingKind::Header, name.to_owned());
        }
        true
    }

    /// A message within (RFC 5322), with all its parts: it goes on in the path
    /// as one that stands in a part does.
    pub(super) fn message(&mut self, path: &str, octets: &Bytes) {
        let (before, limits) = (self.left.octets, self.left);
        let message = Content::parse(octets.clone());
        let mut drawn = message.extract_within(self, limits).placed_in(path);
        for reading in std::mem::take(&mut drawn.readings) {
            self.push(&reading.part, reading.kind, reading.text);
        }
        // Its own parts are new here; what came of its documents is counted.
        let files = drawn.files.iter().map(|file| file.octets.len()).sum::<usize>();
        let counted = usize::try_from(before - self.left.octets).unwrap_or(usize::MAX);
        if !self.unfolded(files.saturating_sub(counted)) {
            self.unread(path, OpaqueReason::OverLimit);
            drawn.files.clear();
        }
        self.extract.append(drawn);
    }

    /// The header of a message whose body stands elsewhere.
    pub(super) fn message_header(&mut self, path: &str, octets: Vec<u8>) {
        let readings = Content::parse(Bytes::from(octets)).readings().into_iter();
        for reading in readings.filter(|reading| reading.kind == ReadingKind::Header) {
            self.push(&within(path, &reading.part), reading.kind, reading.text);
        }
    }

    /// Reads packed octets as far as they go and the limit lets them. What is
    /// over the limit has cost its time, so that nothing is left for others:
    /// a thousand bombs take no longer than one.
    pub(super) fn unfold(&mut self, from: impl Read) -> Unfolded {
        let mut octets = Vec::new();
        let read = from.take(self.left().saturating_add(1)).read_to_end(&mut octets);
        if u64::try_from(octets.len()).unwrap_or(u64::MAX) > self.left() {
            self.left.octets = 0;
            return Unfolded { octets: Vec::new(), fault: Some(OpaqueReason::OverLimit) };
        }
        let fault = read.err().map(|error| match error.kind() {
            ErrorKind::OutOfMemory => OpaqueReason::OverLimit,
            ErrorKind::Unsupported => OpaqueReason::Unreadable,
            _ => OpaqueReason::Damaged,
        });
        Unfolded { octets, fault }
    }

    /// Nothing more will be taken: a reader that goes on only wastes time.
    pub(super) fn is_full(&self) -> bool {
        self.left.octets == 0 || self.left.files == 0
    }

    fn octets_of_html(&mut self, path: &str, octets: &[u8]) {
        let (text, _) = charset::read(octets, None);
        self.html(path, &text);
    }

    fn octets_of_text(&mut self, path: &str, name: Option<&str>, octets: &[u8]) {
        let (text, _) = charset::read(octets, None);
        self.leaf(path, Leaf::plain(text, Expected::of(None, name)));
        if let Some(reason) = sealed_text(octets) {
            self.unread(path, reason);
        }
    }

    /// Text as it is displayed at a place.
    pub(super) fn text(&mut self, path: &str, text: String) {
        self.push(path, ReadingKind::Extracted, text);
    }

    pub(super) fn html(&mut self, path: &str, text: &str) {
        self.leaf(path, Leaf::html(text));
    }

    fn leaf(&mut self, path: &str, leaf: Leaf) {
        for (text, _) in leaf.texts {
            self.text(path, text);
        }
        if leaf.embedded.is_empty() {
            return;
        }
        self.deeper(path, |gatherer| {
            for (index, octets) in leaf.embedded.into_iter().enumerate() {
                gatherer.file(&format!("{path}/{}", index + 1), None, octets);
            }
        });
    }

    /// Does something one file further within.
    fn deeper(&mut self, path: &str, then: impl FnOnce(&mut Self)) {
        let Some(depth) = self.left.depth.checked_sub(1) else {
            return self.unread(path, OpaqueReason::OverLimit);
        };
        let around = std::mem::replace(&mut self.left.depth, depth);
        then(self);
        self.left.depth = around;
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
