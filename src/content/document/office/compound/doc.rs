//! Word 97 to 2003 (MS-DOC): body, headers, footnotes, comments, endnotes and
//! text boxes, which follow each other in one text.

use super::{
    changes,
    pieces::{self, Text},
};
use crate::{
    content::document::{
        gatherer::Gatherer,
        octets::Octets,
        ole::{self, CompoundFile},
    },
    mail::OpaqueReason,
};

pub(super) fn read(
    file: &mut CompoundFile<'_>,
    storage: &str,
    path: &str,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let document = ole::stream(file, &format!("{storage}/WordDocument"), gatherer)?;
    let header = Header::read(&document).ok_or(OpaqueReason::Damaged)?;
    if header.flags & ENCRYPTED != 0 {
        return Err(OpaqueReason::Encrypted);
    }
    let text = if header.version < WORD_97 {
        let octets = document.get(header.old_text.clone()).unwrap_or_default();
        let units = encoding_rs::WINDOWS_1252.decode(octets).0.encode_utf16().collect();
        Text { units, deleted: Vec::new() }
    } else {
        let table = if header.flags & SECOND_TABLE != 0 { "1Table" } else { "0Table" };
        let table = ole::stream(file, &format!("{storage}/{table}"), gatherer)?;
        let (at, length) = header.character_properties;
        let deleted = changes::deleted(&document, &table, at, length);
        pieces::text(&document, &table, header.piece_table, &deleted)?
    };
    let mut stories = stories(&text.units, header.lengths);
    if let Some((units, lengths)) = text.after_changes(header.lengths) {
        gatherer.text(&format!("{path}:before changes"), in_order(&stories));
        stories = self::stories(&units, lengths);
    }
    gatherer.text(path, in_order(&stories));
    let aside: String = stories.iter().map(|story| story.codes.as_str()).collect();
    gatherer.text(&format!("{path}:aside"), aside);
    if stories.iter().any(|story| story.has_picture) {
        gatherer.unread(path, OpaqueReason::Picture);
    }
    let comments = stories.into_iter().nth(COMMENTS).map(|story| story.text);
    gatherer.text(&format!("{path}:comments"), comments.unwrap_or_default());
    Ok(())
}

fn stories(text: &[u16], lengths: [usize; STORIES]) -> [Layout; STORIES] {
    let mut rest = text;
    let mut stories = lengths.map(|length| {
        let (story, behind) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        rest = behind;
        Layout::of(story)
    });
    // What no length counts is read with the body.
    stories[BODY].text.push_str(&Layout::of(rest).text);
    stories
}

fn in_order(stories: &[Layout]) -> String {
    IN_ORDER.iter().filter_map(|&story| stories.get(story)).map(|s| s.text.as_str()).collect()
}

/// What is needed of the file information block (section 2.5).
struct Header {
    version: u16,
    flags: u16,
    /// Where Word 6 and 95 have their text.
    old_text: std::ops::Range<usize>,
    /// Characters of each story.
    lengths: [usize; STORIES],
    piece_table: (usize, usize),
    /// The pages with the properties of characters.
    character_properties: (usize, usize),
}

impl Header {
    fn read(document: &[u8]) -> Option<Self> {
        let short = |at| Octets::from(document, at)?.u16();
        let long = |at| Octets::from(document, at)?.length();
        let version = short(2)?;
        let old_text = long(0x18)?..long(0x1c)?;
        let mut lengths = [0; STORIES];
        if version >= WORD_97 {
            for (index, length) in lengths.iter_mut().enumerate() {
                *length = long(0x4c + index * 4)?;
            }
        }
        let (piece_table, character_properties) = match version {
            ..WORD_97 => ((0, 0), (0, 0)),
            _ => ((long(0x1a2)?, long(0x1a6)?), (long(0xfa)?, long(0xfe)?)),
        };
        let flags = short(0x0a)?;
        Some(Self { version, flags, old_text, lengths, piece_table, character_properties })
    }
}

/// A story with its marks (section 2.4.1) turned into lines and columns.
#[derive(Default)]
struct Layout {
    text: String,
    /// Codes of fields, a line each.
    codes: String,
    has_picture: bool,
    row: String,
    cell: String,
    cells: usize,
    /// Of the row before, while rows follow each other.
    columns: Option<usize>,
    /// Fields whose codes are being read.
    coded: usize,
    fields: Vec<Field>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Code,
    Result,
}

