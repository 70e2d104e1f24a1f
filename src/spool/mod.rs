//! The durable queue: what got a 250 is on disk and will be delivered or
//! returned.
//!
//! Owns the spool directory: segment files (`segments`), their format
//! (`format`), group commit (`writer`) and what is done between commits
//! (`house`), recovery (`recover`), and the index of live messages (`index`).
//! Contents are never kept in memory. It stands between `transform` and
//! `schedule`: a message is committed before its 250, and every change of its
//! fate afterwards is recorded here.
//!
//! What it promises: a [`Receipt`] exists only after fdatasync has returned
//! for the message, its segment's directory entry included. A batch is
//! durable whole or not at all. A batch answered with an error is not in the
//! spool of the running gateway; only if the power fails before the next
//! commit may it be found there at the next start: a duplicate, never a loss.
//! What may be delivered twice stands in `gateway::dispatch`.
//!
//! A write or fsync that fails is final for its segment: what the page cache
//! says afterwards proves nothing. All waiters of that commit get the error,
//! and the next commit goes to a new segment, whose header declares the failed
//! commit void. If no segment can be made, commits fail at once until
//! `Settings::retry_after` has passed; it mends itself.
//!
//! A spare segment is kept preallocated. When none can be made, new mail is
//! refused ([`SpoolError::Full`]), and what is left of the last segment serves
//! only batches that also update or remove: outcomes of deliveries, and DSNs.
//!
//! Damage is isolated and reported ([`Spool::damage`]); a segment that has any
//! is never unlinked, so that a person may save what we cannot. What is read
//! back is checked (`reading`): [`SpoolError::Damaged`] then, never other
//! octets. Damage that is found so keeps its segment until the next start.
//!
//! Space follows what is live: messages that stay are moved out of segments
//! that are mostly dead (`mover`), until what is on disk is at most twice the
//! live octets and two segments.
//!
//! Start-up reads a short checkpoint for each segment that is full or was left
//! in order (`checkpoint`), scans the others, and hands each message's
//! `Summary` over (`hand_over`): no content is read, and nobody holds all
//! messages. `cargo bench --bench spool -- million` measures it.
//!
//! On request it is sealed: whoever has the disk and not the key reads neither
//! contents nor addresses (`key`, `cipher`).
//!
//! A directory that does not outlive the machine's next start is refused
//! (`ground`).

mod batch;
mod checkpoint;
mod cipher;
mod damage;
mod disk;
mod error;
mod format;
mod ground;
mod hand_over;
mod house;
mod index;
mod inspect;
mod key;
mod mover;
mod reading;
mod receipt;
mod recover;
mod sealing;
mod segments;
mod store;
mod writer;

pub use batch::{Acceptance, Batch};
pub use damage::{Damage, DamageKind};
pub use error::SpoolError;
pub use ground::Ephemeral;
pub use index::KeyUse;
pub use inspect::Inspection;
pub use key::{KeyError, KeyFile, KeyId, Keys, new_key};
pub use receipt::Receipt;
pub use store::{Settings, Spool, Stats};

#[cfg(test)]
mod tests;
