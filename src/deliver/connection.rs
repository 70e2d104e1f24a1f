//! One connection to a next hop: the socket, the handshake and the clock
//! under a sans-IO session.
//!
//! A connection outlives its message and can be kept. What it was protected
//! with stays with it as evidence and does not change.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::{Buf, Bytes};
use rustls::{ProtocolVersion, client::ResolvesClientCert};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{
    identity,
    requirement::Demand,
    stream::{LAST_WORDS, Pieces, Stream},
    tls::{Trust, server_name},
};
use crate::{
    config::Identity,
    mail::{CertificateVerdict, Domain, Evidence, Outcome, TlsFault, TlsRequirement, TlsSession},
    smtp::client::{
        Action, Answer, Dialect, Encryption, Extensions, Failed, Introduction, Lost, Message,
        Question, Session, Settings, Settlement, Timeouts,
    },
};

/// Where to, and under what conditions: connections of the same purpose are
/// interchangeable.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Purpose {
    pub(super) host: String,
    pub(super) address: SocketAddr,
    pub(super) dialect: Dialect,
    pub(super) demand: Demand,
    pub(super) identity: Identity,
}

/// What every connection is made with.
pub(super) struct Means {
    pub(super) name: Domain,
    pub(super) timeouts: Timeouts,
    pub(super) trust: Trust,
    /// How many one connection carries, unless the peer takes fewer.
    pub(super) messages: usize,
}

pub(super) struct Connection {
    stream: Stream,
    session: Session,
    /// Ours, where the route has one.
    certificate: Option<Arc<dyn ResolvesClientCert>>,
    /// Messages that may still be sent on it.
    pub(super) left: usize,
    /// What the peer offers, as it said last.
    pub(super) extensions: Extensions,
    pub(super) evidence: Evidence,
    /// When it was made, until its first message.
    opened: Option<Instant>,
    /// When its last message began; for the first, that is when it was made.
    began: Instant,
}

/// Why no connection came about; with what was seen on the way.
pub(super) struct Refused {
    pub(super) why: Why,
    pub(super) evidence: Evidence,
}

pub(super) enum Why {
    Unreachable(String),
    Session(Failed),
}

impl Connection {
    /// Connects, greets and secures. Cancelling closes the socket.
    pub(super) async fn open(
        means: &Means,
        purpose: &Purpose,
        encryption: Encryption,
        deadline: Instant,
    ) -> Result<Self, Box<Refused>> {
        let began = Instant::now();
        let mut evidence = Evidence {
            host: Some(purpose.host.clone()),
            address: Some(purpose.address),
            started_at: Some(SystemTime::now().into()),
            published: purpose.demand.published.clone(),
            fault: purpose.demand.fault,
            ..Evidence::default()
        };
        let shown = match identity::read(&purpose.identity) {
            Ok(shown) => shown,
            Err(unreadable) => {
                return Err(Box::new(Refused { why: Why::Session(unreadable.into()), evidence }));
            }
        };
        let until = deadline.min(Instant::now() + means.timeouts.connect);
        let connected = match timeout_at(until, TcpStream::connect(purpose.address)).await {
            Ok(connected) => connected.map_err(|error| error.to_string()),
            Err(_) => Err("no answer in time".to_owned()),
        };
        let stream = match connected {
            Ok(stream) => stream,
            Err(error) => {
                return Err(Refused::after(began, Why::Unreachable(error), evidence));
            }
        };
        // Commands are written whole: waiting to fill a packet only delays.
        let _ = stream.set_nodelay(true);
        evidence.address = stream.peer_addr().ok().or(evidence.address);
        let settings = Settings {
            name: means.name.clone(),
            dialect: purpose.dialect,
            encryption,
            credentials: shown.credentials,
        };
        let mut connection = Self {
            stream: Stream::Clear(stream),
            session: Session::new(settings),
            certificate: shown.certificate,
            left: means.messages,
            extensions: Extensions::default(),
            evidence,
            opened: Some(began),
            began,
        };
        let mut drive = Drive { connection: &mut connection, means, deadline };
        let failed = match drive.run(Some(purpose)).await {
            // The session sees to it; law 2 is worth asking twice.
            Action::Idle
                if connection.evidence.tls.is_none()
                    && purpose.demand.level >= TlsRequirement::Encrypted =>
            {
                Failed::TlsNotOffered
            }
            Action::Idle => return Ok(connection.settled_in(encryption, means)),
            Action::Failed(failed) => failed,
            _ => Failed::Lost(Lost::Closed),
        };
        Err(Refused::after(began, Why::Session(failed), connection.evidence))
    }

