//! *Audit*: the trail searched, verified and exported. For auditors and
//! approvers; that they look is in the trail before they see.

use std::{sync::Arc, time::SystemTime};

use askama::Template;
use axum::{
    Json,
    extract::{Query, State},
    http::{Uri, header},
    response::IntoResponse,
    routing::{get, post},
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, Console, Entries, ExportFormat, FormErrors, Frame, Identity, Refusal, Routes, Verdict,
    page, search_form::SearchFields,
};
use crate::{mail::Permission, report::trail::Entry};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .guarded("/audit", Permission::ReadAudit, get(search))
        .guarded("/audit/verify", Permission::ReadAudit, post(verify))
        .guarded("/audit/export", Permission::ReadAudit, get(export))
        .guarded("/api/audit", Permission::ReadAudit, get(api_search))
        .guarded("/api/audit/verify", Permission::ReadAudit, post(api_verify))
        .guarded("/api/audit/export", Permission::ReadAudit, get(export))
        .described::<AuditApi>()
}

#[derive(Template)]
#[template(path = "audit.html")]
struct AuditPage {
    frame: Frame,
    fields: SearchFields,
    errors: FormErrors,
    found: Option<Entries>,
    verdict: Option<Verdict>,
    /// The same search, for an export.
    query: String,
}

async fn search(
    State(console): State<Arc<Console>>,
    identity: Identity,
    frame: Frame,
    uri: Uri,
    Query(fields): Query<SearchFields>,
) -> Answer {
    let is_unasked = fields.is_unasked();
    let fields = fields.with_start(SystemTime::now().into());
    let query = uri.query().unwrap_or_default().to_owned();
    let (found, errors) = match fields.read() {
        Ok(_) if is_unasked => (None, FormErrors::default()),
        Ok(filter) => {
            let found = console.ports.audit.search(&identity.actor, &filter).await?;
            (Some(found), FormErrors::default())
        }
        Err(errors) => (None, errors),
    };
    page(&AuditPage { frame, fields, errors, found, verdict: None, query })
}

async fn verify(State(console): State<Arc<Console>>, identity: Identity, frame: Frame) -> Answer {
    let verdict = Some(console.ports.audit.verify(&identity.actor).await?);
    let fields = SearchFields::default().with_start(SystemTime::now().into());
    let (errors, query) = (FormErrors::default(), String::new());
    page(&AuditPage { frame, fields, errors, found: None, verdict, query })
}

#[utoipa::path(
    get,
    path = "/api/audit/export",
    summary = "Entries of the audit trail for another program",
    params(SearchFields),
    responses((status = 200, body = String, content_type = "text/plain")),
)]
async fn export(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Query(fields): Query<SearchFields>,
) -> Answer {
    let fields = fields.with_start(SystemTime::now().into());
    let format = match fields.format.as_str() {
        "" => ExportFormat::Json,
        name => ExportFormat::named(name)
            .ok_or_else(|| Refusal::Unfit("A format is json, cef or syslog.".to_owned()))?,
    };
    let filter = fields.filter()?;
    let exported = console.ports.audit.export(&identity.actor, &filter, format).await?;
    let name = format!("attachment; filename=\"audit.{}\"", ending(format));
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
    ];
    Ok((headers, exported).into_response())
}

const fn ending(format: ExportFormat) -> &'static str {
    match format {
        ExportFormat::Json => "jsonl",
        ExportFormat::Cef => "cef",
        ExportFormat::Syslog => "log",
    }
}

/// An entry of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntryAnswer {
    /// Its number in the chain.
    seq: Option<u64>,
    /// RFC 3339.
    at: String,
    event: String,
    /// Of a deed its kind, of an act its name.
    kind: Option<String>,
    /// Of the message.
    id: Option<String>,
    by: Option<String>,
    words: String,
}

/// What a search has found, the newest first.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct EntriesAnswer {
    entries: Vec<EntryAnswer>,
    /// In all; the entries are the newest of them.
    found: usize,
    /// What was not searched, and why.
    remarks: Vec<String>,
}

impl From<Entries> for EntriesAnswer {
    fn from(found: Entries) -> Self {
        let entry = |entry: Entry| {
            let Entry { seq, at, event, kind, id, by, words } = entry;
            EntryAnswer { seq, at, event, kind, id, by, words }
        };
        let Entries { entries, found, remarks } = found;
        Self { entries: entries.into_iter().map(entry).collect(), found, remarks }
    }
}

/// Whether the trail is as it was written.
#[derive(Debug, Serialize, ToSchema)]
struct VerdictAnswer {
    intact: bool,
    entries: u64,
    files: usize,
    checkpoints: usize,
    /// The number of the last entry, and its digest.
    last: Option<u64>,
    digest: Option<String>,
    /// Each with its place; the first of them.
    faults: Vec<String>,
}

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(api_search, api_verify, export),
    components(schemas(EntriesAnswer, EntryAnswer, VerdictAnswer))
)]
struct AuditApi;

#[utoipa::path(
    get,
    path = "/api/audit",
    summary = "Entries of the audit trail",
    params(SearchFields),
    responses((status = 200, body = EntriesAnswer)),
)]
async fn api_search(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Query(fields): Query<SearchFields>,
) -> Result<Json<EntriesAnswer>, Refusal> {
    let filter = fields.with_start(SystemTime::now().into()).filter()?;
    let found = console.ports.audit.search(&identity.actor, &filter).await?;
    Ok(Json(found.into()))
}

#[utoipa::path(
    post,
    path = "/api/audit/verify",
    summary = "Walks the whole trail along its chain",
    responses((status = 200, body = VerdictAnswer)),
)]
async fn api_verify(
    State(console): State<Arc<Console>>,
    identity: Identity,
) -> Result<Json<VerdictAnswer>, Refusal> {
    let verdict = console.ports.audit.verify(&identity.actor).await?;
    let Verdict { is_intact, entries, files, checkpoints, last, faults } = verdict;
    let (last, digest) = last.unzip();
    Ok(Json(VerdictAnswer { intact: is_intact, entries, files, checkpoints, last, digest, faults }))
}
