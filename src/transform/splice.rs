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
            // A line end before a delimiter is the delimiter's, in any charset.
            if breaks == LineBreaks::Kept || part.body.end < plan.content().raw().len() {
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

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::STANDARD};
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::transform::Change;

    /// What follows the body of the one part that is looked at.
    const BEHIND: [&str; 3] = ["\r\n--b\r\n\r\nanother\r\n--b--\r\n", "--b--\r\n", ""];

    fn message(encoding: &str, body: &[u8], behind: &str) -> Content {
        let head = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
             Content-Transfer-Encoding: {encoding}\r\n\r\n"
        );
        Content::parse(Bytes::from([head.as_bytes(), body, behind.as_bytes()].concat()))
    }

    /// The message with it put in at `at` of the part's decoded octets.
    fn inserted(
        before: &Content,
        at: usize,
        inserted: &[u8],
        breaks: LineBreaks,
    ) -> (Content, Vec<Change>) {
        let part = &before.parts()[1];
        let mut plan = Plan::new(before);
        insert(part, &before.decoded(part.id), at, inserted, breaks, &mut plan);
        let changes = plan.finish();
        let mut after = before.raw().to_vec();
        for change in changes.iter().rev() {
            after.splice(change.source.clone(), change.inserted.clone());
        }
        (Content::parse(Bytes::from(after)), changes)
    }

    fn without_blanks(octets: &[u8]) -> Vec<u8> {
        octets.iter().copied().filter(|octet| !octet.is_ascii_whitespace()).collect()
    }

    /// Text in which much looks like a delimiter and is none.
    fn text() -> impl Strategy<Value = String> {
        let pieces = vec!["a", "bc", "--", "--b", "--bc", " ", "=", "\r\n", "é"];
        prop::collection::vec(prop::sample::select(pieces), 0..9).prop_map(|pieces| pieces.concat())
    }

    fn body() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
        let quoted =
            text().prop_map(|text| encode::quoted_printable(text.as_bytes(), LineBreaks::Kept));
        let base64 = (text(), prop::sample::select(vec![4_usize, 8, 76, 10, 7]), 0..3_usize);
        let base64 = base64.prop_map(|(text, width, ends)| {
            let encoded = STANDARD.encode(text);
            let lines: Vec<&[u8]> = encoded.as_bytes().chunks(width).collect();
            [lines.join(&b"\r\n"[..]), b"\r\n".repeat(ends)].concat()
        });
        prop_oneof![
            text().prop_map(|text| ("8bit", text.into_bytes())),
            quoted.prop_map(|body| ("quoted-printable", body)),
            base64.prop_map(|body| ("base64", body)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 2000, max_global_rejects: 20_000, failure_persistence: None, ..ProptestConfig::default()
        })]

        #[test]
        fn what_is_put_in_stands_where_it_should_and_nothing_else_moves(
            (encoding, body) in body(),
            behind in prop::sample::select(BEHIND.to_vec()),
            place in any::<prop::sample::Index>(),
            before in prop::sample::select(vec!["", "\r\n"]),
            after in prop::sample::select(vec!["", "\r\n"]),
            is_kept in any::<bool>(),
        ) {
            let breaks = if is_kept { LineBreaks::Kept } else { LineBreaks::Encoded };
            let is_delimiter = |line: &[u8]| [&b"--b"[..], b"--b--"].contains(&line.trim_ascii_end());
            prop_assume!(!body.split(|&octet| octet == b'\n').any(is_delimiter));
            prop_assume!(behind != BEHIND[1] || body.is_empty() || body.ends_with(b"\n"));
            let message = message(encoding, &body, behind);
            prop_assume!(message.parts().len() == 2 + behind.matches("--b\r").count());
            let part = &message.parts()[1];
            let octets = message.decoded(part.id);
            let at = place.index(octets.len() + 1);
            let text = format!("{before}<tag line>{after}");
            let (done, changes) = inserted(&message, at, text.as_bytes(), breaks);
            let told = format!("{}\n---\n{}", message.raw().escape_ascii(), done.raw().escape_ascii());

            prop_assert_eq!(done.parts().len(), message.parts().len(), "{}", told);
            let found = done.decoded(done.parts()[1].id);
            let (head, tail) = octets.split_at(at);
            prop_assert!(found.starts_with(head) && found.ends_with(tail), "{}", told);
            let expected = [head, text.as_bytes(), tail].concat();
            prop_assert_eq!(without_blanks(&found), without_blanks(&expected), "{}", told);
            if encoding == "8bit" && is_kept {
                prop_assert!(found.len() <= expected.len(), "{}", told);
            }
            if encoding != "8bit" && (!is_kept || encoding == "quoted-printable") {
                // A last line end is the delimiter's, where one follows or might.
                let ended = |octets: &[u8]| octets.strip_suffix(b"\r\n").unwrap_or(octets).to_vec();
                let is_last = at == octets.len() && behind != BEHIND[0];
                let [found, expected] = [&found[..], &expected[..]].map(|it| match is_last {
                    true => ended(it),
                    false => it.to_vec(),
                });
                prop_assert_eq!(found, expected, "{}", told);
            }
            if at == octets.len() && behind.is_empty() && (is_kept || encoding != "8bit") {
                prop_assert!(done.raw().ends_with(b"\n"), "{}", told);
            }
            // No more of what was written is written anew than holds the place.
            let replaced: usize = changes.iter().map(|change| change.source.len()).sum();
            let in_quanta = body.split(|&octet| octet == b'\n').all(|line| line.trim_ascii_end().len().is_multiple_of(4));
            let least = match encoding {
                "base64" if in_quanta && is_kept => 4,
                "base64" => body.len(),
                _ => 1,
            };
            prop_assert!(replaced <= least, "{replaced}: {}", told);
        }
    }
}
