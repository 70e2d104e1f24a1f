//! The list of what is held.

use std::{collections::BTreeSet, sync::Arc, time::SystemTime};

use askama::Template;
use axum::{extract::State, http::Uri};

use super::{
    saved::View,
    wanted::{PAGE, STATES, Wanted},
};
use crate::{
    console::{
        Answer, Console, FormErrors, Frame, Identity, Pagination, fields::Asked, moments::Due, page,
    },
    mail::{HeldEntry, HeldPage, Kind, Level, Permission, Timestamp},
};

#[derive(Template)]
#[template(path = "quarantine.html")]
struct QuarantinePage {
    frame: Frame,
    errors: FormErrors,
    wanted: Wanted,
    query: String,
    choices: Choices,
    views: Vec<ViewLink>,
    /// Whoever looks has made these.
    own_views: Vec<ViewLink>,
    /// The one of them that is shown.
    own_view: Option<String>,
    rows: Vec<Row>,
    pages: Pagination,
    may_decide: bool,
}

/// What the filter's lists offer: pairs of value and words.
struct Choices {
    levels: Vec<(String, String)>,
    kinds: Vec<(String, String)>,
    states: Vec<(String, String)>,
    directions: Vec<(String, String)>,
    orders: Vec<(String, String)>,
    rules: BTreeSet<String>,
}

/// A filter under a name.
struct ViewLink {
    name: String,
    address: String,
    current: bool,
}

/// A message as the list shows it.
pub(super) struct Row {
    pub(super) id: String,
    pub(super) subject: String,
    pub(super) sender: String,
    pub(super) recipients: String,
    pub(super) level: Level,
    pub(super) rule: String,
    pub(super) kinds: String,
    pub(super) received: String,
    pub(super) due: Due,
    /// Kind of tag and its word.
    pub(super) marks: Vec<(&'static str, String)>,
}

pub(super) async fn list(
    State(console): State<Arc<Console>>,
    identity: Identity,
    address: Uri,
    Asked(fields): Asked,
    frame: Frame,
) -> Answer {
    let wanted = Wanted::of(&fields);
    let offset = fields.one("offset").parse().unwrap_or(0);
    let (found, errors) = match wanted.held_query(offset) {
        Ok(query) => {
            let found = console.ports.quarantine.list(&identity.actor, &query).await?;
            (found, FormErrors::default())
        }
        Err(errors) => (HeldPage::default(), errors),
    };
    let now = SystemTime::now().into();
    let own_views = own_views(&console, &identity, &wanted);
    page(&QuarantinePage {
        frame,
        errors,
        query: wanted.query(),
        choices: Choices::of(&found, &wanted),
        views: views(&wanted),
        own_view: own_views.iter().find(|view| view.current).map(|view| view.name.clone()),
        own_views,
        pages: Pagination::new(&address, offset, found.entries.len(), PAGE, found.total),
        rows: found.entries.iter().map(|entry| Row::of(entry, now)).collect(),
        may_decide: identity.actor.may(Permission::Decide),
        wanted,
    })
}

impl Row {
    pub(super) fn of(entry: &HeldEntry, now: Timestamp) -> Self {
        let mut marks = Vec::new();
        if let Some(proposal) = &entry.proposal {
            marks.push(("warning", format!("{} proposed", proposal.act.name())));
        }
        if !entry.requests.is_empty() {
            marks.push(("warning", "sender has asked".to_owned()));
        }
        if entry.legal_hold {
            marks.push(("plain", "legal hold".to_owned()));
        }
        let kinds: Vec<&str> = entry.kinds.iter().map(|kind| kind.words()).collect();
        Self {
            id: entry.id.to_string(),
            subject: match entry.subject.trim() {
                "" => "(no subject)".to_owned(),
                subject => subject.to_owned(),
            },
            sender: sender(entry),
            recipients: recipients(entry),
            level: entry.level,
            rule: entry.rule.clone(),
            kinds: kinds.join(", "),
            received: super::super::moments::moment(entry.received_at),
            due: Due::of(entry.due_at, now),
            marks,
        }
    }
}

fn sender(entry: &HeldEntry) -> String {
    match entry.sender.mailbox() {
        Some(address) => address.to_string(),
        None => "nobody (a report)".to_owned(),
    }
}

fn recipients(entry: &HeldEntry) -> String {
    match entry.recipients.as_slice() {
        [] => "nobody".to_owned(),
        [only] => only.to_string(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
    }
}

impl Choices {
    fn of(found: &HeldPage, wanted: &Wanted) -> Self {
        let pair = |value: &str, words: &str| (value.to_owned(), words.to_owned());
        let any = |words: &str| vec![pair("", words)];
        let mut levels = any("Any level");
        levels.extend(
            Level::ALL.iter().rev().map(|level| (level.to_string(), format!("Level {level}"))),
        );
        let mut kinds = any("Anything");
        kinds.extend(Kind::ALL.iter().map(|kind| pair(kind.name(), kind.words())));
        let mut states = any("Any state");
        states.extend(STATES.iter().map(|(_, name, words)| pair(name, words)));
        let rules = found.entries.iter().map(|entry| entry.rule.clone());
        Self {
            levels,
            kinds,
            states,
            directions: vec![
                pair("", "Both directions"),
                pair("outbound", "Outbound"),
                pair("inbound", "Inbound"),
            ],
            orders: vec![
                pair("", "Due first"),
                pair("level", "Highest level first"),
                pair("newest", "Newest first"),
                pair("oldest", "Oldest first"),
            ],
            rules: rules.chain((!wanted.rule.is_empty()).then(|| wanted.rule.clone())).collect(),
        }
    }
}

fn own_views(console: &Console, identity: &Identity, wanted: &Wanted) -> Vec<ViewLink> {
    let query = wanted.query();
    let views = console.views.of(&identity.actor.name).into_iter();
    let link = |view: View| ViewLink {
        address: view.address(),
        current: view.query == query,
        name: view.name,
    };
    views.map(link).collect()
}

fn views(wanted: &Wanted) -> Vec<ViewLink> {
    let state = |name: &str| Wanted { state: name.to_owned(), ..Wanted::default() };
    let top = Wanted { level: "4".to_owned(), ..Wanted::default() };
    let named = [
        ("All held", Wanted::default()),
        ("Overdue", state("overdue")),
        ("Waiting for approval", state("proposed")),
        ("Sender has asked", state("requested")),
        ("Level 4", top),
        ("Legal hold", state("legal-hold")),
    ];
    let views = named.into_iter().map(|(name, view)| ViewLink {
        name: name.to_owned(),
        current: Wanted { order: String::new(), ..wanted.clone() } == view,
        address: match view.query().as_str() {
            "" => "/quarantine".to_owned(),
            query => format!("/quarantine?{query}"),
        },
    });
    views.collect()
}
