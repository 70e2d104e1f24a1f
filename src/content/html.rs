//! HTML as text: what any reader could see of it, hidden or not.
//!
//! Markup breaks the text only where it breaks the line, so that
//! `99<b>9</b> 000` reads `999 000`. Nothing is taken to be invisible: styles
//! are not evaluated. Scripts and style sheets are left out; comments and the
//! attributes that are shown or read aloud come as a text of their own.

use std::{borrow::Cow, cell::RefCell, ops::Range};

use bytes::Bytes;
use lol_html::{
    DocumentContentHandlers, ElementContentHandlers, HtmlRewriter, MemorySettings, Selector,
    Settings,
    html_content::{Comment, Element, TextChunk, TextType},
};
use percent_encoding::percent_decode_str;

use super::{character_reference, reading::OffsetMap, transfer};

/// What there is to read, with the way back to the HTML.
#[derive(Debug, Default)]
pub(super) struct HtmlText {
    pub(super) displayed: (String, OffsetMap),
    /// Comments and attributes, a line each.
    pub(super) aside: (String, OffsetMap),
    /// Files that stand in attributes (RFC 2397).
    pub(super) embedded: Vec<Bytes>,
}

/// The text of a document.
pub(super) fn text_of(html: &str) -> HtmlText {
    let mut extractor = Extractor { html, ..Extractor::default() };
    match tokens(html.as_bytes(), |token| extractor.take(token)) {
        Ok(()) => extractor.finish(),
        Err(Unreadable) => HtmlText {
            // Nested beyond all reason: the source as it stands.
            displayed: (html.to_owned(), OffsetMap::straight_from(0)),
            ..HtmlText::default()
        },
    }
}

/// What a document displays, without the way back.
pub(crate) fn displayed(html: &str) -> String {
    text_of(html).displayed.0
}

/// One token of the source. End tags, and what is broken off at the end, are
/// the octets between the others.
pub(crate) enum Token {
    Start {
        range: Range<usize>,
        /// In lower case.
        name: String,
        /// Values of the attributes that are shown or read aloud.
        shown: Vec<String>,
        /// Values of any that hold a file.
        files: Vec<String>,
    },
    Comment(Range<usize>),
    Text(Range<usize>, TextType),
}

#[derive(Debug)]
pub(crate) struct Unreadable;

/// Gives every token to `each`, in the order of the source.
pub(crate) fn tokens(html: &[u8], each: impl FnMut(Token)) -> Result<(), Unreadable> {
    let each = RefCell::new(each);
    let give = |token| {
        if let Ok(mut each) = each.try_borrow_mut() {
            each(token);
        }
        Ok(())
    };
    let any: Selector = "*".parse().map_err(|_| Unreadable)?;
    let elements = ElementContentHandlers::default()
        .element(|element: &mut Element<'_, '_>| give(started(element)));
    let document = DocumentContentHandlers::default()
        .comments(|comment: &mut Comment<'_>| {
            give(Token::Comment(comment.source_location().bytes()))
        })
        .text(|text: &mut TextChunk<'_>| {
            give(Token::Text(text.source_location().bytes(), text.text_type()))
        });
    let settings = Settings::new()
        .with_strict(false)
        .with_memory_settings(MemorySettings::new().with_max_allowed_memory_usage(MAX_MEMORY))
        .append_element_content_handler((Cow::Owned(any), elements))
        .append_document_content_handler(document);
    let mut rewriter = HtmlRewriter::new(settings, |_: &[u8]| {});
    rewriter.write(html).map_err(|_| Unreadable)?;
    rewriter.end().map_err(|_| Unreadable)
}

fn started(element: &Element<'_, '_>) -> Token {
    let range = element.source_location().bytes();
    let (mut shown, mut files) = (Vec::new(), Vec::new());
    for attribute in element.attributes() {
        let value = attribute.value();
        if value.contains("data:") && value.contains(BASE64) {
            files.push(value);
        } else if SHOWN_ATTRIBUTES.contains(&attribute.name().as_str()) {
            shown.push(value);
        }
    }
    // A run of a drawing's text with a height of its own is a line of its own.
    let is_line = element.tag_name() == "tspan" && element.has_attribute("y");
    let name = if is_line { "text".to_owned() } else { element.tag_name() };
    Token::Start { range, name, shown, files }
}

