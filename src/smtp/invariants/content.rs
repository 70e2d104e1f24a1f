//! The framing of content, held against RFC 5321 section 4.5.2 read naively:
//! over the whole text at once, with a copy for every step.

use bytes::BytesMut;

use crate::smtp::{ContentLimits, ContentReader, Excess, LineEnds, Progress, Stray};

/// The first two octets are the limits, of the message and of a line, with a
/// bit for what becomes of bare line ends; the others are content, and [`CUT`]
/// in them is where it comes in pieces.
pub fn content(octets: &[u8]) {
    let Some(([message, line], sent)) = octets.split_first_chunk() else { return };
    let rules = Rules {
        limits: ContentLimits {
            message: usize::from(*message),
            line: 2 * usize::from(*line & 0x7f),
        },
        line_ends: if *line < 0x80 { LineEnds::Strict } else { LineEnds::Normalised },
    };
    let pieces: Vec<&[u8]> = sent.split(|octet| *octet == CUT).collect();
    let text = pieces.concat();
    let expected = read_naively(&text, rules);
    assert_eq!(receive(&[&text], rules), expected, "in one piece");
    assert_eq!(receive(&pieces, rules), expected, "in pieces");
    let one_by_one: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(receive(&one_by_one, rules), expected, "an octet at a time");
}

#[derive(Clone, Copy)]
struct Rules {
    limits: ContentLimits,
    line_ends: LineEnds,
}

/// What became of the text.
#[derive(Debug, PartialEq)]
enum Outcome {
    Incomplete,
    Complete { content: Vec<u8>, rest: Vec<u8> },
    Discarded { excess: Excess, rest: Vec<u8> },
    Stray(Stray),
}

fn receive(pieces: &[&[u8]], Rules { limits, line_ends }: Rules) -> Outcome {
    let mut reader = ContentReader::new(limits).with_line_ends(line_ends);
    let mut input = BytesMut::new();
    let mut progress = Progress::Incomplete;
    for piece in pieces {
        input.extend_from_slice(piece);
        if progress == Progress::Incomplete {
            progress = reader.receive(&mut input);
            let kept = input.len() <= 2 * limits.message + piece.len() + END.len();
            assert!(kept || progress != Progress::Incomplete, "{} octets are kept", input.len());
        }
    }
    let rest = input.to_vec();
    match progress {
        Progress::Incomplete => Outcome::Incomplete,
        Progress::Discarded(excess) => Outcome::Discarded { excess, rest },
        Progress::Stray(stray) => Outcome::Stray(stray),
        Progress::Complete(content) => {
            check(&content, limits.message);
            Outcome::Complete { content: content.to_vec(), rest }
        }
    }
}

/// What everyone after the session may rely on.
pub(super) fn check(content: &[u8], limit: usize) {
    assert!(content.len() <= limit, "{} octets of at most {limit}", content.len());
    assert!(content.is_empty() || content.ends_with(b"\r\n"), "its last line has no end");
    assert_eq!(first_stray(content), None, "in {}", content.escape_ascii());
}

/// The text has an end where CRLF.CRLF stands in it, a CRLF before its
/// beginning being understood; what is wrong before that comes first.
fn read_naively(text: &[u8], Rules { limits, line_ends }: Rules) -> Outcome {
    let framed = [b"\r\n", text].concat();
    let end = framed.windows(END.len()).position(|octets| octets == END);
    let before = end.map_or(framed.as_slice(), |end| framed.get(..end + 2).unwrap_or_default());
    let nul = before.contains(&0).then_some(Stray::Nul);
    let stray = if line_ends == LineEnds::Strict { first_stray(before) } else { nul };
    if let Some(stray) = stray {
        return Outcome::Stray(stray);
    }
    let Some(end) = end else { return Outcome::Incomplete };
    let rest = framed.get(end + END.len()..).unwrap_or_default().to_vec();
    let content = normalised(&unstuffed(before.get(2..).unwrap_or_default()));
    if content.len() > limits.message {
        return Outcome::Discarded { excess: Excess::Size, rest };
    }
    if content.split_inclusive(|octet| *octet == b'\n').any(|line| line.len() > limits.line) {
        return Outcome::Discarded { excess: Excess::Line, rest };
    }
    Outcome::Complete { content, rest }
}

/// The first CR or LF that is no part of CRLF, or NUL. A CR that ends the text
/// may yet become one.
fn first_stray(text: &[u8]) -> Option<Stray> {
    let neighbour = |at: Option<usize>| at.and_then(|at| text.get(at)).copied();
    text.iter().enumerate().find_map(|(at, octet)| match octet {
        0 => Some(Stray::Nul),
        b'\n' if neighbour(at.checked_sub(1)) != Some(b'\r') => Some(Stray::LineFeed),
        b'\r' if neighbour(Some(at + 1)).is_some_and(|next| next != b'\n') => {
            Some(Stray::CarriageReturn)
        }
        _ => None,
    })
}

/// Without the dots that follow a CRLF.
fn unstuffed(text: &[u8]) -> Vec<u8> {
    let is_stuffed = |at: usize| {
        let before = text.get(..at).unwrap_or_default();
        text.get(at) == Some(&b'.') && (at == 0 || before.ends_with(b"\r\n"))
    };
    let kept = text.iter().enumerate().filter(|(at, _)| !is_stuffed(*at));
    kept.map(|(_, octet)| *octet).collect()
}

/// Every CR and LF that is no part of CRLF made one; there is none in strict.
fn normalised(text: &[u8]) -> Vec<u8> {
    let mut lines = Vec::new();
    let mut before = None;
    for octet in text {
        match octet {
            b'\n' if before == Some(b'\r') => {}
            b'\r' | b'\n' => lines.extend_from_slice(b"\r\n"),
            octet => lines.push(*octet),
        }
        before = Some(*octet);
    }
    lines
}

const END: &[u8] = b"\r\n.\r\n";
pub(super) const CUT: u8 = 0xff;
