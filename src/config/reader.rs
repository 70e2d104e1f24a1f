//! How documents are read: `[reader]`.

use std::time::Duration;

/// The processes that read documents, and how much may come of one part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    /// At most, at one time.
    pub processes: usize,
    /// That a process reads before another takes its place.
    pub documents: usize,
    /// How long a message may wait for a process.
    pub patience: Duration,
    /// For one document.
    pub deadline: Duration,
    /// For all documents of one message.
    pub message_deadline: Duration,
    /// Octets for a process, beside its program.
    pub memory: usize,
    /// Octets that the files within a part may unfold to.
    pub unfolded: usize,
    /// Octets of text that may come of a part.
    pub text: usize,
    /// Files within a part.
    pub files: usize,
    /// Files within files.
    pub depth: usize,
    pub confinement: ReaderConfinement,
}

/// What a machine must be able to do before anything is read on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReaderConfinement {
    #[default]
    Required,
    /// As far as the kernel, or the container, allows.
    BestEffort,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            processes: std::thread::available_parallelism().map_or(1, usize::from),
            documents: 1_000,
            patience: Duration::from_secs(30),
            deadline: Duration::from_secs(10),
            message_deadline: Duration::from_secs(30),
            memory: 1 << 30,
            unfolded: 256 << 20,
            text: 64 << 20,
            files: 10_000,
            depth: 8,
            confinement: ReaderConfinement::default(),
        }
    }
}
