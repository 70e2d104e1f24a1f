//! What can go wrong in the spool, and whether waiting helps.

use std::{io, path::PathBuf, sync::Arc};

use super::key::KeyId;
use crate::mail::QueueId;

/// Cloned for every waiter of a group that failed together.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SpoolError {
    /// No space, or no quota: 452 4.3.1, and it passes when space returns.
    #[error("no space is left for the spool")]
    Full,
    /// The disk did not keep up within [`Settings::wait`](super::Settings).
    #[error("the disk has not answered in time")]
    Busy,
    #[error("the spool could not {doing}: {cause}")]
    Failed { doing: &'static str, cause: Arc<io::Error> },
    /// The spool is being closed, or its writer has died.
    #[error("the spool is closed")]
    Closed,
    #[error("a message and its envelope may have {limit} octets, found {found}")]
    TooLarge { limit: u64, found: u64 },
    #[error("the message's envelope cannot be written: {0}")]
    Unwritable(Arc<serde_json::Error>),
    /// The disk would not give it: perhaps it will later.
    #[error("message {id} could not be read: {cause}")]
    Unread { id: QueueId, cause: Arc<io::Error> },
    /// What was read back is not what was written.
    #[error("message {0} is damaged on disk")]
    Damaged(QueueId),
    #[error("{} is in use by another gateway", .0.display())]
    InUse(PathBuf),
    /// To be looked at, and no gateway has ever run on it.
    #[error("{} holds no spool", .0.display())]
    Missing(PathBuf),
    /// What is accepted there is lost with the machine's next start, or with
    /// its container.
    #[error(
        "{} is on {file_system}, which is {why}: mail that was accepted would be lost; \
         put [node] data_dir on a disk or a volume that stays, or, where no mail matters, \
         say `ephemeral = \"allow\"` in [spool]",
        directory.display()
    )]
    Ephemeral { directory: PathBuf, file_system: &'static str, why: &'static str },
    /// It, or a file in it, cannot be made or written.
    #[error(
        "{} cannot hold a spool: {cause}; its directory must be writable for the user that \
         Postern runs as, and not be mounted read-only",
        directory.display()
    )]
    Directory { directory: PathBuf, cause: Arc<io::Error> },
    /// It would read as damage, and is none.
    #[error(
        "{segment} was written with key {key}, which is not among [spool] key and old_keys: \
         nothing in it can be read without"
    )]
    UnknownKey { segment: String, key: KeyId },
    /// Written by a later Postern: opening it here could lose what that knew.
    #[error("{segment} has format version {found}; this Postern reads versions up to {known}")]
    Version { segment: String, found: u32, known: u32 },
}

impl SpoolError {
    /// An error of the file system, with what was being done: "write to it".
    pub(super) fn io(doing: &'static str, cause: io::Error) -> Self {
        match cause.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Failed { doing, cause: Arc::new(cause) },
        }
    }

    /// Whether a message could not be read back.
    pub fn is_of_reading(&self) -> bool {
        matches!(self, Self::Damaged(_) | Self::Unread { .. })
    }

    /// Whether it stays so, whatever is tried: what is damaged is.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Damaged(_))
    }

    /// Whether the same may succeed later: the client is told 4xx.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Full | Self::Busy | Self::Failed { .. } | Self::Closed | Self::Unread { .. }
        )
    }
}
