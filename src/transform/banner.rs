//! The banner: a mark above every text that a recipient reads, such as that a
//! message has come from outside.
//!
//! It is put in as the tag line is, at the other end. It counts as being there
//! only where it would be put and as it would be written: what an earlier
//! message of the thread says, further down, marks that one, and what a
//! stranger brings elsewhere, hidden perhaps, marks nothing.

use super::{
    displayed::{self, Place},
    encode::{self, LineBreaks},
    plan::{Plan, Side},
    recognise::folded,
    rewrite::DisclaimerOutcome,
    tag_line::Target,
    top, wrap,
};
use crate::{
    content::{
        Class, Content, Multipart, Part, TransferEncoding, charset_of, decode_text, encode_text,
    },
    mail::{Disclaimer, Protected},
};

/// Plans what it takes to set a banner above a message.
pub(super) fn set(
    banner: &Disclaimer,
    wrapped: &[Protected],
    plan: &mut Plan<'_>,
) -> DisclaimerOutcome {
    let content = plan.content();
    let protected = content.protected();
    if let Some(reason) = protected.filter(|reason| !reason.is_wrapped(wrapped)) {
        return DisclaimerOutcome::Protected(reason);
    }
    let place = match protected {
        Some(_) => Place::Beside,
        None => displayed::place_above(content),
    };
    match place {
        Place::Texts(targets) => return set_above(&targets, banner, plan),
        _ if is_the_first_part(content, banner) => return DisclaimerOutcome::AlreadyThere,
        Place::OwnPart => wrap::add_part(banner, Side::Above, plan),
        Place::Beside => wrap::set_beside(banner, Side::Above, plan),
    }
    protected.map_or(DisclaimerOutcome::PartAdded, DisclaimerOutcome::Wrapped)
}

fn set_above(targets: &[&Part], banner: &Disclaimer, plan: &mut Plan<'_>) -> DisclaimerOutcome {
    let (mut plain, mut html) = (Vec::new(), Vec::new());
    for part in targets {
        let octets = plan.content().decoded(part.id);
        let charset = charset_of(part, &octets);
        let top = Top { target: Target { part, octets: &octets, charset } };
        let (bears, paths) = match part.class {
            Class::Html => (top.set_html(&banner.html, plan), &mut html),
            _ => (top.set_plain(&banner.plain, plan), &mut plain),
        };
        if bears == Bears::Now {
            paths.push(part.path.clone());
        }
    }
    if plain.is_empty() && html.is_empty() {
        DisclaimerOutcome::AlreadyThere
    } else {
        DisclaimerOutcome::Appended { plain, html }
    }
}

/// Whether it was set beside the message before, in a part of its own.
fn is_the_first_part(content: &Content, banner: &Disclaimer) -> bool {
    let Some(mut first) = content.parts().first() else { return false };
    while first.class == Class::Multipart(Multipart::Mixed) {
        let Some(child) = first.children.first().and_then(|child| content.part(*child)) else {
            return false;
        };
        first = child;
    }
    first.parent.is_some()
        && first.class == Class::Plain
        && !first.is_attachment()
        && content.displayed_text(first.id).is_some_and(|text| starts_with(&text, &banner.plain))
}

/// Letters and digits tell, as charsets and line breaks differ.
fn starts_with(text: &str, banner: &str) -> bool {
    let banner = folded(banner);
    !banner.is_empty() && folded(text).starts_with(&banner)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Bears {
    Already,
    Now,
}

/// The place above a text.
struct Top<'a> {
    target: Target<'a>,
}

