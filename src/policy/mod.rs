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
mod cases;
pub mod classification;
mod compile;
pub mod condition;
pub mod diagnostics;
mod disclaimers;
pub mod domains;
mod due;
#[cfg(any(test, fuzzing))]
pub mod invariants; // what holds whatever a file is made of
mod mechanism;
mod nearest;
mod never;
mod organisation;
mod pattern;
mod protection;
mod prove;
mod range;
mod replay;
mod representatives;
mod rule;
mod rule_sense;
mod rules;
mod settings;
mod sources;
mod space;
mod template;
mod time_window;
mod when;
pub mod written;

pub use cases::{Case, Coverage, MessageText, RuleCoverage, Subject, Untried, read_cases};
pub use compile::{Context, Policy};
pub use disclaimers::{Language, TagLine};
pub use domains::{Destination, DomainEntry, Domains, Standing};
pub use due::{Due, DueKind, due};
pub use nearest::{did_you_mean, nearest};
pub use organisation::Organisation;
pub use pattern::{DomainPattern, PatternError};
pub use prove::{Counterexample, Decide, Proof, ProofOutcome, prove};
pub use range::{Measure, NumberRange, RangeError};
pub use replay::{Cause, Change, Effect, NotAsked, Replay, ReplayReport, Tally, ask_again};
pub use rule::{Exemption, Rule, Verdict};
pub use settings::{Invariant, LevelNames, Rollout};
pub use sources::Sources;
pub use template::{Fields, Template};
pub use time_window::{TimeWindow, plain_moment};
