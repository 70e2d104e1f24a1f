//! The audit trail: a line of JSON for every decision, delivery and act of a
//! person, in the order in which they were told, each bound to the one before.
//!
//! Every line begins with its place, `{"seq":N,"prev":"DIGEST",`: `seq` counts
//! from 1, `prev` is the SHA-256 of the octets of the line before, without its
//! line end ([`Digest::GENESIS`] for the first). Whoever changes, takes out,
//! moves or adds a line breaks the chain there ([`verify`] finds where). The
//! tail is held by `audit.head`, which names the last line that is on disk,
//! and by signed [`Checkpoint`]s, which are worth most outside the machine:
//! who may write all our files could write them all anew.
//!
//! In `data_dir/audit`:
//!
//! | file | holds |
//! | --- | --- |
//! | `audit.jsonl` | the trail as it grows |
//! | `audit.jsonl-FIRST-LAST.gz` | what was rotated, by its first and last `seq` |
//! | `audit.head` | `seq` and digest of the last line on disk |
//! | `checkpoints.jsonl`, `checkpoint.pub` | signed statements, and the key that verifies them |
//! | `audit.lock`, `audit.shelf` | locks: one writer; nobody takes files away from a reader |
//! | `torn-N` | octets that a crash left behind line N |
//! | `legal-hold.json` | why nothing is removed, while it is there |
//!
//! A disk that fails: mail goes on, lines wait in memory (`BACKLOG`) and are
//! written in their order when it takes them again; what is beyond that is
//! lost, and a `gap` line says how many and since when.

mod chain;
mod checkpoint;
mod faults; // what can be wrong with a trail, in words
mod file; // the open file: append, sync, head
mod follow;
mod head;
mod keeping; // of files: checkpoints, rotation, the end of their time
mod legal_hold;
mod metrics;
mod reading; // lines out of files, old and new
mod secret;
mod settings;
mod shelf; // what was rotated: names, packing, retention
mod start;
mod tail; // the last line of a file
mod verify;
mod walk; // along the chain, and what must have happened where it breaks
mod writer;

#[cfg(test)]
mod tests;

pub use chain::{Digest, Link};
pub use checkpoint::{Checkpoint, CheckpointError, PublicKey, read_checkpoints};
pub use faults::{Fault, FaultKind};
pub use follow::Follow;
pub use legal_hold::LegalHold;
pub(super) use metrics::AuditMetrics;
pub use reading::{
    Excerpt, More, TrailError, TrailLine, excerpt, read_trail, read_trail_file, search_trail,
};
pub use secret::subject_key;
pub use settings::AuditSettings;
pub use verify::{Anchors, Verification, verify};
pub use writer::{Audit, AuditError, AuditState};
