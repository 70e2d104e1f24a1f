//! Dispatch: takes what is due from the queue, has it delivered, and records
//! what came of it. One task a job; how many at once is the schedule's
//! business.
//!
//! What may be delivered twice: a copy whose next hop has given its final
//! reply, if we die before the record of that is on disk. The window opens
//! with the end of the content, for a next hop that has read it delivers it
//! though nobody is left to hear the reply, and closes when the sync of the
//! record returns. In between stand the next hop's own time for the reply, the
//! wait for new mail to share the sync with (`spool::Settings`,
//! `bookkeeping_waits`: 4 ms), the sync under way, and ours. No more copies
//! can be in it than deliveries are in flight (`[limits] deliveries`, and for
//! one destination `deliveries_per_destination`). Where a record fails the copy
//! is tried again, and while the disk fails nothing else is tried at all: what
//! cannot be recorded would be delivered over and over.
//!
//! To close it is not possible without the next hop's help, and a message twice
//! is better than none (RFC 5321 sections 4.2.5 and 6.1). The content is the
//! same each time, Message-ID and all, so that a recipient's system can tell.
//! A DSN or a notice is committed with the outcome that it tells of, and is not
//! written twice. `tests/torture/run` measures the window: how many of those
//! that were delivered came twice at each kill, and how old their final replies
//! were.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    diversion::{Diverted, fall_back},
    downgrading::{in_seven_bits, is_for_eight_bits},
    news::News,
    queue::{Job, Queue, now},
    reports::{Reports, addressees, tell_notices},
    settlement::{Settlement, settle, settle_deadlines},
    verdict::{better, verdict},
};
use crate::{
    config::Config,
    deliver::{Deliverer, Delivery, RouteTls},
    mail::{
        Address, Asked, Asker, Attempt, Destination, Domain, EnhancedStatusCode, Event, Failure,
        FailureReason, Observer, Outcome, Protection, QueueId, QueuedMessage, QueuedRecipient,
        Recipient, Reply, Settled, Timestamp,
    },
    schedule::{Jitter, RetrySchedule, Verdict},
    spool::{Batch, SpoolError},
};

pub(super) struct Dispatcher {
    pub(super) config: Arc<Config>,
    pub(super) queue: Arc<Queue>,
    pub(super) deliverer: Deliverer,
    pub(super) retry: RetrySchedule,
    pub(super) reports: Reports,
    pub(super) observer: Arc<dyn Observer>,
}

impl Dispatcher {
    /// Runs until `stop`; attempts under way are left to `tasks`.
    pub(super) async fn run(self: Arc<Self>, tasks: TaskTracker, stop: CancellationToken) {
        loop {
            let job = tokio::select! {
                () = stop.cancelled() => return,
                job = self.queue.next_job() => job,
            };
            tasks.spawn(Arc::clone(&self).carry_out(job));
        }
    }

    /// Whatever becomes of the attempt, a panic of ours included, the job
    /// ends: done, or due again.
    async fn carry_out(self: Arc<Self>, job: Job) {
        let worker = Arc::clone(&self);
        let (id, destination) = job.clone();
        let worked = tokio::spawn(async move {
            match worker.work(id, &destination).await {
                Ok(worked) => worked,
                Err(error) => {
                    let again = worker.spool_failed(id, &[destination], error).await;
                    Worked { again, verdict: Verdict::Nothing }
                }
            }
        });
        let Worked { again, verdict } = worked.await.unwrap_or_else(|panic| {
            tracing::error!(id = %job.0, %panic, "an attempt to deliver has failed in itself");
            Worked::paused()
        });
        let cause = match &verdict {
            Verdict::Failing(failure) => Some(failure.reply.clone()),
            Verdict::Well | Verdict::Nothing => None,
        };
        let domain = job.1.domain.clone();
        if let Some(change) = self.queue.job_done(job, again, verdict).await {
            let (domain, cause) = (&domain, cause.as_ref());
            self.observer.observe(Event::DestinationChanged { domain, change, cause });
        }
    }

