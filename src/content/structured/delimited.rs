//! Tables with delimiters: CSV (RFC 4180), tabs, semicolons, bars.
//!
//! Cells come out apart by tabs and rows by lines, as tables of every other
//! format do, and every row as wide as the widest near it, so that a heading
//! stands over its column whatever marks and line breaks stand within cells.

use std::{borrow::Cow, ops::Range};

use super::{people, rendering::Lines};

/// How sure it is that a text is a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// By its type or name.
    Table,
    /// Nothing is said.
    Nothing,
}

/// The delimiter of a table; nothing where the text is none.
pub(super) fn delimiter(text: &str, said: Said) -> Option<char> {
    let head = head(text);
    if let Some(named) = separator_line(head).0 {
        return Some(named);
    }
    let (rows, cells) = match said {
        Said::Table => (1, 2),
        Said::Nothing => (3, 3),
    };
    DELIMITERS
        .into_iter()
        .find(|&delimiter| {
            let mut counts = Rows::of(head, delimiter).map(|row| row.len()).filter(|&n| n > 0);
            let first = counts.next().unwrap_or_default();
            let mut alike = 1;
            let mut other = 0;
            for count in counts.take(ROWS_LOOKED_AT) {
                if count == first { alike += 1 } else { other += 1 }
            }
            // What is called a table has headings of all kinds.
            first >= cells && alike >= rows && (said == Said::Table || other * 10 <= alike)
        })
        .or_else(|| (said == Said::Table).then(|| most_frequent(head))?)
}

/// Where rows differ as much as a report with a title has them do.
fn most_frequent(head: &str) -> Option<char> {
    let count = |delimiter: &char| head.matches(*delimiter).count();
    DELIMITERS.into_iter().filter(|delimiter| count(delimiter) >= 2).max_by_key(count)
}

/// Whole lines from the start of the text.
fn head(text: &str) -> &str {
    let mut end = text.len().min(HEAD);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = text.get(..end).unwrap_or_default();
    if end == text.len() { head } else { head.rsplit_once('\n').map_or(head, |(whole, _)| whole) }
}

/// `sep=;`, which Excel writes and reads; and the text after it.
fn separator_line(text: &str) -> (Option<char>, &str) {
    let text = text.trim_start_matches('\u{feff}');
    let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
    let line = line.trim_end_matches('\r').trim_matches('"');
    let named = line.strip_prefix("sep=").or_else(|| line.strip_prefix("SEP="));
    let mut characters = named.unwrap_or_default().chars();
    match (characters.next(), characters.next()) {
        (Some(delimiter), None) => (Some(delimiter), rest),
        _ => (None, text),
    }
}

pub(super) fn render(source: &str, delimiter: char, lines: &mut Lines<'_>) {
    let (_, text) = separator_line(source);
    let mut width = 0;
    let mut names: Option<(usize, usize)> = None;
    for row in Rows::of(text, delimiter) {
        let said = row.iter().filter(|cell| !cell.trim().is_empty()).count();
        // A title stands in a row of one cell, above the headings.
        if said == 1 && row.len() > 1 && !row.first().is_some_and(|cell| cell.trim().is_empty()) {
            lines.row(row.iter().take(1).map(|cell| (plain(cell), *cell)));
            continue;
        }
        // A heading that is short of its rows is no heading of theirs, so only
        // rows that are short are made longer.
        width =
            if row.len() > width || row.len() + MOST_MISSING < width { row.len() } else { width };
        let missing = width - row.len().min(width);
        let cells = row.iter().map(|cell| (plain(cell), *cell));
        let padding = std::iter::repeat_n((Cow::Borrowed(""), ""), missing);
        let whole_name = match names {
            Some(columns) => Some((Cow::Owned(whole_name(&row, columns)), "")),
            None => {
                names = name_columns(&row);
                names.map(|_| (Cow::Borrowed("Name"), ""))
            }
        };
        lines.row(cells.chain(padding).chain(whole_name));
    }
}

/// The columns of given and family names under a heading that has both: the
/// two are one name to whoever reads the row, and are put together at its end.
fn name_columns(row: &[&str]) -> Option<(usize, usize)> {
    let of = |part: fn(&str) -> bool| row.iter().position(|cell| part(plain(cell).trim()));
    Some((of(people::is_given_name)?, of(people::is_family_name)?))
}

