//! Judging: one act on one message, from who asks to what is committed.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;

use super::asking::Asked;
use crate::{
    config::Config,
    console::DeskError,
    content::Content,
    gateway::{
        diversion::divert,
        facts::classify,
        losses::tell,
        policies::Policies,
        queue::{Queue, now},
        reception::Nobody,
        reports::{Reports, addressees, tell_notices},
        trail::Trail,
        view::Viewer,
    },
    mail::{
        Actor, Address, Case, Deed, DeedKind, Event, Exemption, HeldAct, Kind, LesserTls, NextHop,
        Observer, Permission, QueueId, QueuedMessage, RecipientState, Timestamp,
    },
    policy::Policy,
    quarantine::{ActError, Order, Ruling, masked, rule_on},
    reader::Pool,
    spool::{Batch, SpoolError},
};

/// Cheap to clone.
#[derive(Clone)]
pub(in crate::gateway) struct Quarantine {
    pub(super) config: Arc<Config>,
    pub(super) queue: Arc<Queue>,
    pub(super) policies: Arc<Policies>,
    pub(super) reports: Reports,
    pub(super) viewer: Viewer,
    pub(super) trail: Trail,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) asked: Arc<Asked>,
    /// Messages of an act for many that are in memory at once.
    places: Arc<Semaphore>,
}

/// What an act has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::gateway) enum Came {
    Done,
    /// Another must approve it.
    Proposed,
}

/// Who does something, and why.
struct Act<'a> {
    who: &'a Actor,
    reason: String,
}

impl Quarantine {
    pub(in crate::gateway) fn new(reports: &Reports, readers: Pool, trail: Trail) -> Self {
        let policies = Arc::clone(&reports.policies);
        Self {
            config: Arc::clone(&reports.config),
            queue: Arc::clone(&reports.queue),
            viewer: Viewer::new(Arc::clone(&policies), readers),
            policies,
            observer: Arc::clone(&reports.observer),
            reports: reports.clone(),
            trail,
            asked: Arc::default(),
            places: Arc::new(Semaphore::new(PLACES)),
        }
    }

    /// Carries an act out, or has it proposed. Once begun it must not be
    /// cancelled: what is committed is scheduled only afterwards.
    pub(super) async fn judge(
        &self,
        who: &Actor,
        id: QueueId,
        act: &HeldAct,
        reason: &str,
    ) -> Result<Came, DeskError> {
        let came = self.judge_untold(who, id, act, reason).await;
        let result = match &came {
            Ok(Came::Done) => "done",
            Ok(Came::Proposed) => "proposed",
            Err(DeskError::Denied) => "denied",
            Err(DeskError::Failed(_)) => "failed",
            Err(DeskError::Unknown | DeskError::Refused(_)) => "refused",
        };
        self.observer.observe(Event::HeldJudged { act: act.name(), result });
        if came == Err(DeskError::Denied) {
            self.done(who, DeedKind::Denied, Some(id), act.name());
        }
        came
    }

    async fn judge_untold(
        &self,
        who: &Actor,
        id: QueueId,
        act: &HeldAct,
        reason: &str,
    ) -> Result<Came, DeskError> {
        let now = now();
        let ruling = || {
            let (message, case) = self.held(who, id)?;
            let terms = self.queue.lines().ward().terms();
            let ruling = rule_on((&message, &case), (who, act, reason), terms, now)?;
            Ok::<_, DeskError>((message, ruling))
        };
        let (_, first) = ruling()?;
        // It takes long, and only what the client sent is looked at, which
        // nothing changes.
        if first.lets_go() {
            self.refuse_malware(id).await?;
        }
        let _lock = self.queue.lock(id).await;
        let (message, ruling) = ruling()?;
        if ruling != first {
            return Err(DeskError::Refused("it has changed meanwhile: look again".to_owned()));
        }
        let act = Act { who, reason: reason.trim().to_owned() };
        self.carry_out(message, ruling, act, now).await
    }

