//! The queue: the spool, the schedule over it, and the locks that let one
//! message be changed by one hand at a time.

use std::{
    collections::{BTreeSet, HashMap},
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::sync::Notify;

use super::{
    destination::{Destination, Way},
    settlement::next_deadline,
    waits::Waits,
};
use crate::{
    mail::{DestinationChange, FailureReason, QueueId, QueuedMessage, RecipientState, Timestamp},
    observe::QueueState,
    schedule::{Calendar, Health, Jitter, RetrySchedule, Schedule, Traits, Trouble, Verdict},
    spool::{Batch, Receipt, Spool, SpoolError},
};

/// One message to the recipients at one destination.
pub(super) type Job = (QueueId, Destination);

/// A message with its content, on its way into the spool.
pub(super) type Entry = (QueuedMessage, Bytes);

pub(super) struct Queue {
    spool: Arc<Spool>,
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
    held: Mutex<BTreeSet<QueueId>>,
    waits: Waits,
    locks: Vec<tokio::sync::Mutex<()>>,
}

impl Queue {
    pub(super) fn new(spool: Spool, schedule: Schedule<Destination>, retry: RetrySchedule) -> Self {
        Self {
            spool: Arc::new(spool),
            schedule: Mutex::new(schedule),
            retry,
            releases: Mutex::default(),
            deadlines: Mutex::default(),
            sooner: Notify::new(),
            senders: RandomState::new(),
            changed: Notify::new(),
            held: Mutex::default(),
            waits: Waits::default(),
            locks: (0..1 << LOCK_BITS).map(|_| tokio::sync::Mutex::default()).collect(),
        }
    }

    pub(super) fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Which messages wait for TLS.
    pub(super) fn waits(&self) -> &Waits {
        &self.waits
    }

    pub(super) fn next_id(&self) -> QueueId {
        self.spool.next_id(now())
    }

    /// Makes new messages and changes durable in one commit, then schedules
    /// the new ones.
    pub(super) async fn accept(
        &self,
        batch: Batch,
        (first, content): Entry,
        others: impl IntoIterator<Item = Entry>,
    ) -> Result<Receipt, SpoolError> {
        let mut acceptance = batch.accept(&first, content);
        let mut messages = vec![first];
        for (message, content) in others {
            acceptance = acceptance.accept(&message, content);
            messages.push(message);
        }
        let receipt = self.spool.commit(acceptance).await?;
        messages.iter().for_each(|message| self.enrol(message));
        Ok(receipt)
    }

    /// Makes changes durable, together with the notices they lead to.
    pub(super) async fn record(&self, batch: Batch, notices: Vec<Entry>) -> Result<(), SpoolError> {
        let mut notices = notices.into_iter();
        match notices.next() {
            None => self.spool.record(batch).await,
            // Nobody waits for a reply to a notice.
            Some(first) => self.accept(batch, first, notices).await.map(drop),
        }
    }

    /// Schedules what waits in a message, or counts it among the held or
    /// those that are not to go yet.
    pub(super) fn enrol(&self, message: &QueuedMessage) {
        self.waits.note(message);
        if message.is_held() {
            locked(&self.held).insert(message.id);
            locked(&self.deadlines).remove(message.id);
            return;
        }
        locked(&self.held).remove(&message.id);
        let released_at = message.released_at();
        if released_at > now() {
            locked(&self.releases).add(message.id, released_at);
            self.changed.notify_one();
            return;
        }
        self.line_up(message, |_, _| true);
        self.watch(message);
        self.changed.notify_one();
    }

    /// A message goes another way than before: whatever waits of it lines up
    /// there.
    pub(super) fn reroute(&self, message: &QueuedMessage) {
        let mut schedule = locked(&self.schedule);
        for (destination, _) in schedule.claim(message.id) {
            schedule.finished(message.id, &destination);
        }
        drop(schedule);
        // Who is being tried lines up once that is over.
        self.line_up(message, |schedule, new| {
            let ways = [Way::Usual, Way::Protected, Way::Redirected];
            let domain = &new.domain;
            !ways.iter().any(|&way| {
                schedule.is_in_flight(message.id, &Destination { domain: domain.clone(), way })
            })
        });
        self.changed.notify_one();
    }

    /// Schedules what waits in a message, at the destinations that are wanted.
    fn line_up(
        &self,
        message: &QueuedMessage,
        wanted: impl Fn(&Schedule<Destination>, &Destination) -> bool,
    ) {
        let traits = self.traits(message);
        let mut destinations: HashMap<Destination, Timestamp> = HashMap::new();
        for recipient in message.pending() {
            let RecipientState::Pending { next_attempt_at, .. } = recipient.state else { continue };
            let destination = Destination::of(message, recipient);
            let due = destinations.entry(destination).or_insert(next_attempt_at);
            *due = next_attempt_at.min(*due);
        }
        let mut schedule = locked(&self.schedule);
        for (destination, due) in destinations {
            if wanted(&schedule, &destination) {
                schedule.add(message.id, destination, due, traits);
            }
        }
    }

    fn traits(&self, message: &QueuedMessage) -> Traits {
        let sender = self.senders.hash_one(&message.reverse_path);
        // Two of four thousand million may share a number.
        let sender = u32::try_from(sender >> u32::BITS).unwrap_or(u32::MAX);
        Traits::new(sender, message.size, message.requests.priority.unwrap_or_default())
    }

    /// Sees to it that a message is looked at when something is due for it: at
    /// once where it waits for TLS that its destination is known not to have.
    pub(super) fn watch(&self, message: &QueuedMessage) {
        let Some(deadline) = next_deadline(message, &self.retry) else {
            locked(&self.deadlines).remove(message.id);
            return;
        };
        let schedule = locked(&self.schedule);
        let unknown = message.pending().filter(|queued| queued.unmet.is_none()).any(|queued| {
            let trouble = schedule.trouble(&Destination::of(message, queued));
            trouble.is_some_and(|trouble| trouble.last.reason == FailureReason::Tls)
        });
        drop(schedule);
        let moment = if unknown { now() } else { deadline };
        self.enter(message.id, moment, Calendar::add);
    }

    /// Has a message looked at again after a rest, where something is due for
    /// it still.
    pub(super) fn look_again(&self, id: QueueId) {
        let entered = locked(&self.deadlines).moment_of(id);
        let rests = entered.is_some_and(|moment| moment > now());
        if !rests && self.spool.contains(id) && !locked(&self.held).contains(&id) {
            self.enter(id, now() + LOOK_PAUSE, Calendar::add);
        }
    }

    fn enter(&self, id: QueueId, moment: Timestamp, enter: fn(&mut Calendar, QueueId, Timestamp)) {
        let mut deadlines = locked(&self.deadlines);
        let first = deadlines.next();
        enter(&mut deadlines, id, moment);
        if deadlines.next() != first {
            self.sooner.notify_one();
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

    /// Forgets a message that is no longer in the spool.
    pub(super) fn strike(&self, id: QueueId) {
        self.waits.forget(id);
        locked(&self.held).remove(&id);
        locked(&self.releases).remove(id);
        locked(&self.deadlines).remove(id);
        locked(&self.schedule).remove(id);
        self.changed.notify_one();
    }

    /// The next job that is due, when it is. Dropping the future loses none.
    pub(super) async fn next_job(&self) -> Job {
        loop {
            let changed = self.changed.notified();
            self.release(now());
            let due = {
                let mut schedule = locked(&self.schedule);
                if let Some(job) = schedule.take(now()) {
                    return job;
                }
                schedule.next_due(now())
            };
            let release = locked(&self.releases).next();
            wait_for(due.into_iter().chain(release).min(), changed).await;
        }
    }

    /// Schedules the messages whose moment has come.
    fn release(&self, now: Timestamp) {
        loop {
            // Taken in a statement of its own: enrolling asks for the lock.
            let released = locked(&self.releases).take(now);
            let Some(id) = released else { return };
            match self.spool.message(id) {
                Ok(Some(message)) => self.enrol(&message),
                // Gone meanwhile.
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(%id, %error, "a message that is to be released was not read");
                    locked(&self.releases).add(id, now + PAUSE);
                    return;
                }
            }
        }
    }

    /// Until when a message is kept, if it is not to go yet.
    pub(super) fn kept_until(&self, id: QueueId) -> Option<Timestamp> {
        locked(&self.releases).moment_of(id)
    }

    /// Ends a job: nothing of it waits, or it is due again, where its
    /// recipients now stand. Gives what that changes of its destination.
    pub(super) async fn job_done(
        &self,
        (id, destination): Job,
        again: Option<Timestamp>,
        verdict: Verdict,
    ) -> Option<DestinationChange> {
        // Nobody may send it another way in between.
        let _lock = self.lock(id).await;
        let message = again.and_then(|_| self.spool.message(id).ok().flatten());
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
        let stays = message.as_ref().is_none_or(|message| {
            message.pending().any(|queued| destination.is_of(message, queued))
        });
        match again {
            Some(due) if stays => schedule.retry(id, &destination, due),
            _ => schedule.finished(id, &destination),
        }
        drop(schedule);
        waiting.into_iter().for_each(|id| self.enter(id, now(), Calendar::hurry));
        if let Some(message) = message {
            let (domain, way) = (destination.domain, destination.way);
            self.line_up(&message, |_, new| new.domain == domain && new.way != way);
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

    /// Whoever holds this may change the message; nobody else can.
    pub(super) async fn lock(&self, id: QueueId) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        // Ids of one moment differ in few bits: spread them over all locks, or
        // messages that have nothing to do with each other wait in one line.
        let spread = id.to_bits().wrapping_mul(GOLDEN) >> (u64::BITS - LOCK_BITS);
        Some(self.locks.get(usize::try_from(spread).ok()?)?.lock().await)
    }

    pub(super) fn state(&self) -> QueueState {
        let stats = self.spool.stats();
        let held = locked(&self.held).len();
        let schedule = locked(&self.schedule);
        let (loads, health) = (schedule.loads(|_| ()), schedule.health());
        drop(schedule);
        let oldest = loads.get(&()).and_then(|load| load.oldest);
        QueueState {
            active: stats.messages.saturating_sub(held),
            held,
            oldest: oldest.map_or(Duration::ZERO, |arrival| now().saturating_since(arrival)),
            destinations: Health::ALL
                .map(|state| (state.name(), health.get(&state).copied().unwrap_or_default())),
            live_octets: stats.octets_live,
            disk_octets: stats.octets_on_disk,
        }
    }
}

pub(super) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// Until that moment, or until it is told that things have changed.
async fn wait_for(moment: Option<Timestamp>, changed: impl Future<Output = ()>) {
    match moment {
        None => changed.await,
        Some(moment) => {
            let wait = moment.saturating_since(now()).max(Duration::from_millis(1));
            // Either ending leads to another look.
            let _ = tokio::time::timeout(wait, changed).await;
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
/// How long a release rests after a failure of our own.
const PAUSE: Duration = Duration::from_secs(30);
const LOCK_BITS: u32 = 10;
/// 2^64 divided by the golden ratio, made odd (Knuth's multiplicative hash).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        mail::{
            Address, Direction, EnhancedStatusCode, Failure, Level, NextHop, Protection,
            QueuedRecipient, Release, Reply, Requests, ReversePath, TlsRequirement,
        },
        schedule::{Limits, Trials},
        spool::Settings,
    };

    fn message(id: QueueId, release: Option<Release>) -> QueuedMessage {
        let to: Address = "a@x.example".parse().unwrap();
        QueuedMessage {
            id,
            received_at: now(),
            direction: Direction::Outbound,
            reverse_path: ReversePath::Null,
            body: Default::default(),
            encoding: Default::default(),
            requests: Requests { release, ..Requests::default() },
            level: Level::default(),
            policy: String::new(),
            size: 3,
            redirect: None,
            hold: None,
            recourse: Default::default(),
            delay_notice: Default::default(),
            recipients: vec![QueuedRecipient::new(to, Protection::default(), now())],
        }
    }

    fn queue(folder: &std::path::Path) -> Queue {
        let mut recovered = Vec::new();
        let spool =
            Spool::open(folder, Settings::default(), |message| recovered.push(message)).unwrap();
        let queue = new(spool);
        recovered.iter().for_each(|message| queue.enrol(message));
        queue
    }

    fn new(spool: Spool) -> Queue {
        let limits = Limits { total: 9, per_destination: 9, initial_per_destination: 5 };
        let minute = Duration::from_secs(60);
        let trials = Trials::new(vec![minute]).unwrap();
        let retry = RetrySchedule::new(vec![minute], 60 * minute, 15 * minute).unwrap();
        Queue::new(spool, Schedule::new(limits, trials), retry)
    }

    async fn accepted(queue: &Queue, release: Option<Release>) -> QueueId {
        let message = message(queue.next_id(), release);
        let id = message.id;
        let entry = (message, Bytes::from_static(b"x\r\n"));
        // Nobody waits for a reply.
        queue.accept(Batch::new(), entry, []).await.map(drop).unwrap();
        id
    }

    async fn next(queue: &Queue, within: Duration) -> Option<QueueId> {
        tokio::time::timeout(within, queue.next_job()).await.ok().map(|(id, _)| id)
    }

    #[tokio::test]
    async fn what_is_to_be_held_is_no_job_and_not_the_oldest_before_its_release() {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path());
        let id = accepted(&queue, Some(Release::After(Duration::from_secs(3)))).await;
        queue.flush(Some(id));
        queue.flush(None);
        assert_eq!(next(&queue, Duration::from_millis(100)).await, None);
        assert!(queue.kept_until(id).is_some());
        assert_eq!(queue.state().oldest, Duration::ZERO);
        let prompt = accepted(&queue, None).await;
        assert_eq!(next(&queue, Duration::from_secs(10)).await, Some(prompt));
        assert_eq!(next(&queue, Duration::from_secs(10)).await, Some(id));
        assert_eq!(queue.kept_until(id), None);
    }

    #[tokio::test]
    async fn a_release_outlives_a_restart_and_not_its_message() {
        let folder = tempfile::tempdir().unwrap();
        let far = Some(Release::After(Duration::from_secs(3600)));
        let (kept, gone) = {
            let queue = queue(folder.path());
            let ids = (accepted(&queue, far).await, accepted(&queue, far).await);
            queue.record(Batch::new().remove(ids.1), Vec::new()).await.unwrap();
            queue.strike(ids.1);
            assert_eq!(queue.kept_until(ids.1), None);
            ids
        };
        let queue = queue(folder.path());
        assert!(queue.kept_until(kept).is_some() && queue.kept_until(gone).is_none());
        assert_eq!(next(&queue, Duration::from_millis(50)).await, None);
    }

    async fn protected(queue: &Queue) -> QueuedMessage {
        let mut message = message(queue.next_id(), None);
        let protection = Protection {
            tls: TlsRequirement::Verified,
            ..message.recipients[0].protection.clone()
        };
        message.recipients[0].protection = protection;
        let entry = (message.clone(), Bytes::from_static(b"x\r\n"));
        queue.accept(Batch::new(), entry, []).await.map(drop).unwrap();
        message
    }

    fn failing(reason: FailureReason) -> Verdict {
        let reply = Reply::new(451, EnhancedStatusCode(4, 7, 5), "no TLS");
        Verdict::Failing(Failure { reason, reply })
    }

    async fn at_once(queue: &Queue) -> Option<Job> {
        tokio::time::timeout(Duration::from_millis(100), queue.next_job()).await.ok()
    }

    /// Five attempts that fail for want of TLS; another message still waits.
    async fn dead_for_want_of_tls(queue: &Queue) -> QueuedMessage {
        let mut changes = Vec::new();
        for _ in 0..5 {
            protected(queue).await;
            let job = at_once(queue).await.unwrap();
            let later = Some(now() + Duration::from_secs(3600));
            changes.push(queue.job_done(job, later, failing(FailureReason::Tls)).await);
        }
        assert_eq!(changes.pop(), Some(Some(DestinationChange::Died)));
        let waits = protected(queue).await;
        assert_eq!(at_once(queue).await, None);
        waits
    }

    #[tokio::test]
    async fn where_tls_cannot_be_had_other_mail_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path());
        dead_for_want_of_tls(&queue).await;
        let other = accepted(&queue, None).await;
        let (id, destination) = at_once(&queue).await.unwrap();
        assert_eq!((id, destination.way), (other, Way::Usual));
    }

    #[tokio::test]
    async fn what_is_sent_another_way_waits_for_no_dead_destination() {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path());
        let mut waits = dead_for_want_of_tls(&queue).await;
        waits.redirect = Some("smtp://127.0.0.1:9".parse::<NextHop>().unwrap());
        queue.record(Batch::new().update(&waits), Vec::new()).await.unwrap();
        queue.reroute(&waits);
        let (id, destination) = at_once(&queue).await.unwrap();
        assert_eq!((id, destination.way), (waits.id, Way::Redirected));
        assert_eq!(at_once(&queue).await, None);
    }

    #[tokio::test]
    async fn what_is_sent_another_way_while_it_is_tried_goes_there_once_that_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path());
        let mut message = protected(&queue).await;
        let job = at_once(&queue).await.unwrap();
        message.redirect = Some("smtp://127.0.0.1:9".parse::<NextHop>().unwrap());
        queue.record(Batch::new().update(&message), Vec::new()).await.unwrap();
        queue.reroute(&message);
        assert_eq!(at_once(&queue).await, None);
        queue.job_done(job, Some(now()), Verdict::Nothing).await;
        let (id, destination) = at_once(&queue).await.unwrap();
        assert_eq!((id, destination.way), (message.id, Way::Redirected));
        assert_eq!(at_once(&queue).await, None);
    }

    #[tokio::test]
    async fn all_that_waits_behind_tls_that_cannot_be_had_is_looked_at_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path());
        let waits = dead_for_want_of_tls(&queue).await;
        let mut looked = BTreeSet::new();
        while let Ok(id) = tokio::time::timeout(Duration::from_millis(100), queue.next_look()).await
        {
            looked.insert(id);
        }
        // The fifth was being tried, and heard of it by its own attempt.
        assert!(looked.len() == 5 && looked.contains(&waits.id), "{looked:?}");
    }

    #[tokio::test]
    async fn of_what_can_merely_not_be_reached_nobody_hears_before_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path());
        for _ in 0..5 {
            protected(&queue).await;
            let job = at_once(&queue).await.unwrap();
            let later = Some(now() + Duration::from_secs(3600));
            queue.job_done(job, later, failing(FailureReason::Connect)).await;
        }
        protected(&queue).await;
        assert_eq!(at_once(&queue).await, None);
        let look = tokio::time::timeout(Duration::from_millis(100), queue.next_look()).await;
        assert!(look.is_err());
    }

    #[tokio::test]
    async fn a_person_s_retry_reaches_a_dead_destination() {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path());
        let waits = dead_for_want_of_tls(&queue).await;
        queue.flush(Some(waits.id));
        assert_eq!(at_once(&queue).await.map(|(id, _)| id), Some(waits.id));
    }
}
