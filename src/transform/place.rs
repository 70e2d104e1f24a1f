//! Where in an HTML document a tag line goes.

use std::ops::Range;

use lol_html::html_content::TextType;

use crate::content::{HtmlToken, html_tokens};

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
    use super::*;

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
            "<html>x|</html><!-- </html> -->",
            "<p>abc</p>|<a href=\"",
            "<p>x</p>|<!a",
            "<p>x</p>|<?a",
            "<p>x</p a=\"1\">|",
            "<p>x</p it's>|",
            "<p>x</p a=y'>|",
            "<p>x</p a= '>'>|",
            "<p>x<!-- a -->|",
            "<p>x<!-- a --!>|",
            "<p>x<!-->|",
            "<p>x<!--->|",
            "<p>x<!a>|",
            "<body>x|</body/>",
            "<body>x</bodyguard>|",
            "|",
        ] {
            let at = html.find('|').unwrap();
            assert_eq!(end_of_html(html.replace('|', "").as_bytes()), at, "{html}");
        }
    }
}
