//! Edits being gathered, in any order, to be made in one pass.

use std::ops::Range;

use super::rewrite::Change;
use crate::content::{Content, Part, PartId};

/// Where among edits at the same place one stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Header,
    /// The empty line that a part lacks.
    Separator,
    Body,
}

/// At which end of what is displayed something is put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Above,
    Below,
}

pub(super) struct Plan<'c> {
    content: &'c Content,
    changes: Vec<(Order, Change)>,
    separated: Vec<PartId>,
}

impl<'c> Plan<'c> {
    pub(super) fn new(content: &'c Content) -> Self {
        Self { content, changes: Vec::new(), separated: Vec::new() }
    }

    pub(super) fn content(&self) -> &'c Content {
        self.content
    }

    pub(super) fn header(&mut self, source: Range<usize>, inserted: impl Into<Vec<u8>>) {
        self.changes.push((Order::Header, Change { source, inserted: inserted.into() }));
    }

    /// Whole fields at the end of a part's header.
    pub(super) fn new_fields(&mut self, part: &Part, fields: &str) {
        let at = part.header.end;
        let line_end = if self.line_is_ended(at) { "" } else { "\r\n" };
        self.header(at..at, format!("{line_end}{fields}"));
    }

    /// Whether what is put at `at`, after what is put there already, starts a
    /// line. A header that the message breaks off may lack its last line end.
    fn line_is_ended(&self, at: usize) -> bool {
        let header = self.changes.iter().filter(|(order, _)| *order == Order::Header);
        let ends_here = header.map(|(_, change)| change).filter(|change| change.source.end == at);
        // What is put in stands behind what is there instead of something.
        let before = ends_here
            .filter(|change| change.source.start < at || !change.inserted.is_empty())
            .max_by_key(|change| change.source.start);
        match before {
            Some(change) if !change.inserted.is_empty() => change.inserted.ends_with(b"\n"),
            // Taken out.
            Some(change) => self.line_is_ended(change.source.start),
            None => {
                let before = self.content.raw().get(..at).unwrap_or_default();
                before.is_empty() || before.ends_with(b"\n")
            }
        }
    }

    /// An edit in the body of a part.
    pub(super) fn body(&mut self, part: &Part, source: Range<usize>, inserted: impl Into<Vec<u8>>) {
        self.separate(part);
        self.changes.push((Order::Body, Change { source, inserted: inserted.into() }));
    }

    /// Gives a part its empty line, if it has none. A body whose first line is
    /// a field to some programs stays where they see it.
    pub(super) fn separate(&mut self, part: &Part) {
        let body = self.content.raw().get(part.body.clone()).unwrap_or_default();
        if !part.separator.is_empty()
            || self.separated.contains(&part.id)
            || is_almost_a_field(body)
        {
            return;
        }
        self.separated.push(part.id);
        let at = part.header.end;
        let inserted = if self.line_is_ended(at) { b"\r\n".to_vec() } else { b"\r\n\r\n".to_vec() };
        self.changes.push((Order::Separator, Change { source: at..at, inserted }));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// In the order of the source; of two edits of one range the first is
    /// made.
    pub(super) fn finish(mut self) -> Vec<Change> {
        // Stable: equals stay in the order in which they were asked for.
        self.changes.sort_by_key(|(order, change)| (change.source.start, *order));
        let mut reached = 0;
        self.changes
            .into_iter()
            .map(|(_, change)| change)
            .filter(|change| {
                let apart = change.source.start >= reached;
                reached = reached.max(change.source.end);
                apart
            })
            .collect()
    }
}

/// A name with octets that none should have, then a colon.
fn is_almost_a_field(body: &[u8]) -> bool {
    let line = body.split(|&octet| octet == b'\n').next().unwrap_or_default();
    let name = memchr::memchr(b':', line).and_then(|colon| line.get(..colon)).unwrap_or_default();
    let name = name.trim_ascii_end();
    !name.is_empty() && name.iter().all(|octet| *octet > b' ')
}
