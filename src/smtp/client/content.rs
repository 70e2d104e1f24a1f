//! Content as DATA carries it: dot-stuffed, ended (RFC 5321 section 4.5.2).
//!
//! A dot is doubled after any LF, not only after CRLF. In the content we are
//! given every line ends in CRLF; were that ever broken, a peer that takes a
//! bare LF for a line end could be made to see an end of content that is not
//! there, and what follows would be commands of the attacker's.

use bytes::{BufMut, Bytes, BytesMut};
use memchr::memmem;

/// The pieces of a message as they go on the wire. Long runs without a dot at
/// a line's start are slices of the message itself; only short ones are copied.
#[derive(Debug)]
pub(super) struct Stuffed {
    content: Bytes,
    /// Octets of `content` before this are out.
    position: usize,
    ending: Ending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Due,
    Sent,
}

impl Stuffed {
    pub(super) fn new(content: Bytes) -> Self {
        Self { content, position: 0, ending: Ending::Due }
    }

    /// Where the next dot that begins a line stands, from `from` on; the end
    /// of the content if there is none.
    fn next_dot(&self, from: usize) -> usize {
        if from == 0 && self.content.first() == Some(&b'.') {
            return 0;
        }
        let before = from.saturating_sub(1);
        let rest = self.content.get(before..).unwrap_or_default();
        memmem::find(rest, b"\n.").map_or(self.content.len(), |at| before + at + 1)
    }

    /// Content from the position on in a buffer of its own, dots doubled, up
    /// to a run long enough to be sent as a slice.
    fn copied(&mut self, mut dot: usize) -> Bytes {
        let mut buffer = BytesMut::with_capacity(COPIED);
        while buffer.len() < COPIED && dot < self.content.len() {
            buffer.extend_from_slice(self.content.get(self.position..dot).unwrap_or_default());
            buffer.put_slice(b"..");
            self.position = dot + 1;
            dot = self.next_dot(self.position);
            if dot - self.position >= LONG_RUN {
                break;
            }
        }
        buffer.freeze()
    }

    fn end(&mut self) -> Option<Bytes> {
        if self.ending == Ending::Sent {
            return None;
        }
        self.ending = Ending::Sent;
        let complete = self.content.is_empty() || self.content.ends_with(b"\r\n");
        Some(Bytes::from_static(if complete { b".\r\n" } else { b"\r\n.\r\n" }))
    }
}

impl Iterator for Stuffed {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        if self.position >= self.content.len() {
            return self.end();
        }
        let dot = self.next_dot(self.position);
        if dot - self.position >= LONG_RUN || dot == self.content.len() {
            let run = self.content.slice(self.position..dot);
            self.position = dot;
            return Some(run);
        }
        Some(self.copied(dot))
    }
}

/// Runs shorter than this are copied together: a message of nothing but dots
/// must not become a million pieces.
const LONG_RUN: usize = 4096;
const COPIED: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(content: &str) -> String {
        let pieces = Stuffed::new(Bytes::copy_from_slice(content.as_bytes()));
        String::from_utf8(pieces.flatten().collect()).unwrap()
    }

    #[test]
    fn a_dot_at_the_start_of_a_line_is_doubled() {
        assert_eq!(wire(".\r\n"), "..\r\n.\r\n");
        assert_eq!(wire("a\r\n.b\r\n..\r\nc.\r\n"), "a\r\n..b\r\n...\r\nc.\r\n.\r\n");
        assert_eq!(wire("..\r\n.\r\n"), "...\r\n..\r\n.\r\n");
    }

    #[test]
    fn content_without_its_last_line_end_gets_one() {
        assert_eq!(wire("a"), "a\r\n.\r\n");
        assert_eq!(wire(""), ".\r\n");
    }

    #[test]
    fn a_bare_line_feed_before_a_dot_cannot_end_content() {
        assert_eq!(wire("a\n.\r\nMAIL FROM:<x>\r\n"), "a\n..\r\nMAIL FROM:<x>\r\n.\r\n");
    }

    #[test]
    fn a_run_without_dots_is_not_copied() {
        let content = Bytes::from("x".repeat(100_000) + "\r\n");
        let first = Stuffed::new(content.clone()).next().unwrap();
        assert_eq!(first.as_ptr(), content.as_ptr());
        assert_eq!(first.len(), content.len());
    }

    #[test]
    fn a_message_of_dots_makes_few_pieces() {
        let pieces = Stuffed::new(Bytes::from(".\r\n".repeat(100_000))).count();
        assert!(pieces < 50, "{pieces} pieces");
    }

    #[test]
    fn stuffing_agrees_with_the_plain_definition_at_every_length() {
        for gap in [0, 1, LONG_RUN - 2, LONG_RUN - 1, LONG_RUN, COPIED, COPIED + 1] {
            let content = format!(".{}\r\n.\r\n.{}\r\n..\r\n", "a".repeat(gap), "b".repeat(gap));
            let plain: String = content
                .split_inclusive("\r\n")
                .map(
                    |line| {
                        if line.starts_with('.') { format!(".{line}") } else { line.to_owned() }
                    },
                )
                .collect();
            assert_eq!(wire(&content), plain + ".\r\n", "gap {gap}");
        }
    }
}
