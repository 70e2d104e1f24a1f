//! Text in the order in which it is read: paragraphs as lines, cells kept
//! apart by tabs, rows as lines, and text boxes behind the paragraph that they
//! are fixed to, so that none cuts a number in two.

/// Built from starts and ends as a document has them. An end without its start
/// does nothing; what is left open is closed at the end.
#[derive(Debug, Default)]
pub(super) struct Flow {
    text: String,
    /// Paragraphs as they stood before tracked changes.
    before_changes: String,
    frames: Vec<Frame>,
}

#[derive(Debug)]
struct Frame {
    kind: Kind,
    text: String,
    /// The text without what was inserted and with what was deleted, from the
    /// first change on.
    before: Option<String>,
    /// Blocks within a paragraph, which follow it.
    after: String,
    has_blocks: bool,
    has_rows: bool,
    cells: usize,
    columns_behind: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Paragraph,
    Row,
    Cell,
    /// Content that is handed out at its end rather than written.
    Aside,
}

impl Flow {
    /// Nested beyond all reason, it belongs to what is around it.
    pub(super) fn begin(&mut self, kind: Kind) {
        if self.frames.len() >= MAX_DEPTH {
            return;
        }
        self.frames.push(Frame {
            kind,
            text: String::new(),
            before: None,
            after: String::new(),
            has_blocks: false,
            has_rows: false,
            cells: 0,
            columns_behind: 0,
        });
    }

    pub(super) fn push(&mut self, text: &str) {
        let Some(frame) = self.frames.last_mut() else {
            return self.text.push_str(text);
        };
        frame.text.push_str(text);
        if let Some(before) = &mut frame.before {
            before.push_str(text);
        }
    }

    /// Text that a tracked change took away.
    pub(super) fn deleted(&mut self, text: &str) {
        if let Some(frame) = self.frames.last_mut() {
            frame.before.get_or_insert_with(|| frame.text.clone()).push_str(text);
        }
    }

    /// Text that a tracked change brought.
    pub(super) fn inserted(&mut self, text: &str) {
        let Some(frame) = self.frames.last_mut() else {
            return self.text.push_str(text);
        };
        frame.before.get_or_insert_with(|| frame.text.clone());
        frame.text.push_str(text);
    }

    /// The cell spans that many columns: those behind the first stay empty.
    pub(super) fn span(&mut self, columns: usize) {
        let row = self.frames.iter_mut().rev().find(|frame| frame.kind == Kind::Row);
        if let Some(row) = row {
            row.columns_behind = columns.saturating_sub(1).min(MAX_SPAN);
        }
    }

    /// The row begins with so many columns that have no cells.
    pub(super) fn skip(&mut self, columns: usize) {
        for _ in 0..columns.min(MAX_SPAN) {
            self.begin(Kind::Cell);
            self.end(Kind::Cell);
        }
    }

    /// Ends a paragraph, cell or row, and whatever was left open within it.
    pub(super) fn end(&mut self, kind: Kind) {
        if !self.frames.iter().any(|frame| frame.kind == kind) {
            return;
        }
        while let Some(frame) = self.frames.pop() {
            let is_last = frame.kind == kind;
            self.close(frame);
            if is_last {
                return;
            }
        }
    }

    /// Ends content that was begun aside and hands it out.
    pub(super) fn end_aside(&mut self) -> Option<Aside> {
        if !self.frames.iter().any(|frame| frame.kind == Kind::Aside) {
            return None;
        }
        while let Some(frame) = self.frames.pop() {
            if frame.kind == Kind::Aside {
                let layout = if frame.has_blocks { Layout::Blocks } else { Layout::Inline };
                return Some(Aside { text: frame.text + &frame.after, layout });
            }
            self.close(frame);
        }
        None
    }

    /// Puts content back that was handed out.
    pub(super) fn put(&mut self, aside: &Aside) {
        match aside.layout {
            Layout::Inline => self.push(&aside.text),
            Layout::Blocks => self.block(&aside.text),
        }
    }

    /// The text, and the paragraphs as they were before tracked changes.
    pub(super) fn finish(mut self) -> (String, String) {
        while let Some(frame) = self.frames.pop() {
            self.close(frame);
        }
        (self.text, self.before_changes)
    }

