//! The value of a header field in ASCII, for next hops that carry no more: as
//! encoded words (RFC 2047) in text and in the names of people, as an extended
//! parameter (RFC 2231) in the fields of MIME.

use base64::{Engine, engine::general_purpose::STANDARD};
use percent_encoding::percent_encode;

use crate::mail::NOT_UNRESERVED;

/// None where that cannot be said in ASCII: an address itself, or a parameter
/// that is written against the rules.
pub(super) fn in_ascii(name: &str, value: &[u8]) -> Option<Vec<u8>> {
    let name = name.to_ascii_lowercase();
    if name == "content-type" || name == "content-disposition" {
        parameters_in_ascii(value)
    } else if is_of_addresses(&name) {
        addresses_in_ascii(value)
    } else {
        Some(text_in_ascii(value))
    }
}

fn is_of_addresses(name: &str) -> bool {
    let name = name.strip_prefix("resent-").unwrap_or(name);
    ["from", "sender", "reply-to", "to", "cc", "bcc"].contains(&name)
}

/// Unstructured text: neighbouring words beyond ASCII are encoded together,
/// with what stands between them, since readers drop blanks between two
/// encoded words.
fn text_in_ascii(value: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(value.len() * 2);
    let mut waiting: Vec<u8> = Vec::new();
    let mut blanks: Vec<u8> = Vec::new();
    let mut after_encoded_word = false;
    for (word, blank) in words(value) {
        if word.is_ascii() {
            flush(&mut waiting, &mut out);
            out.append(&mut blanks);
            out.extend_from_slice(word);
            after_encoded_word = word.ends_with(b"?=");
        } else if waiting.is_empty() {
            out.extend_from_slice(&blanks);
            if after_encoded_word {
                waiting.push(b' ');
            }
            waiting.extend_from_slice(word);
            after_encoded_word = true;
        } else {
            waiting.extend(unfolded(&blanks));
            waiting.extend_from_slice(word);
        }
        blanks = blank.to_vec();
    }
    flush(&mut waiting, &mut out);
    out.append(&mut blanks);
    out
}

/// Each word with the blanks after it; the first may be empty.
fn words(value: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = value;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let is_blank = |octet: &u8| octet.is_ascii_whitespace();
        let end = rest.iter().position(is_blank).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let end = after.iter().position(|octet| !is_blank(octet)).unwrap_or(after.len());
        let (blanks, after) = after.split_at(end);
        rest = after;
        Some((word, blanks))
    })
}

fn unfolded(blanks: &[u8]) -> impl Iterator<Item = u8> {
    blanks.iter().copied().filter(|octet| !matches!(octet, b'\r' | b'\n'))
}

fn flush(waiting: &mut Vec<u8>, out: &mut Vec<u8>) {
    if !waiting.is_empty() {
        out.extend_from_slice(encoded_words(waiting).as_bytes());
        waiting.clear();
    }
}

/// Names of people, in quotes or not, become encoded words; comments as well.
fn addresses_in_ascii(value: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len() * 2);
    let mut rest = value;
    while let Some(&first) = rest.first() {
        let (piece, after) = rest.split_at(end_of_piece(rest));
        rest = after;
        if piece.is_ascii() {
            out.extend_from_slice(piece);
            continue;
        }
        // A local part is no text.
        if piece.contains(&b'@') || rest.trim_ascii_start().starts_with(b"@") {
            return None;
        }
        if out.ends_with(b"?=") {
            out.push(b' ');
        }
        match first {
            b'<' => return None,
            b'"' => out.extend_from_slice(encoded_words(&unquoted(piece)).as_bytes()),
            _ => out.append(&mut text_in_ascii(piece)),
        }
        if rest.first().is_some_and(|octet| !octet.is_ascii_whitespace() && *octet != b',') {
            out.push(b' ');
        }
    }
    Some(out)
}

/// A quoted string, an address in its brackets, a special alone, or a run of
/// words.
fn end_of_piece(rest: &[u8]) -> usize {
    let is_special = |octet: &u8| b"()<>,;:\"".contains(octet);
    match rest.first() {
        Some(b'"') => end_of_quoted(rest),
        Some(b'<') => rest.iter().position(|&octet| octet == b'>').map_or(rest.len(), |at| at + 1),
        Some(octet) if is_special(octet) || octet.is_ascii_whitespace() => 1,
        _ => {
            let run = rest.iter().position(is_special).unwrap_or(rest.len());
            rest.get(..run).map_or(run, |run| run.trim_ascii_end().len())
        }
    }
}

