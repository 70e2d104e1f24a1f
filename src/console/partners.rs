//! *Partners*: which approved domains could take mail now, and what is wrong
//! with the others.

use std::{sync::Arc, time::SystemTime};

use askama::Template;
use axum::{Json, extract::State, routing::get};

use super::{
    Answer, Console, Frame, Partner, PartnerLevel, PartnerState, Routes,
    moments::{moment, span},
    page,
};
use crate::mail::{Permission, Timestamp};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .guarded("/partners", Permission::ViewPartners, get(partners))
        .guarded("/api/partners", Permission::ViewPartners, get(api_partners))
        .described::<PartnersApi>()
}

#[derive(Template)]
#[template(path = "partners.html")]
struct PartnersPage {
    frame: Frame,
    rows: Vec<Row>,
    ready: usize,
}

struct Row {
    domain: String,
    /// Kind of tag and its word.
    state: (&'static str, &'static str),
    levels: Vec<PartnerLevel>,
    met: String,
    since: String,
    looked: String,
    certificate: String,
    faults: Vec<String>,
}

async fn partners(State(console): State<Arc<Console>>, frame: Frame) -> Answer {
    let mut board = console.ports.partners.board();
    board.sort_by_key(|partner| partner.state);
    let ready = board.iter().filter(|partner| partner.state == PartnerState::Ready).count();
    let now = SystemTime::now().into();
    let rows = board.into_iter().map(|partner| Row::of(partner, now)).collect();
    page(&PartnersPage { frame, rows, ready })
}

impl Row {
    fn of(partner: Partner, now: Timestamp) -> Self {
        let ago = |at: Timestamp| format!("{} ago", span(now.saturating_since(at)));
        Self {
            state: match partner.state {
                PartnerState::Ready => ("good", "ready"),
                PartnerState::Partly => ("warning", "not for all levels"),
                PartnerState::Unready => ("bad", "not ready"),
                PartnerState::Unknown => ("plain", "not looked at yet"),
            },
            met: partner.met.unwrap_or_else(|| "nothing".to_owned()),
            since: partner.since.map(moment).unwrap_or_default(),
            looked: partner.looked_at.map(ago).unwrap_or_default(),
            certificate: match partner.certificate_expires {
                Some(at) if at <= now => "expired".to_owned(),
                Some(at) => format!("{} left", span(at.saturating_since(now))),
                None => "none seen".to_owned(),
            },
            domain: partner.domain,
            levels: partner.levels,
            faults: partner.faults,
        }
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(paths(api_partners), components(schemas(Partner, PartnerLevel, PartnerState)))]
struct PartnersApi;

#[utoipa::path(
    get,
    path = "/api/partners",
    summary = "Whether the approved domains could take mail now, as of the last look at each",
    responses((status = 200, body = Vec<Partner>)),
)]
async fn api_partners(State(console): State<Arc<Console>>) -> Json<Vec<Partner>> {
    Json(console.ports.partners.board())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        console::{PartnerDesk, Ports, testing::Fixture},
        mail::Role,
    };

    struct Two;

    impl PartnerDesk for Two {
        fn board(&self) -> Vec<Partner> {
            let one = |domain: &str, state, fault: &str| Partner {
                domain: domain.to_owned(),
                state,
                levels: vec![PartnerLevel {
                    level: 4,
                    asked: "verified".to_owned(),
                    could_go: state == PartnerState::Ready,
                }],
                met: None,
                since: None,
                looked_at: Some(Timestamp::from_unix_milliseconds(1_000)),
                certificate_expires: Some(Timestamp::from_unix_milliseconds(1_000)),
                faults: vec![fault.to_owned()],
            };
            vec![
                one("a.example", PartnerState::Ready, ""),
                one("b.example", PartnerState::Unready, "<b>220 hello</b>"),
            ]
        }
    }

    #[tokio::test]
    async fn what_is_wrong_stands_first_and_a_strangers_words_are_no_markup() {
        let house = Fixture::with(|ports| Ports { partners: Arc::new(Two), ..ports });
        let shown = house.browser(&[Role::Auditor]).get("/partners").await.body;
        let at = |words: &str| shown.find(words).unwrap_or_else(|| panic!("{words} in {shown}"));
        assert!(at("b.example") < at("a.example"));
        assert!(at("expired") > 0 && at("1 of 2") > 0 && at("&#60;b&#62;220 hello") > 0);
        let answer = house.browser(&[Role::Operator]).get("/api/partners").await.body;
        let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            (&answer[1]["state"], &answer[1]["levels"][0]["could_go"]),
            (&"unready".into(), &false.into())
        );
    }

    #[tokio::test]
    async fn where_nobody_is_approved_the_board_says_so() {
        let shown = Fixture::new().browser(&[Role::Officer]).get("/partners").await;
        assert!(shown.body.contains("No domain is approved by name"), "{}", shown.body);
    }

    #[tokio::test]
    async fn strangers_see_no_partner() {
        let house = Fixture::with(|ports| Ports { partners: Arc::new(Two), ..ports });
        for path in ["/partners", "/api/partners"] {
            assert!(!house.stranger().get(path).await.body.contains("a.example"), "{path}");
        }
    }
}
