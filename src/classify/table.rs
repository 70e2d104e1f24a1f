//! Tables in plain text: which heading stands over a place.
//!
//! A table is two lines or more that follow each other, empty lines apart, and
//! have the same number of cells; its first line is the heading. Cells part at tabs, bars,
//! semicolons or commas, in that order of preference; marks between double
//! quotation marks part nothing.

use std::ops::Range;

/// The tables of one text, found in one pass.
#[derive(Debug, Default)]
pub(super) struct Tables(Vec<Table>);

#[derive(Debug)]
struct Table {
    span: Range<usize>,
    mark: u8,
    heading: Range<usize>,
    /// Those of the heading: a long one is not read again for each candidate.
    cells: Vec<Range<usize>>,
}

impl Tables {
    pub(super) fn of(text: &str) -> Self {
        let mut tables: Vec<Table> = Vec::new();
        let mut last: Option<Row> = None;
        for line in lines(text) {
            if is_empty(text, &line) {
                continue;
            }
            let row = Row::of(text, line);
            match (&last, &row, tables.last_mut()) {
                (Some(last), Some(row), Some(table))
                    if last.is_like(row) && table.span.end == last.span.end =>
                {
                    table.span.end = row.span.end;
                }
                (Some(last), Some(row), _) if last.is_like(row) => tables.push(Table {
                    span: last.span.start..row.span.end,
                    mark: row.mark,
                    heading: last.span.clone(),
                    cells: cells(text, last.span.clone(), last.mark),
                }),
                _ => {}
            }
            last = row;
        }
        Self(tables)
    }

    /// The heading cell over an octet of the text; nothing outside tables and
    /// in headings themselves.
    pub(super) fn heading(&self, text: &str, at: usize) -> Option<Range<usize>> {
        let next = self.0.partition_point(|table| table.span.start <= at);
        let table = self.0.get(next.checked_sub(1)?)?;
        if at >= table.span.end || at < table.heading.end {
            return None;
        }
        let near = at.saturating_sub(LONGEST_ROW);
        let line_start = near + memchr::memrchr(b'\n', text.as_bytes().get(near..at)?)? + 1;
        let column = cell_marks(text, line_start..at, table.mark).count();
        table.cells.get(column).filter(|cell| cell.len() <= LONGEST_HEADING).cloned()
    }

    /// Whether something stands in a heading.
    pub(super) fn heads(&self, span: &Range<usize>) -> bool {
        let next = self.0.partition_point(|table| table.span.start <= span.start);
        let table = next.checked_sub(1).and_then(|at| self.0.get(at));
        table.is_some_and(|table| span.end <= table.heading.end)
    }
}

struct Row {
    span: Range<usize>,
    mark: u8,
    cells: usize,
}

impl Row {
    fn of(text: &str, line: Range<usize>) -> Option<Self> {
        MARKS.iter().find_map(|&(mark, fewest)| {
            let count = cell_marks(text, line.clone(), mark).count();
            (count >= fewest).then(|| Self { span: line.clone(), mark, cells: count })
        })
    }

    fn is_like(&self, other: &Self) -> bool {
        self.mark == other.mark && self.cells == other.cells
    }
}

/// Each mark, and the fewest of them that make a line a row: prose has commas.
const MARKS: [(u8, usize); 4] = [(b'\t', 1), (b'|', 1), (b';', 2), (b',', 2)];

fn cell_marks(text: &str, line: Range<usize>, mark: u8) -> impl Iterator<Item = usize> {
    let octets = text.as_bytes().get(line.clone()).unwrap_or_default();
    let mut quoted = false;
    memchr::memchr2_iter(mark, b'"', octets)
        .filter(move |&at| {
            let is_mark = octets.get(at) == Some(&mark);
            quoted ^= !is_mark;
            is_mark && !quoted
        })
        .map(move |at| line.start + at)
}

/// Whether a cell or a row could end there.
pub(super) fn may_part_cells(text: &str, between: Range<usize>) -> bool {
    let octets = text.as_bytes().get(between).unwrap_or_default();
    octets.iter().any(|octet| *octet == b'\n' || MARKS.iter().any(|(mark, _)| mark == octet))
}

fn cells(text: &str, line: Range<usize>, mark: u8) -> Vec<Range<usize>> {
    let mut start = line.start;
    cell_marks(text, line.clone(), mark)
        .chain(std::iter::once(line.end))
        .map(|mark| std::mem::replace(&mut start, mark + 1)..mark)
        .collect()
}

/// Rows drawn out of HTML and office documents often have empty lines between.
fn is_empty(text: &str, line: &Range<usize>) -> bool {
    let octets = text.as_bytes().get(line.clone()).unwrap_or_default();
    octets.len() <= LONGEST_EMPTY && octets.iter().all(u8::is_ascii_whitespace)
}

fn lines(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut start = 0;
    memchr::memchr_iter(b'\n', text.as_bytes())
        .chain(std::iter::once(text.len()))
        .map(move |end| std::mem::replace(&mut start, end + 1)..end)
}

const LONGEST_EMPTY: usize = 16;
/// Octets before a cell in its row, and of a heading: so that what one
/// candidate costs has a limit.
const LONGEST_ROW: usize = 8192;
const LONGEST_HEADING: usize = 256;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn heading<'a>(text: &'a str, cell: &str) -> Option<&'a str> {
        let tables = Tables::of(text);
        let range = tables.heading(text, text.find(cell).unwrap())?;
        text.get(range)
    }

    #[test]
    fn a_cell_is_under_its_columns_heading() {
        let tabs = "bed\tnhs no\tborn\n1\t999\t1961\n2\t998\t1962\n";
        assert_eq!(heading(tabs, "998"), Some("nhs no"));
        assert_eq!(heading(tabs, "1962"), Some("born"));
        assert_eq!(heading("\tnhs\tdob\n\n\t999\t1961\n\n", "1961"), Some("dob"));
        assert_eq!(heading("name,nhs,dob\n\"A, B\",999,1961\n", "1961"), Some("dob"));
        assert_eq!(heading("| name | nhs |\n| A | 999 |\n", "999"), Some(" nhs "));
    }

    #[test]
    fn prose_is_no_table_and_a_heading_has_none() {
        assert_eq!(heading("one, two\nthree 999\n", "999"), None);
        assert_eq!(heading("a\tb\nc\td\n", "b"), None);
    }

    proptest! {
        #[test]
        fn any_text_has_headings_that_stand_in_it(text in "[a-c\t,;|\"\n]{0,60}", at in 0_usize..70) {
            if let Some(range) = Tables::of(&text).heading(&text, at) {
                prop_assert!(text.get(range).is_some());
            }
        }
    }
}
