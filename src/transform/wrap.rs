//! A part for the tag line alone: added to a multipart/mixed of attachments, or
//! set beside the whole of a message that is to stay as it stands.

use super::{
    doubt,
    encode::{self, LineBreaks},
    plan::{Plan, Side},
};
use crate::{
    content::{Class, Content, Field, Flaw, Multipart, Part},
    mail::Disclaimer,
};

/// For a message that displays nothing but attachments.
pub(super) fn add_part(disclaimer: &Disclaimer, side: Side, plan: &mut Plan<'_>) {
    let content = plan.content();
    let Some(whole) = content.parts().first() else { return };
    let part = tag_part(disclaimer);
    let first = whole.children.first().and_then(|first| content.part(*first));
    match (&whole.class, &whole.delimiters) {
        (Class::Multipart(Multipart::Mixed), Some(delimiters)) if side == Side::Above => {
            let Some(first) = first else { return set_beside(disclaimer, side, plan) };
            let at = first.header.start;
            let inserted = [part.as_slice(), b"\r\n--", delimiters.boundary.as_slice(), b"\r\n"];
            plan.body(whole, at..at, inserted.concat());
        }
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
        _ => set_beside(disclaimer, side, plan),
    }
}

/// The message becomes a part of a new multipart/mixed: its MIME fields move
/// into that part, its body stays as it stands.
pub(super) fn set_beside(disclaimer: &Disclaimer, side: Side, plan: &mut Plan<'_>) {
    let content = plan.content();
    let Some(whole) = content.parts().first() else { return };
    let part = &tag_part(disclaimer);
    let boundary = fresh_boundary(content);
    let is_mime = |field: &&Field| is_mime_name(&content.name(field));
    let version = if content.has_field("MIME-Version") { "" } else { "MIME-Version: 1.0\r\n" };
    let fields =
        format!("{version}Content-Type: multipart/mixed;\r\n\tboundary=\"{boundary}\"\r\n");
    // Where those stood: the last of them may lack its line end.
    match whole.fields.iter().find(is_mime) {
        Some(first) => plan.header(first.whole.start..first.whole.start, fields),
        None => plan.new_fields(whole, &fields),
    }
    let mut moved = Vec::new();
    for field in whole.fields.iter().filter(is_mime) {
        moved.extend_from_slice(content.raw().get(field.whole.clone()).unwrap_or_default());
        if !moved.ends_with(b"\n") {
            moved.extend_from_slice(b"\r\n");
        }
        plan.header(field.whole.clone(), Vec::new());
    }
    let dashed = boundary.as_bytes();
    let (above, below) = match side {
        Side::Above => ([b"--", dashed, b"\r\n", part, b"\r\n"].concat(), Vec::new()),
        Side::Below => (Vec::new(), [b"\r\n", part.as_slice(), b"\r\n--", dashed].concat()),
    };
    let opening = [above.as_slice(), b"--", dashed, b"\r\n", &moved, b"\r\n"].concat();
    plan.body(whole, whole.body.start..whole.body.start, opening);
    // The last line break of a multipart without its end is the delimiter's.
    let line_end: &[u8] = if ends_unclosed(content) { b"" } else { b"\r\n" };
    let closing = [line_end, b"--", dashed, &below, b"--\r\n"].concat();
    plan.body(whole, whole.body.end..whole.body.end, closing);
}

fn is_mime_name(name: &str) -> bool {
    name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case("content-"))
}

/// Whether a tag line was set beside a message of more parts than are followed,
/// so that it is not found again where it stands.
pub(super) fn is_beside_what_is_not_followed(content: &Content) -> bool {
    content.parts().first().is_some_and(|whole| {
        let boundary = whole.delimiters.as_ref().map(|delimiters| delimiters.boundary.as_slice());
        whole.flaw == Some(Flaw::OverLimit)
            && boundary.is_some_and(|boundary| boundary.starts_with(BOUNDARY.as_bytes()))
    })
}

