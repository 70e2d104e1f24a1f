//! The overview page.

use std::{sync::Arc, time::Duration};

use askama::Template;
use axum::{Json, extract::State, routing::get};
use serde::Serialize;
use utoipa::ToSchema;

use super::{Answer, Console, Frame, Routes, page};
use crate::mail::Permission;

/// The state of the gateway, in numbers.
#[derive(Clone, Debug)]
pub struct Overview {
    pub node: String,
    pub policy: PolicyOverview,
    pub waiting: usize,
    pub held: usize,
    /// Age of the oldest message that waits for delivery.
    pub oldest: Duration,
    /// Why no mail is taken now, if none is.
    pub unready: Option<String>,
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
    fn overview(&self) -> Overview;
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
}

async fn overview(State(console): State<Arc<Console>>, frame: Frame) -> Answer {
    page(&OverviewPage { frame, overview: console.ports.overview.overview() })
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(api_overview), components(schemas(OverviewAnswer)))]
struct OverviewApi;

/// How the gateway does, in numbers.
#[derive(Debug, Serialize, ToSchema)]
struct OverviewAnswer {
    node: String,
    /// Why no mail is taken now, if none is.
    #[serde(skip_serializing_if = "Option::is_none")]
    unready: Option<String>,
    waiting: usize,
    held: usize,
    oldest_seconds: u64,
    policy: String,
}

#[utoipa::path(
    get,
    path = "/api/overview",
    summary = "How the gateway does, in numbers",
    responses((status = 200, body = OverviewAnswer)),
)]
async fn api_overview(State(console): State<Arc<Console>>) -> Json<OverviewAnswer> {
    let Overview { node, policy, waiting, held, oldest, unready } =
        console.ports.overview.overview();
    let (policy, oldest_seconds) = (policy.version, oldest.as_secs());
    Json(OverviewAnswer { node, unready, waiting, held, oldest_seconds, policy })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{console::testing::Fixture, mail::Role};

    struct Busy;

    impl OverviewSource for Busy {
        fn overview(&self) -> Overview {
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
                held: 3,
                oldest: Duration::from_secs(90),
                unready: Some("the spool is full & waits".to_owned()),
            }
        }
    }

    #[tokio::test]
    async fn the_page_shows_the_numbers_and_nothing_it_is_given_becomes_markup() {
        let fixture =
            Fixture::with(|ports| crate::console::Ports { overview: Arc::new(Busy), ..ports });
        let page = fixture.browser(&[Role::Operator]).get("/").await;
        for part in
            [">7<", ">3<", "90 seconds", "full &#38; waits", "&#60;b&#62;abc", "&#60;i&#62;"]
        {
            assert!(page.body.contains(part), "{part} not in {}", page.body);
        }
        assert!(!page.body.contains("<b>abc") && !page.body.contains("<i> is"), "{}", page.body);
    }
}
