//! Fetching a policy from its host, by HTTPS (RFC 8461 section 3.3).
//!
//! The host proves its name by a certificate for exactly `mta-sts.` and the
//! domain; nothing else vouches for what it says. Redirects are not followed.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use hickory_resolver::TokioResolver;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::{Request, Response, StatusCode, body::Incoming, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::task::AbortOnDropHandle;

use crate::{
    config::{ExchangeAddresses, MtaSts},
    deliver::{deliverer::is_allowed, resolve},
    mail::{Domain, TlsFault},
};

/// Why there is no policy where there should be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(super) struct Unfetched {
    pub(super) fault: TlsFault,
    pub(super) why: String,
}

pub(super) struct Fetcher {
    pub(super) resolver: TokioResolver,
    tls: Arc<ClientConfig>,
    port: u16,
    addresses: ExchangeAddresses,
}

impl Fetcher {
    /// Reads trust anchors from disk; the reason where they cannot be used.
    pub(super) fn new(
        resolver: TokioResolver,
        settings: &MtaSts,
        addresses: ExchangeAddresses,
    ) -> Result<Self, String> {
        let tls = Arc::new(client_config(settings.trust_anchors.as_deref())?);
        Ok(Self { resolver, tls, port: settings.port, addresses })
    }

    /// The text of a domain's policy, whatever it says.
    pub(super) async fn fetch(&self, domain: &Domain) -> Result<Bytes, Unfetched> {
        let host = format!("mta-sts.{domain}");
        let host: Domain =
            host.parse().map_err(|error| unfetched("there can be no host", error))?;
        timeout(PATIENCE, self.fetch_from(&host))
            .await
            .unwrap_or_else(|_| Err(unfetched("no policy in time from", host)))
    }

    async fn fetch_from(&self, host: &Domain) -> Result<Bytes, Unfetched> {
        let mut stream = Err(unfetched("there is no address to connect to", host));
        for address in self.addresses_of(host).await?.into_iter().take(ADDRESSES) {
            stream = self.connect(host, SocketAddr::new(address, self.port)).await;
            match &stream {
                // Another address may answer; a certificate is its answer.
                Err(Unfetched { fault: TlsFault::StsPolicyFetchError, .. }) => {}
                _ => break,
            }
        }
        self.ask(host, stream?).await
    }

    async fn addresses_of(&self, host: &Domain) -> Result<Vec<IpAddr>, Unfetched> {
        let found = resolve::addresses(&self.resolver, host).await;
        let found = found.map_err(|error| unfetched("no policy host", error))?;
        Ok(found.into_iter().filter(|address| is_allowed(*address, self.addresses)).collect())
    }

    async fn connect(
        &self,
        host: &Domain,
        address: SocketAddr,
    ) -> Result<TlsStream<TcpStream>, Unfetched> {
        let name = ServerName::try_from(host.to_string()).map_err(|error| webpki(&error))?;
        let stream = timeout(TO_CONNECT, TcpStream::connect(address)).await;
        let stream = stream.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
        let stream = stream.map_err(|error| unfetched(&format!("{host} at {address}"), error))?;
        let shaken = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        match timeout(TO_CONNECT, shaken).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) if is_about_certificate(&error) => {
                Err(webpki(&format!("{host} at {address}: {error}")))
            }
            Ok(Err(error)) => Err(unfetched(&format!("TLS with {host} at {address}"), error)),
            Err(_) => Err(unfetched("no TLS in time with", host)),
        }
    }

    async fn ask(&self, host: &Domain, stream: TlsStream<TcpStream>) -> Result<Bytes, Unfetched> {
        let failed = |error: &dyn std::fmt::Display| unfetched(&format!("HTTP with {host}"), error);
        let handshake = http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| failed(&error))?;
        let _driven = AbortOnDropHandle::new(tokio::spawn(connection));
        let authority = match self.port {
            443 => host.to_string(),
            port => format!("{host}:{port}"),
        };
        let request = Request::get(PATH)
            .header(header::HOST, authority)
            .header(header::ACCEPT, "text/plain")
            .body(Empty::<Bytes>::new())
            .map_err(|error| failed(&error))?;
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        check(&response).map_err(|why| failed(&why))?;
        let body = Limited::new(response.into_body(), LARGEST).collect().await;
        Ok(body.map_err(|error| failed(&error))?.to_bytes())
    }
}

fn check(response: &Response<Incoming>) -> Result<(), String> {
    let status = response.status();
    if status.is_redirection() {
        return Err(format!("it answers {status}, and redirects are not followed"));
    }
    if status != StatusCode::OK {
        return Err(format!("it answers {status}"));
    }
    let media_type = response.headers().get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("text/plain") {
        return Err(format!("its answer is `{essence}`, not text/plain"));
    }
    Ok(())
}

fn client_config(anchors: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    match anchors {
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(path) => {
            let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
            for one in CertificateDer::pem_file_iter(path).map_err(|error| wrong(&error))? {
                let one = one.map_err(|error| wrong(&error))?;
                roots.add(one).map_err(|error| wrong(&error))?;
            }
            if roots.is_empty() {
                return Err(wrong(&"there is no certificate in it"));
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn is_about_certificate(error: &std::io::Error) -> bool {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(
        tls,
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
    )
}

fn unfetched(what: &str, cause: impl std::fmt::Display) -> Unfetched {
    Unfetched { fault: TlsFault::StsPolicyFetchError, why: format!("{what}: {cause}") }
}

fn webpki(why: &dyn std::fmt::Display) -> Unfetched {
    let why = format!("the policy host's certificate: {why}");
    Unfetched { fault: TlsFault::StsWebpkiInvalid, why }
}

const PATH: &str = "/.well-known/mta-sts.txt";
/// Octets; policies have some hundred.
const LARGEST: usize = 64 << 10;
/// For all of it, as RFC 8461 section 3.3 has it.
const PATIENCE: Duration = Duration::from_secs(60);
const TO_CONNECT: Duration = Duration::from_secs(15);
const ADDRESSES: usize = 4;
