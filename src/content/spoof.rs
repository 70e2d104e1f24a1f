//! Signs of a spoofed author that stand in the header itself: what one program
//! reads in From and another shows of it.

use std::collections::HashMap;

use super::{facts::NamedAddress, lookalike::looks_like, tree::Content};
use crate::mail::{Domain, Spoof};

impl Content {
    /// The signs, in the order of `Spoof::ALL`; `local_domains` are ours.
    pub fn spoofs(&self, local_domains: &[Domain]) -> Vec<Spoof> {
        let authors = self.authors();
        let seen = |sign: Spoof| match sign {
            Spoof::SeveralFrom => self.from_count() > 1,
            Spoof::NoFrom => authors.is_empty(),
            Spoof::SeveralAuthors => authors.len() > 1 && !self.has_field("Sender"),
            Spoof::DisplayNameAddress => authors.iter().any(NamedAddress::shows_another_address),
            // What passed is not to be seen in the header.
            Spoof::LocalDomain => false,
            Spoof::Lookalike => {
                let domains = authors.iter().filter_map(NamedAddress::domain);
                domains.into_iter().any(|domain| looks_like(&domain, local_domains))
            }
            Spoof::DoubledFields => self.has_doubled_fields(),
            Spoof::ControlCharacters => self.has_control_characters(),
            Spoof::EncodedAddress => self.has_encoded_address(),
        };
        Spoof::ALL.into_iter().filter(|&sign| seen(sign)).collect()
    }

    fn authors(&self) -> Vec<NamedAddress> {
        let mut authors = self.addresses("From");
        authors.retain(|author| author.address.contains('@'));
        authors
    }

    /// RFC 5322 section 3.6: at most once.
    fn has_doubled_fields(&self) -> bool {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for field in self.fields() {
            *counts.entry(self.name(field).to_ascii_lowercase()).or_default() += 1;
        }
        ONCE.iter().any(|name| counts.get(*name).is_some_and(|&count| count > 1))
    }

    /// CR and LF end lines in pairs.
    fn has_control_characters(&self) -> bool {
        let Some(whole) = self.parts().first() else { return false };
        let header = self.raw().get(whole.header.clone()).unwrap_or_default();
        let mut before = 0;
        header.iter().enumerate().any(|(at, &octet)| {
            let follows_cr = std::mem::replace(&mut before, octet) == b'\r';
            match octet {
                b'\r' => header.get(at + 1).is_some_and(|&next| next != b'\n'),
                b'\n' => !follows_cr,
                // ESC belongs to an old charset, and others do no harm.
                _ => matches!(octet, 0 | 0x08 | 0x7f),
            }
        })
    }

    /// In angle brackets, or right at the `@`.
    fn has_encoded_address(&self) -> bool {
        let fields = self.fields_named("From").chain(self.fields_named("Sender"));
        fields.into_iter().any(|field| {
            let plain = unquoted(&self.value(field));
            let bracketed = plain.split('<').skip(1).filter_map(|rest| rest.split('>').next());
            let words = plain.split_whitespace().filter(|word| word.contains('@'));
            bracketed.chain(words).any(|address| address.contains("=?"))
        })
    }
}

impl NamedAddress {
    fn domain(&self) -> Option<Domain> {
        self.address.rsplit_once('@')?.1.trim().parse().ok()
    }

    fn shows_another_address(&self) -> bool {
        let Some(own) = self.domain() else { return false };
        let apart = |letter: char| letter.is_whitespace() || APART.contains(letter);
        let shown = self.name.replace(['\u{ff20}', '\u{fe6b}'], "@");
        shown.split(apart).any(|word| {
            let domain = word.rsplit_once('@').and_then(|(local, domain)| {
                let domain: Domain = domain.trim_matches('.').parse().ok()?;
                (!local.is_empty() && domain.as_str().contains('.')).then_some(domain)
            });
            domain
                .is_some_and(|shown| shown != own && !shown.is_below(&own) && !own.is_below(&shown))
        })
    }
}

/// Without quoted strings and comments, in which anything may stand.
fn unquoted(value: &str) -> String {
    let (mut plain, mut quoted, mut depth) = (String::new(), false, 0_usize);
    let mut letters = value.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' if quoted || depth > 0 => _ = letters.next(),
            '"' if depth == 0 => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            _ if !quoted && depth == 0 => plain.push(letter),
            _ => {}
        }
    }
    plain
}

/// From has a sign of its own.
const ONCE: [&str; 9] = [
    "date",
    "sender",
    "reply-to",
    "to",
    "cc",
    "subject",
    "message-id",
    "in-reply-to",
    "references",
];
const APART: &str = "<>()[]\"',;:|";

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn spoofs(header: &str) -> Vec<&'static str> {
        let raw = format!("{header}\r\n\r\nhello\r\n");
        let content = Content::parse(Bytes::from(raw.into_bytes()));
        let ours = ["mytrust.nhs.uk".parse().unwrap()];
        content.spoofs(&ours).into_iter().map(Spoof::name).collect()
    }

    #[test]
    fn what_people_and_programs_write_shows_nothing() {
        for plain in [
            "From: A Nurse <a@mytrust.nhs.uk>\r\nSubject: x",
            "From: a@x.example\r\nReceived: x\r\nReceived: y",
            "From: \"a@x.example\" <a@x.example>",
            "From: \"a@mail.x.example\" <bounce@x.example>",
            "From: =?utf-8?q?J=C3=B6rg?= <joerg@x.example>",
            "From: \"Ward 7 (9 @ 5)\" <a@x.example>",
            "From: a@x.example, b@x.example\r\nSender: a@x.example",
            "From: Team: a@x.example;",
            "From: Ann <a@x.example> (=?utf-8?q?=40?=)",
        ] {
            assert_eq!(spoofs(plain), [""; 0], "{plain}");
        }
    }

    #[test]
    fn every_sign_is_seen() {
        for (header, sign) in [
            ("From: a@x.example\r\nFrom: b@x.example\r\nSender: c@x.example", "several-from"),
            ("Subject: x", "no-from"),
            ("From: The Chief Executive", "no-from"),
            ("From: Nobody:;", "no-from"),
            ("From: <>", "no-from"),
            ("From: a@x.example, b@y.example", "several-authors"),
            ("From: \"chief@mytrust.nhs.uk\" <a@evil.example>", "display-name-address"),
            ("From: chief\u{ff20}mytrust.nhs.uk <a@evil.example>", "display-name-address"),
            (
                "From: =?utf-8?q?chief=40mytrust=2Enhs=2Euk?= <a@evil.example>",
                "display-name-address",
            ),
            ("From: a@mytrust-nhs.uk", "lookalike"),
            ("From: a@x.example\r\nSubject: x\r\nSUBJECT: y", "doubled-fields"),
            ("From: a@x.example\r\nTo: b@x.example\r\nTo: c@x.example", "doubled-fields"),
            ("From: a@x.example\r\nSubject: x\0y", "control-characters"),
            ("From: a@x.example\r\nSubject: x\rFrom: b", "control-characters"),
            ("From: A <=?utf-8?q?a=40mytrust.nhs.uk?=@x.example>", "encoded-address"),
        ] {
            assert!(spoofs(header).contains(&sign), "{header}: {:?}", spoofs(header));
        }
    }
}
