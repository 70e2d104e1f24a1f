//! The tag line: under every text that a recipient reads, once.
//!
//! It goes into a part in the part's own charset and transfer encoding, by the
//! smallest edit that does it. Only where a character does not fit is the part
//! lifted to UTF-8, and where an encoding cannot carry it, to quoted-printable:
//! that part and no other.

use super::{
    displayed::{self, Place},
    encode::{self, LineBreaks},
    lift::{self, Lift},
    place,
    plan::{Plan, Side},
    recognise::Recogniser,
    rewrite::DisclaimerOutcome,
    splice, wrap,
};
use crate::{
    content::{Certainty, Charset, Class, Content, Part, Protected, charset_of, encode_text},
    mail::Disclaimer,
};

/// Plans what it takes to append a tag line to a message.
pub(super) fn append(
    disclaimer: &Disclaimer,
    wrapped: &[Protected],
    plan: &mut Plan<'_>,
) -> DisclaimerOutcome {
    let content = plan.content();
    if let Some(reason) = content.protected() {
        return append_to_protected(disclaimer, wrapped, reason, plan);
    }
    let known = carriers(content, disclaimer);
    let targets = match displayed::place(content) {
        Place::Texts(targets) => targets,
        _ if is_shown_to_all(content, &known) || wrap::is_beside_what_is_not_followed(content) => {
            return DisclaimerOutcome::AlreadyThere;
        }
        Place::OwnPart => {
            wrap::add_part(disclaimer, Side::Below, plan);
            return DisclaimerOutcome::PartAdded;
        }
        Place::Beside => {
            wrap::set_beside(disclaimer, Side::Below, plan);
            return DisclaimerOutcome::PartAdded;
        }
    };
    let (mut plain, mut html) = (Vec::new(), Vec::new());
    for target in targets {
        // Shown together with a text that has it, it has it too.
        let has = known.iter().any(|part| {
            part.id == target.id || !displayed::are_alternatives(content, part, target)
        });
        if has {
            continue;
        }
        append_to(target, disclaimer, plan);
        let paths = if target.class == Class::Html { &mut html } else { &mut plain };
        paths.push(target.path.clone());
    }
    if plain.is_empty() && html.is_empty() {
        DisclaimerOutcome::AlreadyThere
    } else {
        DisclaimerOutcome::Appended { plain, html }
    }
}

/// Beside the whole of it, where that is asked for.
fn append_to_protected(
    disclaimer: &Disclaimer,
    wrapped: &[Protected],
    reason: Protected,
    plan: &mut Plan<'_>,
) -> DisclaimerOutcome {
    let content = plan.content();
    if !reason.is_wrapped(wrapped) {
        return DisclaimerOutcome::Protected(reason);
    }
    // Also quoted in what is signed, which cannot have it otherwise.
    if !knowing(content, displayed::every_text(content), disclaimer).is_empty() {
        return DisclaimerOutcome::AlreadyThere;
    }
    wrap::set_beside(disclaimer, Side::Below, plan);
    DisclaimerOutcome::Wrapped(reason)
}

/// Whether those who have the tag line are enough for it not to be set beside
/// them again: one that is shown in every reading, or all.
fn is_shown_to_all(content: &Content, known: &[&Part]) -> bool {
    let all = displayed::all_displayed_texts(content).len();
    known.iter().any(|part| !displayed::is_in_alternative(content, part))
        || !known.is_empty() && known.len() == all
}

/// The displayed parts that have the tag line already.
fn carriers<'c>(content: &'c Content, disclaimer: &Disclaimer) -> Vec<&'c Part> {
    knowing(content, displayed::all_displayed_texts(content), disclaimer)
}

/// Those of these parts in which the tag line stands.
fn knowing<'c>(
    content: &'c Content,
    mut texts: Vec<&'c Part>,
    disclaimer: &Disclaimer,
) -> Vec<&'c Part> {
    let recogniser = Recogniser::new(disclaimer);
    texts.retain(|part| {
        let octets = content.decoded(part.id);
        let narrow = charset_of(part, &octets).extends_ascii();
        (!narrow || recogniser.may_stand_in(&octets))
            && content.displayed_text(part.id).is_some_and(|text| recogniser.stands_in(&text))
    });
    texts
}

