//! The page that is written on: rows with labels, wrapped to the terminal's
//! width; colour and lines on a terminal only, plain text in a pipe.

use std::io::{self, IsTerminal, Write};

/// Where it is written, and how it may look.
pub(super) struct Page<W> {
    out: W,
    /// Columns.
    width: usize,
    look: Look,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// For a pipe or a file.
    Plain,
    /// A terminal that wants no colour (no-color.org).
    Drawn,
    Coloured,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Strong,
    Quiet,
    Good,
    Care,
    Bad,
    Title,
}

/// Text in one ink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    text: String,
    ink: Ink,
}

pub(super) fn piece(ink: Ink, text: impl Into<String>) -> Piece {
    Piece { text: text.into(), ink }
}

impl Page<io::Stdout> {
    pub(super) fn standard_output() -> Self {
        let out = io::stdout();
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let look = match (out.is_terminal(), no_colour) {
            (false, _) => Look::Plain,
            (true, true) => Look::Drawn,
            (true, false) => Look::Coloured,
        };
        let columns = terminal_size::terminal_size().map(|(columns, _)| usize::from(columns.0));
        Self::new(out, columns.filter(|_| look != Look::Plain).unwrap_or(WIDEST), look)
    }
}

impl<W: Write> Page<W> {
    pub(super) fn new(out: W, width: usize, look: Look) -> Self {
        Self { out, width: width.clamp(NARROWEST, WIDEST), look }
    }

    /// No wider than that, for text that is read more than it is looked over.
    pub(super) fn within(self, columns: usize) -> Self {
        Self { width: self.width.min(columns), ..self }
    }

    pub(super) fn empty_line(&mut self) -> io::Result<()> {
        writeln!(self.out)
    }

    /// The start of a section.
    pub(super) fn heading(&mut self, mark: &str, title: &str) -> io::Result<()> {
        writeln!(self.out)?;
        let start = if mark.is_empty() { String::new() } else { format!("{mark}  ") };
        if self.look == Look::Plain {
            let line = "=".repeat(columns(&start) + columns(title));
            return writeln!(self.out, "{start}{title}\n{line}");
        }
        let used = 3 + columns(&start) + columns(title) + 1;
        let line = "─".repeat(self.width.saturating_sub(used));
        let [start, title] = [(Ink::Quiet, start.as_str()), (Ink::Title, title)]
            .map(|(ink, text)| self.painted(ink, text));
        writeln!(self.out, "── {start}{title} {}", self.painted(Ink::Quiet, &line))
    }

    /// Text over the whole width.
    pub(super) fn text(&mut self, pieces: &[Piece]) -> io::Result<()> {
        self.wrapped("", "", pieces)
    }

    /// A label and what it says; further lines stand under the first.
    pub(super) fn row(&mut self, label: &str, pieces: &[Piece]) -> io::Result<()> {
        let start = self.painted(Ink::Quiet, &format!("  {label:LABEL$}"));
        self.wrapped(&start, &" ".repeat(LABEL + 2), pieces)
    }

    /// A row of several of one label, each with its topic.
    pub(super) fn topic(&mut self, label: &str, topic: &str, pieces: &[Piece]) -> io::Result<()> {
        let label = self.painted(Ink::Quiet, &format!("  {label:LABEL$}"));
        let start = format!("{label}{topic:TOPIC$} ");
        self.wrapped(&start, &" ".repeat(LABEL + 2 + TOPIC + 1), pieces)
    }

    /// Text after a mark; further lines stand under the first.
    pub(super) fn item(&mut self, mark: &str, pieces: &[Piece]) -> io::Result<()> {
        self.wrapped(&self.painted(Ink::Quiet, mark), &" ".repeat(columns(mark)), pieces)
    }

    /// What is to be copied as it is: never wrapped.
    pub(super) fn verbatim(&mut self, line: &str) -> io::Result<()> {
        let line = self.painted(Ink::Strong, line);
        writeln!(self.out, "    {line}")
    }

    /// Lines that are drawn already.
    pub(super) fn as_it_is(&mut self, lines: &str) -> io::Result<()> {
        write!(self.out, "{lines}")
    }

    /// Columns as wide as what stands in them.
    pub(super) fn table(&mut self, head: &[&str], rows: &[Vec<Piece>]) -> io::Result<()> {
        let widths: Vec<usize> = head
            .iter()
            .enumerate()
            .map(|(index, title)| {
                let cells = rows.iter().filter_map(|row| row.get(index));
                cells.map(|cell| columns(&cell.text)).fold(columns(title), usize::max)
            })
            .collect();
        let line = if self.look == Look::Plain { "-" } else { "─" };
        let head: Vec<_> = head.iter().map(|title| piece(Ink::Quiet, *title)).collect();
        let ruled: Vec<_> =
            widths.iter().map(|&width| piece(Ink::Quiet, line.repeat(width))).collect();
        for row in [&head, &ruled].into_iter().chain(rows) {
            self.table_row(row, &widths)?;
        }
        Ok(())
    }

