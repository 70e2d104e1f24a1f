//! What a pool of readers is made with.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use crate::content::Limits;

#[derive(Clone, Debug)]
pub struct Settings {
    /// At most, at one time.
    pub processes: usize,
    /// A process that has read so many makes room for another.
    pub documents: usize,
    /// How long a message may wait for a process.
    pub patience: Duration,
    /// For one document.
    pub deadline: Duration,
    /// For all documents of one message.
    pub message_deadline: Duration,
    /// Octets that a process may have beside its program.
    pub memory: u64,
    pub confinement: Confinement,
    /// Of what comes of one part.
    pub limits: Limits,
    pub program: Program,
}

/// How much of its confinement a reader may do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confinement {
    /// It gives up all system calls it does not need, or does not read.
    Required,
    /// Where the kernel does not let it, limits of memory and time must do.
    BestEffort,
}

/// What is run as a reader.
#[derive(Clone, Debug)]
pub struct Program {
    pub path: PathBuf,
    pub arguments: Vec<OsString>,
    /// All that it has: nothing is inherited.
    pub environment: Vec<(OsString, OsString)>,
}

impl Settings {
    /// All that a reader is told on its command line.
    pub(super) fn terms(&self) -> [OsString; 3] {
        let cpu = self.processor_time().as_secs();
        let confinement = self.confinement.name();
        [
            format!("--memory={}", self.memory).into(),
            format!("--processor-seconds={cpu}").into(),
            format!("--confinement={confinement}").into(),
        ]
    }

    /// After this long in documents a process makes room for another.
    pub(super) fn retirement(&self) -> Duration {
        self.deadline.saturating_mul(DEADLINES)
    }

    /// More than one can have used that is still asked: it ends those whose
    /// gateway has died while they read.
    fn processor_time(&self) -> Duration {
        self.retirement() + self.deadline.saturating_mul(2) + Duration::from_secs(1)
    }
}

impl Default for Settings {
    /// Memory: what the limits let a document unfold to, twice, since buffers
    /// double as they grow, and room to work in.
    fn default() -> Self {
        Self {
            processes: std::thread::available_parallelism().map_or(1, usize::from),
            documents: 1_000,
            patience: Duration::from_secs(30),
            deadline: Duration::from_secs(10),
            message_deadline: Duration::from_secs(30),
            memory: 1 << 30,
            confinement: Confinement::Required,
            limits: Limits::default(),
            program: Program::default(),
        }
    }
}

impl Confinement {
    pub const ALL: [Self; 2] = [Self::Required, Self::BestEffort];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::BestEffort => "best-effort",
        }
    }
}

impl std::str::FromStr for Confinement {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|confinement| confinement.name() == name);
        found.ok_or_else(|| format!("`required` or `best-effort`, found `{name}`"))
    }
}

impl Default for Program {
    /// This very program, though another may stand at its path by now.
    fn default() -> Self {
        let environment = ALLOCATOR.map(|(name, value)| (name.into(), value.into()));
        Self {
            path: PathBuf::from("/proc/self/exe"),
            arguments: vec!["reader".into()],
            environment: environment.into(),
        }
    }
}

/// How many deadlines' worth of reading a process does.
const DEADLINES: u32 = 30;
/// The allocator takes address space by the gibibyte otherwise, which is all
/// there is, and looks for memory nodes in files that it may not open.
const ALLOCATOR: [(&str, &str); 2] =
    [("MIMALLOC_ARENA_RESERVE", "16MiB"), ("MIMALLOC_USE_NUMA_NODES", "1")];
