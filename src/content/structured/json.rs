//! JSON as a tree (RFC 8259), in one pass: also many values in a row, as
//! NDJSON and JSON text sequences (RFC 7464) have them.
//!
//! A library would give values without the places they stood at, and none at
//! all of a text that is cut short; what is in half a text still leaves.

use std::{borrow::Cow, ops::Range};

use super::tree::{Kind, Syntax, Tree};

/// What could be read, up to the first fault.
pub(super) fn parse(source: &str) -> Tree<'_> {
    let mut parser = Parser {
        source,
        at: 0,
        tree: Tree::new(source, Syntax::Json),
        open: Vec::new(),
        name: 0..0,
    };
    if parser.values().is_none() {
        parser.tree.is_broken = true;
    }
    parser.tree.finish()
}

/// A string's characters, its escapes undone.
pub(super) fn unescaped(raw: &str) -> Cow<'_, str> {
    let Some(first) = memchr::memchr(b'\\', raw.as_bytes()) else { return Cow::Borrowed(raw) };
    let mut text = raw.get(..first).unwrap_or_default().to_owned();
    let mut rest = raw.get(first..).unwrap_or_default();
    while let Some((plain, escape)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut characters = escape.chars();
        match characters.next() {
            Some('n') => text.push('\n'),
            Some('r') => text.push('\r'),
            Some('t') => text.push('\t'),
            Some('b' | 'f') => text.push(' '),
            Some('u') => {
                rest = unicode(&mut text, characters.as_str());
                continue;
            }
            Some(other) => text.push(other),
            None => {}
        }
        rest = characters.as_str();
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Writes the character of four hexadecimal digits, or of a pair of surrogates;
/// returns what follows.
fn unicode<'a>(text: &mut String, after: &'a str) -> &'a str {
    let unit = |text: &str| u16::from_str_radix(text.get(..4)?, 16).ok();
    let Some(first) = unit(after) else {
        text.push('u');
        return after;
    };
    let rest = after.get(4..).unwrap_or_default();
    let second = rest.strip_prefix("\\u").and_then(unit);
    let mut pair = char::decode_utf16([first].into_iter().chain(second));
    text.push(pair.next().and_then(Result::ok).unwrap_or(char::REPLACEMENT_CHARACTER));
    let is_pair = (0xd800..0xdc00).contains(&first) && pair.next().is_none() && second.is_some();
    if is_pair { rest.get(6..).unwrap_or_default() } else { rest }
}

struct Parser<'s> {
    source: &'s str,
    at: usize,
    tree: Tree<'s>,
    /// The arrays and objects around; an array adds no node, its elements
    /// have its name.
    open: Vec<Open>,
    /// Of the value that comes next.
    name: Range<usize>,
}

enum Open {
    Object,
    Array(Range<usize>),
    /// An array in an array, which does.
    Row(Range<usize>),
}

