//! The writer: one thread that appends and syncs lines in groups, so that no
//! stage waits for the disk, and keeps the files (rotation, retention,
//! checkpoints). Masked values only (law 6).

use std::{
    collections::VecDeque,
    fs::File,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{self, Receiver, RecvTimeoutError, SyncSender},
    },
    thread::JoinHandle,
    time::{Duration, Instant, SystemTime},
};

use serde_json::{Value, json};
use tracing::{error, info, warn};

use super::{
    chain::Link,
    checkpoint::{Checkpoint, Signatory},
    file::TrailFile,
    legal_hold::LegalHold,
    settings::AuditSettings,
    verify::Verification,
};
use crate::mail::Timestamp;

/// The open end of the trail.
pub struct Audit {
    orders: Mutex<Option<SyncSender<Order>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
    state: Arc<AuditState>,
    settings: AuditSettings,
}

/// What the writer is told.
enum Order {
    Line(Value),
    /// Say when all before it is on disk, or could not be got there.
    Flush(SyncSender<()>),
    /// Somebody may have moved the file.
    Reopen,
    /// Sign for all before it; nothing where there is nothing to sign for.
    Checkpoint(SyncSender<io::Result<Option<Checkpoint>>>),
}

/// What a scrape asks of the trail.
#[derive(Debug, Default)]
pub struct AuditState {
    /// Lines on disk since the start.
    pub lines: AtomicU64,
    /// Groups of lines that the disk did not take.
    pub failures: AtomicU64,
    /// Lines that wait for the disk.
    pub waiting: AtomicU64,
    /// Lines that are lost, for too many had to wait.
    pub lost: AtomicU64,
    /// Unix milliseconds of the last sync.
    pub synced_at: AtomicU64,
    /// Lines that were on disk were gone at the start, or their file is now.
    pub is_broken: AtomicBool,
    /// Unix milliseconds of the last verification, and what it found.
    pub verified_at: AtomicU64,
    pub faults: AtomicU64,
}

impl AuditState {
    /// What a scrape is to know of a verification.
    pub fn has_verified(&self, found: &Verification) {
        let faults = found.faults.len() as u64 + found.more_faults;
        self.faults.store(faults, Ordering::Relaxed);
        self.verified_at.store(now().unix_milliseconds(), Ordering::Relaxed);
    }
}

#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    #[error("the audit trail {path} cannot be opened: {source}")]
    Unopened { path: PathBuf, source: io::Error },
    #[error("another gateway writes the audit trail {0}")]
    Taken(PathBuf),
}

impl Audit {
    /// Goes on with the trail in the data folder, or begins it. No two
    /// gateways write one.
    pub fn open(settings: AuditSettings) -> Result<Self, AuditError> {
        let path = settings.folder();
        let unopened = |source| AuditError::Unopened { path: path.clone(), source };
        std::fs::create_dir_all(&path).map_err(unopened)?;
        let lock = File::create(path.join(LOCK)).map_err(unopened)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(AuditError::Taken(path)),
            Err(std::fs::TryLockError::Error(error)) => return Err(unopened(error)),
        }
        let state = Arc::new(AuditState::default());
        let mut writer = Writer::begin(&settings, Arc::clone(&state), lock).map_err(unopened)?;
        let (orders, queue) = mpsc::sync_channel(CAPACITY);
        let writer = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || writer.run(&queue))
            .map_err(unopened)?;
        let (orders, writer) = (Mutex::new(Some(orders)), Mutex::new(Some(writer)));
        Ok(Self { orders, writer, state, settings })
    }

    pub fn settings(&self) -> &AuditSettings {
        &self.settings
    }

    pub fn state(&self) -> &AuditState {
        &self.state
    }

    /// Adds a line, with the time and the version of its shape. Waits only
    /// when the disk is so slow that `CAPACITY` lines are queued: a trail with
    /// gaps would be worse.
    pub fn record(&self, mut line: Value) {
        stamp(&mut line);
        if !self.order(Order::Line(line)) {
            error!("an audit line was lost: the trail is closed");
        }
    }

    /// Waits until every line told so far is on disk, or could not be got
    /// there. Blocks.
    pub fn flush(&self) {
        let (done, flushed) = mpsc::sync_channel(1);
        if self.order(Order::Flush(done)) {
            // An error is the writer's end, which has written all.
            let _ = flushed.recv();
        }
    }

    /// Takes the file that stands under the trail's name now.
    pub fn reopen(&self) {
        self.order(Order::Reopen);
    }

    /// Signs for all that was told so far; nothing where nothing was. Blocks.
    pub fn checkpoint(&self) -> io::Result<Option<Checkpoint>> {
        let closed = || io::Error::other("the trail is closed");
        let (done, signed) = mpsc::sync_channel(1);
        if !self.order(Order::Checkpoint(done)) {
            return Err(closed());
        }
        signed.recv().map_err(|_| closed())?
    }

    /// Sets a legal hold, or lifts it. What is told of it is for others.
    pub fn hold_legally(&self, hold: Option<&LegalHold>) -> io::Result<()> {
        let folder = self.settings.folder();
        match hold {
            Some(hold) => hold.set(&folder),
            None => LegalHold::lift(&folder),
        }
    }

    fn order(&self, order: Order) -> bool {
        let orders = self.orders.lock().ok().and_then(|orders| orders.clone());
        orders.is_some_and(|orders| orders.send(order).is_ok())
    }

    /// Writes out what is queued, signs for it and ends the trail.
    pub fn close(&self) {
        let orders = self.orders.lock().ok().and_then(|mut orders| orders.take());
        drop(orders);
        let writer = self.writer.lock().ok().and_then(|mut writer| writer.take());
        if writer.is_some_and(|writer| writer.join().is_err()) {
            error!("the audit trail's writer has died");
        }
    }
}

