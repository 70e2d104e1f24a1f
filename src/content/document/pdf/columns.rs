//! Columns of prose, which are read one after the other; the rows of a table
//! are read across.
//!
//! Columns are told by a gutter that several lines keep, with prose on either
//! side: long lines without wide gaps.

use super::layout::Line;

/// Lines in the order in which they are read.
pub(super) fn in_order(lines: Vec<Line>) -> Vec<Line> {
    let mut ordered = Vec::with_capacity(lines.len());
    let mut block = Block::default();
    for line in lines {
        if !block.takes(&line) {
            std::mem::take(&mut block).close(&mut ordered);
            block.takes(&line);
        }
        block.lines.push(line);
    }
    block.close(&mut ordered);
    ordered
}

/// Lines that may keep a gutter.
#[derive(Default)]
struct Block {
    lines: Vec<Line>,
    /// From where to where nothing stands.
    gutter: Option<(f64, f64)>,
}

impl Block {
    /// Whether the line keeps the gutter, which it may narrow.
    fn takes(&mut self, line: &Line) -> bool {
        let Some((left, right)) = self.gutter else {
            // The first line that has two cells says where it might be.
            let first = line.first().zip(line.get(1));
            self.gutter = first.map(|(left, right)| (left.right, right.left));
            return self.gutter.is_none() || self.lines.is_empty();
        };
        let (mut from, mut to) = (left, right);
        for cell in line {
            let middle = f64::midpoint(left, right);
            if cell.right <= middle {
                from = from.max(cell.right);
            } else if cell.left >= middle {
                to = to.min(cell.left);
            } else {
                return false;
            }
        }
        if to - from < NARROWEST {
            return false;
        }
        self.gutter = Some((from, to));
        true
    }

    fn close(self, ordered: &mut Vec<Line>) {
        let Some((_, right)) = self.gutter.filter(|&gutter| self.is_prose(gutter)) else {
            return ordered.extend(self.lines);
        };
        let mut second = Vec::new();
        for line in self.lines {
            let (mut one, mut two) = (Line::new(), Line::new());
            for cell in line {
                if cell.left < right { one.push(cell) } else { two.push(cell) }
            }
            ordered.extend((!one.is_empty()).then_some(one));
            second.extend((!two.is_empty()).then_some(two));
        }
        // There may be a third.
        ordered.extend(in_order(second));
    }

    fn is_prose(&self, (_, right): (f64, f64)) -> bool {
        let sides = |side: fn(f64, f64) -> bool| {
            let each = self.lines.iter().map(move |line| {
                line.iter().filter(move |cell| side(cell.left, right)).collect::<Vec<_>>()
            });
            let filled: Vec<_> = each.filter(|cells| !cells.is_empty()).collect();
            let letters: usize =
                filled.iter().flatten().map(|cell| cell.text.chars().count()).sum();
            filled.len() >= FEWEST_LINES && letters >= filled.len() * PROSE
        };
        sides(|left, right| left < right) && sides(|left, right| left >= right)
    }
}

const NARROWEST: f64 = 4.0;
const FEWEST_LINES: usize = 5;
/// Letters in a line of prose.
const PROSE: usize = 25;
