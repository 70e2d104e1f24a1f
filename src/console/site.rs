//! The console as a whole: what it knows, what it asks, and all its paths.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use axum::{Json, Router, middleware::from_fn_with_state, response::IntoResponse, routing::get};
use cookie::SameSite;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    AuditDesk, Flash, Identity, OverviewSource, PartnerDesk, PolicyDesk, QuarantineDesk, Refusal,
    RequestDesk, Routes, TraceDesk, TrialDesk,
    accounts::{Accounts, AccountsError},
    api, assets, audit,
    cookies::{CookieKind, Secure},
    door,
    guesses::Guesses,
    kept::NotKept,
    openid::{self, OpenIdDoor},
    overview, partners, policy_pages, quarantine, requests,
    server::{Server, Way},
    sessions::Sessions,
    sign_in,
    tls::{Tls, TlsError},
    trace, trial_pages,
};
use crate::{
    config::{self, ConsoleTls, ConsoleUrl},
    https::AnchorsError,
    mail::{Deed, DeedKind, Event, Observer, Permission},
};

/// Whom it asks. The gateway fills it in.
pub struct Ports {
    /// Told of what people do: sign in, fail to, want what they may not.
    pub observer: Arc<dyn Observer>,
    pub overview: Arc<dyn OverviewSource>,
    pub quarantine: Arc<dyn QuarantineDesk>,
    pub requests: Arc<dyn RequestDesk>,
    pub partners: Arc<dyn PartnerDesk>,
    pub policy: Arc<dyn PolicyDesk>,
    pub trials: Arc<dyn TrialDesk>,
    pub trace: Arc<dyn TraceDesk>,
    pub audit: Arc<dyn AuditDesk>,
}

/// The state of every handler.
pub struct Console {
    pub ports: Ports,
    /// In the header of each page.
    pub node: String,
    /// Where browsers find it, for links in mail.
    pub url: ConsoleUrl,
    pub(super) sessions: Sessions,
    pub(super) accounts: Accounts,
    pub(super) guesses: Guesses,
    /// Who else vouches for people.
    pub(super) openid: Option<OpenIdDoor>,
    /// Who may see which message unmasked.
    pub(super) reveals: quarantine::Reveals,
    pub(super) views: quarantine::SavedViews,
    tls: Option<Arc<Tls>>,
}

