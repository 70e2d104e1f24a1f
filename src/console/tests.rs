//! What holds for every page and every request.

use std::os::unix::fs::PermissionsExt;

use axum::{
    body::Body,
    http::{StatusCode, header},
};

use super::testing::{Browser, Fixture, Shown};
use crate::{config::PasswordDigest, mail::Role};

/// A console with the account `jane`, an officer with a password only.
fn with_jane() -> (tempfile::TempDir, Fixture) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("accounts.toml");
    let digest = PasswordDigest::new("correct horse").unwrap();
    let text =
        format!("[[account]]\nname = \"jane\"\nroles = [\"operator\"]\npassword = \"{digest}\"\n");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    (folder, Fixture::with_accounts(path))
}

async fn sign_in(browser: &Browser<'_>, password: &str) -> Shown {
    browser.post("/sign-in", &format!("name=jane&password={password}&next=%2Faccount")).await
}

#[tokio::test]
async fn whoever_is_not_signed_in_sees_nothing_and_is_led_back_to_where_they_wanted_to_go() {
    let fixture = Fixture::new();
    let stranger = fixture.stranger();
    let page = stranger.get("/account?a=b").await;
    assert_eq!(page.status, StatusCode::SEE_OTHER);
    assert_eq!(page.header("location"), "/sign-in?next=/account%3Fa%3Db");
    let api = stranger.get("/api/overview").await;
    assert_eq!(api.status, StatusCode::UNAUTHORIZED);
    assert_eq!(api.header("content-type"), "application/problem+json");
    assert!(!api.body.contains("waiting"), "{}", api.body);
    let act = stranger.post("/account/sign-out-everywhere", "").await;
    assert_eq!(act.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn what_no_role_of_somebodys_allows_is_refused_and_on_record() {
    let fixture = Fixture::new();
    let page = fixture.browser(&[]).get("/").await;
    assert_eq!(page.status, StatusCode::FORBIDDEN);
    assert_eq!(fixture.deeds.take(), ["denied jane view the overview"]);
    assert_eq!(fixture.browser(&[Role::Operator]).get("/").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_form_that_no_page_of_ours_has_made_does_nothing() {
    let fixture = Fixture::new();
    let jane = fixture.browser(&[Role::Operator]);
    let path = "/account/sign-out-everywhere";
    let form = |token: &str| {
        let typed = jane
            .request("POST", path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        (typed, Body::from(format!("csrf={token}")))
    };
    let token = jane.csrf.clone();
    let forged = [
        form("guessed"),
        form(""),
        (form(&token).0.header("origin", "https://evil.example"), form(&token).1),
        (form(&token).0.header("origin", "null"), form(&token).1),
        (form(&token).0.header("sec-fetch-site", "cross-site"), form(&token).1),
        (form(&token).0.header("sec-fetch-site", "same-site"), form(&token).1),
        (jane.request("POST", path).header("x-csrf-token", "guessed"), form(&token).1),
        (jane.request("POST", path).header(header::CONTENT_TYPE, "text/plain"), form(&token).1),
    ];
    for (number, (request, body)) in forged.into_iter().enumerate() {
        let shown = jane.send(request.body(body).unwrap()).await;
        assert_eq!(shown.status, StatusCode::FORBIDDEN, "number {number}");
        let deed = "denied jane a request that no page here has made";
        assert_eq!(fixture.deeds.take(), [deed], "number {number}");
    }
    let (request, body) = form(&token);
    let own =
        request.header("origin", "http://127.0.0.1:8464").header("sec-fetch-site", "same-origin");
    assert_eq!(jane.send(own.body(body).unwrap()).await.status, StatusCode::SEE_OTHER);
    assert_eq!(jane.get("/").await.status, StatusCode::SEE_OTHER, "signed out");
}

#[tokio::test]
async fn a_program_brings_the_sessions_token_in_a_header() {
    let fixture = Fixture::new();
    let jane = fixture.browser(&[Role::Operator]);
    let done = jane.post_json("/account/sign-out-everywhere", "{}").await;
    assert_eq!(done.status, StatusCode::SEE_OTHER);
    assert_eq!(fixture.deeds.take(), ["signed_out jane everywhere"]);
}

#[tokio::test]
async fn a_request_by_another_hosts_name_is_answered_with_nothing() {
    let fixture = Fixture::new();
    let jane = fixture.browser(&[Role::Operator]);
    for host in ["evil.example", "127.0.0.1:80", "127.0.0.1", ""] {
        let mut request = jane.request("GET", "/").body(Body::empty()).unwrap();
        request.headers_mut().insert(header::HOST, host.parse().unwrap());
        let shown = jane.send(request).await;
        assert_eq!(shown.status, StatusCode::MISDIRECTED_REQUEST, "{host}");
        assert!(!shown.body.contains("Waiting"), "{host}");
    }
    let mut local = jane.request("GET", "/").body(Body::empty()).unwrap();
    local.headers_mut().insert(header::HOST, "localhost:8464".parse().unwrap());
    assert_eq!(jane.send(local).await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_right_password_opens_a_session_that_no_script_and_no_other_site_gets() {
    let (_folder, fixture) = with_jane();
    let stranger = fixture.stranger();
    let (one, two) =
        (sign_in(&stranger, "correct+horse").await, sign_in(&stranger, "correct+horse").await);
    assert_eq!((one.status, one.header("location")), (StatusCode::SEE_OTHER, "/account"));
    let (cookie, flags) = one.header("set-cookie").split_once("; ").unwrap();
    assert_eq!(flags, "HttpOnly; SameSite=Lax; Path=/");
    assert_ne!(cookie, two.header("set-cookie").split_once("; ").unwrap().0);
    let request = stranger.request("GET", "/account").header(header::COOKIE, cookie);
    let account = stranger.send(request.body(Body::empty()).unwrap()).await;
    assert!(account.status.is_success() && account.body.contains("jane"), "{}", account.body);
    assert_eq!(fixture.deeds.take(), ["signed_in jane ", "signed_in jane "]);
}

#[tokio::test]
async fn whoever_signs_in_again_leaves_the_session_before_behind() {
    let (_folder, fixture) = with_jane();
    let jane = fixture.browser(&[Role::Operator]);
    let again = jane.post("/sign-in", "name=jane&password=correct+horse").await;
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    assert_eq!(jane.get("/account").await.status, StatusCode::SEE_OTHER, "the old cookie");
}

#[tokio::test]
async fn guessing_ends_after_a_few_tries_and_says_no_more_of_names_that_exist() {
    let (_folder, fixture) = with_jane();
    let stranger = fixture.stranger();
    for number in 1..=5 {
        let wrong = sign_in(&stranger, "guessed").await;
        let is_last = number == 5;
        let expected = if is_last { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::FORBIDDEN };
        assert_eq!(wrong.status, expected, "{number}");
        assert!(!wrong.header("set-cookie").contains("postern="), "{number}");
    }
    let told = fixture.deeds.take();
    assert_eq!(told[0], "sign_in_failed jane the password is wrong");
    assert_eq!(told[5], "locked_out jane after too many failures");
    let right = sign_in(&stranger, "correct+horse").await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(right.body.contains("Wait 15 minutes"), "{}", right.body);
    let made_up = || stranger.post("/sign-in", "name=made.up&password=guessed");
    let first = made_up().await;
    assert!(first.body.contains("is not right") && !first.body.contains("no such"));
    for _ in 2..=5 {
        made_up().await;
    }
    assert_eq!(made_up().await.status, StatusCode::TOO_MANY_REQUESTS, "as for one that exists");
    assert!(!fixture.deeds.take().concat().contains("made.up"), "it may have been a password");
}

#[tokio::test]
async fn every_answer_says_what_a_browser_may_do_with_it() {
    let fixture = Fixture::new();
    let stranger = fixture.stranger();
    let stylesheet = super::assets::STYLESHEET.path.clone();
    for path in ["/sign-in", "/nowhere", "/api/nowhere", "/api/openapi.json", &stylesheet] {
        let shown = stranger.get(path).await;
        let policy = shown.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "same-origin"),
            ("cross-origin-opener-policy", "same-origin"),
        ] {
            assert_eq!(shown.header(name), value, "{path}");
        }
    }
    assert_eq!(stranger.get("/sign-in").await.header("cache-control"), "no-store");
}