fn append_to(part: &Part, disclaimer: &Disclaimer, plan: &mut Plan<'_>) {
    let octets = plan.content().decoded(part.id);
    let charset = charset_of(part, &octets);
    let target = Target { part, octets: &octets, charset };
    if part.class == Class::Html {
        target.append_html(&disclaimer.html, plan);
    } else {
        target.append_plain(&disclaimer.plain, plan);
    }
}

/// A part that is to have the tag line, or a banner.
pub(super) struct Target<'a> {
    pub(super) part: &'a Part,
    /// Its content, transfer encoding undone.
    pub(super) octets: &'a [u8],
    pub(super) charset: Charset,
}

impl Target<'_> {
    fn append_html(&self, html: &str, plan: &mut Plan<'_>) {
        let text = format!("\r\n{}", encode::crlf_lines(&encode::ascii_html(html)));
        let at = if self.charset.extends_ascii() || self.is_shifting() {
            place::end_of_html(self.octets)
        } else {
            self.end_of_wide_html()
        };
        let inserted = self.in_own_charset(&text).unwrap_or_else(|| text.into_bytes());
        self.splice(at, &inserted, plan);
    }

    /// As `end_of_html`, in a charset of two octets a unit.
    fn end_of_wide_html(&self) -> usize {
        let (text, map) = crate::content::decode_text(self.octets, self.charset);
        let at = place::end_of_html(text.as_bytes());
        let before = text.get(..at).unwrap_or_default();
        let exact = map.source(0) + before.encode_utf16().count() * 2;
        if at == text.len() || exact > self.octets.len() { self.octets.len() } else { exact }
    }

    fn append_plain(&self, tag: &str, plan: &mut Plan<'_>) {
        let text = self.block(&self.lines(tag), plan.content());
        self.put_plain(&text, Side::Below, plan);
    }

    /// A wording as lines of this part.
    pub(super) fn lines(&self, wording: &str) -> String {
        let fixed = self.is_flowed().then(|| fixed_lines(wording));
        encode::crlf_lines(fixed.as_deref().unwrap_or(wording))
    }

    /// Puts text at one end, in whatever way the part can carry it.
    pub(super) fn put_plain(&self, text: &str, side: Side, plan: &mut Plan<'_>) {
        let at = match side {
            Side::Above => self.start(),
            Side::Below => self.octets.len(),
        };
        if text.is_ascii() && self.charset.extends_ascii() {
            return self.splice(at, text.as_bytes(), plan);
        }
        match self.carriage(text, side) {
            Carriage::Spliced(octets) => self.splice(at, &octets, plan),
            Carriage::Lifted(lift) => {
                if !lift::apply(self, text, lift, at, plan) {
                    self.splice(at, encode::nearest_ascii(text).as_bytes(), plan);
                }
            }
        }
    }

    /// Where the text begins: after the mark of its byte order.
    pub(super) fn start(&self) -> usize {
        encoding_rs::Encoding::for_bom(self.octets).map_or(0, |(_, length)| length)
    }

    /// How text beyond ASCII can be carried by the part.
    fn carriage(&self, text: &str, side: Side) -> Carriage {
        let own = match side {
            Side::Above => encode_text(text, self.charset.encoding),
            Side::Below => self.in_own_charset(text),
        };
        let declared = self.charset.certainty == Certainty::Declared;
        let ascii = self.octets.is_ascii() && self.charset.extends_ascii();
        let nearest = || Carriage::Spliced(encode::nearest_ascii(text).into_bytes());
        let encoded = !self.part.encoding.is_identity();
        match own {
            // Also where 8bit is declared: a message of ASCII goes on as one.
            Some(own) if declared && (encoded || !ascii) => Carriage::Spliced(own),
            Some(_) if declared => Carriage::Lifted(Lift::ToQuotedPrintable),
            // ASCII octets need not be ASCII there: UTF-7 is one of them.
            _ if self.charset.certainty == Certainty::Unknown => nearest(),
            // Nothing is declared that the text could go against.
            _ if self.part.flaw.is_some() => nearest(),
            _ if ascii && encoded => Carriage::Lifted(Lift::ToUtf8Label),
            _ if ascii => Carriage::Lifted(Lift::ToUtf8QuotedPrintable),
            None if declared => Carriage::Lifted(Lift::ToUtf8),
            // Undeclared octets beyond ASCII: as the rest of them.
            Some(own) if self.charset.certainty == Certainty::Guessed => Carriage::Spliced(own),
            _ => nearest(),
        }
    }

    pub(super) fn splice(&self, at: usize, octets: &[u8], plan: &mut Plan<'_>) {
        let before = self.octets.get(..at).unwrap_or_default();
        let inserted = if self.is_shifting() && ends_shifted(before) {
            [TO_ASCII, octets].concat()
        } else {
            octets.to_vec()
        };
        splice::insert(self.part, self.octets, at, &inserted, self.line_breaks(), plan);
    }

    /// The tag line with an empty line before it.
    fn block(&self, lines: &str, content: &Content) -> String {
        let (text, _) = crate::content::decode_text(self.octets, self.charset);
        let (before, ends_line) = match text.as_str() {
            "" => ("", true),
            text if text.ends_with('\n') => ("\r\n", true),
            _ => ("\r\n\r\n", false),
        };
        let lines = if ends_line || splice::ends_at_delimiter(self.part, content) {
            lines
        } else {
            lines.trim_end_matches("\r\n")
        };
        format!("{before}{lines}")
    }

    fn in_own_charset(&self, text: &str) -> Option<Vec<u8>> {
        let mut octets = encode_text(text, self.charset.encoding)?;
        // Half a unit of UTF-16 at the end would shift all that follows.
        if self.line_breaks() == LineBreaks::Encoded && !self.octets.len().is_multiple_of(2) {
            octets.insert(0, b' ');
        }
        Some(octets)
    }

    pub(super) fn line_breaks(&self) -> LineBreaks {
        if self.charset.extends_ascii() || self.is_shifting() {
            LineBreaks::Kept
        } else {
            LineBreaks::Encoded
        }
    }

    /// ISO-2022-JP: ASCII but within its escapes, which end with the line.
    fn is_shifting(&self) -> bool {
        self.charset.is_shifting()
    }

    fn is_flowed(&self) -> bool {
        let format = self.part.media.parameters.get("format");
        format.is_some_and(|format| format.trim().eq_ignore_ascii_case("flowed"))
    }
}

