//! The text of a Word document: pieces of the file, put together by a table
//! (MS-DOC section 2.4.1).

use crate::{content::document::octets::Octets, mail::OpaqueReason};

/// All characters, of all stories, as units of UTF-16.
pub(super) fn text(
    document: &[u8],
    table: &[u8],
    at: usize,
    length: usize,
) -> Result<Vec<u16>, OpaqueReason> {
    let clx = at.checked_add(length).and_then(|end| table.get(at..end));
    let pieces = clx.and_then(piece_table).ok_or(OpaqueReason::Damaged)?;
    let count = pieces.len().saturating_sub(4) / 12;
    let mut text = Vec::new();
    for index in 0..count {
        let piece = piece(pieces, count, index).ok_or(OpaqueReason::Damaged)?;
        // Pieces of a sound file do not overlap.
        if text.len() + piece.length > document.len() {
            return Err(OpaqueReason::OverLimit);
        }
        piece.read(document, &mut text);
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
