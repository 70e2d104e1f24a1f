//! What the gateway and the policy ask of a message as a whole.

use mail_parser::{HeaderValue, parsers::MessageStream};

use super::{
    part::{Class, Flaw, Multipart, Part},
    tree::Content,
};
use crate::mail::{Domain, Protected, SecureTag};

/// Whom an address field names.
pub(super) struct NamedAddress {
    /// Decoded, as it is shown.
    pub(super) name: String,
    /// As it stands there, which need not be one.
    pub(super) address: String,
}

impl Content {
    /// The Subject as a person reads it.
    pub fn subject(&self) -> Option<String> {
        self.fields_named("Subject").next().map(|field| self.readable(field))
    }

    /// `[secure]` anywhere in a Subject; case does not matter.
    pub fn secure_tag(&self) -> SecureTag {
        let tagged = |subject: String| subject.to_ascii_lowercase().contains("[secure]");
        match self.fields_named("Subject").any(|field| tagged(self.readable(field))) {
            true => SecureTag::Present,
            false => SecureTag::Absent,
        }
    }

    /// How many hosts it has come through: a loop shows here.
    pub fn received_count(&self) -> usize {
        self.fields_named("Received").count()
    }

    /// Whether `fields` has every field of the message's own header: there is
    /// a limit to how many are read.
    pub fn header_is_read(&self) -> bool {
        let header_end = self.whole().map(|part| part.header.end);
        let last = self.fields().last();
        last.is_none_or(|last| Some(last.whole.end) == header_end)
    }

    /// How many From fields there are; other than one is ill-formed.
    pub fn from_count(&self) -> usize {
        self.fields_named("From").count()
    }

    /// The domains of all authors, of all From fields, in order.
    pub fn from_domains(&self) -> Vec<Domain> {
        let mut domains = Vec::new();
        for NamedAddress { address, .. } in self.addresses("From") {
            let domain = address.rsplit_once('@').map(|(_, domain)| domain.trim().parse());
            domains.extend(domain.into_iter().flatten());
        }
        domains
    }

    /// Every address of all fields of this name, groups opened.
    pub(super) fn addresses(&self, name: &str) -> Vec<NamedAddress> {
        let mut named = Vec::new();
        for field in self.fields_named(name) {
            let mut value = self.value(field).into_owned();
            value.push('\n');
            let HeaderValue::Address(addresses) =
                MessageStream::new(value.as_bytes()).parse_address()
            else {
                continue;
            };
            named.extend(addresses.iter().filter_map(|one| {
                let address = one.address.as_deref()?.trim().to_owned();
                let name = one.name.as_deref().unwrap_or_default().to_owned();
                Some(NamedAddress { name, address })
            }));
        }
        named
    }

    pub fn has_field(&self, name: &str) -> bool {
        self.fields_named(name).next().is_some()
    }

    /// Whether the message calls itself automatic (RFC 3834 section 5).
    pub fn is_automatic(&self) -> bool {
        self.fields_named("Auto-Submitted").any(|field| {
            let value = self.value(field);
            let keyword = value.split([';', '(']).next().unwrap_or_default().trim();
            !keyword.is_empty() && !keyword.eq_ignore_ascii_case("no")
        })
    }

    /// Why the message must be left as it is, if there is a reason. What is
    /// sealed within a larger message is not among them: that can stay whole in
    /// a message that is edited.
    pub fn protected(&self) -> Option<Protected> {
        let whole = self.whole()?;
        if whole.flaw == Some(Flaw::OverLimit) && !self.header_is_read() {
            return Some(Protected::IllFormed);
        }
        if self.is_automatic() {
            return Some(Protected::Automatic);
        }
        if self.has_field("X-MS-Journal-Report") {
            return Some(Protected::Journal);
        }
        self.sealed_whole(whole).or_else(|| self.protected_part(whole))
    }

    fn sealed_whole(&self, whole: &Part) -> Option<Protected> {
        if whole.is_multipart() && whole.children.is_empty() {
            return None;
        }
        match (whole.class, whole.media.kind.as_str(), whole.media.subtype.as_str()) {
            (Class::Multipart(Multipart::Signed), ..) => Some(Protected::Signed),
            (Class::Multipart(Multipart::Encrypted), ..) => Some(Protected::Encrypted),
            (Class::Calendar, ..) => Some(Protected::Calendar),
            (_, "application", "pkcs7-mime" | "x-pkcs7-mime") => Some(self.smime_kind(whole)),
            (Class::Plain | Class::Html, ..) if !whole.is_attachment() => self.inline_pgp(whole),
            _ => None,
        }
    }