impl Top<'_> {
    fn set_plain(&self, banner: &str, plan: &mut Plan<'_>) -> Bears {
        let Target { octets, charset, .. } = self.target;
        let (text, _) = decode_text(octets, charset);
        if starts_with(&text, banner) {
            return Bears::Already;
        }
        let lines = self.target.lines(banner);
        let block = if text.is_empty() { lines } else { format!("{lines}\r\n") };
        self.target.put_plain(&self.in_quanta(block), Side::Above, plan);
        Bears::Now
    }

    fn set_html(&self, banner: &str, plan: &mut Plan<'_>) -> Bears {
        let Target { octets, charset, .. } = self.target;
        let written = encode::crlf_lines(&encode::ascii_html(banner));
        let at = if self.target.line_breaks() == LineBreaks::Kept {
            let start = self.target.start();
            start + top::top_of_html(octets.get(start..).unwrap_or_default())
        } else {
            self.top_of_wide_html()
        };
        let (after, _) = decode_text(octets.get(at..).unwrap_or_default(), charset);
        if compact(&after).starts_with(&compact(&written)) {
            return Bears::Already;
        }
        let block = self.in_quanta(format!("\r\n{written}"));
        let inserted = encode_text(&block, charset.encoding).unwrap_or_else(|| block.into_bytes());
        self.target.splice(at, &inserted, plan);
        Bears::Now
    }

    /// In a charset of two octets a unit.
    fn top_of_wide_html(&self) -> usize {
        let Target { octets, charset, .. } = self.target;
        let (text, _) = decode_text(octets, charset);
        let before = text.get(..top::top_of_html(text.as_bytes())).unwrap_or_default();
        (self.target.start() + before.encode_utf16().count() * 2).min(octets.len())
    }

    /// Blanks at the end of its last line, so that base64 which follows starts
    /// a quantum as it did.
    fn in_quanta(&self, mut block: String) -> String {
        let target = &self.target;
        if target.part.encoding == TransferEncoding::Base64
            && target.line_breaks() == LineBreaks::Kept
        {
            let end = block.trim_end().len();
            let blanks = (3 - block.len() % 3) % 3;
            block.insert_str(end, "  ".get(..blanks).unwrap_or_default());
        }
        block
    }
}

