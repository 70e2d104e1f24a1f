//! Connections of browsers: TLS, limits, and an orderly end. Handshakes and
//! requests are off the accept loop, each has its time, and no address takes
//! more connections than a few browsers need.

use std::{
    collections::HashMap,
    convert::Infallible,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Request, StatusCode},
    response::{IntoResponse, Response},
};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{door::Caller, headers::Transport, tls::Tls};
use crate::config::Network;

/// Who stands between browsers and us, and what is kept from them.
pub(super) enum Way {
    /// Nobody, on this machine.
    Plain,
    Tls(Arc<Tls>),
    /// A proxy that has done TLS; it says who asks.
    Proxied(Vec<Network>),
}

pub(super) struct Server {
    pub(super) way: Way,
    pub(super) pages: Router,
}

/// What one connection needs.
struct Shared {
    server: Server,
    requests: Semaphore,
    clients: Mutex<HashMap<IpAddr, usize>>,
    stop: CancellationToken,
}

impl Server {
    /// Until `stop`; requests that have begun are answered.
    pub(super) async fn run(self, listener: TcpListener, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let shared = Arc::new(Shared {
            server: self,
            requests: Semaphore::new(REQUESTS),
            clients: Mutex::default(),
            stop: stop.clone(),
        });
        let connections = TaskTracker::new();
        while let Some(Some(place)) =
            stop.run_until_cancelled(async { Arc::clone(&places).acquire_owned().await.ok() }).await
        {
            let Some(accepted) = stop.run_until_cancelled(listener.accept()).await else { break };
            match accepted {
                Ok((stream, client)) => {
                    let shared = Arc::clone(&shared);
                    connections.spawn(async move {
                        let _place = place;
                        shared.serve(stream, client).await;
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "the console cannot accept connections");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            }
        }
        connections.close();
        // A browser that reads slowly must not keep the gateway from ending.
        let _ = timeout(ENDING, connections.wait()).await;
    }
}

impl Shared {
    async fn serve(self: Arc<Self>, stream: TcpStream, client: SocketAddr) {
        let address = client.ip().to_canonical();
        let Some(_counted) = Counted::new(&self, address) else { return };
        let caller =
            Caller { address: Some(address), transport: Transport::Plain, certified: Vec::new() };
        match &self.server.way {
            Way::Plain => self.talk(stream, caller).await,
            Way::Proxied(proxies) => {
                if proxies.iter().any(|network| network.contains(address)) {
                    self.talk(stream, Caller { transport: Transport::Proxied, ..caller }).await;
                }
            }
            Way::Tls(tls) => {
                let shaken = TlsAcceptor::from(tls.current()).accept(stream);
                let Ok(Ok(stream)) = timeout(HANDSHAKE, shaken).await else { return };
                let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
                let certified = chain.first().map(|leaf| super::tls::subjects(leaf));
                let certified = certified.unwrap_or_default();
                self.talk(stream, Caller { transport: Transport::Tls, certified, ..caller }).await;
            }
        }
    }

    async fn talk(&self, stream: impl AsyncRead + AsyncWrite + Unpin, caller: Caller) {
        let service = service_fn(|request: Request<Incoming>| {
            let caller = caller.clone();
            async move { Ok::<_, Infallible>(self.answer(request, caller).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER)
            .max_buf_size(LARGEST_HEADER)
            .max_headers(HEADERS)
            .serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let lived = timeout(LONGEST_CONNECTION, async {
            tokio::select! {
                ended = connection.as_mut() => return ended,
                () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            connection.as_mut().await
        });
        // What goes wrong here is the client's: it has gone, or talks nonsense.
        let _ = lived.await;
    }

    /// A request waits for its turn, and has a time to be answered in, the
    /// reading of its body included.
    async fn answer(&self, request: Request<Incoming>, caller: Caller) -> Response {
        let Ok(_turn) = self.requests.acquire().await else {
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        };
        let caller = match caller.transport {
            Transport::Proxied => Caller { address: forwarded(request.headers()), ..caller },
            _ => caller,
        };
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(caller);
        let answered = TowerToHyperService::new(self.server.pages.clone()).call(request);
        match timeout(REQUEST, answered).await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => StatusCode::REQUEST_TIMEOUT.into_response(),
        }
    }
}

/// The last address is the proxy's own word; those before it are anybody's.
fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").into_iter().next_back()?.to_str().ok()?;
    last.rsplit(',').next()?.trim().parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// One of an address's connections, as long as it lives.
struct Counted<'a> {
    shared: &'a Shared,
    address: IpAddr,
}

impl<'a> Counted<'a> {
    /// None where it has too many; a proxy has those of everybody.
    fn new(shared: &'a Shared, address: IpAddr) -> Option<Self> {
        let limit = match shared.server.way {
            Way::Proxied(_) => CONNECTIONS,
            Way::Plain | Way::Tls(_) => CONNECTIONS_OF_ONE,
        };
        let mut clients = shared.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let count = clients.entry(address).or_default();
        if *count >= limit {
            return None;
        }
        *count += 1;
        Some(Self { shared, address })
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        let mut clients = self.shared.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = clients.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&self.address);
            }
        }
    }
}

const CONNECTIONS: usize = 512;
const CONNECTIONS_OF_ONE: usize = 64;
/// At the same time; others wait.
const REQUESTS: usize = 64;
const HANDSHAKE: Duration = Duration::from_secs(10);
/// For a request's header, and between two requests of a connection.
const HEADER: Duration = Duration::from_secs(30);
const REQUEST: Duration = Duration::from_secs(60);
const LONGEST_CONNECTION: Duration = Duration::from_secs(60 * 60);
const ENDING: Duration = Duration::from_secs(3);
/// Octets.
const LARGEST_HEADER: usize = 32 << 10;
const HEADERS: usize = 64;
