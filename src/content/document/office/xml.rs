//! XML as elements and text, read as leniently as office programs and their
//! repairs do. Names go without their namespaces, so that strict files
//! (ISO/IEC 29500) read as transitional ones. No entity is expanded but the
//! five of XML itself and characters by number: nothing can multiply.

use std::borrow::Cow;

use quick_xml::{
    Reader, XmlVersion,
    events::{BytesRef, BytesStart, Event},
};

use crate::{
    content::charset::{self, Charset},
    mail::OpaqueReason,
};

/// Told what stands in a document, in its order.
pub(super) trait Visit {
    fn start(&mut self, element: &Element<'_>);
    fn end(&mut self, name: &str);
    fn text(&mut self, text: &str);
}

pub(super) struct Element<'x>(BytesStart<'x>);

impl Element<'_> {
    /// Without its prefix.
    pub(super) fn name(&self) -> &str {
        self.0.local_name().into_inner()
    }

    /// By its name without prefix.
    pub(super) fn attribute(&self, name: &str) -> Option<String> {
        self.attributes().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    pub(super) fn number(&self, name: &str) -> Option<usize> {
        self.attribute(name)?.trim().parse().ok()
    }

    /// Names without prefixes, and values. Declarations of namespaces are none.
    pub(super) fn attributes(&self) -> impl Iterator<Item = (&str, String)> {
        let mut all = self.0.attributes();
        all.with_checks(false);
        all.flatten().filter(|attribute| !attribute.key.as_ref().starts_with("xmlns")).map(
            |attribute| {
                let value = attribute
                    .normalized_value(XmlVersion::Implicit1_0)
                    .map_or_else(|_| attribute.value.clone().into_owned(), Cow::into_owned);
                (attribute.key.local_name().into_inner(), value)
            },
        )
    }
}

/// Leads a visitor through a document. What was told before a fault stays told.
pub(super) fn walk(xml: &str, visitor: &mut impl Visit) -> Result<(), OpaqueReason> {
    let mut reader = Reader::from_str(xml);
    let lenient = reader.config_mut();
    lenient.allow_dangling_amp = true;
    lenient.allow_unmatched_ends = true;
    lenient.check_end_names = false;
    loop {
        match reader.read_event().map_err(|_| OpaqueReason::Damaged)? {
            Event::Start(start) => visitor.start(&Element(start)),
            Event::Empty(start) => {
                let element = Element(start);
                visitor.start(&element);
                visitor.end(element.name());
            }
            Event::End(end) => visitor.end(end.local_name().into_inner()),
            Event::Text(text) => visitor.text(&text.xml10_content()),
            Event::CData(text) => visitor.text(&text.xml10_content()),
            Event::GeneralRef(reference) => visitor.text(&resolved(&reference)),
            Event::Eof => return Ok(()),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

/// A name that only a document type could explain stands for itself.
fn resolved(reference: &BytesRef<'_>) -> String {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return character.to_string();
    }
    match &**reference {
        "amp" => "&".to_owned(),
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        name => format!("&{name};"),
    }
}

/// The name of the outermost element, of a document or its beginning.
pub(super) fn root(xml: &str) -> Option<String> {
    if !xml.trim_start().starts_with('<') {
        return None;
    }
    let mut reader = Reader::from_str(xml);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) | Event::Empty(start) => {
                return Some(start.local_name().into_inner().to_owned());
            }
            Event::Eof => return None,
            _ => {}
        }
    }
}

/// A document's text by its mark, what it declares, or what it looks like.
pub(super) fn decode(octets: &[u8]) -> String {
    let label = match octets {
        [b'<', 0, ..] => Some("utf-16le".to_owned()),
        [0, b'<', ..] => Some("utf-16be".to_owned()),
        _ => declared_encoding(octets),
    };
    charset::decode(octets, Charset::of(octets, label.as_deref())).0
}

fn declared_encoding(octets: &[u8]) -> Option<String> {
    let head = octets.get(..DECLARATION.min(octets.len()))?;
    let head = String::from_utf8_lossy(head);
    let (declaration, _) = head.trim_start().strip_prefix("<?xml")?.split_once("?>")?;
    let (_, value) = declaration.split_once("encoding")?;
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|mark| matches!(mark, '"' | '\''))?;
    Some(value.split(quote).nth(1)?.to_owned())
}

const DECLARATION: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Told(String);

    impl Visit for Told {
        fn start(&mut self, element: &Element<'_>) {
            self.0 += &format!("<{}", element.name());
            for (name, value) in element.attributes() {
                self.0 += &format!(" {name}={value}");
            }
            self.0 += ">";
        }

        fn end(&mut self, name: &str) {
            self.0 += &format!("</{name}>");
        }

        fn text(&mut self, text: &str) {
            self.0 += text;
        }
    }

    fn told(xml: &str) -> (String, Result<(), OpaqueReason>) {
        let mut told = Told::default();
        let result = walk(xml, &mut told);
        (told.0, result)
    }

    #[test]
    fn names_lose_their_prefixes_and_references_are_resolved() {
        let xml = "<w:p xmlns:w='urn' w:val='a&amp;b'>1&lt;&#57;<![CDATA[&]]><x/></w:p>";
        assert_eq!(told(xml), ("<p val=a&b>1<9&<x></x></p>".into(), Ok(())));
    }

    #[test]
    fn entities_of_a_document_type_are_not_expanded() {
        let xml = "<!DOCTYPE a [<!ENTITY b 'c'><!ENTITY d SYSTEM 'file:///etc/passwd'>]><a>&b;&d;";
        assert_eq!(told(xml).0, "<a>&b;&d;");
    }

    #[test]
    fn what_stands_before_a_fault_is_told() {
        assert_eq!(told("<a>1</b>2<c"), ("<a>1</b>2".into(), Err(OpaqueReason::Damaged)));
    }

    #[test]
    fn octets_are_read_by_mark_declaration_or_look() {
        assert_eq!(
            decode(b"<?xml version='1.0' encoding='iso-8859-1'?>\xe9").chars().last(),
            Some('é')
        );
        let wide: Vec<u8> = "<a>é".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(&wide), "<a>é");
        assert_eq!(decode("<a>é".as_bytes()), "<a>é");
        assert_eq!(root("<?xml version='1.0'?><w:hdr a='1'><w:p").as_deref(), Some("hdr"));
        assert_eq!(root("\0\u{1}<?xml version='1.0'?><plist>"), None);
    }
}
