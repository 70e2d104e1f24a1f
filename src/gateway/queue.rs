//! The queue: the spool, the lines of those who wait in it, and the locks that
//! let one message be changed by one hand at a time.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use bytes::Bytes;

use super::lines::{Lines, Next};
use crate::{
    mail::{Destination, DestinationChange, QueueId, QueuedMessage, Timestamp},
    observe::{Door, QueueState, SpoolState},
    schedule::Verdict,
    spool::{Batch, Receipt, Spool, SpoolError},
};

/// One message to the recipients at one destination.
pub(super) type Job = (QueueId, Destination);

/// A message with its content, on its way into the spool.
pub(super) type Entry = (QueuedMessage, Bytes);

pub(super) struct Queue {
    spool: Arc<Spool>,
    lines: Lines,
    locks: Vec<tokio::sync::Mutex<()>>,
}

impl Queue {
    /// In the lines stands already what the spool holds.
    pub(super) fn new(spool: Spool, lines: Lines) -> Self {
        Self {
            spool: Arc::new(spool),
            lines,
            locks: (0..1 << LOCK_BITS).map(|_| tokio::sync::Mutex::default()).collect(),
        }
    }

    pub(super) fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    pub(super) fn lines(&self) -> &Lines {
        &self.lines
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
        messages.iter().for_each(|message| self.stands(message));
        Ok(receipt)
    }

    /// Schedules a message as the spool has it now, or lists it among the held.
    pub(super) fn stands(&self, message: &QueuedMessage) {
        self.lines.enrol(message.id, &message.summary());
        if message.is_held() {
            self.lines.ward().note(message);
        }
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

    /// The next job that is due, when it is. Dropping the future loses none.
    pub(super) async fn next_job(&self) -> Job {
        loop {
            let changed = self.lines.changed();
            self.release(now());
            match self.lines.next(now()) {
                Next::Job(job) => return job,
                Next::NotBefore(moment) => wait_for(moment, changed).await,
            }
        }
    }

    /// Schedules the messages whose moment has come.
    fn release(&self, now: Timestamp) {
        while let Some(id) = self.lines.released(now) {
            match self.spool.message(id) {
                Ok(Some(message)) => self.lines.enrol(id, &message.summary()),
                // Gone meanwhile.
                Ok(None) => {}
                Err(error) if error.is_final() => {
                    tracing::error!(%id, %error, "a message that is to be released is lost");
                }
                Err(error) => {
                    tracing::error!(%id, %error, "a message that is to be released was not read");
                    self.lines.keep(id, now + PAUSE);
                    return;
                }
            }
        }
    }

    /// Ends a job: nothing of it waits, or it is due again, where its
    /// recipients now stand. Gives what that changes of its destination.
    pub(super) async fn job_done(
        &self,
        job: Job,
        again: Option<Timestamp>,
        verdict: Verdict,
    ) -> Option<DestinationChange> {
        let (id, _) = job;
        // Nobody may send it another way in between.
        let _lock = self.lock(id).await;
        let message = again.and_then(|_| self.spool.message(id).ok().flatten());
        let summary = message.map(|message| message.summary());
        self.lines.job_done(job, again, summary.as_ref(), verdict)
    }

    /// Whoever holds this may change the message; nobody else can.
    pub(super) async fn lock(&self, id: QueueId) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        // Ids of one moment differ in few bits: spread them over all locks, or
        // messages that have nothing to do with each other wait in one line.
        let spread = id.to_bits().wrapping_mul(GOLDEN) >> (u64::BITS - LOCK_BITS);
        Some(self.locks.get(usize::try_from(spread).ok()?)?.lock().await)
    }

    pub(super) fn state(&self) -> QueueState {
        self.lines.state(self.spool.len())
    }

    pub(super) fn spool_state(&self) -> SpoolState {
        let stats = self.spool.stats();
        let door = match (stats.full, stats.failing) {
            (true, _) => Door::Full,
            (false, true) => Door::Failing,
            (false, false) => Door::Open,
        };
        let damage = self.spool.damage();
        SpoolState {
            door,
            live_octets: stats.octets_live,
            disk_octets: stats.octets_on_disk,
            moved_octets: stats.octets_moved,
            failures: stats.failures,
            outdated_segments: stats.outdated_segments,
            damaged: damage.iter().filter(|damage| !damage.kind.is_expected()).count(),
        }
    }
}

pub(super) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// Until that moment, or until it is told that things have changed.
pub(super) async fn wait_for(moment: Option<Timestamp>, changed: impl Future<Output = ()>) {
    match moment {
        None => changed.await,
        Some(moment) => {
            let wait = moment.saturating_since(now()).max(Duration::from_millis(1));
            // Either ending leads to another look.
            let _ = tokio::time::timeout(wait, changed).await;
        }
    }
}

