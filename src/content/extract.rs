//! Every text of a message, and every part that gave none.

use bytes::Bytes;

use super::{
    charset::{self, Charset},
    document::{Document, Extract, File, Gatherer, Limits, ReadDocument},
    flowed::{self, SoftBreak},
    header, html,
    leaf::Leaf,
    look::ReadAs,
    opened::Opened,
    part::{Class, Part, PartId, within},
    reading::{OffsetMap, Reading, ReadingKind},
    said_fields::says_something,
    sniff::is_html,
    structured::Expected,
    tree::{Body, Content},
};
use crate::mail::{Opaque, OpaqueReason};

impl Content {
    /// All that a person could read: header fields, displayed and hidden text,
    /// file names, attachments that are text, and all that of the messages
    /// within.
    pub fn readings(&self) -> Vec<Reading> {
        self.read().0
    }

    /// The same, and the files that stand in texts, each with its place in the
    /// message.
    fn read(&self) -> (Vec<Reading>, Vec<(Document, usize)>) {
        let (mut readings, mut embedded) = (Vec::new(), Vec::new());
        for part in self.parts() {
            self.read_header(part, &mut readings);
            let files = self.read_body(part, &mut readings);
            embedded.extend(files.into_iter().enumerate().map(|(index, octets)| {
                let path = format!("{}/{}", part.path, index + 1);
                (Document { path, octets }, part.body.start)
            }));
        }
        for (id, message) in self.nested() {
            let (Some(part), Some(body)) = (self.part(*id), self.body(*id)) else { continue };
            let (inner_readings, inner_embedded) = message.read();
            readings.extend(inner_readings.into_iter().map(|reading| Reading {
                part: within(&part.path, &reading.part),
                map: reading.map.through(&body.map),
                ..reading
            }));
            embedded.extend(inner_embedded.into_iter().map(|(document, at)| {
                let path = within(&part.path, &document.path);
                (Document { path, ..document }, body.map.source(at))
            }));
        }
        (readings, embedded)
    }

    /// All that could be read, with what stands in documents and archives, and
    /// what could not: facts of their own. Its files are the decoded parts and
    /// those within them.
    pub fn extract(&self, reader: &mut dyn ReadDocument) -> Extract {
        self.extract_within(reader, Limits::default())
    }

    /// The same without documents, which are left to a reader.
    pub fn open(&self) -> Opened {
        self.open_within(Limits::default())
    }

    /// The same under what limits are left to a message in a file.
    pub(super) fn extract_within(&self, reader: &mut dyn ReadDocument, limits: Limits) -> Extract {
        self.open_within(limits).read(reader)
    }

    fn open_within(&self, limits: Limits) -> Opened {
        let (readings, embedded) = self.read();
        let extract = Extract { readings, ..Extract::default() };
        let mut opened = Opened { extract, documents: Vec::new() };
        self.draw_out("", &|at| at, &mut opened);
        if let Some((first_left, _)) = embedded.get(limits.files) {
            let part = first_left.path.clone();
            opened.extract.opaque.push(Opaque { part, reason: OpaqueReason::OverLimit });
        }
        for (file, at) in embedded.into_iter().take(limits.files) {
            let mut gatherer = Gatherer::of_plain_files(limits);
            gatherer.file(&file.path, None, file.octets);
            let (drawn, documents) = gatherer.finish_plain();
            opened.extract.append(drawn.found_at(at));
            opened.documents.extend(documents.into_iter().map(|document| (document, at)));
        }
        opened
    }

    /// Adds what the readings do not have; `place` leads from this message's
    /// octets to those of the whole.
    fn draw_out(&self, outer: &str, place: &dyn Fn(usize) -> usize, opened: &mut Opened) {
        for part in self.parts() {
            let path = within(outer, &part.path);
            let looked = self.look(part);
            if looked.needs_reader {
                let document = Document { path: path.clone(), octets: self.decoded(part.id) };
                opened.documents.push((document, place(part.body.start)));
            }
            let reasons = looked.reason.into_iter();
            let reasons = reasons.map(|reason| Opaque { part: path.clone(), reason });
            opened.extract.opaque.extend(reasons);
            if part.children.is_empty() {
                opened.extract.files.push(File { path, octets: self.decoded(part.id) });
            }
        }
        for (id, message) in self.nested() {
            let (Some(part), Some(body)) = (self.part(*id), self.body(*id)) else { continue };
            let place = |at| place(body.map.source(at));
            message.draw_out(&within(outer, &part.path), &place, opened);
        }
    }

