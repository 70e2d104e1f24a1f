//! The API: whatever a page can do, a program can. Its description
//! (`/api/openapi.json`) is put together from all parts.
//!
//! A program is signed in as a person is, by the session's cookie, or shows a
//! client certificate with each request. What it changes it sends as JSON,
//! with the session's token (`GET /api/session` tells it) in `X-CSRF-Token`.

use axum::{
    Json,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utoipa::{
    OpenApi as _, ToSchema,
    openapi::{
        Content, OpenApi, Ref, RefOr, Response as Described,
        path::{Operation, PathItem},
    },
};

use super::{Identity, Refusal, Routes};
use crate::mail::Scope;

/// Under which all of it stands.
pub(super) const PREFIX: &str = "/api/";

/// Why a request was refused (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
pub struct Problem {
    title: String,
    status: u16,
    detail: String,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Postern's console",
        description = "Whatever an officer can do in the console. Sign in first: a session's \
            cookie, or a client certificate. Requests that change something are JSON and, with a \
            session, have its token in `X-CSRF-Token`.",
    ),
    paths(session),
    components(schemas(Problem))
)]
struct OwnApi;

pub(super) fn description() -> OpenApi {
    OwnApi::openapi()
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes.signed_in("/api/session", axum::routing::get(session))
}

/// Who is signed in.
#[derive(Debug, Serialize, ToSchema)]
struct SessionAnswer {
    name: String,
    roles: Vec<String>,
    /// Organisations whose messages they may see; absent where all.
    #[serde(skip_serializing_if = "Option::is_none")]
    organisations: Option<Vec<String>>,
    /// For `X-CSRF-Token`; absent where a certificate is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf: Option<String>,
}

#[utoipa::path(
    get,
    path = "/api/session",
    summary = "Who is signed in, and the token that changes need",
    responses((status = 200, body = SessionAnswer)),
)]
async fn session(identity: Identity) -> Json<SessionAnswer> {
    let Identity { actor, session, csrf, .. } = identity;
    Json(SessionAnswer {
        name: actor.name,
        roles: actor.roles.iter().map(ToString::to_string).collect(),
        organisations: match actor.scope {
            Scope::Everybody => None,
            Scope::Organisations(names) => Some(names),
        },
        csrf: session.map(|_| csrf),
    })
}

/// Every operation can be refused, and says so in the same way.
pub(super) fn with_refusals(mut description: OpenApi) -> OpenApi {
    for item in description.paths.paths.values_mut() {
        for operation in operations(item) {
            let responses = &mut operation.responses.responses;
            responses.entry("default".to_owned()).or_insert_with(|| RefOr::T(refused()));
        }
    }
    description
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    [get, put, post, delete, patch].into_iter().flatten()
}

fn refused() -> Described {
    let mut described = Described::new("Refused, and why");
    let content = Content::new(Some(RefOr::Ref(Ref::from_schema_name("Problem"))));
    described.content.insert("application/problem+json".to_owned(), RefOr::T(content));
    described
}

pub(super) fn problem(refusal: &Refusal) -> Response {
    let status = refusal.status();
    let problem = Problem {
        title: refusal.title().to_owned(),
        status: status.as_u16(),
        detail: refusal.to_string(),
    };
    let mut response = (status, Json(problem)).into_response();
    let media_type = HeaderValue::from_static("application/problem+json");
    response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    response
}