fn end_of_quoted(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(octet) = rest.get(at) {
        match octet {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    rest.len()
}

/// What a quoted string says.
fn unquoted(quoted: &[u8]) -> Vec<u8> {
    let inner = quoted.strip_prefix(b"\"").unwrap_or(quoted);
    let inner = inner.strip_suffix(b"\"").unwrap_or(inner);
    let mut out = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for &octet in inner {
        escaped = octet == b'\\' && !escaped;
        if !escaped && !matches!(octet, b'\r' | b'\n') {
            out.push(octet);
        }
    }
    out
}

/// `name="Brief für Sie.pdf"` as `name*=utf-8''Brief%20f%C3%BCr%20Sie.pdf`.
fn parameters_in_ascii(value: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(value.len() * 2);
    let mut rest = value;
    while let Some(at) = rest.iter().position(|&octet| octet == b'=') {
        let (before, after) = rest.split_at(at + 1);
        let blanks = after.len() - after.trim_ascii_start().len();
        let (blank, after) = after.split_at(blanks);
        let end = match after.first() {
            Some(b'"') => end_of_quoted(after),
            _ => after.iter().position(|octet| *octet == b';').unwrap_or(after.len()),
        };
        let (written, after) = after.split_at(end);
        rest = after;
        if written.is_ascii() {
            out.extend_from_slice(&[before, blank, written].concat());
            continue;
        }
        let attribute = before.strip_suffix(b"=").unwrap_or(before).trim_ascii_end();
        if attribute.ends_with(b"*") {
            return None;
        }
        out.extend_from_slice(attribute);
        out.extend_from_slice(b"*=");
        out.extend_from_slice(extended(&unquoted(written.trim_ascii_end())).as_bytes());
    }
    out.extend_from_slice(rest);
    out.is_ascii().then_some(out)
}

/// RFC 2231 section 4. A charset that is not known is left out.
fn extended(octets: &[u8]) -> String {
    let charset = if std::str::from_utf8(octets).is_ok() { "utf-8" } else { "" };
    format!("{charset}''{}", percent_encode(octets, NOT_UNRESERVED))
}

/// Words of at most 75 characters, each of whole characters, on a line each.
/// Octets that are not UTF-8 are passed on as what they are: unknown
/// (RFC 1428).
fn encoded_words(octets: &[u8]) -> String {
    let (charset, chunks): (_, Vec<&[u8]>) = match std::str::from_utf8(octets) {
        Ok(text) => ("utf-8", chunks(text)),
        Err(_) => ("unknown-8bit", octets.chunks(MOST_OCTETS).collect()),
    };
    let mut out = String::new();
    for chunk in chunks {
        if !out.is_empty() {
            out.push_str("\r\n ");
        }
        out.push_str(&format!("=?{charset}?B?{}?=", STANDARD.encode(chunk)));
    }
    out
}

fn chunks(text: &str) -> Vec<&[u8]> {
    let mut chunks = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (chunk, after) = rest.split_at(rest.floor_char_boundary(MOST_OCTETS));
        chunks.push(chunk.as_bytes());
        rest = after;
    }
    chunks
}

/// 39 octets are 52 characters of base64, 71 with `=?unknown-8bit?B??=`.
const MOST_OCTETS: usize = 39;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Content;

    fn ascii(name: &str, value: &str) -> String {
        String::from_utf8(in_ascii(name, value.as_bytes()).unwrap()).unwrap()
    }

    /// As our own reader reads it, which knows RFC 2047 from others' mail.
    fn read_back(name: &str, value: &str) -> String {
        let raw = format!("{name}: {}\r\n\r\n", ascii(name, value));
        assert!(raw.is_ascii() && raw.split("\r\n").all(|line| line.len() < 200), "{raw}");
        read(&raw)
    }

    fn read(raw: &str) -> String {
        let content = Content::parse(raw.as_bytes().to_vec().into());
        content.readable(&content.fields()[0])
    }

    #[test]
    fn text_reads_as_it_did() {
        for text in [
            "Grüße",
            "Ihre Befunde für März",
            "Grüße über alles, a plain end",
            "=?utf-8?q?encoded=20?= läter",
            "ŵ ŷ ".repeat(60).trim_end(),
        ] {
            assert_eq!(read_back("Subject", text), read(&format!("Subject: {text}\r\n\r\n")));
        }
    }

    #[test]
    fn octets_of_no_known_charset_are_kept() {
        let encoded = in_ascii("Subject", b"Gr\xfc\xdfe you").unwrap();
        assert_eq!(encoded, b"=?unknown-8bit?B?R3L832U=?= you");
    }

    #[test]
    fn people_have_their_names_and_addresses_stay() {
        let to = "\"Jörg \\\"J\\\" Müller\" <j@x.example>, Zoë Smith<z@x.example>, plain@x.example";
        let said = "Jörg \"J\" Müller <j@x.example>, Zoë Smith <z@x.example>, plain@x.example";
        assert_eq!(read_back("To", to), said);
        assert_eq!(in_ascii("To", "jörg@x.example".as_bytes()), None);
        assert_eq!(in_ascii("To", "A <jörg@x.example>".as_bytes()), None);
        assert_eq!(in_ascii("To", "\"jörg\" @x.example".as_bytes()), None);
    }

    #[test]
    fn names_of_files_become_extended_parameters() {
        assert_eq!(
            ascii("Content-Type", "application/pdf; name=\"für Sie.pdf\"; x=y"),
            "application/pdf; name*=utf-8''f%C3%BCr%20Sie.pdf; x=y"
        );
        let latin = in_ascii("Content-Disposition", b"attachment; filename=f\xfcr.pdf").unwrap();
        assert_eq!(latin, b"attachment; filename*=''f%FCr.pdf");
        assert_eq!(in_ascii("Content-Type", "text/plain; x*=ü".as_bytes()), None);
        assert_eq!(in_ascii("Content-Type", "text/pläin".as_bytes()), None);
    }
}
