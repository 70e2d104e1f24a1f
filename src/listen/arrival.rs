//! All that comes before SMTP: whose connection it is, what goes by that, and
//! TLS where it comes first.

use std::{
    net::IpAddr,
    time::{Duration, Instant, SystemTime},
};

use tokio::{net::TcpStream, time::timeout};

use super::{
    capacity::ClientPlace,
    listener::{ImplicitTls, Shared, too_many_sessions, turn_away},
    proxy,
    reception::Reception,
    shut_out::shut_out_now,
    stream::Stream,
    tls,
};
use crate::{
    config::ProxyProtocol,
    mail::{Event, Refusal, SessionEnd, TlsSession},
    smtp::server::{Peer, Refused, Standing},
};

/// Ready for SMTP.
pub(super) struct Arrived {
    pub(super) stream: Stream,
    pub(super) peer: Peer,
    /// None where the client has too many sessions.
    pub(super) place: Option<ClientPlace>,
}

/// `client` becomes who it really is.
pub(super) async fn welcome<R: Reception>(
    shared: &Shared<R>,
    mut tcp: TcpStream,
    client: &mut IpAddr,
) -> Result<Arrived, SessionEnd> {
    // Replies are whole when they are written; waiting for more helps nobody.
    _ = tcp.set_nodelay(true);
    let whose = find_out(shared, &mut tcp, client).await?;
    if shared.orders.shut_out.holds(*client, Instant::now()) {
        turn_away(shared, &tcp, *client, &shut_out_now(421));
        return Err(SessionEnd::Refused);
    }
    let peer = peer(shared, *client, whose);
    // Before the handshake, which is what costs.
    let place = shared.orders.capacity.client(*client);
    match shared.door.implicit_tls {
        ImplicitTls::Off => Ok(Arrived { stream: Stream::Plain(tcp), peer, place }),
        ImplicitTls::On => {
            let Secured { stream, tls, certified } = secure(shared, tcp, *client).await?;
            Ok(Arrived { stream, peer: Peer { tls: Some(tls), certified, ..peer }, place })
        }
    }
}

/// A place for another client, that a peer has begun to speak for.
pub(super) fn admit<R>(shared: &Shared<R>, client: IpAddr) -> Result<ClientPlace, Refused> {
    if shared.orders.shut_out.holds(client, Instant::now()) {
        return Err(shut_out_now(421));
    }
    let place = shared.orders.capacity.client(client);
    place.ok_or_else(|| too_many_sessions(Refusal::ClientSessions))
}

pub(super) struct Secured {
    pub(super) stream: Stream,
    pub(super) tls: TlsSession,
    /// The sending system whose certificate the client has shown.
    pub(super) certified: Option<String>,
}

/// The handshake, within its time.
pub(super) async fn secure<R: Reception>(
    shared: &Shared<R>,
    tcp: TcpStream,
    client: IpAddr,
) -> Result<Secured, SessionEnd> {
    let certificates = shared.door.certificates.as_ref().ok_or(SessionEnd::Failed)?;
    match timeout(HANDSHAKE_PATIENCE, tls::accept(certificates, tcp)).await {
        Ok(Ok((stream, shown))) => {
            let tls = tls::session(&stream);
            let listener = &shared.door.settings.listener;
            shared.observe(Event::SessionSecured { listener, tls: &tls });
            let certified = shown.system(listener, client);
            Ok(Secured { stream: Stream::Tls(Box::new(stream)), tls, certified })
        }
        Ok(Err(_)) => Err(SessionEnd::TlsFailed),
        Err(_) => Err(SessionEnd::Timeout),
    }
}

/// Whose a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Whose {
    Clients,
    /// A balancer's own, such as a health check, or that of a client it does
    /// not name: it has no rights, least of all the balancer's.
    Nobodys,
}

/// What the PROXY protocol says, where it is spoken. `client` becomes who it
/// really is.
async fn find_out<R: Reception>(
    shared: &Shared<R>,
    tcp: &mut TcpStream,
    client: &mut IpAddr,
) -> Result<Whose, SessionEnd> {
    if shared.door.proxy_protocol == ProxyProtocol::Off {
        return Ok(Whose::Clients);
    }
    if !shared.door.is_proxy(*client) {
        let listener = &shared.door.settings.listener;
        tracing::info!(listener, %client, "closed: it is none of the proxies");
        return Err(SessionEnd::Refused);
    }
    match timeout(PROXY_PATIENCE, proxy::read_header(tcp)).await {
        Ok(Ok(Some(address))) => {
            *client = address.ip().to_canonical();
            Ok(Whose::Clients)
        }
        Ok(Ok(None)) => Ok(Whose::Nobodys),
        Ok(Err(_)) => Err(SessionEnd::Refused),
        Err(_) => Err(SessionEnd::Timeout),
    }
}

fn peer<R>(shared: &Shared<R>, address: IpAddr, whose: Whose) -> Peer {
    let connected = SystemTime::now().into();
    match whose {
        Whose::Nobodys => Peer { connected, ..Peer::at(address) },
        Whose::Clients => {
            let Standing { relaying, line_ends } = shared.door.standing(address);
            let forwarding = shared.door.forwarding(address);
            Peer { connected, relaying, line_ends, forwarding, ..Peer::at(address) }
        }
    }
}

const PROXY_PATIENCE: Duration = Duration::from_secs(10);
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(60);
