//! The spool as the gateway holds it.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::{
    batch::{Acceptance, Batch, Encoded, Purpose},
    damage::Damage,
    disk::{Directory, Disk},
    error::SpoolError,
    ground::Ephemeral,
    hand_over::hand_over,
    index::{Index, KeyUse, Located},
    key::{KeyId, Keys},
    reading::{Kept, Part},
    receipt::Receipt,
    recover::{Recovered, Stranger, recover},
    writer::{Request, Writer},
};
use crate::mail::{QueueId, QueuedMessage, Summary, Timestamp};

/// The durable queue. Share it in an `Arc`; dropping the last one waits until
/// everything handed over is on disk.
pub struct Spool {
    shared: Arc<Shared>,
    /// None only while it is dropped.
    requests: Option<mpsc::Sender<Request>>,
    writer: Option<JoinHandle<()>>,
    wait: Duration,
    /// Spreads the ids of several nodes.
    salt: u16,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Octets of a segment file; a larger message gets its own.
    pub segment_size: u64,
    /// How long new mail waits for the disk before it is refused.
    pub wait: Duration,
    /// Batches that may wait for the writer; the next ones wait to wait.
    pub waiting: usize,
    /// How long a disk that is full or failing is left alone.
    pub retry_after: Duration,
    /// How long bookkeeping alone waits for new mail to share a sync with:
    /// less than any next hop's answer takes.
    pub bookkeeping_waits: Duration,
    /// Whether the directory may be one that does not last.
    pub ephemeral: Ephemeral,
    /// What new segments are sealed under, and older ones may be.
    pub keys: Keys,
}

/// Sizes in octets; counts since the spool was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    pub messages: usize,
    /// Contents of messages that are in the spool.
    pub octets_live: u64,
    pub segments: usize,
    /// Of segments, preallocated space included; the spare not.
    pub octets_on_disk: u64,
    /// Batches made durable.
    pub commits: u64,
    pub fsyncs: u64,
    /// That are to be emptied because they are not sealed as new ones are.
    pub outdated_segments: usize,
    /// Groups of batches that could not be written or synced: each has cost a
    /// segment, and everybody who waited for it has heard of it.
    pub failures: u64,
    /// Octets that were written once more, to free the segments they stood in.
    pub octets_moved: u64,
    /// Whether new mail is refused because no spare segment can be made.
    pub full: bool,
    /// Whether the last commit, or the last new segment, has failed; it is
    /// tried again with what comes next.
    pub failing: bool,
}

impl Spool {
    /// Opens the directory, made where it does not exist, and hands what is
    /// to be known of every message in it to `each`, in no particular order.
    /// Blocks.
    pub fn open(
        directory: &Path,
        settings: Settings,
        each: impl FnMut(QueueId, Summary),
    ) -> Result<Self, SpoolError> {
        Self::on(Arc::new(Directory::open(directory, settings.ephemeral)?), settings, each)
    }