    /// For machines, or under rights management, also within a multipart.
    fn protected_part(&self, part: &Part) -> Option<Protected> {
        match (part.class, part.media.kind.as_str(), part.media.subtype.as_str()) {
            (_, _, "x-microsoft-rpmsg-message" | "vnd.ms-rpmsg") => Some(Protected::Rights),
            (Class::Multipart(Multipart::Report), ..) if !part.children.is_empty() => {
                Some(Protected::Report)
            }
            (_, "message", "disposition-notification" | "delivery-status" | "feedback-report") => {
                Some(Protected::Report)
            }
            (Class::Multipart(_), ..) => {
                part.children.iter().find_map(|child| self.protected_part(self.part(*child)?))
            }
            _ => None,
        }
    }

    fn smime_kind(&self, part: &Part) -> Protected {
        let smime_type = part.media.parameters.get("smime-type").unwrap_or_default();
        if smime_type.eq_ignore_ascii_case("signed-data") {
            Protected::Signed
        } else {
            Protected::Encrypted
        }
    }

    fn inline_pgp(&self, part: &Part) -> Option<Protected> {
        let octets = &self.body(part.id)?.octets;
        let starts_line = |at: usize| matches!(octets.get(..at), Some([] | [.., b'\n']));
        let has =
            |armour: &str| memchr::memmem::find_iter(octets, armour.as_bytes()).any(starts_line);
        if has("-----BEGIN PGP SIGNED MESSAGE-----") {
            Some(Protected::Signed)
        } else if has("-----BEGIN PGP MESSAGE-----") {
            Some(Protected::Encrypted)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn parse(raw: &str) -> Content {
        Content::parse(Bytes::copy_from_slice(raw.as_bytes()))
    }

    #[test]
    fn the_secure_tag_is_found_in_any_case_and_encoding() {
        assert_eq!(parse("Subject: x [SeCure] y\r\n\r\n").secure_tag(), SecureTag::Present);
        let encoded = "Subject: =?utf-8?q?=5Bsec?=\r\n =?utf-8?q?ure=5D?=\r\n\r\n";
        assert_eq!(parse(encoded).secure_tag(), SecureTag::Present);
        assert_eq!(parse("Subject: secure\r\n\r\n[secure]\r\n").secure_tag(), SecureTag::Absent);
    }

    #[test]
    fn all_authors_domains_are_found() {
        let raw = "From: \"a@evil.example\" <b@One.example>, c@two.example\r\nFrom: d@three.example\r\n\r\n";
        let domains: Vec<_> =
            parse(raw).from_domains().iter().map(|domain| domain.to_string()).collect();
        assert_eq!(domains, ["one.example", "two.example", "three.example"]);
        assert_eq!(parse(raw).from_count(), 2);
    }

    #[test]
    fn what_must_not_be_edited_is_known() {
        let cases = [
            ("Auto-Submitted: auto-replied\r\n\r\nx\r\n", Some(Protected::Automatic)),
            ("Auto-Submitted: no\r\n\r\nx\r\n", None),
            ("Content-Type: text/calendar\r\n\r\nx\r\n", Some(Protected::Calendar)),
            ("Content-Type: application/pkcs7-mime\r\n\r\nx\r\n", Some(Protected::Encrypted)),
            ("\r\n-----BEGIN PGP SIGNED MESSAGE-----\r\n", Some(Protected::Signed)),
            ("\r\n> -----BEGIN PGP SIGNED MESSAGE-----\r\n", None),
            ("Content-Type: multipart/mixed\r\n\r\nx\r\n", None),
            (
                "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n",
                Some(Protected::Signed),
            ),
            ("Content-Type: text/plain\r\n\r\nx\r\n", None),
        ];
        for (raw, expected) in cases {
            assert_eq!(parse(raw).protected(), expected, "{raw:?}");
        }
    }

    #[test]
    fn a_header_of_more_fields_than_are_read_is_known_for_it() {
        for read in ["", "\r\nx", "A: b\r\n\r\nx", "A: b\r\n c\r\nx", "From x\r\nA: b\r\n\r\n"] {
            assert!(parse(read).header_is_read(), "{read:?}");
        }
        assert!(parse(&("A: b\r\n".repeat(20_000) + "\r\nx")).header_is_read());
        assert!(!parse(&("A: b\r\n".repeat(20_001) + "\r\nx")).header_is_read());
    }
}
