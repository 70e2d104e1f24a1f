//! Octets put into a body under its transfer encoding, at one place; all other
//! octets of the body stay as they stand.

use super::{
    encode::{self, LineBreaks},
    plan::Plan,
};
use crate::content::{Content, Part, TransferEncoding, body_offset};

/// Plans the insertion of `inserted` at `at` of the decoded `octets`.
pub(super) fn insert(
    part: &Part,
    octets: &[u8],
    at: usize,
    inserted: &[u8],
    breaks: LineBreaks,
    plan: &mut Plan<'_>,
) {
    match part.encoding {
        TransferEncoding::Base64 => {
            if !insert_base64(part, octets, at, inserted, breaks, plan) {
                replace_base64(part, octets, at, inserted, plan);
            }
        }
        TransferEncoding::QuotedPrintable => {
            insert_quoted(part, octets, at, inserted, breaks, plan);
        }
        _ => {
            let place = part.body.start + at;
            let looks_like_delimiter = starts_like_delimiter(part, place, plan.content());
            let mut inserted = match inserted.strip_prefix(b"\r\n") {
                Some(rest) if looks_like_delimiter => rest.to_vec(),
                _ => inserted.to_vec(),
            };
            if goes_on_like_delimiter(part, place, plan.content()) {
                inserted.truncate(inserted.trim_ascii_end().len());
            }
            if breaks == LineBreaks::Kept {
                end_line(part, place, &mut inserted, plan.content());
            }
            plan.body(part, place..place, inserted);
        }
    }
}

/// Whether the next delimiter, or the end of the message, follows the body
/// with no line break between.
pub(super) fn ends_at_delimiter(part: &Part, content: &Content) -> bool {
    let rest = content.raw().get(part.body.end..).unwrap_or_default();
    !rest.starts_with(b"\r\n") && !rest.starts_with(b"\n")
}

/// What is put at the very end of such a body must end its line itself.
fn end_line(part: &Part, place: usize, inserted: &mut Vec<u8>, content: &Content) {
    if place == part.body.end && ends_at_delimiter(part, content) && !inserted.ends_with(b"\n") {
        inserted.extend_from_slice(b"\r\n");
    }
}

/// Whether a line broken at `place` might become a delimiter.
fn starts_like_delimiter(part: &Part, place: usize, content: &Content) -> bool {
    let before = content.raw().get(part.body.start..place).unwrap_or_default();
    let line = memchr::memrchr(b'\n', before).map_or(0, |line_end| line_end + 1);
    place < part.body.end && before.get(line..).is_some_and(|line| line.starts_with(b"--"))
}

/// Whether a line that begins at `place`, where none has begun so far, might
/// be a delimiter.
fn goes_on_like_delimiter(part: &Part, place: usize, content: &Content) -> bool {
    let before = content.raw().get(part.body.start..place).unwrap_or_default();
    let rest = content.raw().get(place..part.body.end).unwrap_or_default();
    !before.is_empty() && !before.ends_with(b"\n") && rest.starts_with(b"--")
}

/// Where in the raw message the decoded octet at `at` starts.
fn raw_place(part: &Part, octets: &[u8], at: usize, content: &Content) -> usize {
    if at >= octets.len() {
        part.body.end
    } else {
        body_offset(content, part.id, at).clamp(part.body.start, part.body.end)
    }
}

