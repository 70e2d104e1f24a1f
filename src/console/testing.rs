//! For tests: a console whose ports are fakes, and requests to it as somebody.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
    response::Response,
};
use bytes::Bytes;
use hyper::service::Service;
use hyper_util::service::TowerToHyperService;

use super::{
    AuditDesk, Console, DeskError, Entries, ExportFormat, HeldOverview, MessageStory, Overview,
    OverviewSource, Pending, PolicyOverview, Ports, TraceDesk, Verdict,
    sessions::{Activity, SessionKey, Sessions},
};
use crate::{
    config::{self, ConsoleTls, LockOut, SecondFactor, SessionLimits},
    mail::{Actor, ActorDoor, Event, KnownBy, Observer, QueueId, Role, Scope},
    report::trail::TrailFilter,
};

/// What was told of: `kind by words`.
#[derive(Default)]
pub(super) struct Deeds(Mutex<Vec<String>>);

/// A gateway in which nothing happens.
pub(super) struct Quiet;

pub(super) struct Fixture {
    pub(super) console: Arc<Console>,
    pub(super) deeds: Arc<Deeds>,
    _data_dir: tempfile::TempDir,
}

/// Somebody's browser.
pub(super) struct Browser<'a> {
    fixture: &'a Fixture,
    cookie: Option<String>,
    pub(super) csrf: String,
}

pub(super) struct Shown {
    pub(super) status: StatusCode,
    pub(super) response: Response,
    pub(super) body: String,
}

impl Fixture {
    pub(super) fn new() -> Self {
        Self::with(|ports| ports)
    }

    /// Ports of a test's own in place of those in which nothing happens.
    pub(super) fn with(change: impl FnOnce(Ports) -> Ports) -> Self {
        Self::made(change, |settings| settings)
    }

    /// Where those of a file may sign in, their second factor optional.
    pub(super) fn with_accounts(file: PathBuf) -> Self {
        Self::made(|ports| ports, |settings| config::Console { accounts: Some(file), ..settings })
    }

    /// Where a provider vouches for people, and nobody has an account.
    pub(super) fn with_openid(openid: config::OpenId) -> Self {
        Self::made(|ports| ports, |settings| config::Console { openid: Some(openid), ..settings })
    }

    fn made(
        change: impl FnOnce(Ports) -> Ports,
        set: impl FnOnce(config::Console) -> config::Console,
    ) -> Self {
        let deeds = Arc::new(Deeds::default());
        let (observer, overview) = (Arc::clone(&deeds) as _, Arc::new(Quiet));
        let ports = change(Ports {
            observer,
            overview,
            quarantine: Arc::new(Quiet),
            requests: Arc::new(Quiet),
            partners: Arc::new(Quiet),
            policy: Arc::new(Quiet),
            trials: Arc::new(Quiet),
            trace: Arc::new(Quiet),
            audit: Arc::new(Quiet),
        });
        let listening = ([127, 0, 0, 1], 8464).into();
        let settings = set(config::Console {
            address: listening,
            url: None,
            tls: ConsoleTls::Loopback,
            accounts: None,
            second_factor: SecondFactor::Optional,
            openid: None,
            sessions: SessionLimits::default(),
            lock_out: LockOut::default(),
        });
        let data_dir = tempfile::tempdir().unwrap();
        let node = "mx1.example".to_owned();
        let console = Console::new(&settings, listening, node, data_dir.path(), ports);
        Self { console: Arc::new(console.unwrap()), deeds, _data_dir: data_dir }
    }

