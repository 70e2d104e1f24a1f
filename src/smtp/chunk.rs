//! Message content, as it follows BDAT (RFC 3030 section 2).
//!
//! Owns the chunks of one message: their octets are counted, not framed, and
//! joined. The house rule for content holds here too, or what came in so
//! would leave with line ends that were never checked: every CR and LF that is
//! not part of CRLF is refused, also where two chunks meet, and NUL. A last
//! line without its end is given one.
//!
//! The first chunk stays where it was received, so a message of one chunk is
//! never copied; the others are added to it as they come.

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr3;

use super::line::Stray;

/// Reads the content of one message, chunk after chunk, from the front of the
/// input.
///
/// While a chunk is coming in, the input's front is its own: octets may be
/// added at the end and nothing else.
#[derive(Debug)]
pub struct ChunkReader {
    limits: ContentLimits,
    /// Complete chunks, and what has come of one that is not the first.
    content: BytesMut,
    /// `..checked` of the input belongs to this chunk and is in order.
    checked: usize,
    /// Octets of this chunk that are not.
    left: u64,
    /// Octets of the line that has not ended.
    line: usize,
    half_end: HalfEnd,
}

/// In octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentLimits {
    /// Of the message, as it is passed on.
    pub message: usize,
    /// Of one line, with its CRLF.
    pub line: usize,
}

/// How far a chunk has got.
#[derive(Debug, PartialEq, Eq)]
pub enum ChunkProgress {
    Incomplete,
    Complete,
}

/// Why content cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    TooLarge,
    LineTooLong,
    Stray(Stray),
}

/// Whether a CR waits for its LF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum HalfEnd {
    No,
    Yes,
}

impl ChunkReader {
    pub fn new(limits: ContentLimits) -> Self {
        Self {
            limits,
            content: BytesMut::new(),
            checked: 0,
            left: 0,
            line: 0,
            half_end: HalfEnd::No,
        }
    }

    /// The next chunk has so many octets. Where that is too much, none of
    /// them may be given to this reader.
    pub fn begin(&mut self, size: u64) -> Result<(), Flaw> {
        let room = self.limits.message.saturating_sub(self.content.len());
        if u64::try_from(room).is_ok_and(|room| size > room) {
            return Err(Flaw::TooLarge);
        }
        self.left = size;
        Ok(())
    }

    /// Octets of content that this reader keeps, outside the input.
    pub fn held(&self) -> usize {
        self.content.len()
    }

    /// Octets of this chunk that have not come.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// Takes in what has been received. The answer depends on the octets
    /// alone, not on how they arrive.
    pub fn receive(&mut self, input: &mut BytesMut) -> Result<ChunkProgress, Flaw> {
        let new = usize::try_from(self.left).unwrap_or(usize::MAX);
        let end = self.checked.saturating_add(new).min(input.len());
        let octets = input.get(self.checked..end).unwrap_or_default();
        self.check(octets)?;
        self.left -= octets.len() as u64;
        self.checked = end;
        if !self.content.is_empty() {
            self.content.extend_from_slice(input.get(..end).unwrap_or_default());
            input.advance(end);
            self.checked = 0;
        } else if self.left == 0 {
            self.content = input.split_to(end);
            self.checked = 0;
        }
        match self.left {
            0 => Ok(ChunkProgress::Complete),
            _ => Ok(ChunkProgress::Incomplete),
        }
    }

    /// Gives the chunk up, and all before it: so many of its octets are still
    /// to be dropped.
    pub fn abandon(self, input: &mut BytesMut) -> u64 {
        // A new buffer, so that the memory of the old one is free at once.
        *input = BytesMut::from(input.get(self.checked..).unwrap_or_default());
        self.left
    }

