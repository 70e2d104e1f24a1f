//! A held message: why it is held, what of it may be seen, and what can be
//! done with it.

use std::{
    sync::Arc,
    time::{Instant, SystemTime},
};

use askama::Template;
use axum::{
    extract::{Path, State},
    http::{HeaderValue, header},
    response::{Html, IntoResponse, Redirect},
};

use super::{
    choices::{Choices, Proposed},
    list::Row,
    order::{self, Order, permission},
    reveals::LASTS,
};
use crate::{
    console::{
        Acted, Answer, Console, ContentSecurity, DeskError, Flash, FormErrors, Frame, HeldMessage,
        Identity, Refusal, Which,
        fields::Fields,
        moments::{moment, octets, span},
        page,
    },
    mail::{
        Address, Deed, DeedKind, Event, Finding, HeldEntry, Permission, QueueId, ReleaseRequest,
        RequestKind, TlsRequirement,
    },
    quarantine::{MessageView, Sight, to_be_safe},
};

#[derive(Template)]
#[template(path = "quarantine_message.html")]
struct MessagePage {
    frame: Frame,
    errors: FormErrors,
    row: Row,
    message: HeldMessage,
    facts: Vec<(&'static str, String)>,
    findings: Vec<FoundKind>,
    requests: Vec<Requested>,
    proposal: Option<Proposed>,
    /// Or why it cannot be shown.
    view: Result<MessageView, String>,
    can: Choices,
    is_revealed: bool,
    written: Written,
    tls: Vec<(String, String)>,
}

/// What was found of one kind: the surest first.
struct FoundKind {
    kind: &'static str,
    values: Vec<FoundValue>,
    /// Values that are not listed.
    more: usize,
}

/// A value as it stands there, masked, and how often.
struct FoundValue {
    masked: String,
    count: usize,
    /// Of the surest of them, as where and why.
    confidence: u8,
    place: String,
    why: String,
}

struct Requested {
    what: &'static str,
    at: String,
    justification: String,
}

/// The form as it was sent, to be shown again.
#[derive(Default)]
struct Written {
    act: String,
    reason: String,
    to: String,
    until: String,
    tls: String,
    hours: String,
    false_positive: bool,
    chosen: Option<Vec<Address>>,
}

pub(super) async fn message(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(id): Path<String>,
    frame: Frame,
) -> Answer {
    let id = queue_id(&id)?;
    let looked = Look { console: &console, identity: &identity, id };
    looked.page(frame, FormErrors::default(), Written::default()).await
}

/// Its HTML, for a frame that can do nothing.
pub(super) async fn rendering(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(id): Path<String>,
) -> Answer {
    let id = queue_id(&id)?;
    let look = Look { console: &console, identity: &identity, id };
    let view = console.ports.quarantine.view(&identity.actor, id, look.sight()).await?;
    let html = view.rendering.ok_or(Refusal::NotFound)?;
    Ok(ContentSecurity::Framed.on(Html(html).into_response()))
}

pub(super) async fn reveal(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(id): Path<String>,
    frame: Frame,
    fields: Fields,
) -> Answer {
    let id = queue_id(&id)?;
    let mut errors = FormErrors::default();
    let Some(reason) = order::reason(&fields, &mut errors) else {
        let look = Look { console: &console, identity: &identity, id };
        let errors = errors.renamed("reason", "reveal-reason");
        return look.page(frame, errors, Written::default()).await;
    };
    // None is opened that they may not see.
    console.ports.quarantine.message(&identity.actor, id).await?;
    said_why(&console, &identity, id, &reason);
    console.reveals.allow(&identity.actor.name, id, Instant::now());
    let words = format!("It is shown as it is for {}.", span(LASTS));
    console.leave(&identity, Flash::Notice(words));
    Ok(Redirect::to(&format!("/quarantine/{id}#message")).into_response())
}

/// On record before anything is shown. People write of patients where they
/// say why, so long numbers and dates are masked.
pub(super) fn said_why(console: &Console, identity: &Identity, id: QueueId, reason: &str) {
    let Identity { actor, address, .. } = identity;
    let reason = to_be_safe(reason);
    let deed = Deed {
        kind: DeedKind::Revealed,
        by: &actor.name,
        door: actor.door,
        address: *address,
        about: Some(id),
        words: Some(&reason),
    };
    console.ports.observer.observe(Event::Done(deed));
}

pub(super) async fn act(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(id): Path<String>,
    frame: Frame,
    fields: Fields,
) -> Answer {
    let id = queue_id(&id)?;
    let look = Look { console: &console, identity: &identity, id };
    let entry = console.ports.quarantine.message(&identity.actor, id).await?.entry;
    let order = match Order::read(&fields, &entry.recipients, SystemTime::now().into()) {
        Ok(order) => order,
        Err(errors) => return look.page(frame, errors, Written::of(&fields)).await,
    };
    console.must(&identity, permission(&order.act))?;
    let which = Which::These(vec![id]);
    let Order { act, reason } = order;
    let acted = console.ports.quarantine.act(&identity.actor, &which, &act, &reason).await?;
    let subject = entry.subject.trim();
    match acted {
        Acted { done: 1.., .. } => {
            let words = format!("{}: “{subject}”.", order::done(&act));
            console.leave(&identity, Flash::Done(words));
            let next = match order::takes_away(&act) {
                true => "/quarantine".to_owned(),
                false => format!("/quarantine/{id}"),
            };
            Ok(Redirect::to(&next).into_response())
        }
        Acted { proposed: 1.., .. } => {
            let words = "Proposed. Nothing happens until another officer approves it.";
            console.leave(&identity, Flash::Notice(words.to_owned()));
            Ok(Redirect::to(&format!("/quarantine/{id}")).into_response())
        }
        Acted { refused, .. } => {
            let why = refused.into_iter().next().map(|(_, why)| why);
            let mut errors = FormErrors::default();
            errors.add("act", why.unwrap_or_else(|| "Nothing was done.".to_owned()));
            look.page(frame, errors, Written::of(&fields)).await
        }
    }
}

/// A copy in an archive under a passphrase.
pub(super) async fn export(
    State(console): State<Arc<Console>>,
    identity: Identity,
    Path(id): Path<String>,
    frame: Frame,
    fields: Fields,
) -> Answer {
    let id = queue_id(&id)?;
    let mut errors = FormErrors::default();
    let passphrase = fields.one("passphrase");
    if passphrase.chars().count() < SHORTEST_PASSPHRASE {
        let words = format!("Choose a passphrase of {SHORTEST_PASSPHRASE} characters or more");
        errors.add("passphrase", words);
    }
    let reason = order::reason(&fields, &mut errors);
    let (true, Some(reason)) = (errors.is_empty(), reason) else {
        let errors = errors.renamed("reason", "export-reason");
        let look = Look { console: &console, identity: &identity, id };
        return look.page(frame, errors, Written::default()).await;
    };
    let archive = console.ports.quarantine.export(&identity.actor, id, passphrase, &reason).await?;
    Ok(attached(id, archive))
}

/// As a file to be saved: its name is the id alone, since a subject can be
/// anything.
pub(super) fn attached(id: QueueId, archive: bytes::Bytes) -> axum::response::Response {
    let mut response = archive.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    if let Ok(disposition) = format!("attachment; filename=\"{id}.zip\"").parse() {
        headers.insert(header::CONTENT_DISPOSITION, disposition);
    }
    response
}

pub(super) fn queue_id(written: &str) -> Result<QueueId, Refusal> {
    written.parse().map_err(|_| Refusal::NotFound)
}

/// Somebody looks at a message.
struct Look<'a> {
    console: &'a Console,
    identity: &'a Identity,
    id: QueueId,
}

