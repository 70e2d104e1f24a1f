//! HTTPS as a client: one request, and an answer whose size has a limit.
//!
//! Whoever asks has looked the addresses up, and says which may be connected
//! to. The server proves its name to the trust anchors it is asked with.
//! Redirects are not followed: what answers is whom was asked.

use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, StatusCode,
    body::Incoming,
    client::conn::http1,
    header::{self, HeaderName, HeaderValue},
};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::task::AbortOnDropHandle;

/// Speaks to servers that some trust anchors vouch for.
#[derive(Clone, Debug)]
pub struct Client {
    tls: Arc<ClientConfig>,
}

/// Whom a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// A name, or an address without brackets: its certificate is for it.
    pub host: String,
    pub port: u16,
    /// The first few are tried.
    pub addresses: Vec<IpAddr>,
}

/// Its head; the body is read when it is asked for.
#[derive(Debug)]
pub struct Answer {
    response: hyper::Response<Incoming>,
    _driven: AbortOnDropHandle<Result<(), hyper::Error>>,
}

#[derive(Debug, thiserror::Error)]
pub enum AnchorsError {
    #[error("{}: {cause}", path.display())]
    Unreadable { path: PathBuf, cause: rustls::pki_types::pem::Error },
    #[error("{}: {cause}", path.display())]
    Unusable { path: PathBuf, cause: rustls::Error },
    #[error("{}: there is no certificate in it", .0.display())]
    None(PathBuf),
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpsError {
    #[error("there is no address to connect to")]
    NoAddress,
    #[error("{0}: {1}")]
    Unreachable(IpAddr, std::io::Error),
    /// The server is not proved to be whom was asked.
    #[error("its certificate: {0}")]
    Certificate(std::io::Error),
    #[error("TLS: {0}")]
    Tls(std::io::Error),
    #[error("HTTP: {0}")]
    Http(#[from] hyper::Error),
    #[error("a request that cannot be written: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("its answer: {0}")]
    Body(Box<dyn std::error::Error + Send + Sync>),
}

impl Client {
    /// Reads trust anchors from disk: those of the file and no others, or the
    /// system's.
    pub fn trusting(anchors: Option<&Path>) -> Result<Self, AnchorsError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = builder.with_root_certificates(roots(anchors)?).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: Arc::new(config) })
    }

    /// The request's target is a path with its query; its Host is added.
    /// Connecting has its time; the whole is for the caller to bound.
    /// Cancelling closes the connection.
    pub async fn send(
        &self,
        server: &Server,
        mut request: Request<Full<Bytes>>,
    ) -> Result<Answer, HttpsError> {
        let authority = HeaderValue::from_str(&server.authority());
        request.headers_mut().insert(header::HOST, authority.map_err(hyper::http::Error::from)?);
        let stream = self.connect(server).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let driven = AbortOnDropHandle::new(tokio::spawn(connection));
        let response = sender.send_request(request).await?;
        Ok(Answer { response, _driven: driven })
    }

    /// Another address may answer where one does not; a certificate is an
    /// answer.
    async fn connect(&self, server: &Server) -> Result<TlsStream<TcpStream>, HttpsError> {
        let mut last = HttpsError::NoAddress;
        for address in server.addresses.iter().take(ADDRESSES) {
            match self.connect_to(server, *address).await {
                Err(HttpsError::Certificate(cause)) => return Err(HttpsError::Certificate(cause)),
                Err(error) => last = error,
                Ok(stream) => return Ok(stream),
            }
        }
        Err(last)
    }

    async fn connect_to(
        &self,
        server: &Server,
        address: IpAddr,
    ) -> Result<TlsStream<TcpStream>, HttpsError> {
        let name = ServerName::try_from(server.host.clone())
            .map_err(|error| HttpsError::Certificate(std::io::Error::other(error)))?;
        let stream = TcpStream::connect(SocketAddr::new(address, server.port));
        let stream =
            in_time(stream).await.map_err(|cause| HttpsError::Unreachable(address, cause))?;
        let shaken = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream);
        in_time(shaken).await.map_err(|cause| match is_about_certificate(&cause) {
            true => HttpsError::Certificate(cause),
            false => HttpsError::Tls(cause),
        })
    }
}

impl Server {
    /// As the Host field has it: the usual port is left out.
    fn authority(&self) -> String {
        let host = match self.host.contains(':') {
            true => format!("[{}]", self.host),
            false => self.host.clone(),
        };
        match self.port {
            443 => host,
            port => format!("{host}:{port}"),
        }
    }
}

impl Answer {
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// Nothing where it is missing, or is not text.
    pub fn header(&self, name: &HeaderName) -> &str {
        let value = self.response.headers().get(name);
        value.and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// What kind of data the body says it is, without parameters.
    pub fn media_type(&self) -> &str {
        self.header(&header::CONTENT_TYPE).split(';').next().unwrap_or_default().trim()
    }

    /// All of it, if it is not larger, in octets.
    pub async fn body(self, largest: usize) -> Result<Bytes, HttpsError> {
        let body = Limited::new(self.response.into_body(), largest).collect().await;
        Ok(body.map_err(HttpsError::Body)?.to_bytes())
    }
}

fn roots(anchors: Option<&Path>) -> Result<RootCertStore, AnchorsError> {
    let mut roots = RootCertStore::empty();
    let Some(path) = anchors else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        return Ok(roots);
    };
    let unreadable = |cause| AnchorsError::Unreadable { path: path.to_owned(), cause };
    for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
        let added = roots.add(certificate.map_err(unreadable)?);
        added.map_err(|cause| AnchorsError::Unusable { path: path.to_owned(), cause })?;
    }
    match roots.is_empty() {
        true => Err(AnchorsError::None(path.to_owned())),
        false => Ok(roots),
    }
}

async fn in_time<T>(connecting: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    let connected = timeout(TO_CONNECT, connecting).await;
    connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
}

fn is_about_certificate(error: &std::io::Error) -> bool {
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    matches!(
        tls,
        Some(rustls::Error::InvalidCertificate(_) | rustls::Error::NoCertificatesPresented)
    )
}

/// For TCP, and again for TLS.
const TO_CONNECT: Duration = Duration::from_secs(10);
const ADDRESSES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_port_is_left_out_and_an_ipv6_address_stands_in_brackets() {
        for (host, port, authority) in [
            ("login.example", 443, "login.example"),
            ("login.example", 8443, "login.example:8443"),
            ("::1", 8443, "[::1]:8443"),
        ] {
            let server = Server { host: host.to_owned(), port, addresses: Vec::new() };
            assert_eq!(server.authority(), authority);
        }
    }

    #[test]
    fn a_file_without_a_certificate_vouches_for_nobody() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let refused = Client::trusting(Some(file.path()));
        assert!(matches!(refused, Err(AnchorsError::None(_))), "{refused:?}");
        assert!(Client::trusting(Some(Path::new("no/such.pem"))).is_err());
    }
}
