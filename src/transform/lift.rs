//! A part lifted: to UTF-8, to quoted-printable, or both, with its header
//! saying so. For the one part that cannot carry the tag line as it is.

use std::ops::Range;

use super::{
    encode::{self, LineBreaks},
    plan::Plan,
    splice,
    tag_line::Target,
};
use crate::content::{MediaType, Part, TransferEncoding, decode_text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lift {
    /// The content is ASCII: only what it is called changes.
    ToUtf8Label,
    /// The charset has the characters, 7bit has not.
    ToQuotedPrintable,
    ToUtf8QuotedPrintable,
    /// The content is written anew in UTF-8.
    ToUtf8,
}

/// Plans the lift and `text` at `at` of the content, which is its start or its
/// end. False, with nothing planned, where the header is written in a way that
/// cannot be edited.
pub(super) fn apply(
    target: &Target<'_>,
    text: &str,
    lift: Lift,
    at: usize,
    plan: &mut Plan<'_>,
) -> bool {
    let Target { part, octets, charset } = *target;
    let rewritten = (lift == Lift::ToUtf8).then(|| decode_text(octets, charset).0);
    if rewritten.as_deref().is_some_and(|text| reads_in_two_ways(part, octets, text)) {
        return false;
    }
    let to_utf8 = lift != Lift::ToQuotedPrintable;
    let to_quoted = match lift {
        Lift::ToUtf8Label => false,
        Lift::ToQuotedPrintable | Lift::ToUtf8QuotedPrintable => true,
        Lift::ToUtf8 => part.encoding.is_identity(),
    };
    let labelled = if to_utf8 { labelled_utf8(part, plan) } else { Some(Vec::new()) };
    let Some(mut edits) = labelled else { return false };
    if to_quoted {
        edits.push(encoding_edit(part, plan));
    }
    make(edits, part, plan);
    let appended = if to_utf8 {
        text.as_bytes().to_vec()
    } else {
        crate::content::encode_text(text, charset.encoding).unwrap_or_default()
    };
    if lift == Lift::ToUtf8Label {
        splice::insert(part, octets, at, &appended, LineBreaks::Kept, plan);
        return true;
    }
    let is_read = rewritten.is_some();
    let content = rewritten.map_or_else(|| octets.to_vec(), String::into_bytes);
    let at = match at {
        at if at == octets.len() => content.len(),
        // The text is read without the mark of its byte order.
        _ if is_read => 0,
        at => at,
    };
    let (head, tail) = content.split_at_checked(at).unwrap_or((&content, &[]));
    let content = [head, &appended, tail].concat();
    let mut body = if part.encoding == TransferEncoding::Base64 {
        encode::base64_lines(&content, 0)
    } else {
        encode::quoted_printable(&content, LineBreaks::Kept)
    };
    if splice::ends_at_delimiter(part, plan.content()) && !body.ends_with(b"\n") {
        // In quoted-printable a soft one: no line break of the text.
        let line_end: &[u8] =
            if part.encoding == TransferEncoding::Base64 { b"\r\n" } else { b"=\r\n" };
        body.extend_from_slice(line_end);
    }
    plan.body(part, part.body.clone(), body);
    true
}

/// Octets that are no text in their charset, or that are controls in ISO
/// 8859-1 and characters in windows-1252: not ours to decide.
fn reads_in_two_ways(part: &Part, octets: &[u8], text: &str) -> bool {
    let label = part.charset().unwrap_or_default().to_ascii_lowercase();
    let controls = octets.iter().any(|octet| (0x80..=0x9f).contains(octet));
    text.contains(char::REPLACEMENT_CHARACTER) || controls && label.starts_with("iso-8859-")
}

/// Makes the header say that the body is quoted-printable.
pub(super) fn to_quoted_printable(part: &Part, plan: &mut Plan<'_>) {
    make(vec![encoding_edit(part, plan)], part, plan);
}

fn make(edits: Vec<HeaderEdit>, part: &Part, plan: &mut Plan<'_>) {
    for edit in edits {
        match edit {
            HeaderEdit::Within(range, inserted) => plan.header(range, inserted),
            HeaderEdit::New(field) => plan.new_fields(part, field),
        }
    }
    if part.parent.is_none() && !plan.content().has_field("MIME-Version") {
        plan.new_fields(part, "MIME-Version: 1.0\r\n");
    }
}

enum HeaderEdit {
    Within(Range<usize>, &'static [u8]),
    New(&'static str),
}

/// Makes the Content-Type say UTF-8, touching nothing else of it.
fn labelled_utf8(part: &Part, plan: &Plan<'_>) -> Option<Vec<HeaderEdit>> {
    let content = plan.content();
    let field = part.fields.iter().find(|f| content.name(f).eq_ignore_ascii_case("Content-Type"));
    let Some(field) = field else {
        return Some(vec![HeaderEdit::New("Content-Type: text/plain; charset=utf-8\r\n")]);
    };
    let value = content.raw().get(field.value.clone())?;
    let (at, length) = match charset_value(value) {
        Some(range) => (range.start, range.len()),
        None if part.charset().is_none() => (value.trim_ascii_end().len(), 0),
        None => return None,
    };
    let before = value.get(..at)?;
    let inserted: &'static [u8] = match length {
        0 if before.ends_with(b";") => b" charset=utf-8",
        0 => b"; charset=utf-8",
        _ => b"utf-8",
    };
    let edited = [before, inserted, value.get(at + length..)?].concat();
    let edited = String::from_utf8_lossy(&edited).replace(['\r', '\n'], "");
    let as_read = MediaType::parse(edited.trim());
    let same = as_read.kind == part.media.kind
        && as_read.subtype == part.media.subtype
        && as_read.parameters.get("format") == part.media.parameters.get("format");
    let says = as_read.parameters.get("charset").is_some_and(|label| label == "utf-8");
    let start = field.value.start + at;
    (same && says).then(|| vec![HeaderEdit::Within(start..start + length, inserted)])
}

/// Where the charset stands in a Content-Type value, without its quotes.
fn charset_value(value: &[u8]) -> Option<Range<usize>> {
    let lower = value.to_ascii_lowercase();
    let mut from = 0;
    loop {
        let name = from + memchr::memmem::find(lower.get(from..)?, b"charset")?;
        from = name + b"charset".len();
        let blanks = |at: usize| {
            lower
                .get(at..)
                .unwrap_or_default()
                .iter()
                .take_while(|o| o.is_ascii_whitespace())
                .count()
        };
        let equals = from + blanks(from);
        if lower.get(equals) != Some(&b'=') {
            continue;
        }
        let mut start = equals + 1 + blanks(equals + 1);
        start += usize::from(lower.get(start) == Some(&b'"'));
        let of_label = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_.:+".contains(octet);
        let length = lower.get(start..)?.iter().take_while(|octet| of_label(octet)).count();
        if length > 0 {
            return Some(start..start + length);
        }
    }
}

fn encoding_edit(part: &Part, plan: &Plan<'_>) -> HeaderEdit {
    let content = plan.content();
    let name = "Content-Transfer-Encoding";
    let field = part.fields.iter().find(|field| content.name(field).eq_ignore_ascii_case(name));
    match field {
        Some(field) => HeaderEdit::Within(field.value.clone(), b" quoted-printable"),
        None => HeaderEdit::New("Content-Transfer-Encoding: quoted-printable\r\n"),
    }
}
