//! One reader, as the gateway has it: started, asked, and ended at the first
//! thing that is not as it should be.

use std::{
    io::{self, BufReader, Read, Write},
    os::{
        fd::OwnedFd,
        unix::{
            net::UnixStream,
            process::{CommandExt, ExitStatusExt},
        },
    },
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use nix::sys::signal::Signal;

use super::{
    answer::{self, AnswerError},
    attend::{Hello, PANIC},
    confine::Confined,
    frame::{FrameError, receive_head},
    request,
    settings::Settings,
};
use crate::{
    content::{Document, Extract},
    mail::ReaderFault,
};

/// Why there is no reader: a fault of ours or of the system, never of a
/// document.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("a reader cannot be started: {0}")]
    Spawn(#[from] io::Error),
    #[error("a reader was started and says nothing that makes sense: {0}")]
    Hello(String),
    #[error("a reader cannot be confined: {0}")]
    Unconfined(String),
}

/// Alive and between two documents. Dropping it ends it.
pub(super) struct Process {
    child: Child,
    stream: BufReader<Timed>,
    pub(super) confined: Confined,
    documents: usize,
    busy: Duration,
    alive: Arc<AtomicUsize>,
}

/// Why a document was not read, and what is known of it beside.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) fault: ReaderFault,
    pub(super) detail: String,
}

impl Process {
    /// Confined when this returns.
    pub(super) fn start(settings: &Settings, alive: &Arc<AtomicUsize>) -> Result<Self, StartError> {
        let (ours, theirs) = UnixStream::pair()?;
        let program = &settings.program;
        let child = Command::new(&program.path)
            .arg0("postern")
            .args(&program.arguments)
            .args(settings.terms())
            .env_clear()
            .envs(program.environment.iter().map(|(name, value)| (name, value)))
            .current_dir("/")
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()?;
        alive.fetch_add(1, Ordering::Relaxed);
        let until = Instant::now() + settings.patience;
        let confined = Confined::default();
        let stream = BufReader::new(Timed { stream: ours, until });
        let alive = Arc::clone(alive);
        let mut process =
            Self { child, stream, confined, documents: 0, busy: Duration::ZERO, alive };
        let hello = receive_head(&mut process.stream, LONGEST_HELLO);
        match hello.map_err(|error| StartError::Hello(error.to_string()))? {
            Hello::Confined(confined) => {
                process.confined = confined;
                Ok(process)
            }
            Hello::Unconfined(why) => Err(StartError::Unconfined(why)),
        }
    }

    /// After a fault it is of no more use.
    pub(super) fn read(
        &mut self,
        document: &Document,
        settings: &Settings,
        allowed: Duration,
    ) -> Result<Extract, Failed> {
        let started = Instant::now();
        self.stream.get_mut().until = started + allowed;
        let read = self.ask(document, settings);
        self.documents += 1;
        self.busy += started.elapsed();
        read.map_err(|error| self.failed(&error))
    }

    /// Whether it has read so much that another should take its place.
    pub(super) fn is_spent(&self, settings: &Settings) -> bool {
        self.documents >= settings.documents || self.busy >= settings.retirement()
    }

    /// Whether it has ended of itself.
    pub(super) fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    fn ask(&mut self, document: &Document, settings: &Settings) -> Result<Extract, AnswerError> {
        request::send(self.stream.get_mut(), document, settings.limits)
            .map_err(FrameError::from)?;
        let extract = answer::receive(&mut self.stream, document, settings.limits)?;
        match self.stream.buffer().is_empty() {
            true => Ok(extract),
            false => Err(AnswerError::TooMuch("said")),
        }
    }

    fn failed(&mut self, error: &AnswerError) -> Failed {
        let detail = error.to_string();
        let AnswerError::Frame(FrameError::Broken(broken)) = error else {
            return Failed { fault: ReaderFault::Answer, detail };
        };
        if broken.kind() == io::ErrorKind::TimedOut {
            return Failed { fault: ReaderFault::Deadline, detail };
        }
        match self.end_within(PATIENCE_AT_END) {
            Some(status) => self.post_mortem(status),
            // It only closed its socket.
            None => Failed { fault: ReaderFault::Answer, detail },
        }
    }

    fn end_within(&mut self, patience: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + patience;
        loop {
            match self.child.try_wait() {
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(1)),
                status => return status.ok().flatten(),
            }
        }
    }

    fn post_mortem(&mut self, status: ExitStatus) -> Failed {
        let last_words = self.last_words();
        let signal = status.signal().and_then(|signal| Signal::try_from(signal).ok());
        let fault = match signal {
            Some(Signal::SIGSYS) => ReaderFault::Forbidden,
            Some(Signal::SIGXCPU) => ReaderFault::Deadline,
            Some(Signal::SIGKILL) => ReaderFault::Killed,
            _ if last_words.contains(OUT_OF_MEMORY) => ReaderFault::Memory,
            _ => ReaderFault::Crashed,
        };
        Failed { fault, detail: format!("{status}{}", panic_of(&last_words)) }
    }

    /// Only of one that has ended: there is no more to come.
    fn last_words(&mut self) -> String {
        let mut octets = Vec::new();
        if let Some(stderr) = self.child.stderr.take() {
            // What could be read of it will do.
            _ = stderr.take(LAST_WORDS).read_to_end(&mut octets);
        }
        String::from_utf8_lossy(&octets).into_owned()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        _ = self.child.kill();
        _ = self.child.wait();
        self.alive.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where it panicked, if that is what it says: nothing else of a reader's
/// words is fit for a log.
fn panic_of(last_words: &str) -> String {
    let place = last_words.lines().find_map(|line| line.strip_prefix(PANIC));
    let of_place = |c: char| c.is_ascii_alphanumeric() || "/._-:".contains(c);
    match place.filter(|place| place.len() <= LONGEST_PLACE && place.chars().all(of_place)) {
        Some(place) => format!(", {PANIC}{place}"),
        None => String::new(),
    }
}

/// A socket that is waited for until then and no longer, however it trickles.
struct Timed {
    stream: UnixStream,
    until: Instant,
}

impl Timed {
    fn left(&self) -> io::Result<Duration> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
    }
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        self.stream.read(buffer).map_err(timed_out)
    }
}

impl Write for Timed {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(octets).map_err(timed_out)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A socket's time-out goes by this name.
fn timed_out(error: io::Error) -> io::Error {
    match error.kind() {
        io::ErrorKind::WouldBlock => io::ErrorKind::TimedOut.into(),
        _ => error,
    }
}

/// What has closed its socket is about to end.
const PATIENCE_AT_END: Duration = Duration::from_secs(1);
const LONGEST_HELLO: usize = 4 << 10;
const LAST_WORDS: u64 = 4 << 10;
const LONGEST_PLACE: usize = 160;
/// As the standard library ends where it can have no more.
const OUT_OF_MEMORY: &str = "memory allocation of ";
