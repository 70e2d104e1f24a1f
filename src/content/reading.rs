//! Readings: text as a person would see it, with the way back to the source.

use std::ops::Range;

/// The decoded text of one part, or of one header field.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// `header:Subject`, or the part's path (`1.2`).
    pub part: String,
    pub kind: ReadingKind,
    pub text: String,
    /// From octets of `text` to octets of the raw message.
    pub map: OffsetMap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingKind {
    Header,
    Plain,
    Html,
    /// Text drawn out of an attachment.
    Extracted,
}

/// Runs of text that stand in the source in the same order: pairs of (offset
/// in the text, offset in the source), both growing; the last run is open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetMap(Vec<(usize, usize)>);

impl OffsetMap {
    /// Says that the text from `text` on was read at `source`.
    pub fn push(&mut self, text: usize, source: usize) {
        self.0.push((text, source));
    }

    /// Where in the source the text's octet at `text` was read.
    pub fn source(&self, text: usize) -> usize {
        let next = self.0.partition_point(|&(start, _)| start <= text);
        let Some(&(text_start, source_start)) = next.checked_sub(1).and_then(|run| self.0.get(run))
        else {
            return 0;
        };
        let straight = source_start + (text - text_start);
        match self.0.get(next) {
            Some(&(_, limit)) => straight.min(limit),
            None => straight,
        }
    }
}

impl Reading {
    /// The line of an octet of the text, counted from 1.
    pub fn line(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or(self.text.as_bytes());
        1 + memchr::memchr_iter(b'\n', before).count()
    }

    pub fn source(&self, text: Range<usize>) -> Range<usize> {
        self.map.source(text.start)..self.map.source(text.end)
    }
}