/// With what every line has.
fn stamp(line: &mut Value) {
    if let Value::Object(fields) = line {
        fields.insert("at".to_owned(), now().rfc3339().into());
        fields.insert("v".to_owned(), VERSION.into());
    }
}

pub(super) struct Writer {
    pub(super) file: TrailFile,
    pub(super) signatory: Signatory,
    pub(super) settings: AuditSettings,
    state: Arc<AuditState>,
    /// Lines that are not on disk yet, the oldest first.
    backlog: VecDeque<Vec<u8>>,
    backlog_octets: usize,
    /// What was lost since the disk last took a line.
    gap: Option<Gap>,
    /// Why the disk does not take lines, since then.
    pub(super) failing: Option<String>,
    pub(super) signed: Link,
    pub(super) signed_at: Instant,
    pub(super) looked_at_shelf: Option<Instant>,
    pub(super) is_packing: Arc<AtomicBool>,
    /// Others are kept out for as long as it is open.
    _lock: File,
}

struct Gap {
    lines: u64,
    since: Timestamp,
    why: String,
}

impl Writer {
    fn begin(settings: &AuditSettings, state: Arc<AuditState>, lock: File) -> io::Result<Self> {
        let folder = settings.folder();
        let (file, start) = TrailFile::begin(&folder, now())?;
        state.is_broken.store(start.is_broken, Ordering::Relaxed);
        if start.is_broken {
            error!("lines of the audit trail that were on disk are gone: `postern audit verify`");
        }
        let mut writer = Self {
            signatory: Signatory::open(&settings.node, &settings.data_dir, &folder)?,
            signed: file.link(),
            signed_at: Instant::now(),
            looked_at_shelf: None,
            file,
            settings: settings.clone(),
            state,
            backlog: VecDeque::new(),
            backlog_octets: 0,
            gap: None,
            failing: None,
            is_packing: Arc::default(),
            _lock: lock,
        };
        for note in start.notes {
            warn!(%note, "the audit trail goes on");
            writer.note(note);
        }
        writer.write();
        Ok(writer)
    }