    pub(super) fn on(
        disk: Arc<dyn Disk>,
        settings: Settings,
        mut each: impl FnMut(QueueId, Summary),
    ) -> Result<Self, SpoolError> {
        let recovered = recover(&*disk, &settings.keys, Stranger::Refused)?;
        let shared = Shared::new(recovered.index, recovered.last_id);
        let mut damage = recovered.damage;
        damage.extend(hand_over(&shared, &*disk, recovered.covering, &mut each));
        *shared.damage() = damage;

        let (requests, received) = mpsc::channel(settings.waiting.max(1));
        let wait = settings.wait;
        let (last_commit, last_sequence) = (recovered.last_commit, recovered.last_sequence);
        let writer = Writer::new(disk, Arc::clone(&shared), settings, last_commit, last_sequence);
        let writer = thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || writer.run(received))
            .map_err(|cause| SpoolError::io("start its writer", cause))?;
        Ok(Self {
            shared,
            requests: Some(requests),
            writer: Some(writer),
            wait,
            salt: fastrand::u16(..),
        })
    }

    /// To be read and not written to: recording anything finds it closed.
    pub(super) fn without_writer(disk: &dyn Disk, keys: &Keys) -> Result<Self, SpoolError> {
        let recovered = recover(disk, keys, Stranger::LeftLocked)?;
        let Recovered { index, last_id, mut damage, covering, .. } = recovered;
        let shared = Shared::new(index, last_id);
        damage.extend(hand_over(&shared, disk, covering, &mut |_, _| {}));
        *shared.damage() = damage;
        Ok(Self { shared, requests: None, writer: None, wait: Duration::ZERO, salt: 0 })
    }

    pub(super) fn located(&self, id: QueueId) -> Option<Located> {
        self.shared.index().find(id)
    }

    /// An id for a message: larger than all before, also when the clock has
    /// gone back, and larger than every id ever committed here.
    pub fn next_id(&self, now: Timestamp) -> QueueId {
        let candidate = QueueId::at(now.unix_milliseconds(), self.salt);
        let next = |last| QueueId::from_bits(last).following(candidate);
        let last = self
            .shared
            .last_id
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(next(last).to_bits()));
        match last {
            Ok(last) | Err(last) => next(last),
        }
    }

    /// Makes the batch durable; the receipt is the proof. A batch that only
    /// accepts fails after [`Settings::wait`] with [`SpoolError::Busy`], and
    /// when this is cancelled it is taken back. Any other batch stands once it
    /// is handed over: do not cancel those.
    pub async fn commit(&self, acceptance: Acceptance) -> Result<Receipt, SpoolError> {
        let Acceptance { encoded, first } = acceptance;
        match encoded.purpose {
            Purpose::NewMail => tokio::time::timeout(self.wait, self.submit(encoded))
                .await
                .unwrap_or(Err(SpoolError::Busy))?,
            Purpose::Bookkeeping => self.submit(encoded).await?,
        }
        Ok(Receipt::new(first))
    }

    /// Makes changes to messages durable. When this is cancelled they may or
    /// may not stand.
    pub async fn record(&self, batch: Batch) -> Result<(), SpoolError> {
        let mut encoded = batch.into_encoded();
        if encoded.count == 0 && encoded.check().is_ok() {
            return Ok(());
        }
        encoded.purpose = Purpose::Bookkeeping;
        self.submit(encoded).await
    }

    /// What the spool knows of a message beside its content. Reads the disk:
    /// not for an IO thread. Damage that is found is reported.
    pub fn message(&self, id: QueueId) -> Result<Option<QueuedMessage>, SpoolError> {
        self.shared.message(id).inspect_err(|error| self.shared.note(error, id, Part::Meta))
    }

    /// A message's content as it is to leave, checked. Reads the disk: not for
    /// an IO thread. Damage that is found is reported.
    pub fn content(&self, id: QueueId) -> Result<Option<Bytes>, SpoolError> {
        Ok(self.kept(id)?.map(|(_, kept)| kept.copy))
    }

    /// Whether the contents of a message are what was written.
    pub(super) fn check_content(&self, id: QueueId) -> Result<(), SpoolError> {
        self.shared.content(id).map(drop)
    }

    /// What the client sent, of a message that is or was held.
    pub fn original(&self, id: QueueId) -> Result<Option<Bytes>, SpoolError> {
        Ok(self.kept(id)?.and_then(|(_, kept)| kept.original))
    }

    fn kept(&self, id: QueueId) -> Result<Option<(QueuedMessage, Kept)>, SpoolError> {
        let Some(message) = self.message(id)? else { return Ok(None) };
        let octets =
            self.shared.content(id).inspect_err(|error| self.shared.note(error, id, Part::Content));
        let Some(octets) = octets? else { return Ok(None) };
        let kept = Kept::of(&message, octets)?;
        Ok(Some((message, kept)))
    }

    /// Both, read on tokio's pool for blocking work.
    pub async fn load(
        self: &Arc<Self>,
        id: QueueId,
    ) -> Result<Option<(QueuedMessage, Bytes)>, SpoolError> {
        let spool = Arc::clone(self);
        let read = move || Ok(spool.kept(id)?.map(|(message, kept)| (message, kept.copy)));
        tokio::task::spawn_blocking(read).await.map_err(|_| SpoolError::Closed)?
    }

    /// Every message's id, in the order of arrival.
    pub fn ids(&self) -> Vec<QueueId> {
        self.shared.index().ids().collect()
    }

    pub fn contains(&self, id: QueueId) -> bool {
        self.shared.index().find(id).is_some()
    }

    pub fn len(&self) -> usize {
        self.shared.index().len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What could not be believed when the spool was opened, and what has been
    /// found damaged since, when it was to be moved.
    pub fn damage(&self) -> Vec<Damage> {
        self.shared.damage().clone()
    }

    /// What new segments are sealed under.
    pub fn key_id(&self) -> Option<KeyId> {
        self.shared.index().key_id()
    }

    /// What each key is still needed for, none being that of plain segments.
    /// Looks at every message.
    pub fn key_uses(&self) -> BTreeMap<Option<KeyId>, KeyUse> {
        self.shared.index().key_uses()
    }

    /// Whether what was last to be written was not; it is tried again from time
    /// to time.
    pub fn is_failing(&self) -> bool {
        self.shared.failing.load(Ordering::Relaxed)
    }

    pub fn stats(&self) -> Stats {
        let index = self.shared.index();
        Stats {
            messages: index.len(),
            octets_live: index.content_octets(),
            segments: index.segments(),
            octets_on_disk: index.octets_on_disk(),
            commits: self.shared.commits.load(Ordering::Relaxed),
            fsyncs: self.shared.syncs.load(Ordering::Relaxed),
            outdated_segments: index.count_outdated(),
            failures: self.shared.failures.load(Ordering::Relaxed),
            octets_moved: self.shared.moved.load(Ordering::Relaxed),
            failing: self.is_failing(),
            full: self.shared.full.load(Ordering::Relaxed),
        }
    }

    async fn submit(&self, encoded: Encoded) -> Result<(), SpoolError> {
        encoded.check()?;
        let requests = self.requests.as_ref().ok_or(SpoolError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let request = Request { encoded, answer };
        requests.send(request).await.map_err(|_| SpoolError::Closed)?;
        answered.await.map_err(|_| SpoolError::Closed)??.heard();
        Ok(())
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.requests = None;
        if let Some(writer) = self.writer.take() {
            // A writer that has panicked has answered nobody: nothing is lost.
            let _ = writer.join();
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            segment_size: 64 * 1024 * 1024,
            wait: Duration::from_secs(30),
            waiting: 1024,
            retry_after: Duration::from_secs(1),
            bookkeeping_waits: Duration::from_millis(4),
            ephemeral: Ephemeral::default(),
            keys: Keys::default(),
        }
    }
}

impl Settings {
    pub(super) fn retry_at(&self) -> Instant {
        let now = Instant::now();
        now.checked_add(self.retry_after).unwrap_or(now)
    }
}

/// What the writer and the handle share.
pub(super) struct Shared {
    index: Mutex<Index>,
    abandoned: Mutex<Vec<QueueId>>,
    last_id: AtomicU64,
    pub(super) commits: AtomicU64,
    pub(super) syncs: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) moved: AtomicU64,
    damage: Mutex<Vec<Damage>>,
    pub(super) full: AtomicBool,
    pub(super) failing: AtomicBool,
}

