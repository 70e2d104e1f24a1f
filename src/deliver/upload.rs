//! What a TLS report needs of the network: the TXT records at a name, and a
//! POST by HTTPS (RFC 8460 sections 3 and 5.4).
//!
//! The receiver proves its name: RFC 8460 lets us disregard that, but a report
//! says whom a hospital writes to, and is worth a certificate. Redirects are
//! not followed, and this machine's own services are not posted to.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, header};
use tokio::time::timeout;

use super::{
    deliverer::{Deliverer, is_allowed},
    lookup, resolve,
};
use crate::{
    https::{Client, Server},
    mail::Domain,
    report::tlsrpt::WebAddress,
};

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
        let server = self.server(to).await?;
        let request = Request::post(&to.path)
            .header(header::CONTENT_TYPE, "application/tlsrpt+gzip")
            .body(Full::new(report))
            .map_err(|error| wrong(&error))?;
        let answer = client(anchors).await?.send(&server, request).await;
        let answer = answer.map_err(|error| UploadError(format!("{to}: {error}")))?;
        match answer.status() {
            status if status.is_success() => Ok(()),
            status => Err(UploadError(format!("{to} answers {status}"))),
        }
    }

    async fn server(&self, to: &WebAddress) -> Result<Server, UploadError> {
        let addresses = resolve::addresses(&self.resolver, &to.host).await;
        let mut addresses = addresses.map_err(|error| wrong(&error))?;
        addresses.retain(|ip| is_allowed(*ip, self.exchange_addresses));
        Ok(Server { host: to.host.to_string(), port: to.port, addresses })
    }
}

/// Trust anchors are read anew for each of the few reports of a day, off the
/// IO threads.
async fn client(anchors: Option<&Path>) -> Result<Client, UploadError> {
    let anchors = anchors.map(Path::to_owned);
    let read = tokio::task::spawn_blocking(move || Client::trusting(anchors.as_deref())).await;
    read.map_err(|panic| wrong(&panic))?.map_err(|error| wrong(&error))
}

fn wrong(error: &dyn std::fmt::Display) -> UploadError {
    UploadError(error.to_string())
}

const PATIENCE: Duration = Duration::from_secs(30);
