//! PowerPoint 97 to 2003 (MS-PPT): every text of every slide, note and master,
//! in the order of the file. Records hold records; since a header is followed
//! by what it holds, one walk goes through all of them.

use std::io::Read;

use crate::{
    content::document::{
        gatherer::Gatherer,
        octets::Octets,
        ole::{self, CompoundFile},
    },
    mail::OpaqueReason,
};

pub(super) fn read(
    file: &mut CompoundFile<'_>,
    storage: &str,
    path: &str,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let user = ole::stream(file, &format!("{storage}/Current User"), gatherer);
    let token = user.ok().and_then(|user| Octets::from(&user, 12)?.u32());
    let document = ole::stream(file, &format!("{storage}/PowerPoint Document"), gatherer)?;
    let mut slides = Slides::default();
    let walked = slides.walk(&document);
    if token == Some(ENCRYPTED) || slides.is_encrypted {
        return Err(OpaqueReason::Encrypted);
    }
    gatherer.text(path, slides.text);
    gatherer.text(&format!("{path}:comments"), slides.strings);
    for (number, object) in slides.objects.into_iter().enumerate() {
        // The number after those that the file's own storages have.
        let place = format!("{path}/{}", OBJECTS + number);
        let object = object.octets(gatherer)?;
        gatherer.file(&place, None, object.into());
    }
    if file.entry(format!("{storage}/Pictures")).is_ok_and(|pictures| !pictures.is_empty()) {
        gatherer.unread(path, OpaqueReason::Picture);
    }
    walked.ok_or(OpaqueReason::Damaged)
}

#[derive(Default)]
struct Slides<'d> {
    text: String,
    /// Comments, headers, footers and addresses, a line each.
    strings: String,
    objects: Vec<Object<'d>>,
    is_encrypted: bool,
}

/// An embedded compound file, as it is or compressed.
struct Object<'d> {
    octets: &'d [u8],
    is_compressed: bool,
}

impl<'d> Slides<'d> {
    fn walk(&mut self, document: &'d [u8]) -> Option<()> {
        let mut rest = Octets(document);
        while !rest.is_empty() {
            let head = rest.u16()?;
            let kind = rest.u16()?;
            let length = rest.length()?;
            if head & 0xf == CONTAINER {
                self.is_encrypted |= kind == CRYPT_SESSION;
                continue;
            }
            self.atom(kind, head >> 4, rest.take_up_to(length));
        }
        Some(())
    }

    fn atom(&mut self, kind: u16, instance: u16, octets: &'d [u8]) {
        match kind {
            TEXT_CHARS => push(&mut self.text, &wide(octets)),
            // The low octets of UTF-16, which is ISO 8859-1.
            TEXT_BYTES => {
                let text: String = octets.iter().copied().map(char::from).collect();
                push(&mut self.text, &text);
            }
            STRING => {
                let text = wide(octets);
                if !text.starts_with("___PPT") {
                    push(&mut self.strings, &text);
                }
            }
            CRYPT_SESSION => self.is_encrypted = true,
            OBJECT => {
                let is_compressed = instance == 1;
                let octets =
                    if is_compressed { octets.get(4..).unwrap_or_default() } else { octets };
                self.objects.push(Object { octets, is_compressed });
            }
            _ => {}
        }
    }
}

impl Object<'_> {
    fn octets(&self, gatherer: &Gatherer) -> Result<Vec<u8>, OpaqueReason> {
        let mut octets = Vec::new();
        let most = gatherer.left().saturating_add(1);
        let read = if self.is_compressed {
            flate2::read::ZlibDecoder::new(self.octets).take(most).read_to_end(&mut octets)
        } else {
            self.octets.take(most).read_to_end(&mut octets)
        };
        read.map_err(|_| OpaqueReason::Damaged)?;
        Ok(octets)
    }
}

fn wide(octets: &[u8]) -> String {
    encoding_rs::UTF_16LE.decode_without_bom_handling(octets).0.into_owned()
}

fn push(to: &mut String, text: &str) {
    to.extend(text.chars().map(|c| if matches!(c, '\r' | '\u{b}') { '\n' } else { c }));
    to.push('\n');
}

const ENCRYPTED: u32 = 0xf3d1_c4df;
const CONTAINER: u16 = 0xf;
const CRYPT_SESSION: u16 = 0x2f14;
const TEXT_CHARS: u16 = 0x0fa0;
const TEXT_BYTES: u16 = 0x0fa8;
const STRING: u16 = 0x0fba;
const OBJECT: u16 = 0x1011;
const OBJECTS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    fn record(head: u16, kind: u16, octets: &[u8]) -> Vec<u8> {
        let mut record = [head.to_le_bytes(), kind.to_le_bytes()].concat();
        record.extend(u32::try_from(octets.len()).unwrap().to_le_bytes());
        record.extend(octets);
        record
    }

    #[test]
    fn texts_are_read_wherever_they_are_nested() {
        let inner = [record(0, TEXT_BYTES, b"caf\xe9\rb"), record(0, TEXT_CHARS, b"c\0")].concat();
        let document = record(15, 0x03ee, &[inner, record(0, STRING, b"d\0")].concat());
        let mut slides = Slides::default();
        assert_eq!(slides.walk(&document), Some(()));
        assert_eq!((slides.text.as_str(), slides.strings.as_str()), ("café\nb\nc\n", "d\n"));
        for length in 0..document.len() {
            Slides::default().walk(&document[..length]);
        }
    }
}