    fn close(&mut self, mut frame: Frame) {
        if let Some(before) = frame.before.take() {
            self.before_changes.push_str(&before);
            self.before_changes.push('\n');
        }
        match frame.kind {
            Kind::Cell => self.close_cell(&frame),
            Kind::Row if frame.text.trim().is_empty() => self.block(&frame.after),
            Kind::Paragraph | Kind::Row => {
                let mut text = frame.text;
                text.push('\n');
                text.push_str(&frame.after);
                self.block(&text);
                if let (Kind::Row, Some(outer)) = (frame.kind, self.frames.last_mut()) {
                    outer.has_rows = true;
                }
            }
            Kind::Aside => self.block(&(frame.text + &frame.after)),
        }
    }

    fn close_cell(&mut self, cell: &Frame) {
        let mut text = format!("{}{}", cell.text, cell.after);
        text.truncate(text.trim_end().len());
        if !cell.has_rows {
            let short = text.len() <= SHORT_CELL;
            let apart = |c: char| c == '\t' || short && matches!(c, '\n' | '\r');
            text = text.replace(apart, " ");
        }
        let Some(row) = self.frames.last_mut().filter(|frame| frame.kind == Kind::Row) else {
            text.push('\n');
            return self.block(&text);
        };
        if row.cells > 0 {
            row.text.push('\t');
        }
        row.text.push_str(&text);
        let behind = std::mem::take(&mut row.columns_behind);
        row.text.extend(std::iter::repeat_n('\t', behind));
        row.cells += 1 + behind;
        row.has_rows |= cell.has_rows;
    }

    /// Lines of their own, behind the paragraph if one is open.
    fn block(&mut self, lines: &str) {
        match self.frames.last_mut() {
            None => self.text.push_str(lines),
            Some(frame) => {
                frame.has_blocks = true;
                match frame.kind {
                    Kind::Paragraph | Kind::Row => frame.after.push_str(lines),
                    Kind::Cell | Kind::Aside => frame.text.push_str(lines),
                }
            }
        }
    }
}

/// Content apart from the text around it.
#[derive(Debug)]
pub(super) struct Aside {
    pub(super) text: String,
    layout: Layout,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Inline,
    Blocks,
}

/// Octets of a cell whose paragraphs are drawn into one line, as a column of
/// data has them; longer ones are letters set in a table.
const SHORT_CELL: usize = 240;
const MAX_SPAN: usize = 63;
const MAX_DEPTH: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn paragraph(flow: &mut Flow, text: &str) {
        flow.begin(Kind::Paragraph);
        flow.push(text);
        flow.end(Kind::Paragraph);
    }

    #[test]
    fn rows_are_lines_and_cells_are_kept_apart() {
        let mut flow = Flow::default();
        for row in [["a", "b"], ["1", ""]] {
            flow.begin(Kind::Row);
            for cell in row {
                flow.begin(Kind::Cell);
                paragraph(&mut flow, cell);
                flow.end(Kind::Cell);
            }
            flow.end(Kind::Row);
        }
        assert_eq!(flow.finish().0, "a\tb\n1\t\n");
    }

    #[test]
    fn paragraphs_of_a_short_cell_are_one_line() {
        let mut flow = Flow::default();
        flow.begin(Kind::Row);
        flow.begin(Kind::Cell);
        paragraph(&mut flow, "one\ttwo");
        paragraph(&mut flow, "three");
        flow.end(Kind::Row);
        assert_eq!(flow.finish().0, "one two three\n");
    }

    #[test]
    fn a_text_box_does_not_cut_its_paragraph() {
        let mut flow = Flow::default();
        flow.begin(Kind::Paragraph);
        flow.push("999 ");
        paragraph(&mut flow, "box");
        flow.push("000");
        flow.end(Kind::Paragraph);
        assert_eq!(flow.finish().0, "999 000\nbox\n");
    }

    #[test]
    fn a_changed_paragraph_is_told_as_it_is_and_as_it_was() {
        let mut flow = Flow::default();
        flow.begin(Kind::Paragraph);
        flow.push("a ");
        flow.deleted("old");
        flow.inserted("new");
        flow.push(" z");
        assert_eq!(flow.finish(), ("a new z\n".into(), "a old z\n".into()));
    }

    #[test]
    fn ends_without_starts_do_nothing() {
        let mut flow = Flow::default();
        flow.end(Kind::Row);
        flow.begin(Kind::Row);
        flow.end(Kind::Cell);
        flow.push("x");
        assert!(flow.end_aside().is_none());
        assert_eq!(flow.finish().0, "x\n");
    }
}
