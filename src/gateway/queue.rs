//! The queue: the spool, the schedule over it, and the locks that let one
//! message be changed by one hand at a time.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{
    mail::{Domain, QueueId, QueuedMessage, RecipientState, Timestamp},
    observe::QueueState,
    schedule::{Releases, Schedule},
    spool::{Batch, Receipt, Spool, SpoolError},
};

/// One message to the recipients of one domain.
pub(super) type Job = (QueueId, Domain);

/// A message with its content, on its way into the spool.
pub(super) type Entry = (QueuedMessage, Bytes);

pub(super) struct Queue {
    spool: Arc<Spool>,
    schedule: Mutex<Schedule<Domain>>,
    /// What its sender wants kept until a moment; not scheduled before.
    releases: Mutex<Releases>,
    /// Rung when the schedule has something new.
    changed: Notify,
    held: Mutex<BTreeSet<QueueId>>,
    locks: Vec<tokio::sync::Mutex<()>>,
}

impl Queue {
    pub(super) fn new(spool: Spool, schedule: Schedule<Domain>) -> Self {
        Self {
            spool: Arc::new(spool),
            schedule: Mutex::new(schedule),
            releases: Mutex::default(),
            changed: Notify::new(),
            held: Mutex::default(),
            locks: (0..1 << LOCK_BITS).map(|_| tokio::sync::Mutex::default()).collect(),
        }
    }

    pub(super) fn spool(&self) -> &Arc<Spool> {
        &self.spool
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
        if message.is_held() {
            locked(&self.held).insert(message.id);
            return;
        }
        locked(&self.held).remove(&message.id);
        let released_at = message.released_at();
        if released_at > now() {
            locked(&self.releases).add(message.id, released_at);
            self.changed.notify_one();
            return;
        }
        let priority = message.requests.priority.unwrap_or_default();
        let mut domains: BTreeMap<&Domain, Timestamp> = BTreeMap::new();
        for recipient in message.pending() {
            let RecipientState::Pending { next_attempt_at, .. } = recipient.state else { continue };
            let due = domains.entry(recipient.address.domain()).or_insert(next_attempt_at);
            *due = next_attempt_at.min(*due);
        }
        let mut schedule = locked(&self.schedule);
        for (domain, due) in domains {
            schedule.add(message.id, domain.clone(), due, priority);
        }
        drop(schedule);
        self.changed.notify_one();
    }

    /// Forgets a message that is no longer in the spool.
    pub(super) fn strike(&self, id: QueueId) {
        locked(&self.held).remove(&id);
        locked(&self.releases).remove(id);
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
            match due.into_iter().chain(release).min() {
                None => changed.await,
                Some(wake) => {
                    let wait = wake.saturating_since(now()).max(Duration::from_millis(1));
                    // Either ending leads to another look.
                    let _ = tokio::time::timeout(wait, changed).await;
                }
            }
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
        locked(&self.releases).kept_until(id)
    }

    /// Ends a job: nothing of it waits, or it is due again.
    pub(super) fn job_done(&self, (id, domain): Job, again: Option<Timestamp>) {
        let mut schedule = locked(&self.schedule);
        match again {
            Some(due) => schedule.retry(id, &domain, due),
            None => schedule.finished(id, &domain),
        }
        drop(schedule);
        self.changed.notify_one();
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
        let loads = locked(&self.schedule).loads(|_| ());
        let oldest = loads.get(&()).and_then(|load| load.oldest);
        QueueState {
            active: stats.messages.saturating_sub(held),
            held,
            oldest: oldest.map_or(Duration::ZERO, |arrival| now().saturating_since(arrival)),
            live_octets: stats.octets_live,
            disk_octets: stats.octets_on_disk,
        }
    }
}

pub(super) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// A panic elsewhere leaves these maps whole: each change is one call.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a release rests after a failure of our own.
const PAUSE: Duration = Duration::from_secs(30);
const LOCK_BITS: u32 = 10;
/// 2^64 divided by the golden ratio, made odd (Knuth's multiplicative hash).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
