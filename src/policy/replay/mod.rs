//! Replay: what would have become of recorded mail under another policy.
//!
//! Owns asking again (`asking`) and adding up what differs (`report`). The
//! facts are as they were worked out then: what new detectors or terms would
//! have found in the content nobody can say. Refuses to guess: where a rule
//! asks for a fact that was not recorded, the copy counts as not asked (law 3
//! would hold it, and the count would be wrong). Memory does not grow with the
//! number of decisions.

mod asking;
mod report;
mod reported; // what people called held in error

pub use asking::{NotAsked, Replay, ask_again};
pub use report::{Cause, Change, Effect, ReplayReport, Tally};
pub use reported::Reported;
