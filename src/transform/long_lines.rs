//! Lines of more than 998 octets, which SMTP does not carry (RFC 5321 section
//! 4.5.3.1.6): a server further on would cut them anywhere, or refuse them.
//!
//! A header field is folded where it has white space, which changes nothing of
//! what it says; a structured one else behind a comma or semicolon, and what is
//! free text by its definition anywhere. One that could still not be carried
//! stays as it is. A body in lines is put into quoted-printable, that part
//! alone. What is sealed, a message within and what programs read in different
//! ways stays as it is, and so does binary.

use super::{
    doubt,
    encode::{self, LineBreaks},
    lift,
    plan::Plan,
    splice,
};
use crate::content::{Class, Content, Field, Multipart, Part, TransferEncoding, charset_of};

/// What is done about them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LongLines {
    #[default]
    Kept,
    Broken,
}

/// Whether there is any: quick.
pub(super) fn has_any(raw: &[u8]) -> bool {
    let mut start = 0;
    memchr::memchr_iter(b'\n', raw).chain([raw.len()]).any(|end| {
        // With its CR.
        let long = end.saturating_sub(start) > LONGEST + 1;
        start = end + 1;
        long
    })
}

pub(super) fn break_them(plan: &mut Plan<'_>) {
    let content = plan.content();
    if !content.header_is_read() {
        return;
    }
    let whole = content.parts().first();
    whole.iter().for_each(|whole| fold_header(whole, plan));
    if content.protected().is_some() || doubt::is_doubtful(content) {
        return;
    }
    let inner = |part: &&Part| {
        !content.ancestors(part.id).any(|outer| {
            matches!(
                outer.class,
                Class::Message | Class::Multipart(Multipart::Signed | Multipart::Encrypted)
            )
        })
    };
    for part in content.parts().iter().filter(inner) {
        if part.parent.is_some() {
            fold_header(part, plan);
        }
        encode_body(part, plan);
    }
}

/// Lines that are no text of a known charset may have line ends of their own.
fn encode_body(part: &Part, plan: &mut Plan<'_>) {
    let content = plan.content();
    let Some(body) = content.raw().get(part.body.clone()) else { return };
    let in_lines = matches!(
        part.encoding,
        TransferEncoding::Unstated | TransferEncoding::SevenBit | TransferEncoding::EightBit
    );
    // RFC 2046 section 5.2.1 forbids it of a message, RFC 2045 of a multipart.
    let is_leaf = !part.is_multipart() && part.media.kind != "message";
    if !in_lines || !is_leaf || !has_any(body) || !charset_of(part, body).extends_ascii() {
        return;
    }
    lift::to_quoted_printable(part, plan);
    let mut encoded = encode::quoted_printable(body, LineBreaks::Kept);
    if splice::ends_at_delimiter(part, content) && !encoded.ends_with(b"\n") {
        // A soft one: no line break of the text.
        encoded.extend_from_slice(b"=\r\n");
    }
    plan.body(part, part.body.clone(), encoded);
}

fn fold_header(part: &Part, plan: &mut Plan<'_>) {
    let content = plan.content();
    for field in &part.fields {
        let Some(octets) = content.raw().get(field.whole.clone()) else { continue };
        if !has_any(octets) {
            continue;
        }
        let syntax = Syntax::of(content, field);
        let mut start = field.whole.start;
        for line in octets.split_inclusive(|octet| *octet == b'\n') {
            for (at, inserted) in breaks(line.trim_ascii_end(), syntax) {
                plan.header(start + at..start + at, inserted);
            }
            start += line.len();
        }
    }
}

/// Where a field may be folded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syntax {
    /// Only at white space: an octet more breaks what it signs, or means
    /// something else to the program that knows it.
    Unknown,
    /// Also behind commas, semicolons and message ids; all of it outside quotes,
    /// as programs disagree of what is folded within.
    Structured,
    Free,
}

impl Syntax {
    fn of(content: &Content, field: &Field) -> Self {
        let name = content.name(field).to_ascii_lowercase();
        let starts = |start: &&str| name.starts_with(*start);
        if FREE.contains(&name.as_str()) {
            Self::Free
        } else if STRUCTURED.contains(&name.as_str()) || FAMILIES.iter().any(starts) {
            Self::Structured
        } else {
            Self::Unknown
        }
    }
}

