//! What every request goes through: who asks, whether it comes from a page of
//! ours, and how the answer is dressed.
//!
//! A request that changes something must be sent by the console's own pages:
//! the browser's word for it (`Sec-Fetch-Site`, `Origin`) and the session's
//! token are both looked at here, before any handler, so that none can forget
//! to. Programs send the token in `X-CSRF-Token`; those that show a client
//! certificate with each request have none, and must send JSON, which no form
//! of a strange page can.

use std::{convert::Infallible, net::IpAddr, sync::Arc, time::Instant};

use axum::{
    body::{Body, Bytes, to_bytes},
    extract::{DefaultBodyLimit, FromRequestParts, Request, State},
    http::{HeaderMap, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{
    Console, Identity, Refusal, api,
    cookies::cookie,
    error_page,
    headers::{self, Transport},
    sessions::{Activity, SessionKey, SignedIn},
};
use crate::mail::DeedKind;

/// Who is at the other end of the connection; the server puts it beside each
/// request.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) address: Option<IpAddr>,
    pub(super) transport: Transport,
    /// The names in a certificate that was shown in the handshake.
    pub(super) certified: Vec<String>,
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned().unwrap_or(Self::UNKNOWN))
    }
}

/// The outermost layer.
pub(super) async fn door(
    State(console): State<Arc<Console>>,
    mut request: Request,
    next: Next,
) -> Response {
    let caller = request.extensions().get::<Caller>().cloned().unwrap_or(Caller::UNKNOWN);
    let visit = Visit {
        path: request.uri().path().to_owned(),
        target: request.uri().path_and_query().map(ToString::to_string).unwrap_or_default(),
        method: request.method().clone(),
        identity: identify(&console, &request, &caller),
    };
    let largest = if visit.identity.is_some() { LARGEST_UPLOAD } else { LARGEST_OF_STRANGERS };
    DefaultBodyLimit::max(largest).apply(&mut request);
    if let Some(identity) = &visit.identity {
        request.extensions_mut().insert(identity.clone());
    }
    let answer = match admit(&console, &visit, request).await {
        Ok(request) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let mut answer = dress(&console, &visit, answer);
    headers::protect(answer.headers_mut(), caller.transport);
    answer
}

/// What is known of a request after it has been given away.
pub(super) struct Visit {
    pub(super) path: String,
    /// With its query.
    pub(super) target: String,
    pub(super) method: Method,
    pub(super) identity: Option<Identity>,
}

impl Visit {
    fn is_for_programs(&self) -> bool {
        self.path.starts_with(api::PREFIX)
    }
}

impl Caller {
    const UNKNOWN: Self =
        Self { address: None, transport: Transport::Plain, certified: Vec::new() };
}

/// By the session's cookie; a program by its certificate. A person's
/// certificate opens a session first: browsers show it to whoever asks.
fn identify(console: &Console, request: &Request, caller: &Caller) -> Option<Identity> {
    let address = caller.address;
    let resumed = cookie(request.headers(), console.cookie().name).and_then(|secret| {
        let key = SessionKey::of(&secret);
        let activity = match request.headers().contains_key("postern-refresh") {
            true => Activity::Clock,
            false => Activity::Person,
        };
        let SignedIn { actor, csrf } = console.sessions.resume(key, activity, Instant::now())?;
        Some(Identity { actor, address, session: Some(key), csrf })
    });
    resumed.or_else(|| {
        let is_for_programs = request.uri().path().starts_with(api::PREFIX);
        let actor = is_for_programs.then(|| console.accounts.certified(&caller.certified))??;
        Some(Identity { actor, address, session: None, csrf: String::new() })
    })
}

async fn admit(console: &Console, visit: &Visit, request: Request) -> Result<Request, Refusal> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    if !host.is_some_and(|host| console.is_called(host)) {
        return Err(Refusal::NotOurName);
    }
    if matches!(visit.method, Method::GET | Method::HEAD) {
        return Ok(request);
    }
    if !is_from_here(request.headers(), |origin| console.is_origin(origin)) {
        return Err(Refusal::NotOurForm);
    }
    match &visit.identity {
        None => Ok(request),
        Some(identity) if identity.session.is_none() => match is_json(request.headers()) {
            true => Ok(request),
            false => Err(Refusal::NotOurForm),
        },
        Some(identity) => with_token(request, &identity.csrf).await,
    }
}

