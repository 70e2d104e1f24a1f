//! The layout of a sheet as text: every row a line, every column in its place.

use crate::{content::document::gatherer::Gatherer, mail::OpaqueReason};

/// Takes cells row by row and column by column.
#[derive(Debug, Default)]
pub(in crate::content::document::office) struct Rows {
    shown: String,
    /// The first row, and those whose stored values say more than what is
    /// displayed.
    stored: String,
    has_heading: bool,
    has_stored: bool,
    width: usize,
    row: Row,
    is_full: bool,
}

#[derive(Debug, Default)]
struct Row {
    shown: String,
    stored: String,
    /// Columns written.
    columns: usize,
    differs: bool,
}

impl Rows {
    /// Of a sheet with such a name, which stands above it.
    pub(in crate::content::document::office) fn titled(name: &str) -> Self {
        let mut rows = Self::default();
        if !name.trim().is_empty() {
            rows.shown = format!("{}\n", in_one_line(name));
        }
        rows
    }

    /// A cell, by its column counted from 0, as it is displayed; and as it is
    /// stored where that differs. Empty cells need not be told.
    pub(in crate::content::document::office) fn cell(
        &mut self,
        column: usize,
        shown: &str,
        stored: Option<&str>,
    ) {
        if self.is_full || shown.is_empty() && stored.is_none() {
            return;
        }
        let row = &mut self.row;
        let column = column.min(MAX_COLUMN);
        let apart = column.saturating_sub(row.columns) + usize::from(row.columns > 0);
        let apart = if column < row.columns { 1 } else { apart };
        row.shown.extend(std::iter::repeat_n('\t', apart));
        row.stored.extend(std::iter::repeat_n('\t', apart));
        row.columns = row.columns.max(column) + 1;
        row.shown.push_str(&in_one_line(shown));
        row.stored.push_str(&in_one_line(stored.unwrap_or(shown)));
        row.differs |= stored.is_some();
        self.is_full = self.shown.len() + row.shown.len() + self.stored.len() > MAX_TEXT;
    }

    pub(in crate::content::document::office) fn end_row(&mut self) {
        let mut row = std::mem::take(&mut self.row);
        if row.columns == 0 || self.is_full {
            return;
        }
        // Rows of one table have the same number of columns.
        let behind = self.width.saturating_sub(row.columns);
        self.width = self.width.max(row.columns);
        for text in [&mut row.shown, &mut row.stored] {
            text.extend(std::iter::repeat_n('\t', behind));
            text.push('\n');
        }
        if row.differs || !std::mem::replace(&mut self.has_heading, true) {
            self.stored.push_str(&row.stored);
        }
        self.has_stored |= row.differs;
        self.shown.push_str(&row.shown);
    }

    /// Gives the sheet to the gatherer.
    pub(in crate::content::document::office) fn finish(
        mut self,
        path: &str,
        gatherer: &mut Gatherer,
    ) {
        self.end_row();
        gatherer.text(path, self.shown);
        if self.has_stored {
            gatherer.text(&format!("{path} as stored"), self.stored);
        }
        if self.is_full {
            gatherer.unread(path, OpaqueReason::OverLimit);
        }
    }
}

fn in_one_line(text: &str) -> String {
    text.trim().replace(['\t', '\n', '\r'], " ")
}

/// Columns further right follow each other.
const MAX_COLUMN: usize = 255;
const MAX_TEXT: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::document::limits::Limits;

    fn told(rows: Rows) -> Vec<(String, String)> {
        let mut gatherer = Gatherer::new(Limits::default());
        rows.finish("2:sheet 1", &mut gatherer);
        let readings = gatherer.finish().readings.into_iter();
        readings.map(|reading| (reading.part, reading.text)).collect()
    }

    #[test]
    fn columns_line_up_over_empty_cells() {
        let mut rows = Rows::titled("Ward");
        for row in [vec![(0, "a"), (1, "b"), (2, "c")], vec![(1, "2")], vec![(0, "1\n2"), (2, "3")]]
        {
            for (column, text) in row {
                rows.cell(column, text, None);
            }
            rows.end_row();
        }
        rows.end_row();
        let text = "Ward\na\tb\tc\n\t2\t\n1 2\t\t3\n";
        assert_eq!(told(rows), [("2:sheet 1".to_owned(), text.to_owned())]);
    }

    #[test]
    fn stored_values_stand_under_their_heading() {
        let mut rows = Rows::default();
        rows.cell(0, "NHS", None);
        rows.end_row();
        rows.cell(0, "plain", None);
        rows.end_row();
        rows.cell(0, "9.99E+09", Some("9990000018"));
        let told = told(rows);
        assert_eq!(told[1], ("2:sheet 1 as stored".to_owned(), "NHS\n9990000018\n".to_owned()));
    }

    #[test]
    fn cells_far_out_cost_nothing() {
        let mut rows = Rows::default();
        rows.cell(usize::MAX, "a", None);
        rows.cell(3, "b", None);
        assert_eq!(told(rows)[0].1, format!("{}a\tb\n", "\t".repeat(MAX_COLUMN)));
    }
}
