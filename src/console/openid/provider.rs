//! Asking the provider: what it says of itself, its keys, and who somebody is.
//!
//! What it says of itself and its keys are kept for an hour. A token signed
//! with a key that is not among them has them asked for again, once a minute
//! at most: whoever makes up keys must not have us ask for each. After a
//! failure nobody is asked for some seconds.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode, header};
use jsonwebtoken::jwk::Jwk;
use percent_encoding::{PercentEncode, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::timeout};

use super::{
    claims::{self, Claims},
    metadata::{ClientAuthentication, Metadata, MetadataFault},
    token::{self, Expected, TokenFault},
};
use crate::{
    config::{HttpsUrl, OpenId, read_by_others},
    https::{AnchorsError, Client, HttpsError, Server},
    mail::NOT_UNRESERVED,
};

#[derive(Debug)]
pub(super) struct Provider {
    pub(super) settings: OpenId,
    client: Client,
    /// For one question.
    patience: Duration,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    metadata: Option<(Arc<Metadata>, Instant)>,
    keys: Option<(Arc<Vec<Jwk>>, Instant)>,
    /// When keys were asked for because of one that we did not know.
    renewed: Option<Instant>,
    failed: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Keys {
    AsKnown,
    Renewed,
}

/// What the provider gave for a code.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Value>,
}

/// Why the provider has vouched for nobody; without a word of its own, which
/// anybody could have put there.
#[derive(Debug, thiserror::Error)]
pub(super) enum ProviderError {
    #[error("it was not reached a moment ago")]
    Paused,
    #[error("{0}: {1}")]
    Lookup(String, io::Error),
    #[error("{0}: {1}")]
    Https(String, HttpsError),
    #[error("{0}: no answer in time")]
    Late(String),
    #[error("{0} answers {1}")]
    Status(String, StatusCode),
    #[error("{0} answers with something else than expected")]
    Answer(String),
    #[error(transparent)]
    Metadata(#[from] MetadataFault),
    #[error("client_secret_file: {0}")]
    Secret(io::Error),
    /// The code: used before, of another client, or made up.
    #[error("the provider takes the code for none of ours")]
    Code,
    #[error(transparent)]
    Token(#[from] TokenFault),
    #[error("the provider's user info is about somebody else")]
    OtherSubject,
}

impl ProviderError {
    /// Whether what was brought is at fault, and not the way to the provider.
    pub(super) fn is_about_the_answer(&self) -> bool {
        matches!(self, Self::Code | Self::Token(_) | Self::OtherSubject)
    }
}

impl Provider {
    /// Reads trust anchors from disk.
    pub(super) fn new(settings: OpenId) -> Result<Self, AnchorsError> {
        let client = Client::trusting(settings.trust_anchors.as_deref())?;
        Ok(Self { settings, client, patience: PATIENCE, known: Mutex::default() })
    }

    /// As it says now or said within the hour; longer ago where it does not
    /// answer.
    pub(super) async fn metadata(&self) -> Result<Arc<Metadata>, ProviderError> {
        let mut known = self.known.lock().await;
        let former = known.metadata.clone();
        if let Some((metadata, at)) = &former
            && at.elapsed() < KEPT
        {
            return Ok(Arc::clone(metadata));
        }
        let asked = match known.failed.is_some_and(|failed| failed.elapsed() < PAUSE) {
            true => Err(ProviderError::Paused),
            false => self.ask_metadata().await,
        };
        match (asked, former) {
            (Ok(metadata), _) => {
                let metadata = Arc::new(metadata);
                known.metadata = Some((Arc::clone(&metadata), Instant::now()));
                Ok(metadata)
            }
            (Err(error), former) => {
                if !matches!(error, ProviderError::Paused) {
                    tracing::warn!(%error, "the OpenID provider does not say what it is");
                    known.failed = Some(Instant::now());
                }
                former.map(|(metadata, _)| metadata).ok_or(error)
            }
        }
    }

    /// Who it is that a code stands for: what the ID token says and, where that
    /// is not all that is asked, the provider's user info.
    pub(super) async fn claims(
        &self,
        metadata: &Metadata,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
        nonce: &str,
    ) -> Result<Claims, ProviderError> {
        let tokens = self.exchange(metadata, code, verifier, redirect_uri).await?;
        let claims = self.proved(metadata, &tokens.id_token, nonce).await?;
        match (&metadata.user_info, &tokens.access_token) {
            (Some(address), Some(token)) if !claims::are_complete(&claims, &self.settings) => {
                self.completed(claims, address, token).await
            }
            _ => Ok(claims),
        }
    }

    async fn ask_metadata(&self) -> Result<Metadata, ProviderError> {
        let address = Metadata::address(&self.settings.issuer)?;
        Ok(Metadata::read(&self.fetch(&address, None).await?, &self.settings)?)
    }

    async fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        verifier: &str,
        redirect_uri: &str,
    ) -> Result<Tokens, ProviderError> {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", verifier),
        ];
        let client_id = self.settings.client_id.as_str();
        let secret = self.secret().await?;
        let mut request = Request::post(metadata.token.target())
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        match (&secret, metadata.authentication) {
            (Some(secret), ClientAuthentication::Basic) => {
                let pair = format!("{}:{}", encoded(client_id), encoded(secret));
                let value = format!("Basic {}", STANDARD.encode(pair));
                request = request.header(header::AUTHORIZATION, value);
            }
            (Some(secret), ClientAuthentication::Post) => {
                fields.extend([("client_id", client_id), ("client_secret", secret)]);
            }
            (None, _) => fields.push(("client_id", client_id)),
        }
        let request = request.body(Full::new(Bytes::from(form(&fields))));
        let answer = self.send(&metadata.token, request).await;
        let answer = answer.map_err(|error| match error {
            ProviderError::Status(_, StatusCode::BAD_REQUEST) => ProviderError::Code,
            error => error,
        })?;
        serde_json::from_slice(&answer)
            .map_err(|_| ProviderError::Answer(metadata.token.host().to_owned()))
    }

