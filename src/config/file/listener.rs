//! `[[listener]]`: a door, and whom it opens to.

use std::{net::SocketAddr, time::Duration};

use super::{
    fields::{networks, optional, size, socket_address},
    root::Reader,
};
use crate::{
    config::{
        CertificateFiles, Certified, CertifiedBy, Ciphers, Listener, ListenerProtocol, ListenerTls,
        ProxyProtocol, Rate, SenderAuthentication, quantity::Span,
    },
    mail::Direction,
    policy::written::{Table, Value},
};

impl Reader<'_> {
    pub(super) fn listener(&self, table: &Table<'_>) -> Option<Listener> {
        let name = table.required("name").and_then(|value| value.sentence().map(str::to_owned));
        let address = table.required("address").and_then(|value| socket_address(&value));
        let direction = table.required("direction").and_then(|value| value.choice(DIRECTIONS));
        let usual = direction.map(|direction| {
            let unspecified = SocketAddr::from(([0, 0, 0, 0], 0));
            Listener::new(String::new(), unspecified, direction)
        });
        // All are read before any may end it: every fault is shown at once.
        let usual = self.tls(table, usual);
        let usual = self.clients(table, usual);
        let usual = self.pace(table, usual);
        Some(Listener { name: name?, address: address?, ..usual? })
    }

    /// TLS, and the certificates of both sides.
    fn tls(&self, table: &Table<'_>, usual: Option<Listener>) -> Option<Listener> {
        let tls = optional(table, "tls", ListenerTls::StartTls, |value| value.choice(LISTENER_TLS));
        let certificate = self.certificate(table, tls);
        let sni = optional(table, "sni", Vec::new(), |value| {
            value.list(|value| {
                self.pair(&value.table("a certificate for SNI", &["certificate", "key"])?)
            })
        });
        let ciphers = optional(table, "ciphers", Ciphers::Intermediate, |value| {
            value.choice(&[("intermediate", Ciphers::Intermediate), ("ncsc", Ciphers::Ncsc)])
        });
        let client_ca = optional(table, "client_ca", None, |value| self.path(value).map(Some));
        let certified = table.tables("certified", "a certified client", CERTIFIED);
        let has_ca = table.value("client_ca").is_some();
        let certified: Vec<_> =
            certified.iter().map(|table| certified_client(table, has_ca)).collect();
        let certified = certified.into_iter().collect::<Option<_>>();
        let listener = usual?;
        Some(Listener {
            tls: tls?,
            certificate: certificate?,
            sni: sni?,
            ciphers: ciphers?,
            client_ca: client_ca?,
            certified: certified?,
            ..listener
        })
    }

    /// Whom it opens to, and whom it believes what.
    fn clients(&self, table: &Table<'_>, usual: Option<Listener>) -> Option<Listener> {
        let protocol = optional(table, "protocol", ListenerProtocol::Smtp, |value| {
            value.choice(&[("smtp", ListenerProtocol::Smtp), ("lmtp", ListenerProtocol::Lmtp)])
        });
        let [clients, xclient, xforward, normalised, proxies] =
            ["clients", "xclient", "xforward", "normalise_line_ends", "proxies"]
                .map(|key| networks(table, key));
        let proxy_protocol = optional(table, "proxy_protocol", ProxyProtocol::Off, |value| {
            value.choice(&[("off", ProxyProtocol::Off), ("required", ProxyProtocol::Required)])
        });
        let users = optional(table, "users", None, |value| self.path(value).map(Some));
        let authenticate = optional(table, "authenticate", None, |value| {
            value.either(SenderAuthentication::On, SenderAuthentication::Off).map(Some)
        });
        let listener = usual?;
        Some(Listener {
            protocol: protocol?,
            clients: clients?,
            xclient: xclient?,
            xforward: xforward?,
            normalise_line_ends: normalised?,
            proxies: proxies?,
            proxy_protocol: proxy_protocol?,
            users: users?,
            authenticate: authenticate?.unwrap_or(listener.authenticate),
            ..listener
        })
    }

    /// How much may come, and how fast.
    fn pace(&self, table: &Table<'_>, usual: Option<Listener>) -> Option<Listener> {
        let max_message_size = size(table, "max_message_size", 50 << 20);
        let greeting_delay = optional(table, "greeting_delay", Duration::ZERO, |value| {
            value.parsed("bad-duration").map(|Span(delay)| delay)
        });
        let [messages, recipients] = ["messages_per_client", "recipients_per_client"].map(|key| {
            optional(table, key, None, |value| value.parsed::<Rate>("bad-rate").map(Some))
        });
        let listener = usual?;
        Some(Listener {
            max_message_size: max_message_size?,
            greeting_delay: greeting_delay?,
            messages_per_client: messages?,
            recipients_per_client: recipients?,
            ..listener
        })
    }

    /// Both files or none; none only where TLS is never offered.
    fn certificate(
        &self,
        table: &Table<'_>,
        tls: Option<ListenerTls>,
    ) -> Option<Option<CertificateFiles>> {
        let wanted = tls.is_some_and(|tls| tls != ListenerTls::None);
        if !wanted && table.value("certificate").is_none() && table.value("key").is_none() {
            return Some(None);
        }
        self.pair(table).map(Some)
    }

    fn pair(&self, table: &Table<'_>) -> Option<CertificateFiles> {
        let chain = table.required("certificate").and_then(|value| self.path(&value));
        let key = table.required("key").and_then(|value| self.path(&value));
        Some(CertificateFiles { chain: chain?, key: key? })
    }
}

