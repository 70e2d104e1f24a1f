//! What a session is told before it starts.

use std::{net::IpAddr, time::Duration};

use crate::mail::{Direction, Domain, TlsSession};

/// The same for all sessions of a listener.
#[derive(Clone, Debug)]
pub struct Settings {
    /// In the greeting and the reply to EHLO; `<postmaster>` is at it.
    pub node: Domain,
    pub listener: String,
    pub direction: Direction,
    pub start_tls: StartTls,
    pub sasl: Sasl,
    pub limits: Limits,
    pub timeouts: Timeouts,
}

/// Who has connected.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: IpAddr,
    pub relaying: Relaying,
    /// Present where TLS came before the first octet of SMTP.
    pub tls: Option<TlsSession>,
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
    /// PLAIN and LOGIN, once the session is under TLS.
    UnderTls,
}

#[derive(Clone, Debug)]
pub struct Limits {
    /// Octets of content; what SIZE says.
    pub message: usize,
    /// Recipients of one message.
    pub recipients: usize,
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
    /// For a whole command line: an octet now and then does not extend it.
    pub command: Duration,
    /// Between two pieces of content.
    pub content_block: Duration,
    /// For all of one message's content.
    pub message: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message: 50 << 20,
            recipients: 1_000,
            bad_commands: 20,
            idle_commands: 100,
            authentication_failures: 3,
        }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            command: Duration::from_secs(5 * 60),
            content_block: Duration::from_secs(3 * 60),
            message: Duration::from_secs(30 * 60),
        }
    }
}
