//! The text of XML within a document: metadata (XMP), forms (XFA).

use std::borrow::Cow;

use encoding_rs::UTF_8;
use quick_xml::{Reader, escape::unescape, events::Event};

/// Each text on a line of its own, behind the name of its element.
pub(super) fn text(octets: &[u8]) -> String {
    let (decoded, ..) = UTF_8.decode(octets);
    let mut reader = Reader::from_str(&decoded);
    reader.config_mut().check_end_names = false;
    let (mut text, mut name, mut own) = (String::new(), String::new(), String::new());
    while let Ok(event) = reader.read_event() {
        match event {
            Event::Start(start) | Event::Empty(start) => {
                flush(&mut own, &name, &mut text);
                let local = start.local_name();
                // `rdf:li` and the like say nothing; the one around does.
                if !PLAIN.contains(&local.as_ref()) {
                    local.as_ref().clone_into(&mut name);
                }
                for attribute in start.attributes().flatten() {
                    let mut value = plain(&attribute.value);
                    flush(&mut value, attribute.key.local_name().as_ref(), &mut text);
                }
            }
            Event::Text(part) => own.push_str(&part),
            Event::CData(part) => own.push_str(&part),
            Event::GeneralRef(entity) => own.push_str(&plain(&format!("&{};", &*entity))),
            Event::End(_) => flush(&mut own, &name, &mut text),
            Event::Eof => break,
            _ => {}
        }
    }
    flush(&mut own, &name, &mut text);
    text
}

fn plain(written: &str) -> String {
    unescape(written).map_or_else(|_| written.to_owned(), Cow::into_owned)
}

fn flush(own: &mut String, name: &str, text: &mut String) {
    let trimmed = own.trim();
    if !trimmed.is_empty() {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(trimmed);
        text.push('\n');
    }
    own.clear();
}

const PLAIN: [&str; 6] = ["li", "Alt", "Seq", "Bag", "value", "text"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stands_behind_the_name_of_its_element() {
        let xml = b"<x:a xmlns:x='u'><dc:title><rdf:Alt><rdf:li>A &amp; B&#x33;</rdf:li></rdf:Alt>\
            </dc:title><f pdf:Keywords='k'/><![CDATA[c]]></x:a>";
        assert_eq!(text(xml), "x: u\ntitle: A & B3\nKeywords: k\nf: c\n");
    }

    #[test]
    fn what_is_cut_off_gives_what_there_was() {
        assert_eq!(text(b"<a>one</a><b>two"), "a: one\nb: two\n");
        assert_eq!(text(b"\xff<"), ": \u{fffd}\n");
    }
}
