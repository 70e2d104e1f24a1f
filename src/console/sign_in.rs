//! Signing in and out. One form asks for all at once, so that nobody learns
//! which of name, password and code was right; every failure has the same
//! answer.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use askama::Template;
use axum::{
    Extension, Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use percent_encoding::{AsciiSet, PercentEncode, utf8_percent_encode};
use serde::Deserialize;

use super::{
    Answer, Console, FormErrors, Frame, Identity, Refusal, Routes,
    accounts::Claim,
    door::Caller,
    guesses::{Admission, Claimed, Network},
    openid, page,
};
use crate::mail::{Actor, ActorDoor, Deed, DeedKind, Event, NOT_UNRESERVED, Scope};

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .open(PATH, get(form).post(sign_in))
        .open("/sign-in/certificate", post(sign_in_by_certificate))
        .signed_in("/sign-out", post(sign_out))
        .signed_in("/account", get(account))
        .signed_in("/account/sign-out-everywhere", post(sign_out_everywhere))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    frame: Frame,
    errors: FormErrors,
    name: &'a str,
    next: &'a str,
    ways: Ways,
}

/// How one can sign in here.
struct Ways {
    password: bool,
    certificate: bool,
    elsewhere: Option<Elsewhere>,
}

/// Somebody else who vouches for people.
struct Elsewhere {
    label: String,
    path: String,
}

#[derive(Debug, Default, Deserialize)]
struct Wanted {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
struct Sent {
    name: String,
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    next: String,
}

/// Where one is led who must sign in first.
pub(super) fn path_back_to(target: &str) -> String {
    match target {
        "/" => PATH.to_owned(),
        _ => format!("{PATH}?next={}", in_query(target)),
    }
}

async fn form(
    State(console): State<Arc<Console>>,
    Query(wanted): Query<Wanted>,
    caller: Caller,
    frame: Frame,
) -> Answer {
    if frame.who.is_some() {
        return Ok(Redirect::to(local(&wanted.next)).into_response());
    }
    let ways = Ways::of(&console, &caller, &wanted.next);
    page(&SignInPage { frame, errors: FormErrors::default(), name: "", next: &wanted.next, ways })
}

/// The form again, with what became of a sign-in elsewhere.
pub(super) fn refused(
    console: &Console,
    caller: &Caller,
    frame: Frame,
    status: StatusCode,
    said: String,
) -> Answer {
    let mut errors = FormErrors::default();
    errors.add("elsewhere", said);
    let ways = Ways::of(console, caller, "");
    let form = page(&SignInPage { frame, errors, name: "", next: "", ways })?;
    Ok((status, form).into_response())
}

async fn sign_in(
    State(console): State<Arc<Console>>,
    caller: Caller,
    former: Option<Extension<Identity>>,
    frame: Frame,
    Form(sent): Form<Sent>,
) -> Answer {
    let name = sent.name.trim().to_owned();
    let mut errors = FormErrors::default();
    if name.is_empty() {
        errors.add("name", "Enter your name");
    }
    if sent.password.is_empty() {
        errors.add("password", "Enter your password");
    }
    let mut status = StatusCode::OK;
    if errors.is_empty() {
        console.look_at_accounts().await;
        let claim = Claim { name: name.clone(), password: sent.password, code: sent.code };
        match prove(&console, &caller, claim).await {
            Ok(actor) => {
                if let Some(session) = former.and_then(|former| former.session) {
                    console.sessions.end(session);
                }
                return begin_of_account(&console, &caller, &actor, &sent.next);
            }
            Err(Admission::Open) => {
                status = StatusCode::FORBIDDEN;
                errors.add("name", WRONG);
            }
            Err(Admission::Shut) => {
                status = StatusCode::TOO_MANY_REQUESTS;
                errors.add("name", paused(console.guesses.pause()));
            }
        }
    }
    let ways = Ways::of(&console, &caller, &sent.next);
    let form = page(&SignInPage { frame, errors, name: &name, next: &sent.next, ways })?;
    Ok((status, form).into_response())
}

/// Who it is; else whether they may try again.
async fn prove(console: &Console, caller: &Caller, claim: Claim) -> Result<Actor, Admission> {
    let (name, network) = (claim.name.clone(), Network::of(caller.address));
    let claimed = Claimed::of(&name);
    if console.guesses.attempt(claimed, network, Instant::now()) == Admission::Shut {
        return Err(Admission::Shut);
    }
    let disproof = match console.accounts.prove(claim, SystemTime::now().into()).await {
        Ok(actor) => {
            console.guesses.succeeded(claimed, network);
            return Ok(actor);
        }
        Err(disproof) => disproof.to_string(),
    };
    let shut = console.guesses.state(claimed, network, Instant::now());
    tell_failure(console, caller, &name, &disproof, shut);
    Err(shut)
}

/// A certificate lets a browser in when its user says so: it is shown with
/// every request, also with those that a strange page causes.
async fn sign_in_by_certificate(
    State(console): State<Arc<Console>>,
    caller: Caller,
    Form(wanted): Form<Wanted>,
) -> Answer {
    match console.accounts.certified(&caller.certified) {
        Some(actor) => begin_of_account(&console, &caller, &actor, &wanted.next),
        None => {
            let words = "a certificate that stands for no account";
            tell_failure(&console, &caller, "", words, Admission::Open);
            Err(Refusal::Unfit("Your certificate stands for no account here.".to_owned()))
        }
    }
}

/// The file may have changed since the account was looked at, and its sessions
/// been ended before this one began.
fn begin_of_account(console: &Console, caller: &Caller, actor: &Actor, next: &str) -> Answer {
    let begun = begin(console, caller, actor.clone(), next, None)?;
    if console.accounts.actor(&actor.name).as_ref() == Some(actor) {
        return Ok(begun);
    }
    console.sessions.end_all(&actor.name);
    Err(Refusal::SignInFirst)
}

/// A session of its own, whatever the browser had before; `words` say who has
/// vouched for them, where it was not their account.
pub(super) fn begin(
    console: &Console,
    caller: &Caller,
    actor: Actor,
    next: &str,
    words: Option<&str>,
) -> Answer {
    let failed = |error: &dyn std::fmt::Display| Refusal::Failed(error.to_string());
    tell(console, caller, DeedKind::SignedIn, &actor.name, words);
    let secret = console.sessions.begin(actor, Instant::now()).map_err(|error| failed(&error))?;
    let cookie = console.cookie().set(secret.as_str());
    let cookie = cookie.ok_or_else(|| failed(&"a session that no cookie can hold"))?;
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to(local(next))).into_response())
}

