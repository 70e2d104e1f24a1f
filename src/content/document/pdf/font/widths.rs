//! Widths of glyphs, in thousandths of the font's size.

use hayro_syntax::object::{Array, Dict, Object};

/// Of a simple font, by code.
pub(super) fn simple(dictionary: &Dict<'_>, missing: f64) -> Option<[f64; 256]> {
    let first = dictionary.get::<i32>("FirstChar").unwrap_or_default();
    let first = usize::try_from(first).ok()?;
    let listed = dictionary.get::<Array<'_>>("Widths")?;
    let mut widths = [missing; 256];
    for (width, listed) in widths.iter_mut().skip(first).zip(listed.iter::<f64>()) {
        *width = listed;
    }
    Some(widths)
}

/// Of one of the fourteen fonts that every viewer has, for text that stands
/// in place of it: near enough to tell gaps from letters.
pub(super) fn standard(name: &str, letter: char) -> f64 {
    if name.contains("Courier") || name.contains("Mono") {
        return 600.0;
    }
    let is_bold = name.contains("Bold");
    let table = match (name.contains("Times") || name.contains("Serif"), is_bold) {
        (false, false) => &HELVETICA,
        (false, true) => &HELVETICA_BOLD,
        (true, false) => &TIMES,
        (true, true) => &TIMES_BOLD,
    };
    let at = u32::from(letter).checked_sub(0x20).and_then(|at| usize::try_from(at).ok());
    at.and_then(|at| table.get(at)).map_or(OTHERS, |&width| f64::from(width))
}

/// Of a composite font, by its numbers for characters (section 9.7.4.3).
#[derive(Debug, Default)]
pub(super) struct Composite {
    /// First and last number, and the widths of them: one for all, or each.
    ranges: Vec<(u32, u32, Vec<f64>)>,
    default: f64,
}

impl Composite {
    pub(super) fn of(descendant: &Dict<'_>) -> Self {
        let default = descendant.get::<f64>("DW").unwrap_or(1000.0);
        let mut widths = Self { ranges: Vec::new(), default };
        if let Some(listed) = descendant.get::<Array<'_>>("W") {
            widths.read(&listed);
        }
        widths.ranges.sort_by_key(|(first, ..)| *first);
        widths
    }

    fn read(&mut self, listed: &Array<'_>) {
        let mut numbers: Vec<f64> = Vec::new();
        for item in listed.iter::<Object<'_>>().take(MOST) {
            match item {
                Object::Array(each) => {
                    let each: Vec<f64> = each.iter::<f64>().take(MOST).collect();
                    let first = numbers.pop().map(number).unwrap_or_default();
                    let more = u32::try_from(each.len().saturating_sub(1)).unwrap_or_default();
                    self.ranges.push((first, first.saturating_add(more), each));
                    numbers.clear();
                }
                Object::Number(item) => numbers.push(item.as_f64()),
                _ => {}
            }
            if let &[first, last, width] = numbers.as_slice() {
                self.ranges.push((number(first), number(last), vec![width]));
                numbers.clear();
            }
        }
    }

    pub(super) fn of_number(&self, cid: u32) -> f64 {
        let next = self.ranges.partition_point(|(first, ..)| *first <= cid);
        let range = next.checked_sub(1).and_then(|at| self.ranges.get(at));
        let Some((first, last, widths)) = range else { return self.default };
        if cid > *last {
            return self.default;
        }
        let at = usize::try_from(cid - first).unwrap_or_default();
        widths.get(at).or(widths.first()).copied().unwrap_or(self.default)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn number(number: f64) -> u32 {
    number as u32
}

const MOST: usize = 200_000;
const OTHERS: f64 = 550.0;
const HELVETICA: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 222, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 222, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
const HELVETICA_BOLD: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 278, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667,
    611, 778, 722, 278, 556, 722, 611, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 333, 278, 333, 584, 556, 278, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556,
    278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
];
const TIMES: [u16; 95] = [
    250, 333, 408, 500, 500, 833, 778, 333, 333, 333, 500, 564, 250, 333, 250, 278, 500, 500, 500,
    500, 500, 500, 500, 500, 500, 500, 278, 278, 564, 564, 564, 444, 921, 722, 667, 667, 722, 611,
    556, 722, 722, 333, 389, 722, 611, 889, 722, 722, 556, 722, 667, 556, 611, 722, 722, 944, 722,
    722, 611, 333, 278, 333, 469, 500, 333, 444, 500, 444, 500, 444, 333, 500, 500, 278, 278, 500,
    278, 778, 500, 500, 500, 500, 333, 389, 278, 500, 500, 722, 500, 500, 444, 480, 200, 480, 541,
];
const TIMES_BOLD: [u16; 95] = [
    250, 333, 555, 500, 500, 1000, 833, 333, 333, 333, 500, 570, 250, 333, 250, 278, 500, 500, 500,
    500, 500, 500, 500, 500, 500, 500, 333, 333, 570, 570, 570, 500, 930, 722, 667, 722, 722, 667,
    611, 778, 778, 389, 500, 778, 667, 944, 722, 778, 611, 778, 722, 556, 667, 722, 722, 1000, 722,
    722, 667, 333, 278, 333, 581, 500, 333, 500, 556, 444, 556, 444, 333, 500, 556, 278, 333, 556,
    278, 833, 556, 500, 556, 556, 444, 389, 333, 556, 500, 722, 500, 500, 444, 394, 220, 394, 520,
];
