//! A part for the tag line alone, where a message displays nothing but
//! attachments: added to its multipart/mixed, or beside the whole of it.

use super::{
    encode::{self, LineBreaks},
    plan::Plan,
};
use crate::{
    content::{Class, Content, Multipart, Part},
    mail::Disclaimer,
};

pub(super) fn add_part(disclaimer: &Disclaimer, plan: &mut Plan<'_>) {
    let Some(whole) = plan.content().parts().first() else { return };
    let part = tag_part(disclaimer);
    match (&whole.class, &whole.delimiters) {
        (Class::Multipart(Multipart::Mixed), Some(delimiters)) => {
            let boundary = delimiters.boundary.as_slice();
            match &delimiters.close {
                Some(close) => {
                    let inserted = [b"--", boundary, b"\r\n", &part, b"\r\n"].concat();
                    plan.body(whole, close.start..close.start, inserted);
                }
                None => {
                    let end = whole.body.end;
                    // The last line break, if there is one, is the delimiter's.
                    let ended = plan.content().raw().ends_with(b"\n");
                    let line_end: &[u8] = if ended { b"" } else { b"\r\n" };
                    let inserted =
                        [line_end, b"--", boundary, b"\r\n", &part, b"\r\n--", boundary, b"--\r\n"];
                    plan.body(whole, end..end, inserted.concat());
                }
            }
        }
        _ => wrap(whole, &part, plan),
    }
}

/// The message becomes the first part of a new multipart/mixed: its MIME
/// fields move into that part, its body stays as it stands.
fn wrap(whole: &Part, part: &[u8], plan: &mut Plan<'_>) {
    let content = plan.content();
    let boundary = fresh_boundary(content);
    let mut moved = Vec::new();
    for field in &whole.fields {
        if content.name(field).to_ascii_lowercase().starts_with("content-") {
            moved.extend_from_slice(content.raw().get(field.whole.clone()).unwrap_or_default());
            if !moved.ends_with(b"\n") {
                moved.extend_from_slice(b"\r\n");
            }
            plan.header(field.whole.clone(), Vec::new());
        }
    }
    if !content.has_field("MIME-Version") {
        plan.new_fields(whole, "MIME-Version: 1.0\r\n");
    }
    plan.new_fields(
        whole,
        &format!("Content-Type: multipart/mixed;\r\n\tboundary=\"{boundary}\"\r\n"),
    );
    let opening = [b"--", boundary.as_bytes(), b"\r\n", &moved, b"\r\n"].concat();
    plan.body(whole, whole.body.start..whole.body.start, opening);
    let dashed = boundary.as_bytes();
    // The last line break of a multipart without its end is the delimiter's.
    let line_end: &[u8] = if ends_unclosed(content) { b"" } else { b"\r\n" };
    let closing = [line_end, b"--", dashed, b"\r\n", part, b"\r\n--", dashed, b"--\r\n"].concat();
    plan.body(whole, whole.body.end..whole.body.end, closing);
}

/// Whether the message ends, with a line break, within a multipart that lacks
/// its last delimiter.
fn ends_unclosed(content: &Content) -> bool {
    let raw = content.raw();
    let reaches_end = |part: &Part| part.body.end + 2 >= raw.len();
    raw.ends_with(b"\n")
        && content.parts().iter().any(|part| {
            let delimiters = part.delimiters.as_ref();
            delimiters.is_some_and(|delimiters| delimiters.close.is_none()) && reaches_end(part)
        })
}

/// The fields and the body of the part; the line break after it belongs to
/// the delimiter.
fn tag_part(disclaimer: &Disclaimer) -> Vec<u8> {
    let text = encode::crlf_lines(&disclaimer.plain);
    let (charset, encoding, body) = if text.is_ascii() {
        ("us-ascii", "7bit", text.into_bytes())
    } else {
        let body = encode::quoted_printable(text.as_bytes(), LineBreaks::Kept);
        ("utf-8", "quoted-printable", body)
    };
    let mut part = format!(
        "Content-Type: text/plain; charset={charset}\r\n\
         Content-Transfer-Encoding: {encoding}\r\n\
         Content-Disposition: inline\r\n\r\n"
    )
    .into_bytes();
    part.extend_from_slice(body.strip_suffix(b"\r\n").unwrap_or(&body));
    part
}

/// A boundary that stands nowhere in the message. `=_` occurs in neither
/// base64 nor quoted-printable.
fn fresh_boundary(content: &Content) -> String {
    let raw = content.raw();
    let mut seed = crc32fast::hash(raw);
    loop {
        let boundary = format!("=_postern_{seed:08x}");
        if memchr::memmem::find(raw, boundary.as_bytes()).is_none() {
            return boundary;
        }
        seed = seed.wrapping_add(1);
    }
}
