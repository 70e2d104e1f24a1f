//! Fetching a policy from its host, by HTTPS (RFC 8461 section 3.3).
//!
//! The host proves its name by a certificate for exactly `mta-sts.` and the
//! domain; nothing else vouches for what it says. Redirects are not followed.

use std::{path::Path, time::Duration};

use bytes::Bytes;
use hickory_resolver::TokioResolver;
use http_body_util::Full;
use hyper::{Request, StatusCode, header};
use tokio::time::timeout;

use crate::{
    config::{ExchangeAddresses, MtaSts},
    deliver::{deliverer::is_allowed, resolve},
    https::{Answer, Client, HttpsError, Server},
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
    client: Client,
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
        let anchors: Option<&Path> = settings.trust_anchors.as_deref();
        let client = Client::trusting(anchors).map_err(|error| error.to_string())?;
        Ok(Self { resolver, client, port: settings.port, addresses })
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
        let failed = |error: &dyn std::fmt::Display| unfetched(&format!("HTTP with {host}"), error);
        let request = Request::get(PATH)
            .header(header::ACCEPT, "text/plain")
            .body(Full::default())
            .map_err(|error| failed(&error))?;
        let answer = self.client.send(&self.server(host).await?, request).await;
        let answer = answer.map_err(|error| not_sent(host, &error))?;
        check(&answer).map_err(|why| failed(&why))?;
        answer.body(LARGEST).await.map_err(|error| failed(&error))
    }

    async fn server(&self, host: &Domain) -> Result<Server, Unfetched> {
        let found = resolve::addresses(&self.resolver, host).await;
        let mut addresses = found.map_err(|error| unfetched("no policy host", error))?;
        addresses.retain(|address| is_allowed(*address, self.addresses));
        Ok(Server { host: host.to_string(), port: self.port, addresses })
    }
}

fn check(answer: &Answer) -> Result<(), String> {
    let status = answer.status();
    if status.is_redirection() {
        return Err(format!("it answers {status}, and redirects are not followed"));
    }
    if status != StatusCode::OK {
        return Err(format!("it answers {status}"));
    }
    let media_type = answer.media_type();
    if !media_type.eq_ignore_ascii_case("text/plain") {
        return Err(format!("its answer is `{media_type}`, not text/plain"));
    }
    Ok(())
}

fn not_sent(host: &Domain, error: &HttpsError) -> Unfetched {
    match error {
        HttpsError::Certificate(_) => {
            let why = format!("the policy host {host}: {error}");
            Unfetched { fault: TlsFault::StsWebpkiInvalid, why }
        }
        _ => unfetched(host.as_str(), error),
    }
}

fn unfetched(what: &str, cause: impl std::fmt::Display) -> Unfetched {
    Unfetched { fault: TlsFault::StsPolicyFetchError, why: format!("{what}: {cause}") }
}

const PATH: &str = "/.well-known/mta-sts.txt";
/// Octets; policies have some hundred.
const LARGEST: usize = 64 << 10;
/// For all of it, as RFC 8461 section 3.3 has it.
const PATIENCE: Duration = Duration::from_secs(60);