fn whole_name(row: &[&str], (given, family): (usize, usize)) -> String {
    let [given, family] = [given, family].map(|at| row.get(at).map(|cell| plain(cell)));
    people::joined(
        [given.as_deref().unwrap_or_default(), family.as_deref().unwrap_or_default()],
        " ",
    )
}

/// A cell as a table shows it.
fn plain(cell: &str) -> Cow<'_, str> {
    let cell = cell.trim();
    // ="0018": what keeps Excel from making a number of it.
    let bare = cell.strip_prefix('=').filter(|rest| rest.starts_with('"')).unwrap_or(cell);
    let inner = bare.strip_prefix('"').map(|rest| rest.strip_suffix('"').unwrap_or(rest));
    let Some(inner) = inner else {
        return if cell.contains(['\t', '\n', '\r']) {
            Cow::Owned(cell.replace(['\t', '\n', '\r'], " "))
        } else {
            Cow::Borrowed(cell)
        };
    };
    if inner.contains(['"', '\t', '\n', '\r']) {
        Cow::Owned(
            inner.replace("\"\"", "\"").replace("\r\n", " ").replace(['\t', '\n', '\r'], " "),
        )
    } else {
        Cow::Borrowed(inner)
    }
}

/// Rows of raw cells, their quotation marks on. Empty lines are empty rows.
struct Rows<'s> {
    rest: &'s str,
    delimiter: char,
    /// Octets in which the end of a quoted cell may still be looked for in
    /// vain: marks that never close must not cost a look ahead each.
    patience: usize,
}

impl<'s> Rows<'s> {
    fn of(text: &'s str, delimiter: char) -> Self {
        Self { rest: text, delimiter, patience: text.len().max(LONGEST_CELL) }
    }

    /// A quotation mark that begins a cell ends at the next that is not
    /// doubled; one that never ends, or ends in the middle of words, is a mark
    /// like others.
    fn cell_length(&mut self) -> usize {
        let text = self.rest;
        let bare = text.trim_start_matches(' ');
        let bare = bare.strip_prefix('=').unwrap_or(bare);
        if let Some(inside) = bare.strip_prefix('"') {
            let start = text.len() - inside.len();
            let limit = text.len().min(start + LONGEST_CELL.min(self.patience));
            match quoted_length(text, start..limit, self.delimiter) {
                Ok(length) => return length,
                Err(looked_at) => self.patience = self.patience.saturating_sub(looked_at),
            }
        }
        text.find([self.delimiter, '\r', '\n']).unwrap_or(text.len())
    }
}

impl<'s> Iterator for Rows<'s> {
    type Item = Vec<&'s str>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let mut row = Vec::new();
        loop {
            let length = self.cell_length();
            let (cell, rest) = self.rest.split_at_checked(length)?;
            row.push(cell);
            let mut characters = rest.chars();
            match characters.next() {
                Some(character) if character == self.delimiter => self.rest = characters.as_str(),
                Some('\r') => {
                    let rest = characters.as_str();
                    self.rest = rest.strip_prefix('\n').unwrap_or(rest);
                    break;
                }
                _ => {
                    self.rest = characters.as_str();
                    break;
                }
            }
        }
        if row.len() == 1 && row.first().is_some_and(|cell| cell.trim().is_empty()) {
            row.clear();
        }
        Some(row)
    }
}

/// The length of a cell up to after its closing mark, and the blanks there; or
/// how far it was looked for.
fn quoted_length(text: &str, within: Range<usize>, delimiter: char) -> Result<usize, usize> {
    let (start, limit) = (within.start, within.end);
    let mut at = start;
    while let Some(found) =
        text.as_bytes().get(at..limit).and_then(|rest| memchr::memchr(b'"', rest))
    {
        at += found + 1;
        let rest = text.get(at..).unwrap_or_default();
        if rest.starts_with('"') {
            at += 1;
            continue;
        }
        let after = rest.trim_start_matches(' ');
        if after.is_empty() || after.starts_with([delimiter, '\r', '\n']) {
            return Ok(text.len() - after.len());
        }
        return Err(at - start);
    }
    Err(limit.saturating_sub(start))
}

