//! `[[listener]]`: a door, and whom it opens to.

use std::{collections::BTreeSet, net::SocketAddr};

use super::{
    doors::warn_of_wide_clients,
    fields::{Reader, duration, networks, optional, size, socket_address},
};
use crate::{
    config::{
        CertificateFiles, Certified, CertifiedBy, Listener, ListenerProtocol, ListenerTls,
        ProxyProtocol, SOCKET_OF_CONSOLE, SOCKET_OF_METRICS, SenderAuthentication,
    },
    mail::{Ciphers, Direction},
    policy::written::{Table, Value},
};

impl Reader<'_> {
    /// A door is known by its name: to logs and metrics, and to systemd, which
    /// hands down its socket.
    pub(super) fn listeners(&self, tables: &[Table<'_>]) -> Vec<Listener> {
        let mut taken = BTreeSet::from([SOCKET_OF_METRICS, SOCKET_OF_CONSOLE].map(str::to_owned));
        let named = |table: &Table<'_>| {
            let listener = self.listener(table);
            let is_known = !listener.name.is_empty() && !taken.insert(listener.name.clone());
            if let Some(value) = table.value("name").filter(|_| is_known) {
                let why = format!("`{}` is the name of another door", listener.name);
                value.invalid::<()>("listener-name-taken", why);
            }
            listener
        };
        tables.iter().map(named).collect()
    }

    fn listener(&self, table: &Table<'_>) -> Listener {
        let name = table.required("name").and_then(|value| value.sentence().map(str::to_owned));
        let address = table.required("address").and_then(|value| socket_address(&value));
        let direction = table.required("direction").and_then(|value| value.choice(DIRECTIONS));
        // What is missing has been noted: nothing comes of this listener then.
        let listener = Listener::new(
            name.unwrap_or_default(),
            address.unwrap_or(SocketAddr::from(([127, 0, 0, 1], 0))),
            direction.unwrap_or(Direction::Outbound),
        );
        let listener = pace(table, self.clients(table, self.tls(table, listener)));
        warn_of_wide_clients(table, &listener);
        listener
    }

    /// TLS, and the certificates of both sides.
    fn tls(&self, table: &Table<'_>, listener: Listener) -> Listener {
        let tls = optional(table, "tls", ListenerTls::StartTls, |value| value.choice(LISTENER_TLS));
        let certified = table.tables("certified", "a certified client", CERTIFIED);
        Listener {
            tls,
            certificate: self.certificate(table, tls),
            sni: optional(table, "sni", Vec::new(), |value| {
                value.list(|value| {
                    self.pair(&value.table("a certificate for SNI", &["certificate", "key"])?)
                })
            }),
            ciphers: optional(table, "ciphers", Ciphers::Intermediate, |value| {
                value.choice(&Ciphers::ALL.map(|ciphers| (ciphers.name(), ciphers)))
            }),
            client_ca: optional(table, "client_ca", None, |value| self.path(value).map(Some)),
            certified: certified
                .iter()
                .filter_map(|client| certified_client(client, table))
                .collect(),
            ..listener
        }
    }

    /// Whom it opens to, and whom it believes what.
    fn clients(&self, table: &Table<'_>, listener: Listener) -> Listener {
        Listener {
            protocol: optional(table, "protocol", ListenerProtocol::Smtp, |value| {
                value.choice(&[("smtp", ListenerProtocol::Smtp), ("lmtp", ListenerProtocol::Lmtp)])
            }),
            clients: networks(table, "clients"),
            xclient: networks(table, "xclient"),
            xforward: networks(table, "xforward"),
            normalise_line_ends: networks(table, "normalise_line_ends"),
            proxies: networks(table, "proxies"),
            proxy_protocol: optional(table, "proxy_protocol", ProxyProtocol::Off, |value| {
                value.choice(&[("off", ProxyProtocol::Off), ("required", ProxyProtocol::Required)])
            }),
            users: optional(table, "users", None, |value| self.path(value).map(Some)),
            authenticate: optional(table, "authenticate", listener.authenticate, |value| {
                value.either(SenderAuthentication::On, SenderAuthentication::Off)
            }),
            ..listener
        }
    }

    /// Both files or none; none only where TLS is never offered.
    fn certificate(&self, table: &Table<'_>, tls: ListenerTls) -> Option<CertificateFiles> {
        let named = ["certificate", "key"].iter().any(|key| table.value(key).is_some());
        if tls == ListenerTls::None && !named { None } else { self.pair(table) }
    }

    pub(super) fn pair(&self, table: &Table<'_>) -> Option<CertificateFiles> {
        let chain = table.required("certificate").and_then(|value| self.path(&value));
        let key = table.required("key").and_then(|value| self.path(&value));
        Some(CertificateFiles { chain: chain?, key: key? })
    }
}

impl Listener {
    /// In octets, where the file does not say.
    pub const MAX_MESSAGE_SIZE: usize = 50 << 20;
}

/// How much may come, and how fast.
fn pace(table: &Table<'_>, listener: Listener) -> Listener {
    let rate = |key| optional(table, key, None, |value| value.parsed("bad-rate").map(Some));
    Listener {
        max_message_size: size(table, "max_message_size", listener.max_message_size),
        greeting_delay: duration(table, "greeting_delay", listener.greeting_delay),
        messages_per_client: rate("messages_per_client"),
        recipients_per_client: rate("recipients_per_client"),
        ..listener
    }
}

/// By subject or by fingerprint, one of both.
fn certified_client(table: &Table<'_>, listener: &Table<'_>) -> Option<Certified> {
    let name = table.required("name").and_then(|value| value.sentence().map(str::to_owned));
    let sender_domains = optional(table, "sender_domains", Vec::new(), |value| {
        value.list(|value| value.parsed("bad-domain"))
    });
    let by = match (table.value("subject"), table.value("fingerprint")) {
        (Some(subject), Some(_)) => {
            subject.invalid("subject-and-fingerprint", "a subject or a fingerprint, not both")
        }
        (Some(subject), None) if listener.value("client_ca").is_none() => {
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
    Some(Certified { name: name?, by: by?, sender_domains })
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
