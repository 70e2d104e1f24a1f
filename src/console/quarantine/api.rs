//! Quarantine for programs: whatever the pages can do.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    message::{SHORTEST_PASSPHRASE, attached, queue_id, said_why},
    order::{LONGEST, permission},
    wanted::Wanted,
};
use crate::{
    console::{Acted, Console, HeldQuery, Identity, Refusal, Routes, Which, fields::Asked},
    mail::{
        HeldAct, HeldEntry, HeldFilter,
        Permission::{Export, Reveal, ViewHeld},
    },
    quarantine::{MessageView, Sight},
};

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(list, message, view, reveal, act, export),
    components(schemas(
        HeldList,
        HeldDetails,
        Shown,
        Why,
        ActRequest,
        ActAnswer,
        ActRefused,
        ExportRequest
    ))
)]
struct QuarantineApi;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .guarded("/api/quarantine", ViewHeld, get(list))
        .guarded("/api/quarantine/acts", ViewHeld, post(act))
        .guarded("/api/quarantine/{id}", ViewHeld, get(message))
        .guarded("/api/quarantine/{id}/view", ViewHeld, get(view))
        .guarded("/api/quarantine/{id}/reveal", Reveal, post(reveal))
        .guarded("/api/quarantine/{id}/export", Export, post(export))
        .described::<QuarantineApi>()
}

/// A piece of the list, and how long the whole is.
#[derive(Serialize, ToSchema)]
struct HeldList {
    #[schema(value_type = Vec<Object>)]
    entries: Vec<HeldEntry>,
    total: usize,
}

/// What is known of a message, beside its content; masked.
#[derive(Serialize, ToSchema)]
struct HeldDetails {
    #[schema(value_type = Object)]
    entry: HeldEntry,
    /// Why it is held, as the rule says.
    reason: String,
    #[schema(value_type = Vec<Object>)]
    findings: Vec<crate::mail::Finding>,
    needs_approval: bool,
}

/// The message as text, with what was found in it marked.
#[derive(Serialize, ToSchema)]
struct Shown {
    #[schema(value_type = Object)]
    view: MessageView,
}

/// Why somebody looks: it goes on record.
#[derive(Deserialize, ToSchema)]
struct Why {
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

/// Which messages, what is done with them, and why.
#[derive(Deserialize, ToSchema)]
struct ActRequest {
    /// These messages; or give `filter`.
    #[serde(default)]
    #[schema(max_items = 500)]
    ids: Vec<String>,
    /// All that it means at this moment.
    #[schema(value_type = Option<Object>)]
    filter: Option<HeldFilter>,
    /// `{"act": "release"}`, `{"act": "reject"}`, `{"act": "redirect", "to": "smtp://…"}`,
    /// `{"act": "extend", "until": milliseconds}`, `{"act": "legal-hold"}`,
    /// `{"act": "lift-legal-hold"}`, and `{"act": "approve", "proposed_at": MOMENT}` or
    /// `{"act": "withdraw", "proposed_at": MOMENT}` with the moment of the
    /// proposal that is meant, as the message has it.
    #[schema(value_type = Object)]
    act: HeldAct,
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

#[derive(Serialize, ToSchema)]
struct ActAnswer {
    done: usize,
    /// Another must approve these first.
    proposed: usize,
    /// The first of those on which it was not done, and why.
    refused: Vec<ActRefused>,
    refusals: usize,
}

#[derive(Serialize, ToSchema)]
struct ActRefused {
    id: String,
    why: String,
}

#[derive(Deserialize, ToSchema)]
struct ExportRequest {
    /// Opens the archive.
    #[schema(min_length = 12)]
    passphrase: String,
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

#[utoipa::path(
    get,
    path = "/api/quarantine",
    summary = "What is held, as the list's filter says",
    params(
        ("text" = Option<String>, Query, description = "In sender, recipients, subject, rule or id"),
        ("level" = Option<String>, Query, description = "0 to 4"),
        ("rule" = Option<String>, Query),
        ("kind" = Option<String>, Query, description = "Such as nhs_number"),
        ("organisation" = Option<String>, Query, description = "Its ODS code"),
        ("direction" = Option<String>, Query, description = "inbound or outbound"),
        ("state" = Option<String>, Query, description = "overdue, proposed, requested or legal-hold"),
        ("since" = Option<String>, Query, description = "Received from this day on: 2026-11-23"),
        ("until" = Option<String>, Query, description = "Received up to this day"),
        ("order" = Option<String>, Query, description = "due, level, newest or oldest"),
        ("offset" = Option<String>, Query, description = "Leaves out so many"),
    ),
    responses((status = 200, body = HeldList)),
)]
async fn list(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Asked(fields): Asked,
) -> Result<Json<HeldList>, Refusal> {
    let offset = match fields.one("offset") {
        "" => 0,
        written => written.parse().map_err(|_| Refusal::Unfit("offset is a number".to_owned()))?,
    };
    let query: HeldQuery =
        Wanted::of(&fields).held_query(offset).map_err(|errors| errors.refusal(". "))?;
    let found = console.ports.quarantine.list(&identity.actor, &query).await?;
    Ok(Json(HeldList { entries: found.entries, total: found.total }))
}

#[utoipa::path(
    get,
    path = "/api/quarantine/{id}",
    summary = "Why a message is held",
    params(("id" = String, Path, description = "Its queue id")),
    responses((status = 200, body = HeldDetails)),
)]
async fn message(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(id): Path<String>,
) -> Result<Json<HeldDetails>, Refusal> {
    let message = console.ports.quarantine.message(&identity.actor, queue_id(&id)?).await?;
    Ok(Json(HeldDetails {
        entry: message.entry,
        reason: message.hold.reason,
        findings: message.hold.findings,
        needs_approval: message.needs_approval,
    }))
}