/// How long a release rests after a failure of our own.
const PAUSE: Duration = Duration::from_secs(30);
const LOCK_BITS: u32 = 10;
/// 2^64 divided by the golden ratio, made odd (Knuth's multiplicative hash).
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        mail::{
            Address, DestinationClass, Direction, EnhancedStatusCode, Failure, FailureReason,
            Level, NextHop, Protection, QueuedRecipient, Release, Reply, Requests, ReversePath,
            TlsNotice, TlsRequirement, Unmet, Way,
        },
        schedule::{Limits, RetrySchedule, Schedule, Trials},
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
            custody: Default::default(),
            recourse: Default::default(),
            delay_notice: Default::default(),
            recipients: vec![QueuedRecipient::new(to, Protection::default(), now())],
        }
    }

    fn queue(folder: &std::path::Path) -> Queue {
        let limits = Limits { total: 9, per_destination: 9, initial_per_destination: 5 };
        let minute = Duration::from_secs(60);
        let trials = Trials::new(vec![minute]).unwrap();
        let retry = RetrySchedule::new(vec![minute], 60 * minute, 15 * minute).unwrap();
        let lines = Lines::new(Schedule::new(limits, trials), retry);
        let each = |id, summary| lines.enrol(id, &summary);
        let settings = Settings { ephemeral: Ephemeral::Allow, ..Settings::default() };
        let spool = Spool::open(folder, settings, each).unwrap();
        Queue::new(spool, lines)
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
        queue.lines().flush(Some(id));
        queue.lines().flush(None);
        assert_eq!(next(&queue, Duration::from_millis(100)).await, None);
        assert!(queue.lines().kept_until(id).is_some());
        assert_eq!(queue.state().oldest, Duration::ZERO);
        let prompt = accepted(&queue, None).await;
        assert_eq!(next(&queue, Duration::from_secs(10)).await, Some(prompt));
        assert_eq!(next(&queue, Duration::from_secs(10)).await, Some(id));
        assert_eq!(queue.lines().kept_until(id), None);
    }

    #[tokio::test]
    async fn a_release_outlives_a_restart_and_not_its_message() {
        let folder = tempfile::tempdir().unwrap();
        let far = Some(Release::After(Duration::from_secs(3600)));
        let (kept, gone) = {
            let queue = queue(folder.path());
            let ids = (accepted(&queue, far).await, accepted(&queue, far).await);
            queue.record(Batch::new().remove(ids.1), Vec::new()).await.unwrap();
            queue.lines().strike(ids.1);
            assert_eq!(queue.lines().kept_until(ids.1), None);
            ids
        };
        let queue = queue(folder.path());
        assert!(
            queue.lines().kept_until(kept).is_some() && queue.lines().kept_until(gone).is_none()
        );
        assert_eq!(next(&queue, Duration::from_millis(50)).await, None);
    }

    #[tokio::test]
    async fn who_waits_for_tls_and_who_must_hear_of_it_is_known_again_at_a_start() {
        let folder = tempfile::tempdir().unwrap();
        let id = {
            let queue = queue(folder.path());
            let mut message = protected(&queue).await;
            let unmet = Unmet {
                since: Timestamp::from_unix_milliseconds(0),
                told: TlsNotice::Due,
                reply: Reply::plain(451, "no TLS"),
                host: None,
                fault: None,
            };
            message.recipients[0].unmet = Some(Box::new(unmet));
            queue.record(Batch::new().update(&message), Vec::new()).await.unwrap();
            protected(&queue).await;
            message.id
        };
        let queue = queue(folder.path());
        let waits = queue.lines().waits().state(|_| DestinationClass::Internet, now());
        let counted: usize = waits.messages.iter().map(|(_, count)| count).sum();
        assert_eq!(counted, 1);
        let look = || tokio::time::timeout(Duration::from_millis(100), queue.lines().next_look());
        assert_eq!((look().await.ok(), look().await.ok()), (Some(id), None));
        let (_, destination) = at_once(&queue).await.unwrap();
        assert_eq!(destination.way, Way::Protected);
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
        queue.lines().reroute(waits.id, &waits.summary());
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
        queue.lines().reroute(message.id, &message.summary());
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
        while let Ok(id) =
            tokio::time::timeout(Duration::from_millis(100), queue.lines().next_look()).await
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
        let look =
            tokio::time::timeout(Duration::from_millis(100), queue.lines().next_look()).await;
        assert!(look.is_err());
    }

    #[tokio::test]
    async fn a_person_s_retry_reaches_a_dead_destination() {
        let folder = tempfile::tempdir().unwrap();
        let queue = queue(folder.path());
        let waits = dead_for_want_of_tls(&queue).await;
        queue.lines().flush(Some(waits.id));
        assert_eq!(at_once(&queue).await.map(|(id, _)| id), Some(waits.id));
    }
}
