//! The console: what officers and operators see in a browser.
//!
//! For now one page, the overview: counts and states only. It has no sign-in,
//! so nothing on it may name a message, an address or a person; those come
//! with sign-in and roles. Served from this process, with no outside
//! resources and no scripts.

mod desk; // what it asks of the gateway
mod overview;
mod policy_desk; // about its policy
mod trial_desk; // about a message that is tried

pub use desk::{Acted, DeskError, HeldMessage, HeldQuery, Pending, QuarantineDesk, Which};
pub use overview::{Overview, OverviewSource, PolicyOverview, serve};
pub use policy_desk::{
    ChangeExample, PolicyChange, PolicyComparison, PolicyDesk, PolicyFault, PolicyFile,
    PolicyProof, PolicyStanding, PolicyStepShown, PolicyTurn, PolicyVerdict, RefusedPolicy,
    WaitingPolicy,
};
pub use trial_desk::{DifferentLine, LineSign, Trial, TrialDesk, Tried, TriedCopy};
