//! The policy in the console: what decides, its files, faults of the folder,
//! and versions that wait, with what they would change.

use std::sync::Arc;

use askama::Template;
use axum::{
    Json,
    extract::{Path, State},
    response::{IntoResponse, Redirect},
    routing::{get, post},
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{
    Answer, Console, Flash, FormErrors, Frame, Identity, PolicyComparison, PolicyReplay,
    PolicyStanding, PolicyTurn, PolicyVerdict, Refusal, ReplayedChange, Routes, WaitingPolicy,
    fields::{Asked, Fields, query},
    moments::moment,
    page,
};
use crate::mail::{
    Permission,
    Permission::{ApprovePolicy, ViewPolicy},
    Timestamp,
};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .guarded("/policy", ViewPolicy, get(standing))
        .guarded("/policy/file", ViewPolicy, get(file))
        .guarded("/policy/waiting/{version}", ViewPolicy, get(waiting))
        .guarded("/policy/waiting/{version}/judge", ApprovePolicy, post(judge))
        .guarded("/api/policy", ViewPolicy, get(api_standing))
        .guarded("/api/policy/waiting/{version}", ViewPolicy, get(api_comparison))
        .guarded("/api/policy/waiting/{version}/judge", ApprovePolicy, post(api_judge))
        .described::<PolicyApi>()
}

#[derive(Template)]
#[template(path = "policy.html")]
struct PolicyPage {
    frame: Frame,
    policy: PolicyStanding,
}

#[derive(Template)]
#[template(path = "policy_file.html")]
struct FilePage {
    frame: Frame,
    path: String,
    version: String,
    lines: Vec<String>,
}

#[derive(Template)]
#[template(path = "policy_waiting.html")]
struct WaitingPage {
    frame: Frame,
    errors: FormErrors,
    waiting: WaitingPolicy,
    comparison: PolicyComparison,
    reason: String,
    may_judge: bool,
}

async fn standing(State(console): State<Arc<Console>>, frame: Frame) -> Answer {
    page(&PolicyPage { frame, policy: console.ports.policy.standing().await? })
}

async fn file(State(console): State<Arc<Console>>, Asked(fields): Asked, frame: Frame) -> Answer {
    let (version, path) = (fields.one("version").to_owned(), fields.one("path").to_owned());
    let text = console.ports.policy.file(&version, &path).await?;
    let lines = text.lines().take(MOST_LINES).map(str::to_owned).collect();
    page(&FilePage { frame, path, version, lines })
}

async fn waiting(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(version): Path<String>,
    frame: Frame,
) -> Answer {
    let look = Look { console: &console, identity: &identity, version: &version };
    look.page(frame, FormErrors::default(), String::new()).await
}

async fn judge(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(version): Path<String>,
    frame: Frame,
    fields: Fields,
) -> Answer {
    let look = Look { console: &console, identity: &identity, version: &version };
    let mut errors = FormErrors::default();
    let reason = fields.one("reason");
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        let words = format!("Say why, in up to {LONGEST_REASON} characters: it goes on record");
        errors.add("reason", words);
    }
    let verdict = match fields.one("verdict") {
        "approve" => Some(PolicyVerdict::Approve),
        "refuse" => Some(PolicyVerdict::Refuse),
        _ => None,
    };
    let (Some(verdict), true) = (verdict, errors.is_empty()) else {
        return look.page(frame, errors, reason.to_owned()).await;
    };
    let actor = &identity.actor;
    match console.ports.policy.judge(actor, &version, verdict, reason).await.map_err(Refusal::from)
    {
        Ok(words) => {
            console.leave(&identity, Flash::Done(capitalised(&words)));
            Ok(Redirect::to("/policy").into_response())
        }
        Err(Refusal::Unfit(why)) => {
            errors.add("reason", capitalised(&why));
            look.page(frame, errors, reason.to_owned()).await
        }
        Err(refusal) => Err(refusal),
    }
}

fn capitalised(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase);
    first.into_iter().flatten().chain(letters).chain(['.']).collect()
}

/// Somebody looks at a version that waits.
struct Look<'a> {
    console: &'a Console,
    identity: &'a Identity,
    version: &'a str,
}