    /// A message that is held, where they may see it.
    pub(super) fn held(
        &self,
        who: &Actor,
        id: QueueId,
    ) -> Result<(QueuedMessage, Case), DeskError> {
        let message = self.queue.spool().message(id).map_err(|error| self.failed(&error))?;
        let Some(message) = message else { return Err(DeskError::Unknown) };
        let case = message.hold.as_ref().map(|hold| hold.case.clone());
        match case.filter(|case| who.sees(&case.organisations)) {
            Some(case) => Ok((message, case)),
            None => Err(DeskError::Unknown),
        }
    }

    /// What is harmful goes to nobody, whoever says so, once it is known to
    /// be; what cannot be looked at now waits until it can.
    async fn refuse_malware(&self, id: QueueId) -> Result<(), DeskError> {
        // Never closed; without a place all the same nothing is skipped.
        let _place = self.places.acquire().await;
        let raw = self.original(id).await?;
        let policy = self.policies.live();
        let looked = self.viewer.read(raw, move |_, extract| {
            classify(&policy, extract).kinds.contains_key(&Kind::Malware)
        });
        match looked.await {
            Ok(false) => Ok(()),
            Ok(true) => Err(DeskError::Refused(HARMFUL.to_owned())),
            Err(unseen) => Err(DeskError::Failed(unseen.to_string())),
        }
    }

    /// What the client sent; of what an earlier version has held, the copy.
    pub(super) async fn original(&self, id: QueueId) -> Result<bytes::Bytes, DeskError> {
        let spool = Arc::clone(self.queue.spool());
        let read = move || match spool.original(id)? {
            Some(original) => Ok(Some(original)),
            None => spool.content(id),
        };
        let read = tokio::task::spawn_blocking(read).await.unwrap_or(Err(SpoolError::Closed));
        read.map_err(|error| self.failed(&error))?.ok_or(DeskError::Unknown)
    }

    /// Under the message's lock.
    async fn carry_out(
        &self,
        mut message: QueuedMessage,
        ruling: Ruling,
        act: Act<'_>,
        now: Timestamp,
    ) -> Result<Came, DeskError> {
        let id = message.id;
        match ruling {
            Ruling::Propose(proposal) => {
                let words = format!("{}: {}", proposal.act.name(), act.reason);
                change(&mut message, |case| case.proposal = Some(proposal));
                self.keep(&message).await?;
                self.done(act.who, DeedKind::Proposed, Some(id), &words);
                Ok(Came::Proposed)
            }
            Ruling::Withdraw => {
                change(&mut message, |case| case.proposal = None);
                self.keep(&message).await?;
                self.done(act.who, DeedKind::Withdrawn, Some(id), &act.reason);
                Ok(Came::Done)
            }
            Ruling::Carry(Order { act: order, proposed }) => {
                let reason = match proposed {
                    None => act.reason,
                    Some(wish) => {
                        format!("{}; {} had proposed it: {}", act.reason, wish.by, wish.reason)
                    }
                };
                self.carry(message, order, Act { reason, ..act }, now).await?;
                Ok(Came::Done)
            }
        }
    }

    async fn carry(
        &self,
        mut message: QueuedMessage,
        order: HeldAct,
        act: Act<'_>,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let id = message.id;
        match order {
            HeldAct::Release { recipients, exemption, false_positive } => {
                let exemption = exemption.map(|exemption| granted(exemption, &act, now));
                self.release(message, &recipients, exemption, &act, now).await?;
                if false_positive {
                    self.done(act.who, DeedKind::FalsePositiveReported, Some(id), &act.reason);
                }
                Ok(())
            }
            HeldAct::Reject => self.reject(&message, &act).await,
            HeldAct::Redirect { to } => self.redirect(message, &to, &act, now).await,
            HeldAct::Extend { until } => {
                change(&mut message, |case| case.extended_to = Some(until));
                self.keep(&message).await?;
                let words = format!("until {until}: {}", act.reason);
                self.done(act.who, DeedKind::Extended, Some(id), &words);
                Ok(())
            }
            HeldAct::LegalHold => {
                change(&mut message, |case| case.legal_hold = true);
                self.keep(&message).await?;
                self.done(act.who, DeedKind::LegalHoldSet, Some(id), &act.reason);
                Ok(())
            }
            HeldAct::LiftLegalHold => {
                change(&mut message, |case| case.legal_hold = false);
                self.keep(&message).await?;
                self.done(act.who, DeedKind::LegalHoldLifted, Some(id), &act.reason);
                Ok(())
            }
            // No order is one of these.
            HeldAct::Approve { .. } | HeldAct::Withdraw { .. } => Err(DeskError::Unknown),
        }
    }