    fn run(&mut self, queue: &Receiver<Order>) {
        loop {
            let first = match queue.recv_timeout(TICK) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break,
            };
            // Nobody waits for these lines: a pause gathers many into one sync,
            // which would else contend with the spool's.
            if matches!(first, Some(Order::Line(_))) {
                std::thread::sleep(GATHER);
            }
            self.carry_out(first.into_iter().chain(queue.try_iter()));
            self.keep_files();
        }
        self.write();
        if let Err(error) = self.sign() {
            error!(%error, "the audit trail could not be signed for");
        }
    }

    fn carry_out(&mut self, orders: impl Iterator<Item = Order>) {
        let (mut waiting, mut signing) = (Vec::new(), Vec::new());
        for order in orders {
            match order {
                Order::Line(line) => self.add(&line),
                Order::Flush(done) => waiting.push(done),
                Order::Checkpoint(done) => signing.push(done),
                Order::Reopen => self.reopen(),
            }
        }
        self.write();
        // Whoever waits has gone, or is told.
        waiting.iter().for_each(|done| _ = done.send(()));
        for done in signing {
            let _ = done.send(self.sign());
        }
    }

    pub(super) fn note(&mut self, mut line: Value) {
        stamp(&mut line);
        self.add(&line);
    }

    /// Kept until the disk takes it; there is an end to that as well.
    fn add(&mut self, line: &Value) {
        let body = line.to_string().into_bytes();
        let is_full = |it: &Self| {
            it.backlog.len() >= BACKLOG || it.backlog_octets + body.len() > BACKLOG_OCTETS
        };
        // A crowd of lines is no reason to lose one: only a disk that fails is.
        if is_full(self) && self.failing.is_none() {
            self.write();
        }
        if is_full(self) {
            self.lose();
            return;
        }
        self.backlog_octets += body.len();
        self.backlog.push_back(body);
    }

    fn lose(&mut self) {
        let why = self.failing.clone().unwrap_or_default();
        let gap = self.gap.get_or_insert_with(|| Gap { lines: 0, since: now(), why });
        gap.lines += 1;
        self.state.lost.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn write(&mut self) {
        if self.backlog.is_empty() && self.gap.is_none() {
            return;
        }
        // Where lines were lost, that is told behind those that were kept.
        if let Some(Gap { lines, since, why }) = &self.gap {
            let mut told = json!({
                "event": "trail", "what": "gap", "lines": lines,
                "since": since.rfc3339(), "why": why,
            });
            stamp(&mut told);
            self.backlog.push_back(told.to_string().into_bytes());
        }
        self.mind_deletion();
        let written = self.file.append(self.backlog.make_contiguous());
        match written {
            Ok(()) => self.has_written(),
            Err(error) => {
                if self.gap.is_some() {
                    self.backlog.pop_back();
                }
                self.has_failed(&error);
            }
        }
        self.state.waiting.store(self.backlog.len() as u64, Ordering::Relaxed);
    }

    fn has_written(&mut self) {
        self.state.lines.fetch_add(self.backlog.len() as u64, Ordering::Relaxed);
        self.state.synced_at.store(now().unix_milliseconds(), Ordering::Relaxed);
        self.backlog.clear();
        self.backlog_octets = 0;
        if self.failing.take().is_some() {
            let lost = self.gap.as_ref().map_or(0, |gap| gap.lines);
            warn!(lost, "the audit trail is written again");
        }
        self.gap = None;
    }

    fn has_failed(&mut self, error: &io::Error) {
        self.state.failures.fetch_add(1, Ordering::Relaxed);
        if self.failing.is_none() {
            error!(%error, "the audit trail could not be written: its lines wait in memory");
        }
        self.failing = Some(error.to_string());
    }

    /// By whoever replaces it with another, as an editor does.
    fn mind_deletion(&mut self) {
        if !self.file.is_deleted() {
            return;
        }
        self.state.is_broken.store(true, Ordering::Relaxed);
        match self.file.reopen(now()) {
            Ok(()) => error!("the audit trail's file was deleted: it goes on in another"),
            Err(error) => error!(%error, "the audit trail could not be reopened"),
        }
    }

    fn reopen(&mut self) {
        self.write();
        match self.file.was_moved() {
            Ok(false) => {}
            Ok(true) => match self.file.reopen(now()) {
                Ok(()) => info!("the audit trail goes on in a new file"),
                Err(error) => error!(%error, "the audit trail could not be reopened"),
            },
            Err(error) => error!(%error, "the audit trail could not be looked for"),
        }
    }
}

pub(super) fn now() -> Timestamp {
    SystemTime::now().into()
}

/// Of the shape of lines (`observe::lines`). The chain has only added fields.
const VERSION: u32 = 1;
pub(super) const LOCK: &str = "audit.lock";
const CAPACITY: usize = 8192;
const GATHER: Duration = Duration::from_millis(100);
const TICK: Duration = Duration::from_secs(1);
/// What waits for a disk that fails, in lines and octets.
const BACKLOG: usize = 16_384;
const BACKLOG_OCTETS: usize = 32 << 20;
