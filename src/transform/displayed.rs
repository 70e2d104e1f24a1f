//! Which parts of a message a recipient reads, and which of them can be given
//! a tag line.
//!
//! What programs show differs, and what they make of ill-formed mail differs
//! more. Where one reading could not be reached by an edit within the text, the
//! whole message is left as it stands and the tag line set beside it.

use super::doubt;
use crate::content::{
    Class, Content, Disposition, Multipart, Part, TransferEncoding, charset_of, is_damaged,
};

/// Where the tag line of a message belongs.
#[derive(Debug)]
pub(super) enum Place<'c> {
    /// Into these: of a sequence the last one, of an alternative each.
    Texts(Vec<&'c Part>),
    /// Nothing but attachments is displayed: into a part of its own.
    OwnPart,
    /// An edit would break something, or not be read by all: beside the whole.
    Beside,
}

pub(super) fn place(content: &Content) -> Place<'_> {
    place_of(content, Every::Last)
}

/// Where a mark above the message belongs: of a sequence the first.
pub(super) fn place_above(content: &Content) -> Place<'_> {
    place_of(content, Every::First)
}

fn place_of(content: &Content, every: Every) -> Place<'_> {
    let Some(whole) = content.parts().first() else { return Place::OwnPart };
    if doubt::is_doubtful(content) {
        return Place::Beside;
    }
    let mut search = Search { content, every, texts: Vec::new(), missed: false };
    match search.gather(whole) {
        _ if search.missed => Place::Beside,
        true => Place::Texts(search.texts),
        false => Place::OwnPart,
    }
}

/// All parts whose text a recipient reads.
pub(super) fn all_displayed_texts(content: &Content) -> Vec<&Part> {
    let mut search = Search { content, every: Every::One, texts: Vec::new(), missed: false };
    if let Some(whole) = content.parts().first() {
        search.gather(whole);
    }
    search.texts
}

/// All text that is no file and in no message within, also within seals.
pub(super) fn every_text(content: &Content) -> Vec<&Part> {
    let outside =
        |part: &Part| !content.ancestors(part.id).any(|outer| outer.class == Class::Message);
    let is_text = |part: &&Part| matches!(part.class, Class::Plain | Class::Html);
    let parts = content.parts().iter().filter(is_text);
    parts.filter(|part| !part.is_attachment() && outside(part)).collect()
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Every {
    One,
    /// Only the last of a sequence.
    Last,
    /// Only the first of a sequence: nothing may be read above it.
    First,
}

struct Search<'c> {
    content: &'c Content,
    every: Every,
    texts: Vec<&'c Part>,
    /// A branch of an alternative shows text that cannot be edited, while
    /// another's can.
    missed: bool,
}

impl<'c> Search<'c> {
    /// Says whether the part has given any.
    fn gather(&mut self, part: &'c Part) -> bool {
        let content = self.content;
        let children = part.children.iter().filter_map(|id| content.part(*id));
        match part.class {
            Class::Plain | Class::Html => {
                let shown = is_shown(content, part) && is_editable(content, part);
                if shown {
                    self.texts.push(part);
                }
                shown
            }
            Class::Multipart(Multipart::Alternative) => {
                let (mut any, mut missed) = (false, false);
                for child in children {
                    let given = self.gather(child);
                    any |= given;
                    missed |= !given && shows_text(content, child);
                }
                self.missed |= any && missed;
                any
            }
            Class::Multipart(Multipart::Related) => {
                related_root(content, part).is_some_and(|root| self.gather(root))
            }
            Class::Multipart(Multipart::Mixed | Multipart::Other) if self.every == Every::First => {
                for child in children {
                    if self.gather(child) {
                        return true;
                    }
                    self.missed |= shows_text(content, child);
                }
                false
            }
            Class::Multipart(Multipart::Mixed | Multipart::Other) => {
                let mut any = false;
                for child in children.rev() {
                    any |= self.gather(child);
                    if any && self.every == Every::Last {
                        break;
                    }
                }
                any
            }
            Class::Multipart(Multipart::Signed | Multipart::Encrypted | Multipart::Report)
            | Class::Calendar
            | Class::Message
            | Class::Other => false,
        }
    }
}

/// Whether a program would show text of the part, well or badly.
fn shows_text(content: &Content, part: &Part) -> bool {
    let mut children = part.children.iter().filter_map(|id| content.part(*id));
    match part.class {
        Class::Plain | Class::Html => part.disposition != Disposition::Attachment,
        Class::Multipart(Multipart::Related) => {
            related_root(content, part).is_some_and(|root| shows_text(content, root))
        }
        Class::Multipart(_) => children.any(|child| shows_text(content, child)),
        Class::Calendar | Class::Message | Class::Other => false,
    }
}

