//! What a reader answers: what it has drawn out of a document.
//!
//! The reader cuts its answer to the bounds that it was given; the gateway
//! holds it against the same bounds again, since what has read a stranger's
//! document may be a stranger's by now.

use std::io::{self, Read, Write};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::frame::{FrameError, receive_head, receive_octets, send_head};
use crate::{
    content::{Document, Extract, File, Limits, OffsetMap, Reading, ReadingKind},
    mail::{Opaque, OpaqueReason},
};

/// Why an answer is not believed.
#[derive(Debug, thiserror::Error)]
pub(super) enum AnswerError {
    #[error("{0}")]
    Frame(#[from] FrameError),
    #[error("more {0} than it may be")]
    TooMuch(&'static str),
    #[error("a place outside the document")]
    Elsewhere,
    #[error("a text that is no UTF-8")]
    NoText,
}

#[derive(Debug, Serialize, Deserialize)]
struct Head {
    readings: Vec<Text>,
    opaque: Vec<Opaque>,
    files: Vec<Octets>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Text {
    part: String,
    kind: ReadingKind,
    octets: usize,
}

#[derive(Debug, Serialize, Deserialize)]
struct Octets {
    path: String,
    octets: usize,
}

pub(super) fn send(stream: &mut impl Write, extract: &Extract) -> io::Result<()> {
    let text = |r: &Reading| Text { part: r.part.clone(), kind: r.kind, octets: r.text.len() };
    let file = |file: &File| Octets { path: file.path.clone(), octets: file.octets.len() };
    let head = Head {
        readings: extract.readings.iter().map(text).collect(),
        opaque: extract.opaque.clone(),
        files: extract.files.iter().map(file).collect(),
    };
    send_head(stream, &head)?;
    for reading in &extract.readings {
        stream.write_all(reading.text.as_bytes())?;
    }
    for file in &extract.files {
        stream.write_all(&file.octets)?;
    }
    stream.flush()
}

pub(super) fn receive(
    stream: &mut impl Read,
    document: &Document,
    limits: Limits,
) -> Result<Extract, AnswerError> {
    let head: Head = receive_head(stream, LONGEST_HEAD)?;
    check(&head, document, limits)?;
    let mut extract = Extract { opaque: head.opaque, ..Extract::default() };
    for Text { part, kind, octets } in head.readings {
        let text = receive_octets(stream, octets).map_err(FrameError::from)?;
        let text = String::from_utf8(text).map_err(|_| AnswerError::NoText)?;
        extract.readings.push(Reading { part, kind, text, map: OffsetMap::at(0) });
    }
    for Octets { path, octets } in head.files {
        let octets = Bytes::from(receive_octets(stream, octets).map_err(FrameError::from)?);
        extract.files.push(File { path, octets });
    }
    Ok(extract)
}

fn check(head: &Head, document: &Document, limits: Limits) -> Result<(), AnswerError> {
    let Head { readings, opaque, files } = head;
    let within = |ok: bool, what| if ok { Ok(()) } else { Err(AnswerError::TooMuch(what)) };
    within(readings.len() <= MOST_PLACES && opaque.len() <= MOST_PLACES, "places")?;
    within(files.len() <= limits.files, "files")?;
    let text = total(readings.iter().map(|reading| reading.octets));
    within(text <= limits.text, "text")?;
    within(total(files.iter().map(|file| file.octets)) <= limits.octets, "octets")?;
    let places = readings.iter().map(|reading| &reading.part);
    let places = places.chain(opaque.iter().map(|opaque| &opaque.part));
    let mut places = places.chain(files.iter().map(|file| &file.path));
    match places.all(|place| is_within(document, place)) {
        true => Ok(()),
        false => Err(AnswerError::Elsewhere),
    }
}

/// Its own path, and what follows that.
fn is_within(document: &Document, place: &str) -> bool {
    let rest = place.strip_prefix(&document.path);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', ':', '.']))
        && place.len() <= LONGEST_PATH.max(document.path.len())
}

/// What of an extract may be sent; that something does not go is said.
pub(super) fn cut(mut extract: Extract, document: &Document, limits: Limits) -> Extract {
    let places =
        |extract: &Extract| [extract.readings.len(), extract.opaque.len(), extract.files.len()];
    let before = places(&extract);
    let (mut text, mut octets) = (limits.text, limits.octets);
    extract.readings.retain(|reading| take(&mut text, reading.text.len()));
    extract.readings.truncate(MOST_PLACES);
    extract.files.retain(|file| take(&mut octets, file.octets.len()));
    extract.files.truncate(limits.files);
    extract.opaque.truncate(MOST_PLACES - 1);
    if places(&extract) != before {
        let (part, reason) = (document.path.clone(), OpaqueReason::OverLimit);
        extract.opaque.push(Opaque { part, reason });
    }
    let parts = extract.readings.iter_mut().map(|reading| &mut reading.part);
    let parts = parts.chain(extract.opaque.iter_mut().map(|opaque| &mut opaque.part));
    for place in parts.chain(extract.files.iter_mut().map(|file| &mut file.path)) {
        shorten(place, LONGEST_PATH.max(document.path.len()));
    }
    extract
}

/// Takes octets of what is left; not where there are more of them.
fn take(left: &mut u64, octets: usize) -> bool {
    let rest = left.checked_sub(u64::try_from(octets).unwrap_or(u64::MAX));
    *left = rest.unwrap_or(*left);
    rest.is_some()
}

fn shorten(place: &mut String, most: usize) {
    let end = (0..=most.min(place.len())).rev().find(|&end| place.is_char_boundary(end));
    place.truncate(end.unwrap_or_default());
}

fn total(octets: impl Iterator<Item = usize>) -> u64 {
    octets.fold(0, |sum, octets| sum.saturating_add(u64::try_from(octets).unwrap_or(u64::MAX)))
}

/// Texts, and things that could not be read, of one document.
const MOST_PLACES: usize = 50_000;
const LONGEST_PATH: usize = 256;
/// Room for all places at their longest.
const LONGEST_HEAD: usize = 64 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { octets: 8, text: 8, files: 2, depth: 1 };

    fn document() -> Document {
        Document { path: "2".to_owned(), octets: Bytes::from_static(b"x") }
    }

    fn reading(part: &str, text: &str) -> Reading {
        let (part, text) = (part.to_owned(), text.to_owned());
        Reading { part, kind: ReadingKind::Extracted, text, map: OffsetMap::at(0) }
    }

    fn file(path: &str, octets: &'static [u8]) -> File {
        File { path: path.to_owned(), octets: Bytes::from_static(octets) }
    }

    fn opaque(part: &str) -> Opaque {
        Opaque { part: part.to_owned(), reason: OpaqueReason::Picture }
    }

    fn received(extract: &Extract) -> Result<Extract, AnswerError> {
        let mut wire = Vec::new();
        send(&mut wire, extract).unwrap();
        let mut stream = wire.as_slice();
        let received = receive(&mut stream, &document(), LIMITS);
        assert!(received.is_err() || stream.is_empty());
        received
    }

    fn whole() -> Extract {
        Extract {
            readings: vec![reading("2/1", "caf\u{e9}"), reading("2:notes", "a\nb")],
            opaque: vec![opaque("2/1.3"), opaque("2")],
            files: vec![file("2/1", b"\xff\0"), file("2/2", b"")],
        }
    }

    #[test]
    fn an_answer_comes_as_it_went() {
        assert_eq!(received(&whole()).unwrap(), whole());
        assert_eq!(received(&Extract::default()).unwrap(), Extract::default());
    }

    #[test]
    fn an_answer_over_a_bound_is_not_believed() {
        let over = |change: fn(&mut Extract)| {
            let mut extract = whole();
            change(&mut extract);
            received(&extract).unwrap_err().to_string()
        };
        let too_much = |what: &str| format!("more {what} than it may be");
        assert_eq!(over(|e| e.readings.push(reading("2", "c"))), too_much("text"));
        assert_eq!(over(|e| e.files[1] = file("2/2", b"1234567")), too_much("octets"));
        assert_eq!(over(|e| e.files.push(file("2/3", b""))), too_much("files"));
        assert_eq!(over(|e| e.opaque = vec![opaque("2"); MOST_PLACES + 1]), too_much("places"));
    }

    #[test]
    fn an_answer_about_another_part_is_not_believed() {
        for elsewhere in ["1", "", "20", "header:Subject", "x2", &format!("2/{}", "1".repeat(300))]
        {
            let extracts = [
                Extract { readings: vec![reading(elsewhere, "a")], ..Extract::default() },
                Extract { opaque: vec![opaque(elsewhere)], ..Extract::default() },
                Extract { files: vec![file(elsewhere, b"a")], ..Extract::default() },
            ];
            for extract in extracts {
                let error = received(&extract).unwrap_err();
                assert!(matches!(error, AnswerError::Elsewhere), "{elsewhere}: {error}");
            }
        }
    }

    #[test]
    fn a_text_that_is_none_is_not_believed() {
        let mut wire = Vec::new();
        let readings = vec![reading("2", "ab")];
        send(&mut wire, &Extract { readings, ..Extract::default() }).unwrap();
        *wire.last_mut().unwrap() = 0xff;
        let error = receive(&mut wire.as_slice(), &document(), LIMITS).unwrap_err();
        assert!(matches!(error, AnswerError::NoText), "{error}");
    }

    #[test]
    fn an_answer_cut_short_anywhere_is_not_believed() {
        let mut wire = Vec::new();
        send(&mut wire, &whole()).unwrap();
        for end in 0..wire.len() {
            assert!(receive(&mut &wire[..end], &document(), LIMITS).is_err(), "at {end}");
        }
    }

    #[test]
    fn an_answer_changed_anywhere_is_refused_or_within_the_bounds() {
        let mut wire = Vec::new();
        send(&mut wire, &whole()).unwrap();
        for at in 0..wire.len() {
            for octet in [0, 0xff, b'"', b'9', b'/', b'.', b','] {
                let mut changed = wire.clone();
                changed[at] = octet;
                if let Ok(extract) = receive(&mut changed.as_slice(), &document(), LIMITS) {
                    assert_eq!(
                        cut(extract.clone(), &document(), LIMITS),
                        extract,
                        "{octet} at {at}"
                    );
                }
            }
        }
    }

    #[test]
    fn what_is_cut_is_believed_and_says_so() {
        let long = format!("2:{}", "\u{e9}".repeat(300));
        let too_much = Extract {
            readings: vec![reading("2/1", "12345"), reading("2/2", "6789"), reading(&long, "0")],
            opaque: vec![opaque("2/7"); MOST_PLACES + 1],
            files: vec![
                file("2/1", b""),
                file("2/2", b"123456789"),
                file("2/3", b""),
                file("2/4", b""),
            ],
        };
        let cut = cut(too_much, &document(), LIMITS);
        assert_eq!(received(&cut).unwrap(), cut);
        let said = Opaque { part: "2".to_owned(), reason: OpaqueReason::OverLimit };
        assert_eq!(cut.opaque.last(), Some(&said));
        assert_eq!((cut.readings.len(), cut.files.len()), (2, 2));
        assert_eq!(super::cut(whole(), &document(), LIMITS), whole());
    }
}