impl Look<'_> {
    fn sight(&self) -> Sight {
        let Identity { actor, .. } = self.identity;
        let is_allowed = self.console.reveals.is_allowed(&actor.name, self.id, Instant::now());
        match is_allowed && actor.may(Permission::Reveal) {
            true => Sight::Revealed,
            false => Sight::Masked,
        }
    }

    async fn page(&self, frame: Frame, errors: FormErrors, written: Written) -> Answer {
        let Self { console, identity, id } = *self;
        let actor = &identity.actor;
        let message = console.ports.quarantine.message(actor, id).await?;
        let sight = self.sight();
        let view = match console.ports.quarantine.view(actor, id, sight).await {
            Ok(view) => Ok(view),
            Err(DeskError::Failed(why) | DeskError::Refused(why)) => Err(why),
            Err(error) => return Err(error.into()),
        };
        let entry = &message.entry;
        let response = page(&MessagePage {
            frame,
            errors,
            row: Row::of(entry, SystemTime::now().into()),
            facts: facts(&message),
            findings: by_kind(&message.hold.findings),
            requests: entry.requests.iter().map(Requested::of).collect(),
            proposal: entry.proposal.as_ref().map(|one| Proposed::of(one, actor, entry)),
            view,
            can: Choices::of(actor, entry),
            is_revealed: sight == Sight::Revealed,
            written,
            tls: TLS.map(|(name, words)| (name.to_owned(), words.to_owned())).to_vec(),
            message,
        })?;
        Ok(ContentSecurity::PageWithFrame.on(response))
    }
}