/// Whether text in ISO-2022-JP breaks off before it has come back to ASCII (RFC
/// 1468 says it must, by the end of the line).
fn ends_shifted(octets: &[u8]) -> bool {
    let last = memchr::memrchr(b'\x1b', octets).and_then(|at| octets.get(at..));
    last.is_some_and(|escape| !escape.starts_with(TO_ASCII) && !escape.starts_with(b"\x1b(J"))
}

const TO_ASCII: &[u8] = b"\x1b(B";

enum Carriage {
    /// These octets, within what is there.
    Spliced(Vec<u8>),
    Lifted(Lift),
}

/// Lines that no flowed reader joins, each stuffed where it must be (RFC 3676
/// section 4.4).
fn fixed_lines(text: &str) -> String {
    let fixed = |line: &str| {
        let line = line.trim_end();
        let stuffed = line.starts_with([' ', '>']) || line.starts_with("From ");
        if stuffed { format!(" {line}") } else { line.to_owned() }
    };
    text.lines().map(fixed).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::{
        content::Protected,
        transform::{Edits, rewrite},
    };

    const ASCII: &str = "postern tag line: this message may be confidential.\n\
                         Do not copy it, do not disclose it.";
    const WIDE: &str = "postern tag line: neges gyfrinachol yw hon \u{2013} peidiwch \u{e2}\u{2019}i ch\u{175}pio.\n\
                        Dilëwch hi.";

    fn disclaimer(plain: &str) -> Disclaimer {
        let html = format!("<hr>\n<p>{}</p>", plain.replace('\n', "<br>\n"));
        Disclaimer { name: "lab".into(), plain: plain.into(), html }
    }

    fn rewritten(raw: &[u8], plain: &str) -> (Bytes, DisclaimerOutcome) {
        let edits = Edits { disclaimer: Some(Arc::new(disclaimer(plain))), ..Edits::default() };
        let done = rewrite(&Content::parse(Bytes::copy_from_slice(raw)), &edits);
        let outcome = done.disclaimer.clone();
        (done.into_bytes(), outcome)
    }

    fn text(raw: &[u8], plain: &str) -> String {
        String::from_utf8(rewritten(raw, plain).0.to_vec()).unwrap()
    }

    /// What is displayed of each text part after the rewrite; a second
    /// rewrite must change nothing.
    fn displayed(raw: &[u8], plain: &str) -> Vec<String> {
        let (once, _) = rewritten(raw, plain);
        let (twice, outcome) = rewritten(&once, plain);
        assert_eq!(once, twice, "{outcome:?}");
        let content = Content::parse(once);
        displayed::all_displayed_texts(&content)
            .iter()
            .map(|part| content.displayed_text(part.id).unwrap())
            .collect()
    }

    #[test]
    fn plain_text_has_it_at_the_end_and_nothing_else_changes() {
        let raw = "Subject: a\r\n\r\nhello\r\n";
        let expected = format!("{raw}\r\n{}\r\n", ASCII.replace('\n', "\r\n"));
        assert_eq!(text(raw.as_bytes(), ASCII), expected);
    }

    #[test]
    fn an_alternative_has_it_in_each_branch() {
        let raw = "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n--b\r\n\
                   Content-Type: text/html\r\n\r\n<body>html</body>\r\n--b--\r\n";
        let texts = displayed(raw.as_bytes(), ASCII);
        assert_eq!(texts.len(), 2);
        assert!(texts.iter().all(|text| text.matches("postern tag line").count() == 1));
        assert!(text(raw.as_bytes(), ASCII).contains("disclose it.</p>\r\n</body>\r\n--b--\r\n"));
    }

    #[test]
    fn seven_bit_text_is_lifted_only_for_what_does_not_fit() {
        let raw = "Subject: a\r\nContent-Type: text/plain; charset=us-ascii; format=fixed\r\n\
                   Content-Transfer-Encoding: 7bit\r\n\r\n1 = 1\r\n";
        let lifted = text(raw.as_bytes(), WIDE);
        assert!(lifted.starts_with(
            "Subject: a\r\nContent-Type: text/plain; charset=utf-8; format=fixed\r\n\
             Content-Transfer-Encoding: quoted-printable\r\nMIME-Version: 1.0\r\n\r\n1 =3D 1\r\n\r\n"
        ), "{lifted}");
        assert_eq!(
            displayed(raw.as_bytes(), WIDE)[0],
            format!("1 = 1\r\n\r\n{}\r\n", WIDE.replace('\n', "\r\n"))
        );
    }

    #[test]
    fn a_message_of_ascii_goes_on_as_one_though_8bit_is_declared() {
        for head in [
            "Content-Type: text/plain; charset=utf-8\r\n",
            "",
            "Content-Type: text/plain; charset=iso-8859-1\r\n",
        ] {
            let raw = format!("{head}Content-Transfer-Encoding: 8bit\r\n\r\nhello\r\n");
            assert!(text(raw.as_bytes(), WIDE).is_ascii());
            assert!(displayed(raw.as_bytes(), WIDE)[0].contains("ch\u{175}pio"));
        }
    }

    #[test]
    fn a_charset_that_has_not_the_characters_gives_way() {
        let raw = b"Content-Type: text/plain; charset=\"iso-8859-1\"\r\n\
                    Content-Transfer-Encoding: 8bit\r\n\r\ncaf\xe9\r\n";
        let text = displayed(raw, WIDE).remove(0);
        assert!(text.starts_with("café\r\n\r\n") && text.contains("ch\u{175}pio"), "{text}");
        let latin = displayed(raw, "postern tag line: caf\u{e9}").remove(0);
        assert_eq!(latin, "café\r\n\r\npostern tag line: café\r\n");
    }

    #[test]
    fn octets_that_read_in_two_ways_are_not_lifted() {
        let raw = b"Content-Type: text/plain; charset=iso-8859-1\r\n\r\nna\x82ve\r\n";
        let (after, _) = rewritten(raw, WIDE);
        assert!(after.starts_with(raw), "{after:?}");
    }

    #[test]
    fn a_charset_that_nobody_knows_keeps_its_name() {
        let raw = "Content-Type: text/plain; charset=utf-7\r\n\r\ncaf+AOk-\r\n";
        let after = text(raw.as_bytes(), WIDE);
        assert!(after.starts_with(raw) && after.is_ascii(), "{after}");
    }

    #[test]
    fn undeclared_octets_stay_as_they_are() {
        let (after, _) = rewritten(b"Subject: a\r\n\r\ncaf\xe9\r\n", WIDE);
        assert!(after.starts_with(b"Subject: a\r\n\r\ncaf\xe9\r\n\r\npostern tag line"));
        let utf8 = displayed("\r\ncafé\r\n".as_bytes(), WIDE).remove(0);
        assert!(utf8.contains("ch\u{175}pio"));
    }

    #[test]
    fn base64_is_edited_at_its_end_only() {
        for length in 0..120 {
            let plain = "x".repeat(length);
            let body = encode::base64_lines(plain.as_bytes(), 0);
            let head = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
            let raw = [head.as_bytes(), &body, b"\r\n"].concat();
            let (after, _) = rewritten(&raw, WIDE);
            let same = length / 3 * 4;
            assert_eq!(after[..head.len() + same.min(76)], raw[..head.len() + same.min(76)]);
            let text = displayed(&raw, WIDE).remove(0);
            assert!(text.starts_with(&plain) && text.contains("ch\u{175}pio"), "{text}");
            let longest = after.split(|&o| o == b'\n').map(<[u8]>::len).max();
            assert!(longest <= Some(77), "{length}");
        }
    }

    #[test]
    fn base64_whose_last_quantum_is_broken_is_written_anew() {
        let head =
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
        for end in ["YQ=\r\n=", "Y\r\nQ==\r\n", "Y Q=="] {
            let after = text(format!("{head}YWFh{end}").as_bytes(), ASCII);
            assert!(!after.replace("\r\n", "").contains(['\r', '\n']), "{after:?}");
            let shown = displayed(format!("{head}YWFh{end}").as_bytes(), ASCII).remove(0);
            assert!(shown.starts_with("aaaa\r\n\r\npostern"), "{shown:?}");
        }
    }

    #[test]
    fn html_in_base64_is_edited_within_a_quantum() {
        for length in 0..70 {
            let html = format!("<body>{}</body></html>", "x".repeat(length));
            let body = encode::base64_lines(html.as_bytes(), 0);
            let head = "Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n";
            let raw = [head.as_bytes(), &body, b"\r\n"].concat();
            let (after, _) = rewritten(&raw, WIDE);
            let content = Content::parse(after.clone());
            let decoded = content.decoded(content.parts()[0].id);
            let decoded = String::from_utf8(decoded.to_vec()).unwrap();
            assert!(decoded.starts_with(html.get(..6 + length).unwrap()), "{decoded}");
            assert!(decoded.ends_with("</body></html>"), "{decoded}");
            assert_eq!(displayed(&raw, WIDE)[0].matches("postern tag line").count(), 1);
            assert!(after.split(|&o| o == b'\n').all(|line| line.len() <= 77));
        }
    }

    #[test]
    fn quoted_printable_keeps_its_own_lines() {
        let head = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n";
        for (body, before) in [
            ("caf=C3=A9\r\n", "café\r\n\r\npostern"),
            ("soft=\r\n", "soft\r\n\r\npostern"),
            ("soft=", "soft\r\n\r\npostern"),
            ("blank ", "blank \r\n\r\npostern"),
            ("", "postern"),
        ] {
            let raw = format!("{head}{body}");
            let (after, _) = rewritten(raw.as_bytes(), WIDE);
            assert!(after.starts_with(raw.as_bytes()));
            assert!(after.split(|&o| o == b'\n').all(|line| line.len() <= 77));
            let text = displayed(raw.as_bytes(), WIDE).remove(0);
            assert!(text.starts_with(before), "{text:?}");
        }
    }

    #[test]
    fn wide_charsets_have_it_in_their_own_octets() {
        use base64::Engine;
        for after in ["</body>", "</body>!", "</body>!!", "<!-- </body>"] {
            let html = format!("<body>caf\u{e9}{after}<p>\u{175}");
            let utf_16: Vec<u8> = html.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let body = base64::engine::general_purpose::STANDARD
                .encode([&[0xff, 0xfe], utf_16.as_slice()].concat());
            let raw = format!(
                "Content-Type: text/html; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n"
            );
            let text = displayed(raw.as_bytes(), WIDE).remove(0);
            assert!(text.starts_with("café") && text.contains("ch\u{175}pio"), "{text}");
            let (once, _) = rewritten(raw.as_bytes(), WIDE);
            let decoded = Content::parse(once);
            let octets = decoded.decoded(decoded.parts()[0].id);
            let tail: Vec<u8> =
                format!("{after}<p>\u{175}").encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert!(octets.ends_with(&tail), "{after}");
        }
    }

    #[test]
    fn japanese_that_breaks_off_is_brought_back_to_ascii() {
        let raw = b"Content-Type: text/plain; charset=iso-2022-jp\r\n\r\n\x1b$B$\"\r\n";
        let (after, _) = rewritten(raw, ASCII);
        assert!(after.starts_with(&[&raw[..], b"\x1b(B\r\n"].concat()), "{after:?}");
        assert_eq!(displayed(raw, ASCII)[0].matches("postern tag line").count(), 1);
    }

    #[test]
    fn flowed_text_stays_flowed() {
        let raw = "Content-Type: text/plain; format=flowed\r\n\r\nflowing \r\n";
        let after = text(raw.as_bytes(), "postern tag line > \n> quoted\nFrom us \n end");
        assert!(
            after.ends_with(
                "flowing \r\n\r\npostern tag line >\r\n > quoted\r\n From us\r\n  end\r\n"
            ),
            "{after:?}"
        );
    }

    #[test]
    fn a_message_that_is_an_attachment_is_put_beside_it() {
        let raw = "Subject: a\r\nContent-Type: application/pdf;\r\n name=a.pdf\r\n\
                   Content-Transfer-Encoding: base64\r\nX-B: c\r\n\r\nJVBERi0=\r\n";
        let (after, outcome) = rewritten(raw.as_bytes(), WIDE);
        assert_eq!(outcome, DisclaimerOutcome::PartAdded);
        let content = Content::parse(after);
        let paths: Vec<_> = content.parts().iter().map(|part| part.path.as_str()).collect();
        assert_eq!(paths, ["", "1", "2"]);
        assert_eq!(content.raw()[content.parts()[1].body.clone()], b"JVBERi0=\r\n"[..]);
        assert_eq!(displayed(raw.as_bytes(), WIDE).len(), 1);
    }

    #[test]
    fn a_mixed_message_of_attachments_has_a_part_added() {
        for close in ["--b--\r\n", ""] {
            let raw = format!(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
                 Content-Type: application/pdf\r\n\r\n%PDF-\r\n{close}"
            );
            assert_eq!(displayed(raw.as_bytes(), WIDE).len(), 1, "{close:?}");
        }
    }

    #[test]
    fn protected_mail_is_left_alone() {
        let raw = "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\
                   Content-Type: application/pgp-signature\r\n\r\nsig\r\n--b--\r\n";
        let (after, outcome) = rewritten(raw.as_bytes(), ASCII);
        assert_eq!(
            (after, outcome),
            (
                Bytes::copy_from_slice(raw.as_bytes()),
                DisclaimerOutcome::Protected(Protected::Signed)
            )
        );
    }

    #[test]
    fn a_reply_that_quotes_it_in_one_branch_has_it_added_in_the_other() {
        let quoted = ASCII.replace(' ', "\r\n> ");
        let raw = format!(
            "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nyes\r\n> {quoted}\r\n--b\r\n\
             Content-Type: text/html\r\n\r\n<p>yes</p>\r\n--b--\r\n"
        );
        let (_, outcome) = rewritten(raw.as_bytes(), ASCII);
        let expected = DisclaimerOutcome::Appended { plain: vec![], html: vec!["2".into()] };
        assert_eq!(outcome, expected);
    }

    #[test]
    fn a_part_without_its_empty_line_gets_one() {
        let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nX-A: b\r\n--b--\r\n";
        let after = text(raw.as_bytes(), ASCII);
        assert!(after.contains("X-A: b\r\n\r\npostern tag line"), "{after}");
        assert!(after.ends_with("disclose it.\r\n--b--\r\n"), "{after}");
        let bare = "Subject: a";
        assert!(text(bare.as_bytes(), ASCII).starts_with("Subject: a\r\n\r\npostern tag"));
    }
}