/// Without its white space, which encodings and line ends change.
fn compact(html: &str) -> String {
    html.chars().filter(|c| !c.is_ascii_whitespace() && *c != '\u{feff}').collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base64::{Engine, engine::general_purpose::STANDARD};
    use bytes::Bytes;

    use super::*;
    use crate::transform::{Edits, Rewritten, rewrite};

    const ASCII: &str = "lab banner: this message comes from outside.\nTake care with its links.";
    const WIDE: &str = "lab banner: daw\u{2019}r neges hon o\u{2019}r tu allan \u{175}.";
    const TAG: &str = "postern tag line: this message may be confidential.\nDo not copy it.";

    fn notice(plain: &str) -> Arc<Disclaimer> {
        let html = format!("<div lang=\"en\"><p>{}</p></div>", plain.replace('\n', "<br>\n"));
        Arc::new(Disclaimer { name: "lab".into(), plain: plain.into(), html })
    }

    fn marked(raw: &[u8], plain: &str) -> Rewritten {
        let edits = Edits { banner: Some(notice(plain)), ..Edits::default() };
        rewrite(&Content::parse(Bytes::copy_from_slice(raw)), &edits)
    }

    /// What is displayed of each text; a second rewrite must change nothing.
    fn displayed_texts(raw: &[u8], plain: &str) -> Vec<String> {
        let once = marked(raw, plain).into_bytes();
        let twice = marked(&once, plain);
        assert_eq!(twice.banner, DisclaimerOutcome::AlreadyThere, "{once:?}");
        assert_eq!(twice.message(), once);
        let longest = once.split(|octet| *octet == b'\n').map(<[u8]>::len).max();
        assert!(longest <= Some(79), "{once:?}");
        let content = Content::parse(once);
        let texts = displayed::all_displayed_texts(&content);
        texts.iter().map(|part| content.displayed_text(part.id).unwrap()).collect()
    }

    fn stands_on_top(raw: &[u8], plain: &str, rest: &str) {
        for text in displayed_texts(raw, plain) {
            assert!(folded(&text).starts_with(&folded(plain)), "{text:?}");
            assert!(text.trim_end().ends_with(rest), "{text:?}");
            assert_eq!(text.matches("lab banner").count(), 1, "{text:?}");
        }
    }

    #[test]
    fn plain_text_has_it_on_top_and_nothing_else_changes() {
        let raw = "Subject: a\r\n\r\nhello\r\n";
        let after = marked(raw.as_bytes(), ASCII).into_bytes();
        let expected =
            format!("Subject: a\r\n\r\n{}\r\n\r\nhello\r\n", ASCII.replace('\n', "\r\n"));
        assert_eq!(after, expected);
        stands_on_top(raw.as_bytes(), ASCII, "hello");
        stands_on_top(raw.as_bytes(), WIDE, "hello");
    }

    #[test]
    fn each_branch_has_it_and_html_behind_its_body_tag() {
        let raw = "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n\
                   Content-Type: text/html\r\n\r\n<html><body class=x><p>hello</p></body>\r\n--b--\r\n";
        assert_eq!(displayed_texts(raw.as_bytes(), ASCII).len(), 2);
        stands_on_top(raw.as_bytes(), ASCII, "hello");
        let after = marked(raw.as_bytes(), ASCII).into_bytes();
        let expected = b"<body class=x>\r\n<div lang=\"en\"><p>lab banner";
        assert!(memchr::memmem::find(&after, expected).is_some(), "{after:?}");
    }

    #[test]
    fn of_a_sequence_the_first_text_has_it() {
        let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n\
                   Content-Type: image/png\r\n\r\nPNG\r\n--b\r\n\r\nfooter\r\n--b--\r\n";
        let outcome = marked(raw.as_bytes(), ASCII).banner;
        let expected = DisclaimerOutcome::Appended { plain: vec!["1".into()], html: vec![] };
        assert_eq!(outcome, expected);
    }

    #[test]
    fn encodings_and_charsets_are_kept() {
        for length in 0..20 {
            let hello = format!("{}hello", "x".repeat(length));
            for (bom, charset) in [("", "utf-8"), ("\u{feff}", "utf-8"), ("", "us-ascii")] {
                let body = STANDARD.encode(format!("{bom}{hello}"));
                let head = format!(
                    "Content-Type: text/plain; charset={charset}\r\nContent-Transfer-Encoding: base64\r\n\r\n"
                );
                stands_on_top(format!("{head}{body}\r\n").as_bytes(), WIDE, &hello);
                let head = head.replace("plain", "html");
                let body = STANDARD.encode(format!("{bom}<body>{hello}"));
                stands_on_top(format!("{head}{body}\r\n").as_bytes(), WIDE, &hello);
            }
            let quoted =
                "Content-Transfer-Encoding: quoted-printable\r\n\r\n=68ello=\r\n hello\r\n";
            stands_on_top(quoted.as_bytes(), WIDE, "hello hello");
        }
        for kind in ["plain", "html"] {
            let utf_16: Vec<u8> =
                "\u{feff}<body>hello".encode_utf16().flat_map(u16::to_le_bytes).collect();
            let body = STANDARD.encode(utf_16);
            let head = format!(
                "Content-Type: text/{kind}; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n"
            );
            stands_on_top(format!("{head}{body}\r\n").as_bytes(), WIDE, "hello");
        }
        let latin = b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\ncaf\xe9\r\n";
        stands_on_top(latin, WIDE, "café");
        let flowed = "Content-Type: text/plain; format=flowed\r\n\r\nflowing \r\non\r\n";
        stands_on_top(flowed.as_bytes(), ASCII, "flowing \r\non");
    }

    #[test]
    fn no_line_begins_that_others_take_for_a_delimiter() {
        for (encoding, after) in [("7bit", "</div>--b x"), ("quoted-printable", "\r\n=2D-b x")] {
            let raw = format!(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\n\
                 Content-Transfer-Encoding: {encoding}\r\n\r\n<body>--b x</body>\r\n--b--\r\n"
            );
            let once = marked(raw.as_bytes(), ASCII).into_bytes();
            assert!(memchr::memmem::find(&once, after.as_bytes()).is_some(), "{once:?}");
            stands_on_top(raw.as_bytes(), ASCII, "--b x");
        }
    }

    #[test]
    fn an_earlier_message_s_banner_does_not_mark_this_one() {
        let quoted = ASCII.replace('\n', "\r\n> ");
        let raw = format!("Subject: a\r\n\r\nyes\r\n> {quoted}\r\n> hello\r\n");
        let outcome = marked(raw.as_bytes(), ASCII).banner;
        assert_eq!(outcome, DisclaimerOutcome::Appended { plain: vec!["1".into()], html: vec![] });
        let html = &notice(ASCII).html;
        for body in [
            format!("<body>yes<blockquote>{html}</blockquote>"),
            format!("<body><div style=\"display:none\">{html}</div>hello"),
            format!("<body><!--{html}-->hello"),
        ] {
            let raw = format!("Content-Type: text/html\r\n\r\n{body}\r\n");
            let outcome = marked(raw.as_bytes(), ASCII).banner;
            assert!(matches!(outcome, DisclaimerOutcome::Appended { .. }), "{body}");
        }
    }

    #[test]
    fn where_no_text_can_have_it_it_is_a_part_on_top() {
        let pdf = "Content-Type: application/pdf\r\n\r\n%PDF-\r\n";
        let damaged = "Content-Transfer-Encoding: base64\r\n\r\n=!?\r\n";
        for raw in [
            pdf.to_owned(),
            format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{pdf}--b--\r\n"),
            format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n{damaged}--b\r\n\r\nx\r\n--b--\r\n"),
            "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/signed; \
             boundary=s\r\n\r\n--s\r\n\r\nx\r\n--s--\r\n--b\r\n\r\nfooter\r\n--b--\r\n".to_owned(),
            format!("Content-Type: multipart/mixed; boundary=b\r\n\r\n{}", "--b\r\n\r\nx\r\n".repeat(3000)),
        ] {
            let done = marked(raw.as_bytes(), ASCII);
            assert_eq!(done.banner, DisclaimerOutcome::PartAdded, "{raw}");
            let once = done.into_bytes();
            let content = Content::parse(once.clone());
            assert!(is_the_first_part(&content, &notice(ASCII)), "{once:?}");
            assert_eq!(marked(&once, ASCII).message(), once);
        }
    }

    #[test]
    fn protected_mail_has_it_only_where_policy_wraps_it() {
        let raw = "\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n";
        let left = marked(raw.as_bytes(), ASCII);
        assert_eq!(left.banner, DisclaimerOutcome::Protected(Protected::Signed));
        assert_eq!(left.message(), raw.as_bytes());
        let edits = Edits {
            banner: Some(notice(ASCII)),
            disclaimer: Some(notice(TAG)),
            wrapped: vec![Protected::Signed],
            ..Edits::default()
        };
        let done = rewrite(&Content::parse(Bytes::copy_from_slice(raw.as_bytes())), &edits);
        assert_eq!(done.banner, DisclaimerOutcome::Wrapped(Protected::Signed));
        let once = done.into_bytes();
        assert!(memchr::memmem::find(&once, &raw.as_bytes()[2..]).is_some());
        let twice = rewrite(&Content::parse(once.clone()), &edits);
        assert_eq!(twice.message(), once);
    }

    #[test]
    fn a_message_may_bear_a_banner_and_a_tag_line() {
        for (head, body) in [
            ("", "hello"),
            ("", ""),
            ("Content-Type: text/html\r\n", "<body>hello</body>"),
            ("Content-Type: text/plain; charset=us-ascii\r\n", "hello"),
            ("Content-Transfer-Encoding: base64\r\n", "aGVsbG8="),
        ] {
            let raw = format!("{head}\r\n{body}\r\n");
            let edits = Edits {
                banner: Some(notice(WIDE)),
                disclaimer: Some(notice(TAG)),
                ..Edits::default()
            };
            let before = Content::parse(Bytes::from(raw.clone()));
            let done = rewrite(&before, &edits);
            let mut made = raw.into_bytes();
            for change in done.changes.iter().rev() {
                made.splice(change.source.clone(), change.inserted.iter().copied());
            }
            assert_eq!(made, done.message());
            let once = done.into_bytes();
            let content = Content::parse(once.clone());
            let text = content.displayed_text(content.parts()[0].id).unwrap();
            assert!(folded(&text).starts_with(&folded(WIDE)), "{text}");
            assert!(folded(&text).ends_with(&folded(TAG)), "{text}");
            let twice = rewrite(&content, &edits);
            assert_eq!(twice.message(), once);
        }
    }
}