impl Look<'_> {
    async fn page(&self, frame: Frame, errors: FormErrors, reason: String) -> Answer {
        let policy = &self.console.ports.policy;
        let standing = policy.standing().await?;
        let mut waiting = standing.waiting.into_iter();
        let waiting = waiting.find(|one| one.version == self.version).ok_or(Refusal::NotFound)?;
        let comparison = policy.comparison(self.version).await?;
        let may_judge = self.identity.actor.may(Permission::ApprovePolicy);
        page(&WaitingPage { frame, errors, waiting, comparison, reason, may_judge })
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(
    paths(api_standing, api_comparison, api_judge),
    components(schemas(
        PolicyAnswer,
        WaitingAnswer,
        ComparisonAnswer,
        ChangeAnswer,
        PolicyReplay,
        ReplayedChange,
        PolicyTurn,
        JudgeRequest,
        JudgeAnswer
    ))
)]
struct PolicyApi;

/// Which version decides, and which wait.
#[derive(Serialize, ToSchema)]
struct PolicyAnswer {
    version: String,
    commit: Option<String>,
    canary: Option<String>,
    files: Vec<String>,
    waiting: Vec<WaitingAnswer>,
    /// Why the files in the folder were refused.
    faults: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct WaitingAnswer {
    version: String,
    /// Milliseconds since 1970.
    #[schema(value_type = u64)]
    since: Timestamp,
    proposed_by: String,
    reason: Option<String>,
    officers: Vec<String>,
}

/// What a version would change.
#[derive(Serialize, ToSchema)]
struct ComparisonAnswer {
    changes: Vec<ChangeAnswer>,
    also: Vec<String>,
    is_complete: bool,
    /// What the last seven days' decisions would have come to.
    replay: PolicyReplay,
    /// Invariants that were not proved.
    unproved: Vec<String>,
}

#[derive(Serialize, ToSchema)]
struct ChangeAnswer {
    /// tighter, looser or otherwise
    turn: &'static str,
    scope: String,
    what: Vec<String>,
}

#[derive(Deserialize, ToSchema)]
struct JudgeRequest {
    approve: bool,
    #[schema(min_length = 1, max_length = 1000)]
    reason: String,
}

#[derive(Serialize, ToSchema)]
struct JudgeAnswer {
    words: String,
}

#[utoipa::path(
    get,
    path = "/api/policy",
    summary = "The policy that decides, and versions that wait",
    responses((status = 200, body = PolicyAnswer)),
)]
async fn api_standing(State(console): State<Arc<Console>>) -> Result<Json<PolicyAnswer>, Refusal> {
    let standing = console.ports.policy.standing().await?;
    let waiting = standing.waiting.into_iter().map(|waiting| WaitingAnswer {
        version: waiting.version,
        since: waiting.since,
        proposed_by: waiting.proposed_by,
        reason: waiting.reason,
        officers: waiting.officers,
    });
    let faults = standing.refused.into_iter().flat_map(|refused| refused.faults);
    Ok(Json(PolicyAnswer {
        version: standing.version,
        commit: standing.commit,
        canary: standing.canary,
        files: standing.files.into_iter().map(|file| file.path).collect(),
        waiting: waiting.collect(),
        faults: faults
            .map(|fault| {
                format!("{}:{}: [{}] {}", fault.file, fault.line, fault.code, fault.message)
            })
            .collect(),
    }))
}

#[utoipa::path(
    get,
    path = "/api/policy/waiting/{version}",
    summary = "What a version that waits would change, what could not be proved of it, and what it would have made of the last days' mail",
    params(("version" = String, Path, description = "Its digits, the first 12 at least")),
    responses((status = 200, body = ComparisonAnswer)),
)]
async fn api_comparison(
    State(console): State<Arc<Console>>,
    Path(version): Path<String>,
) -> Result<Json<ComparisonAnswer>, Refusal> {
    let compared = console.ports.policy.comparison(&version).await?;
    let changes = compared.changes.into_iter().map(|change| ChangeAnswer {
        turn: change.turn.word(),
        scope: change.scope,
        what: change.what,
    });
    let unproved = compared.proofs.into_iter().filter(|proof| !proof.holds);
    Ok(Json(ComparisonAnswer {
        changes: changes.collect(),
        also: compared.also,
        is_complete: compared.is_complete,
        replay: compared.replay,
        unproved: unproved.map(|proof| proof.invariant).collect(),
    }))
}

