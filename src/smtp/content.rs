//! Message content, as it follows DATA (RFC 5321 sections 4.1.1.4 and 4.5.2).
//!
//! Owns where content ends: at CRLF.CRLF and nowhere else, a dot in its very
//! first line counting as one after CRLF. Refuses every CR or LF that is not
//! part of CRLF, and NUL: the reader stops there, and so must the session.
//! Old devices that are listed are borne with: see `line_ends`. Content over a
//! limit is read to its end, or its rest would be taken for
//! commands.
//!
//! The octets stay where they were received: dots are taken out in place, and
//! what comes out at the end is that same memory.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr3;

use super::{
    chunk::ContentLimits,
    line::Stray,
    line_ends::{LineEnds, normalised},
};

/// Reads the content of one message from the front of the input.
///
/// Until it is done, the input's front is its own: octets may be added at the
/// end and nothing else.
#[derive(Debug)]
pub struct ContentReader {
    /// Dots taken out.
    limits: ContentLimits,
    line_ends: LineEnds,
    /// Strays that have been borne with: each makes the content longer by one.
    strays: usize,
    fate: Fate,
    position: Position,
    longest_line: LongestLine,
    /// Octets of the line that has not ended.
    line: usize,
    /// Octets of content that were dropped.
    dropped: usize,
    /// `..kept` is content in its place.
    kept: usize,
    /// `run..read` is content too, still where it was received.
    run: usize,
    read: usize,
}

/// How far the content has got.
#[derive(Debug, PartialEq, Eq)]
pub enum Progress {
    Incomplete,
    /// Its end has come; what follows is still in the input.
    Complete(Bytes),
    /// Its end has come, and nothing was kept of it.
    Discarded(Excess),
    /// What follows cannot be trusted to be framed as the peer meant it.
    Stray(Stray),
}

/// Why nothing was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Excess {
    Size,
    Line,
    /// Neither: it was told to.
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LongestLine {
    WithinLimit,
    OverLimit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Kept,
    Discarded,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    LineStart,
    WithinLine,
}

/// What one line's beginning turned out to be.
enum Start {
    Text,
    End,
    Unknown,
}

impl ContentReader {
    pub fn new(limits: ContentLimits) -> Self {
        Self {
            limits,
            line_ends: LineEnds::Strict,
            strays: 0,
            fate: Fate::Kept,
            position: Position::LineStart,
            longest_line: LongestLine::WithinLimit,
            line: 0,
            dropped: 0,
            kept: 0,
            run: 0,
            read: 0,
        }
    }

    /// What becomes of strays; they are refused unless it is said here.
    pub fn with_line_ends(self, line_ends: LineEnds) -> Self {
        Self { line_ends, ..self }
    }

    /// Strays that have become line ends so far.
    pub fn strays(&self) -> usize {
        self.strays
    }

    /// Octets of content so far, whether they were kept or not.
    pub fn size(&self) -> usize {
        self.dropped + self.present() + self.strays
    }

    /// Octets of content that are in the input.
    fn present(&self) -> usize {
        self.kept + (self.read - self.run)
    }

    /// Keeps nothing from here on, but reads to the end all the same.
    pub fn discard(&mut self, input: &mut BytesMut) {
        if self.fate == Fate::Kept {
            self.fate = Fate::Discarded;
            self.dropped = self.size();
            // A new buffer, so that the memory of the old one is free at once.
            *input = BytesMut::from(input.get(self.read..).unwrap_or_default());
            (self.kept, self.run, self.read, self.strays) = (0, 0, 0, 0);
        }
    }

    /// Takes in what has been received. The answer depends on the octets
    /// alone, not on how they arrive.
    pub fn receive(&mut self, input: &mut BytesMut) -> Progress {
        let end = self.scan(input);
        if self.excess() != Excess::None {
            self.discard(input);
        }
        match end {
            Err(stray) => Progress::Stray(stray),
            Ok(Scanned::Everything) => {
                if self.fate == Fate::Discarded {
                    self.dropped = self.size();
                    input.advance(self.read);
                    (self.kept, self.run, self.read, self.strays) = (0, 0, 0, 0);
                }
                Progress::Incomplete
            }
            Ok(Scanned::End) => self.finish(input),
        }
    }

    /// Of two the size is named, however the content has arrived.
    fn excess(&self) -> Excess {
        match self.longest_line {
            _ if self.size() > self.limits.message => Excess::Size,
            LongestLine::OverLimit => Excess::Line,
            LongestLine::WithinLimit => Excess::None,
        }
    }