    fn read_header(&self, part: &Part, readings: &mut Vec<Reading>) {
        let outer = part.parent.and_then(|id| self.part(id));
        let is_message = outer.is_none_or(|outer| !outer.is_multipart());
        let place = match outer {
            None => "",
            // A message of one part has its own header, not that of part 1.
            Some(outer) if is_message => outer.path.as_str(),
            Some(_) => part.path.as_str(),
        };
        for field in &part.fields {
            let name = self.name(field);
            if !says_something(&name, is_message) {
                continue;
            }
            let (text, map) = header::readable(self.raw(), &field.value);
            let part = match place {
                "" => format!("header:{name}"),
                path => format!("{path}:header:{name}"),
            };
            push(readings, Reading { part, kind: ReadingKind::Header, text, map });
        }
        if let Some(name) = &part.file_name {
            let map = OffsetMap::straight_from(part.header.start);
            let (part, text) = (part.path.clone(), name.clone());
            push(readings, Reading { part, kind: ReadingKind::Header, text, map });
        }
    }

    /// Returns the files that stand in the text.
    fn read_body(&self, part: &Part, readings: &mut Vec<Reading>) -> Vec<Bytes> {
        let plain = |range: std::ops::Range<usize>| {
            let octets = self.raw().get(range.clone()).unwrap_or_default();
            let (text, map) = charset::read(octets, None);
            let map = map.through(&OffsetMap::straight_from(range.start));
            Reading { part: part.path.clone(), kind: ReadingKind::Plain, text, map }
        };
        // Text before the first part and after the last is hidden, not gone.
        if let Some(delimiters) = &part.delimiters {
            push(readings, plain(part.body.start..delimiters.first));
            if let Some(close) = &delimiters.close {
                push(readings, plain(close.end..part.body.end.max(close.end)));
            }
        }
        let Some(read_as) = self.look(part).read_as else { return Vec::new() };
        let Some(body) = self.body(part.id) else { return Vec::new() };
        let (text, map) = decoded_text(part, body);
        let (kind, leaf) = match read_as {
            ReadAs::Html => (ReadingKind::Html, Leaf::html(&text)),
            ReadAs::Plain(kind) => (kind, plain_leaf(part, text)),
        };
        for (text, own_map) in leaf.texts {
            let map = own_map.through(&map).through(&body.map);
            push(readings, Reading { part: part.path.clone(), kind, text, map });
        }
        leaf.embedded
    }

    /// The text of a leaf that is displayed, as `transform` looks for a tag
    /// line in it.
    pub(crate) fn displayed_text(&self, id: PartId) -> Option<String> {
        let text = self.written_text(id)?;
        Some(match self.part(id)?.class {
            Class::Html => html::text_of(&text).displayed.0,
            _ => text,
        })
    }

    /// The text of a leaf with its markup.
    pub(crate) fn written_text(&self, id: PartId) -> Option<String> {
        Some(decoded_text(self.part(id)?, self.body(id)?).0)
    }
}

fn push(readings: &mut Vec<Reading>, reading: Reading) {
    if !reading.text.trim().is_empty() {
        readings.push(reading);
    }
}

/// What a text says that is not, or not said to be, HTML.
fn plain_leaf(part: &Part, text: String) -> Leaf {
    if let Some(soft_break) = soft_break(part) {
        let (joined, own_map) = flowed::joined(&text, soft_break);
        let mut leaf = Leaf::plain(joined, Expected::Letter);
        leaf.texts.iter_mut().for_each(|(_, map)| *map = map.through(&own_map));
        return leaf;
    }
    let displayed = part.class == Class::Plain && !part.is_attachment();
    if is_html(&text) {
        return if displayed { Leaf::plain_and_html(text) } else { Leaf::html(&text) };
    }
    let media = (part.media.kind.as_str(), part.media.subtype.as_str());
    let of_file = Expected::of(Some(media), part.file_name.as_deref());
    Leaf::plain(text, if displayed { Expected::Letter } else { of_file })
}

fn decoded_text(part: &Part, body: &Body) -> (String, OffsetMap) {
    let own = meta_charset_of(part, &body.octets);
    charset::read(&body.octets, part.charset().or(own.as_deref()))
}

pub(crate) fn charset_of(part: &Part, octets: &[u8]) -> Charset {
    Charset::of(octets, part.charset().or(meta_charset_of(part, octets).as_deref()))
}

/// What an HTML document says, where its header says nothing.
fn meta_charset_of(part: &Part, octets: &[u8]) -> Option<String> {
    let says_nothing = part.charset().is_none() && part.class == Class::Html;
    says_nothing.then(|| meta_charset(octets))?
}

