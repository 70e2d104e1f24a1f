//! The officers' files: read, checked, compiled.
//!
//! `Sources` are the files as read; `Policy::compile` makes of them a policy
//! that can be asked, with every fault at once and in place. Refuses to guess:
//! a policy with an error in it is no policy. Stands between the disk, which
//! others read, and `decide`, which asks. The files are described in their
//! own comments, in `policies/`.
//!
//! Rules only tighten and exemptions alone loosen (law 4); what cannot be
//! evaluated counts against the message (law 3).

mod additions;
mod canary;
mod cases;
pub mod classification;
mod compile;
pub mod condition;
mod deadlines;
pub mod diagnostics;
mod disclaimers;
pub mod domains;
mod due;
mod idle;
mod index;
#[cfg(any(test, fuzzing))]
pub mod invariants; // what holds whatever a file is made of
mod mechanism;
mod nearest;
mod organisation;
mod pattern;
mod protection;
mod reasoning;
mod replay;
mod rule;
mod rules;
mod settings;
mod sources;
mod template;
mod time_window;
mod when;
pub mod written;

pub use canary::{Canary, CanaryError};
pub use cases::{Case, Coverage, MessageText, RuleCoverage, Subject, Untried, read_cases};
pub use compile::{Context, Policy};
pub use deadlines::{Deadlines, ExemptionState, ReviewState};
pub use disclaimers::{Language, TagLine};
pub use domains::{Destination, DomainEntry, Domains, Standing};
pub use due::{Due, DueKind, due};
pub use nearest::{did_you_mean, nearest};
pub use organisation::Organisation;
pub use pattern::{DomainPattern, PatternError};
pub use reasoning::{
    Counterexample, Decide, Differences, Example, Measure, Near, NumberRange, Proof, ProofOutcome,
    RangeError, Sentence, Turn, differences, plain_message, prove,
};
pub use replay::{
    Cause, Change, Effect, NotAsked, Replay, ReplayReport, Reported, Tally, ask_again,
};
pub use rule::{Exemption, Rule, Verdict};
pub use settings::{Invariant, Lacking, LevelNames, Rollout, SOME_ORGANISATION};
pub use sources::Sources;
pub use template::{Fields, Template};
pub use time_window::{TimeWindow, plain_moment};