    /// One attempt for everybody of the destination who waits; none while what
    /// came of it could not be recorded.
    async fn work(&self, id: QueueId, destination: &Destination) -> Result<Worked, SpoolError> {
        let mut worked = Worked { again: None, verdict: Verdict::Nothing };
        if self.queue.spool().is_failing() {
            return Ok(Worked::paused());
        }
        let Some((message, content)) = self.queue.spool().load(id).await? else {
            return Ok(worked);
        };
        if message.is_held() {
            return Ok(worked);
        }
        let domain = &destination.domain;
        for (protection, recipients) in by_protection(&message, destination) {
            let returned_at = message.requests.returned_at(message.received_at);
            // Nobody is asked after the time by which its sender wanted it
            // delivered or back (RFC 2852).
            if returned_at.is_some_and(|moment| moment <= now()) {
                let rests = |queued: &QueuedRecipient| destination.is_of(&message, queued);
                let settle = |message| settle_deadlines(message, rests, &self.retry, now());
                worked.again = self.record(&message, &content, settle).await?;
                return Ok(worked);
            }
            let attempt =
                self.attempt(&message, &content, domain, protection.clone(), recipients).await;
            let jitter = Jitter::new(fastrand::f64());
            let settle = |message| settle(message, &attempt, &self.retry, now(), jitter);
            let next = self.record(&message, &content, settle).await?;
            worked.again = match (worked.again, next) {
                (Some(earlier), Some(later)) => Some(earlier.min(later)),
                (one, other) => one.or(other),
            };
            worked.verdict = better(worked.verdict, verdict(&attempt));
        }
        Ok(worked)
    }

    async fn attempt(
        &self,
        message: &QueuedMessage,
        content: &Bytes,
        domain: &Domain,
        protection: Protection,
        recipients: Vec<Recipient>,
    ) -> Attempt {
        let started = Instant::now();
        let route = self.config.route(domain);
        let next_hop = message.redirect.as_ref().or(route.map(|route| &route.next_hop)).cloned();
        let exemption = message.recourse.exemption.as_ref();
        let leave = exemption.and_then(|exemption| exemption.in_force(now()));
        let mut asked = Asked {
            reverse_path: &message.reverse_path,
            next_hop: next_hop.as_ref(),
            by: vec![Asker::Policy],
            exemption: exemption.filter(|_| leave.is_some()),
        };
        let (requirement, attempt) = match next_hop.clone() {
            None => (protection.tls, no_route(recipients)),
            Some(next_hop) => {
                let delivery = Delivery {
                    id: message.id,
                    reverse_path: message.reverse_path.clone(),
                    body: message.body,
                    encoding: message.encoding,
                    requests: message.requests.clone(),
                    received_at: message.received_at,
                    content: content.clone(),
                    recipients,
                    domain: domain.clone(),
                    route: self.route_tls(message, domain),
                    next_hop,
                    protection,
                    leave,
                };
                asked.by = delivery.asked_by();
                (delivery.requirement(), self.deliver(message, delivery).await)
            }
        };
        self.observer.observe(Event::Attempted {
            id: message.id,
            domain,
            requirement,
            asked: &asked,
            attempt: &attempt,
            took: started.elapsed(),
        });
        attempt
    }

    /// Where the next hop does not carry 8-bit content, again in seven bits.
    async fn deliver(&self, message: &QueuedMessage, delivery: Delivery) -> Attempt {
        let again = delivery.clone();
        let mut attempt = self.deliverer.attempt(delivery).await;
        if is_for_eight_bits(&attempt)
            && let Some(content) =
                in_seven_bits(message, &again.content, &self.reports.signer).await
        {
            let mut tries = attempt.tries;
            attempt = self.deliverer.attempt(Delivery { content, ..again }).await;
            tries.append(&mut attempt.tries);
            attempt.tries = tries;
        }
        attempt
    }

    /// A redirected message does not take the TLS names, anchors and
    /// credentials of the route it was turned away from, but those of a route
    /// that leads to the very next hop it goes to; what policy requires stays.
    fn route_tls(&self, message: &QueuedMessage, domain: &Domain) -> RouteTls {
        let route = match &message.redirect {
            None => self.config.route(domain),
            Some(to) => self.config.routes.iter().find(|route| route.next_hop == *to),
        };
        route.map_or_else(RouteTls::default, RouteTls::from)
    }

