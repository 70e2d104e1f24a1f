//! What of a message may be shown again in a report about it.
//!
//! A report travels back over a journey nobody has classified, and may be read
//! by others than the author. So no body, no subject, no names: a subject
//! often names the patient, and a display name may (law 6). What is left is
//! what its author needs to find the message again.

use mail_parser::MessageParser;

use super::writing::printable;
use crate::mail::Address;

/// The fields of a message that may be shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Original {
    /// With its angle brackets.
    pub(super) message_id: Option<String>,
    pub(super) date: Option<String>,
    pub(super) from: Vec<Address>,
    pub(super) to: Vec<Address>,
}

impl Original {
    /// Reads the header section; a message without one shows nothing.
    pub(super) fn of(content: &[u8]) -> Self {
        let section = content.get(..MAX_HEADER).unwrap_or(content);
        let Some(message) = MessageParser::new().parse_headers(section) else {
            return Self::default();
        };
        let addresses = |field: Option<&mail_parser::Address<'_>>| {
            let written = field.into_iter().flat_map(|field| field.iter());
            let parsed = written.filter_map(|one| one.address.as_ref()?.parse().ok());
            parsed.take(MAX_ADDRESSES).collect()
        };
        Self {
            message_id: message.message_id().and_then(message_id),
            date: message.date().map(mail_parser::DateTime::to_rfc822),
            from: addresses(message.from()),
            to: addresses(message.to()),
        }
    }

    /// Names and values for the third part of a report.
    pub(super) fn fields(&self) -> Vec<(&'static str, String)> {
        let list = |addresses: &[Address]| {
            let addresses = addresses.iter();
            let bracketed =
                addresses.map(|address| format!("<{}>", printable(&address.to_string())));
            bracketed.collect::<Vec<String>>().join(", ")
        };
        let mut fields = Vec::new();
        let mut add = |name, value: Option<String>| {
            fields.extend(value.filter(|value| !value.is_empty()).map(|value| (name, value)));
        };
        add("From", Some(list(&self.from)));
        add("To", Some(list(&self.to)));
        add("Date", self.date.clone());
        add("Message-ID", self.message_id.clone());
        fields
    }
}

/// Anything but a plain identifier could carry anything.
fn message_id(written: &str) -> Option<String> {
    let plain = written.len() <= MAX_MESSAGE_ID
        && written.bytes().all(|octet| octet.is_ascii_graphic() && !b"<>()".contains(&octet));
    plain.then(|| format!("<{written}>"))
}

/// Octets of a message in which its fields are looked for.
const MAX_HEADER: usize = 64 * 1024;
const MAX_ADDRESSES: usize = 20;
const MAX_MESSAGE_ID: usize = 250;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_subject_nor_names_are_shown() {
        let original = Original::of(
            b"From: Dr Invented <dr@nhs.test.example>\r\n\
              To: \"Ann Example, born 1 Jan 1950\" <ann@x.example>\r\n\
              Subject: Ann Example 999 000 0018\r\n\
              Message-ID: <1@nhs.test.example>\r\n\
              Date: Sun, 22 Nov 2026 17:12:05 +0000\r\n\r\nbody\r\n",
        );
        let shown = format!("{:?}", original.fields());
        assert!(!shown.contains("Ann") && !shown.contains("999") && !shown.contains("Invented"));
        assert!(shown.contains("<ann@x.example>") && shown.contains("<1@nhs.test.example>"));
        assert!(shown.contains("22 Nov 2026"));
    }

    #[test]
    fn a_message_without_a_header_shows_nothing() {
        assert_eq!(Original::of(b"").fields(), []);
        assert_eq!(Original::of(b"\r\nbody").fields(), []);
    }
}