/// The file that an address holds in itself: `data:image/png;base64,…`, also
/// where a style names it. What is written without base64 is text in sight.
pub(super) fn data_uri(value: &str) -> Option<Vec<u8>> {
    let (_, uri) = value.split_once("data:")?;
    let (_, data) = uri.split_once(BASE64)?;
    let end = data.find(['"', '\'', ')', ' ']).unwrap_or(data.len());
    let data = data.get(..end)?;
    let octets = transfer::base64_octets(&Cow::from(percent_decode_str(data)));
    (!octets.is_empty()).then_some(octets)
}

/// Builds the text from the tokens.
#[derive(Default)]
struct Extractor<'a> {
    html: &'a str,
    /// Up to where the source has been seen.
    reached: usize,
    /// Text not yet written: chunks are joined, so that no entity is cut.
    pending: Range<usize>,
    last_started: String,
    preformatted: usize,
    written: Written,
    aside: Written,
    embedded: Vec<Bytes>,
}

#[derive(Default)]
struct Written {
    text: String,
    map: OffsetMap,
}

impl Extractor<'_> {
    fn take(&mut self, token: Token) {
        match token {
            Token::Text(range, kind) => {
                let code = matches!(kind, TextType::ScriptData | TextType::RawText)
                    && matches!(self.last_started.as_str(), "script" | "style");
                self.pass_over(range.start);
                self.reached = range.end;
                if code {
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
                let comment = self.html.get(range.clone()).unwrap_or_default();
                let inner = comment.trim_start_matches("<!--").trim_end_matches("-->");
                self.aside.line(inner, &range);
            }
            Token::Start { range, name, shown, files } => {
                let files = files.iter().filter_map(|file| data_uri(file));
                self.embedded.extend(files.map(Bytes::from));
                self.pass_over(range.start);
                self.flush();
                self.reached = range.end;
                self.break_for(&name, range.start);
                self.preformatted += usize::from(name == "pre");
                self.aside.line(&shown.join("\n"), &range);
                self.last_started = name;
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
        let mut rest = self.html.get(from..until).unwrap_or_default();
        while let Some((_, tag)) = rest.split_once("</") {
            let end = tag.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(tag.len());
            let name = tag.get(..end).unwrap_or_default().to_ascii_lowercase();
            self.break_for(&name, from);
            if name == "pre" {
                self.preformatted = self.preformatted.saturating_sub(1);
            }
            rest = tag;
        }
    }

    fn break_for(&mut self, name: &str, at: usize) {
        if CELLS.contains(&name) {
            self.written.separate('\t', at);
        } else if BLOCKS.binary_search(&name).is_ok() {
            self.written.separate('\n', at);
        }
    }

    fn flush(&mut self) {
        let range = std::mem::take(&mut self.pending);
        let text = self.html.get(range.clone()).unwrap_or_default();
        let blanks = if self.preformatted > 0 { Blanks::Kept } else { Blanks::Collapsed };
        self.written.text(text, range.start, blanks);
    }

    fn finish(mut self) -> HtmlText {
        self.pass_over(self.html.len());
        self.flush();
        let end = self.html.len();
        self.written.map.push(self.written.text.len(), end);
        self.aside.map.push(self.aside.text.len(), end);
        HtmlText {
            displayed: (self.written.text, self.written.map),
            aside: (self.aside.text, self.aside.map),
            embedded: self.embedded,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Blanks {
    Kept,
    Collapsed,
}

impl Written {
    /// Breaks the line, or parts two cells, once.
    fn separate(&mut self, with: char, at: usize) {
        while self.text.ends_with([' ', '\t']) && with == '\n' {
            self.text.pop();
        }
        if self.text.is_empty() || self.text.ends_with(['\n', with]) {
            return;
        }
        self.map.push(self.text.len(), at);
        self.text.push(with);
    }

    fn line(&mut self, value: &str, source: &Range<usize>) {
        if !value.trim().is_empty() {
            self.text(value, source.start, Blanks::Kept);
            self.separate('\n', source.end);
        }
    }

    fn text(&mut self, source: &str, at: usize, blanks: Blanks) {
        let mut rest = source;
        while !rest.is_empty() {
            let here = at + source.len() - rest.len();
            let special = rest.find(|c: char| c == '&' || c.is_ascii_whitespace());
            let (plain, tail) = rest.split_at(special.unwrap_or(rest.len()));
            if !plain.is_empty() {
                self.map.push(self.text.len(), here);
                self.text.push_str(plain);
                rest = tail;
                continue;
            }
            rest = if rest.starts_with('&') {
                self.map.push(self.text.len(), here);
                let used = character_reference::push(&mut self.text, rest);
                rest.get(used..).unwrap_or_default()
            } else {
                self.blanks(rest, here, blanks)
            };
        }
    }

    /// Writes the white space that `rest` starts with; returns what follows.
    fn blanks<'r>(&mut self, rest: &'r str, at: usize, blanks: Blanks) -> &'r str {
        let after = rest.trim_start_matches(|c: char| c.is_ascii_whitespace());
        if blanks == Blanks::Kept {
            self.map.push(self.text.len(), at);
            self.text.push_str(rest.get(..rest.len() - after.len()).unwrap_or_default());
        } else if !self.text.is_empty() && !self.text.ends_with([' ', '\n', '\t']) {
            self.map.push(self.text.len(), at);
            self.text.push(' ');
        }
        after
    }
}

const SHOWN_ATTRIBUTES: [&str; 10] = [
    "alt",
    "aria-description",
    "aria-label",
    "content",
    "label",
    "placeholder",
    "srcdoc",
    "summary",
    "title",
    "value",
];
const BASE64: &str = ";base64,";
const CELLS: [&str; 2] = ["td", "th"];
/// Elements that start and end on lines of their own, in HTML and in the
/// narratives of CDA. Sorted.
const BLOCKS: [&str; 53] = [
    "address",
    "article",
    "aside",
    "blockquote",
    "body",
    "br",
    "button",
    "caption",
    "center",
    "dd",
    "desc",
    "details",
    "dialog",
    "dir",
    "div",
    "dl",
    "dt",
    "fieldset",
    "figcaption",
    "figure",
    "flowpara",
    "footer",
    "form",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "head",
    "header",
    "hr",
    "html",
    "item",
    "legend",
    "li",
    "list",
    "main",
    "menu",
    "nav",
    "ol",
    "optgroup",
    "option",
    "p",
    "paragraph",
    "pre",
    "section",
    "select",
    "table",
    "text",
    "title",
    "tr",
    "ul",
];
/// What the tokeniser may use for deeply nested elements.
const MAX_MEMORY: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inline_markup_joins_and_blocks_break() {
        assert_eq!(displayed("99<b>9</b> 0<!-- x -->00<p>0018</p>end"), "999 000\n0018\nend");
        assert_eq!(displayed("<tr><td>a</td><td>b</td></tr>c"), "a\tb\t\nc".replace("\t\n", "\n"));
    }

    #[test]
    fn the_way_back_leads_to_the_source() {
        let html = "<html><body>\n <p>one&nbsp;two</p><div title='t'>three";
        let (text, map) = text_of(html).displayed;
        for word in ["one", "two", "three"] {
            assert_eq!(map.source(text.find(word).unwrap()), html.find(word).unwrap(), "{word}");
        }
    }

    #[test]
    fn hidden_text_is_read_and_code_is_not() {
        let html = "<style>p{}</style><script>var a</script><!-- note --><p style='display:none'>hid\
                    </p><img alt='scan of letter'><title>T</title>";
        let read = text_of(html);
        assert_eq!(read.displayed.0.trim(), "hid\nT");
        assert_eq!(read.aside.0, " note\nscan of letter\n");
    }

    #[test]
    fn what_forms_and_meta_elements_say_is_read_aside() {
        let html = "<meta name=description content='Clinic list'><input value='999 000 0018' \
                    placeholder='NHS no'><button aria-label='Close'></button><option label='Ward 4'>\
                    <iframe srcdoc='inner'></iframe><a href='https://x.example/?id=1' data-id=2>link</a>";
        assert_eq!(
            text_of(html).aside.0,
            "Clinic list\n999 000 0018\nNHS no\nClose\nWard 4\ninner\n"
        );
    }

    #[test]
    fn files_in_addresses_are_taken_out() {
        let html = "<img src='data:image/png;base64,iVBORw0KGgo=' alt='scan'>\
                    <p style=\"background:url('data:image/gif;base64,R0lGODlh')\">x\
                    <a href='data:text/plain,words'>y</a><img src='data:image/png;base64,%3D'>";
        let read = text_of(html);
        assert_eq!(read.embedded, [&b"\x89PNG\r\n\x1a\n"[..], &b"GIF89a"[..]]);
        assert_eq!((read.displayed.0.trim(), read.aside.0.trim()), ("xy", "scan"));
    }

    #[test]
    fn the_table_of_blocks_is_sorted() {
        assert!(BLOCKS.is_sorted());
    }

    #[test]
    fn depth_beyond_memory_still_gives_the_text() {
        let html = format!("{}999 000 0018", "<b>".repeat(2_000_000));
        assert!(displayed(&html).ends_with("999 000 0018"));
    }
}
