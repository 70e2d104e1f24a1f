//! Dispatch: takes what is due from the queue, has it delivered, and records
//! what came of it. One task a job; how many at once is the schedule's
//! business.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    queue::{Job, Queue, now},
    reports::Reports,
    settlement::{Settlement, settle},
};
use crate::{
    config::Config,
    deliver::{Deliverer, Delivery, RouteTls},
    mail::{
        Attempt, Domain, EnhancedStatusCode, Event, Failure, FailureReason, Observer, Outcome,
        Protection, QueueId, QueuedMessage, Recipient, Reply, Timestamp,
    },
    schedule::{Jitter, RetrySchedule},
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
        let (id, domain) = job.clone();
        let again = match tokio::spawn(async move { worker.work(id, &domain).await }).await {
            Ok(Ok(again)) => again,
            Ok(Err(error)) => {
                let text = error.to_string();
                self.observer.observe(Event::SpoolFailed { during: "record", error: &text });
                // What was delivered is known to nobody but us, and may go
                // twice, which is better than not at all.
                Some(now() + PAUSE)
            }
            Err(panic) => {
                tracing::error!(id = %job.0, %panic, "an attempt to deliver has failed in itself");
                Some(now() + PAUSE)
            }
        };
        self.queue.job_done(job, again);
    }

    /// One attempt for everybody of the domain who waits; gives when to try
    /// again.
    async fn work(&self, id: QueueId, domain: &Domain) -> Result<Option<Timestamp>, SpoolError> {
        let Some((message, content)) = self.queue.spool().load(id).await? else {
            return Ok(None);
        };
        if message.is_held() {
            return Ok(None);
        }
        let returned_at = message.requests.returned_at(message.received_at);
        let mut again: Option<Timestamp> = None;
        for (protection, recipients) in by_protection(&message, domain) {
            let attempt = if returned_at.is_some_and(|moment| moment <= now()) {
                too_late(recipients)
            } else {
                self.attempt(&message, &content, domain, protection.clone(), recipients).await
            };
            let next = self.settle(&message, &content, attempt).await?;
            again = match (again, next) {
                (Some(earlier), Some(later)) => Some(earlier.min(later)),
                (one, other) => one.or(other),
            };
        }
        Ok(again)
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
        let (requirement, attempt) = match next_hop {
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
                };
                (delivery.requirement(), self.deliverer.attempt(delivery).await)
            }
        };
        self.observer.observe(Event::Attempted {
            id: message.id,
            domain,
            requirement,
            attempt: &attempt,
            took: started.elapsed(),
        });
        attempt
    }

    /// A redirected message does not take the TLS names, anchors and credentials
    /// of the route it was turned away from; what policy requires stays.
    fn route_tls(&self, message: &QueuedMessage, domain: &Domain) -> RouteTls {
        match (self.config.route(domain), &message.redirect) {
            (Some(route), None) => route.into(),
            _ => RouteTls::default(),
        }
    }

    /// Records an attempt under the message's lock, with the DSNs it leads to
    /// in the same commit.
    async fn settle(
        &self,
        attempted: &QueuedMessage,
        content: &Bytes,
        attempt: Attempt,
    ) -> Result<Option<Timestamp>, SpoolError> {
        let id = attempted.id;
        let _lock = self.queue.lock(id).await;
        // Another domain's attempt may have changed it meanwhile.
        let Some(message) = self.queue.spool().message(id)? else {
            return Ok(None);
        };
        let Settlement { message, news, given_up, next_attempt_at } =
            settle(message, &attempt, &self.retry, now(), Jitter::new(fastrand::f64()));
        let batch = match message.pending().next() {
            Some(_) => Batch::new().update(&message),
            None => Batch::new().remove(id),
        };
        let notices = self.reports.delivery(&message, content, &news, now());
        self.queue.record(batch, notices).await?;
        for (reason, recipients) in given_up {
            self.observer.observe(Event::Bounced { id, recipients, reason });
        }
        if message.pending().next().is_none() {
            self.queue.strike(id);
        }
        Ok(next_attempt_at)
    }
}

/// The waiting recipients at a domain, by what their journey needs.
fn by_protection<'m>(
    message: &'m QueuedMessage,
    domain: &Domain,
) -> Vec<(&'m Protection, Vec<Recipient>)> {
    let mut groups: Vec<(&Protection, Vec<Recipient>)> = Vec::new();
    for queued in message.pending().filter(|queued| queued.address.domain() == domain) {
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

/// The time has passed by which its sender wanted it delivered or back
/// (RFC 2852): nobody is asked any more.
fn too_late(recipients: Vec<Recipient>) -> Attempt {
    let text = "the time by which it was to be delivered has passed";
    let reply = Reply::new(451, EnhancedStatusCode(4, 4, 7), text);
    untried(recipients, Failure { reason: FailureReason::Expired, reply })
}

fn untried(recipients: Vec<Recipient>, failure: Failure) -> Attempt {
    let outcome = Outcome::Transient(failure);
    let outcomes = recipients.into_iter().map(|one| (one.address, outcome.clone())).collect();
    Attempt { outcomes, tries: Vec::new() }
}

/// How long a message rests after a failure of our own.
const PAUSE: Duration = Duration::from_secs(30);
