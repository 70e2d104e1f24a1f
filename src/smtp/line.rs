//! Command lines (RFC 5321 section 2.3.8).
//!
//! Owns where a line ends: at CRLF. Refuses a CR, LF or NUL that is not part
//! of one, and lines over a limit, which are read to their end first. What a
//! line says is none of its business.

use bytes::{Buf, BytesMut};
use memchr::memchr3;

use super::line_ends::LineEnds;

/// Cuts lines from what has been received so far.
#[derive(Debug, Default)]
pub struct LineReader {
    line_ends: LineEnds,
    line: Line,
}

/// What stands at the front of the input.
#[derive(Debug, PartialEq, Eq)]
pub enum Framed {
    /// So many octets, CRLF and all; they are still in the input.
    Line(usize),
    /// So many octets, the last of them a bare CR or LF that is borne with.
    BareLine(usize),
    /// A line over the limit that began like this; it has been taken from the
    /// input.
    TooLong(Verb),
    Incomplete,
    /// What follows cannot be trusted to be framed as the peer meant it.
    Stray(Stray),
}

/// A line's first octets.
pub type Verb = [u8; 4];

/// An octet where none of its kind may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stray {
    CarriageReturn,
    LineFeed,
    Nul,
}

#[derive(Debug, Default)]
enum Line {
    #[default]
    Kept,
    /// Over the limit: its octets are dropped as they come.
    Dropped(Verb),
}

impl LineReader {
    pub fn new(line_ends: LineEnds) -> Self {
        Self { line_ends, line: Line::default() }
    }

    /// Looks for the end of the first line; `limit` counts its CRLF.
    ///
    /// The answer depends on the octets alone, not on how they arrive.
    pub fn receive(&mut self, input: &mut BytesMut, limit: usize) -> Framed {
        match find_end(input) {
            Ok(Some(length)) => self.complete(input, length, limit, Framed::Line),
            Ok(None) => {
                self.drop_excess(input, limit);
                Framed::Incomplete
            }
            Err((stray, position)) => match self.line_ends.bear(stray) {
                Ok(()) => self.complete(input, position + 1, limit, Framed::BareLine),
                Err(stray) => Framed::Stray(stray),
            },
        }
    }

    fn complete(
        &mut self,
        input: &mut BytesMut,
        length: usize,
        limit: usize,
        line: fn(usize) -> Framed,
    ) -> Framed {
        match std::mem::take(&mut self.line) {
            Line::Kept if length <= limit => line(length),
            dropped => {
                let verb = dropped.verb(input);
                input.advance(length);
                Framed::TooLong(verb)
            }
        }
    }

    /// Keeps the input within the limit; a CR at its end may yet be half of
    /// a line's end.
    fn drop_excess(&mut self, input: &mut BytesMut, limit: usize) {
        if input.len() > limit || matches!(self.line, Line::Dropped(_)) {
            self.line = Line::Dropped(self.line.verb(input));
            let ends_in_cr = input.last() == Some(&b'\r');
            input.advance(input.len() - usize::from(ends_in_cr));
        }
    }
}

impl Line {
    fn verb(&self, input: &[u8]) -> Verb {
        match self {
            Self::Kept => input.first_chunk().copied().unwrap_or_default(),
            Self::Dropped(verb) => *verb,
        }
    }
}

/// The length of the first line with its CRLF; a stray with its place.
fn find_end(input: &[u8]) -> Result<Option<usize>, (Stray, usize)> {
    let Some(position) = memchr3(b'\r', b'\n', 0, input) else { return Ok(None) };
    match Stray::or_line_end(input.get(position..).unwrap_or_default()) {
        Ok(Some(())) => Ok(Some(position + 2)),
        Ok(None) => Ok(None),
        Err(stray) => Err((stray, position)),
    }
}

impl Stray {
    /// Judges the CR, LF or NUL that `rest` starts with: a whole CRLF, half of
    /// one that may still be completed, or a stray.
    pub(super) fn or_line_end(rest: &[u8]) -> Result<Option<()>, Self> {
        match rest {
            [b'\r', b'\n', ..] => Ok(Some(())),
            [b'\r'] | [] => Ok(None),
            [b'\r', ..] => Err(Self::CarriageReturn),
            [b'\n', ..] => Err(Self::LineFeed),
            _ => Err(Self::Nul),
        }
    }

    /// As a reply names it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CarriageReturn => "bare CR",
            Self::LineFeed => "bare LF",
            Self::Nul => "NUL",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(octets: &[u8]) -> Framed {
        LineReader::default().receive(&mut BytesMut::from(octets), 10)
    }

    #[test]
    fn only_crlf_ends_a_line() {
        assert_eq!(first(b"NOOP\r\nx"), Framed::Line(6));
        assert_eq!(first(b"NOOP"), Framed::Incomplete);
        assert_eq!(first(b"NOOP\r"), Framed::Incomplete);
        assert_eq!(first(b"NOOP\n"), Framed::Stray(Stray::LineFeed));
        assert_eq!(first(b"NOOP\rQUIT\r\n"), Framed::Stray(Stray::CarriageReturn));
        assert_eq!(first(b"NOOP\r\r\n"), Framed::Stray(Stray::CarriageReturn));
        assert_eq!(first(b"NO\0OP\r\n"), Framed::Stray(Stray::Nul));
    }

    #[test]
    fn a_line_over_the_limit_is_read_to_its_end_and_no_further() {
        let mut reader = LineReader::default();
        let mut input = BytesMut::from(&b"123456789012345\r"[..]);
        assert_eq!(reader.receive(&mut input, 10), Framed::Incomplete);
        assert!(input.len() <= 1, "{} octets of a dropped line kept", input.len());
        input.extend_from_slice(b"\nNOOP\r\n");
        assert_eq!(reader.receive(&mut input, 10), Framed::TooLong(*b"1234"));
        assert_eq!(reader.receive(&mut input, 10), Framed::Line(6));
    }

    #[test]
    fn the_limit_counts_the_line_end() {
        assert_eq!(first(b"12345678\r\n"), Framed::Line(10));
        assert_eq!(first(b"123456789\r\n"), Framed::TooLong(*b"1234"));
    }
}
