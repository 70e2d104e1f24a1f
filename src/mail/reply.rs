//! SMTP replies with their enhanced status codes (RFC 5321 section 4.2,
//! RFC 3463): what Postern says, and what peers have said to it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A reply: a code, an enhanced status code where one fits, and text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    pub code: u16,
    pub enhanced: Option<EnhancedStatusCode>,
    /// May hold several lines, parted by `\n`; holds no CR.
    pub text: String,
}

/// `class.subject.detail`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnhancedStatusCode(pub u8, pub u16, pub u16);

/// What a reply means for the command it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Positive,
    Intermediate,
    Transient,
    Permanent,
}

impl Reply {
    pub fn new(code: u16, enhanced: EnhancedStatusCode, text: impl Into<String>) -> Self {
        Self { code, enhanced: Some(enhanced), text: text.into() }
    }

    /// Greeting, EHLO, 334 and 354 carry no enhanced code (RFC 2034 section 4).
    pub fn plain(code: u16, text: impl Into<String>) -> Self {
        Self { code, enhanced: None, text: text.into() }
    }

    pub fn severity(&self) -> Severity {
        match self.code {
            200..=299 => Severity::Positive,
            300..=399 => Severity::Intermediate,
            500..=599 => Severity::Permanent,
            _ => Severity::Transient,
        }
    }

    /// The enhanced code, or the one that says just what the basic code does.
    pub fn status(&self) -> EnhancedStatusCode {
        self.enhanced.unwrap_or(match self.severity() {
            Severity::Positive | Severity::Intermediate => EnhancedStatusCode(2, 0, 0),
            Severity::Transient => EnhancedStatusCode(4, 0, 0),
            Severity::Permanent => EnhancedStatusCode(5, 0, 0),
        })
    }

    /// As it goes on the wire, every line ended by CRLF.
    pub fn write_to(&self, wire: &mut Vec<u8>) {
        let mut lines = self.text.split('\n').peekable();
        while let Some(line) = lines.next() {
            let separator = if lines.peek().is_some() { '-' } else { ' ' };
            wire.extend_from_slice(format!("{}{separator}", self.code).as_bytes());
            if let Some(enhanced) = self.enhanced {
                wire.extend_from_slice(format!("{enhanced} ").as_bytes());
            }
            wire.extend(line.bytes().filter(|octet| !octet.is_ascii_control()));
            wire.extend_from_slice(b"\r\n");
        }
    }
}

/// On one line, as logs and DSNs show it.
impl fmt::Display for Reply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.code)?;
        if let Some(enhanced) = self.enhanced {
            write!(out, " {enhanced}")?;
        }
        write!(out, " {}", self.text.replace('\n', " "))
    }
}

impl fmt::Display for EnhancedStatusCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}.{}", self.0, self.1, self.2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_a_reply_carries_its_codes() {
        let mut wire = Vec::new();
        Reply::new(550, EnhancedStatusCode(5, 7, 1), "no\nsee rule").write_to(&mut wire);
        assert_eq!(wire, b"550-5.7.1 no\r\n550 5.7.1 see rule\r\n");
    }

    #[test]
    fn control_characters_in_a_reason_cannot_forge_a_reply_line() {
        let mut wire = Vec::new();
        Reply::plain(550, "a\r250 ok").write_to(&mut wire);
        assert_eq!(wire, b"550 a250 ok\r\n");
    }
}