/// The charset that a document names itself, near its start.
fn meta_charset(octets: &[u8]) -> Option<String> {
    let head = octets.get(..META_HEAD.min(octets.len()))?.to_ascii_lowercase();
    let at = memchr::memmem::find(&head, b"charset=")? + b"charset=".len();
    let mut label = head.get(at..)?.trim_ascii_start();
    while let [b'"' | b'\'', rest @ ..] = label {
        label = rest;
    }
    let of_label = |octet: &u8| octet.is_ascii_alphanumeric() || b"-_:.".contains(octet);
    let end = label.iter().position(|octet| !of_label(octet))?;
    let label = std::str::from_utf8(label.get(..end)?).ok()?;
    (!label.is_empty()).then(|| label.to_owned())
}

fn soft_break(part: &Part) -> Option<SoftBreak> {
    let is = |name: &str, value: &str| {
        part.media
            .parameters
            .get(name)
            .is_some_and(|given| given.trim().eq_ignore_ascii_case(value))
    };
    (part.class == Class::Plain && is("format", "flowed")).then(|| {
        if is("delsp", "yes") { SoftBreak::DropsItsSpace } else { SoftBreak::KeepsItsSpace }
    })
}

const META_HEAD: usize = 1024;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::content::InPlace;

    fn parse(raw: &str) -> Content {
        Content::parse(Bytes::copy_from_slice(raw.as_bytes()))
    }

    fn texts(raw: &str) -> Vec<(String, String)> {
        parse(raw).readings().into_iter().map(|r| (r.part, r.text)).collect()
    }

    fn opaque(raw: &str) -> Vec<OpaqueReason> {
        let extract = parse(raw).extract(&mut InPlace::default());
        extract.opaque.into_iter().map(|opaque| opaque.reason).collect()
    }

    #[test]
    fn subjects_and_texts_are_read_addresses_are_not() {
        let raw = "From: Ann <a@x.example>\r\nSubject: =?utf-8?q?caf=C3=A9?=\r\n\r\nhello\r\n";
        assert_eq!(
            texts(raw),
            [("header:Subject".into(), "café".into()), ("1".into(), "hello\r\n".into())]
        );
    }

    #[test]
    fn every_way_back_ends_at_the_source() {
        let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
                   Content-Type: text/plain; charset=iso-8859-1\r\n\
                   Content-Transfer-Encoding: quoted-printable\r\n\r\ncaf=E9 NEEDLE\r\n--b\r\n\
                   Content-Type: text/html; charset=utf-8\r\n\r\n<p>&eacute; NEEDLE</p>\r\n--b\r\n\
                   Content-Type: text/plain; format=flowed\r\n\r\nsoft \r\n NEEDLE\r\n--b--\r\n";
        let content = parse(raw);
        let mut places: Vec<usize> = content
            .readings()
            .iter()
            .map(|reading| reading.map.source(reading.text.find("NEEDLE").unwrap()))
            .collect();
        places.sort_unstable();
        let expected: Vec<usize> = raw.match_indices("NEEDLE").map(|(at, _)| at).collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn attachments_that_are_text_are_read_whatever_they_are_called() {
        let raw = "Content-Type: application/octet-stream; name=export.bin\r\n\r\nname,number\r\n";
        assert_eq!(texts(raw)[1], ("1".into(), "name,number\r\n".into()));
        assert!(opaque(raw).is_empty());
        let html = "Content-Type: application/octet-stream\r\n\r\n<html><p>99<b>9</b>\r\n";
        assert_eq!(texts(html)[0].1.trim(), "999");
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let pdf = "Content-Type: text/plain\r\n\r\n%PDF-1.4\r\n";
        assert_eq!(opaque(pdf), [OpaqueReason::Damaged]);
        assert_eq!(parse(pdf).extract(&mut InPlace::default()).opaque[0].part, "1");
        let picture =
            "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n";
        assert_eq!(opaque(picture), [OpaqueReason::Picture]);
        let pgp = "\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nabc\r\n";
        assert_eq!(opaque(pgp), [OpaqueReason::Encrypted]);
        let broken = "Content-Transfer-Encoding: base64\r\n\r\naGVs!!bG8\r\n";
        assert_eq!(opaque(broken), [OpaqueReason::Damaged]);
        assert_eq!(texts(broken)[0].1, "hello");
        let seven = "Content-Type: text/plain; charset=utf-7\r\n\r\n+AOk-\r\n";
        assert!(opaque(seven).is_empty());
        assert_eq!(texts(seven)[0].1, "é\r\n");
        let odd = "Content-Type: text/plain; charset=x-nobody\r\n\r\n\u{e9}\r\n";
        assert_eq!(opaque(odd), [OpaqueReason::Unreadable]);
        let partial = "Content-Type: message/partial; number=1\r\n\r\nx\r\n";
        assert_eq!(opaque(partial), [OpaqueReason::Unreadable]);
    }

    #[test]
    fn what_is_called_a_picture_is_what_it_looks_like() {
        let called =
            |body: &str| format!("Content-Type: image/jpeg; name=scan.jpg\r\n\r\n{body}\r\n");
        for (body, read) in [
            ("NHS number 999 000 0018", "NHS number 999 000 0018\r\n"),
            ("<html><p>999 <b>000</b> 0018", "999 000 0018"),
            ("{\\rtf1 999 000 0018}", "999 000 0018"),
        ] {
            let extract = parse(&called(body)).extract(&mut InPlace::default());
            let texts = extract.readings.iter().map(|reading| reading.text.trim());
            assert!(texts.into_iter().any(|text| text == read.trim()), "{body}");
            assert!(extract.opaque.is_empty(), "{body}");
        }
        assert_eq!(opaque(&called("\u{1}\u{2}\0\u{3}")), [OpaqueReason::Picture]);
        assert_eq!(opaque("Content-Type: text/plain\r\n\r\nGIF89a\0"), [OpaqueReason::Picture]);
    }

    #[test]
    fn a_drawing_is_a_picture_whose_text_is_read() {
        let svg = "<svg><title>Ward</title><text x='1' y='1'>NHS <tspan>999</tspan> 000</text>\
                   <text><tspan y='1'>one</tspan><tspan y='2'>two</tspan></text></svg>";
        for kind in ["image/svg+xml", "application/octet-stream"] {
            let raw = format!("Content-Type: {kind}\r\n\r\n{svg}\r\n");
            assert_eq!(texts(&raw)[0].1.trim(), "Ward\nNHS 999 000\none\ntwo", "{kind}");
            assert_eq!(opaque(&raw), [OpaqueReason::Picture], "{kind}");
        }
    }

    #[test]
    fn what_is_drawn_out_of_a_part_has_the_parts_path() {
        let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b\r\n\
                   Content-Type: application/octet-stream\r\n\r\n%PDF-1.4\r\n--b--\r\n";
        let extract = parse(raw).extract(&mut InPlace::default());
        assert_eq!(extract.opaque[0].part, "2");
        assert_eq!(extract.files[1].path, "2");
    }

    #[test]
    fn encrypted_mail_is_one_opaque_thing() {
        let raw = "Content-Type: multipart/encrypted; boundary=b\r\n\r\n--b\r\n\
                   Content-Type: application/pgp-encrypted\r\n\r\nVersion: 1\r\n--b\r\n\
                   Content-Type: application/octet-stream\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\
                   --b--\r\n";
        assert_eq!(opaque(raw), [OpaqueReason::Encrypted]);
        assert!(texts(raw).is_empty());
    }

    #[test]
    fn hidden_places_are_read() {
        let raw = "Content-Type: multipart/mixed; boundary=b\r\n\r\nbefore\r\n--b\r\n\r\nx\r\n\
                   --b--\r\nafter\r\n";
        let read: Vec<_> = texts(raw).into_iter().map(|(_, text)| text).collect();
        assert_eq!(read, ["before\r\n", "after\r\n", "x"]);
    }

    #[test]
    fn a_message_within_a_message_is_read_in_place_and_encoded() {
        let raw = "Content-Type: message/rfc822\r\n\r\nSubject: in\r\n\r\nhello\r\n";
        assert_eq!(
            texts(raw),
            [("1:header:Subject".into(), "in".into()), ("1.1".into(), "hello\r\n".into())]
        );
        let raw = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\
                   \r\nSubject: in\r\n\r\nh=65llo\r\n";
        assert_eq!(
            texts(raw),
            [("1:header:Subject".into(), "in".into()), ("1.1".into(), "hello\r\n".into())]
        );
    }

    #[test]
    fn an_html_document_that_names_its_charset_is_read_in_it() {
        let raw = b"Content-Type: text/html\r\n\r\n<meta charset=windows-1251><p>\xcf\xe0</p>\r\n";
        let content = Content::parse(Bytes::from_static(raw));
        assert!(content.readings()[0].text.contains("Па"));
    }
}
