//! One listener: its socket, and the accept loop until the orderly stop.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    capacity::Capacity,
    certificates::{CertificateError, Certificates},
    conversation,
    rates::Rates,
    reception::Reception,
    shut_out::ShutOut,
};
use crate::{
    config::{self, ListenerProtocol, ListenerTls, Network, ProxyProtocol},
    mail::{Direction, Domain, EnhancedStatusCode, Event, Observer, Refusal, Reply},
    smtp::{
        LineEnds,
        server::{
            Dialect, Forwarding, Limits, Refused, Relaying, Sasl, Settings, Standing, StartTls,
            Timeouts,
        },
    },
};

/// A listener that has its socket and its certificates, and does not accept
/// yet: whatever can be wrong at the start has been found by now.
#[derive(Debug)]
pub struct BoundListener {
    socket: TcpListener,
    address: SocketAddr,
    pub(super) door: Door,
}

/// What a listener serves with, and how long.
pub struct Orders<R> {
    pub capacity: Arc<Capacity>,
    pub shut_out: Arc<ShutOut>,
    pub reception: Arc<R>,
    pub observer: Arc<dyn Observer>,
    /// Cancelled, it accepts no more and lets transactions end.
    pub stop: CancellationToken,
    /// How long it lets them.
    pub grace: Duration,
}

#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    #[error("listener `{listener}` cannot have {address}: {cause}")]
    Bind { listener: String, address: SocketAddr, cause: io::Error },
    #[error("listener `{0}` offers TLS and names no certificate")]
    NoCertificate(String),
    #[error("listener `{listener}`: {cause}")]
    Certificate { listener: String, cause: Box<CertificateError> },
}

impl ListenError {
    fn bind(listener: &config::Listener, cause: io::Error) -> Self {
        Self::Bind { listener: listener.name.clone(), address: listener.address, cause }
    }
}

/// What its sessions have in common.
#[derive(Debug)]
pub(super) struct Door {
    pub(super) settings: Arc<Settings>,
    pub(super) certificates: Option<Arc<Certificates>>,
    pub(super) implicit_tls: ImplicitTls,
    pub(super) proxy_protocol: ProxyProtocol,
    pub(super) rates: Rates,
    proxies: Vec<Network>,
    clients: Vec<Network>,
    xclient: Vec<Network>,
    xforward: Vec<Network>,
    normalised: Vec<Network>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ImplicitTls {
    Off,
    On,
}

/// What a session needs of its listener.
pub(super) struct Shared<R> {
    pub(super) door: Door,
    pub(super) orders: Orders<R>,
}

impl BoundListener {
    /// Takes the address and reads the certificates. `node` is the name it
    /// greets with.
    pub async fn bind(
        listener: &config::Listener,
        node: &Domain,
        limits: &config::Limits,
    ) -> Result<Self, ListenError> {
        let bound = TcpListener::bind(listener.address).await;
        let socket = bound.map_err(|cause| ListenError::bind(listener, cause))?;
        Self::on(socket, listener, node, limits)
    }

    /// The same on a socket that listens already.
    pub fn on(
        socket: TcpListener,
        listener: &config::Listener,
        node: &Domain,
        limits: &config::Limits,
    ) -> Result<Self, ListenError> {
        let door = Door::new(listener, node, limits)?;
        let address = socket.local_addr().map_err(|cause| ListenError::bind(listener, cause))?;
        Ok(Self { socket, address, door })
    }

    /// Where it really listens, also when port 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// For reloading while it serves.
    pub fn certificates(&self) -> Option<Arc<Certificates>> {
        self.door.certificates.clone()
    }

