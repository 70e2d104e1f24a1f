//! XML as a tree. Nothing is looked up: no entity of a document type is
//! expanded, no address followed.

use std::ops::Range;

use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};

use super::{
    rendering::place,
    tree::{Kind, Syntax, Tree},
};

/// What could be read, up to the first fault.
pub(super) fn parse(source: &str) -> Tree<'_> {
    // A mark would be passed over without being counted.
    let marked = source.len() - source.trim_start_matches('\u{feff}').len();
    let mut reader = Reader::from_str(source.get(marked..).unwrap_or_default());
    let config = reader.config_mut();
    config.check_end_names = false;
    config.allow_unmatched_ends = true;
    config.allow_dangling_amp = true;
    let mut parser = Parser { source, tree: Tree::new(source, Syntax::Xml) };
    loop {
        let before = marked + position(&reader);
        let Ok(event) = reader.read_event() else {
            parser.tree.is_broken = true;
            break;
        };
        if matches!(event, Event::Eof) {
            break;
        }
        if !parser.take(&event, before..marked + position(&reader)) {
            break;
        }
    }
    parser.tree.finish()
}

fn position(reader: &Reader<&[u8]>) -> usize {
    usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX)
}

struct Parser<'s> {
    source: &'s str,
    tree: Tree<'s>,
}

impl Parser<'_> {
    /// Adds what an event says; false at a limit.
    fn take(&mut self, event: &Event<'_>, range: Range<usize>) -> bool {
        match event {
            Event::Start(start) => self.start(start, range.end),
            Event::Empty(start) => {
                let opened = self.start(start, range.end);
                self.tree.close(range.end);
                opened
            }
            Event::End(end) => {
                self.end(end.name().as_ref(), range.start);
                true
            }
            Event::Text(_) | Event::GeneralRef(_) => {
                let text = self.source.get(range.clone()).unwrap_or_default();
                self.tree.depth() == 0 || text.is_empty() || self.tree.extend_text(range)
            }
            Event::CData(data) => {
                let range = self.range(data.as_ref(), range.start);
                self.tree.add(Kind::Bare, range.start..range.start, range)
            }
            Event::Comment(comment) => {
                let range = self.range(comment.as_ref(), range.start);
                self.tree.add(Kind::Comment, range.start..range.start, range)
            }
            Event::DocType(kind) => {
                // It may say something of its own, and entities stay unread.
                self.tree.is_broken |= kind.contains('[');
                true
            }
            Event::Decl(_) | Event::PI(_) | Event::Eof => true,
        }
    }

    fn start(&mut self, start: &BytesStart<'_>, at: usize) -> bool {
        let name = self.range(start.name().as_ref(), at);
        if !self.tree.open(name, at) {
            return false;
        }
        for attribute in start.attributes().with_checks(false) {
            let Ok(attribute) = attribute else {
                self.tree.is_broken = true;
                break;
            };
            let name = self.range(attribute.key.as_ref(), at);
            let value = self.range(&attribute.value, at);
            if !self.tree.add(Kind::Attribute, name, value) {
                return false;
            }
        }
        true
    }

    /// Ends the element of that name; what was left open within it ends too.
    fn end(&mut self, name: &str, at: usize) {
        if self.tree.open_name() != name {
            self.tree.is_broken = true;
        }
        self.tree.close(at);
    }

    /// Where a piece of the source stands in it.
    fn range(&self, piece: &str, otherwise: usize) -> Range<usize> {
        if piece.is_empty() {
            return otherwise..otherwise;
        }
        let start = place(self.source, piece);
        start..start + piece.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_attributes_and_text_are_read() {
        let tree = parse(
            "<?xml version='1.0'?><p:a x='1 &amp; 2'><b>c &lt;&#57;</b><b><![CDATA[<d>]]></b></p:a>",
        );
        let root = tree.roots().next().unwrap();
        assert_eq!(tree.name(root), "a");
        assert_eq!(tree.value_of(root, "x"), "1 & 2");
        let texts: Vec<_> = tree.named(root, "b").map(|b| tree.value(b).into_owned()).collect();
        assert_eq!(texts, ["c <9", "<d>"]);
        assert!(!tree.is_broken);
    }

    #[test]
    fn a_mark_in_front_moves_nothing() {
        let tree = parse("\u{feff}<a><b>one</b></a>");
        assert_eq!(tree.value_of(tree.roots().next().unwrap(), "b"), "one");
        assert!(!tree.is_broken);
    }

    #[test]
    fn entities_of_a_document_type_stay_unread() {
        let tree = parse("<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>");
        let root = tree.roots().next().unwrap();
        assert_eq!(tree.value(root), "&b;");
        assert!(tree.is_broken);
    }

    #[test]
    fn what_is_ill_formed_is_read_as_far_as_it_goes() {
        let tree = parse("<a><b>one</a><c");
        assert!(tree.is_broken);
        assert_eq!(tree.value_of(tree.roots().next().unwrap(), "b"), "one");
        assert!(parse(&"<a>".repeat(1_000_000)).is_broken);
    }
}