/// Where a line is to be broken, and what is put in there.
fn breaks(line: &[u8], syntax: Syntax) -> Vec<(usize, &'static [u8])> {
    let mut found = Vec::new();
    if line.len() <= LONGEST {
        return found;
    }
    let places = places(line, syntax);
    let mut start = 0;
    while line.len() - start > LONGEST {
        let fits = |(at, _): &&(usize, &[u8])| *at > start && *at <= start + FOLD_AT;
        // White space first, if it does not stand at the very beginning.
        let is_far = |at: usize| at > start + FOLD_AT / 2 || syntax == Syntax::Unknown;
        let blank = places.iter().rfind(|place| fits(place) && place.1 == FOLD && is_far(place.0));
        let mark = || places.iter().rfind(fits);
        let anywhere = || (syntax == Syntax::Free).then(|| (cut(line, start), FOLD_WITH_BLANK));
        let next = blank.or_else(mark).copied().or_else(anywhere);
        let Some((at, inserted)) = next else { return Vec::new() };
        found.push((at, inserted));
        start = at;
    }
    found
}

/// Where there is white space, or a mark after which it may stand. Something
/// is on either side.
fn places(line: &[u8], syntax: Syntax) -> Vec<(usize, &'static [u8])> {
    let mut places = Vec::new();
    let (mut quoted, mut escaped, mut before) = (false, false, b' ');
    for (at, &octet) in line.iter().enumerate() {
        let blank = |octet: u8| matches!(octet, b' ' | b'\t');
        let seen = at > 0 && !blank(before);
        let outside = !quoted;
        if seen && blank(octet) && outside {
            places.push((at, FOLD));
        } else if seen && outside && syntax.parts_behind(before) && !blank(octet) {
            places.push((at, FOLD_WITH_BLANK));
        }
        quoted ^= octet == b'"' && !escaped && syntax != Syntax::Free;
        escaped = octet == b'\\' && !escaped;
        before = octet;
    }
    places
}

impl Syntax {
    fn parts_behind(self, octet: u8) -> bool {
        match self {
            Self::Unknown | Self::Free => false,
            Self::Structured => matches!(octet, b',' | b';' | b'>'),
        }
    }
}

/// Between two characters of UTF-8.
fn cut(line: &[u8], start: usize) -> usize {
    let mut at = start + FOLD_AT;
    while at > start + 1 && line.get(at).is_some_and(|octet| octet & 0xc0 == 0x80) {
        at -= 1;
    }
    at
}

