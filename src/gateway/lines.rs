//! Lines: what waits of each message, where, and until when. What is durable
//! of that stands in the spool; this is rebuilt from it at start, of each
//! message from its summary, without a look at the spool.

use std::{
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Notify, futures::Notified};

use super::{
    quarantine::Ward,
    queue::{Job, now, wait_for},
    settlement::next_deadline,
    waits::Waits,
};
use crate::{
    mail::{
        Destination, DestinationChange, FailureReason, QueueId, Standing, Summary, Timestamp,
        TlsWait, Way,
    },
    observe::QueueState,
    quarantine::Terms,
    schedule::{Calendar, Health, Jitter, RetrySchedule, Schedule, Traits, Trouble, Verdict},
};

pub(super) struct Lines {
    schedule: Mutex<Schedule<Destination>>,
    retry: RetrySchedule,
    /// What its sender wants kept until a moment; not scheduled before.
    releases: Mutex<Calendar>,
    /// What is due for a message whether it is tried or not.
    deadlines: Mutex<Calendar>,
    /// Rung when a deadline is the first of all.
    sooner: Notify,
    /// Numbers senders, in a way that nobody can foresee.
    senders: RandomState,
    /// Rung when the schedule has something new.
    changed: Notify,
    ward: Ward,
    waits: Waits,
}

/// What the schedule says of the next job.
pub(super) enum Next {
    Job(Job),
    /// None is due before then, or before something changes.
    NotBefore(Option<Timestamp>),
}

impl Lines {
    pub(super) fn new(schedule: Schedule<Destination>, retry: RetrySchedule) -> Self {
        Self {
            schedule: Mutex::new(schedule),
            retry,
            releases: Mutex::default(),
            deadlines: Mutex::default(),
            sooner: Notify::new(),
            senders: RandomState::new(),
            changed: Notify::new(),
            ward: Ward::new(Terms::default()),
            waits: Waits::default(),
        }
    }

    /// With other terms for what is held.
    #[must_use]
    pub(super) fn with_terms(self, terms: Terms) -> Self {
        Self { ward: Ward::new(terms), ..self }
    }

    /// What is held.
    pub(super) fn ward(&self) -> &Ward {
        &self.ward
    }

    /// Which messages wait for TLS.
    pub(super) fn waits(&self) -> &Waits {
        &self.waits
    }

    /// Schedules what waits in a message, or counts it among the held or
    /// those that are not to go yet.
    pub(super) fn enrol(&self, id: QueueId, summary: &Summary) {
        self.waits.note(id, summary);
        if summary.standing == Standing::Held {
            self.ward.expect(id);
            locked(&self.deadlines).remove(id);
            return;
        }
        self.ward.forget(id);
        if let Standing::Kept(released_at) = summary.standing
            && released_at > now()
        {
            locked(&self.releases).add(id, released_at);
            self.changed.notify_one();
            return;
        }
        self.line_up(id, summary, |_, _| true);
        self.watch(id, summary);
        self.changed.notify_one();
    }

    /// A message goes another way than before: whatever waits of it lines up
    /// there.
    pub(super) fn reroute(&self, id: QueueId, summary: &Summary) {
        let mut schedule = locked(&self.schedule);
        for (destination, _) in schedule.claim(id) {
            schedule.finished(id, &destination);
        }
        drop(schedule);
        // Who is being tried lines up once that is over.
        self.line_up(id, summary, |schedule, new| {
            !Way::ALL.iter().any(|&way| {
                schedule.is_in_flight(id, &Destination { domain: new.domain.clone(), way })
            })
        });
        self.changed.notify_one();
    }

    /// Forgets a message that is no longer in the spool, or that nobody can
    /// deliver.
    pub(super) fn strike(&self, id: QueueId) {
        self.waits.forget(id);
        self.ward.forget(id);
        locked(&self.releases).remove(id);
        locked(&self.deadlines).remove(id);
        locked(&self.schedule).remove(id);
        self.changed.notify_one();
    }

    /// A message whose sender lets it go by now; it is kept no longer.
    pub(super) fn released(&self, now: Timestamp) -> Option<QueueId> {
        locked(&self.releases).take(now)
    }

    pub(super) fn keep(&self, id: QueueId, until: Timestamp) {
        locked(&self.releases).add(id, until);
    }

    /// Until when a message is kept, if it is not to go yet.
    pub(super) fn kept_until(&self, id: QueueId) -> Option<Timestamp> {
        locked(&self.releases).moment_of(id)
    }