/// In the order in which they are looked for: prose has commas.
const DELIMITERS: [char; 4] = ['\t', '|', ';', ','];
const ROWS_LOOKED_AT: usize = 50;
/// Enough for that many rows.
const HEAD: usize = 32 << 10;
/// Cells that programs leave out at the end of a row.
const MOST_MISSING: usize = 8;
/// Of a cell between quotation marks, so that one mark too many costs little.
const LONGEST_CELL: usize = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Option<String> {
        let delimiter = delimiter(source, Said::Nothing)?;
        let mut lines = Lines::of(source);
        render(source, delimiter, &mut lines);
        Some(lines.finish().text)
    }

    #[test]
    fn cells_are_kept_apart_by_tabs_whatever_stands_in_them() {
        let csv = "\u{feff}Bed,Name,NHS No,Note\r\n1,\"EXAMPLE, Jane\",=\"9990000018\",\"two\r\nlines, \"\"so\"\"\"\r\n2,X,,\r\n";
        assert_eq!(
            read(csv).unwrap(),
            "Bed\tName\tNHS No\tNote\n1\tEXAMPLE, Jane\t9990000018\ttwo lines, \"so\"\n2\tX\t\t\n"
        );
        assert_eq!(read("sep=;\na;b;c\n1;2;3\n").unwrap(), "a\tb\tc\n1\t2\t3\n");
        assert_eq!(read("a|b|c\n1|2|3\n4|5|6\n").unwrap(), "a\tb\tc\n1\t2\t3\n4\t5\t6\n");
    }

    #[test]
    fn a_cell_that_is_changed_stands_where_it_stood() {
        let source = "a,b,c,d,e,f\n1\n2\n\"say \"\"x\"\"\",2,3,4,5,6\n";
        let mut lines = Lines::of(source);
        render(source, ',', &mut lines);
        let read = lines.finish();
        let shown = read.text.find("say").unwrap();
        assert_eq!(read.map.source(shown), source.find("\"say").unwrap());
    }

    #[test]
    fn rows_that_are_short_are_as_wide_as_their_heading() {
        assert_eq!(
            read("Ward list,,,\nbed,name,nhs,dob\n1,A,999,1961\n2,B\n3,C,998,1962\n4,D,997,1963\n5,E,996,1960\n6,F,995,1959\n7,F,995,1959\n8,F,995,1959\n9,F,995,1959\n10,F,995,1959\n11,F,995,1959\n"),
            Some("Ward list\nbed\tname\tnhs\tdob\n1\tA\t999\t1961\n2\tB\t\t\n3\tC\t998\t1962\n4\tD\t997\t1963\n5\tE\t996\t1960\n6\tF\t995\t1959\n7\tF\t995\t1959\n8\tF\t995\t1959\n9\tF\t995\t1959\n10\tF\t995\t1959\n11\tF\t995\t1959\n".to_owned())
        );
    }

    #[test]
    fn names_in_two_columns_are_read_as_one() {
        assert_eq!(
            read("Surname,Forename,DOB\nEXAMPLE,Jane,1961\nSAMPLE,,1962\n").unwrap(),
            "Surname\tForename\tDOB\tName\nEXAMPLE\tJane\t1961\tJane EXAMPLE\nSAMPLE\t\t1962\tSAMPLE\n"
        );
    }

    #[test]
    fn prose_is_no_table() {
        for prose in [
            "Dear all, see below,\nand more, of it\nKind regards,\nJane, Ward 4\n",
            "one line, with, commas",
            "",
            "a;b\nc;d\n",
        ] {
            assert_eq!(read(prose), None, "{prose}");
        }
        assert_eq!(delimiter("Name,Number\nJane,1\n", Said::Table), Some(','));
    }

    #[test]
    fn a_mark_that_never_closes_ends_with_its_line() {
        assert_eq!(
            read("a,b,c\n\"1,2,3\n4,5,6\n7,8,9\n").unwrap(),
            "a\tb\tc\n1\t2\t3\n4\t5\t6\n7\t8\t9\n"
        );
    }
}
