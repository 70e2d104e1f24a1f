//! Where a tag line goes: into which parts, and where in an HTML document.

use std::ops::Range;

use lol_html::html_content::TextType;

use crate::content::{
    Class, Content, HtmlToken, Multipart, Part, TransferEncoding, html_tokens, is_damaged,
};

/// The parts whose text a recipient reads: of a sequence the last one, of an
/// alternative each. None, where nothing but attachments is displayed.
pub(super) fn displayed_texts(content: &Content) -> Vec<&Part> {
    let mut texts = Vec::new();
    if let Some(whole) = content.parts().first() {
        gather(content, whole, Every::Last, &mut texts);
    }
    texts
}

/// All parts whose text a recipient reads.
pub(super) fn all_displayed_texts(content: &Content) -> Vec<&Part> {
    let mut texts = Vec::new();
    if let Some(whole) = content.parts().first() {
        gather(content, whole, Every::One, &mut texts);
    }
    texts
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Every {
    One,
    /// Only the last of a sequence.
    Last,
}

/// Says whether the part has given any.
fn gather<'c>(
    content: &'c Content,
    part: &'c Part,
    every: Every,
    texts: &mut Vec<&'c Part>,
) -> bool {
    let children = part.children.iter().filter_map(|id| content.part(*id));
    match part.class {
        Class::Plain | Class::Html => {
            let shown = is_displayed(content, part);
            if shown {
                texts.push(part);
            }
            shown
        }
        Class::Multipart(Multipart::Alternative) => children
            .map(|child| gather(content, child, every, texts))
            .fold(false, |any, given| any | given),
        Class::Multipart(Multipart::Related) => {
            related_root(content, part).is_some_and(|root| gather(content, root, every, texts))
        }
        Class::Multipart(Multipart::Mixed | Multipart::Other) => {
            let mut any = false;
            for child in children.rev() {
                any |= gather(content, child, every, texts);
                if any && every == Every::Last {
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

/// What becomes of a body that is not the base64 it claims to be, each program
/// decides for itself: it is left to them as it stands.
fn is_displayed(content: &Content, part: &Part) -> bool {
    !part.is_attachment()
        && part.encoding != TransferEncoding::Uuencode
        && !is_damaged(content, part.id)
}

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

/// Where in a document a text is to be put so that a browser shows it at the
/// end: before the last `</body>`, else the last `</html>`, else at the end,
/// but not within a comment, an attribute or a script.
pub(super) fn end_of_html(html: &[u8]) -> usize {
    let mut scan = Scan {
        html,
        bodies: candidates(html, b"</body"),
        roots: candidates(html, b"</html"),
        last_start: 0,
        reached: 0,
        unclosed: None,
    };
    // What cannot be followed is a document without an end that we know of.
    let followed = html_tokens(html, |token| scan.take(token)).is_ok();
    if let Some(broken_off) = scan.broken_off() {
        scan.rule_out(&(broken_off..html.len()));
    }
    scan.bodies
        .last()
        .or(scan.roots.last())
        .copied()
        .unwrap_or_else(|| if followed { scan.end() } else { html.len() })
}

struct Scan<'a> {
    html: &'a [u8],
    bodies: Vec<usize>,
    roots: Vec<usize>,
    last_start: usize,
    reached: usize,
    /// Where something starts that swallows what follows, unless more comes.
    unclosed: Option<usize>,
}

impl Scan<'_> {
    fn take(&mut self, token: HtmlToken) {
        let range = match token {
            HtmlToken::Start { range, .. } => {
                self.last_start = range.start;
                self.unclosed = None;
                range
            }
            HtmlToken::Comment(range) => {
                let closed = is_closed(self.html.get(range.clone()).unwrap_or_default());
                self.unclosed = (!closed).then_some(range.start);
                range
            }
            HtmlToken::Text(range, TextType::Data) => {
                self.reached = range.end;
                self.unclosed = None;
                return;
            }
            HtmlToken::Text(range, _) => {
                self.unclosed = Some(self.last_start);
                range
            }
        };
        self.reached = range.end;
        self.rule_out(&range);
    }

    /// What looks like an end tag in here is none.
    fn rule_out(&mut self, range: &Range<usize>) {
        self.bodies.retain(|at| !range.contains(at));
        self.roots.retain(|at| !range.contains(at));
    }

    fn end(&self) -> usize {
        let rest = self.html.get(self.reached..).unwrap_or_default();
        // An end tag has come after what had seemed to be unclosed.
        let unclosed = self.unclosed.filter(|_| !rest.contains(&b'>'));
        unclosed.or(self.broken_off()).unwrap_or(self.html.len())
    }

    /// Where a tag starts that has no end, and so swallows what follows.
    fn broken_off(&self) -> Option<usize> {
        let mut from = self.reached;
        while let Some(rest) = self.html.get(from..) {
            let start = memchr::memchr(b'<', rest)?;
            match tag_length(rest.get(start..).unwrap_or_default()) {
                Some(length) => from += start + length,
                None => return Some(from + start),
            }
        }
        None
    }
}

/// Octets of a tag, or of the `<` that begins none; nothing for one that never
/// ends: a mark within a quoted value does not end it (HTML Living Standard,
/// section 13.2.5).
fn tag_length(tag: &[u8]) -> Option<usize> {
    let name = tag.get(1).copied();
    let name = if name == Some(b'/') { tag.get(2).copied() } else { name };
    if name.is_some_and(|first| !first.is_ascii_alphabetic() && !b"!?".contains(&first)) {
        return Some(1);
    }
    let (mut quote, mut value_begins) = (None, false);
    for (at, &octet) in tag.iter().enumerate() {
        match (quote, octet) {
            (Some(mark), _) if octet == mark => quote = None,
            (Some(_), _) => {}
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') if value_begins => quote = Some(octet),
            (None, b'=') => value_begins = true,
            (None, _) => value_begins &= octet.is_ascii_whitespace(),
        }
    }
    None
}

fn is_closed(comment: &[u8]) -> bool {
    match comment.strip_prefix(b"<!--") {
        Some(inner) => {
            inner.ends_with(b"-->") || inner.ends_with(b"--!>") || inner == b">" || inner == b"->"
        }
        // `<!x>` and `<?x>` are comments to a browser.
        None => comment.ends_with(b">"),
    }
}

/// The last places at which an end tag seems to stand.
fn candidates(html: &[u8], tag: &[u8]) -> Vec<usize> {
    let is_tag = |at: &usize| {
        let after = html.get(at + tag.len()).copied().unwrap_or(b' ');
        html.get(*at..at + tag.len()).is_some_and(|found| found.eq_ignore_ascii_case(tag))
            && (after.is_ascii_whitespace() || after == b'>' || after == b'/')
    };
    let mut found: Vec<usize> =
        memchr::memmem::rfind_iter(html, b"</").filter(is_tag).take(MAX_CANDIDATES).collect();
    found.reverse();
    found
}

const MAX_CANDIDATES: usize = 16;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn paths(raw: &str) -> Vec<String> {
        let content = Content::parse(Bytes::copy_from_slice(raw.as_bytes()));
        displayed_texts(&content).iter().map(|part| part.path.clone()).collect()
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
    fn an_html_document_ends_before_its_last_end_tag() {
        for html in [
            "<html><body>x|</body></html>",
            "<body>a</body><body>b|</BODY >",
            "x|</html>",
            "<p>x</p>|",
            "<p>x|<!-- unclosed </body>",
            "<body>x|</body><!-- </body> --><a title='</body>'>",
            "<body>x|</body><script>'</body>'</script>",
            "x|<script>var a = '</body>'",
            "x</p>|<a href=\"",
            "<html><body>|<A/!='</body></html>.",
            "<body>x|<a title=\"</body></html>",
            "<body>x<a title=\"y\">z|</body></html>",
            "<body>1 < 2 and it's so|</body></html>",
            "<style>a</style>|",
            "<script>a</script></div>|",
            "|",
        ] {
            let at = html.find('|').unwrap();
            assert_eq!(end_of_html(html.replace('|', "").as_bytes()), at, "{html}");
        }
    }
}