fn facts(message: &HeldMessage) -> Vec<(&'static str, String)> {
    let HeldEntry { received_at, direction, size, organisations, expires_at, .. } = &message.entry;
    let mut facts = vec![
        ("Received", moment(*received_at)),
        ("Direction", direction.to_string()),
        ("Size", octets(*size)),
    ];
    if !organisations.is_empty() {
        facts.push(("Organisation", organisations.join(", ")));
    }
    facts.push(match expires_at {
        Some(at) => ("Goes back to its sender", moment(*at)),
        None => ("Goes back to its sender", "never: a legal hold keeps it".to_owned()),
    });
    facts.push(("Policy version", message.queued.policy.clone()));
    facts
}

fn by_kind(findings: &[Finding]) -> Vec<FoundKind> {
    let mut surest: Vec<&Finding> = findings.iter().collect();
    surest.sort_by_key(|finding| std::cmp::Reverse(finding.confidence));
    let mut kinds: Vec<FoundKind> = Vec::new();
    for finding in surest {
        let kind = finding.kind.words();
        match kinds.iter_mut().find(|found| found.kind == kind) {
            Some(found) => found.add(finding),
            None => kinds.push(FoundKind { kind, values: vec![finding.into()], more: 0 }),
        }
    }
    for found in &mut kinds {
        found.more = found.values.len().saturating_sub(MOST_OF_A_KIND);
        found.values.truncate(MOST_OF_A_KIND);
    }
    kinds
}

impl FoundKind {
    fn add(&mut self, finding: &Finding) {
        match self.values.iter_mut().find(|value| value.masked == finding.masked.as_str()) {
            Some(value) => value.count += 1,
            None => self.values.push(finding.into()),
        }
    }
}

impl From<&Finding> for FoundValue {
    fn from(finding: &Finding) -> Self {
        Self {
            masked: finding.masked.to_string(),
            count: 1,
            confidence: finding.confidence,
            place: place(&finding.part, finding.line),
            why: finding.why.clone(),
        }
    }
}

/// `Subject`, or `part 1, line 3`.
fn place(part: &str, line: usize) -> String {
    match part.strip_prefix("header:") {
        Some(name) => name.to_owned(),
        None => format!("part {part}, line {line}"),
    }
}

impl Requested {
    fn of(request: &ReleaseRequest) -> Self {
        Self {
            what: match request.kind {
                RequestKind::Release => "It must go all the same",
                RequestKind::FalsePositive => "It was held in error",
            },
            at: moment(request.at),
            justification: request.justification.clone(),
        }
    }
}

impl Written {
    fn of(fields: &Fields) -> Self {
        let one = |name| fields.one(name).to_owned();
        Self {
            act: one("act"),
            reason: one("reason"),
            to: one("to"),
            until: one("until"),
            tls: one("tls"),
            hours: one("hours"),
            false_positive: fields.has("false_positive"),
            chosen: Some(fields.all("recipient").filter_map(|one| one.parse().ok()).collect()),
        }
    }

    fn is_chosen(&self, recipient: &Address) -> bool {
        self.chosen.as_ref().is_none_or(|chosen| chosen.contains(recipient))
    }

    /// Releasing is what most of them come to.
    fn is_act(&self, act: &str) -> bool {
        self.act == act || (self.act.is_empty() && act == "release")
    }
}

const MOST_OF_A_KIND: usize = 5;
pub(super) const SHORTEST_PASSPHRASE: usize = 12;
const TLS: [(&str, &str); 2] = [
    ("", "As the policy requires"),
    (TlsRequirement::Encrypted.name(), "Encrypted: any certificate"),
];