    /// Lets a message go, or a part of it in one commit with what stays.
    async fn release(
        &self,
        mut message: QueuedMessage,
        recipients: &[Address],
        exemption: Option<Exemption>,
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        let id = message.id;
        let stays = |queued: &Address| !recipients.is_empty() && !recipients.contains(queued);
        let mut leaving = message.clone();
        let mut content = None;
        if message.recipients.iter().any(|queued| stays(&queued.address)) {
            leaving = message.part(self.queue.next_id());
            let (rest, part) = message.recipients.drain(..).partition(|one| stays(&one.address));
            (message.recipients, leaving.recipients) = (rest, part);
            change(&mut message, |case| case.proposal = None);
            let loaded = self.queue.spool().load(id).await.map_err(|error| self.failed(&error))?;
            content = Some(loaded.ok_or(DeskError::Unknown)?.1);
        }
        let_go(&mut leaving, now);
        leaving.recourse.exemption.clone_from(&exemption);
        let committed = match content {
            None => self.queue.record(Batch::new().update(&leaving), Vec::new()).await,
            Some(copy) => {
                let rest = Batch::new().update(&message);
                // Nobody waits for a reply.
                self.queue.accept(rest, (leaving.clone(), copy), []).await.map(drop)
            }
        };
        committed.map_err(|error| self.failed(&error))?;
        if leaving.id == id {
            self.queue.stands(&leaving);
        } else {
            self.queue.stands(&message);
            let part = format!("of {id}: {}", act.reason);
            self.handled(leaving.id, "release", act.who, &part);
        }
        let words = match leaving.id == id {
            true => act.reason.clone(),
            false => format!("for {} as {}: {}", list(&leaving), leaving.id, act.reason),
        };
        self.handled(id, "release", act.who, &words);
        if let Some(exemption) = &exemption {
            self.observer.observe(Event::Exempted { id: leaving.id, exemption });
        }
        Ok(())
    }

    async fn reject(&self, message: &QueuedMessage, act: &Act<'_>) -> Result<(), DeskError> {
        self.give_back(message, &act.reason).await?;
        self.handled(message.id, "reject", act.who, &act.reason);
        Ok(())
    }

    /// Takes a message out of the queue and returns it to its sender, in one
    /// commit.
    pub(super) async fn give_back(
        &self,
        message: &QueuedMessage,
        words: &str,
    ) -> Result<(), DeskError> {
        let id = message.id;
        let content = match self.queue.spool().load(id).await {
            Ok(Some((_, content))) => content,
            Ok(None) => return Err(DeskError::Unknown),
            // Its sender can be told all the same.
            Err(error) if error.is_of_reading() => {
                tell(&*self.observer, &error);
                bytes::Bytes::new()
            }
            Err(error) => return Err(self.failed(&error)),
        };
        let notices: Vec<_> = self.reports.rejected(message, &content, words).into_iter().collect();
        let told = addressees(&notices);
        let recorded = self.queue.record(Batch::new().remove(id), notices).await;
        recorded.map_err(|error| self.failed(&error))?;
        self.queue.lines().strike(id);
        tell_notices(self.observer.as_ref(), id, &told);
        Ok(())
    }