async fn sign_out(State(console): State<Arc<Console>>, identity: Identity) -> Response {
    if let Some(session) = identity.session {
        console.sessions.end(session);
    }
    console.tell(DeedKind::SignedOut, &identity, None);
    signed_out(&console, &identity)
}

async fn sign_out_everywhere(State(console): State<Arc<Console>>, identity: Identity) -> Response {
    console.sessions.end_all(&identity.actor.name);
    console.tell(DeedKind::SignedOut, &identity, Some("everywhere"));
    signed_out(&console, &identity)
}

fn signed_out(console: &Console, identity: &Identity) -> Response {
    let was_elsewhere = console.openid.is_some() && openid::is_openid_name(&identity.actor.name);
    let led = Redirect::to(if was_elsewhere { openid::SIGNED_OUT } else { PATH });
    let cleared = console.cookie().clear().map(|cookie| [(header::SET_COOKIE, cookie)]);
    let site_data = [(header::HeaderName::from_static("clear-site-data"), "\"cache\"")];
    match cleared {
        Some(cleared) => (cleared, site_data, led).into_response(),
        None => led.into_response(),
    }
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    frame: Frame,
    organisations: Option<Vec<String>>,
    permissions: Vec<&'static str>,
}

async fn account(identity: Identity, frame: Frame) -> Answer {
    let organisations = match identity.actor.scope {
        Scope::Everybody => None,
        Scope::Organisations(names) => Some(names),
    };
    let granted = identity.actor.roles.iter().flat_map(|role| role.permissions());
    let mut granted: Vec<_> = granted.copied().collect();
    granted.sort_unstable();
    granted.dedup();
    let permissions = granted.into_iter().map(crate::mail::Permission::name).collect();
    page(&AccountPage { frame, organisations, permissions })
}

