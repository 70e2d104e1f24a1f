//! What stands on one page, and where: glyphs joined to pieces of text, and
//! how much of the page is picture.

use super::{font::Meaning, matrix::Point};

/// Text that one piece of the page's content shows without a gap.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// On the baseline.
    pub(super) start: Point,
    pub(super) end: Point,
    /// Of the font, as it is displayed.
    pub(super) size: f64,
    /// Which way it runs: a vector of length one.
    pub(super) along: Point,
    /// Spaces that were written after it.
    pub(super) spaces: u8,
}

#[derive(Debug, Default)]
pub(super) struct Sheet {
    pub(super) pieces: Vec<Piece>,
    /// Letters that can be read.
    pub(super) letters: usize,
    /// What pictures cover, in square points.
    pub(super) pictured: f64,
    /// Lines and curves of drawings, which may be letters drawn as such.
    pub(super) strokes: usize,
    /// Codes that follow each other, of which nothing says what they show.
    unknown: Vec<u32>,
    has_unknown_text: bool,
}

/// One glyph, shown.
pub(super) struct Shown {
    pub(super) code: u32,
    pub(super) meaning: Meaning,
    pub(super) start: Point,
    pub(super) end: Point,
    pub(super) size: f64,
    pub(super) along: Point,
}

impl Sheet {
    pub(super) fn show(&mut self, shown: &Shown) {
        let text = match &shown.meaning {
            Meaning::Text(text) => text.clone(),
            Meaning::Guess(letter) => letter.to_string(),
            Meaning::Unknown => '\u{fffd}'.to_string(),
        };
        if text.trim().is_empty() {
            if let Some(last) = self.pieces.last_mut() {
                last.spaces = last.spaces.saturating_add(1);
            }
            return;
        }
        self.letters += 1;
        let goes_on = self.pieces.last().is_some_and(|last| last.goes_on(shown));
        if !goes_on {
            self.unknown.clear();
        }
        self.count_unknown(shown);
        match self.pieces.last_mut() {
            Some(last) if goes_on => last.append(&text, shown),
            _ => self.pieces.push(Piece {
                text,
                start: shown.start,
                end: shown.end,
                size: shown.size,
                along: shown.along,
                spaces: 0,
            }),
        }
    }

    /// Text that stands at a place of its own.
    pub(super) fn write(&mut self, text: &str, start: Point, size: f64) {
        for (line, text) in (0_u32..).zip(text.lines()) {
            let start = Point { y: start.y - f64::from(line) * size * 1.2, ..start };
            let letters = u32::try_from(text.chars().count()).unwrap_or_default();
            let end = Point { x: start.x + f64::from(letters) * size / 2.0, ..start };
            let along = Point { x: 1.0, y: 0.0 };
            let text = text.to_owned();
            self.letters += text.len();
            self.pieces.push(Piece { text, start, end, size, along, spaces: 1 });
        }
    }

    /// Some of what the page shows is text that cannot be told. Marks and
    /// signs, as before the items of a list, are none.
    pub(super) fn has_unknown_text(&self) -> bool {
        self.has_unknown_text
    }

    /// What the page shows is a picture, which may be one of text.
    pub(super) fn is_picture(&self, area: f64) -> bool {
        let pictures = self.pictured > area * PICTURED;
        self.letters < FEW_LETTERS && (pictures || self.strokes > MANY_STROKES)
    }

    fn count_unknown(&mut self, shown: &Shown) {
        if matches!(shown.meaning, Meaning::Text(_)) {
            return self.unknown.clear();
        }
        if self.has_unknown_text {
            return;
        }
        self.unknown.push(shown.code);
        if self.unknown.len() >= UNKNOWN_TEXT {
            let distinct: std::collections::BTreeSet<_> = self.unknown.iter().collect();
            self.has_unknown_text = distinct.len() >= DISTINCT;
            self.unknown.truncate(LONGEST_UNKNOWN);
        }
    }
}

impl Piece {
    /// Whether a glyph stands where this piece's text leads: on its baseline,
    /// with no more than kerning between.
    fn goes_on(&self, shown: &Shown) -> bool {
        let (x, y) = (shown.start.x - self.end.x, shown.start.y - self.end.y);
        let gap = x * self.along.x + y * self.along.y;
        let off = y * self.along.x - x * self.along.y;
        let turn = (shown.along.x - self.along.x).abs() + (shown.along.y - self.along.y).abs();
        self.spaces == 0
            && turn < 0.01
            && (shown.size - self.size).abs() < self.size * 0.05
            && off.abs() < self.size * 0.05
            && (-0.3 * self.size..SPACE * self.size).contains(&gap)
            && self.text.len() < LONGEST_PIECE
    }

    fn append(&mut self, text: &str, shown: &Shown) {
        self.text.push_str(text);
        self.end = shown.end;
    }
}

/// Gaps wider than this, in parts of the font's size, stand between words.
pub(super) const SPACE: f64 = 0.11;
const LONGEST_PIECE: usize = 4096;
/// Glyphs in a row, and how many of them are not the same: a word or number.
const UNKNOWN_TEXT: usize = 4;
const DISTINCT: usize = 3;
const LONGEST_UNKNOWN: usize = 64;
const FEW_LETTERS: usize = 60;
/// The part of a page that pictures cover.
const PICTURED: f64 = 0.25;
const MANY_STROKES: usize = 1500;
