//! *Message trace*: what became of a message, with what protected it on its
//! way.

use std::{sync::Arc, time::SystemTime};

use askama::Template;
use axum::{
    Json,
    extract::{Path, Query, State},
    routing::get,
};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, Console, Entries, FormErrors, Frame, Identity, MessageStory, Refusal, Routes,
    audit::EntriesAnswer,
    page,
    search_form::{DISPOSITIONS, SearchFields},
};
use crate::{
    mail::{Permission, QueueId},
    report::story::TimelineRow,
};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .guarded("/trace", Permission::Trace, get(find))
        .guarded("/trace/{id}", Permission::Trace, get(story))
        .guarded("/api/trace", Permission::Trace, get(api_find))
        .guarded("/api/trace/{id}", Permission::Trace, get(api_story))
        .described::<TraceApi>()
}

#[derive(Template)]
#[template(path = "trace.html")]
struct TracePage {
    frame: Frame,
    fields: SearchFields,
    errors: FormErrors,
    found: Option<Entries>,
    dispositions: &'static [(&'static str, &'static str)],
}

#[derive(Template)]
#[template(path = "trace_message.html")]
struct StoryPage {
    frame: Frame,
    story: MessageStory,
}

async fn find(
    State(console): State<Arc<Console>>,
    identity: Identity,
    frame: Frame,
    Query(fields): Query<SearchFields>,
) -> Answer {
    let is_unasked = fields.is_unasked();
    let fields = fields.with_start(SystemTime::now().into());
    let (found, errors) = match fields.read() {
        Ok(_) if is_unasked => (None, FormErrors::default()),
        Ok(filter) => {
            let found = console.ports.trace.find(&identity.actor, &filter).await?;
            (Some(found), FormErrors::default())
        }
        Err(errors) => (None, errors),
    };
    page(&TracePage { frame, fields, errors, found, dispositions: &DISPOSITIONS })
}

async fn story(
    State(console): State<Arc<Console>>,
    identity: Identity,
    frame: Frame,
    Path(id): Path<String>,
) -> Answer {
    let story = console.ports.trace.story(&identity.actor, named(&id)?).await?;
    page(&StoryPage { frame, story })
}

/// What is no queue id names no message.
fn named(id: &str) -> Result<QueueId, Refusal> {
    id.parse().map_err(|_| Refusal::NotFound)
}

/// All that is known of one message.
#[derive(Debug, Serialize, ToSchema)]
struct StoryAnswer {
    id: String,
    timeline: Vec<RowAnswer>,
    /// What has become of each recipient's copy.
    now: Vec<String>,
    /// The certificate of protection, as it is filed.
    certificate: String,
    /// Whether every copy can be shown to have been protected as required.
    proof: bool,
    remarks: Vec<String>,
}

#[derive(Debug, Serialize, ToSchema)]
struct RowAnswer {
    /// UTC.
    at: String,
    what: String,
    words: Vec<String>,
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(api_find, api_story), components(schemas(EntriesAnswer, StoryAnswer, RowAnswer)))]
struct TraceApi;

#[utoipa::path(
    get,
    path = "/api/trace",
    summary = "Decisions about messages, the newest first",
    params(SearchFields),
    responses((status = 200, body = EntriesAnswer)),
)]
async fn api_find(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Query(fields): Query<SearchFields>,
) -> Result<Json<EntriesAnswer>, Refusal> {
    let filter = fields.with_start(SystemTime::now().into()).filter()?;
    let found = console.ports.trace.find(&identity.actor, &filter).await?;
    Ok(Json(found.into()))
}

