//! The queue: the spool, the schedule over it, and the locks that let one
//! message be changed by one hand at a time.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::{
    mail::{Domain, QueueId, QueuedMessage, Standing, Summary, Timestamp},
    observe::QueueState,
    schedule::{Releases, Schedule},
    spool::{Batch, Receipt, Spool, SpoolError},
};

/// One message to the recipients of one domain.
pub(super) type Job = (QueueId, Domain);

/// A message with its content, on its way into the spool.
pub(super) type Entry = (QueuedMessage, Bytes);

/// Without a spool (`Queue<()>`) it only schedules what is handed over while
/// the spool is opened.
pub(super) struct Queue<S = Arc<Spool>> {
    spool: S,
    schedule: Mutex<Schedule<Domain>>,
    /// What its sender wants kept until a moment; not scheduled before.
    releases: Mutex<Releases>,
    /// Rung when the schedule has something new.
    changed: Notify,
    held: Mutex<BTreeSet<QueueId>>,
    locks: Vec<tokio::sync::Mutex<()>>,
}

impl Queue<()> {
    pub(super) fn new(schedule: Schedule<Domain>) -> Self {
        Self {
            spool: (),
            schedule: Mutex::new(schedule),
            releases: Mutex::default(),
            changed: Notify::new(),
            held: Mutex::default(),
            locks: (0..1 << LOCK_BITS).map(|_| tokio::sync::Mutex::default()).collect(),
        }
    }

    pub(super) fn over(self, spool: Spool) -> Queue {
        let Self { spool: (), schedule, releases, changed, held, locks } = self;
        Queue { spool: Arc::new(spool), schedule, releases, changed, held, locks }
    }
}

impl<S> Queue<S> {
    /// Schedules what waits in a message, or counts it among the held or
    /// those that are not to go yet.
    pub(super) fn enrol(&self, id: QueueId, summary: &Summary) {
        if summary.standing == Standing::Held {
            locked(&self.held).insert(id);
            return;
        }
        locked(&self.held).remove(&id);
        if let Standing::Kept(released_at) = summary.standing
            && released_at > now()
        {
            locked(&self.releases).add(id, released_at);
            self.changed.notify_one();
            return;
        }
        let mut schedule = locked(&self.schedule);
        for (domain, due) in &summary.destinations {
            schedule.add(id, domain.clone(), *due, summary.priority);
        }
        drop(schedule);
        self.changed.notify_one();
    }
}

impl Queue {
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
        messages.iter().for_each(|message| self.enrol(message.id, &message.summary()));
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
                Ok(Some(message)) => self.enrol(id, &message.summary()),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        mail::{
            Address, Direction, Level, Protection, QueuedRecipient, Release, Requests, ReversePath,
        },
        schedule::Limits,
        spool::{Ephemeral, Settings},
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
        let queue = Queue::new(Schedule::new(Limits { total: 9, per_destination: 9 }));
        let each = |id, summary| queue.enrol(id, &summary);
        let settings = Settings { ephemeral: Ephemeral::Allow, ..Settings::default() };
        let spool = Spool::open(folder, settings, each).unwrap();
        queue.over(spool)
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
}