    async fn redirect(
        &self,
        mut message: QueuedMessage,
        to: &NextHop,
        act: &Act<'_>,
        now: Timestamp,
    ) -> Result<(), DeskError> {
        divert(&mut message, to, now);
        let_go(&mut message, now);
        self.keep(&message).await?;
        self.observer.observe(Event::Redirected {
            id: message.id,
            part_of: None,
            to,
            recipients: message.pending().count(),
            by: &act.who.name,
            reason: &act.reason,
        });
        Ok(())
    }

    /// Makes a change durable, and has everybody see it.
    pub(super) async fn keep(&self, message: &QueuedMessage) -> Result<(), DeskError> {
        let recorded = self.queue.record(Batch::new().update(message), Vec::new()).await;
        recorded.map_err(|error| self.failed(&error))?;
        self.queue.stands(message);
        Ok(())
    }

    pub(super) fn handled(&self, id: QueueId, action: &str, who: &Actor, reason: &str) {
        let (by, reason) = (who.name.as_str(), Some(reason));
        self.observer.observe(Event::Handled { id, action, by, reason });
    }

    pub(super) fn done(&self, who: &Actor, kind: DeedKind, about: Option<QueueId>, words: &str) {
        let (by, door, words) = (who.name.as_str(), who.door, Some(words));
        self.observer.observe(Event::Done(Deed { kind, by, door, address: None, about, words }));
    }

    /// Nobody does what their roles do not allow, and that they tried is on
    /// record.
    pub(super) fn allow(
        &self,
        who: &Actor,
        permission: Permission,
        (about, wanted): (Option<QueueId>, &str),
    ) -> Result<(), DeskError> {
        if who.may(permission) {
            return Ok(());
        }
        self.done(who, DeedKind::Denied, about, wanted);
        Err(DeskError::Denied)
    }

    /// In words of people, what may be a patient's masked.
    pub(super) fn masked(&self, text: &str, most: usize) -> String {
        masked_by(&self.policies.live(), text, most)
    }

    pub(super) fn failed(&self, error: &SpoolError) -> DeskError {
        tell(&*self.observer, error);
        DeskError::Failed(format!("the spool: {error}"))
    }
}

impl From<ActError> for DeskError {
    fn from(error: ActError) -> Self {
        match error {
            ActError::Denied => Self::Denied,
            error => Self::Refused(error.to_string()),
        }
    }
}

fn masked_by(policy: &Policy, text: &str, most: usize) -> String {
    let text: String = text.chars().take(2 * most).collect();
    let raw = format!("Content-Type: text/plain; charset=utf-8\r\n\r\n{text}\r\n");
    let opened = Content::parse(raw.into_bytes().into()).open();
    let found = classify(policy, &opened.read(&mut Nobody)).findings;
    masked(&text, &found, most)
}

fn change(message: &mut QueuedMessage, change: impl FnOnce(&mut Case)) {
    if let Some(hold) = &mut message.hold {
        change(&mut hold.case);
    }
}

fn let_go(message: &mut QueuedMessage, now: Timestamp) {
    message.hold = None;
    message.custody.released_at = Some(now);
    for queued in &mut message.recipients {
        if let RecipientState::Pending { next_attempt_at, .. } = &mut queued.state {
            *next_attempt_at = now;
        }
    }
}

fn granted(exemption: LesserTls, act: &Act<'_>, now: Timestamp) -> Exemption {
    Exemption {
        tls: exemption.tls,
        by: act.who.name.clone(),
        reason: act.reason.clone(),
        until: now + Duration::from_secs(exemption.seconds),
    }
}

fn list(message: &QueuedMessage) -> String {
    let addresses = message.recipients.iter().map(|queued| queued.address.to_string());
    addresses.collect::<Vec<_>>().join(", ")
}

const PLACES: usize = 4;
const HARMFUL: &str = "something harmful is found in it now: it can be rejected, or exported for \
                       whoever looks into such things, and is not released";
