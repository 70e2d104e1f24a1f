//! What browsers see of a sign-in elsewhere: they are led to the provider,
//! come back with an answer, and are told when nothing came of it.
//!
//! All of it is by links: a form of ours may lead nowhere else (`form-action`),
//! and nothing is done here that somebody's own link could misuse.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use askama::Template;
use aws_lc_rs::digest;
use axum::{
    Extension,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use moka::{ops::compute::Op, sync::Cache};
use serde::Deserialize;
use serde_json::Value;

use super::{
    claims::{self, Claims},
    metadata::Metadata,
    pending::{Begun, CannotBegin, LIFETIME, Pending},
    provider::{Provider, form},
    unproved::{ProviderRefusal, Unproved},
};
use crate::{
    config::{ConsoleUrl, OpenId},
    console::{
        Answer, Console, Frame, Identity, Refusal, Routes,
        cookies::{CookieKind, cookie},
        door::Caller,
        guesses::Network,
        page, sign_in,
    },
    https::AnchorsError,
    mail::{Actor, DeedKind},
};

pub(in crate::console) fn routes(routes: Routes) -> Routes {
    routes.open(PATH, get(begin)).open(CALLBACK, get(come_back)).open(SIGNED_OUT, get(signed_out))
}

/// Where people come in whom the provider vouches for.
#[derive(Debug)]
pub(in crate::console) struct OpenIdDoor {
    provider: Provider,
    pending: Pending,
    /// What is told of answers that nobody vouches for, so that no stranger
    /// can fill the audit trail.
    told: Cache<Network, usize>,
    console: ConsoleUrl,
}

/// What the provider has the browser bring.
#[derive(Debug, Deserialize)]
struct Brought {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    /// RFC 9207.
    iss: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    next: String,
}

/// Somebody whom the provider and the claims make somebody here.
struct Proved {
    actor: Actor,
    /// As the provider knows them for good, whatever they are called.
    subject: Option<String>,
    next: String,
}

impl OpenIdDoor {
    /// Reads trust anchors from disk.
    pub(in crate::console) fn new(
        settings: OpenId,
        console: &ConsoleUrl,
    ) -> Result<Self, AnchorsError> {
        Ok(Self {
            provider: Provider::new(settings)?,
            pending: Pending::default(),
            told: Cache::builder().max_capacity(NETWORKS).time_to_live(MINUTE).build(),
            console: console.clone(),
        })
    }

    /// What people call the provider.
    pub(in crate::console) fn label(&self) -> &str {
        &self.provider.settings.label
    }

    fn redirect_uri(&self) -> String {
        format!("{}{CALLBACK}", self.console)
    }

    /// The page of the provider's where somebody says who they are.
    fn authorization(&self, metadata: &Metadata, begun: &Begun) -> String {
        let OpenId { client_id, scopes, .. } = &self.provider.settings;
        let challenge = digest::digest(&digest::SHA256, begun.verifier.as_bytes());
        let query = form(&[
            ("response_type", "code"),
            ("client_id", client_id),
            ("redirect_uri", &self.redirect_uri()),
            ("scope", &format!("openid {}", scopes.join(" "))),
            ("state", &begun.state),
            ("nonce", &begun.nonce),
            ("code_challenge", &URL_SAFE_NO_PAD.encode(challenge)),
            ("code_challenge_method", "S256"),
        ]);
        with_query(metadata.authorization.as_str(), &query)
    }

    async fn prove(&self, brought: &Brought, browser: &str) -> Result<Proved, Unproved> {
        let sign_in = self.pending.take(&brought.state, browser, Instant::now())?;
        let metadata = self.provider.metadata().await?;
        let settings = &self.provider.settings;
        if !metadata.is_answer_of(&settings.issuer, brought.iss.as_deref()) {
            return Err(Unproved::OtherProvider);
        }
        if let Some(error) = &brought.error {
            return Err(Unproved::Refused(ProviderRefusal::of(error)));
        }
        let code = brought.code.as_deref().ok_or(Unproved::NoCode)?;
        let uri = self.redirect_uri();
        let claims =
            self.provider.claims(&metadata, code, &sign_in.verifier, &uri, &sign_in.nonce).await?;
        let subject = subject(&claims).map(str::to_owned);
        match claims::actor(&claims, settings) {
            Ok(actor) => Ok(Proved { actor, subject, next: sign_in.next }),
            Err(cause) => Err(Unproved::NoAccess(claims::name(&claims, settings).ok(), cause)),
        }
    }

    /// Whether one more failure is to be told.
    fn is_worth_telling(&self, network: Network) -> bool {
        let counted = self.told.entry(network).and_compute_with(|before| {
            match before.map_or(0, moka::Entry::into_value) {
                TOLD_A_MINUTE.. => Op::Nop,
                count => Op::Put(count + 1),
            }
        });
        !matches!(counted, moka::ops::compute::CompResult::Unchanged(_))
    }
}

async fn begin(
    State(console): State<Arc<Console>>,
    Query(wanted): Query<Wanted>,
    caller: Caller,
    frame: Frame,
) -> Answer {
    let door = console.openid.as_ref().ok_or(Refusal::NotFound)?;
    let next = sign_in::local(&wanted.next);
    if frame.who.is_some() {
        return Ok(Redirect::to(next).into_response());
    }
    let metadata = match door.provider.metadata().await {
        Ok(metadata) => metadata,
        Err(_) => {
            let said =
                format!("{} cannot be reached right now. Try again in a minute", door.label());
            let unavailable = StatusCode::SERVICE_UNAVAILABLE;
            return sign_in::refused(&console, &caller, frame, unavailable, said);
        }
    };
    let begun = door.pending.begin(next, Network::of(caller.address), Instant::now());
    let begun = begun.map_err(|error| match error {
        CannotBegin::TooMany => Refusal::TooOften,
        CannotBegin::NoRandomness(error) => Refusal::Failed(error.to_string()),
    })?;
    let cookie = own_cookie(&console).lend(&begun.browser, LIFETIME);
    let cookie = cookie.ok_or_else(|| Refusal::Failed("no cookie can hold it".to_owned()))?;
    let led = Redirect::to(&door.authorization(&metadata, &begun));
    Ok(([(header::SET_COOKIE, cookie)], led).into_response())
}

async fn come_back(
    State(console): State<Arc<Console>>,
    Query(brought): Query<Brought>,
    caller: Caller,
    former: Option<Extension<Identity>>,
    headers: HeaderMap,
    frame: Frame,
) -> Answer {
    let door = console.openid.as_ref().ok_or(Refusal::NotFound)?;
    let browser = cookie(&headers, own_cookie(&console).name).unwrap_or_default();
    let cause = match door.prove(&brought, &browser).await {
        Ok(Proved { actor, subject, next }) => {
            if let Some(session) = former.and_then(|former| former.session) {
                console.sessions.end(session);
            }
            let words = subject.map(|subject| format!("by OpenID Connect, subject {subject}"));
            let words = words.as_deref().unwrap_or("by OpenID Connect");
            let answer = sign_in::begin(&console, &caller, actor, &next, Some(words))?;
            return Ok(without_own_cookie(&console, answer));
        }
        Err(cause) => cause,
    };
    tell(&console, door, &caller, &cause);
    let answer =
        sign_in::refused(&console, &caller, frame, cause.status(), cause.said(door.label()))?;
    match cause {
        // The cookie is perhaps of another sign-in, which this must not end.
        Unproved::Stray(_) => Ok(answer),
        _ => Ok(without_own_cookie(&console, answer)),
    }
}

#[derive(Template)]
#[template(path = "signed_out.html")]
struct SignedOutPage<'a> {
    frame: Frame,
    label: &'a str,
    end_session: String,
}

