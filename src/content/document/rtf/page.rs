//! The lines of one page: the body, a header, a note. Paragraphs have no
//! beginning in RTF, only ends, and a cell is one by how it ends.

#[derive(Debug, Default)]
pub(super) struct Page {
    lines: String,
    /// Since the last end of a paragraph, or of a cell.
    open: String,
    /// The same without tracked insertions and with tracked deletions.
    before: Option<String>,
    before_changes: String,
    row: String,
    /// Blocks that are fixed to the open paragraph.
    after: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Change {
    #[default]
    None,
    Inserted,
    Deleted,
}

impl Page {
    pub(super) fn push(&mut self, text: &str, change: Change) {
        if change != Change::None {
            self.before.get_or_insert_with(|| self.open.clone());
        }
        if change != Change::Deleted {
            self.open.push_str(text);
        }
        if let Some(before) = self.before.as_mut().filter(|_| change != Change::Inserted) {
            before.push_str(text);
        }
    }

    /// A paragraph within a cell ends: what follows stands on the same row.
    pub(super) fn end_paragraph_in_cell(&mut self) {
        self.push(if self.open.len() <= SHORT_CELL { " " } else { "\n" }, Change::None);
    }

    pub(super) fn end_paragraph(&mut self) {
        self.end_row_without_mark();
        self.end_changes();
        self.lines.push_str(&std::mem::take(&mut self.open));
        self.lines.push('\n');
        self.end_blocks();
    }

    pub(super) fn end_cell(&mut self) {
        self.end_changes();
        let cell = std::mem::take(&mut self.open);
        self.row.push_str(cell.trim());
        self.row.push('\t');
    }

    pub(super) fn end_row(&mut self) {
        let row = std::mem::take(&mut self.row);
        let row = row.strip_suffix('\t').unwrap_or(&row);
        self.lines.push_str(row);
        self.lines.push('\n');
        self.end_blocks();
    }

    pub(super) fn block(&mut self, lines: &str) {
        self.after.push_str(lines);
    }

    /// The lines, and the paragraphs as they were before tracked changes.
    pub(super) fn finish(mut self) -> (String, String) {
        if !self.open.is_empty() || self.before.is_some() {
            self.end_paragraph();
        }
        self.end_row_without_mark();
        self.end_blocks();
        (self.lines, self.before_changes)
    }

    fn end_row_without_mark(&mut self) {
        if !self.row.is_empty() {
            self.end_row();
        }
    }

    fn end_blocks(&mut self) {
        self.lines.push_str(&std::mem::take(&mut self.after));
    }

    fn end_changes(&mut self) {
        if let Some(before) = self.before.take() {
            self.before_changes.push_str(&before);
            self.before_changes.push('\n');
        }
    }
}

/// As in tables of other documents.
const SHORT_CELL: usize = 240;