impl Parser<'_> {
    /// Reads to the end; nothing at a fault.
    fn values(&mut self) -> Option<()> {
        while let Some(octet) = self.next_token() {
            match octet {
                b'{' => {
                    self.at += 1;
                    if !self.tree.open(self.name.clone(), self.at) {
                        return None;
                    }
                    self.open.push(Open::Object);
                    self.member()?;
                }
                b'[' => {
                    self.at += 1;
                    self.array()?;
                }
                b'}' | b']' => self.close(octet)?,
                b',' => {
                    self.at += 1;
                    self.comma()?;
                }
                _ => self.scalar(octet)?,
            }
        }
        self.open.is_empty().then_some(())
    }

    /// An array within an array is a row.
    fn array(&mut self) -> Option<()> {
        let is_row = matches!(self.open.last(), Some(Open::Array(_) | Open::Row(_)));
        if self.open.len() >= DEEPEST || is_row && !self.tree.open_row(self.name.clone(), self.at) {
            return None;
        }
        let name = self.name.clone();
        self.open.push(if is_row { Open::Row(name) } else { Open::Array(name) });
        Some(())
    }

    /// The next octet that is not blank.
    fn next_token(&mut self) -> Option<u8> {
        let rest = self.source.as_bytes().get(self.at..)?;
        let is_blank = |octet: u8| octet.is_ascii_whitespace() || octet == 0x1e;
        self.at += rest.iter().position(|&octet| !is_blank(octet)).unwrap_or(rest.len());
        self.source.as_bytes().get(self.at).copied()
    }

    fn close(&mut self, octet: u8) -> Option<()> {
        match (self.open.pop()?, octet) {
            (Open::Object, b'}') | (Open::Row(_), b']') => self.tree.close(self.at),
            (Open::Array(_), b']') => {}
            _ => return None,
        }
        self.at += 1;
        self.name = match self.open.last() {
            Some(Open::Array(name) | Open::Row(name)) => name.clone(),
            _ => 0..0,
        };
        Some(())
    }

    fn comma(&mut self) -> Option<()> {
        match self.open.last() {
            Some(Open::Object) => self.member(),
            Some(Open::Array(_) | Open::Row(_)) | None => Some(()),
        }
    }

    /// A member's name and colon, unless the object ends here.
    fn member(&mut self) -> Option<()> {
        match self.next_token()? {
            b'}' => return Some(()),
            b'"' => self.name = self.string()?,
            _ => return None,
        }
        (self.next_token()? == b':').then_some(())?;
        self.at += 1;
        // A value must follow: no comma, no end.
        (!matches!(self.next_token()?, b',' | b'}' | b']')).then_some(())
    }

    fn scalar(&mut self, octet: u8) -> Option<()> {
        let (kind, value) = if octet == b'"' {
            (Kind::Escaped, self.string()?)
        } else {
            let rest = self.source.as_bytes().get(self.at..)?;
            let length = rest.iter().take_while(|octet| is_bare(**octet)).count();
            let value = self.at..self.at + length;
            let word = self.source.get(value.clone())?;
            let known = matches!(word, "true" | "false" | "null")
                || word.starts_with(|c: char| c == '-' || c.is_ascii_digit());
            known.then_some(())?;
            self.at = value.end;
            (Kind::Bare, value)
        };
        // Text beside values is no JSON.
        let follows_well =
            matches!(self.next_token(), None | Some(b',' | b'}' | b']')) || self.open.is_empty();
        let added = self.tree.add(kind, self.name.clone(), value);
        (added && follows_well).then_some(())
    }

    /// What stands between the quotation marks here.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at + 1;
        let mut end = start;
        loop {
            let rest = self.source.as_bytes().get(end..)?;
            end += memchr::memchr2(b'"', b'\\', rest)?;
            if self.source.as_bytes().get(end) == Some(&b'"') {
                break;
            }
            end += 2;
        }
        self.at = end + 1;
        Some(start..end)
    }
}

fn is_bare(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'-' | b'.')
}

const DEEPEST: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> (Vec<(String, String)>, bool) {
        let tree = parse(source);
        let mut pairs = Vec::new();
        let mut left: Vec<_> = tree.roots().collect();
        left.reverse();
        while let Some(node) = left.pop() {
            if !tree.is_inner(node) {
                pairs.push((tree.name(node).to_owned(), tree.value(node).into_owned()));
            }
            let mut within: Vec<_> = tree.children(node).collect();
            within.reverse();
            left.extend(within);
        }
        (pairs, tree.is_broken)
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
    }

    #[test]
    fn members_and_elements_have_their_names() {
        let (found, broken) = read(r#"{"a": {"b": ["x", 1.5, true]}, "c": [], "d": "y\"z"}"#);
        assert!(!broken);
        assert_eq!(found, pairs(&[("b", "x"), ("b", "1.5"), ("b", "true"), ("d", "y\"z")]));
    }

    #[test]
    fn values_in_a_row_are_all_read() {
        let (found, broken) = read("{\"a\":1}\n{\"a\":2}\n\u{1e}{\"a\":3}");
        assert!(!broken);
        assert_eq!(found, pairs(&[("a", "1"), ("a", "2"), ("a", "3")]));
    }

    #[test]
    fn what_is_cut_short_is_read_as_far_as_it_goes() {
        let (found, broken) = read(r#"{"a": "x", "b": {"c": "y", "d": "z"#);
        assert!(broken);
        assert_eq!(found, pairs(&[("a", "x"), ("c", "y")]));
        assert!(read("[CAUTION: external]").0.is_empty());
        assert!(read(&"[".repeat(1_000_000)).1);
        assert!(read(&r#"{"a":"#.repeat(100_000)).1);
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescaped(r"caf\u00e9 \ud83d\ude00\n\/"), "café 😀\n/");
        assert_eq!(unescaped(r"\ud83d\u0041 \uZZ \"), "\u{fffd}A uZZ ");
    }
}