#[utoipa::path(
    post,
    path = "/api/policy/waiting/{version}/judge",
    summary = "Approves or refuses a version; whoever approves is another than who proposed it",
    params(("version" = String, Path, description = "Its digits, the first 12 at least")),
    request_body = JudgeRequest,
    responses((status = 200, body = JudgeAnswer)),
)]
async fn api_judge(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(version): Path<String>,
    Json(asked): Json<JudgeRequest>,
) -> Result<Json<JudgeAnswer>, Refusal> {
    let reason = asked.reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        return Err(Refusal::Unfit(format!("A reason has 1 to {LONGEST_REASON} characters.")));
    }
    let verdict = if asked.approve { PolicyVerdict::Approve } else { PolicyVerdict::Refuse };
    let words = console.ports.policy.judge(&identity.actor, &version, verdict, reason).await?;
    Ok(Json(JudgeAnswer { words }))
}

impl PolicyTurn {
    const fn word(self) -> &'static str {
        match self {
            Self::Tighter => "tighter",
            Self::Looser => "looser",
            Self::Otherwise => "otherwise",
        }
    }

    /// A tag's: what loosens is looked at first.
    const fn kind(self) -> &'static str {
        match self {
            Self::Tighter => "good",
            Self::Looser => "bad",
            Self::Otherwise => "plain",
        }
    }
}

fn short(version: &str) -> &str {
    version.get(..12).unwrap_or(version)
}

fn file_query(version: &str, path: &str) -> String {
    query([("version", version), ("path", path)])
}

const LONGEST_REASON: usize = 1_000;
const MOST_LINES: usize = 20_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        console::{Pending, PolicyDesk, Ports, WaitingPolicy, testing::Fixture},
        mail::{Actor, Role},
    };

    const VERSION: &str = "0123456789abcdef";

    /// One version waits, which would have held more.
    struct Desk;

    fn replayed() -> PolicyReplay {
        let change = ReplayedChange {
            turn: PolicyTurn::Tighter,
            what: "held instead of relayed".to_owned(),
            why: "by “<b>”".to_owned(),
            copies: 41,
            messages: 40,
            examples: vec!["01dcayhax6g00".to_owned()],
        };
        let (messages, tighter, changes) = (900, 41, vec![change]);
        PolicyReplay { messages, tighter, changes, ..PolicyReplay::default() }
    }

    impl PolicyDesk for Desk {
        fn standing(&self) -> Pending<'_, PolicyStanding> {
            let waiting = WaitingPolicy {
                version: VERSION.to_owned(),
                commit: None,
                since: Timestamp::default(),
                proposed_by: "ann".to_owned(),
                reason: None,
                officers: Vec::new(),
            };
            let standing = PolicyStanding { waiting: vec![waiting], ..PolicyStanding::default() };
            Box::pin(async { Ok(standing) })
        }

        fn file<'a>(&'a self, _: &'a str, _: &'a str) -> Pending<'a, String> {
            Box::pin(async { Ok(String::new()) })
        }

        fn comparison<'a>(&'a self, _: &'a str) -> Pending<'a, PolicyComparison> {
            let comparison = PolicyComparison { replay: replayed(), ..Default::default() };
            Box::pin(async { Ok(comparison) })
        }

        fn judge<'a>(
            &'a self,
            _: &'a Actor,
            _: &'a str,
            _: PolicyVerdict,
            _: &'a str,
        ) -> Pending<'a, String> {
            Box::pin(async { Ok(String::new()) })
        }
    }

    #[tokio::test]
    async fn whoever_approves_a_version_sees_what_it_would_have_made_of_last_weeks_mail() {
        let fixture = Fixture::with(|ports| Ports { policy: Arc::new(Desk), ..ports });
        let approver = fixture.browser(&[Role::Approver]);
        let page = approver.get(&format!("/policy/waiting/{VERSION}")).await.body;
        for told in [
            "<dt>Messages asked again</dt><dd>900",
            "<dt>Tighter</dt><dd>41",
            "held instead of relayed",
            "by “&#60;b&#62;”",
            "href=\"/trace/01dcayhax6g00\"",
            "There was time for a part of them only",
        ] {
            assert!(page.contains(told), "no {told} in {page}");
        }
        let answer = approver.get(&format!("/api/policy/waiting/{VERSION}")).await.body;
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["replay"]["tighter"], 41);
        assert_eq!(answer["replay"]["changes"][0]["turn"], "tighter");
    }
}