/// The branches of an alternative are shown whatever they are named.
fn is_shown(content: &Content, part: &Part) -> bool {
    !part.is_attachment() || part.disposition == Disposition::Unstated && is_branch(content, part)
}

/// Whether the part is one form of what is displayed, and so no file beside it.
fn is_branch(content: &Content, part: &Part) -> bool {
    let outer = part.parent.and_then(|parent| content.part(parent));
    outer.is_some_and(|outer| match outer.class {
        Class::Multipart(Multipart::Alternative) => true,
        Class::Multipart(Multipart::Related) => {
            related_root(content, outer).is_some_and(|root| root.id == part.id)
        }
        _ => false,
    })
}

/// What becomes of a body that is not the base64 it claims to be, each program
/// decides for itself: it is left to them as it stands. So is text of two
/// octets a unit that stands in lines of mail with no transfer encoding, and
/// text in which not even ASCII can be written.
fn is_editable(content: &Content, part: &Part) -> bool {
    let wide = || {
        let charset = charset_of(part, &content.decoded(part.id));
        !charset.extends_ascii() && !charset.is_shifting()
    };
    part.encoding != TransferEncoding::Uuencode
        && !is_damaged(content, part.id)
        && !part.charset().is_some_and(is_foreign)
        && is_plainly_typed(content, part)
        && !(part.encoding.is_identity() && wide())
}

/// Whether every program takes the part for the same: comments in a type, or
/// half of one, are read in different ways.
fn is_plainly_typed(content: &Content, part: &Part) -> bool {
    doubt::types(content, part).next().is_none_or(|value| {
        let media = value.split(|&octet| octet == b';').next().unwrap_or_default().trim_ascii();
        let plain = media.eq_ignore_ascii_case(b"text/plain");
        (plain || media.eq_ignore_ascii_case(b"text/html")) && !value.contains(&b'(')
    })
}

/// Four octets a unit, or EBCDIC.
fn is_foreign(label: &str) -> bool {
    let label = label.trim_matches(['"', '\'']).to_ascii_lowercase().replace('_', "-");
    FOREIGN.iter().any(|start| label.starts_with(start))
}

const FOREIGN: [&str; 16] = [
    "utf-32",
    "utf32",
    "ucs-4",
    "iso-10646-ucs",
    "ebcdic",
    "cp037",
    "cp273",
    "cp424",
    "cp500",
    "cp875",
    "cp1026",
    "cp1047",
    "cp1140",
    "ibm037",
    "ibm500",
    "ibm1047",
];

/// The part that the others of a multipart/related belong to (RFC 2387).
fn related_root<'c>(content: &'c Content, part: &Part) -> Option<&'c Part> {
    let mut children = part.children.iter().filter_map(|id| content.part(*id));
    if let Some(start) = part.media.parameters.get("start") {
        let is_start = |child: &&Part| {
            child.fields.iter().any(|field| {
                content.name(field).eq_ignore_ascii_case("Content-ID")
                    && content.value(field).trim() == start.trim()
            })
        };
        if let Some(found) = children.clone().find(is_start) {
            return Some(found);
        }
    }
    children.next()
}

/// Whether two displayed parts are never shown together: they stand in
/// different branches of an alternative.
pub(super) fn are_alternatives(content: &Content, one: &Part, other: &Part) -> bool {
    let line = |part: &Part| -> Vec<_> { content.ancestors(part.id).map(|p| p.id).collect() };
    let others = line(other);
    let common = line(one).into_iter().find(|id| others.contains(id));
    common
        .and_then(|id| content.part(id))
        .is_some_and(|part| part.class == Class::Multipart(Multipart::Alternative))
}

