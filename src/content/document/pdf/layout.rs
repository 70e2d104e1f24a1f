//! Pieces of text, by where they stand, as lines of text.
//!
//! What runs another way (a note up the margin) is read apart. Pieces on one
//! baseline are a line; a gap is a space, a wide one a tab, so that cells of
//! tables stay apart. Pieces that lie over each other (a layer of recognised
//! text over what it recognised) become lines of their own, since mixing them
//! letter by letter would hide both.

use std::collections::BTreeMap;

use super::{
    columns,
    sheet::{Piece, SPACE},
};

/// A piece in the frame in which its text runs to the right.
#[derive(Clone, Debug)]
pub(super) struct Placed<'a> {
    pub(super) text: &'a str,
    pub(super) left: f64,
    pub(super) right: f64,
    /// Upwards.
    height: f64,
    size: f64,
    spaces: u8,
}

/// What is read together, from left to right.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) left: f64,
    pub(super) right: f64,
}

/// Cells on one baseline.
pub(super) type Line = Vec<Cell>;

pub(super) fn text(pieces: &[Piece]) -> String {
    let mut frames: BTreeMap<i32, Vec<Placed<'_>>> = BTreeMap::new();
    for piece in pieces {
        frames.entry(degrees(piece)).or_default().push(Placed::of(piece));
    }
    let mut frames: Vec<_> = frames.into_values().collect();
    frames.sort_by_key(|frame| std::cmp::Reverse(frame.len()));
    let texts = frames.into_iter().map(|frame| {
        let lines = lines(frame).into_iter().map(cells).collect();
        joined(&columns::in_order(lines))
    });
    texts.collect::<Vec<_>>().join("\n")
}

#[expect(clippy::cast_possible_truncation, reason = "between -180 and 180")]
fn degrees(piece: &Piece) -> i32 {
    let degrees = piece.along.y.atan2(piece.along.x).to_degrees().round() as i32;
    if degrees == -180 { 180 } else { degrees }
}

impl<'a> Placed<'a> {
    fn of(piece: &'a Piece) -> Self {
        let (x, y) = (piece.along.x, piece.along.y);
        let left = piece.start.x * x + piece.start.y * y;
        let right = piece.end.x * x + piece.end.y * y;
        Self {
            text: &piece.text,
            left,
            right: right.max(left),
            height: piece.start.y * x - piece.start.x * y,
            size: piece.size,
            spaces: piece.spaces,
        }
    }

    /// The same, drawn twice to look bold.
    fn repeats(&self, other: &Self) -> bool {
        let near = |one: f64, two: f64| (one - two).abs() < 0.3 * self.size;
        self.text == other.text && near(self.left, other.left) && near(self.height, other.height)
    }
}

/// A line while it is put together: pieces by their left edges.
struct Row<'a> {
    /// The baseline, of its heaviest piece: one letter may stand higher.
    height: f64,
    weight: usize,
    size: f64,
    pieces: BTreeMap<(i64, usize), Placed<'a>>,
}

enum Fit {
    Free,
    Taken,
    Repeated,
}

impl<'a> Row<'a> {
    fn fit(&self, piece: &Placed<'a>) -> Fit {
        let at = (fixed(piece.left), usize::MAX);
        let before = self.pieces.range(..=at).next_back().map(|(_, piece)| piece);
        let after = self.pieces.range(at..).next().map(|(_, piece)| piece);
        if [before, after].into_iter().flatten().any(|other| piece.repeats(other)) {
            return Fit::Repeated;
        }
        let slack = OVERLAP * piece.size.max(self.size);
        let is_over = before.is_some_and(|before| before.right - slack > piece.left)
            || after.is_some_and(|after| after.left + slack < piece.right);
        if is_over { Fit::Taken } else { Fit::Free }
    }
}

/// Comparable, in thousandths.
#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn fixed(number: f64) -> i64 {
    (number * 1000.0) as i64
}