    /// Accepts until told to stop, and returns once every session is over or
    /// the grace is. Cancelling leaves the sessions to themselves.
    pub async fn serve<R: Reception>(self, orders: Orders<R>) {
        let Self { socket, door, .. } = self;
        let shared = Arc::new(Shared { door, orders });
        let (sessions, abandon) = (TaskTracker::new(), CancellationToken::new());
        let accepting = accept(&socket, &shared, &sessions, &abandon);
        shared.orders.stop.run_until_cancelled(accepting).await;
        drop(socket);
        sessions.close();
        if tokio::time::timeout(shared.orders.grace, sessions.wait()).await.is_err() {
            abandon.cancel();
            sessions.wait().await;
        }
    }
}

async fn accept<R: Reception>(
    socket: &TcpListener,
    shared: &Arc<Shared<R>>,
    sessions: &TaskTracker,
    abandon: &CancellationToken,
) {
    loop {
        match socket.accept().await {
            Ok((tcp, peer)) => match shared.orders.capacity.session() {
                Some(place) => {
                    let shared = Arc::clone(shared);
                    sessions.spawn(conversation::hold(shared, tcp, peer, place, abandon.clone()));
                }
                None => {
                    let refused = too_many_sessions(Refusal::Sessions);
                    turn_away(shared, &tcp, peer.ip(), &refused);
                }
            },
            Err(error) => {
                // Out of descriptors, mostly: sessions that end free some.
                tracing::warn!(listener = shared.door.settings.listener, %error, "cannot accept");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Tells a client why there is no session for it, at no cost: if its socket
/// cannot take a line at once, it goes without.
pub(super) fn turn_away<R>(shared: &Shared<R>, tcp: &TcpStream, client: IpAddr, refused: &Refused) {
    shared.refuse(client, refused);
    if shared.door.implicit_tls == ImplicitTls::Off {
        let mut line = Vec::new();
        refused.reply.write_to(&mut line);
        _ = tcp.try_write(&line);
    }
}

pub(super) fn too_many_sessions(reason: Refusal) -> Refused {
    let text = "too many sessions; try again later";
    Refused { reason, reply: Reply::new(421, EnhancedStatusCode(4, 7, 0), text) }
}

impl<R> Shared<R> {
    pub(super) fn observe(&self, event: Event<'_>) {
        self.orders.observer.observe(event);
    }

    pub(super) fn refuse(&self, client: IpAddr, refused: &Refused) {
        let listener = &self.door.settings.listener;
        let (reason, reply) = (refused.reason, &refused.reply);
        self.observe(Event::Refused { listener, client, reason, reply });
    }
}

impl Door {
    fn new(
        listener: &config::Listener,
        node: &Domain,
        limits: &config::Limits,
    ) -> Result<Self, ListenError> {
        let (start_tls, implicit_tls) = match listener.tls {
            ListenerTls::None => (StartTls::NotOffered, ImplicitTls::Off),
            ListenerTls::StartTls => (StartTls::Offered, ImplicitTls::Off),
            ListenerTls::Required => (StartTls::Required, ImplicitTls::Off),
            ListenerTls::Implicit => (StartTls::NotOffered, ImplicitTls::On),
        };
        let settings = Settings {
            node: node.clone(),
            listener: listener.name.clone(),
            direction: listener.direction,
            dialect: match listener.protocol {
                ListenerProtocol::Smtp => Dialect::Smtp,
                ListenerProtocol::Lmtp => Dialect::Lmtp,
            },
            start_tls,
            sasl: sasl(listener.users.as_ref()),
            limits: session_limits(listener, limits),
            timeouts: timeouts(listener, limits),
            future_release: (listener.direction == Direction::Outbound)
                .then_some(limits.future_release),
        };
        Ok(Self {
            settings: Arc::new(settings),
            certificates: load_certificates(listener)?,
            implicit_tls,
            proxy_protocol: listener.proxy_protocol,
            rates: Rates::new(listener),
            proxies: listener.proxies.clone(),
            clients: listener.clients.clone(),
            xclient: listener.xclient.clone(),
            xforward: listener.xforward.clone(),
            normalised: listener.normalise_line_ends.clone(),
        })
    }

    /// Whether this may say for whom it connects.
    pub(super) fn is_proxy(&self, peer: IpAddr) -> bool {
        self.proxies.is_empty() || stands_in(&self.proxies, peer)
    }

    /// What goes by a client's address alone.
    pub(super) fn standing(&self, client: IpAddr) -> Standing {
        Standing {
            relaying: match stands_in(&self.clients, client) {
                true => Relaying::Permitted,
                false => Relaying::Denied,
            },
            line_ends: match stands_in(&self.normalised, client) {
                true => LineEnds::Normalised,
                false => LineEnds::Strict,
            },
        }
    }

    pub(super) fn forwarding(&self, client: IpAddr) -> Forwarding {
        if stands_in(&self.xclient, client) {
            return Forwarding::Sessions;
        }
        match stands_in(&self.xforward, client) {
            true => Forwarding::Attributes,
            false => Forwarding::Nothing,
        }
    }
}

fn stands_in(networks: &[Network], client: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(client))
}

fn session_limits(listener: &config::Listener, limits: &config::Limits) -> Limits {
    Limits {
        message: listener.max_message_size,
        content_line: limits.content_line,
        recipients: limits.recipients,
        messages: limits.messages_per_session,
        commands: limits.commands,
        bad_commands: limits.bad_commands,
        idle_commands: limits.idle_commands,
        authentication_failures: limits.authentication_failures,
    }
}

fn timeouts(listener: &config::Listener, limits: &config::Limits) -> Timeouts {
    Timeouts {
        greeting: listener.greeting_delay,
        command: limits.command_timeout,
        content_block: limits.content_timeout,
        message: limits.message_deadline,
    }
}

fn sasl(users: Option<&PathBuf>) -> Sasl {
    users.map_or(Sasl::NotOffered, |_| Sasl::UnderTls)
}

fn load_certificates(
    listener: &config::Listener,
) -> Result<Option<Arc<Certificates>>, ListenError> {
    if listener.tls == ListenerTls::None {
        return Ok(None);
    }
    let name = || listener.name.clone();
    let files = listener.certificate.as_ref().ok_or_else(|| ListenError::NoCertificate(name()))?;
    let certificates = Certificates::load(files, listener)
        .map_err(|cause| ListenError::Certificate { listener: name(), cause: Box::new(cause) })?;
    Ok(Some(Arc::new(certificates)))
}

const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