impl Layout {
    fn of(story: &[u16]) -> Self {
        let mut layout = Self::default();
        for character in char::decode_utf16(story.iter().copied()) {
            layout.take(character.unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        layout.end_row();
        let rest = std::mem::take(&mut layout.cell);
        layout.text.push_str(&rest);
        if !layout.text.is_empty() && !layout.text.ends_with('\n') {
            layout.text.push('\n');
        }
        layout
    }

    fn take(&mut self, character: char) {
        match character {
            '\u{13}' if self.fields.len() < MAX_FIELDS => {
                self.fields.push(Field::Code);
                self.coded += 1;
            }
            '\u{14}' | '\u{15}' => self.end_of_code(character),
            _ if self.coded > 0 => {
                if character >= ' ' {
                    self.codes.push(character);
                }
            }
            '\u{07}' => self.mark(),
            '\r' => self.end_paragraph(),
            '\u{0b}' | '\u{0c}' | '\u{0e}' => self.cell.push('\n'),
            '\t' => self.cell.push('\t'),
            '\u{1e}' => self.cell.push('-'),
            '\u{01}' => self.has_picture = true,
            // Numbers of notes, anchors, hyphens that do not show.
            '\0'..='\u{1f}' => {}
            '\u{f020}'..='\u{f07e}' => {
                self.cell.extend(char::from_u32(u32::from(character) - 0xf000));
            }
            _ => self.cell.push(character),
        }
    }

    fn end_of_code(&mut self, mark: char) {
        let field = if mark == '\u{15}' { self.fields.pop() } else { self.fields.last().copied() };
        if field == Some(Field::Code) {
            self.coded -= 1;
            self.codes.push('\n');
        }
        if let Some(last) = self.fields.last_mut().filter(|_| mark == '\u{14}') {
            *last = Field::Result;
        }
    }

    fn end_paragraph(&mut self) {
        if self.row.is_empty() {
            self.text.push_str(&std::mem::take(&mut self.cell));
            self.text.push('\n');
            self.columns = None;
        } else {
            // A paragraph within a cell, as far as can be told here.
            self.cell.push('\n');
        }
    }

    /// The end of a cell, and behind the last cell that of the row: the same
    /// mark, told by the row being as long as the one before it.
    fn mark(&mut self) {
        let is_full = self.columns.is_none_or(|columns| self.cells >= columns);
        if self.cell.is_empty() && self.cells > 0 && is_full {
            self.columns = Some(self.cells);
            return self.end_row();
        }
        let cell = std::mem::take(&mut self.cell);
        let cell = cell.trim();
        let short = cell.len() <= SHORT_CELL;
        let apart = |c: char| c == '\t' || short && c == '\n';
        self.row.push_str(&cell.replace(apart, " "));
        self.row.push('\t');
        self.cells += 1;
    }

    fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        if self.cells > 0 {
            self.text.push_str(row.strip_suffix('\t').unwrap_or(&row));
            self.text.push('\n');
        }
        self.cells = 0;
    }
}

const WORD_97: u16 = 0xc1;
const ENCRYPTED: u16 = 0x0100;
const SECOND_TABLE: u16 = 0x0200;
/// Body, footnotes, headers, macros, comments, endnotes, text boxes, and
/// those of headers (section 2.5.4).
const STORIES: usize = 8;
const BODY: usize = 0;
const COMMENTS: usize = 4;
/// Headers first: they often say who a letter is about.
const IN_ORDER: [usize; 6] = [2, 0, 1, 5, 6, 7];
const MAX_FIELDS: usize = 1000;
/// As in tables of other documents.
const SHORT_CELL: usize = 240;

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(text: &str) -> Layout {
        Layout::of(&text.encode_utf16().collect::<Vec<_>>())
    }

    #[test]
    fn marks_are_lines_and_columns() {
        let table = "head\ra\u{7}b\u{7}c\u{7}\u{7}1\u{7}2\r3\u{7}\u{7}\u{7}tail\r";
        assert_eq!(layout(table).text, "head\na\tb\tc\n1\t2 3\t\ntail\n");
    }

    #[test]
    fn codes_of_fields_are_apart_from_their_results() {
        let layout = layout("99\u{13} HYPERLINK \"x\" \u{14}9\u{15} \u{2}000\u{1e}\r");
        assert_eq!(layout.text, "999 000-\n");
        assert_eq!(layout.codes.trim(), "HYPERLINK \"x\"");
    }

    #[test]
    fn fields_that_never_end_lose_nothing() {
        let layout = layout("\u{15}\u{14}a\u{13}b");
        assert_eq!((layout.text.as_str(), layout.codes.as_str()), ("a\n", "b"));
    }
}