    /// The whole message, after its last chunk.
    pub fn finish(mut self) -> Result<Bytes, Flaw> {
        if self.half_end == HalfEnd::Yes {
            return Err(Flaw::Stray(Stray::CarriageReturn));
        }
        if self.line > 0 {
            if self.line + CRLF.len() > self.limits.line {
                return Err(Flaw::LineTooLong);
            }
            self.content.extend_from_slice(CRLF);
        }
        match self.content.len() <= self.limits.message {
            true => Ok(self.content.freeze()),
            false => Err(Flaw::TooLarge),
        }
    }

    /// In the order of the octets, so that the first flaw is always the same.
    fn check(&mut self, mut octets: &[u8]) -> Result<(), Flaw> {
        loop {
            if self.half_end == HalfEnd::Yes {
                octets = match octets {
                    [] => return Ok(()),
                    [b'\n', rest @ ..] => rest,
                    _ => return Err(Flaw::Stray(Stray::CarriageReturn)),
                };
                self.lengthen(1)?;
                (self.half_end, self.line) = (HalfEnd::No, 0);
            }
            let text = memchr3(b'\r', b'\n', 0, octets).unwrap_or(octets.len());
            self.lengthen(text)?;
            octets = match octets.get(text..).unwrap_or_default() {
                [] => return Ok(()),
                [b'\r', rest @ ..] => rest,
                [b'\n', ..] => return Err(Flaw::Stray(Stray::LineFeed)),
                _ => return Err(Flaw::Stray(Stray::Nul)),
            };
            self.lengthen(1)?;
            self.half_end = HalfEnd::Yes;
        }
    }

    fn lengthen(&mut self, octets: usize) -> Result<(), Flaw> {
        self.line += octets;
        if self.line > self.limits.line { Err(Flaw::LineTooLong) } else { Ok(()) }
    }
}

