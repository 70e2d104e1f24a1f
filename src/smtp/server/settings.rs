//! What a session is told before it starts.

use std::{net::IpAddr, time::Duration};

use crate::{
    mail::{Direction, Domain, Timestamp, TlsSession},
    smtp::LineEnds,
};

/// The same for all sessions of a listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// In the greeting and the reply to EHLO; `<postmaster>` is at it.
    pub node: Domain,
    pub listener: String,
    pub direction: Direction,
    pub dialect: Dialect,
    pub start_tls: StartTls,
    pub sasl: Sasl,
    pub limits: Limits,
    pub timeouts: Timeouts,
    /// How far ahead a client that may relay can have a message held back
    /// (RFC 4865); none where that is not offered.
    pub future_release: Option<Duration>,
}

/// What is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    #[default]
    Smtp,
    /// LHLO, and a reply for each recipient after content (RFC 2033).
    Lmtp,
}

/// Who has connected.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: IpAddr,
    /// The time of day when it did; what has passed since is the session's to
    /// count.
    pub connected: Timestamp,
    pub relaying: Relaying,
    /// Present where TLS came before the first octet of SMTP.
    pub tls: Option<TlsSession>,
    /// The sending system whose certificate it showed there.
    pub certified: Option<String>,
    pub line_ends: LineEnds,
    pub forwarding: Forwarding,
}

/// What a peer may say of the client it speaks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forwarding {
    #[default]
    Nothing,
    /// XFORWARD: whom the message is attributed to.
    Attributes,
    /// XCLIENT too: whose session this is, rights and all.
    Sessions,
}

/// Whether a peer may send to any domain before it has authenticated. It
/// counts where the direction is outbound; inbound is for our own domains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relaying {
    Permitted,
    Denied,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartTls {
    NotOffered,
    Offered,
    /// Nothing is taken before it.
    Required,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sasl {
    NotOffered,
    /// PLAIN, LOGIN and SCRAM-SHA-256, once the session is under TLS.
    UnderTls,
}

#[derive(Clone, Debug)]
pub struct Limits {
    /// Octets of content; what SIZE says.
    pub message: usize,
    /// Octets of one line of content, its CRLF counted.
    pub content_line: usize,
    /// Recipients of one message.
    pub recipients: usize,
    /// Messages of one session.
    pub messages: usize,
    /// Commands of one session.
    pub commands: usize,
    /// Commands refused in one session.
    pub bad_commands: usize,
    /// Commands since the last message that have brought none nearer.
    pub idle_commands: usize,
    /// Attempts to authenticate that have failed.
    pub authentication_failures: usize,
}

/// How long a peer is waited for (RFC 5321 section 4.5.3.2).
#[derive(Clone, Debug)]
pub struct Timeouts {
    /// How long the greeting is held back, to see who talks before it; zero
    /// looks at nobody.
    pub greeting: Duration,
    /// For a whole command line: an octet now and then does not extend it.
    pub command: Duration,
    /// Between two pieces of content.
    pub content_block: Duration,
    /// For all of one message, from MAIL to the end of its content.
    pub message: Duration,
}

impl Settings {
    /// A listener with nothing but what every one has: no TLS, no SASL.
    pub fn new(node: Domain, listener: &str, direction: Direction) -> Self {
        Self {
            node,
            listener: listener.to_owned(),
            direction,
            dialect: Dialect::Smtp,
            start_tls: StartTls::NotOffered,
            sasl: Sasl::NotOffered,
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            future_release: None,
        }
    }
}

impl Peer {
    /// A stranger, in clear.
    pub fn at(address: IpAddr) -> Self {
        Self {
            address,
            connected: Timestamp::default(),
            relaying: Relaying::Denied,
            tls: None,
            certified: None,
            line_ends: LineEnds::Strict,
            forwarding: Forwarding::Nothing,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 50 << 20,
            content_line: 64 << 10,
            recipients: 1_000,
            messages: 1_000,
            commands: 10_000,
            bad_commands: 20,
            idle_commands: 100,
            authentication_failures: 3,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            greeting: Duration::ZERO,
            command: Duration::from_secs(5 * 60),
            content_block: Duration::from_secs(3 * 60),
            message: Duration::from_secs(30 * 60),
        }
    }
}