    /// Records what has become of a message under its lock, with the reports
    /// it leads to in the same commit. `attempted` is the message as it was
    /// when the attempt began.
    pub(super) async fn record(
        &self,
        attempted: &QueuedMessage,
        content: &Bytes,
        settle: impl FnOnce(QueuedMessage) -> Settlement,
    ) -> Result<Option<Timestamp>, SpoolError> {
        let id = attempted.id;
        let _lock = self.queue.lock(id).await;
        // Another domain's attempt may have changed it meanwhile.
        let Some(message) = self.queue.spool().message(id)? else {
            return Ok(None);
        };
        let before = message.recipients.clone();
        let Settlement { mut message, news, given_up, mut next_attempt_at } = settle(message);
        let changed = changed(&before, &message);
        let mut notices = self.reports.delivery(&message, content, &news, now());
        let diverted = self.fall_back(&mut message, &news);
        let diverges = (&message.redirect, &message.recourse.exemption)
            != (&attempted.redirect, &attempted.recourse.exemption);
        // Somebody has opened another way while this one was tried.
        next_attempt_at = next_attempt_at.map(|again| if diverges { now() } else { again });
        if let Some(Diverted { part: Some(part), .. }) = &diverted {
            notices.push((part.clone(), content.clone()));
        }
        let batch = match message.pending().next() {
            Some(_) => Batch::new().update(&message),
            None => Batch::new().remove(id),
        };
        let told = addressees(&notices);
        self.queue.record(batch, notices).await?;
        let summary = message.summary();
        self.queue.lines().watch(id, &summary);
        self.queue.lines().waits().note(id, &summary);
        self.observer.observe(Event::Settled(Settled { message: &message, changed: &changed }));
        tell_notices(self.observer.as_ref(), id, &told);
        if let Some(diverted) = diverted {
            self.tell_diverted(id, &diverted);
            self.queue.lines().reroute(id, &summary);
        }
        for (reason, recipients) in given_up {
            self.observer.observe(Event::Bounced { id, recipients, reason });
        }
        if message.pending().next().is_none() {
            self.queue.lines().strike(id);
        }
        Ok(next_attempt_at)
    }

    fn fall_back(&self, message: &mut QueuedMessage, news: &News) -> Option<Diverted> {
        fall_back(message, news.unmet.as_ref()?, || self.queue.next_id(), now())
    }

    fn tell_diverted(&self, id: QueueId, diverted: &Diverted) {
        let part = diverted.part.as_ref().map(|part| part.id);
        self.observer.observe(Event::Redirected {
            id: part.unwrap_or(id),
            part_of: part.map(|_| id),
            to: &diverted.to,
            recipients: diverted.recipients,
            by: "policy",
            reason: "the TLS it needs could not be had",
        });
    }
}

/// Whose copy has got somewhere else.
fn changed(before: &[QueuedRecipient], after: &QueuedMessage) -> Vec<Address> {
    let pairs = before.iter().zip(&after.recipients);
    let changed = pairs.filter(|(before, after)| before.state != after.state);
    changed.map(|(_, after)| after.address.clone()).collect()
}

/// What came of a job.
struct Worked {
    /// When to try those again who wait.
    again: Option<Timestamp>,
    verdict: Verdict,
}

impl Worked {
    /// A failure of our own, which says nothing of the destination.
    fn paused() -> Self {
        Self { again: Some(now() + PAUSE), verdict: Verdict::Nothing }
    }
}

/// The waiting recipients at a destination, by what their journey needs.
fn by_protection<'m>(
    message: &'m QueuedMessage,
    destination: &Destination,
) -> Vec<(&'m Protection, Vec<Recipient>)> {
    let mut groups: Vec<(&Protection, Vec<Recipient>)> = Vec::new();
    for queued in message.pending().filter(|queued| destination.is_of(message, queued)) {
        match groups.iter_mut().find(|(protection, _)| **protection == queued.protection) {
            Some((_, recipients)) => recipients.push(queued.into()),
            None => groups.push((&queued.protection, vec![queued.into()])),
        }
    }
    groups
}

/// postern.toml names no next hop for the domain: a person must mend that, so
/// the mail waits.
fn no_route(recipients: Vec<Recipient>) -> Attempt {
    let reply = Reply::new(451, EnhancedStatusCode(4, 4, 4), "no route to the domain");
    untried(recipients, Failure { reason: FailureReason::NoRoute, reply })
}

fn untried(recipients: Vec<Recipient>, failure: Failure) -> Attempt {
    let outcome = Outcome::Transient(failure);
    let outcomes = recipients.into_iter().map(|one| (one.address, outcome.clone())).collect();
    Attempt { outcomes, tries: Vec::new() }
}

/// How long a message rests after a failure of our own.
pub(super) const PAUSE: Duration = Duration::from_secs(30);
