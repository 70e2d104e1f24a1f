//! Running the officers' cases: their messages are taken from the very files
//! that were read, by the code that judges real mail.

use bytes::Bytes;

use crate::{
    classify::{Classification, TestRange},
    content::{Content, Extract, ReadDocument},
    gateway::{Arriving, message_facts},
    mail::{Domain, MessageFacts},
    policy::{Case, Context, MessageText, Policy, Sources, Subject},
};

/// What was read of a case's message and found in it.
pub struct Seen {
    pub classification: Classification,
    pub extract: Extract,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the message {0} of a case is not among the files")]
pub struct NoMessage(String);

/// What cases are tried under: whose mailboxes are whose is not theirs to
/// know, and invented patients of the test range are whom they are written
/// about.
pub fn case_context(today: jiff::civil::Date) -> Context<'static> {
    const NOBODYS: &[Domain] = &[];
    Context { today, local_domains: NOBODYS, test_range: Some(TestRange::Count) }
}

/// The facts of a case; of a message, also what they were worked out from.
pub fn judge_case(
    policy: &Policy,
    case: &Case,
    sources: &Sources,
    reader: &mut impl ReadDocument,
) -> Result<(MessageFacts, Option<Seen>), NoMessage> {
    let (text, from, direction) = match &case.subject {
        Subject::Facts(facts) => return Ok(((**facts).clone(), None)),
        Subject::Message { text, from, direction } => (text, from, *direction),
    };
    let octets = match text {
        MessageText::Inline(text) => text.clone().into_bytes(),
        MessageText::Beside(path) => {
            sources.octets(path).ok_or_else(|| NoMessage(path.clone()))?.to_vec()
        }
    };
    let content = Content::parse(with_crlf(octets));
    let arriving = Arriving::plainly(direction, from);
    let extract = content.extract(reader);
    let (facts, classification) = message_facts(policy, &content, &extract, &arriving);
    Ok((facts, Some(Seen { classification, extract })))
}

/// Every line ended by CRLF, as the wire has it: files on Unix end lines with
/// LF, and those of old Macs with CR; SMTP does not.
pub fn with_crlf(mut octets: Vec<u8>) -> Bytes {
    if memchr::memchr(b'\n', &octets).is_none() {
        octets.iter_mut().filter(|octet| **octet == b'\r').for_each(|octet| *octet = b'\n');
    }
    let bare = |index: usize| index.checked_sub(1).and_then(|at| octets.get(at)) != Some(&b'\r');
    if !memchr::memchr_iter(b'\n', &octets).any(bare) {
        return octets.into();
    }
    let mut lines = Vec::with_capacity(octets.len() + octets.len() / 32);
    for line in octets.split_inclusive(|&octet| octet == b'\n') {
        match line.strip_suffix(b"\n") {
            Some(text) => {
                lines.extend_from_slice(text.strip_suffix(b"\r").unwrap_or(text));
                lines.extend_from_slice(b"\r\n");
            }
            None => lines.extend_from_slice(line),
        }
    }
    lines.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_unix_lines_become_what_the_wire_has() {
        assert_eq!(with_crlf(b"a\nb\r\n\nc".to_vec()), &b"a\r\nb\r\n\r\nc"[..]);
        assert_eq!(with_crlf(b"a\r\nb\r\n".to_vec()), &b"a\r\nb\r\n"[..]);
        assert_eq!(with_crlf(b"a\rb\r\rc".to_vec()), &b"a\r\nb\r\n\r\nc"[..]);
        assert_eq!(with_crlf(b"a\rb\r\nc".to_vec()), &b"a\rb\r\nc"[..]);
    }
}