/// By subject or by fingerprint, one of both.
fn certified_client(table: &Table<'_>, has_ca: bool) -> Option<Certified> {
    let name = table.required("name").and_then(|value| value.sentence().map(str::to_owned));
    let sender_domains = optional(table, "sender_domains", Vec::new(), |value| {
        value.list(|value| value.parsed("bad-domain"))
    });
    let by = match (table.value("subject"), table.value("fingerprint")) {
        (Some(subject), Some(_)) => {
            subject.invalid("subject-and-fingerprint", "a subject or a fingerprint, not both")
        }
        (Some(subject), None) if !has_ca => {
            let why = "a subject proves nothing without `client_ca`: who may issue it";
            subject.invalid("subject-without-ca", why)
        }
        (Some(subject), None) => {
            subject.sentence().map(|name| CertifiedBy::Subject(name.to_owned()))
        }
        (None, Some(written)) => fingerprint(&written),
        (None, None) => {
            table.required("fingerprint");
            None
        }
    };
    Some(Certified { name: name?, by: by?, sender_domains: sender_domains? })
}

/// SHA-256 in hex, with or without colons, as openssl prints it.
fn fingerprint(value: &Value<'_>) -> Option<CertifiedBy> {
    let digits: Vec<u32> = value
        .string()?
        .chars()
        .filter(|letter| *letter != ':')
        .map(|letter| letter.to_digit(16))
        .collect::<Option<_>>()
        .unwrap_or_default();
    let octets: Vec<u8> = digits
        .chunks_exact(2)
        .filter_map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect();
    match <[u8; 32]>::try_from(octets) {
        Ok(octets) if digits.len() == 64 => Some(CertifiedBy::Fingerprint(octets)),
        _ => value.expected("the SHA-256 of a certificate: 64 hexadecimal digits"),
    }
}

pub(super) const LISTENER: &[&str] = &[
    "name",
    "address",
    "direction",
    "protocol",
    "tls",
    "certificate",
    "key",
    "sni",
    "ciphers",
    "client_ca",
    "certified",
    "clients",
    "xclient",
    "xforward",
    "normalise_line_ends",
    "greeting_delay",
    "messages_per_client",
    "recipients_per_client",
    "max_message_size",
    "proxy_protocol",
    "proxies",
    "users",
    "authenticate",
];
const CERTIFIED: &[&str] = &["name", "subject", "fingerprint", "sender_domains"];
const DIRECTIONS: &[(&str, Direction)] =
    &[("inbound", Direction::Inbound), ("outbound", Direction::Outbound)];
const LISTENER_TLS: &[(&str, ListenerTls)] = &[
    ("none", ListenerTls::None),
    ("starttls", ListenerTls::StartTls),
    ("required", ListenerTls::Required),
    ("implicit", ListenerTls::Implicit),
];