/// Whether the message ends, with a line break, within a multipart that lacks
/// its last delimiter, or all of them: then the line break is the delimiter's
/// that comes after.
fn ends_unclosed(content: &Content) -> bool {
    let Some(whole) = content.parts().first() else { return false };
    if !content.raw().ends_with(b"\n") {
        return false;
    }
    if whole.is_multipart() && doubt::hides_its_parts(content, whole) {
        return true;
    }
    if whole.class == Class::Other && whole.media.kind == "message" {
        let inner = Content::parse(content.raw().slice(whole.body.clone()));
        return ends_unclosed(&inner);
    }
    let reaches_end = |part: &Part| part.body.end + 2 >= content.raw().len();
    let is_unclosed =
        |part: &Part| part.delimiters.as_ref().is_some_and(|delimiters| delimiters.close.is_none());
    content.parts().iter().any(|part| is_unclosed(part) && reaches_end(part))
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

/// A boundary that stands nowhere in the message.
fn fresh_boundary(content: &Content) -> String {
    let raw = content.raw();
    let mut seed = crc32fast::hash(raw);
    loop {
        let boundary = format!("{BOUNDARY}{seed:08x}");
        if memchr::memmem::find(raw, boundary.as_bytes()).is_none() {
            return boundary;
        }
        seed = seed.wrapping_add(1);
    }
}

/// `=_` occurs in neither base64 nor quoted-printable.
const BOUNDARY: &str = "=_postern_";

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::{
        mail::Protected,
        transform::{DisclaimerOutcome, Edits, rewrite},
    };

    fn rewritten(raw: &[u8]) -> (Bytes, DisclaimerOutcome) {
        let plain = "postern tag line: this message may be confidential".to_owned();
        let disclaimer = Disclaimer { name: "lab".into(), html: format!("<p>{plain}</p>"), plain };
        let edits = Edits { disclaimer: Some(Arc::new(disclaimer)), ..Edits::default() };
        let done = rewrite(&Content::parse(Bytes::copy_from_slice(raw)), &edits);
        let outcome = done.disclaimer.clone();
        (done.into_bytes(), outcome)
    }

    /// Set beside what came, whose body stands whole within; and that once.
    fn is_set_beside(raw: &str) -> Bytes {
        let (once, outcome) = rewritten(raw.as_bytes());
        assert_eq!(outcome, DisclaimerOutcome::PartAdded, "{raw}");
        let before = Content::parse(Bytes::copy_from_slice(raw.as_bytes()));
        let body = before.raw().slice(before.parts()[0].body.clone());
        assert!(memchr::memmem::find(&once, &body).is_some(), "{once:?}");
        let content = Content::parse(once.clone());
        assert_eq!(content.parts()[0].class, Class::Multipart(Multipart::Mixed));
        assert_eq!(content.parts()[0].children.len(), 2, "{once:?}");
        assert_eq!(rewritten(&once), (once.clone(), DisclaimerOutcome::AlreadyThere));
        once
    }

    #[test]
    fn what_is_sealed_within_a_message_stays_whole_beside_the_tag_line() {
        let signed = "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nx\r\n--s--\r\n";
        is_set_beside(&format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{signed}\r\n--b\r\n\r\n\
             list footer\r\n--b--\r\n"
        ));
        is_set_beside("Subject: a\r\n\r\nyes\r\n> -----BEGIN PGP SIGNED MESSAGE-----\r\n> x\r\n");
    }

    #[test]
    fn a_multipart_without_parts_stays_as_it_is() {
        for end in ["", "\r\n", "\r\n\r\n"] {
            is_set_beside(&format!("Content-Type: multipart/mixed\r\n\r\nno parts{end}"));
            is_set_beside(&format!("Content-Type: multipart/signed; boundary=b\r\n\r\nx{end}"));
        }
        // None of whose delimiters is there: the last line end is its own.
        let once = is_set_beside("Content-Type: multipart/mixed; boundary=b\r\n\r\nx\r\n");
        assert!(memchr::memmem::find(&once, b"\r\n\r\nx\r\n--=_postern").is_some(), "{once:?}");
    }

    #[test]
    fn a_header_that_breaks_off_is_moved_whole() {
        let once = is_set_beside("Subject: a\r\nContent-Type: image/png\r\nContent-Id: <b>");
        assert!(once.starts_with(b"Subject: a\r\nMIME-Version: 1.0\r\nContent-Type: multipart"));
        assert!(memchr::memmem::find(&once, b"image/png\r\nContent-Id: <b>\r\n\r\n").is_some());
    }

    #[test]
    fn a_message_of_more_parts_than_are_followed_has_it_once() {
        let raw = format!(
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n{}",
            "--b\r\n\r\nx\r\n".repeat(3000)
        );
        let (once, outcome) = rewritten(raw.as_bytes());
        assert_eq!(outcome, DisclaimerOutcome::PartAdded);
        assert_eq!(rewritten(&once), (once.clone(), DisclaimerOutcome::AlreadyThere));
    }

    fn wrapping(raw: &[u8], wrapped: &[Protected]) -> (Bytes, DisclaimerOutcome) {
        let plain = "postern tag line: this message may be confidential".to_owned();
        let disclaimer = Disclaimer { name: "lab".into(), html: format!("<p>{plain}</p>"), plain };
        let edits = Edits {
            disclaimer: Some(Arc::new(disclaimer)),
            wrapped: wrapped.to_vec(),
            ..Edits::default()
        };
        let done = rewrite(&Content::parse(Bytes::copy_from_slice(raw)), &edits);
        let outcome = done.disclaimer.clone();
        (done.into_bytes(), outcome)
    }

    /// Fields that are the message's own, those of its body, and the body.
    const PROTECTED: [(Protected, &str, &str, &str); 8] = [
        (
            Protected::Signed,
            "",
            "Content-Type: multipart/signed; micalg=sha-256;\r\n boundary=s\r\n",
            "--s\r\n\r\nx\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nMII\r\n--s--\r\n",
        ),
        (Protected::Signed, "", "", "-----BEGIN PGP SIGNED MESSAGE-----\r\n\r\nx"),
        (
            Protected::Encrypted,
            "",
            "Content-Type: application/pkcs7-mime; name=smime.p7m\r\n\
             Content-Transfer-Encoding: base64\r\n",
            "MIIB\r\n",
        ),
        (Protected::Calendar, "", "Content-Type: text/calendar; method=REQUEST\r\n", "BEGIN:V\r\n"),
        (
            Protected::Report,
            "",
            "Content-Type: multipart/report; boundary=r\r\n",
            "--r\r\n\r\nx\r\n--r\r\nContent-Type: message/delivery-status\r\n\r\nA: b\r\n--r--\r\n",
        ),
        (Protected::Automatic, "Auto-Submitted: auto-replied\r\n", "", "I am away\r\n"),
        (Protected::Journal, "X-MS-Journal-Report:\r\n", "", "Sender: a@b.example\r\n"),
        (
            Protected::Rights,
            "",
            "Content-Type: multipart/mixed; boundary=m\r\n",
            "--m\r\nContent-Type: application/x-microsoft-rpmsg-message\r\n\r\nx\r\n--m--\r\n",
        ),
    ];

    #[test]
    fn what_is_protected_is_wrapped_whole_where_policy_says_so_and_that_once() {
        for (class, own, mime, body) in PROTECTED {
            let raw =
                format!("Subject: a\r\n{own}MIME-Version: 1.0\r\n{mime}X-Last: z\r\n\r\n{body}");
            let (once, outcome) = wrapping(raw.as_bytes(), &[class]);
            assert_eq!(outcome, DisclaimerOutcome::Wrapped(class), "{raw}");
            let text = String::from_utf8(once.to_vec()).unwrap();
            assert!(
                text.starts_with(&format!("Subject: a\r\n{own}MIME-Version: 1.0\r\n")),
                "{text}"
            );
            let content = Content::parse(once.clone());
            let [whole, first, ..] = content.parts() else { panic!("{text}") };
            assert_eq!(whole.class, Class::Multipart(Multipart::Mixed));
            assert_eq!(whole.children.len(), 2, "{text}");
            assert_eq!(&content.raw()[first.header.clone()], mime.as_bytes(), "{text}");
            assert_eq!(&content.raw()[first.body.clone()], body.as_bytes(), "{text}");
            let (twice, _) = wrapping(&once, &Protected::WRAPPABLE);
            assert_eq!(twice, once);
        }
    }

    #[test]
    fn what_is_protected_is_left_where_policy_names_others() {
        for (class, own, mime, body) in PROTECTED {
            let raw = format!("Subject: a\r\n{own}{mime}\r\n{body}");
            let others: Vec<_> =
                Protected::WRAPPABLE.into_iter().filter(|other| *other != class).collect();
            let (after, outcome) = wrapping(raw.as_bytes(), &others);
            assert_eq!((after, outcome), (Bytes::from(raw), DisclaimerOutcome::Protected(class)));
        }
    }

    #[test]
    fn a_thread_that_is_signed_and_quotes_the_tag_line_is_not_wrapped_again() {
        let raw = "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\nyes\r\n\
                   > postern tag line: this message\r\n> may be confidential\r\n--s--\r\n";
        let (after, outcome) = wrapping(raw.as_bytes(), &[Protected::Signed]);
        assert_eq!((after, outcome), (raw.into(), DisclaimerOutcome::AlreadyThere));
    }
}