const CRLF: &[u8] = b"\r\n";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMITS: ContentLimits = ContentLimits { message: 30, line: 10 };

    /// Every chunk in one piece, and then an octet at a time, which must not
    /// matter.
    fn read(chunks: &[&[u8]]) -> Result<Bytes, Flaw> {
        let whole = read_in_pieces(chunks, usize::MAX);
        assert_eq!(read_in_pieces(chunks, 1), whole, "{chunks:?}");
        whole
    }

    fn read_in_pieces(chunks: &[&[u8]], size: usize) -> Result<Bytes, Flaw> {
        let mut reader = ChunkReader::new(LIMITS);
        for chunk in chunks {
            reader.begin(chunk.len() as u64)?;
            let mut input = BytesMut::new();
            for piece in chunk.chunks(size.min(chunk.len()).max(1)) {
                input.extend_from_slice(piece);
                reader.receive(&mut input)?;
            }
            assert_eq!(reader.receive(&mut input)?, ChunkProgress::Complete);
            assert!(input.is_empty());
        }
        reader.finish()
    }

    fn stray(stray: Stray) -> Result<Bytes, Flaw> {
        Err(Flaw::Stray(stray))
    }

    #[test]
    fn chunks_are_joined() {
        assert_eq!(read(&[b"one\r\ntw", b"", b"o\r\n.\r\n"]).unwrap(), "one\r\ntwo\r\n.\r\n");
        assert_eq!(read(&[]).unwrap(), "");
    }

    #[test]
    fn a_last_line_without_an_end_is_given_one() {
        assert_eq!(read(&[b"one\r\n", b"two"]).unwrap(), "one\r\ntwo\r\n");
    }

    #[test]
    fn a_line_end_may_be_cut_by_the_end_of_a_chunk() {
        assert_eq!(read(&[b"one\r", b"\ntwo\r\n"]).unwrap(), "one\r\ntwo\r\n");
    }

    #[test]
    fn strays_are_refused_where_chunks_meet_too() {
        assert_eq!(read(&[b"a\rb"]), stray(Stray::CarriageReturn));
        assert_eq!(read(&[b"a\r", b"b"]), stray(Stray::CarriageReturn));
        assert_eq!(read(&[b"a\r"]), stray(Stray::CarriageReturn));
        assert_eq!(read(&[b"a\r", b"\r\n"]), stray(Stray::CarriageReturn));
        assert_eq!(read(&[b"a", b"\nb"]), stray(Stray::LineFeed));
        assert_eq!(read(&[b"a\r\n", b"\n"]), stray(Stray::LineFeed));
        assert_eq!(read(&[b"a\0b"]), stray(Stray::Nul));
    }

    #[test]
    fn a_line_over_the_limit_is_refused_where_chunks_meet_too() {
        assert!(read(&[b"12345678\r\n", b"12345678\r\n"]).is_ok());
        assert_eq!(read(&[b"123456789\r\n"]), Err(Flaw::LineTooLong));
        assert_eq!(read(&[b"12345", b"6789\r\n"]), Err(Flaw::LineTooLong));
        // With the end that it is given.
        assert_eq!(read(&[b"12345678"]).unwrap(), "12345678\r\n");
        assert_eq!(read(&[b"123456789"]), Err(Flaw::LineTooLong));
    }

    #[test]
    fn the_limit_of_a_message_is_that_of_all_its_chunks() {
        assert!(read(&[b"12345678\r\n", b"12345678\r\n", b"12345678\r\n"]).is_ok());
        let more: &[&[u8]] = &[b"12345678\r\n", b"12345678\r\n", b"12345678\r\n", b"x"];
        assert_eq!(read(more), Err(Flaw::TooLarge));
        let without_end: &[&[u8]] = &[b"12345678\r\n", b"12345678\r\n", b"12345678\r", b"\n"];
        assert!(read(without_end).is_ok());
        assert_eq!(ChunkReader::new(LIMITS).begin(u64::MAX), Err(Flaw::TooLarge));
    }

    #[test]
    fn one_chunk_is_not_copied() {
        let mut input = BytesMut::from(&b"one\r\ntwo\r\nQUIT\r\n"[..]);
        let start = input.as_ptr();
        let mut reader = ChunkReader::new(LIMITS);
        reader.begin(10).unwrap();
        assert_eq!(reader.receive(&mut input), Ok(ChunkProgress::Complete));
        assert_eq!(reader.finish().unwrap().as_ptr(), start);
        assert_eq!(input, "QUIT\r\n");
    }

    #[test]
    fn what_chunks_have_brought_is_counted_once_it_is_outside_the_input() {
        let mut reader = ChunkReader::new(LIMITS);
        let mut input = BytesMut::new();
        for (chunk, held) in [("one", 3), ("two\r\n", 8)] {
            reader.begin(chunk.len() as u64).unwrap();
            input.extend_from_slice(chunk.as_bytes());
            reader.receive(&mut input).unwrap();
            assert_eq!((reader.held(), input.len()), (held, 0));
        }
    }

    #[test]
    fn what_is_left_of_an_abandoned_chunk_is_known() {
        let mut input = BytesMut::from(&b"one"[..]);
        let mut reader = ChunkReader::new(LIMITS);
        reader.begin(10).unwrap();
        assert_eq!(reader.receive(&mut input), Ok(ChunkProgress::Incomplete));
        assert_eq!((reader.abandon(&mut input), input.len()), (7, 0));
    }

    proptest! {
        #[test]
        fn no_split_changes_what_is_read(
            octets in "[\r\n\0a]{0,12}|(\r\n|aaa){0,9}",
            cuts in proptest::collection::vec(0_usize..12, 0..4),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().filter(|cut| *cut < octets.len()).collect();
            cuts.sort_unstable();
            let (mut chunks, mut start) = (Vec::new(), 0);
            for cut in cuts.into_iter().chain([octets.len()]) {
                chunks.push(&octets.as_bytes()[start..cut]);
                start = cut;
            }
            prop_assert_eq!(read(&chunks), read(&[octets.as_bytes()]));
        }
    }
}
