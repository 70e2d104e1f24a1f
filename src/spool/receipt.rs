//! Law 1: no 250 without a receipt.

use crate::mail::QueueId;

/// Proof that messages are on disk. Only a completed fsync makes one, and the
/// reply to the end of content can be built from nothing else. It cannot be
/// cloned: one commit, one 250.
#[derive(Debug)]
#[must_use = "a receipt that nobody turns into a reply leaves a client waiting"]
pub struct Receipt {
    queue_id: QueueId,
}

impl Receipt {
    /// For the spool alone, after a commit that accepted something.
    pub(super) fn new(queue_id: QueueId) -> Self {
        Self { queue_id }
    }

    /// The id in the reply: that of the first message of the commit.
    pub fn queue_id(&self) -> QueueId {
        self.queue_id
    }

    /// For tests of what may be done with a receipt, without a disk.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn for_tests(queue_id: QueueId) -> Self {
        Self { queue_id }
    }
}