#[utoipa::path(
    get,
    path = "/api/trace/{id}",
    summary = "What became of one message",
    params(("id" = String, Path, description = "Its queue id")),
    responses((status = 200, body = StoryAnswer)),
)]
async fn api_story(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(id): Path<String>,
) -> Result<Json<StoryAnswer>, Refusal> {
    let story = console.ports.trace.story(&identity.actor, named(&id)?).await?;
    let MessageStory { id, rows, now, certificate, is_proof, remarks } = story;
    let row =
        |row: TimelineRow| RowAnswer { at: row.at, what: row.what.to_owned(), words: row.words };
    let timeline = rows.into_iter().map(row).collect();
    Ok(Json(StoryAnswer { id, timeline, now, certificate, proof: is_proof, remarks }))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use bytes::Bytes;

    use super::super::{
        AuditDesk, DeskError, ExportFormat, Pending, TraceDesk, Verdict, testing::Fixture,
    };
    use super::*;
    use crate::{
        mail::{Actor, Role},
        report::trail::{Entry, TrailFilter},
    };

    /// Knows one message, whose words are those of somebody hostile.
    #[derive(Default)]
    struct Desk(Mutex<Vec<String>>);

    const HOSTILE: &str = "<script>alert(1)</script>";
    const ID: &str = "01dcayhax6g00";

    impl Desk {
        fn told(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().unwrap())
        }

        fn entries(&self, who: &Actor, filter: &TrailFilter) -> Entries {
            self.0.lock().unwrap().push(format!("{}: {}", who.name, filter.words()));
            let entry = Entry {
                seq: Some(7),
                at: "2026-11-22T17:12:05.123Z".to_owned(),
                event: "decision".to_owned(),
                id: Some(ID.to_owned()),
                words: HOSTILE.to_owned(),
                ..Entry::default()
            };
            Entries { entries: vec![entry], found: 300, remarks: Vec::new() }
        }
    }

    impl TraceDesk for Desk {
        fn find<'a>(&'a self, who: &'a Actor, filter: &'a TrailFilter) -> Pending<'a, Entries> {
            Box::pin(async move { Ok(self.entries(who, filter)) })
        }

        fn story<'a>(&'a self, _: &'a Actor, id: QueueId) -> Pending<'a, MessageStory> {
            Box::pin(async move {
                if id.to_string() != ID {
                    return Err(DeskError::Unknown);
                }
                let (at, what, words) = ("17:12".to_owned(), "tried", vec![HOSTILE.to_owned()]);
                let rows = vec![TimelineRow { at, what, words }];
                Ok(MessageStory { id: ID.to_owned(), rows, ..MessageStory::default() })
            })
        }
    }

    impl AuditDesk for Desk {
        fn search<'a>(&'a self, who: &'a Actor, filter: &'a TrailFilter) -> Pending<'a, Entries> {
            Box::pin(async move { Ok(self.entries(who, filter)) })
        }

        fn verify<'a>(&'a self, _: &'a Actor) -> Pending<'a, Verdict> {
            Box::pin(async move {
                let faults = vec!["audit.jsonl:5: entry 5 has been altered".to_owned()];
                Ok(Verdict { faults, ..Verdict::default() })
            })
        }

        fn export<'a>(
            &'a self,
            _: &'a Actor,
            _: &'a TrailFilter,
            format: ExportFormat,
        ) -> Pending<'a, Bytes> {
            Box::pin(async move { Ok(format.name().into()) })
        }
    }

    fn fixture() -> (Fixture, Arc<Desk>) {
        let desk = Arc::new(Desk::default());
        let (audit, trace) = (Arc::clone(&desk), Arc::clone(&desk));
        (Fixture::with(|ports| super::super::Ports { audit, trace, ..ports }), desk)
    }

    #[tokio::test]
    async fn nothing_that_the_trail_says_becomes_markup() {
        let (fixture, _) = fixture();
        let browser = fixture.browser(&[Role::Approver]);
        for path in ["/audit?event=decision", "/trace?sender=a%40b.example", "/trace/01dcayhax6g00"]
        {
            let shown = browser.get(path).await;
            assert_eq!(shown.status, 200, "{path}");
            assert!(shown.body.contains("&#60;script&#62;alert(1)"), "{path}: {}", shown.body);
            assert!(!shown.body.contains(HOSTILE), "{path}");
        }
    }

    #[tokio::test]
    async fn to_open_a_page_is_no_search_and_a_wrong_field_is_none_either() {
        let (fixture, desk) = fixture();
        let browser = fixture.browser(&[Role::Approver]);
        for path in ["/audit", "/trace", "/audit?since=yesterday"] {
            assert_eq!(browser.get(path).await.status, 200);
        }
        assert_eq!(desk.told(), Vec::<String>::new());
        assert!(browser.get("/audit?since=yesterday").await.body.contains("There is a problem"));
        assert_eq!(browser.get("/api/audit?since=yesterday").await.status, 400);
        browser.get("/audit?since=2026-11-16&event=revealed").await;
        assert_eq!(desk.told(), ["jane: since 2026-11-16T00:00:00.000Z, event revealed"]);
    }

    #[tokio::test]
    async fn the_trail_is_for_auditors_and_the_trace_for_whoever_looks_after_mail() {
        let (fixture, _) = fixture();
        for (role, audit, trace) in [
            (Role::Officer, 403, 200),
            (Role::Approver, 200, 200),
            (Role::LocalAdministrator, 403, 200),
            (Role::Auditor, 200, 200),
            (Role::Operator, 403, 200),
        ] {
            let browser = fixture.browser(&[role]);
            for path in ["/audit", "/api/audit", "/audit/export"] {
                assert_eq!(browser.get(path).await.status, audit, "{role} {path}");
            }
            assert_eq!(browser.post("/audit/verify", "").await.status, audit, "{role}");
            for path in ["/trace", "/trace/01dcayhax6g00", "/api/trace/01dcayhax6g00"] {
                assert_eq!(browser.get(path).await.status, trace, "{role} {path}");
            }
        }
        assert_eq!(fixture.stranger().get("/api/trace").await.status, 401);
    }

    #[tokio::test]
    async fn what_is_no_message_of_theirs_is_not_there() {
        let (fixture, _) = fixture();
        let browser = fixture.browser(&[Role::Officer]);
        for path in ["/trace/01dcayhax6g01", "/trace/..%2f..%2fetc", "/api/trace/x"] {
            assert_eq!(browser.get(path).await.status, 404, "{path}");
        }
    }

    #[tokio::test]
    async fn a_broken_trail_is_said_to_be_one() {
        let (fixture, _) = fixture();
        let browser = fixture.browser(&[Role::Auditor]);
        let shown = browser.post("/audit/verify", "").await;
        assert!(
            shown.body.contains("not whole") && shown.body.contains("entry 5 has been altered")
        );
        let exported = browser.get("/audit/export?format=cef").await;
        assert_eq!((exported.status.as_u16(), exported.body.as_str()), (200, "cef"));
        assert_eq!(browser.get("/audit/export?format=pdf").await.status, 400);
    }
}
