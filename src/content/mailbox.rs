//! Messages in files that are not called so: saved mail (`.eml`, `.mht`), and
//! mailboxes of them (RFC 4155).

use std::ops::Range;

use super::header;

/// Where the messages in a text stand; none where it is no mail.
///
/// People's own letters begin with `From:` and `To:` where something is
/// forwarded, so a field that only programs write must be among the first.
pub(super) fn messages(octets: &[u8]) -> Vec<Range<usize>> {
    let blank = octets.len() - octets.trim_ascii_start().len();
    let rest = octets.get(blank..).unwrap_or_default();
    if !is_message(rest) {
        return Vec::new();
    }
    if !rest.starts_with(b"From ") {
        return std::iter::once(blank..octets.len()).collect();
    }
    let starts = memchr::memmem::find_iter(octets, b"\nFrom ").map(|at| at + 1);
    // After an empty line, at which any header section before has ended: so
    // each is looked at once.
    let is_start = |&at: &usize| {
        let before = octets.get(..at).unwrap_or_default();
        let parted = before.ends_with(b"\n\n") || before.ends_with(b"\n\r\n");
        parted && octets.get(at..).is_some_and(is_message)
    };
    let mut starts: Vec<usize> =
        std::iter::once(blank).chain(starts.filter(is_start)).take(MOST_MESSAGES).collect();
    starts.push(octets.len());
    starts.array_windows().map(|&[start, end]| start..end).collect()
}

fn is_message(octets: &[u8]) -> bool {
    let head = octets.get(..HEAD.min(octets.len())).unwrap_or_default();
    let section = header::scan(head, 0, MOST_FIELDS, |_| false);
    let mut written_by_programs = false;
    let mut usual = 0;
    for field in &section.fields {
        let name = header::lossy(head.get(field.name.clone()).unwrap_or_default());
        let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        written_by_programs |= is(&BY_PROGRAMS);
        usual += usize::from(is(&USUAL));
    }
    written_by_programs && usual >= 2
}

const BY_PROGRAMS: [&str; 6] =
    ["MIME-Version", "Message-ID", "Received", "Return-Path", "Content-Type", "DKIM-Signature"];
const USUAL: [&str; 7] = ["From", "To", "Subject", "Date", "MIME-Version", "Message-ID", "Sender"];
const HEAD: usize = 32 << 10;
const MOST_FIELDS: usize = 200;
const MOST_MESSAGES: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn saved_mail_is_told_and_letters_are_not() {
        assert_eq!(messages(b"From: a\r\nSubject: b\r\nMIME-Version: 1.0\r\n\r\nc").len(), 1);
        assert!(messages(b"From: Jane\r\nTo: Ward 4\r\nSubject: b\r\n\r\nc").is_empty());
        assert!(messages(b"Dear all\r\n\r\nFrom: a").is_empty());
        assert!(messages(b"").is_empty());
    }

    #[test]
    fn a_mailbox_is_its_messages() {
        let one = "From a Mon\nFrom: a\nSubject: b\nMessage-ID: <1>\n\nFrom here on\n\n";
        let mailbox = format!("{one}{one}{one}");
        let expected: Vec<_> = (0..3).map(|n| n * one.len()..(n + 1) * one.len()).collect();
        assert_eq!(messages(mailbox.as_bytes()), expected);
        assert_eq!(messages(mailbox.replace('\n', "\r\n").as_bytes()).len(), 3);
    }
}
