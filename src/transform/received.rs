//! The Received field that says how a message came to us (RFC 5321 section
//! 4.4; the protocol words of RFC 3848 and RFC 6531).

use super::field::HeaderField;
use crate::mail::{Address, AddressEncoding, Origin, Protocol, QueueId, Timestamp};

/// What the field is made of.
#[derive(Clone, Copy, Debug)]
pub struct Received<'a> {
    pub origin: &'a Origin,
    pub encoding: AddressEncoding,
    /// Our own name.
    pub node: &'a str,
    pub id: QueueId,
    pub at: Timestamp,
    /// Given only where there is one recipient: others are not told of it.
    pub recipient: Option<&'a Address>,
}

impl Received<'_> {
    pub fn field(&self) -> HeaderField {
        let helo = told_name(&self.origin.helo);
        let client = match self.origin.client {
            std::net::IpAddr::V4(address) => address.to_string(),
            std::net::IpAddr::V6(address) => format!("IPv6:{address}"),
        };
        let mut field = format!("Received: from {helo} ([{client}])");
        if let Some(tls) = &self.origin.tls {
            let (version, cipher) = (word(&tls.version), word(&tls.cipher));
            field.push_str(&format!("\r\n\t(using {version} with cipher {cipher})"));
        }
        let (node, with, id) = (self.node, self.with(), self.id);
        field.push_str(&format!("\r\n\tby {node} (Postern) with {with} id {id}"));
        if let Some(recipient) = self.recipient.filter(|recipient| !recipient.needs_smtputf8()) {
            field.push_str(&format!("\r\n\tfor <{recipient}>"));
        }
        field.push_str(&format!(";\r\n\t{}\r\n", self.at.rfc5322()));
        HeaderField::made(field)
    }

    fn with(&self) -> String {
        let base = match (self.origin.protocol, self.encoding) {
            (Protocol::Smtp, _) => return "SMTP".to_owned(),
            (Protocol::Esmtp, AddressEncoding::Utf8) => "UTF8SMTP",
            (Protocol::Esmtp, AddressEncoding::Ascii) => "ESMTP",
            (Protocol::Lmtp, AddressEncoding::Utf8) => "UTF8LMTP",
            (Protocol::Lmtp, AddressEncoding::Ascii) => "LMTP",
        };
        let secured = if self.origin.tls.is_some() { "S" } else { "" };
        let authenticated = if self.origin.authenticated.is_some() { "A" } else { "" };
        format!("{base}{secured}{authenticated}")
    }
}

/// The name a client gave, if it can stand in a field; it is only a claim.
fn told_name(helo: &str) -> &str {
    let fits = |octet: u8| octet.is_ascii_alphanumeric() || b".-_:[]".contains(&octet);
    if !helo.is_empty() && helo.len() <= MAX_NAME && helo.bytes().all(fits) {
        helo
    } else {
        "unknown"
    }
}

fn word(text: &str) -> String {
    text.chars().filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c)).collect()
}

const MAX_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Direction, TlsSession};

    fn origin(helo: &str) -> Origin {
        Origin {
            listener: "mailboxes".into(),
            direction: Direction::Outbound,
            client: "192.0.2.1".parse().unwrap(),
            helo: helo.into(),
            protocol: Protocol::Esmtp,
            tls: Some(TlsSession {
                version: "TLSv1.3".into(),
                cipher: "TLS_AES_256_GCM_SHA384".into(),
            }),
            authenticated: Some("lab".into()),
            certified: None,
            forwarded: None,
        }
    }

    fn field(origin: &Origin) -> String {
        let received = Received {
            origin,
            encoding: AddressEncoding::Ascii,
            node: "gw.test.example",
            id: QueueId::from_bits(1),
            at: Timestamp::from_unix_milliseconds(1_795_367_525_123),
            recipient: None,
        };
        received.field().as_str().to_owned()
    }

    #[test]
    fn the_journey_is_told() {
        assert_eq!(
            field(&origin("client.test.example")),
            "Received: from client.test.example ([192.0.2.1])\r\n\
             \t(using TLSv1.3 with cipher TLS_AES_256_GCM_SHA384)\r\n\
             \tby gw.test.example (Postern) with ESMTPSA id 0000000000001;\r\n\
             \tSun, 22 Nov 2026 17:12:05 +0000\r\n"
        );
    }

    #[test]
    fn a_name_that_would_inject_is_not_told() {
        for helo in ["a\r\nBcc: x", "a b", "", "(x", "a;b"] {
            assert!(field(&origin(helo)).starts_with("Received: from unknown ("), "{helo:?}");
        }
    }
}
