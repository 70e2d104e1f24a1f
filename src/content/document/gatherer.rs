//! Collects what readers find, and keeps the limits for all of them.

use std::ops::Range;

use bytes::Bytes;

use super::{
    extract::{Document, Extract, File, ReadDocument},
    limits::Limits,
};
use crate::{
    content::{
        charset,
        leaf::Leaf,
        mailbox,
        reading::{OffsetMap, Reading, ReadingKind},
        sniff::{Looks, looks},
        structured::Expected,
        tree::Content,
    },
    mail::{Opaque, OpaqueReason},
};

/// Handed from reader to reader, down into files within files.
pub(in crate::content) struct Gatherer<'r> {
    extract: Extract,
    /// What is left of each.
    left: Limits,
    /// Who reads documents; this process where nobody does.
    elsewhere: Option<&'r mut dyn ReadDocument>,
}

impl<'r> Gatherer<'r> {
    pub(super) fn new(limits: Limits) -> Self {
        Self { extract: Extract::default(), left: limits, elsewhere: None }
    }

    /// Reads plain files itself, and has documents read by `reader`.
    pub(in crate::content) fn handing_on(limits: Limits, reader: &'r mut dyn ReadDocument) -> Self {
        Self { elsewhere: Some(reader), ..Self::new(limits) }
    }

    pub(in crate::content) fn finish(self) -> Extract {
        self.extract
    }

    /// Reads what needs a reader; what was read before a fault is kept.
    pub(super) fn document(&mut self, document: &Document) {
        if let Some(reader) = &mut self.elsewhere {
            return self.extract.append(reader.read(document));
        }
        let Looks::Container(format) = looks(&document.octets) else {
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
                let (text, _) = charset::read(&octets, None);
                self.html(path, &text);
            }
            Looks::Text => match mailbox::messages(&octets) {
                messages if messages.is_empty() => {
                    let (text, _) = charset::read(&octets, None);
                    self.leaf(path, Leaf::plain(text, Expected::of(None, name)));
                }
                messages => self.messages(path, &octets, &messages),
            },
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

    /// Saved mail.
    fn messages(&mut self, path: &str, octets: &Bytes, messages: &[Range<usize>]) {
        self.deeper(path, |gatherer| {
            for (index, range) in messages.iter().enumerate() {
                let path = match messages {
                    [_] => path.to_owned(),
                    _ => format!("{path}/{}", index + 1),
                };
                let message = Content::parse(octets.slice(range.clone()));
                let limits = gatherer.left;
                let drawn = message.extract_within(gatherer, limits);
                gatherer.keep(drawn.placed_in(&path));
            }
        });
    }

    /// Counts what was drawn out by another against the limit of text.
    fn keep(&mut self, mut drawn: Extract) {
        for reading in std::mem::take(&mut drawn.readings) {
            self.push(&reading.part, reading.kind, reading.text);
        }
        self.extract.append(drawn);
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
impl ReadDocument for Gatherer<'_> {
    fn read(&mut self, document: &Document) -> Extract {
        let outer = std::mem::take(&mut self.extract);
        self.document(document);
        std::mem::replace(&mut self.extract, outer)
    }
}