/// Whether some are shown another part in its stead.
pub(super) fn is_in_alternative(content: &Content, part: &Part) -> bool {
    let alternative = Class::Multipart(Multipart::Alternative);
    content.ancestors(part.id).any(|outer| outer.class == alternative)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn paths(raw: &str) -> Vec<String> {
        let content = Content::parse(Bytes::copy_from_slice(raw.as_bytes()));
        match place(&content) {
            Place::Texts(texts) => texts.iter().map(|part| part.path.clone()).collect(),
            Place::OwnPart => Vec::new(),
            Place::Beside => vec!["beside".to_owned()],
        }
    }

    fn multipart(kind: &str, parts: &[&str]) -> String {
        let boundary = format!("b{}", kind.len() + parts.concat().len());
        let parts: String =
            parts.iter().map(|part| format!("--{boundary}\r\n{part}\r\n")).collect();
        format!(
            "Content-Type: multipart/{kind}; boundary={boundary}\r\n\r\n{parts}--{boundary}--\r\n"
        )
    }

    const PLAIN: &str = "\r\nplain";
    const HTML: &str = "Content-Type: text/html\r\n\r\n<p>html";
    const FILE: &str = "Content-Type: text/plain; name=a.txt\r\n\r\nfile";
    const CALENDAR: &str = "Content-Type: text/calendar\r\n\r\nBEGIN:VCALENDAR";

    #[test]
    fn the_tag_line_goes_where_it_is_read() {
        let alternative = multipart("alternative", &[PLAIN, HTML, CALENDAR]);
        assert_eq!(paths(&alternative), ["1", "2"]);
        assert_eq!(paths(&multipart("mixed", &[&alternative, FILE])), ["1.1", "1.2"]);
        assert_eq!(paths(&multipart("mixed", &[PLAIN, FILE, PLAIN])), ["3"]);
        assert_eq!(paths(&multipart("related", &[HTML, PLAIN])), ["1"]);
        assert!(paths(&multipart("mixed", &[FILE, CALENDAR])).is_empty());
        assert_eq!(paths(PLAIN), ["1"]);
        assert!(paths("Content-Type: message/rfc822\r\n\r\n\r\nx").is_empty());
    }

    #[test]
    fn of_related_parts_the_one_that_is_named_as_their_start_is_read() {
        let with = |id: &str, part: &str| format!("Content-ID: {id}\r\n{part}");
        let parts = [with("<one>", HTML), with("<two>", PLAIN.trim_start()), with("<three>", HTML)];
        for (start, expected) in
            [("<one>", "1"), ("<three>", "3"), (" <three> ", "3"), ("<none>", "1")]
        {
            let related = multipart("related", &parts.each_ref().map(String::as_str));
            let related =
                related.replacen("; boundary", &format!("; start=\"{start}\"; boundary"), 1);
            assert_eq!(paths(&related), [expected], "{start}");
        }
    }

    #[test]
    fn parts_are_alternatives_where_they_part_in_one() {
        let related = multipart("related", &[HTML, FILE]);
        let raw = multipart("mixed", &[&multipart("alternative", &[PLAIN, &related]), PLAIN]);
        let content = Content::parse(Bytes::from(raw));
        let at = |path: &str| content.parts().iter().find(|part| part.path == path).unwrap();
        for (one, other, expected) in
            [("1.1", "1.2.1", true), ("1.2.1", "1.2.2", false), ("1.1", "2", false)]
        {
            assert_eq!(are_alternatives(&content, at(one), at(other)), expected, "{one} {other}");
        }
        let [inside, outside] = ["1.2.1", "2"].map(|path| is_in_alternative(&content, at(path)));
        assert_eq!((inside, outside), (true, false));
    }

    #[test]
    fn a_branch_is_displayed_though_it_is_named() {
        let named = "Content-Type: text/html; name=a.html\r\n\r\n<p>html";
        assert_eq!(paths(&multipart("alternative", &[PLAIN, named])), ["1", "2"]);
        let related = multipart("related", &[named, FILE]);
        assert_eq!(paths(&multipart("alternative", &[PLAIN, &related])), ["1", "2.1"]);
        let apart = "Content-Type: text/html\r\nContent-Disposition: attachment\r\n\r\n<p>html";
        assert_eq!(paths(&multipart("alternative", &[PLAIN, apart])), ["1"]);
    }

    #[test]
    fn a_branch_that_cannot_be_edited_leaves_the_others_as_they_are() {
        let damaged = "Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\n=!?";
        assert_eq!(paths(&multipart("alternative", &[PLAIN, damaged])), ["beside"]);
        assert_eq!(paths(&multipart("mixed", &[PLAIN, damaged])), ["1"]);
    }

    #[test]
    fn text_that_others_may_take_for_something_else_is_not_edited() {
        for types in
            ["text/", "text/plain (or so)", "application/xhtml+xml", "text/html; charset=a (b)"]
        {
            assert!(paths(&format!("Content-Type: {types}\r\n\r\nx")).is_empty(), "{types}");
        }
        assert_eq!(paths("Content-Type: Text/Plain ;charset=utf-8\r\n\r\nx"), ["1"]);
        let named = multipart("mixed", &["Content-Type: text/html; name=a.html\r\n\r\n<p>html"]);
        assert_eq!(paths(&multipart("alternative", &[PLAIN, &named])), ["beside"]);
    }

    #[test]
    fn wide_text_without_a_transfer_encoding_is_not_edited() {
        assert!(paths("Content-Type: text/plain; charset=utf-16\r\n\r\na\0").is_empty());
        assert!(paths("Content-Type: text/plain; charset=UTF-32LE\r\n\r\na\0\0\0").is_empty());
        assert!(paths("Content-Type: text/plain; charset=cp037\r\n\r\n@@").is_empty());
    }
}
