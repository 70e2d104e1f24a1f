//! Showing who we are (RFC 4954): SCRAM-SHA-256 (`scram`), PLAIN (RFC 4616),
//! LOGIN (draft-murchison-sasl-login) and EXTERNAL (RFC 4422 appendix A).
//!
//! Only ever under TLS, whatever else is asked for: mechanisms that a peer
//! offers in clear are not even heard (`extensions`). What the peer says of
//! credentials is kept as its codes alone: its text might repeat them.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::{
    extensions::Extensions,
    failed::Failed,
    scram::{Opened, Proven},
    session::{Channel, Session, State},
};
use crate::mail::{EnhancedStatusCode, Reply, Severity};

/// One way to show who we are.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// The certificate that the handshake has shown: EXTERNAL, where it is
    /// offered. A peer that offers nothing of the kind has seen it already.
    Certificate,
    Password {
        user: String,
        password: Password,
        /// New for every session, and not to be guessed.
        random: [u8; 18],
    },
}

/// Never shown, by accident or otherwise.
#[derive(Clone)]
pub struct Password(String);

/// In the order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    External,
    ScramSha256,
    Plain,
    Login,
}

/// What has been said, and so what may come.
#[derive(Debug)]
pub(super) enum Exchange {
    /// All of it; 235 or no.
    Said(Mechanism),
    LoginUser {
        user: String,
        password: Password,
    },
    LoginPassword {
        password: Password,
    },
    ScramFirst(Opened),
    ScramLast(Proven),
    /// The server has proven itself.
    ScramEnd,
}

impl Session {
    /// The peer is known and the channel is as it will be: mail may be said
    /// once it knows us, too.
    pub(super) fn introduced(&mut self, channel: Channel, peer: Extensions) {
        if self.settings.credentials.is_empty() {
            self.state = State::Ready(peer);
        } else if channel == Channel::Clear {
            self.fail(Failed::CredentialsInClear);
        } else {
            self.authenticate(peer);
        }
    }

    fn authenticate(&mut self, peer: Extensions) {
        let credentials = &self.settings.credentials;
        let chosen = Mechanism::ALL.into_iter().filter(|one| peer.mechanism(*one));
        let begun = chosen.flat_map(|one| credentials.iter().map(move |have| (one, have)));
        if let Some((command, exchange)) = begun.filter_map(|(one, have)| one.begin(have)).next() {
            return self.say(command, State::Authenticating(peer, exchange));
        }
        match credentials.iter().any(|have| matches!(have, Credentials::Certificate)) {
            true => self.state = State::Ready(peer),
            false => self.fail(Failed::NoMechanism),
        }
    }

    pub(super) fn authenticating(&mut self, peer: Extensions, exchange: Exchange, reply: &Reply) {
        let mechanism = exchange.mechanism();
        match (reply.severity(), exchange) {
            (Severity::Positive, Exchange::Said(_) | Exchange::ScramEnd) => {
                self.state = State::Ready(peer);
            }
            // It lets us in, and has not shown that it knows us: an impostor
            // would do so.
            (Severity::Positive, _) => self.fail(Failed::Unproven),
            (Severity::Intermediate, exchange) => match exchange.respond(&reply.text) {
                Ok((response, next)) => {
                    self.say(format!("{response}\r\n"), State::Authenticating(peer, next));
                }
                Err(failed) => self.fail(failed),
            },
            _ => self.fail(Failed::NotAuthenticated {
                mechanism,
                code: reply.code,
                status: reply.enhanced,
            }),
        }
    }
}

impl Mechanism {
    pub(super) const ALL: [Self; 4] = [Self::External, Self::ScramSha256, Self::Plain, Self::Login];

    /// As IANA has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::External => "EXTERNAL",
            Self::ScramSha256 => "SCRAM-SHA-256",
            Self::Plain => "PLAIN",
            Self::Login => "LOGIN",
        }
    }

    /// The command and what is expected then; nothing, with credentials that
    /// are none for this mechanism.
    fn begin(self, credentials: &Credentials) -> Option<(String, Exchange)> {
        let (initial, exchange) = match (self, credentials) {
            // Whom we act for follows from the certificate.
            (Self::External, Credentials::Certificate) => ("=".to_owned(), Exchange::Said(self)),
            (Self::ScramSha256, Credentials::Password { user, password, random }) => {
                let (first, opened) = Opened::new(user, password.clone(), *random);
                (BASE64.encode(first), Exchange::ScramFirst(opened))
            }
            (Self::Plain, Credentials::Password { user, password, .. }) => {
                let message = format!("\0{user}\0{}", password.reveal());
                (BASE64.encode(message), Exchange::Said(self))
            }
            (Self::Login, Credentials::Password { user, password, .. }) => {
                let (user, password) = (user.clone(), password.clone());
                (String::new(), Exchange::LoginUser { user, password })
            }
            _ => return None,
        };
        let command = format!("AUTH {} {initial}", self.name());
        Some((format!("{}\r\n", command.trim_end()), exchange))
    }
}

impl Exchange {
    fn mechanism(&self) -> Mechanism {
        match self {
            Self::Said(mechanism) => *mechanism,
            Self::LoginUser { .. } | Self::LoginPassword { .. } => Mechanism::Login,
            Self::ScramFirst(_) | Self::ScramLast(_) | Self::ScramEnd => Mechanism::ScramSha256,
        }
    }

    /// Answers a 334: in base64, as its text is.
    fn respond(self, challenge: &str) -> Result<(String, Self), Failed> {
        let mechanism = self.mechanism();
        match self {
            Self::LoginUser { user, password } => {
                Ok((BASE64.encode(user), Self::LoginPassword { password }))
            }
            Self::LoginPassword { password } => {
                Ok((BASE64.encode(password.reveal()), Self::Said(mechanism)))
            }
            Self::ScramFirst(opened) => {
                let said = decode(challenge).ok_or(Failed::Unproven)?;
                let (message, proven) = opened.prove(&said).map_err(|_| Failed::Unproven)?;
                Ok((BASE64.encode(message), Self::ScramLast(proven)))
            }
            Self::ScramLast(proven) => {
                let said = decode(challenge).ok_or(Failed::Unproven)?;
                proven.check(&said).map_err(|_| Failed::Unproven)?;
                Ok((String::new(), Self::ScramEnd))
            }
            // Everything has been said.
            Self::Said(_) | Self::ScramEnd => {
                Err(Failed::NotAuthenticated { mechanism, code: 334, status: None })
            }
        }
    }
}

fn decode(text: &str) -> Option<String> {
    String::from_utf8(BASE64.decode(text.trim()).ok()?).ok()
}

impl Password {
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("(password)")
    }
}

impl fmt::Display for Mechanism {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name())
    }
}

/// The codes of a reply, without its words.
pub(super) fn codes(code: u16, status: Option<EnhancedStatusCode>) -> String {
    status.map_or_else(|| code.to_string(), |status| format!("{code} {status}"))
}