    fn finish(&mut self, input: &mut BytesMut) -> Progress {
        let excess = self.excess();
        self.close_run(input);
        let mut content = input.split_to((self.read + END.len()).min(input.len()));
        match self.fate {
            Fate::Discarded => Progress::Discarded(excess),
            Fate::Kept if self.strays > 0 => {
                content.truncate(self.kept);
                Progress::Complete(normalised(&content, self.strays))
            }
            Fate::Kept => {
                content.truncate(self.kept);
                Progress::Complete(content.freeze())
            }
        }
    }

    fn scan(&mut self, input: &mut BytesMut) -> Result<Scanned, Stray> {
        loop {
            if self.position == Position::LineStart {
                match self.line_start(input) {
                    Start::Text => self.position = Position::WithinLine,
                    Start::End => return Ok(Scanned::End),
                    Start::Unknown => return Ok(Scanned::Everything),
                }
            }
            let rest = input.get(self.read..).unwrap_or_default();
            let Some(found) = memchr3(b'\r', b'\n', 0, rest) else {
                self.read += rest.len();
                self.lengthen(rest.len());
                return Ok(Scanned::Everything);
            };
            self.read += found;
            self.lengthen(found);
            match Stray::or_line_end(rest.get(found..).unwrap_or_default()) {
                Ok(Some(())) => {
                    self.read += CRLF;
                    self.lengthen(CRLF);
                    self.position = Position::LineStart;
                }
                Ok(None) => return Ok(Scanned::Everything),
                Err(stray) => {
                    // A line of text ends here, and no line of the protocol.
                    self.line_ends.bear(stray)?;
                    self.strays += 1;
                    self.read += 1;
                    self.lengthen(CRLF);
                }
            }
            self.line = 0;
        }
    }

    fn lengthen(&mut self, octets: usize) {
        self.line += octets;
        if self.line > self.limits.line {
            self.longest_line = LongestLine::OverLimit;
        }
    }

    /// Takes a dot off the beginning of a line, unless it is the end.
    fn line_start(&mut self, input: &mut BytesMut) -> Start {
        match input.get(self.read..).unwrap_or_default() {
            [] | [b'.'] | [b'.', b'\r'] => Start::Unknown,
            [b'.', b'\r', b'\n', ..] => Start::End,
            [b'.', ..] => {
                self.close_run(input);
                self.read += 1;
                self.run = self.read;
                Start::Text
            }
            _ => Start::Text,
        }
    }

    /// Moves the run into its place; before the first dot it stands there.
    fn close_run(&mut self, input: &mut BytesMut) {
        if self.kept != self.run {
            input.copy_within(self.run..self.read, self.kept);
        }
        self.kept = self.present();
        self.run = self.read;
    }
}

enum Scanned {
    Everything,
    End,
}