    /// What can be shown of a message that has been sent on it.
    pub(super) fn evidence_of(&self, settlement: &Settlement) -> Evidence {
        let taken = settlement.outcomes.iter().filter_map(|(recipient, outcome)| match outcome {
            Outcome::Delivered(_) => Some(recipient.clone()),
            _ => None,
        });
        Evidence {
            took: taken.collect(),
            milliseconds: milliseconds_since(self.began),
            ..self.evidence.clone()
        }
    }

    /// How the peer has shown itself.
    pub(super) fn introduction(&self) -> &Introduction {
        self.session.introduction()
    }

    /// Keeps to what the peer has said of itself (RFC 9422).
    fn settled_in(mut self, encryption: Encryption, means: &Means) -> Self {
        self.extensions = self.session.extensions().unwrap_or_default();
        self.evidence.require_tls = self.extensions.require_tls_promise();
        if self.evidence.tls.is_none() && encryption != Encryption::Never {
            // Not offered, or refused: mail that need not be encrypted goes on.
            self.evidence.fault = Some(TlsFault::StarttlsNotSupported);
        }
        let taken = self.extensions.limits().messages.unwrap_or(means.messages);
        self.left = taken.min(means.messages);
        self
    }

    /// How many recipients a transaction may have.
    pub(super) fn recipients(&self) -> usize {
        self.extensions.limits().recipients.unwrap_or(usize::MAX).min(Message::RECIPIENTS)
    }

    /// Sends one message. Cancelling closes the socket; the peer may have the
    /// message all the same.
    pub(super) async fn send(
        &mut self,
        means: &Means,
        message: Message,
        deadline: Instant,
    ) -> Settlement {
        self.evidence.transaction = self.evidence.transaction.saturating_add(1);
        self.left = self.left.saturating_sub(1);
        self.began = self.opened.take().unwrap_or_else(|| {
            self.evidence.started_at = Some(SystemTime::now().into());
            Instant::now()
        });
        self.session.begin(message);
        let mut drive = Drive { connection: self, means, deadline };
        loop {
            // Until it settles, which every message does.
            if let Action::Settled(settlement) = drive.run(None).await {
                return settlement;
            }
        }
    }

    /// Asks about a recipient. Cancelling closes the socket.
    pub(super) async fn ask(
        &mut self,
        means: &Means,
        question: &Question,
        deadline: Instant,
    ) -> Result<Answer, Failed> {
        self.left = self.left.saturating_sub(1);
        self.session.ask(question);
        match (Drive { connection: self, means, deadline }).run(None).await {
            Action::Answered(answer) => Ok(answer),
            Action::Failed(failed) => Err(failed),
            _ => Err(Failed::Lost(Lost::Closed)),
        }
    }

    /// Brings the session back to where another message can begin, if it soon
    /// can: the outcomes are known and wait for this.
    pub(super) async fn rest(mut self, means: &Means) -> Option<Self> {
        if self.left == 0 {
            self.close(means).await;
            return None;
        }
        let deadline = Instant::now() + means.timeouts.quit;
        let mut drive = Drive { connection: &mut self, means, deadline };
        matches!(drive.run(None).await, Action::Idle).then_some(self)
    }

    /// Says goodbye, and does not wait long for an answer.
    pub(super) async fn close(mut self, means: &Means) {
        self.session.quit();
        let deadline = Instant::now() + means.timeouts.quit;
        Drive { connection: &mut self, means, deadline }.run(None).await;
        self.stream.shutdown().await;
    }
}

/// A connection while it is being used.
struct Drive<'a> {
    connection: &'a mut Connection,
    means: &'a Means,
    deadline: Instant,
}

