//! Text as octets of a body: line ends, transfer encodings (RFC 2045).

use std::fmt::Write as _;

use base64::{Engine, engine::general_purpose::STANDARD};

/// Lines as mail ends them, none longer than SMTP carries.
pub(super) fn crlf_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 32);
    for line in text.lines() {
        let mut rest = line.trim_end_matches('\r');
        while rest.len() > MAX_LINE {
            let (head, tail) = rest.split_at(break_before(rest));
            out.push_str(head.trim_end());
            out.push_str("\r\n");
            rest = tail.trim_start_matches(' ');
        }
        out.push_str(rest);
        out.push_str("\r\n");
    }
    out
}

/// Where a line that is too long can be broken: at its last blank within the
/// limit, else between two characters.
fn break_before(line: &str) -> usize {
    let limit = line.floor_char_boundary(MAX_LINE);
    let blank = line.get(..limit).and_then(|head| head.rfind(' ')).filter(|&at| at > 0);
    blank.map_or(limit, |at| at + 1)
}

/// HTML in which everything beyond ASCII is a character reference: it reads
/// the same in every charset, also a wrongly declared one.
pub(super) fn ascii_html(html: &str) -> String {
    let mut out = String::with_capacity(html.len() + 64);
    for character in html.chars() {
        if character.is_ascii() {
            out.push(character);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "&#{};", u32::from(character));
        }
    }
    out
}

/// The nearest ASCII: for a text whose charset is not known.
pub(super) fn nearest_ascii(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            _ if character.is_ascii() => out.push(character),
            '\u{2018}' | '\u{2019}' | '\u{201b}' => out.push('\''),
            '\u{201c}' | '\u{201d}' => out.push('"'),
            '\u{2010}'..='\u{2015}' | '\u{2212}' => out.push('-'),
            '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' => out.push(' '),
            '\u{2026}' => out.push_str("..."),
            '\u{2022}' | '\u{b7}' => out.push('*'),
            '£' => out.push_str("GBP "),
            'â' | 'à' | 'á' | 'ä' => out.push('a'),
            'ê' | 'è' | 'é' | 'ë' => out.push('e'),
            'î' | 'ì' | 'í' | 'ï' => out.push('i'),
            'ô' | 'ò' | 'ó' | 'ö' => out.push('o'),
            'û' | 'ù' | 'ú' | 'ü' => out.push('u'),
            'ŵ' => out.push('w'),
            'ŷ' | 'ÿ' => out.push('y'),
            _ => out.push('?'),
        }
    }
    out
}

/// What is encoded: text keeps its line breaks, other octets have none.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LineBreaks {
    Kept,
    /// UTF-16 and the like: CR and LF are octets as any other.
    Encoded,
}

/// Quoted-printable, from the start of a line.
pub(super) fn quoted_printable(octets: &[u8], breaks: LineBreaks) -> Vec<u8> {
    let mut out = Vec::with_capacity(octets.len() + octets.len() / 4);
    let mut column = 0;
    let mut rest = octets;
    while let [octet, tail @ ..] = rest {
        if breaks == LineBreaks::Kept {
            let line_break = match rest {
                [b'\r', b'\n', ..] => 2,
                [b'\n', ..] => 1,
                _ => 0,
            };
            if line_break > 0 {
                let (taken, after) = rest.split_at(line_break);
                out.extend_from_slice(taken);
                rest = after;
                column = 0;
                continue;
            }
        }
        let ends_line = match tail {
            [] => true,
            [b'\r', b'\n', ..] | [b'\n', ..] => breaks == LineBreaks::Kept,
            _ => false,
        };
        let plain = match octet {
            b' ' | b'\t' => !ends_line,
            // Dots and "From " at the start of a line are not left to luck.
            b'.' => column > 0,
            b'F' => column > 0 || !rest.starts_with(b"From "),
            b'=' => false,
            _ => (33..=126).contains(octet),
        };
        let width = if plain { 1 } else { 3 };
        if column + width + usize::from(!ends_line) > QUOTED_LINE {
            out.extend_from_slice(b"=\r\n");
            column = 0;
        }
        if plain {
            out.push(*octet);
        } else {
            out.push(b'=');
            out.extend([octet >> 4, octet & 15].map(hex_digit));
        }
        column += width;
        rest = tail;
    }
    out
}

fn hex_digit(value: u8) -> u8 {
    HEX.get(usize::from(value)).copied().unwrap_or(b'0')
}

/// Base64 in lines, the first of which has `column` characters already; no
/// line end after the last.
pub(super) fn base64_lines(octets: &[u8], column: usize) -> Vec<u8> {
    let encoded = STANDARD.encode(octets);
    let mut out = Vec::with_capacity(encoded.len() + encoded.len() / 38 + 2);
    let room = BASE64_LINE.saturating_sub(column) / 4 * 4;
    let (first, rest) = encoded.as_bytes().split_at(room.min(encoded.len()));
    out.extend_from_slice(first);
    for line in rest.chunks(BASE64_LINE) {
        if column > 0 || !out.is_empty() {
            out.extend_from_slice(b"\r\n");
        }
        out.extend_from_slice(line);
    }
    out
}

/// A little under the 998 of RFC 5321, for what may still come in front.
const MAX_LINE: usize = 990;
const QUOTED_LINE: usize = 76;
const BASE64_LINE: usize = 76;
const HEX: &[u8; 16] = b"0123456789ABCDEF";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_lines_keep_to_their_limit() {
        let text = format!("{}\u{e9}= \r\nFrom x\r\n.\r\n{} ", "a".repeat(74), "é".repeat(60));
        let encoded = quoted_printable(text.as_bytes(), LineBreaks::Kept);
        let encoded = String::from_utf8(encoded).unwrap();
        assert!(encoded.split("\r\n").all(|line| line.len() <= 76), "{encoded}");
        assert!(encoded.contains("\r\n=46rom x\r\n=2E\r\n"));
        assert!(encoded.ends_with("=20"));
        let decoded =
            mail_parser::decoders::quoted_printable::quoted_printable_decode(encoded.as_bytes());
        assert_eq!(decoded.unwrap(), text.as_bytes());
    }

    #[test]
    fn base64_goes_on_in_the_last_line() {
        let encoded = base64_lines(&[b'x'; 100], 72);
        let lines: Vec<_> = encoded.split(|&octet| octet == b'\n').map(<[u8]>::len).collect();
        assert_eq!(lines, [5, 77, 56]);
        assert!(base64_lines(b"abc", 76).starts_with(b"\r\n"));
        assert_eq!(base64_lines(b"abc", 0), b"YWJj");
    }

    #[test]
    fn lines_are_broken_at_blanks() {
        let lines = crlf_lines(&"word ".repeat(400));
        assert!(lines.split("\r\n").all(|line| line.len() <= MAX_LINE));
        assert_eq!(lines.split_whitespace().count(), 400);
        assert_eq!(crlf_lines("a\nb"), "a\r\nb\r\n");
    }

    #[test]
    fn html_beyond_ascii_is_written_in_references() {
        assert_eq!(ascii_html("<p>£ŵ</p>"), "<p>&#163;&#373;</p>");
    }
}
