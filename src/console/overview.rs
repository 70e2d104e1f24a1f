//! The overview page.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{Json, extract::State, routing::get};
use serde::Serialize;
use utoipa::ToSchema;

use super::{
    Answer, Console, Frame, Identity, Routes,
    chart::{BAR, FlowChart, FlowStep},
    moments::span,
    page,
};
use crate::mail::{Actor, Level, Permission, Timestamp};

/// The state of the gateway, in numbers.
#[derive(Clone, Debug)]
pub struct Overview {
    pub node: String,
    pub policy: PolicyOverview,
    pub waiting: usize,
    /// What is held of the mail that whoever asks may see.
    pub held: HeldOverview,
    /// Age of the oldest message that waits for delivery.
    pub oldest: Duration,
    /// Why no mail is taken now, if none is.
    pub unready: Option<String>,
    /// Messages that wait until their destination offers the TLS they need,
    /// by the class of it.
    pub tls_waiting: Vec<TlsWaiting>,
    /// Of the listeners: those that end soon, or have ended.
    pub certificates: Vec<CertificateDue>,
    /// The last hour, oldest first.
    pub flow: Vec<FlowStep>,
}

#[derive(Clone, Debug, Default)]
pub struct HeldOverview {
    /// Every level, lowest first.
    pub levels: Vec<HeldLevel>,
    /// Since the first of them came.
    pub oldest: Duration,
    /// For which another person must agree.
    pub proposed: usize,
    /// Whose senders have asked for them.
    pub requested: usize,
}

#[derive(Clone, Debug)]
pub struct HeldLevel {
    pub level: Level,
    /// What the live policy calls it.
    pub name: String,
    pub messages: usize,
    /// Of those, not judged in time.
    pub overdue: usize,
}

#[derive(Clone, Debug)]
pub struct TlsWaiting {
    pub destinations: &'static str,
    pub messages: usize,
}

#[derive(Clone, Debug)]
pub struct CertificateDue {
    pub listener: String,
    pub name: String,
    pub ends: Timestamp,
}

/// How the policy stands: nobody's name and no address.
#[derive(Clone, Debug, Default)]
pub struct PolicyOverview {
    pub version: String,
    pub commit: Option<String>,
    /// A version on trial, and how it does.
    pub canary: Option<String>,
    /// Versions that wait for a second officer.
    pub waiting: usize,
    pub exemptions_expiring: usize,
    pub reviews_overdue: usize,
    /// Why the files in the policy folder do not decide: since when, and each
    /// fault on a line.
    pub refused: Option<(String, Vec<String>)>,
}

/// Whoever knows it, asked for each page.
pub trait OverviewSource: Send + Sync + 'static {
    fn overview(&self, who: &Actor) -> Overview;
}

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .guarded("/", Permission::ViewOverview, get(overview))
        .guarded("/api/overview", Permission::ViewOverview, get(api_overview))
        .described::<OverviewApi>()
}

#[derive(Template)]
#[template(path = "overview.html")]
struct OverviewPage {
    frame: Frame,
    overview: Overview,
    chart: FlowChart,
    oldest: String,
    /// Whether the numbers of what is held lead to the list of it.
    may_view_held: bool,
}

async fn overview(State(console): State<Arc<Console>>, identity: Identity, frame: Frame) -> Answer {
    let overview = console.ports.overview.overview(&identity.actor);
    let may_view_held = identity.actor.may(Permission::ViewHeld);
    let (chart, oldest) = (FlowChart::of(&overview.flow), in_words(overview.oldest));
    page(&OverviewPage { frame, overview, chart, oldest, may_view_held })
}

impl HeldOverview {
    fn messages(&self) -> usize {
        self.levels.iter().map(|level| level.messages).sum()
    }

    fn overdue(&self) -> usize {
        self.levels.iter().map(|level| level.overdue).sum()
    }

    /// The most sensitive first.
    fn highest_first(&self) -> impl Iterator<Item = &HeldLevel> {
        self.levels.iter().rev()
    }
}

impl OverviewPage {
    fn oldest_held(&self) -> String {
        span(self.overview.held.oldest)
    }

    fn tls_waiting(&self) -> usize {
        self.overview.tls_waiting.iter().map(|waiting| waiting.messages).sum()
    }

    /// Whether anything is to be looked at before long.
    fn is_anything_due(&self) -> bool {
        let policy = &self.overview.policy;
        !self.overview.certificates.is_empty()
            || policy.exemptions_expiring + policy.reviews_overdue + policy.waiting > 0
    }
}

/// The two largest units: what is read at a glance.
fn in_words(age: Duration) -> String {
    let seconds = age.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match () {
        () if minutes == 0 => format!("{seconds} s"),
        () if hours == 0 => format!("{minutes} min"),
        () if days == 0 => format!("{hours} h {} min", minutes % 60),
        () => format!("{days} d {} h", hours % 24),
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(api_overview), components(schemas(OverviewAnswer, HeldLevelAnswer)))]
struct OverviewApi;