/// That a batch stands on disk. Whoever waited says that it was heard; if
/// nobody does, because the wait was cancelled at whatever moment, new mail in
/// it is taken back.
pub(super) struct Standing {
    unheard: Option<(Arc<Shared>, Vec<QueueId>)>,
}

impl Shared {
    fn new(index: Index, last_id: u64) -> Arc<Self> {
        Arc::new(Self {
            index: Mutex::new(index),
            abandoned: Mutex::default(),
            last_id: AtomicU64::new(last_id),
            commits: AtomicU64::new(0),
            syncs: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            moved: AtomicU64::new(0),
            damage: Mutex::default(),
            full: AtomicBool::new(false),
            failing: AtomicBool::new(false),
        })
    }

    pub(super) fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn last_id(&self) -> QueueId {
        QueueId::from_bits(self.last_id.load(Ordering::Relaxed))
    }

    pub(super) fn abandon(&self, ids: Vec<QueueId>) {
        self.abandoned.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
    }

    pub(super) fn take_abandoned(&self) -> Vec<QueueId> {
        std::mem::take(&mut self.abandoned.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn damage(&self) -> MutexGuard<'_, Vec<Damage>> {
        self.damage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Standing {
    pub(super) fn new(shared: &Arc<Shared>, encoded: &Encoded) -> Self {
        let unheard = (encoded.purpose == Purpose::NewMail)
            .then(|| (Arc::clone(shared), encoded.accepted.clone()));
        Self { unheard }
    }

    fn heard(mut self) {
        self.unheard = None;
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        if let Some((shared, ids)) = self.unheard.take() {
            shared.abandon(ids);
        }
    }
}
