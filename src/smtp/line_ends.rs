//! Line ends that are none: what becomes of a CR or LF outside CRLF.
//!
//! Refused, for nearly everybody. Old devices that the operator has listed
//! are borne with, since they cannot be mended and a letter they send matters:
//! each bare CR or LF of theirs becomes CRLF. That is done to the text alone,
//! after it has been framed: content still ends at CRLF.CRLF only, and dots
//! are taken off lines that CRLF has begun and no others. So nothing that a
//! bare line end surrounds can end a message or begin a command; and a `.5 mg`
//! on a line of such a device does not become a `5 mg`. NUL has no excuse.

use bytes::{Bytes, BytesMut};
use memchr::memchr2;

use super::line::Stray;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LineEnds {
    /// Refused, and the session with it.
    #[default]
    Strict,
    /// Taken for a line's end, and counted.
    Normalised,
}

impl LineEnds {
    /// Whether this one is borne with.
    pub(super) fn bear(self, stray: Stray) -> Result<(), Stray> {
        match (self, stray) {
            (Self::Normalised, Stray::CarriageReturn | Stray::LineFeed) => Ok(()),
            _ => Err(stray),
        }
    }
}

/// `text`, with so many strays in it, every line ended by CRLF.
pub(super) fn normalised(text: &[u8], strays: usize) -> Bytes {
    let mut lines = BytesMut::with_capacity(text.len() + strays);
    let mut rest = text;
    while let Some((line, end)) =
        memchr2(b'\r', b'\n', rest).and_then(|at| rest.split_at_checked(at))
    {
        lines.extend_from_slice(line);
        lines.extend_from_slice(b"\r\n");
        rest = end.strip_prefix(b"\r\n").or_else(|| end.get(1..)).unwrap_or_default();
    }
    lines.extend_from_slice(rest);
    lines.freeze()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::smtp::{ContentLimits, ContentReader, Excess, Framed, LineReader, Progress};

    /// What is read of content, however it is cut, and what is left.
    fn read(octets: &[u8], limit: usize) -> (Progress, Vec<u8>) {
        read_within(octets, ContentLimits { message: limit, line: 1_000 })
    }

    fn read_within(octets: &[u8], limits: ContentLimits) -> (Progress, Vec<u8>) {
        let reader = || ContentReader::new(limits).with_line_ends(LineEnds::Normalised);
        let mut whole = BytesMut::from(octets);
        let progress = reader().receive(&mut whole);
        let (mut reader, mut input) = (reader(), BytesMut::new());
        let mut fed = octets.iter();
        let mut piecemeal = Progress::Incomplete;
        while let (Progress::Incomplete, Some(octet)) = (&piecemeal, fed.next()) {
            input.extend_from_slice(&[*octet]);
            piecemeal = reader.receive(&mut input);
        }
        assert_eq!(progress, piecemeal, "{:?}", octets.escape_ascii().to_string());
        (progress, whole.to_vec())
    }

    /// The same, written down as it is defined, and slowly: where content
    /// ends, which dots go, and then what its line ends become.
    fn model(wire: &[u8]) -> Option<Vec<u8>> {
        let framed = [b"\r\n", wire].concat();
        let end = (0..framed.len()).find(|&at| framed[at..].starts_with(b"\r\n.\r\n"))?;
        let body = &framed[..end + 2];
        let mut content = Vec::new();
        for (at, &octet) in body.iter().enumerate().skip(2) {
            if !(octet == b'.' && body[..at].ends_with(b"\r\n")) {
                content.push(octet);
            }
        }
        let mut lines = Vec::new();
        for (at, &octet) in content.iter().enumerate() {
            match octet {
                b'\n' if at > 0 && content[at - 1] == b'\r' => {}
                b'\r' | b'\n' => lines.extend_from_slice(b"\r\n"),
                other => lines.push(other),
            }
        }
        Some(lines)
    }

    fn complete(content: &[u8]) -> Progress {
        Progress::Complete(Bytes::copy_from_slice(content))
    }

    #[test]
    fn bare_line_ends_in_content_become_crlf() {
        let wire = b"Subject: x\n\nline\rline\r\nlast\n\r\n.\r\nRSET\r\n";
        let plain = b"Subject: x\r\n\r\nline\r\nline\r\nlast\r\n\r\n";
        assert_eq!(read(wire, 999), (complete(plain), b"RSET\r\n".to_vec()));
    }

    #[test]
    fn a_dot_between_bare_line_ends_is_content_and_ends_nothing() {
        for inner in ["\n.\n", "\n.\r\n", "\r.\r\n", "\r.\r", "\n.\r", "\r\n.\n", "\r\n.\r"] {
            let wire = format!("a{inner}MAIL FROM:<x@test.example>\r\n.\r\n");
            let (progress, rest) = read(wire.as_bytes(), 999);
            let Progress::Complete(content) = progress else { panic!("{inner:?}: {progress:?}") };
            assert!(content.ends_with(b"MAIL FROM:<x@test.example>\r\n"), "{inner:?}");
            assert_eq!(rest, b"", "{inner:?}");
        }
    }

    #[test]
    fn a_dot_after_a_bare_line_end_stays() {
        assert_eq!(read(b"dose\n.5 mg\r\n.\r\n", 99).0, complete(b"dose\r\n.5 mg\r\n"));
        assert_eq!(read(b"dose\n..5 mg\r\n.\r\n", 99).0, complete(b"dose\r\n..5 mg\r\n"));
        assert_eq!(read(b"dose\r\n..5 mg\r\n.\r\n", 99).0, complete(b"dose\r\n.5 mg\r\n"));
    }

    #[test]
    fn nul_is_refused_from_anybody() {
        assert_eq!(read(b"a\nb\0\r\n.\r\n", 99).0, Progress::Stray(Stray::Nul));
        let mut reader = LineReader::new(LineEnds::Normalised);
        let mut input = BytesMut::from(&b"NO\0OP\n"[..]);
        assert_eq!(reader.receive(&mut input, 99), Framed::Stray(Stray::Nul));
    }

    #[test]
    fn what_line_ends_grow_by_counts_towards_the_limit() {
        assert_eq!(read(b"a\nb\nc\r\n.\r\n", 9).0, complete(b"a\r\nb\r\nc\r\n"));
        assert!(matches!(read(b"a\nb\nc\r\n.\r\n", 8).0, Progress::Discarded(Excess::Size)));
    }

    #[test]
    fn a_bare_line_end_ends_a_command() {
        let mut reader = LineReader::new(LineEnds::Normalised);
        let mut input = BytesMut::from(&b"NOOP\nRSET\rQUIT\r\n"[..]);
        for wanted in ["NOOP", "RSET"] {
            assert_eq!(reader.receive(&mut input, 99), Framed::BareLine(5));
            assert_eq!(&input.split_to(5)[..4], wanted.as_bytes());
        }
        assert_eq!(reader.receive(&mut input, 99), Framed::Line(6));
    }

    #[test]
    fn a_carriage_return_is_bare_only_once_something_else_follows_it() {
        let mut reader = LineReader::new(LineEnds::Normalised);
        let mut input = BytesMut::from(&b"NOOP\r"[..]);
        assert_eq!(reader.receive(&mut input, 99), Framed::Incomplete);
        input.extend_from_slice(b"\n");
        assert_eq!(reader.receive(&mut input, 99), Framed::Line(6));
    }

    #[test]
    fn a_bare_line_end_ends_a_long_line_too() {
        let limits = ContentLimits { message: 99, line: 30 };
        let line = "x".repeat(28);
        let wire = format!("{line}\n{line}\r{line}\r\n.\r\n");
        assert!(matches!(read_within(wire.as_bytes(), limits).0, Progress::Complete(_)));
        let wire = format!("{line}x\n{line}\r\n.\r\n");
        assert_eq!(read_within(wire.as_bytes(), limits).0, Progress::Discarded(Excess::Line));
    }

    proptest! {
        #[test]
        fn content_is_what_the_model_says(wire in "[\r\n.a]{0,14}|(\r\n|\n|\r|\\.|a){0,24}(\r\n\\.\r\n)?") {
            let wanted = match model(wire.as_bytes()) {
                Some(content) => complete(&content),
                None => Progress::Incomplete,
            };
            prop_assert_eq!(read(wire.as_bytes(), 999).0, wanted);
        }

        /// Whatever comes in, what goes on can be framed by anybody.
        #[test]
        fn no_stray_comes_out(octets in proptest::collection::vec(any::<u8>(), 0..60), bare in "[\r\n.a\0]{0,30}") {
            let wire = [&octets[..], bare.as_bytes(), b"\r\n.\r\n"].concat();
            if let Progress::Complete(content) = read(&wire, 999).0 {
                let text = String::from_utf8_lossy(&content).replace("\r\n", "");
                prop_assert!(!text.contains(['\r', '\n', '\0']), "{:?}", text);
                prop_assert!(content.is_empty() || content.ends_with(b"\r\n"));
            }
        }
    }
}
