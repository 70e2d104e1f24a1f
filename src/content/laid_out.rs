//! HTML as it is laid out: its text and the plainest of its tags. What is to
//! be shown to a person is written anew from these pieces, so that nothing of
//! the source's own markup is ever passed on.

use std::ops::Range;

use lol_html::html_content::TextType;

use super::{
    character_reference,
    html::{Token, tokens},
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    Open(&'static str),
    Close(&'static str),
    /// Its character references resolved.
    Text(String),
}

/// Of scripts, styles, comments and attributes nothing is left. Nothing at all
/// where the nesting is beyond all reason.
pub(crate) fn laid_out(html: &str) -> Option<Vec<Piece>> {
    let mut layout = Layout { html, ..Layout::default() };
    tokens(html.as_bytes(), |token| layout.take(token)).ok()?;
    layout.pass_over(html.len());
    layout.flush();
    Some(layout.pieces)
}

#[derive(Default)]
struct Layout<'a> {
    html: &'a str,
    pieces: Vec<Piece>,
    reached: usize,
    /// Chunks are joined, so that no character reference is cut.
    pending: Range<usize>,
    /// Within an element whose text is not displayed.
    is_hidden: bool,
}

impl Layout<'_> {
    fn take(&mut self, token: Token) {
        match token {
            Token::Text(range, kind) => {
                self.pass_over(range.start);
                self.reached = range.end;
                let code = matches!(kind, TextType::ScriptData | TextType::RawText);
                if code || self.is_hidden {
                    return;
                }
                if self.pending.end == range.start && !self.pending.is_empty() {
                    self.pending.end = range.end;
                } else {
                    self.flush();
                    self.pending = range;
                }
            }
            Token::Comment(range) => {
                self.pass_over(range.start);
                self.reached = range.end;
            }
            Token::Start { range, name, .. } => {
                self.pass_over(range.start);
                self.flush();
                self.reached = range.end;
                self.is_hidden = name == "title";
                self.pieces.extend(allowed(&name).map(Piece::Open));
            }
        }
    }

    /// What lies between two tokens is end tags and the like.
    fn pass_over(&mut self, until: usize) {
        let from = self.reached;
        if from >= until {
            return;
        }
        self.flush();
        self.is_hidden = false;
        let between = self.html.get(from..until).unwrap_or_default();
        for tag in between.split("</").skip(1) {
            let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
            let name = tag.get(..end).unwrap_or_default().to_ascii_lowercase();
            self.pieces.extend(allowed(&name).map(Piece::Close));
        }
    }

    fn flush(&mut self) {
        let text = self.html.get(std::mem::take(&mut self.pending)).unwrap_or_default();
        if !text.is_empty() {
            self.pieces.push(Piece::Text(character_reference::unescaped(text).into_owned()));
        }
    }
}

fn allowed(name: &str) -> Option<&'static str> {
    TAGS.binary_search(&name).ok().and_then(|at| TAGS.get(at)).copied()
}

/// They lay out text and can do nothing else. Sorted.
const TAGS: [&str; 48] = [
    "address",
    "article",
    "aside",
    "b",
    "blockquote",
    "br",
    "caption",
    "center",
    "code",
    "dd",
    "del",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "footer",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "header",
    "hr",
    "i",
    "ins",
    "li",
    "main",
    "ol",
    "p",
    "pre",
    "s",
    "section",
    "small",
    "strong",
    "sub",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "u",
    "ul",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_text_and_the_plainest_tags_are_left() {
        let html = "<title>t</title><script>alert(1)</script><style>p{}</style><!-- c -->\
                    <p onclick=x>a &lt;b&gt;<svg><a href=//x.example>c</a></svg><img src=x></P>";
        let pieces = laid_out(html).unwrap();
        let texts = |text: &str| Piece::Text(text.to_owned());
        assert_eq!(pieces, [Piece::Open("p"), texts("a <b>"), texts("c"), Piece::Close("p")]);
    }

    #[test]
    fn the_table_of_tags_is_sorted() {
        assert!(TAGS.is_sorted());
    }
}