    fn table_row(&mut self, row: &[Piece], widths: &[usize]) -> io::Result<()> {
        let mut written = String::from(" ");
        for (index, (cell, &width)) in row.iter().zip(widths).enumerate() {
            written.push(' ');
            written.push_str(&self.painted(cell.ink, &cell.text));
            if index + 1 < row.len() {
                let fill = width.saturating_sub(columns(&cell.text)) + 1;
                written.extend(std::iter::repeat_n(' ', fill));
            }
        }
        writeln!(self.out, "{written}")
    }

    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// `start` is painted already, and as wide as `further`.
    fn wrapped(&mut self, start: &str, further: &str, pieces: &[Piece]) -> io::Result<()> {
        let room = self.width.saturating_sub(columns(further));
        let mut start = start;
        for line in lines(pieces, room) {
            let painted: Vec<_> = line.iter().map(|run| self.painted(run.ink, &run.text)).collect();
            writeln!(self.out, "{}", format!("{start}{}", painted.join(" ")).trim_end())?;
            start = further;
        }
        Ok(())
    }

    fn painted(&self, ink: Ink, text: &str) -> String {
        let code = match ink {
            Ink::Plain => "",
            Ink::Strong => "1",
            Ink::Quiet => "2",
            Ink::Good => "1;32",
            Ink::Care => "1;33",
            Ink::Bad => "1;31",
            Ink::Title => "1;36",
        };
        if self.look != Look::Coloured || code.is_empty() || text.trim().is_empty() {
            return text.to_owned();
        }
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// Words set into lines of so many columns; each line has one piece a change
/// of ink. There is always a line.
fn lines(pieces: &[Piece], room: usize) -> Vec<Vec<Piece>> {
    let words = pieces.iter().flat_map(|piece| {
        let words = piece.text.split(' ').filter(|word| !word.is_empty());
        words.map(|word| (piece.ink, word))
    });
    let (mut lines, mut line, mut used) = (Vec::new(), Vec::<Piece>::new(), 0);
    for (ink, word) in words {
        if used > 0 && used + 1 + columns(word) > room {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        used += columns(word) + usize::from(used > 0);
        match line.last_mut() {
            Some(run) if run.ink == ink => {
                run.text.push(' ');
                run.text.push_str(word);
            }
            _ => line.push(piece(ink, word)),
        }
    }
    lines.push(line);
    lines
}

/// Everything that is shown is one column a character.
fn columns(text: &str) -> usize {
    text.chars().count()
}

const WIDEST: usize = 100;
const NARROWEST: usize = 60;
/// `On the wire` and a space.
const LABEL: usize = 12;
const TOPIC: usize = 15;

#[cfg(test)]
mod tests {
    use super::*;

    fn written(width: usize, look: Look, write: impl Fn(&mut Page<&mut Vec<u8>>)) -> String {
        let mut out = Vec::new();
        write(&mut Page::new(&mut out, width, look));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_row_wraps_under_its_own_start_and_within_the_width() {
        let long = "word ".repeat(40);
        let page = written(72, Look::Plain, |page| {
            page.row("Level", &[piece(Ink::Strong, "3"), piece(Ink::Quiet, &long)]).unwrap();
        });
        let lines: Vec<_> = page.lines().collect();
        assert!(lines.len() > 2 && lines[0].starts_with("  Level       3 word"), "{page}");
        assert!(lines[1].starts_with("              word"), "{page}");
        assert!(lines.iter().all(|line| line.chars().count() <= 72), "{page}");
    }

    #[test]
    fn only_a_terminal_gets_colour_and_lines() {
        let draw = |page: &mut Page<&mut Vec<u8>>| {
            page.heading("1 of 2", "A rota").unwrap();
            page.row("Decision", &[piece(Ink::Good, "relay")]).unwrap();
            page.table(&["what"], &[vec![piece(Ink::Bad, "x")]]).unwrap();
        };
        let plain = written(80, Look::Plain, draw);
        assert!(!plain.contains('\x1b') && !plain.contains('─'), "{plain}");
        let drawn = written(80, Look::Drawn, draw);
        assert!(!drawn.contains('\x1b') && drawn.contains('─'), "{drawn}");
        assert!(written(80, Look::Coloured, draw).contains("\x1b[1;32mrelay\x1b[0m"));
    }

    #[test]
    fn a_heading_fills_the_terminal_and_goes_no_further() {
        let page = written(80, Look::Drawn, |page| page.heading("1 of 2", "A rota").unwrap());
        assert_eq!(page.trim().chars().count(), 80);
    }
}
