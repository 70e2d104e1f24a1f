//! What a TLS report needs of the network: the TXT records at a name, and a
//! POST by HTTPS (RFC 8460 sections 3 and 5.4).
//!
//! The receiver proves its name: RFC 8460 lets us disregard that, but a report
//! says whom a hospital writes to, and is worth a certificate. Redirects are
//! not followed, and this machine's own services are not posted to.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use super::{
    deliverer::{Deliverer, is_allowed},
    lookup, resolve,
    tls::server_name,
};
use crate::{mail::Domain, report::tlsrpt::WebAddress};

/// Why a lookup or an upload came to nothing, for the log; it may be tried
/// again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UploadError(String);

impl Deliverer {
    /// Each record's strings joined; none where there are none.
    pub async fn texts(&self, name: &Domain) -> Result<Vec<String>, UploadError> {
        let name = resolve::absolute(name).map_err(|error| wrong(&error))?;
        let texts = lookup::texts(&self.resolver, &name).await.map_err(|error| wrong(&error))?;
        Ok(texts.iter().map(|text| String::from_utf8_lossy(text).into_owned()).collect())
    }

    /// Posts a gzipped report; only 2xx is a yes. Takes no longer than half a
    /// minute; cancelling closes the connection.
    pub async fn upload(
        &self,
        to: &WebAddress,
        report: Bytes,
        anchors: Option<&Path>,
    ) -> Result<(), UploadError> {
        let posted = timeout(PATIENCE, self.post(to, report, anchors)).await;
        posted.unwrap_or_else(|_| Err(UploadError(format!("no answer in time from {to}"))))
    }

    async fn post(
        &self,
        to: &WebAddress,
        report: Bytes,
        anchors: Option<&Path>,
    ) -> Result<(), UploadError> {
        let config = client_config(anchors).await?;
        let stream = self.reach(to).await?;
        let name = server_name(&to.host).map_err(|error| wrong(&error))?;
        let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
        let stream = stream.map_err(|error| UploadError(format!("TLS with {to}: {error}")))?;
        let failed = |error: hyper::Error| UploadError(format!("HTTP with {to}: {error}"));
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(failed)?;
        let _driven = AbortOnDropHandle::new(tokio::spawn(connection));
        let authority = match to.port {
            443 => to.host.to_string(),
            port => format!("{}:{port}", to.host),
        };
        let request = Request::post(&to.path)
            .header(header::HOST, authority)
            .header(header::CONTENT_TYPE, "application/tlsrpt+gzip")
            .body(Full::new(report))
            .map_err(|error| wrong(&error))?;
        let response = sender.send_request(request).await.map_err(failed)?;
        match response.status() {
            status if status.is_success() => Ok(()),
            status => Err(UploadError(format!("{to} answers {status}"))),
        }
    }

    async fn reach(&self, to: &WebAddress) -> Result<TcpStream, UploadError> {
        let addresses = resolve::addresses(&self.resolver, &to.host).await;
        let addresses = addresses.map_err(|error| wrong(&error))?;
        let allowed = addresses.into_iter().filter(|ip| is_allowed(*ip, self.exchange_addresses));
        let mut last = UploadError(format!("{} has no address to connect to", to.host));
        for address in allowed.take(ADDRESSES) {
            match timeout(TO_CONNECT, TcpStream::connect(SocketAddr::new(address, to.port))).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = UploadError(format!("{to} at {address}: {error}")),
                Err(_) => last = UploadError(format!("{to} at {address}: no answer in time")),
            }
        }
        Err(last)
    }
}

/// Read anew for each of the few reports of a day, off the IO threads.
async fn client_config(anchors: Option<&Path>) -> Result<ClientConfig, UploadError> {
    let anchors = anchors.map(Path::to_owned);
    let read = tokio::task::spawn_blocking(move || roots(anchors.as_deref())).await;
    let roots = read.map_err(|panic| wrong(&panic))??;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| wrong(&error))?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

fn roots(anchors: Option<&Path>) -> Result<RootCertStore, UploadError> {
    let mut roots = RootCertStore::empty();
    match anchors {
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
        Some(path) => {
            let unreadable = |error| UploadError(format!("{}: {error}", path.display()));
            for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
                let certificate = certificate.map_err(unreadable)?;
                roots.add(certificate).map_err(|error| wrong(&error))?;
            }
        }
    }
    Ok(roots)
}

fn wrong(error: &dyn std::fmt::Display) -> UploadError {
    UploadError(error.to_string())
}

const PATIENCE: Duration = Duration::from_secs(30);
const TO_CONNECT: Duration = Duration::from_secs(10);
const ADDRESSES: usize = 4;