#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    #[error("the console's accounts: {0}")]
    Accounts(#[from] AccountsError),
    #[error("what the console keeps: {0}")]
    NotKept(#[from] NotKept),
    #[error("the console's certificate: {0}")]
    Tls(#[from] TlsError),
    #[error("the console's OpenID provider: {0}")]
    OpenId(#[from] AnchorsError),
}

impl Console {
    /// Reads accounts and certificates; `listening` is where it really does.
    /// What must outlive a restart is kept in `data_dir/console`.
    pub fn new(
        settings: &config::Console,
        listening: SocketAddr,
        node: String,
        data_dir: &Path,
        ports: Ports,
    ) -> Result<Self, ConsoleError> {
        let tls = match &settings.tls {
            ConsoleTls::Here { files, client_ca } => {
                Some(Arc::new(Tls::load(files.clone(), client_ca.clone())?))
            }
            ConsoleTls::Loopback | ConsoleTls::Elsewhere { .. } => None,
        };
        let url = settings.url.clone();
        let url = url.unwrap_or_else(|| ConsoleUrl::of(listening, &settings.tls));
        let openid = settings.openid.clone().map(|openid| OpenIdDoor::new(openid, &url));
        let folder = data_dir.join("console");
        let accounts = Accounts::open(settings.accounts.clone(), settings.second_factor, &folder)?;
        Ok(Self {
            ports,
            node,
            url,
            openid: openid.transpose()?,
            sessions: Sessions::new(settings.sessions.idle, settings.sessions.absolute),
            accounts,
            guesses: Guesses::new(settings.lock_out),
            reveals: quarantine::Reveals::default(),
            views: quarantine::SavedViews::open(&folder)?,
            tls,
        })
    }

    /// Serves until `stop`.
    pub async fn serve(
        self: Arc<Self>,
        listener: TcpListener,
        tls: ConsoleTls,
        stop: CancellationToken,
    ) {
        let way = match (tls, &self.tls) {
            (ConsoleTls::Elsewhere { proxies }, _) => Way::Proxied(proxies),
            (_, Some(tls)) => Way::Tls(Arc::clone(tls)),
            (_, None) => Way::Plain,
        };
        let server = Server { way, pages: self.router() };
        tokio::join!(server.run(listener, stop.clone()), self.follow_files(stop));
    }

    /// All pages and the whole API. A part is added here.
    pub(super) fn router(self: &Arc<Self>) -> Router {
        let (router, description) = Routes::new(self)
            .with(overview::routes)
            .with(quarantine::routes)
            .with(trace::routes)
            .with(partners::routes)
            .with(policy_pages::routes)
            .with(trial_pages::routes)
            .with(audit::routes)
            .with(requests::routes)
            .with(sign_in::routes)
            .with(openid::routes)
            .with(api::routes)
            .into_parts();
        let description = Arc::new(api::with_refusals(description));
        let described = get(move || async move { Json(&*description).into_response() });
        router
            .route("/api/openapi.json", described)
            .route(&assets::STYLESHEET.path, get(async || assets::STYLESHEET.response()))
            .route(&assets::SCRIPT.path, get(async || assets::SCRIPT.response()))
            .fallback(async || Refusal::NotFound)
            .layer(from_fn_with_state(Arc::clone(self), door::door))
            .with_state(Arc::clone(self))
    }

    /// Whether they may; a denial is on record.
    pub fn must(&self, identity: &Identity, permission: Permission) -> Result<(), Refusal> {
        if identity.actor.may(permission) {
            return Ok(());
        }
        self.tell(DeedKind::Denied, identity, Some(permission.name()));
        Err(Refusal::Denied)
    }

    /// For the audit trail, the log and the metrics; the words are masked.
    pub fn tell(&self, kind: DeedKind, identity: &Identity, words: Option<&str>) {
        let Identity { actor, address, .. } = identity;
        let (by, door, address) = (actor.name.as_str(), actor.door, *address);
        let deed = Deed { kind, by, door, address, about: None, words };
        self.ports.observer.observe(Event::Done(deed));
    }

    /// Shown on top of the next page that they load.
    pub fn leave(&self, identity: &Identity, flash: Flash) {
        if let Some(session) = identity.session {
            self.sessions.leave(session, flash);
        }
    }

    /// How the session's cookie is sent. Not with what other sites cause,
    /// but for links that people follow: notices have some.
    pub(super) fn cookie(&self) -> CookieKind {
        let same_site = SameSite::Lax;
        match self.url.is_https() {
            true => CookieKind { name: "__Host-postern", secure: Secure::Yes, same_site },
            false => CookieKind { name: "postern", secure: Secure::No, same_site },
        }
    }

    /// Whether a request's Host is ours: a name that leads to this address by
    /// a stranger's DNS is not.
    pub(super) fn is_called(&self, host: &str) -> bool {
        let own = self.url.authority();
        host.eq_ignore_ascii_case(own)
            || !self.url.is_https()
                && loopback_port(host).is_some_and(|port| loopback_port(own) == Some(port))
    }

    pub(super) fn is_origin(&self, origin: &str) -> bool {
        let scheme = if self.url.is_https() { "https://" } else { "http://" };
        origin.strip_prefix(scheme).is_some_and(|host| self.is_called(host))
    }

    /// Accounts and certificates as their files have them now.
    async fn follow_files(self: Arc<Self>, stop: CancellationToken) {
        let pause = || stop.run_until_cancelled(tokio::time::sleep(LOOK));
        let mut told = None;
        while pause().await.is_some() {
            let console = Arc::clone(&self);
            let refreshed = tokio::task::spawn_blocking(move || console.refresh()).await;
            let fault = match refreshed {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            if let Some(error) = fault.as_ref().filter(|_| fault != told) {
                tracing::error!(error, "the console goes on with what it had");
            }
            told = fault;
        }
    }

    /// Whoever has just got an account may sign in, and whoever has just lost
    /// it may not. A fault is told by `follow_files`.
    pub(super) async fn look_at_accounts(self: &Arc<Self>) {
        let console = Arc::clone(self);
        let _ = tokio::task::spawn_blocking(move || console.refresh_accounts()).await;
    }

    fn refresh_accounts(&self) -> Result<(), AccountsError> {
        for name in self.accounts.refresh()? {
            self.sessions.end_all(&name);
        }
        Ok(())
    }

    fn refresh(&self) -> Result<(), ConsoleError> {
        self.refresh_accounts()?;
        if let Some(tls) = &self.tls {
            tls.refresh()?;
        }
        Ok(())
    }
}

/// The port, where the host is this machine.
fn loopback_port(authority: &str) -> Option<&str> {
    let (host, port) = authority.rsplit_once(':')?;
    ["127.0.0.1", "localhost", "[::1]"].contains(&host).then_some(port)
}

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(1);
