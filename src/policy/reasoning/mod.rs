//! Reasoning about a policy without a message: what its rules can never do,
//! what they never do together, and what they do in another way than before.
//!
//! `range` and `rule_sense` look at one rule as it is written. `dimension` has
//! the facts there are and `values` makes them few; `space` draws where a
//! condition holds, `effect` where a rule has an effect, as `diagrams`, which
//! are sets of all combinations of facts. `prove` asks them for what must
//! never be, `near` says which rules nearly kept it, `diff` tells what another
//! policy changes, `doubts` finds what does nothing, and `picture` tells a message
//! in words. Pure, as the rest of the policy room: who decides is
//! handed in.

mod diagrams;
mod diff;
mod dimension;
pub(super) mod doubts;
mod effect;
mod near;
mod picture;
mod prove;
mod range;
mod representatives;
pub(super) mod rule_sense;
mod space;
mod values;
mod words;

pub use diff::{Differences, Example, Sentence, Turn, differences};
pub use near::Near;
pub use prove::{Counterexample, Decide, Proof, ProofOutcome, prove};
pub use range::{Measure, NumberRange, RangeError};
use representatives::ORDINARY_SIZE;
pub use representatives::plain_message;