    async fn proved(
        &self,
        metadata: &Metadata,
        id_token: &str,
        nonce: &str,
    ) -> Result<Claims, ProviderError> {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let expected = Expected {
            issuer: self.settings.issuer.as_str(),
            client_id: &self.settings.client_id,
            nonce,
            now: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        };
        let keys = self.keys(metadata, Keys::AsKnown).await?;
        match token::verify(id_token, &keys, &expected) {
            // A wrong signature, too: a provider of one key need not name it, and
            // may have another by now.
            Err(TokenFault::UnknownKey | TokenFault::Signature) => {
                let keys = self.keys(metadata, Keys::Renewed).await?;
                Ok(token::verify(id_token, &keys, &expected)?)
            }
            verified => Ok(verified?),
        }
    }

    async fn keys(
        &self,
        metadata: &Metadata,
        wanted: Keys,
    ) -> Result<Arc<Vec<Jwk>>, ProviderError> {
        let mut known = self.known.lock().await;
        let may_renew = known.renewed.is_none_or(|renewed| renewed.elapsed() >= RENEWAL);
        if let Some((keys, at)) = &known.keys
            && at.elapsed() < KEPT
            && (wanted == Keys::AsKnown || !may_renew)
        {
            return Ok(Arc::clone(keys));
        }
        if wanted == Keys::Renewed {
            known.renewed = Some(Instant::now());
        }
        let unreadable = || ProviderError::Answer(metadata.keys.host().to_owned());
        let set: KeySet = serde_json::from_slice(&self.fetch(&metadata.keys, None).await?)
            .map_err(|_| unreadable())?;
        // Of a kind that we do not know, a key is of no use and no harm.
        let keys = set.keys.into_iter().take(MOST_KEYS);
        let keys = Arc::new(keys.filter_map(|key| serde_json::from_value(key).ok()).collect());
        known.keys = Some((Arc::clone(&keys), Instant::now()));
        Ok(keys)
    }

    /// Claims of user info beside those of the token, which nobody could have
    /// changed (Core 1.0 section 5.3.2).
    async fn completed(
        &self,
        mut claims: Claims,
        address: &HttpsUrl,
        token: &str,
    ) -> Result<Claims, ProviderError> {
        let told = self.fetch(address, Some(token)).await?;
        let told: Claims = serde_json::from_slice(&told)
            .map_err(|_| ProviderError::Answer(address.host().to_owned()))?;
        if told.get("sub").is_none() || told.get("sub") != claims.get("sub") {
            return Err(ProviderError::OtherSubject);
        }
        for (name, value) in told {
            claims.entry(name).or_insert(value);
        }
        Ok(claims)
    }

    /// What our registration's secret is now.
    async fn secret(&self) -> Result<Option<String>, ProviderError> {
        let Some(path) = self.settings.client_secret.clone() else { return Ok(None) };
        let read = tokio::task::spawn_blocking(move || match read_by_others(&path) {
            Some(_) => Err(io::Error::other("others on this machine can read it")),
            None => std::fs::read_to_string(&path),
        });
        let secret = read.await.map_err(|panic| ProviderError::Secret(io::Error::other(panic)))?;
        Ok(Some(secret.map_err(ProviderError::Secret)?.trim().to_owned()))
    }

    async fn fetch(&self, url: &HttpsUrl, bearer: Option<&str>) -> Result<Bytes, ProviderError> {
        let mut request = Request::get(url.target());
        if let Some(token) = bearer {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        self.send(url, request.body(Full::default())).await
    }

    /// JSON, and only where all went well.
    async fn send(
        &self,
        url: &HttpsUrl,
        request: Result<Request<Full<Bytes>>, hyper::http::Error>,
    ) -> Result<Bytes, ProviderError> {
        let host = || url.host().to_owned();
        let failed = |error: HttpsError| ProviderError::Https(host(), error);
        let mut request = request.map_err(|error| failed(error.into()))?;
        let accept = header::HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::ACCEPT, accept);
        let asked = async {
            let found = tokio::net::lookup_host((url.host(), url.port())).await;
            let found = found.map_err(|error| ProviderError::Lookup(host(), error))?;
            let addresses = found.map(|address| address.ip()).collect();
            let server = Server { host: host(), port: url.port(), addresses };
            let answer = self.client.send(&server, request).await.map_err(failed)?;
            match answer.status() {
                StatusCode::OK if answer.media_type().ends_with("json") => {
                    answer.body(LARGEST).await.map_err(failed)
                }
                StatusCode::OK => Err(ProviderError::Answer(host())),
                status => Err(ProviderError::Status(host(), status)),
            }
        };
        timeout(self.patience, asked).await.unwrap_or_else(|_| Err(ProviderError::Late(host())))
    }
}

/// Fields as a form, or as a query.
pub(super) fn form(fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().map(|(name, value)| format!("{name}={}", encoded(value)));
    fields.collect::<Vec<_>>().join("&")
}

fn encoded(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, NOT_UNRESERVED)
}

/// What it says of itself, and its keys.
const KEPT: Duration = Duration::from_secs(60 * 60);
const RENEWAL: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(10);
/// Octets.
const LARGEST: usize = 256 << 10;
const MOST_KEYS: usize = 100;

#[cfg(test)]
mod tests;
