//! How a policy goes live in the running gateway.
//!
//! Whatever asks for it (a signal, an officer, the calendar, a start), a new
//! version takes one way: `build` reads it, checks it, runs the officers'
//! `cases` and proves the invariants, all aside; `live` then has it wait for a
//! second officer (`approval`), or tries it on a share of senders (`canary`),
//! or lets it decide, by the swap of one pointer (`standing`). What is refused
//! on that way changes nothing. `record` is pure and knows what was done;
//! `store` keeps it and the files of every version, so that `begin` can start
//! with what was live before a power cut, whatever now stands in the folder.
//! Officers ask and act over the control socket (`control`, `desk`), and are
//! told by `notices`; `follow` has the clock.

mod approval;
mod begin;
mod build;
mod canary;
mod cases;
mod control;
mod desk;
mod follow;
mod live;
mod notices;
mod record;
mod standing;
mod store;
mod version;

#[cfg(test)]
mod tests;

pub(super) use approval::{SharedAccounts, Signatory};
pub use cases::{NoMessage, Seen, case_context, judge_case, with_crlf};
pub use control::{
    CameTo, CanaryShown, Outcome, PolicyAnswer, PolicyRequest, PolicyStatus, Refused, ShownFault,
};
pub(super) use follow::PolicyClock;
pub(super) use live::GoingLive;
pub(super) use notices::Officers;
pub use record::{SetAside, Waiting};
pub(super) use standing::Policies;
pub use version::{Version, VersionName, VersionNameError};
