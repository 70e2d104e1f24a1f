//! Where a document of HTML begins to be displayed: the place of a mark that
//! stands above everything.

use std::ops::Range;

use lol_html::html_content::TextType;

use super::place::end_of_html;
use crate::content::{HtmlToken, html_tokens};

/// Behind `<body>`, or before the first that is displayed where there is none.
/// Not within a condition of Outlook's, which shows what it names to some only.
pub(super) fn top_of_html(html: &[u8]) -> usize {
    let mut scan = Scan { html, ..Scan::default() };
    // What cannot be followed any further has been followed so far.
    let _ = html_tokens(html, |token| scan.take(token));
    scan.found().unwrap_or_else(|| end_of_html(html))
}

#[derive(Default)]
struct Scan<'a> {
    html: &'a [u8],
    /// The first that is no matter of the head.
    first: Option<usize>,
    body: Option<usize>,
    /// Where a condition starts that stands open.
    condition: Option<usize>,
    /// The body began within a condition, which this is the start of.
    conditional_body: Option<usize>,
    ended: bool,
}

impl Scan<'_> {
    fn take(&mut self, token: HtmlToken) {
        if self.ended {
            return;
        }
        match token {
            HtmlToken::Comment(range) => self.comment(&range),
            HtmlToken::Start { range, name, .. } if name == "body" => self.begin(&range),
            HtmlToken::Start { name, .. } if OF_THE_HEAD.contains(&name.as_str()) => {}
            HtmlToken::Start { range, .. } => self.displayed(range.start, Shown::Perhaps),
            HtmlToken::Text(range, TextType::Data) => {
                let text = self.html.get(range.clone()).unwrap_or_default();
                if !text.trim_ascii().is_empty() {
                    self.displayed(range.start, Shown::Surely);
                }
            }
            HtmlToken::Text(..) => {}
        }
    }

    fn begin(&mut self, range: &Range<usize>) {
        match self.condition {
            Some(start) => self.conditional_body = Some(start),
            None => {
                self.body = Some(range.end);
                self.ended = true;
            }
        }
    }

    /// `<!--[if mso]>` and `<![if !mso]>`, up to `<![endif]`.
    fn comment(&mut self, range: &Range<usize>) {
        let has = |word: &[u8]| {
            let comment = self.html.get(range.clone()).unwrap_or_default();
            memchr::memmem::find(&comment.to_ascii_lowercase(), word).is_some()
        };
        match (has(b"[if"), has(b"[endif]")) {
            (true, false) => self.condition = self.condition.or(Some(range.start)),
            (false, true) => {
                self.condition = None;
                if self.conditional_body.is_some() {
                    self.body = Some(range.end);
                    self.ended = true;
                }
            }
            _ => {}
        }
    }

    fn displayed(&mut self, at: usize, shown: Shown) {
        if self.conditional_body.is_some() {
            self.first = self.conditional_body;
            self.ended = true;
            return;
        }
        let at = self.condition.unwrap_or(at);
        self.first = self.first.or(Some(at));
        self.ended = shown == Shown::Surely;
    }

    fn found(&self) -> Option<usize> {
        self.body.or(self.first).or(self.conditional_body)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Surely,
    /// An element that stands where none should need not be shown.
    Perhaps,
}

const OF_THE_HEAD: [&str; 8] = ["html", "head", "title", "meta", "link", "base", "style", "script"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_displayed_begins_behind_the_body_tag_or_before_the_first_of_it() {
        for html in [
            "<html><head><title>t</title></head><body class='>'>|<p>x</p></body></html>",
            "<!doctype html>\n<!-- a -->\n<BODY>|x",
            "|x<body>y",
            "|<p>x</p>",
            "<html><head><style>p{}</style></head>|x</html>",
            "<head><o:p/></head><body>|x",
            "<!-- <body> --><body>|x",
            "<script>'<body>'</script>|<div>x</div>",
            "|",
            "<title>a</title>|",
            "<!--[if mso]><body><![endif]--><!--[if !mso]><!--><body><!--<![endif]-->|x",
            "|<!--[if !mso]><!--><body><p>x<!--<![endif]-->",
            "|<![if !mso]><p>x</p><![endif]>y",
            "<body>|<!--[if !mso]><!-->x<!--<![endif]-->",
            "|<!-- unclosed <body>",
        ] {
            let at = html.find('|').unwrap();
            assert_eq!(top_of_html(html.replace('|', "").as_bytes()), at, "{html}");
        }
    }
}
