//! What stands around every page: who is signed in, where they may go, and
//! what there is to say.

use std::sync::Arc;

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{Console, Identity, Refusal, assets};
use crate::mail::{Permission, Role};

/// The field `frame` of every page; `base.html` shows it. As an argument of a
/// handler it is made of the request.
#[derive(Clone, Debug)]
pub struct Frame {
    pub node: String,
    /// Where they may go; nowhere as long as nobody is signed in.
    pub navigation: Vec<NavigationItem>,
    pub who: Option<Who>,
    /// Each form brings it back: `pieces.html` has the field.
    pub csrf: String,
    pub flash: Option<Flash>,
    pub stylesheet: &'static str,
    pub script: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NavigationItem {
    pub label: &'static str,
    pub path: &'static str,
    pub current: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    pub name: String,
    /// In words.
    pub roles: String,
}

/// What has been done, said once on the next page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Flash {
    Done(String),
    /// Not all of it, or not yet.
    Notice(String),
}

impl Flash {
    pub fn text(&self) -> &str {
        match self {
            Self::Done(text) | Self::Notice(text) => text,
        }
    }

    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }
}

/// In the order of a day's work. A part's first page is added here.
const NAVIGATION: &[(&str, &str, Permission)] = &[
    ("Overview", "/", Permission::ViewOverview),
    ("Quarantine", "/quarantine", Permission::ViewHeld),
    ("Message trace", "/trace", Permission::Trace),
    ("Partners", "/partners", Permission::ViewPartners),
    ("Policy", "/policy", Permission::ViewPolicy),
    ("Try a message", "/try", Permission::Try),
    ("Audit", "/audit", Permission::ReadAudit),
];

impl Frame {
    pub(super) fn new(console: &Console, identity: Option<&Identity>, path: &str) -> Self {
        let session = identity.and_then(|identity| identity.session);
        Self {
            node: console.node.clone(),
            navigation: identity.map(|identity| navigation(identity, path)).unwrap_or_default(),
            who: identity.map(Who::of),
            csrf: identity.map(|identity| identity.csrf.clone()).unwrap_or_default(),
            flash: session.and_then(|session| console.sessions.take_flash(session)),
            stylesheet: &assets::STYLESHEET.path,
            script: &assets::SCRIPT.path,
        }
    }

    /// Where somebody begins who may not see the overview.
    pub fn first_path(&self) -> &'static str {
        self.navigation.first().map_or("/", |item| item.path)
    }
}

impl Who {
    fn of(identity: &Identity) -> Self {
        let roles = identity.actor.roles.iter().map(|role| role_in_words(*role));
        Self { name: identity.actor.name.clone(), roles: roles.collect::<Vec<_>>().join(", ") }
    }
}

fn role_in_words(role: Role) -> &'static str {
    match role {
        Role::Officer => "officer",
        Role::Approver => "approver",
        Role::LocalAdministrator => "local administrator",
        Role::Auditor => "auditor",
        Role::Operator => "operator",
    }
}

fn navigation(identity: &Identity, path: &str) -> Vec<NavigationItem> {
    let allowed = NAVIGATION.iter().filter(|(.., permission)| identity.actor.may(*permission));
    allowed
        .map(|&(label, own, _)| NavigationItem { label, path: own, current: is_below(path, own) })
        .collect()
}

fn is_below(path: &str, own: &str) -> bool {
    let rest = path.strip_prefix(own);
    path == own || own != "/" && rest.is_some_and(|rest| rest.starts_with('/'))
}

impl FromRequestParts<Arc<Console>> for Frame {
    type Rejection = Refusal;

    async fn from_request_parts(
        parts: &mut Parts,
        console: &Arc<Console>,
    ) -> Result<Self, Refusal> {
        let identity = parts.extensions.get::<Identity>();
        Ok(Self::new(console, identity, parts.uri.path()))
    }
}
