//! The text that is made of a structured one: labelled lines, with the way
//! back to the source.

use std::borrow::Cow;

use bytes::Bytes;

use crate::content::{
    html,
    reading::{OffsetMap, Rate},
    transfer,
};

/// A structured text as a person would read it.
#[derive(Debug)]
pub(in crate::content) struct Rendered {
    pub(in crate::content) text: String,
    /// From the text to the source.
    pub(in crate::content) map: OffsetMap,
    /// Documents that stand in it in base64 or the like, decoded.
    pub(in crate::content) embedded: Vec<Bytes>,
    pub(in crate::content) original: Original,
}

/// Whether the source says more than what was made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::content) enum Original {
    Replaced,
    /// The format was not kept to, or not known well enough.
    Kept,
}

/// Builds the lines, as many as the source has room for.
pub(super) struct Lines<'s> {
    source: &'s str,
    text: String,
    map: OffsetMap,
    embedded: Vec<Bytes>,
    original: Original,
    room: usize,
}

impl<'s> Lines<'s> {
    pub(super) fn of(source: &'s str) -> Self {
        Self {
            source,
            text: String::with_capacity(source.len()),
            map: OffsetMap::default(),
            embedded: Vec::new(),
            original: Original::Replaced,
            room: room_for(source.len()),
        }
    }

    /// `label: value` on a line; nothing where there is no value. The value
    /// stands in the source at `at`.
    pub(super) fn labelled(&mut self, label: &str, value: &str, at: usize) {
        let value = value.trim();
        if value.is_empty() || !self.has_room(label.len() + value.len() + 4) {
            return;
        }
        if !label.is_empty() {
            self.map.push_at(self.text.len(), at, Rate::Still);
            self.text.push_str(label);
            self.text.push_str(": ");
        }
        self.value(value, at);
        self.end_line();
    }

    /// A line, or lines, without a label.
    pub(super) fn plain(&mut self, text: &str, at: usize) {
        if text.trim().is_empty() || !self.has_room(text.len() + 1) {
            return;
        }
        self.value(text, at);
        self.end_line();
    }

    /// Cells of a row, apart by tabs: what each says, and how it stands in the
    /// source.
    pub(super) fn row<'c>(&mut self, cells: impl Iterator<Item = (Cow<'c, str>, &'c str)>) {
        for (index, (cell, raw)) in cells.enumerate() {
            if !self.has_room(cell.len() + 1) {
                break;
            }
            if index > 0 {
                self.text.push('\t');
            }
            if !cell.is_empty() {
                // What is made of several cells stands nowhere itself.
                let at = match raw {
                    "" => self.map.source(self.text.len()).min(self.source.len()),
                    raw => self.place(raw),
                };
                match raw.find(cell.as_ref()).filter(|_| !raw.is_empty()) {
                    Some(within) => self.map.push(self.text.len(), at + within),
                    None => self.map.push_at(self.text.len(), at, Rate::Still),
                }
                self.text.push_str(&cell);
            }
        }
        self.text.push('\n');
    }

    /// The text of markup within, as displayed.
    pub(super) fn markup(&mut self, markup: &str, at: usize) {
        let read = html::text_of(markup);
        self.embedded.extend(read.embedded);
        for (text, _) in [read.displayed, read.aside] {
            if !text.trim().is_empty() && self.has_room(text.len() + 1) {
                self.map.push_at(self.text.len(), at, Rate::Still);
                self.text.push_str(text.trim_matches('\n'));
                self.end_line();
            }
        }
    }

    /// Parts what follows from what stands before.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    pub(super) fn document(&mut self, octets: Vec<u8>) {
        if !octets.is_empty() {
            self.embedded.push(octets.into());
        }
    }

    /// Takes a document that stands in base64; false where it is none.
    pub(super) fn base64(&mut self, text: &str) -> bool {
        let decoded = transfer::base64(text.as_bytes());
        let is_whole = !decoded.damaged && decoded.octets.len() >= LEAST_DOCUMENT;
        if is_whole {
            self.document(decoded.octets);
        }
        is_whole
    }

    /// The source says more than these lines.
    pub(super) fn keep_original(&mut self) {
        self.original = Original::Kept;
    }

    /// Where in the source a piece of it stands.
    pub(super) fn place(&self, piece: &str) -> usize {
        place(self.source, piece)
    }

    pub(super) fn finish(mut self) -> Rendered {
        self.map.push(self.text.len(), self.source.len());
        Rendered {
            text: self.text,
            map: self.map,
            embedded: self.embedded,
            original: self.original,
        }
    }

    fn value(&mut self, value: &str, at: usize) {
        self.map.push(self.text.len(), at);
        if value.contains('\r') {
            self.text.push_str(&value.replace("\r\n", "\n").replace('\r', "\n"));
        } else {
            self.text.push_str(value);
        }
    }

    fn end_line(&mut self) {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
    }

    fn has_room(&mut self, octets: usize) -> bool {
        match self.room.checked_sub(octets) {
            Some(left) => self.room = left,
            None => {
                self.keep_original();
                return false;
            }
        }
        true
    }
}

/// Where in a source a piece of it stands; 0 for what is no piece of it.
pub(super) fn place(source: &str, piece: &str) -> usize {
    piece
        .as_ptr()
        .addr()
        .checked_sub(source.as_ptr().addr())
        .filter(|at| at + piece.len() <= source.len())
        .unwrap_or(0)
}

fn room_for(source: usize) -> usize {
    let grown = source.saturating_mul(MOST_GROWTH);
    grown.min(source.saturating_add(MOST_ADDED)).saturating_add(LEAST_ROOM)
}

/// Labels are longer than delimiters: how much longer than its source a text
/// may become before its original is read instead (law 7).
const MOST_GROWTH: usize = 4;
const MOST_ADDED: usize = 16 << 20;
const LEAST_ROOM: usize = 4096;
/// Words can look like base64.
const LEAST_DOCUMENT: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_large_may_not_grow_as_what_is_small() {
        assert_eq!(room_for(1000), 4000 + LEAST_ROOM);
        assert_eq!(room_for(50 << 20), (66 << 20) + LEAST_ROOM);
    }

    #[test]
    fn a_value_leads_back_to_where_it_stands() {
        let source = "x|999 000 0018|y";
        let mut lines = Lines::of(source);
        lines.labelled("NHS number", "999 000 0018", 2);
        lines.labelled("Empty", "  ", 14);
        let rendered = lines.finish();
        assert_eq!(rendered.text, "NHS number: 999 000 0018\n");
        let at = rendered.text.find("000").unwrap();
        assert_eq!(rendered.map.source(at), source.find("000").unwrap());
    }

    #[test]
    fn lines_beyond_all_proportion_are_not_made_and_the_original_is_kept() {
        let mut lines = Lines::of("short");
        for _ in 0..1000 {
            lines.labelled("a label that is rather long", "value", 0);
        }
        let rendered = lines.finish();
        assert!(rendered.text.len() < 5000);
        assert_eq!(rendered.original, Original::Kept);
    }
}