fn insert_quoted(
    part: &Part,
    octets: &[u8],
    at: usize,
    inserted: &[u8],
    breaks: LineBreaks,
    plan: &mut Plan<'_>,
) {
    let content = plan.content();
    let place = raw_place(part, octets, at, content);
    let before = content.raw().get(part.body.start..place).unwrap_or_default();
    let mut encoded = Vec::with_capacity(inserted.len() + 80);
    match before.last() {
        None | Some(b'\n') => {}
        // A soft break that the end of the body cut short.
        Some(b'=') => encoded.extend_from_slice(b"\r\n"),
        // Blanks before a line break would be taken for padding.
        Some(b' ' | b'\t') => encoded.extend_from_slice(b"=\r\n"),
        Some(_)
            if breaks == LineBreaks::Kept
                && inserted.starts_with(b"\r\n")
                && !starts_like_delimiter(part, place, content) => {}
        Some(_) => encoded.extend_from_slice(b"=\r\n"),
    }
    encoded.extend(encode::quoted_printable(inserted, breaks));
    let rest = content.raw().get(place..part.body.end).unwrap_or_default();
    if !rest.is_empty() && !encoded.ends_with(b"\n") {
        encoded.extend_from_slice(b"=\r\n");
    }
    if goes_on_like_delimiter(part, place, content) {
        // The same hyphen, as no delimiter begins.
        encoded.extend_from_slice(b"=2D");
        return plan.body(part, place..place + 1, encoded);
    }
    if place == part.body.end && ends_at_delimiter(part, content) && !encoded.ends_with(b"\n") {
        // Not part of the text: the line break after a soft one.
        encoded.extend_from_slice(b"=\r\n");
    }
    plan.body(part, place..place, encoded);
}

/// Puts octets between two quanta, or into the one that holds the place. Not
/// done where the encoded text is not laid out as it should be.
fn insert_base64(
    part: &Part,
    octets: &[u8],
    at: usize,
    inserted: &[u8],
    breaks: LineBreaks,
    plan: &mut Plan<'_>,
) -> bool {
    let content = plan.content();
    let raw = content.raw();
    let Some(body) = raw.get(part.body.clone()) else { return false };
    let trimmed = body.trim_ascii_end();
    let start = at - at % 3;
    // The quantum that holds the place is written anew with what is put in.
    let (quantum, from) = if start >= octets.len() {
        (0..0, part.body.start + trimmed.len())
    } else {
        (start..octets.len().min(start + 3), raw_place(part, octets, start, content))
    };
    let to = if quantum.is_empty() { from } else { from + 4 };
    let written = raw.get(from..to).unwrap_or_default();
    if written.iter().any(u8::is_ascii_whitespace) {
        return false;
    }
    if crate::content::base64_decoded(written) != octets.get(quantum.clone()).unwrap_or_default() {
        return false;
    }
    let line_start = body
        .get(..from - part.body.start)
        .and_then(|before| memchr::memrchr(b'\n', before))
        .map_or(part.body.start, |line_end| part.body.start + line_end + 1);
    let column = from - line_start;
    if !column.is_multiple_of(4) {
        return false;
    }
    let split = at - start;
    let (head, tail) =
        octets.get(quantum).unwrap_or_default().split_at_checked(split).unwrap_or_default();
    let mut joined = [head, inserted, tail].concat();
    let follows = part.body.start + trimmed.len() > to;
    if follows && breaks == LineBreaks::Encoded && !joined.len().is_multiple_of(3) {
        // One octet of white space would shift all units after it.
        return false;
    }
    if follows {
        // White space, so that what follows starts a quantum as it did.
        while !joined.len().is_multiple_of(3) {
            joined.insert(head.len() + inserted.len(), b' ');
        }
    }
    let mut encoded = encode::base64_lines(&joined, column);
    let rest_of_line = raw.get(to..part.body.end).unwrap_or_default();
    if follows && !rest_of_line.starts_with(b"\r\n") && !rest_of_line.starts_with(b"\n") {
        encoded.extend_from_slice(b"\r\n");
    }
    if to == part.body.end {
        end_line(part, to, &mut encoded, content);
    }
    plan.body(part, from..to, encoded);
    true
}

/// Encodes a whole body anew, where its base64 is laid out oddly.
fn replace_base64(part: &Part, octets: &[u8], at: usize, inserted: &[u8], plan: &mut Plan<'_>) {
    let (head, tail) = octets.split_at_checked(at).unwrap_or((octets, &[]));
    let mut encoded = encode::base64_lines(&[head, inserted, tail].concat(), 0);
    end_line(part, part.body.end, &mut encoded, plan.content());
    plan.body(part, part.body.clone(), encoded);
}