const LONGEST: usize = 998;
/// With room for a blank that is put in.
const FOLD_AT: usize = 990;
const FOLD: &[u8] = b"\r\n";
const FOLD_WITH_BLANK: &[u8] = b"\r\n ";
const FREE: [&str; 3] = ["subject", "comments", "content-description"];
const FAMILIES: [&str; 3] = ["content-", "resent-", "list-"];
const STRUCTURED: [&str; 16] = [
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "bcc",
    "date",
    "message-id",
    "in-reply-to",
    "references",
    "received",
    "return-path",
    "mime-version",
    "authentication-results",
    "disposition-notification-to",
    "auto-submitted",
];

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::{
        mail::Disclaimer,
        transform::{Edits, rewrite},
    };

    fn broken(raw: &str) -> String {
        let edits = Edits { long_lines: LongLines::Broken, ..Edits::default() };
        let content = Content::parse(Bytes::copy_from_slice(raw.as_bytes()));
        let once = rewrite(&content, &edits).into_bytes();
        let twice = rewrite(&Content::parse(once.clone()), &edits).into_bytes();
        assert_eq!(once, twice);
        String::from_utf8(once.to_vec()).unwrap()
    }

    fn longest(text: &str) -> usize {
        text.split("\r\n").map(str::len).max().unwrap()
    }

    #[test]
    fn a_field_is_folded_at_its_white_space_and_says_the_same() {
        for name in ["Subject", "References", "DKIM-Signature", "X-Any", "Content-Description"] {
            let field = format!("{name}: {}", "<word@x.example> ".repeat(200));
            let raw = format!("A: b\r\n{field}\r\nC: d\r\n\r\nx\r\n");
            let after = broken(&raw);
            assert!(longest(&after) <= LONGEST, "{after}");
            assert_eq!(after.replace("\r\n ", " "), raw.replace("\r\n ", " "), "{name}");
        }
    }

    #[test]
    fn a_structured_field_without_white_space_is_folded_behind_its_marks() {
        let raw = format!("To: {}a@x.example\r\n\r\nx\r\n", "\"a, b\"@x.example,".repeat(100));
        let after = broken(&raw);
        assert!(longest(&after) <= LONGEST, "{after}");
        assert!(after.contains("\"@x.example,\r\n \"a, b\"@"), "{after}");
        assert_eq!(after.replace("\r\n ", ""), raw);
    }

    #[test]
    fn free_text_without_white_space_is_broken_between_characters() {
        let raw = format!("Subject: {}\r\n\r\nx\r\n", "\u{e9}".repeat(1500));
        let after = broken(&raw);
        assert!(longest(&after) <= LONGEST, "{after}");
        let unfolded = after.replace("\r\n ", "").replace("Subject:\u{e9}", "Subject: \u{e9}");
        assert_eq!(unfolded, raw);
    }

    #[test]
    fn what_can_only_be_broken_wrongly_is_left() {
        let long = "x".repeat(2000);
        for field in [
            format!("DKIM-Signature: v=1;b={long};d=x.example"),
            format!("X-Any: a {long}"),
            format!("Message-ID: <{long}@x.example>"),
            format!("Content-Type: text/plain; name=\"{}\"", "a b ".repeat(300)),
        ] {
            let raw = format!("A: b\r\n{field}\r\n\r\nx\r\n");
            assert_eq!(broken(&raw), raw);
        }
    }

    #[test]
    fn a_body_with_a_long_line_is_encoded_and_that_part_alone() {
        let long = "caf= ".repeat(300);
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\r\n{long}\r\n\
             --b\r\nContent-Type: text/plain\r\n\r\nshort\r\n--b--\r\n"
        );
        let after = broken(&raw);
        assert!(longest(&after) <= 76, "{after}");
        let content = Content::parse(Bytes::from(after.clone()));
        let decoded = content.decoded(content.parts()[1].id);
        assert_eq!(decoded, long);
        assert_eq!(after.matches("quoted-printable").count(), 1);
        assert!(after.ends_with("--b\r\nContent-Type: text/plain\r\n\r\nshort\r\n--b--\r\n"));
    }

    #[test]
    fn what_is_sealed_nested_or_binary_is_left() {
        let long = "x".repeat(2000);
        for raw in [
            format!("Content-Transfer-Encoding: binary\r\n\r\n{long}\r\n"),
            format!("Content-Type: message/rfc822\r\n\r\nA: b\r\n\r\n{long}\r\n"),
            format!(
                "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\n{long}\r\n--b--\r\n"
            ),
            format!("Auto-Submitted: auto-replied\r\n\r\n{long}\r\n"),
        ] {
            assert_eq!(broken(&raw), raw);
        }
    }

    #[test]
    fn a_part_that_is_encoded_can_have_a_tag_line_too() {
        let plain = "postern tag line: caf\u{e9}".to_owned();
        let disclaimer = Disclaimer { name: "lab".into(), html: plain.clone(), plain };
        let edits = Edits {
            long_lines: LongLines::Broken,
            disclaimer: Some(Arc::new(disclaimer)),
            ..Edits::default()
        };
        let raw = Bytes::from(format!("Subject: a\r\n\r\n{}\r\n", "x".repeat(2000)));
        let done = rewrite(&Content::parse(raw.clone()), &edits);
        let mut made = raw.to_vec();
        for change in done.changes.iter().rev() {
            made.splice(change.source.clone(), change.inserted.iter().copied());
        }
        assert_eq!(made, done.message());
        let content = Content::parse(done.into_bytes());
        let text = content.displayed_text(content.parts()[0].id).unwrap();
        assert_eq!(text, format!("{}\r\n\r\npostern tag line: caf\u{e9}\r\n", "x".repeat(2000)));
    }
}