fn lines(mut pieces: Vec<Placed<'_>>) -> Vec<Row<'_>> {
    pieces
        .sort_by(|one, two| two.height.total_cmp(&one.height).then(one.left.total_cmp(&two.left)));
    let mut rows: Vec<Row<'_>> = Vec::new();
    for (count, piece) in pieces.into_iter().enumerate() {
        let mut target = None;
        let mut is_repeated = false;
        for (at, row) in rows.iter().enumerate().rev().take(OPEN_ROWS) {
            let reach = BASELINE * row.size.max(piece.size);
            if (row.height - piece.height).abs() > reach {
                continue;
            }
            match row.fit(&piece) {
                Fit::Free => target = Some(at),
                Fit::Repeated => is_repeated = true,
                Fit::Taken => {}
            }
        }
        if is_repeated {
            continue;
        }
        let key = (fixed(piece.left), count);
        match target.and_then(|at| rows.get_mut(at)) {
            Some(row) => {
                row.size = row.size.max(piece.size);
                if piece.text.len() > row.weight {
                    (row.height, row.weight) = (piece.height, piece.text.len());
                }
                row.pieces.insert(key, piece);
            }
            None => rows.push(Row {
                height: piece.height,
                weight: piece.text.len(),
                size: piece.size,
                pieces: BTreeMap::from([(key, piece)]),
            }),
        }
    }
    rows
}

fn cells(row: Row<'_>) -> Line {
    let mut line: Line = Vec::new();
    let mut last: Option<Placed<'_>> = None;
    for piece in row.pieces.into_values() {
        let gap = last.as_ref().map(|last| Gap::between(last, &piece));
        match (line.last_mut(), gap) {
            (Some(cell), Some(gap @ (Gap::None | Gap::Space))) => {
                if gap == Gap::Space {
                    cell.text.push(' ');
                }
                cell.text.push_str(piece.text);
                cell.right = piece.right;
            }
            _ => line.push(Cell {
                text: piece.text.to_owned(),
                left: piece.left,
                right: piece.right,
            }),
        }
        last = Some(piece);
    }
    line
}

/// What stands between two pieces of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    None,
    Space,
    /// The edge of a cell.
    Edge,
}

impl Gap {
    fn between(one: &Placed<'_>, two: &Placed<'_>) -> Self {
        let gap = (two.left - one.right) / one.size.max(two.size);
        match one.spaces {
            0 if gap < SPACE => Self::None,
            0 if gap < WIDE => Self::Space,
            // One space that a justified line has widened is no edge.
            1 if gap < WIDE_SPACE => Self::Space,
            2.. if gap < TWO_SPACES || one.text.ends_with(STOPS) => Self::Space,
            _ => Self::Edge,
        }
    }
}

/// Lines as text; a word that a hyphen parts at a line's end is joined.
fn joined(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        let cells: Vec<&str> = line.iter().map(|cell| cell.text.as_str()).collect();
        let line = cells.join("\t");
        let goes_on = parts_a_word(&text) && line.starts_with(char::is_lowercase);
        if text.ends_with('\u{ad}') || goes_on {
            text.pop();
        } else if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    text
}

fn parts_a_word(text: &str) -> bool {
    let before = text.strip_suffix(['-', '\u{2010}']);
    before.is_some_and(|before| before.ends_with(char::is_alphabetic))
}

/// How far from a line's baseline a piece may stand, in parts of the size.
const BASELINE: f64 = 0.3;
/// How far pieces of one line may lie over each other, in parts of the size.
const OVERLAP: f64 = 0.38;
/// Gaps between cells, in parts of the size.
const WIDE: f64 = 1.0;
const WIDE_SPACE: f64 = 2.0;
const TWO_SPACES: f64 = 0.4;
/// After these some write two spaces.
const STOPS: [char; 6] = ['.', '!', '?', ':', ';', ','];
/// Lines that lie over each other.
const OPEN_ROWS: usize = 16;