impl Ways {
    fn of(console: &Console, caller: &Caller, next: &str) -> Self {
        let certificate = console.accounts.certified(&caller.certified).is_some();
        let elsewhere = console.openid.as_ref().map(|door| Elsewhere {
            label: door.label().to_owned(),
            path: match local(next) {
                "/" => openid::PATH.to_owned(),
                next => format!("{}?next={}", openid::PATH, in_query(next)),
            },
        });
        Self { password: !console.accounts.is_empty(), certificate, elsewhere }
    }
}

fn tell_failure(console: &Console, caller: &Caller, name: &str, words: &str, shut: Admission) {
    // What was claimed is told only where it is somebody's name: people type
    // passwords where names belong.
    let by = if console.accounts.has(name) { name } else { "unknown" };
    tell(console, caller, DeedKind::SignInFailed, by, Some(words));
    if shut == Admission::Shut {
        tell(console, caller, DeedKind::LockedOut, by, Some("after too many failures"));
    }
}

pub(super) fn tell(
    console: &Console,
    caller: &Caller,
    kind: DeedKind,
    by: &str,
    words: Option<&str>,
) {
    let (door, address) = (ActorDoor::Console, caller.address);
    let deed = Deed { kind, by, door, address, about: None, words };
    console.ports.observer.observe(Event::Done(deed));
}

fn paused(pause: Duration) -> String {
    let minutes = pause.as_secs().div_ceil(60).max(1);
    let unit = if minutes == 1 { "minute" } else { "minutes" };
    format!("Too many attempts have failed. Wait {minutes} {unit}, then try again")
}

/// A path of ours, and no other site's.
pub(super) fn local(next: &str) -> &str {
    let is_plain = next.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\');
    match next.starts_with('/') && !next.starts_with("//") && is_plain {
        true => next,
        false => "/",
    }
}

/// As a field of a query, where a slash reads better as it is.
fn in_query(path: &str) -> PercentEncode<'_> {
    utf8_percent_encode(path, BUT_SLASHES)
}

pub(super) const PATH: &str = "/sign-in";
const BUT_SLASHES: &AsciiSet = &NOT_UNRESERVED.remove(b'/');
const WRONG: &str = "The name, the password or the code is not right. Check all three; a code is \
                     good only once";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::testing::Fixture;

    #[test]
    fn after_signing_in_nobody_is_led_to_another_site() {
        for (next, led) in [
            ("/quarantine?level=4&offset=50", "/quarantine?level=4&offset=50"),
            ("", "/"),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("/\r\nSet-Cookie: a=b", "/"),
        ] {
            assert_eq!(local(next), led, "{next:?}");
        }
        assert_eq!(path_back_to("/a?b=c&d"), "/sign-in?next=/a%3Fb%3Dc%26d");
    }

    #[tokio::test]
    async fn whoever_fails_too_often_is_told_to_wait_and_it_is_on_record() {
        let fixture = Fixture::new();
        let stranger = fixture.stranger();
        for _ in 0..4 {
            let refused = stranger.post("/sign-in", "name=wisteria&password=x").await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN);
            assert!(refused.body.contains("is not right"), "{}", refused.body);
        }
        fixture.deeds.take();
        for _ in 0..2 {
            let refused = stranger.post("/sign-in", "name=wisteria&password=x").await;
            assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
            assert!(refused.body.contains("Wait 15 minutes"), "{}", refused.body);
            assert_eq!(refused.header("set-cookie"), "");
        }
        // The name is nobody's, and may be a password.
        let told = [
            "sign_in_failed unknown there is no such account",
            "locked_out unknown after too many failures",
        ];
        assert_eq!(fixture.deeds.take(), told);
    }

    #[tokio::test]
    async fn whoever_is_not_signed_in_sends_little() {
        let fixture = Fixture::new();
        let long = format!("name={}&password=x", "x".repeat(70_000));
        let refused = fixture.stranger().post("/sign-in", &long).await;
        assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(fixture.deeds.take(), Vec::<String>::new());
    }
}