    /// Signed in with these roles, for the mail of all.
    pub(super) fn browser(&self, roles: &[Role]) -> Browser<'_> {
        let (door, scope) = (ActorDoor::Console, Scope::Everybody);
        let (known_by, roles) = (KnownBy::Account, roles.to_vec());
        self.browser_of(Actor { name: "jane".to_owned(), door, known_by, roles, scope })
    }

    pub(super) fn browser_of(&self, actor: Actor) -> Browser<'_> {
        let sessions: &Sessions = &self.console.sessions;
        let secret = sessions.begin(actor, Instant::now()).unwrap();
        let signed_in = sessions
            .resume(SessionKey::of(secret.as_str()), Activity::Person, Instant::now())
            .unwrap();
        let cookie = Some(format!("{}={}", self.console.cookie().name, secret.as_str()));
        Browser { fixture: self, cookie, csrf: signed_in.csrf }
    }

    /// Nobody's.
    pub(super) fn stranger(&self) -> Browser<'_> {
        Browser { fixture: self, cookie: None, csrf: String::new() }
    }
}

impl Browser<'_> {
    pub(super) async fn get(&self, path: &str) -> Shown {
        self.send(self.request("GET", path).body(Body::empty()).unwrap()).await
    }

    /// A form of ours, its token added; the fields are encoded already.
    pub(super) async fn post(&self, path: &str, fields: &str) -> Shown {
        let body = format!("csrf={}&{fields}", self.csrf);
        let request = self
            .request("POST", path)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.send(request.body(body.into()).unwrap()).await
    }

    /// JSON, as programs send it.
    pub(super) async fn post_json(&self, path: &str, body: &str) -> Shown {
        let request = self
            .request("POST", path)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-csrf-token", &self.csrf);
        self.send(request.body(body.to_owned().into()).unwrap()).await
    }

    pub(super) fn request(&self, method: &str, path: &str) -> axum::http::request::Builder {
        let request =
            Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8464");
        match &self.cookie {
            Some(cookie) => request.header(header::COOKIE, cookie),
            None => request,
        }
    }

    pub(super) async fn send(&self, request: Request<Body>) -> Shown {
        let service = TowerToHyperService::new(self.fixture.console.router());
        let (parts, body) = service.call(request).await.unwrap().into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Shown {
            status: parts.status,
            response: Response::from_parts(parts, Body::empty()),
            body: String::from_utf8_lossy(&body).into_owned(),
        }
    }
}

impl Shown {
    pub(super) fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl Deeds {
    pub(super) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Deeds {
    fn observe(&self, event: Event<'_>) {
        if let Event::Done(deed) = event {
            let words = deed.words.unwrap_or_default();
            self.0.lock().unwrap().push(format!("{} {} {words}", deed.kind.name(), deed.by));
        }
    }
}

impl TraceDesk for Quiet {
    fn find<'a>(&'a self, _: &'a Actor, _: &'a TrailFilter) -> Pending<'a, Entries> {
        Box::pin(async { Ok(Entries::default()) })
    }

    fn story<'a>(&'a self, _: &'a Actor, _: QueueId) -> Pending<'a, MessageStory> {
        Box::pin(async { Err(DeskError::Unknown) })
    }
}

impl AuditDesk for Quiet {
    fn search<'a>(&'a self, _: &'a Actor, _: &'a TrailFilter) -> Pending<'a, Entries> {
        Box::pin(async { Ok(Entries::default()) })
    }

    fn verify<'a>(&'a self, _: &'a Actor) -> Pending<'a, Verdict> {
        Box::pin(async { Ok(Verdict::default()) })
    }

    fn export<'a>(
        &'a self,
        _: &'a Actor,
        _: &'a TrailFilter,
        _: ExportFormat,
    ) -> Pending<'a, Bytes> {
        Box::pin(async { Ok(Bytes::new()) })
    }
}

impl OverviewSource for Quiet {
    fn overview(&self, _: &Actor) -> Overview {
        Overview {
            node: "mx1.example".to_owned(),
            policy: PolicyOverview { version: "abc".to_owned(), ..PolicyOverview::default() },
            waiting: 0,
            held: HeldOverview::default(),
            oldest: Duration::ZERO,
            unready: None,
            tls_waiting: Vec::new(),
            certificates: Vec::new(),
            flow: Vec::new(),
        }
    }
}
