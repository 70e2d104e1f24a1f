//! Messages that are files: `.eml`, MHTML, and mailboxes of them (RFC 4155).

use memchr::memmem;

use super::{extract::Document, gatherer::Gatherer};
use crate::mail::OpaqueReason;

pub(super) fn read(document: &Document, gatherer: &mut Gatherer) -> Result<(), OpaqueReason> {
    gatherer.message(&document.path, &document.octets);
    Ok(())
}

pub(super) fn read_mailbox(
    document: &Document,
    gatherer: &mut Gatherer,
) -> Result<(), OpaqueReason> {
    let octets = &document.octets;
    let mut start = 0;
    for number in 1_usize.. {
        let Some(rest) = octets.get(start..).filter(|rest| !rest.is_empty()) else { break };
        if gatherer.is_full() {
            return Err(OpaqueReason::OverLimit);
        }
        let end = memmem::find(rest, b"\n\nFrom ").map(|at| at + 2);
        let end = end.or_else(|| memmem::find(rest, b"\n\r\nFrom ").map(|at| at + 3));
        let end = end.map_or(octets.len(), |end| start + end);
        let line = memchr::memchr(b'\n', rest).map_or(end, |at| start + at + 1);
        let message = octets.slice(line.min(end)..end);
        gatherer.file(&format!("{}/{number}", document.path), None, message);
        start = end;
    }
    Ok(())
}

/// Whether it starts with the header of a message, as programs write them: a
/// memorandum also has To and Subject, but no Message-ID.
pub(super) fn is_message(octets: &[u8]) -> bool {
    let head = octets.get(..HEAD.min(octets.len())).unwrap_or_default();
    let (mut fields, mut marked) = (0, false);
    for line in head.split_inclusive(|octet| *octet == b'\n') {
        if line.trim_ascii().is_empty() {
            return marked && fields >= 2;
        }
        if fields > 0 && line.starts_with(b" ") || line.starts_with(b"\t") {
            continue;
        }
        let Some(name) = field_name(line) else { return false };
        fields += 1;
        marked |= MARKS.iter().any(|mark| name.eq_ignore_ascii_case(mark));
    }
    // A header with nothing after it, or one longer than anyone looks.
    marked && fields >= 2
}

/// Whether it starts with a field that says what it is: a MIME entity.
pub(super) fn is_entity(octets: &[u8]) -> bool {
    field_name(octets.split(|octet| *octet == b'\n').next().unwrap_or_default()).is_some_and(
        |name| {
            name.eq_ignore_ascii_case(b"MIME-Version")
                || name.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"Content-"))
        },
    )
}

/// `From somebody@some.where Sat Jan  3 01:05:34 1996`, then a message.
pub(super) fn is_mailbox(octets: &[u8]) -> bool {
    octets.starts_with(b"From ")
        && memchr::memchr(b'\n', octets)
            .and_then(|end| octets.get(end + 1..))
            .is_some_and(is_message)
}

fn field_name(line: &[u8]) -> Option<&[u8]> {
    let (name, _) = line.split_at_checked(memchr::memchr(b':', line)?)?;
    let name = name.trim_ascii_end();
    let in_name = |octet: &u8| octet.is_ascii_graphic();
    (!name.is_empty() && name.iter().all(in_name)).then_some(name)
}

const HEAD: usize = 16 << 10;
/// Fields that programs write and persons do not.
const MARKS: [&[u8]; 7] = [
    b"Content-Transfer-Encoding",
    b"Content-Type",
    b"DKIM-Signature",
    b"MIME-Version",
    b"Message-ID",
    b"Received",
    b"Return-Path",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::document::samples::{opaque, read, texts};

    const MESSAGE: &str = "From: Ann <ann@x.example>\r\nSubject: in\r\nMIME-Version: 1.0\r\n\
        Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\
        Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b\r\n\
        Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgo=\r\n\
        --b--\r\n";

    #[test]
    fn a_message_is_read_with_its_parts() {
        let extract = read(MESSAGE.as_bytes().to_vec());
        assert_eq!(texts(&extract), [("2:header:Subject", "in"), ("2.1", "hello")]);
        assert_eq!(opaque(&extract), [("2.2", OpaqueReason::Picture)]);
        assert_eq!(extract.files.len(), 2);
    }

    #[test]
    fn a_mailbox_is_read_message_by_message() {
        let one = MESSAGE.replace("\r\n", "\n");
        let mailbox = format!("From ann@x.example Sat Jan  3 01:05:34 1996\n{one}\n").repeat(2);
        let extract = read(mailbox.into_bytes());
        let expected = [
            ("2/1:header:Subject", "in"),
            ("2/1.1", "hello"),
            ("2/2:header:Subject", "in"),
            ("2/2.1", "hello"),
        ];
        assert_eq!(texts(&extract), expected);
    }

    #[test]
    fn a_memorandum_is_text() {
        assert!(!is_message(b"To: Ann\nFrom: Bob\nSubject: Ward 9\n\nMime-Version: none\n"));
        assert!(!is_message(b"Content-Type: only one field\n\nrest\n"));
        assert!(!is_message(b"some prose\nMessage-ID: <a@b>\nTo: b\n\n"));
        assert!(is_message(MESSAGE.as_bytes()));
    }

    #[test]
    fn messages_within_messages_end_at_the_limit() {
        let mut message = MESSAGE.to_owned();
        for _ in 0..12 {
            use base64::Engine;
            let packed = base64::engine::general_purpose::STANDARD.encode(&message);
            message = format!(
                "Message-ID: <a@b>\r\nContent-Type: application/octet-stream\r\n\
                 Content-Transfer-Encoding: base64\r\n\r\n{packed}\r\n"
            );
        }
        let extract = read(message.into_bytes());
        let reasons: Vec<_> = extract.opaque.iter().map(|opaque| opaque.reason).collect();
        assert_eq!(reasons, [OpaqueReason::OverLimit]);
    }
}
