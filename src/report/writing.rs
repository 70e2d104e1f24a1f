//! How messages of ours are written: fields, folding, text.

use std::fmt::Display;

use bytes::Bytes;
use mail_builder::encoders::quoted_printable::QuotedPrintableEncoder;

use crate::mail::{Address, Domain, Timestamp};

/// A message being written.
#[derive(Debug, Default)]
pub(super) struct Writing(Vec<u8>);

/// What every message of ours bears.
pub(super) struct Heading<'a> {
    pub(super) node: &'a Domain,
    /// Makes the Message-ID ours alone: what it is, about which message.
    pub(super) token: String,
    pub(super) at: Timestamp,
    pub(super) to: &'a Address,
    pub(super) subject: String,
    /// The Message-ID of the message it is about.
    pub(super) about: Option<String>,
    pub(super) automatic: Automatic,
}

/// The values of Auto-Submitted (RFC 3834 section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Automatic {
    Generated,
    /// To the author of the message it is about.
    Replied,
}

impl Writing {
    pub(super) fn begin(heading: &Heading<'_>) -> Self {
        let Heading { node, token, at, to, subject, about, automatic } = heading;
        let mut writing = Self::default();
        writing.field("From", format!("Postern mail gateway <postmaster@{node}>"));
        writing.field("To", format!("<{to}>"));
        writing.field("Subject", subject);
        writing.field("Date", at.rfc5322());
        writing.field("Message-ID", format!("<{token}@{node}>"));
        if let Some(about) = about {
            writing.field("In-Reply-To", about);
            writing.field("References", about);
        }
        writing.field(
            "Auto-Submitted",
            match automatic {
                Automatic::Generated => "auto-generated",
                Automatic::Replied => "auto-replied",
            },
        );
        // Microsoft's own name for it: stops out-of-office replies to it.
        writing.field("X-Auto-Response-Suppress", "All");
        writing.field("MIME-Version", "1.0");
        writing
    }

    /// A header field, folded; whatever could end it or begin another is gone.
    pub(super) fn field(&mut self, name: &str, value: impl Display) {
        let value = value.to_string();
        let clean: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let mut column = name.len() + 1;
        self.0.extend_from_slice(name.as_bytes());
        self.0.push(b':');
        for word in clean.split_ascii_whitespace() {
            if column + 1 + word.len() > LINE && column > name.len() + 1 {
                self.0.extend_from_slice(b"\r\n");
                column = 0;
            }
            self.0.push(b' ');
            self.0.extend_from_slice(word.as_bytes());
            column += 1 + word.len();
        }
        self.line("");
    }

    pub(super) fn line(&mut self, line: &str) {
        self.0.extend_from_slice(line.as_bytes());
        self.0.extend_from_slice(b"\r\n");
    }

    /// A text a person reads, from its fields on: quoted-printable, because it
    /// must pass where only 7 bits do.
    pub(super) fn text(&mut self, text: &str) {
        self.field("Content-Type", "text/plain; charset=utf-8");
        self.field("Content-Transfer-Encoding", "quoted-printable");
        self.line("");
        let encoder = QuotedPrintableEncoder::new().preserve_line_breaks();
        let mut encoded = Vec::with_capacity(text.len() + text.len() / 8);
        for line in text.lines() {
            encoder.encode_into(line.as_bytes(), &mut encoded);
            encoded.extend_from_slice(b"\r\n");
        }
        self.0.extend_from_slice(&encoded);
    }

    pub(super) fn finish(self) -> Bytes {
        self.0.into()
    }
}

/// ASCII that fits on a field's line; a long word is cut into pieces that can
/// be folded (RFC 5322 allows 998 octets a line, mailers show 78).
pub(super) fn printable(text: &str) -> String {
    let mut printable = String::with_capacity(text.len());
    let mut run = 0;
    for character in text.chars().take(MAX_VALUE) {
        let shown = match character {
            _ if character.is_ascii_graphic() => character,
            _ if character.is_whitespace() => ' ',
            _ => '?',
        };
        run = if shown == ' ' { 0 } else { run + 1 };
        if run > LONGEST_WORD {
            printable.push(' ');
            run = 1;
        }
        printable.push(shown);
    }
    printable
}

/// A text in lines of a width people like to read, each indented.
pub(super) fn wrapped(text: &str, indent: &str) -> String {
    let mut lines = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column == 0 || column + 1 + length > READABLE {
            if column != 0 {
                lines.push('\n');
            }
            lines.push_str(indent);
            column = indent.len();
        } else {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines.push('\n');
    lines
}

const LINE: usize = 76;
const READABLE: usize = 72;
const LONGEST_WORD: usize = 200;
/// Characters of another's text that go into a field.
const MAX_VALUE: usize = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    fn field(value: &str) -> String {
        let mut writing = Writing::default();
        writing.field("X", value);
        String::from_utf8(writing.finish().to_vec()).unwrap()
    }

    #[test]
    fn a_value_can_neither_end_its_field_nor_begin_another() {
        assert_eq!(field("a\r\nBcc: b@x.example\r\n\r\nbody"), "X: a Bcc: b@x.example body\r\n");
    }

    #[test]
    fn long_values_are_folded_at_spaces() {
        let folded = field(&"word ".repeat(40));
        assert!(folded.lines().all(|line| line.len() <= 78));
        assert!(folded.lines().skip(1).all(|line| line.starts_with(' ')));
    }

    #[test]
    fn no_word_of_anothers_makes_a_line_too_long() {
        let folded = field(&printable(&"x".repeat(5000)));
        assert!(folded.lines().all(|line| line.len() < 998));
    }

    #[test]
    fn text_is_carried_in_seven_bits_and_short_lines() {
        let mut writing = Writing::default();
        writing.text(&format!("••• ••• ••18\n.\n{}\n", "word ".repeat(60)));
        let written = String::from_utf8(writing.finish().to_vec()).unwrap();
        assert!(written.is_ascii());
        assert!(written.lines().all(|line| line.len() <= 76), "{written}");
        assert!(written.ends_with("\r\n"));
    }
}
