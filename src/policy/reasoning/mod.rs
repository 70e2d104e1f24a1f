//! Reasoning about a policy without a message: what its rules can never do,
//! what they never do together, and what they do in another way than before.
//!
//! `range` and `rule_sense` look at one rule as it is written; `space` has the
//! facts there are, `representatives` makes them few; `prove` asks them all.
//! Pure, as the rest of the policy room: who decides is handed in.

pub(super) mod never;
mod prove;
mod range;
mod representatives;
pub(super) mod rule_sense;
mod space;

pub use prove::{Counterexample, Decide, Proof, ProofOutcome, prove};
pub use range::{Measure, NumberRange, RangeError};
pub(super) use representatives::plain_message;