/// How the gateway does, in numbers.
#[derive(Debug, Serialize, ToSchema)]
struct OverviewAnswer {
    node: String,
    /// Why no mail is taken now, if none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    unready: Option<String>,
    waiting: usize,
    /// Of the mail that you may see.
    held: usize,
    held_by_level: Vec<HeldLevelAnswer>,
    oldest_seconds: u64,
    waiting_for_tls: usize,
    policy: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct HeldLevelAnswer {
    level: u8,
    messages: usize,
    /// Of those, not judged in time.
    overdue: usize,
}

#[utoipa::path(
    get,
    path = "/api/overview",
    summary = "How the gateway does, in numbers",
    responses((status = 200, body = OverviewAnswer)),
)]
async fn api_overview(
    State(console): State<Arc<Console>>,
    identity: Identity,
) -> Json<OverviewAnswer> {
    let Overview { node, policy, waiting, held, oldest, unready, tls_waiting, .. } =
        console.ports.overview.overview(&identity.actor);
    let (policy, oldest_seconds) = (policy.version, oldest.as_secs());
    let waiting_for_tls = tls_waiting.iter().map(|waiting| waiting.messages).sum();
    Json(OverviewAnswer {
        node,
        unready,
        waiting,
        held: held.messages(),
        held_by_level: held.levels.iter().map(HeldLevelAnswer::of).collect(),
        oldest_seconds,
        waiting_for_tls,
        policy,
    })
}

impl HeldLevelAnswer {
    fn of(held: &HeldLevel) -> Self {
        let HeldLevel { level, messages, overdue, .. } = *held;
        Self { level: level.number(), messages, overdue }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{console::testing::Fixture, mail::Role};

    struct Busy;

    impl OverviewSource for Busy {
        fn overview(&self, _: &Actor) -> Overview {
            Overview {
                node: "mx1.example".to_owned(),
                policy: PolicyOverview {
                    version: "<b>abc</b>".to_owned(),
                    reviews_overdue: 4,
                    refused: Some((
                        "Refused at noon".to_owned(),
                        vec!["rules.toml:7: error[x]: <i> is no rule".to_owned()],
                    )),
                    ..PolicyOverview::default()
                },
                waiting: 7,
                held: HeldOverview {
                    levels: vec![
                        HeldLevel {
                            level: Level::CLINICAL,
                            name: "clin<i>cal".to_owned(),
                            messages: 11,
                            overdue: 0,
                        },
                        HeldLevel {
                            level: Level::SPECIALLY_PROTECTED,
                            name: "special".to_owned(),
                            messages: 2,
                            overdue: 1,
                        },
                    ],
                    oldest: Duration::from_secs(7_200),
                    ..HeldOverview::default()
                },
                oldest: Duration::from_secs(90),
                unready: Some("the spool is full & waits".to_owned()),
                tls_waiting: vec![TlsWaiting { destinations: "approved", messages: 2 }],
                certificates: vec![CertificateDue {
                    listener: "mail<boxes>".to_owned(),
                    name: "mx1.example".to_owned(),
                    ends: Timestamp::default(),
                }],
                flow: vec![FlowStep { received: 5, ..FlowStep::empty(Timestamp::default()) }],
            }
        }
    }

    #[test]
    fn an_age_is_read_at_a_glance() {
        for (seconds, words) in
            [(0, "0 s"), (59, "59 s"), (60, "1 min"), (3_700, "1 h 1 min"), (180_000, "2 d 2 h")]
        {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
    }

    #[tokio::test]
    async fn the_page_shows_the_numbers_and_nothing_it_is_given_becomes_markup() {
        let fixture =
            Fixture::with(|ports| crate::console::Ports { overview: Arc::new(Busy), ..ports });
        let page = fixture.browser(&[Role::Operator]).get("/").await;
        for part in [
            ">7<",
            ">13<",
            "1 is overdue",
            "2 h",
            "clin&#60;i&#62;cal",
            "1 min",
            "<rect",
            "approved",
            "mail&#60;boxes&#62;",
            "full &#38; waits",
            "&#60;b&#62;abc",
            "&#60;i&#62;",
        ] {
            assert!(page.body.contains(part), "{part} not in {}", page.body);
        }
        assert!(!page.body.contains("<b>abc") && !page.body.contains("<i> is"), "{}", page.body);
    }
    #[tokio::test]
    async fn the_numbers_of_what_is_held_lead_those_to_it_who_may_see_it() {
        let fixture =
            Fixture::with(|ports| crate::console::Ports { overview: Arc::new(Busy), ..ports });
        let link = "href=\"/quarantine?level=4\"";
        assert!(fixture.browser(&[Role::Officer]).get("/").await.body.contains(link));
        assert!(!fixture.browser(&[Role::Operator]).get("/").await.body.contains(link));
        let told = fixture.browser(&[Role::Operator]).get("/api/overview").await.body;
        let told: serde_json::Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["held"], 13);
        assert_eq!(
            told["held_by_level"][1],
            serde_json::json!({"level": 4, "messages": 2, "overdue": 1})
        );
    }
}