const END: &[u8] = b".\r\n";
const CRLF: usize = 2;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// In one piece, and then an octet at a time, which must not matter.
    fn read(octets: &[u8], limit: usize) -> (Progress, Vec<u8>) {
        let mut whole = BytesMut::from(octets);
        let limits = ContentLimits { message: limit, line: 60 };
        let progress = ContentReader::new(limits).receive(&mut whole);
        let (mut reader, mut input) = (ContentReader::new(limits), BytesMut::new());
        let mut fed = 0;
        let mut piecemeal = Progress::Incomplete;
        while piecemeal == Progress::Incomplete && fed < octets.len() {
            input.extend_from_slice(&octets[fed..=fed]);
            fed += 1;
            piecemeal = reader.receive(&mut input);
        }
        assert_eq!(progress, piecemeal, "{:?}", octets.escape_ascii().to_string());
        (progress, whole.to_vec())
    }

    fn complete(content: &[u8]) -> Progress {
        Progress::Complete(Bytes::copy_from_slice(content))
    }

    #[test]
    fn only_crlf_dot_crlf_ends_content() {
        assert_eq!(read(b"a\r\n.\r\nQUIT\r\n", 99), (complete(b"a\r\n"), b"QUIT\r\n".to_vec()));
        for unfinished in ["a\r\n.", "a\r\n.\r", "a.\r\n", "a\r\n..\r\n", "a\r\n. \r\n"] {
            assert_eq!(read(unfinished.as_bytes(), 99).0, Progress::Incomplete, "{unfinished:?}");
        }
    }

    #[test]
    fn a_dot_in_the_first_line_ends_empty_content() {
        assert_eq!(read(b".\r\n", 99).0, complete(b""));
    }

    #[test]
    fn stuffed_dots_are_taken_out() {
        let octets = b"..\r\n.a\r\nb\r\n..c\r\n...\r\nd.e\r\n.\r\n";
        assert_eq!(read(octets, 99).0, complete(b".\r\na\r\nb\r\n.c\r\n..\r\nd.e\r\n"));
    }

    #[test]
    fn bare_line_feed_in_content_is_refused() {
        for octets in ["a\nb\r\n", "a\r\n.\n", "a\n.\r\n", "a\n.\n", "\n", ".\n"] {
            let (progress, _) = read(octets.as_bytes(), 99);
            assert_eq!(progress, Progress::Stray(Stray::LineFeed), "{octets:?}");
        }
    }

    #[test]
    fn bare_carriage_return_in_content_is_refused() {
        for octets in ["a\rb\r\n", "a\r\r\n", "a\r.\r\n", "\r.\r", "a\r\n.\r.\r\n", "a\r\n.\r\r\n"]
        {
            let (progress, _) = read(octets.as_bytes(), 99);
            assert_eq!(progress, Progress::Stray(Stray::CarriageReturn), "{octets:?}");
        }
    }

    #[test]
    fn nul_in_content_is_refused() {
        assert_eq!(read(b"a\0b\r\n", 99).0, Progress::Stray(Stray::Nul));
        assert_eq!(read(b".\0\r\n", 99).0, Progress::Stray(Stray::Nul));
    }

    #[test]
    fn content_over_the_limit_is_read_to_its_end() {
        let (progress, rest) = read(b"abcdef\r\n..\r\nx\r\n.\r\nRSET\r\n", 10);
        assert_eq!((progress, rest), (Progress::Discarded(Excess::Size), b"RSET\r\n".to_vec()));
        assert_eq!(read(b"abcdef\r\n.\r\n", 8).0, complete(b"abcdef\r\n"));
        assert_eq!(read(b"abcdef\r\n.\r\n", 7).0, Progress::Discarded(Excess::Size));
    }

    #[test]
    fn a_stray_past_the_limit_is_still_refused() {
        assert_eq!(read(b"abcdef\r\nabc\n.\r\n", 4).0, Progress::Stray(Stray::LineFeed));
    }

    #[test]
    fn content_with_a_line_over_the_limit_is_read_to_its_end() {
        let line = |octets: usize| "x".repeat(octets) + "\r\n";
        let content = line(58) + "." + &line(57) + "..\r\n";
        let plain = line(58) + &line(57) + ".\r\n";
        assert_eq!(read((content + ".\r\n").as_bytes(), 999).0, complete(plain.as_bytes()));
        for long in [line(59), line(500), format!("..{}", line(58))] {
            let wire = long + "a\r\n.\r\nRSET\r\n";
            let (progress, rest) = read(wire.as_bytes(), 999);
            assert_eq!(progress, Progress::Discarded(Excess::Line));
            assert_eq!(rest, b"RSET\r\n");
        }
        let both = line(59) + &line(59) + ".\r\n";
        assert_eq!(read(both.as_bytes(), 100).0, Progress::Discarded(Excess::Size));
    }

    #[test]
    fn stuffed_dots_past_the_limit_move_nothing() {
        let limits = ContentLimits { message: 2, line: 60 };
        let (mut reader, mut input) = (ContentReader::new(limits), BytesMut::new());
        for piece in ["abc\r\n", "d\r\n.e\r\n", "f\r\n.g\r\n"] {
            input.extend_from_slice(piece.as_bytes());
            assert_eq!(reader.receive(&mut input), Progress::Incomplete, "{piece:?}");
        }
        input.extend_from_slice(b"h\r\n..\r\n.\r\nRSET\r\n");
        assert_eq!(reader.receive(&mut input), Progress::Discarded(Excess::Size));
        assert_eq!(input.as_ref(), b"RSET\r\n");
    }

    #[test]
    fn discarded_content_takes_no_memory() {
        let mut reader = ContentReader::new(ContentLimits { message: 1_000, line: 1_000 });
        let mut input = BytesMut::new();
        for _ in 0..1_000 {
            input.extend_from_slice(&[b'x'; 100]);
            assert_eq!(reader.receive(&mut input), Progress::Incomplete);
            assert!(input.len() <= 1_000);
        }
    }

    proptest! {
        /// Stuff, frame, read: what comes out is what went in.
        #[test]
        fn every_text_survives_its_framing(lines in proptest::collection::vec("[a.]{0,5}", 0..20)) {
            let (mut plain, mut wire) = (Vec::new(), Vec::new());
            for line in lines {
                plain.extend_from_slice(format!("{line}\r\n").as_bytes());
                let stuffing = if line.starts_with('.') { "." } else { "" };
                wire.extend_from_slice(format!("{stuffing}{line}\r\n").as_bytes());
            }
            wire.extend_from_slice(b".\r\n");
            prop_assert_eq!(read(&wire, 1_000).0, complete(&plain));
        }

        #[test]
        fn no_split_changes_what_is_read(octets in "[\r\n.a\0]{0,12}|(\r\n|\\.|a){0,20}") {
            read(octets.as_bytes(), 6);
        }
    }
}