    /// Done when the lines have changed since it was made.
    pub(super) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }

    pub(super) fn next(&self, now: Timestamp) -> Next {
        let mut schedule = locked(&self.schedule);
        if let Some(job) = schedule.take(now) {
            return Next::Job(job);
        }
        let due = schedule.next_due(now);
        drop(schedule);
        let release = locked(&self.releases).next();
        Next::NotBefore(due.into_iter().chain(release).min())
    }

    /// Ends a job: nothing of it waits, or it is due again, where its
    /// recipients stand by `summary`. Gives what that changes of its
    /// destination.
    pub(super) fn job_done(
        &self,
        (id, destination): Job,
        again: Option<Timestamp>,
        summary: Option<&Summary>,
        verdict: Verdict,
    ) -> Option<DestinationChange> {
        let mut schedule = locked(&self.schedule);
        let jitter = Jitter::new(fastrand::f64());
        let before = schedule.trouble(&destination).map(|trouble| trouble.last.reason);
        let change = schedule.heard(&destination, verdict, now(), jitter);
        let after = schedule.trouble(&destination).map(|trouble| trouble.last.reason);
        let waiting = match after {
            // Everybody who waits there waits for TLS.
            Some(FailureReason::Tls) if before != after => schedule.waiting_at(&destination),
            _ => Vec::new(),
        };
        let stays = summary
            .is_none_or(|summary| summary.lines.iter().any(|line| line.destination == destination));
        match again {
            Some(due) if stays => schedule.retry(id, &destination, due),
            _ => schedule.finished(id, &destination),
        }
        drop(schedule);
        waiting.into_iter().for_each(|id| self.enter(id, now(), Calendar::hurry));
        if let Some(summary) = summary {
            let Destination { domain, way } = destination;
            self.line_up(id, summary, |_, new| new.domain == domain && new.way != way);
        }
        self.changed.notify_one();
        change
    }

    /// Makes a message that waits due now, or all; none before its sender
    /// lets it go.
    pub(super) fn flush(&self, id: Option<QueueId>) {
        let mut schedule = locked(&self.schedule);
        match id {
            Some(id) => schedule.flush(id, now()),
            None => schedule.flush_all(now()),
        }
        drop(schedule);
        self.changed.notify_one();
    }

    /// Sees to it that a message is looked at when something is due for it: at
    /// once where it waits for TLS that its destination is known not to have.
    pub(super) fn watch(&self, id: QueueId, summary: &Summary) {
        let Some(deadline) = next_deadline(summary, &self.retry) else {
            locked(&self.deadlines).remove(id);
            return;
        };
        let schedule = locked(&self.schedule);
        let unknown = summary.lines.iter().filter(|line| line.tls == TlsWait::No).any(|line| {
            let trouble = schedule.trouble(&line.destination);
            trouble.is_some_and(|trouble| trouble.last.reason == FailureReason::Tls)
        });
        drop(schedule);
        let moment = if unknown { now() } else { deadline };
        self.enter(id, moment, Calendar::add);
    }

    /// Has a message looked at again after a rest, where something is due for
    /// it still.
    pub(super) fn look_again(&self, id: QueueId) {
        let entered = locked(&self.deadlines).moment_of(id);
        let rests = entered.is_some_and(|moment| moment > now());
        if !rests && locked(&self.schedule).knows(id) {
            self.enter(id, now() + LOOK_PAUSE, Calendar::add);
        }
    }

    /// The next message for which something is due, when it is. Dropping the
    /// future loses none.
    pub(super) async fn next_look(&self) -> QueueId {
        loop {
            let sooner = self.sooner.notified();
            let next = {
                let mut deadlines = locked(&self.deadlines);
                if let Some(id) = deadlines.take(now()) {
                    return id;
                }
                deadlines.next()
            };
            wait_for(next, sooner).await;
        }
    }

    /// Takes what waits of a message out of its lines, each with the time it
    /// was due: every one is ended as a job.
    pub(super) fn claim(&self, id: QueueId) -> Vec<(Destination, Timestamp)> {
        locked(&self.schedule).claim(id)
    }

    /// Why nothing goes to a destination, if it is dead.
    pub(super) fn trouble(&self, destination: &Destination) -> Option<Trouble> {
        locked(&self.schedule).trouble(destination).cloned()
    }

    /// Of so many messages in the spool.
    pub(super) fn state(&self, messages: usize) -> QueueState {
        let held = self.ward.len();
        let schedule = locked(&self.schedule);
        let (loads, health) = (schedule.loads(|_| ()), schedule.health());
        drop(schedule);
        let oldest = loads.get(&()).and_then(|load| load.oldest);
        QueueState {
            active: messages.saturating_sub(held),
            held,
            oldest: oldest.map_or(Duration::ZERO, |arrival| now().saturating_since(arrival)),
            destinations: Health::ALL
                .map(|state| (state.name(), health.get(&state).copied().unwrap_or_default())),
        }
    }

    /// Schedules what waits in a message, at the destinations that are wanted.
    fn line_up(
        &self,
        id: QueueId,
        summary: &Summary,
        wanted: impl Fn(&Schedule<Destination>, &Destination) -> bool,
    ) {
        let traits = self.traits(summary);
        let mut schedule = locked(&self.schedule);
        for (destination, due) in summary.destinations() {
            if wanted(&schedule, destination) {
                schedule.add(id, destination.clone(), due, traits);
            }
        }
    }

    fn traits(&self, summary: &Summary) -> Traits {
        let sender = self.senders.hash_one(&summary.reverse_path);
        // Two of four thousand million may share a number.
        let sender = u32::try_from(sender >> u32::BITS).unwrap_or(u32::MAX);
        Traits::new(sender, summary.size, summary.priority)
    }

    fn enter(&self, id: QueueId, moment: Timestamp, enter: fn(&mut Calendar, QueueId, Timestamp)) {
        let mut deadlines = locked(&self.deadlines);
        let first = deadlines.next();
        enter(&mut deadlines, id, moment);
        if deadlines.next() != first {
            self.sooner.notify_one();
        }
    }
}

/// A panic elsewhere leaves these maps whole: each change is one call.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a message rests for which something is due, and which is being
/// tried just now.
const LOOK_PAUSE: Duration = Duration::from_secs(60);
