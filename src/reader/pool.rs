//! The processes, and who may have one of them.
//!
//! A message that has documents takes a place, which is one process for as
//! long as its documents are read. There are as many places as processes may
//! run; whoever waits too long for one gets none.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    confine::Confined,
    process::{Failed, Process, StartError},
    settings::Settings,
};
use crate::{
    content::{Document, Extract, ReadDocument},
    mail::{Event, Observer, OpaqueReason, ReaderFault, ReaderOutcome},
};

/// Started as they are needed. Cheap to clone; the processes end with the
/// last.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    settings: Settings,
    observer: Option<Arc<dyn Observer>>,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Process>>,
    alive: Arc<AtomicUsize>,
}

/// Nobody could read for as long as anybody may wait.
#[derive(Debug, thiserror::Error)]
#[error("all readers are busy")]
pub struct Busy;

/// One message's: its documents are read one after another, within the time
/// that all of them have. What goes wrong makes a document opaque.
pub struct Reader {
    shared: Arc<Shared>,
    process: Option<Process>,
    left: Duration,
    is_unavailable: bool,
    _place: OwnedSemaphorePermit,
}

impl Pool {
    /// Tells the observer, if there is one, of every document.
    pub fn new(settings: Settings, observer: Option<Arc<dyn Observer>>) -> Self {
        let places = Arc::new(Semaphore::new(settings.processes));
        let (idle, alive) = (Mutex::default(), Arc::default());
        Self(Arc::new(Shared { settings, observer, places, idle, alive }))
    }

    /// Starts one, to see that it can be done and how it is confined.
    pub fn try_out(&self) -> Result<Confined, StartError> {
        let process = self.0.start()?;
        let confined = process.confined;
        self.0.rest(process);
        Ok(confined)
    }

    /// Waits for a place. Cancelling gives up the wait.
    pub async fn reader(&self) -> Result<Reader, Busy> {
        let place = Arc::clone(&self.0.places).acquire_owned();
        match tokio::time::timeout(self.0.settings.patience, place).await {
            Ok(Ok(place)) => Ok(self.reader_at(place)),
            _ => Err(Busy),
        }
    }

    /// A place that is free now.
    pub fn reader_now(&self) -> Result<Reader, Busy> {
        let place = Arc::clone(&self.0.places).try_acquire_owned().map_err(|_| Busy)?;
        Ok(self.reader_at(place))
    }

    /// Processes there are, busy and idle.
    pub fn processes(&self) -> usize {
        self.0.alive.load(Ordering::Relaxed)
    }

    fn reader_at(&self, place: OwnedSemaphorePermit) -> Reader {
        Reader {
            left: self.0.settings.message_deadline,
            shared: Arc::clone(&self.0),
            process: None,
            is_unavailable: false,
            _place: place,
        }
    }
}

impl Shared {
    /// One that rests, or a new one.
    fn process(&self) -> Result<Process, StartError> {
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        while let Some(mut process) = idle() {
            if !process.has_ended() {
                return Ok(process);
            }
            tracing::warn!("a reader has ended while it had nothing to do");
        }
        self.start()
    }

    fn start(&self) -> Result<Process, StartError> {
        Process::start(&self.settings, &self.alive)
    }

    fn rest(&self, process: Process) {
        if !process.is_spent(&self.settings) {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(process);
        }
    }

    fn tell(&self, outcome: ReaderOutcome, took: Duration) {
        if let Some(observer) = &self.observer {
            observer.observe(Event::DocumentRead { outcome, took });
        }
    }
}

impl Reader {
    /// Whether documents stand unread for a fault of ours, so that nothing is
    /// to be concluded from what was read.
    pub fn is_unavailable(&self) -> bool {
        self.is_unavailable
    }

    /// What holds the process that has read last; none where there were no
    /// documents, or it is gone.
    pub fn confined(&self) -> Option<Confined> {
        self.process.as_ref().map(|process| process.confined)
    }

    /// The one it has, or another where that one has read enough.
    fn process(&mut self) -> Result<Process, StartError> {
        match self.process.take().filter(|process| !process.is_spent(&self.shared.settings)) {
            Some(process) => Ok(process),
            None => self.shared.process(),
        }
    }

    /// The process is kept only where it has done as it should.
    fn ask(
        &mut self,
        mut process: Process,
        document: &Document,
        allowed: Duration,
    ) -> Result<Extract, Failed> {
        let extract = process.read(document, &self.shared.settings, allowed)?;
        self.process = Some(process);
        Ok(extract)
    }
}

/// Blocks: not for a thread that others wait for.
impl ReadDocument for Reader {
    fn read(&mut self, document: &Document) -> Extract {
        let allowed = self.shared.settings.deadline.min(self.left);
        if allowed.is_zero() {
            self.shared.tell(ReaderOutcome::Opaque, Duration::ZERO);
            return Extract::unread(document, OpaqueReason::OverLimit);
        }
        let process = match self.process() {
            Ok(process) => process,
            Err(error) => {
                tracing::error!(%error, "a document cannot be read");
                self.shared.tell(ReaderOutcome::Failed(ReaderFault::Start), Duration::ZERO);
                self.is_unavailable = true;
                return Extract::unread(document, OpaqueReason::Unreadable);
            }
        };
        let started = Instant::now();
        let read = self.ask(process, document, allowed);
        let took = started.elapsed();
        self.left = self.left.saturating_sub(took);
        let (outcome, extract) = match read {
            Ok(extract) if extract.opaque.is_empty() => (ReaderOutcome::Read, extract),
            Ok(extract) => (ReaderOutcome::Opaque, extract),
            Err(Failed { fault, detail }) => {
                let (fault_name, octets) = (fault.name(), document.octets.len());
                tracing::warn!(fault = fault_name, detail, octets, "a reader failed at a document");
                (ReaderOutcome::Failed(fault), Extract::unread(document, reason(fault)))
            }
        };
        self.shared.tell(outcome, took);
        extract
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(process) = self.process.take() {
            self.shared.rest(process);
        }
    }
}

/// Time and memory have limits like all else; what a reader dies of otherwise
/// has no reader.
fn reason(fault: ReaderFault) -> OpaqueReason {
    match fault {
        ReaderFault::Deadline | ReaderFault::Memory => OpaqueReason::OverLimit,
        ReaderFault::Answer
        | ReaderFault::Crashed
        | ReaderFault::Forbidden
        | ReaderFault::Killed
        | ReaderFault::Start => OpaqueReason::Unreadable,
    }
}