/// Who has signed out here may still be signed in there, and get back in
/// without a word.
async fn signed_out(State(console): State<Arc<Console>>, frame: Frame) -> Answer {
    let door = console.openid.as_ref().ok_or(Refusal::NotFound)?;
    let known = door.provider.metadata().await.ok();
    let Some(end_session) = known.as_ref().and_then(|known| known.end_session.as_ref()) else {
        return Ok(Redirect::to(sign_in::PATH).into_response());
    };
    let query = form(&[
        ("client_id", &door.provider.settings.client_id),
        ("post_logout_redirect_uri", &format!("{}{}", door.console, sign_in::PATH)),
    ]);
    let end_session = with_query(end_session.as_str(), &query);
    page(&SignedOutPage { frame, label: door.label(), end_session })
}

fn tell(console: &Console, door: &OpenIdDoor, caller: &Caller, cause: &Unproved) {
    if let Unproved::Provider(error) = cause {
        tracing::warn!(%error, "the OpenID provider has vouched for nobody");
    }
    // Whoever the provider knows is somebody; others are told of for a while.
    let by = match cause {
        Unproved::NoAccess(name, _) => name.as_deref(),
        _ if door.is_worth_telling(Network::of(caller.address)) => None,
        _ => return,
    };
    let words = format!("by OpenID Connect: {cause}");
    let by = by.unwrap_or("unknown");
    sign_in::tell(console, caller, DeedKind::SignInFailed, by, Some(&words));
}

/// Only where it can stand in an audit line.
fn subject(claims: &Claims) -> Option<&str> {
    claims.get("sub").and_then(Value::as_str).filter(|subject| claims::is_name(subject))
}

/// As the session's own: the provider leads back by a link.
fn own_cookie(console: &Console) -> CookieKind {
    let name = match console.url.is_https() {
        true => "__Host-postern-openid",
        false => "postern-openid",
    };
    CookieKind { name, ..console.cookie() }
}

fn without_own_cookie(console: &Console, mut answer: Response) -> Response {
    if let Some(cleared) = own_cookie(console).clear() {
        answer.headers_mut().append(header::SET_COOKIE, cleared);
    }
    answer
}

fn with_query(url: &str, query: &str) -> String {
    let mark = if url.contains('?') { '&' } else { '?' };
    format!("{url}{mark}{query}")
}

pub(in crate::console) const PATH: &str = "/sign-in/openid";
const CALLBACK: &str = "/sign-in/openid/callback";
pub(in crate::console) const SIGNED_OUT: &str = "/signed-out";
const MINUTE: Duration = Duration::from_secs(60);
/// Of one network.
const TOLD_A_MINUTE: usize = 20;
const NETWORKS: u64 = 4_096;
