//! Quarantine in the running gateway: what is held is listed, judged, kept to
//! its terms and given back.
//!
//! `ward` has the catalogue, `judging` carries out what `quarantine` rules,
//! `bulk` for many messages at once; `clock` sees to terms, `asking` hears
//! senders, `export` seals. `desk` is the console's port and `socket` the
//! commands'. Whatever door somebody comes in by, permissions are asked and
//! the audit trail is told here.

mod asking;
mod bulk;
mod clock;
mod desk;
mod export;
mod judging;
mod socket;
mod ward;

#[cfg(test)]
mod tests;

pub(super) use bulk::Progress;
pub(super) use judging::Quarantine;
pub use socket::{QuarantineAnswer, QuarantineRequest};
pub(super) use ward::Ward;
