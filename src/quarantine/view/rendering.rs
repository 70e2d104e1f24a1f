//! The HTML of a message as a document that can do nothing: a few tags without
//! attributes, written by us, and text. Its own markup is left out whole, so
//! there is nothing in it to clean. No pictures and no addresses: what a link
//! leads to stands in the text view.
//!
//! Its text is masked as one text, so that `99<b>9</b> 000 0018` is no way
//! around the mask.

use super::{
    Sight,
    secrets::{Care, Secrets},
    shown::Shown,
};
use crate::content::{Class, Content, HtmlPiece, Part, html_laid_out};

/// Of the first HTML that is displayed; none where there is none, or where it
/// cannot be masked.
pub(super) fn rendering(content: &Content, secrets: &Secrets) -> Option<String> {
    if secrets.sight() == Sight::Masked && !secrets.are_complete() {
        return None;
    }
    let displayed = |part: &&Part| part.class == Class::Html && !part.is_attachment();
    let part = content.parts().iter().find(displayed)?;
    let pieces = html_laid_out(&content.written_text(part.id)?)?;
    Some(Page::default().written(&pieces, secrets))
}

#[derive(Default)]
struct Page {
    html: String,
    open: Vec<&'static str>,
}

impl Page {
    fn written(mut self, pieces: &[HtmlPiece], secrets: &Secrets) -> String {
        for piece in [BEFORE, RENDERING_STYLE, AFTER_STYLE] {
            self.html.push_str(piece);
        }
        let text = joined(pieces);
        let mut characters: Vec<Shown<'_>> = Vec::new();
        let is_whole = secrets.show(&text, LONGEST, Care::Usual, |shown| characters.push(shown));
        let mut characters = characters.into_iter().peekable();
        let mut end = 0;
        for piece in pieces {
            end += width(piece);
            match piece {
                HtmlPiece::Open(tag) => self.open(tag),
                HtmlPiece::Close(tag) => self.close(tag),
                HtmlPiece::Text(_) => {
                    let own = std::iter::from_fn(|| characters.next_if(|shown| shown.at < end));
                    self.text(own);
                }
            }
            // What stands for a tag in the text is no text of it.
            while characters.next_if(|shown| shown.at < end).is_some() {}
            if characters.peek().is_none() && !is_whole {
                break;
            }
        }
        while let Some(tag) = self.open.pop() {
            self.end(tag);
        }
        if !is_whole {
            self.html.push_str("<p><em>There is more, which is not shown here.</em></p>");
        }
        self.html + "</body></html>\n"
    }

    fn open(&mut self, tag: &'static str) {
        let is_void = VOID.contains(&tag);
        if !is_void && self.open.len() >= DEEPEST {
            return;
        }
        self.html.extend(["<", tag, ">"]);
        if !is_void {
            self.open.push(tag);
        }
    }

    /// Whatever stands open within it ends too.
    fn close(&mut self, tag: &'static str) {
        if !self.open.contains(&tag) {
            return;
        }
        while let Some(inner) = self.open.pop() {
            self.end(inner);
            if inner == tag {
                return;
            }
        }
    }

    fn end(&mut self, tag: &str) {
        self.html.extend(["</", tag, ">"]);
    }

    fn text<'a>(&mut self, characters: impl Iterator<Item = Shown<'a>>) {
        let mut within = None;
        for Shown { character, mark, .. } in characters {
            let place = mark.map(|(place, _)| place);
            if place != within {
                if within.is_some() {
                    self.end("mark");
                }
                if let Some((_, mark)) = mark {
                    self.html.push_str("<mark title=\"");
                    mark.kind.words().chars().for_each(|c| self.character(c));
                    self.html.push_str("\">");
                }
                within = place;
            }
            self.character(character);
        }
        if within.is_some() {
            self.end("mark");
        }
    }

    fn character(&mut self, character: char) {
        match character {
            '&' => self.html.push_str("&amp;"),
            '<' => self.html.push_str("&lt;"),
            '>' => self.html.push_str("&gt;"),
            '"' => self.html.push_str("&quot;"),
            '\'' => self.html.push_str("&#39;"),
            _ => self.html.push(character),
        }
    }
}

/// The text of all pieces; tags that break a line are one between them.
fn joined(pieces: &[HtmlPiece]) -> String {
    let mut text = String::new();
    for piece in pieces {
        match piece {
            HtmlPiece::Text(own) => text.push_str(own),
            HtmlPiece::Open(tag) | HtmlPiece::Close(tag) if breaks(tag) => text.push('\n'),
            _ => {}
        }
    }
    text
}

fn width(piece: &HtmlPiece) -> usize {
    match piece {
        HtmlPiece::Text(own) => own.len(),
        HtmlPiece::Open(tag) | HtmlPiece::Close(tag) => usize::from(breaks(tag)),
    }
}

fn breaks(tag: &str) -> bool {
    !INLINE.contains(&tag)
}

const INLINE: [&str; 12] =
    ["b", "code", "del", "em", "i", "ins", "s", "small", "strong", "sub", "sup", "u"];
const VOID: [&str; 2] = ["br", "hr"];
/// Octets of text.
const LONGEST: usize = 128 << 10;
/// Browsers give up at some hundreds.
const DEEPEST: usize = 100;
/// All the style that there is: a page that frames it can allow just this.
pub const RENDERING_STYLE: &str = "body{font:1rem/1.5 Arial,sans-serif;margin:1rem;color:#212b32;\
    background:#fff;overflow-wrap:anywhere}table{border-collapse:collapse}td,th{padding:.1rem .5rem;\
    vertical-align:top;text-align:left}mark{background:#fff3bf;color:inherit;border-bottom:2px solid \
    #8a5a00;padding:0 .1em}";
const BEFORE: &str = "<!doctype html>\n<html lang=\"en-GB\"><head><meta charset=\"utf-8\">\
    <title>Message</title><style>";
const AFTER_STYLE: &str = "</style></head><body>";
