//! Signing in and out. One form asks for all at once, so that nobody learns
//! which of name, password and code was right; every failure has the same
//! answer.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use askama::Template;
use axum::{
    Form,
    extract::{Query, State},
    http::{StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;

use super::{
    Answer, Console, FormErrors, Frame, Identity, Refusal, Routes,
    accounts::Claim,
    door::Caller,
    guesses::{Admission, Network},
    page,
};
use crate::mail::{Actor, ActorDoor, Deed, DeedKind, Event, Scope};

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
        _ => format!("{PATH}?next={}", escaped(target)),
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
    let ways = Ways::of(&console, &caller);
    page(&SignInPage { frame, errors: FormErrors::default(), name: "", next: &wanted.next, ways })
}

async fn sign_in(
    State(console): State<Arc<Console>>,
    caller: Caller,
    frame: Frame,
    Form(sent): Form<Sent>,
) -> Answer {
    let network = Network::of(caller.address);
    let name = sent.name.trim().to_owned();
    let mut errors = FormErrors::default();
    if name.is_empty() {
        errors.add("name", "Enter your name");
    }
    if sent.password.is_empty() {
        errors.add("password", "Enter your password");
    }
    let status = if !errors.is_empty() {
        StatusCode::OK
    } else if console.guesses.admit(&name, network) == Admission::Shut {
        errors.add("name", PAUSED);
        StatusCode::TOO_MANY_REQUESTS
    } else {
        let claim = Claim { name: name.clone(), password: sent.password, code: sent.code };
        match console.accounts.prove(claim, SystemTime::now().into()).await {
            Ok(actor) => {
                console.guesses.succeeded(&name, network);
                return begin(&console, &caller, actor, &sent.next);
            }
            Err(disproof) => {
                let shut = console.guesses.failed(&name, network);
                tell_failure(&console, &caller, &name, &disproof.to_string(), shut);
                errors.add("name", if shut == Admission::Shut { PAUSED } else { WRONG });
                StatusCode::FORBIDDEN
            }
        }
    };
    let ways = Ways::of(&console, &caller);
    let form = page(&SignInPage { frame, errors, name: &name, next: &sent.next, ways })?;
    Ok((status, form).into_response())
}

/// A certificate lets a browser in when its user says so: it is shown with
/// every request, also with those that a strange page causes.
async fn sign_in_by_certificate(
    State(console): State<Arc<Console>>,
    caller: Caller,
    Form(wanted): Form<Wanted>,
) -> Answer {
    match console.accounts.certified(&caller.certified) {
        Some(actor) => begin(&console, &caller, actor, &wanted.next),
        None => {
            let words = "a certificate that stands for no account";
            tell_failure(&console, &caller, "", words, Admission::Open);
            Err(Refusal::Unfit("Your certificate stands for no account here.".to_owned()))
        }
    }
}

/// A session of its own, whatever the browser had before.
pub(super) fn begin(console: &Console, caller: &Caller, actor: Actor, next: &str) -> Answer {
    let failed = |error: &dyn std::fmt::Display| Refusal::Failed(error.to_string());
    tell(console, caller, DeedKind::SignedIn, &actor.name, None);
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
    signed_out(&console)
}

async fn sign_out_everywhere(State(console): State<Arc<Console>>, identity: Identity) -> Response {
    console.sessions.end_all(&identity.actor.name);
    console.tell(DeedKind::SignedOut, &identity, Some("everywhere"));
    signed_out(&console)
}

fn signed_out(console: &Console) -> Response {
    let cleared = console.cookie().clear().map(|cookie| [(header::SET_COOKIE, cookie)]);
    let site_data = [(header::HeaderName::from_static("clear-site-data"), "\"cache\"")];
    match cleared {
        Some(cleared) => (cleared, site_data, Redirect::to(PATH)).into_response(),
        None => Redirect::to(PATH).into_response(),
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
    fn of(console: &Console, caller: &Caller) -> Self {
        let certificate = console.accounts.certified(&caller.certified).is_some();
        Self { password: !console.accounts.is_empty(), certificate }
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

fn tell(console: &Console, caller: &Caller, kind: DeedKind, by: &str, words: Option<&str>) {
    let (door, address) = (ActorDoor::Console, caller.address);
    let deed = Deed { kind, by, door, address, about: None, words };
    console.ports.observer.observe(Event::Done(deed));
}

/// A path of ours, and no other site's.
fn local(next: &str) -> &str {
    let is_plain = next.bytes().all(|octet| octet.is_ascii_graphic() && octet != b'\\');
    match next.starts_with('/') && !next.starts_with("//") && is_plain {
        true => next,
        false => "/",
    }
}

fn escaped(text: &str) -> String {
    let plain = |octet: u8| octet.is_ascii_alphanumeric() || b"-._~/".contains(&octet);
    text.bytes().fold(String::new(), |escaped, octet| match plain(octet) {
        true => escaped + char::from(octet).encode_utf8(&mut [0; 4]),
        false => escaped + &format!("%{octet:02X}"),
    })
}

const PATH: &str = "/sign-in";
const WRONG: &str = "The name, the password or the code is not right. Check all three; a code is \
                     good only once";
const PAUSED: &str = "Too many attempts have failed. Wait 15 minutes, then try again";

#[cfg(test)]
mod tests {
    use super::*;

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
}