#[utoipa::path(
    get,
    path = "/api/quarantine/{id}/view",
    summary = "The message, masked",
    params(("id" = String, Path, description = "Its queue id")),
    responses((status = 200, body = Shown)),
)]
async fn view(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(id): Path<String>,
) -> Result<Json<Shown>, Refusal> {
    let id = queue_id(&id)?;
    let view = console.ports.quarantine.view(&identity.actor, id, Sight::Masked).await?;
    Ok(Json(Shown { view }))
}

#[utoipa::path(
    post,
    path = "/api/quarantine/{id}/reveal",
    summary = "The message as it is; who looks and why goes on record",
    params(("id" = String, Path, description = "Its queue id")),
    request_body = Why,
    responses((status = 200, body = Shown)),
)]
async fn reveal(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(id): Path<String>,
    Json(why): Json<Why>,
) -> Result<Json<Shown>, Refusal> {
    let (id, reason) = (queue_id(&id)?, reason(&why.reason)?);
    console.ports.quarantine.message(&identity.actor, id).await?;
    said_why(&console, &identity, id, reason);
    let view = console.ports.quarantine.view(&identity.actor, id, Sight::Revealed).await?;
    Ok(Json(Shown { view }))
}

#[utoipa::path(
    post,
    path = "/api/quarantine/acts",
    summary = "Releases, rejects, redirects or keeps messages: some, or all that a filter means",
    request_body = ActRequest,
    responses((status = 200, body = ActAnswer)),
)]
async fn act(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Json(asked): Json<ActRequest>,
) -> Result<Json<ActAnswer>, Refusal> {
    console.must(&identity, permission(&asked.act))?;
    let reason = reason(&asked.reason)?;
    let which = match (asked.filter, asked.ids.as_slice()) {
        (Some(filter), []) => Which::All(filter),
        (None, ids @ [_, ..]) if ids.len() <= HeldQuery::LONGEST => {
            Which::These(ids.iter().map(|id| queue_id(id)).collect::<Result<_, _>>()?)
        }
        _ => {
            let words = "Say which messages: up to 500 ids, or a filter, and not both.";
            return Err(Refusal::Unfit(words.to_owned()));
        }
    };
    let acted = console.ports.quarantine.act(&identity.actor, &which, &asked.act, reason).await?;
    let Acted { done, proposed, refused, refusals } = acted;
    let refused = refused.into_iter().map(|(id, why)| ActRefused { id: id.to_string(), why });
    Ok(Json(ActAnswer { done, proposed, refused: refused.collect(), refusals }))
}

#[utoipa::path(
    post,
    path = "/api/quarantine/{id}/export",
    summary = "The message in an archive under a passphrase (zip, AES-256)",
    params(("id" = String, Path, description = "Its queue id")),
    request_body = ExportRequest,
    responses((status = 200, content_type = "application/zip", body = Vec<u8>)),
)]
async fn export(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(id): Path<String>,
    Json(asked): Json<ExportRequest>,
) -> Result<Response, Refusal> {
    let (id, reason) = (queue_id(&id)?, reason(&asked.reason)?);
    if asked.passphrase.chars().count() < SHORTEST_PASSPHRASE {
        let words = format!("A passphrase has {SHORTEST_PASSPHRASE} characters or more.");
        return Err(Refusal::Unfit(words));
    }
    let quarantine = &console.ports.quarantine;
    let archive = quarantine.export(&identity.actor, id, &asked.passphrase, reason).await?;
    Ok(attached(id, archive).into_response())
}

fn reason(written: &str) -> Result<&str, Refusal> {
    let reason = written.trim();
    match reason.chars().count() {
        1..=LONGEST => Ok(reason),
        _ => Err(Refusal::Unfit(format!("A reason has 1 to {LONGEST} characters."))),
    }
}
