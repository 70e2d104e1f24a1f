//! What is asked of all of a sign-in elsewhere that needs no provider; one is
//! in `tests/peers/test_openid.py`.

use std::collections::BTreeMap;

use axum::http::StatusCode;

use crate::{
    config::{ClaimPath, OpenId},
    console::testing::Fixture,
    mail::Role,
};

/// A provider that nobody can reach.
pub(super) fn settings() -> OpenId {
    let claim = |name: &str| ClaimPath::new(name).unwrap();
    let roles = [
        ("officers", Role::Officer),
        ("approvers", Role::Approver),
        ("trust", Role::LocalAdministrator),
    ];
    OpenId {
        issuer: "https://login.example".parse().unwrap(),
        client_id: "postern".to_owned(),
        client_secret: None,
        label: "Wisteria login".to_owned(),
        scopes: vec!["profile".to_owned()],
        name_claim: claim("preferred_username"),
        roles_claim: claim("roles"),
        roles: BTreeMap::from(roles.map(|(value, role)| (value.to_owned(), vec![role]))),
        organisations_claim: Some(claim("ods")),
        trust_anchors: None,
    }
}

fn unreachable() -> OpenId {
    // Nothing listens on the port that stands for none.
    OpenId { issuer: "https://127.0.0.1:1".parse().unwrap(), ..settings() }
}

#[tokio::test]
async fn the_way_to_a_provider_is_offered_where_there_is_one() {
    let fixture = Fixture::with_openid(settings());
    let shown = fixture.stranger().get("/sign-in?next=/quarantine?level=4").await;
    assert!(shown.body.contains("Sign in with Wisteria login"), "{}", shown.body);
    assert!(shown.body.contains("/sign-in/openid?next=/quarantine%3Flevel%3D4"), "{}", shown.body);
    assert!(!shown.body.contains("name=\"password\""), "nobody has a password here");
    let without = Fixture::new();
    assert!(!without.stranger().get("/sign-in").await.body.contains("/sign-in/openid"));
    for path in ["/sign-in/openid", "/sign-in/openid/callback", "/signed-out"] {
        assert_eq!(without.stranger().get(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_is_told_of_plainly_and_nobody_is_led_anywhere() {
    let fixture = Fixture::with_openid(unreachable());
    for _ in 0..2 {
        let shown = fixture.stranger().get("/sign-in/openid").await;
        assert_eq!(shown.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(shown.body.contains("Wisteria login cannot be reached"), "{}", shown.body);
        assert_eq!((shown.header("location"), shown.header("set-cookie")), ("", ""));
    }
    assert_eq!(fixture.deeds.take(), Vec::<String>::new(), "nobody has tried to be anybody");
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_signs_nobody_in_and_does_not_fill_the_audit_trail() {
    let fixture = Fixture::with_openid(unreachable());
    let stranger = fixture.stranger();
    for attempt in 0..30 {
        let path = "/sign-in/openid/callback?state=made-up&code=x&error=%3Cscript%3E";
        let shown = stranger.get(path).await;
        assert_eq!(shown.status, StatusCode::FORBIDDEN);
        assert!(shown.body.contains("begun in another browser"), "{}", shown.body);
        assert!(!shown.body.contains("script>x"), "{}", shown.body);
        assert_eq!(shown.header("set-cookie"), "", "another sign-in of theirs goes on");
        let told = fixture.deeds.take();
        let line =
            "sign_in_failed unknown by OpenID Connect: an answer to no sign-in of this browser";
        match attempt < 20 {
            true => assert_eq!(told, [line]),
            false => assert_eq!(told, [""; 0], "{attempt}"),
        }
    }
}

#[tokio::test]
async fn whoever_the_provider_vouched_for_is_asked_to_sign_out_there_and_others_are_not() {
    let fixture = Fixture::with_openid(unreachable());
    let mut browser = fixture.browser(&[Role::Officer]);
    assert_eq!(browser.post("/sign-out", "").await.header("location"), "/sign-in");
    let actor = crate::mail::Actor {
        name: "openid:jane".to_owned(),
        door: crate::mail::ActorDoor::Console,
        known_by: crate::mail::KnownBy::Provider,
        roles: vec![Role::Officer],
        scope: crate::mail::Scope::Everybody,
    };
    browser = fixture.browser_of(actor);
    assert_eq!(browser.post("/sign-out", "").await.header("location"), "/signed-out");
    // A provider that says nothing of signing out has nothing to ask for.
    assert_eq!(browser.get("/signed-out").await.header("location"), "/sign-in");
}