impl Drive<'_> {
    /// Does what the session asks until it has news.
    async fn run(&mut self, purpose: Option<&Purpose>) -> Action {
        let mut buffer = vec![0; READ];
        loop {
            let action = self.connection.session.advance();
            let lost = match action {
                Action::Send(pieces, wait) => {
                    let within = self.means.timeouts.of(wait);
                    match self.write(pieces, within).await {
                        Ok(()) => None,
                        Err(lost) => {
                            self.hear_why(&mut buffer).await;
                            Some(lost)
                        }
                    }
                }
                Action::Receive(wait) => {
                    let within = self.means.timeouts.of(wait);
                    self.read(&mut buffer, within).await.err()
                }
                Action::Secure => match purpose {
                    Some(purpose) => self.handshake(purpose).await.err(),
                    None => Some(Lost::Closed),
                },
                news => return news,
            };
            if let Some(lost) = lost {
                self.connection.session.lost(lost);
            }
        }
    }

    async fn write(&mut self, pieces: Vec<Bytes>, within: Duration) -> Result<(), Lost> {
        let mut pieces = Pieces::from(pieces);
        while pieces.has_remaining() {
            let until = self.until(within);
            let written = self.connection.stream.write(&mut pieces);
            if bounded(until, written).await? == 0 {
                return Err(Lost::Closed);
            }
        }
        let until = self.until(within);
        bounded(until, self.connection.stream.flush()).await
    }

    async fn read(&mut self, buffer: &mut [u8], within: Duration) -> Result<(), Lost> {
        let until = self.until(within);
        let read = bounded(until, self.connection.stream.read(buffer)).await?;
        match buffer.get(..read) {
            Some(octets @ [_, ..]) => {
                self.connection.session.received(octets);
                Ok(())
            }
            _ => Err(Lost::Closed),
        }
    }

    /// A peer that refuses content in its middle says so and hangs up: its
    /// reply explains the broken pipe.
    async fn hear_why(&mut self, buffer: &mut [u8]) {
        let _ = self.read(buffer, LAST_WORDS).await;
    }

    async fn handshake(&mut self, purpose: &Purpose) -> Result<(), Lost> {
        let failed = |error: &dyn std::fmt::Display| Lost::Handshake(error.to_string());
        let Stream::Clear(stream) = std::mem::replace(&mut self.connection.stream, Stream::None)
        else {
            return Err(Lost::Closed);
        };
        let demand = &purpose.demand;
        let (mut config, seen) =
            self.means.trust.configure(demand).map_err(|error| failed(&error))?;
        if let Some(certificate) = self.connection.certificate.take() {
            config.client_auth_cert_resolver = certificate;
        }
        let name = match &demand.server_name {
            Some(name) => server_name(name).map_err(|error| failed(&error))?,
            None => purpose.address.ip().into(),
        };
        let until = self.until(self.means.timeouts.handshake);
        let shaken = timeout_at(until, TlsConnector::from(Arc::new(config)).connect(name, stream));
        let shaken = shaken.await;
        let evidence = &mut self.connection.evidence;
        let seen = seen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let wrong = seen.fault().unwrap_or(TlsFault::ValidationFailure);
        seen.write_to(evidence);
        evidence.vouched_by.clone_from(&demand.vouched_by);
        let stream = match shaken {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                evidence.fault = Some(wrong);
                return Err(match &evidence.certificate {
                    CertificateVerdict::Invalid(why)
                        if !demand.is_met_by(&evidence.certificate) =>
                    {
                        failed(why)
                    }
                    _ => failed(&error),
                });
            }
            Err(_) => {
                evidence.fault = Some(wrong);
                return Err(failed(&"no answer in time"));
            }
        };
        // The verifier sees to it; law 2 is worth asking twice.
        if !demand.is_met_by(&evidence.certificate) {
            return Err(failed(&"the certificate was not verified"));
        }
        evidence.tls = session_of(&stream);
        self.connection.stream = Stream::Encrypted(Box::new(stream));
        self.connection.session.secured();
        Ok(())
    }

    fn until(&self, within: Duration) -> Instant {
        self.deadline.min(Instant::now() + within)
    }
}

impl Refused {
    fn after(began: Instant, why: Why, evidence: Evidence) -> Box<Self> {
        let fault = match &why {
            Why::Session(Failed::TlsNotOffered | Failed::TlsRefused(_)) => {
                Some(TlsFault::StarttlsNotSupported)
            }
            Why::Session(Failed::Injected) => Some(TlsFault::ValidationFailure),
            // A handshake has said what was wrong with it.
            Why::Session(_) | Why::Unreachable(_) => evidence.fault,
        };
        let milliseconds = milliseconds_since(began);
        Box::new(Self { why, evidence: Evidence { fault, milliseconds, ..evidence } })
    }
}

fn milliseconds_since(moment: Instant) -> u64 {
    u64::try_from(moment.elapsed().as_millis()).unwrap_or(u64::MAX)
}

async fn bounded<T>(
    until: Instant,
    operation: impl Future<Output = io::Result<T>>,
) -> Result<T, Lost> {
    match timeout_at(until, operation).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(Lost::Broken(error.to_string())),
        Err(_) => Err(Lost::TimedOut),
    }
}

fn session_of(stream: &TlsStream<TcpStream>) -> Option<TlsSession> {
    let (_, session) = stream.get_ref();
    let version = match session.protocol_version()? {
        ProtocolVersion::TLSv1_2 => "TLSv1.2",
        ProtocolVersion::TLSv1_3 => "TLSv1.3",
        _ => return None,
    };
    let cipher = format!("{:?}", session.negotiated_cipher_suite()?.suite());
    // IANA's name, as everybody else's logs have it.
    let cipher = cipher.replacen("TLS13_", "TLS_", 1);
    Some(TlsSession { version: version.to_owned(), cipher })
}

/// Larger than any reply that is taken.
const READ: usize = 8 * 1024;
