//! The text of a Word document: pieces of the file, put together by a table
//! (MS-DOC section 2.4.1).

use std::ops::Range;

use crate::{content::document::octets::Octets, mail::OpaqueReason};

/// All characters, of all stories, as units of UTF-16.
#[derive(Default)]
pub(super) struct Text {
    pub(super) units: Vec<u16>,
    /// Those that a tracked change has deleted, in order.
    pub(super) deleted: Vec<Range<usize>>,
}

impl Text {
    /// Without what is deleted, and how long each story is then; None where
    /// nothing is.
    pub(super) fn after_changes<const STORIES: usize>(
        &self,
        lengths: [usize; STORIES],
    ) -> Option<(Vec<u16>, [usize; STORIES])> {
        self.deleted.first()?;
        let (mut units, mut from) = (Vec::with_capacity(self.units.len()), 0);
        for gone in &self.deleted {
            units.extend_from_slice(self.units.get(from..gone.start).unwrap_or_default());
            from = gone.end;
        }
        units.extend_from_slice(self.units.get(from..).unwrap_or_default());
        let mut end: usize = 0;
        let lengths = lengths.map(|length| {
            let start = end;
            end = end.saturating_add(length);
            let gone = self
                .deleted
                .iter()
                .map(|gone| gone.end.min(end).saturating_sub(gone.start.max(start)));
            length.saturating_sub(gone.sum())
        });
        Some((units, lengths))
    }
}

/// Put together from a document's pieces; `deleted` are places in the file.
pub(super) fn text(
    document: &[u8],
    table: &[u8],
    place: (usize, usize),
    deleted: &[Range<usize>],
) -> Result<Text, OpaqueReason> {
    let (at, length) = place;
    let clx = at.checked_add(length).and_then(|end| table.get(at..end));
    let pieces = clx.and_then(piece_table).ok_or(OpaqueReason::Damaged)?;
    let count = pieces.len().saturating_sub(4) / 12;
    let mut text = Text::default();
    for index in 0..count {
        let piece = piece(pieces, count, index).ok_or(OpaqueReason::Damaged)?;
        // Pieces of a sound file do not overlap.
        if text.units.len() + piece.length > document.len() {
            return Err(OpaqueReason::OverLimit);
        }
        piece.find_deleted(deleted, &mut text);
        piece.read(document, &mut text.units);
    }
    Ok(text)
}

/// Behind property modifiers, which stand in front of the table.
fn piece_table(clx: &[u8]) -> Option<&[u8]> {
    let mut octets = Octets(clx);
    loop {
        match octets.u8()? {
            1 => {
                let length = octets.u16()?;
                octets.take(usize::from(length))?;
            }
            2 => {
                let length = octets.length()?;
                return Some(octets.take_up_to(length));
            }
            _ => return None,
        }
    }
}

struct Piece {
    at: usize,
    /// In characters.
    length: usize,
    width: Width,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Width {
    /// Windows-1252.
    One,
    Two,
}

fn piece(pieces: &[u8], count: usize, index: usize) -> Option<Piece> {
    let start = Octets::from(pieces, index * 4)?.length()?;
    let end = Octets::from(pieces, index * 4 + 4)?.length()?;
    let place = Octets::from(pieces, (count + 1) * 4 + index * 8 + 2)?.u32()?;
    let width = if place & COMPRESSED == 0 { Width::Two } else { Width::One };
    let at = usize::try_from(place & !COMPRESSED).ok()?;
    let at = if width == Width::One { at / 2 } else { at };
    Some(Piece { at, length: end.checked_sub(start)?, width })
}

impl Piece {
    /// The characters of the piece that stand in one of the places.
    fn find_deleted(&self, places: &[Range<usize>], text: &mut Text) {
        let width = if self.width == Width::One { 1 } else { 2 };
        let character = |place: usize| {
            text.units.len() + place.saturating_sub(self.at).div_ceil(width).min(self.length)
        };
        let first = places.partition_point(|place| place.end <= self.at);
        let end = self.at.saturating_add(self.length * width);
        let here = places.iter().skip(first).take_while(|place| place.start < end);
        text.deleted.extend(here.map(|place| character(place.start)..character(place.end)));
    }

    fn read(&self, document: &[u8], text: &mut Vec<u16>) {
        let octets = document.get(self.at..).unwrap_or_default();
        let before = text.len();
        match self.width {
            Width::One => {
                let octets = octets.get(..self.length.min(octets.len())).unwrap_or_default();
                let read = encoding_rs::WINDOWS_1252.decode_without_bom_handling(octets).0;
                text.extend(read.encode_utf16());
            }
            Width::Two => {
                let units = octets.chunks_exact(2).take(self.length);
                text.extend(
                    units.filter_map(|unit| Some(u16::from_le_bytes(unit.try_into().ok()?))),
                );
            }
        }
        // The stories are told apart by counting characters.
        text.resize(before + self.length, 0);
    }
}

const COMPRESSED: u32 = 1 << 30;