/// What a browser says of where a request began; other programs say nothing.
fn is_from_here(headers: &HeaderMap, is_origin: impl Fn(&str) -> bool) -> bool {
    let said = |name: header::HeaderName| headers.get(name).map(|value| value.to_str().ok());
    let site = said(header::HeaderName::from_static("sec-fetch-site"));
    let origin = said(header::ORIGIN);
    site.is_none_or(|site| matches!(site, Some("same-origin" | "none")))
        && origin.is_none_or(|origin| origin.is_some_and(is_origin))
}

fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|essence| essence.eq_ignore_ascii_case("application/json"))
}

fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or_default().trim())
}

/// The request as it came, if it brings the token: in its header, or as the
/// field `csrf` of a form; of one with files, as its first.
async fn with_token(request: Request, token: &str) -> Result<Request, Refusal> {
    if let Some(brought) = request.headers().get("x-csrf-token") {
        return match is_same(brought.as_bytes(), token.as_bytes()) {
            true => Ok(request),
            false => Err(Refusal::NotOurForm),
        };
    }
    let (parts, body) = request.into_parts();
    let essence = media_type(&parts.headers).unwrap_or_default().to_ascii_lowercase();
    let limit = if essence == "multipart/form-data" { LARGEST_UPLOAD } else { LARGEST_FORM };
    let body = to_bytes(body, limit).await.map_err(|_| Refusal::TooLarge)?;
    let brought = match essence.as_str() {
        "application/x-www-form-urlencoded" => in_form(&body),
        "multipart/form-data" => in_first_part(&body),
        _ => None,
    };
    match brought.is_some_and(|brought| is_same(brought, token.as_bytes())) {
        true => Ok(Request::from_parts(parts, Body::from(body))),
        false => Err(Refusal::NotOurForm),
    }
}

/// Tokens are written in letters that no form has to escape.
fn in_form(body: &Bytes) -> Option<&[u8]> {
    body.split(|octet| *octet == b'&').find_map(|field| field.strip_prefix(b"csrf="))
}

/// What stands between the first part's header and the next line end.
fn in_first_part(body: &Bytes) -> Option<&[u8]> {
    let head = body.get(..body.len().min(LONGEST_FIRST_PART))?;
    let end = memchr::memmem::find(head, b"\r\n\r\n")?;
    let (header, content) = (head.get(..end)?, head.get(end + 4..)?);
    memchr::memmem::find(header, b"name=\"csrf\"")?;
    content.get(..memchr::memmem::find(content, b"\r\n")?)
}

/// Takes as long for any two of a length.
pub(super) fn is_same(one: &[u8], other: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// Refusals as pages or as JSON, whoever made them.
fn dress(console: &Console, visit: &Visit, mut answer: Response) -> Response {
    let status = answer.status();
    if !status.is_client_error() && !status.is_server_error() {
        return answer;
    }
    let refusal = match answer.extensions_mut().remove::<Refusal>() {
        Some(refusal) => refusal,
        None if is_dressed(answer.headers()) => return answer,
        None => Refusal::from_status(status),
    };
    if let Refusal::Failed(cause) = &refusal {
        tracing::error!(path = visit.path, cause, "the console could not answer");
    }
    if let (Refusal::NotOurForm, Some(identity)) = (&refusal, &visit.identity) {
        // A page that has an officer's browser act is worth a look.
        console.tell(DeedKind::Denied, identity, Some("a request that no page here has made"));
    }
    let mut dressed = match visit.is_for_programs() {
        true => api::problem(&refusal),
        false => error_page::of(console, visit, &refusal),
    };
    if let Some(allow) = answer.headers_mut().remove(header::ALLOW) {
        dressed.headers_mut().insert(header::ALLOW, allow);
    }
    dressed
}

fn is_dressed(headers: &HeaderMap) -> bool {
    media_type(headers)
        .is_some_and(|essence| ["text/html", "application/problem+json"].contains(&essence))
}

impl Refusal {
    fn from_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::NotFound,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::Other(status, "This address does not take that method.".to_owned())
            }
            StatusCode::UNSUPPORTED_MEDIA_TYPE => {
                Self::Other(status, "This address does not take that kind of data.".to_owned())
            }
            _ if status.is_server_error() => Self::Failed(status.to_string()),
            _ => Self::Other(
                status,
                "A value that was sent is missing, or is not what is expected there.".to_owned(),
            ),
        }
    }
}

/// Octets.
const LARGEST_FORM: usize = 1 << 20;
/// Of whoever is not signed in: a form with a few fields.
const LARGEST_OF_STRANGERS: usize = 64 << 10;
/// Of a message to be tried.
const LARGEST_UPLOAD: usize = 32 << 20;
const LONGEST_FIRST_PART: usize = 1_024;
