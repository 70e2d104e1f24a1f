//! What another policy changes, for whom, in words.
//!
//! `outcomes` draws what becomes of all copies under each policy; `change`
//! takes the regions in which they differ; `cover` makes of a region few
//! products of facts, which `phrase` and `places` say in words. `outside` has
//! what no region of facts shows: names, domains, invariants, whole files.
//!
//! Complete, since `space` is: the regions hold every combination of facts
//! whose outcome differs, and each is covered by what is said of it. Nothing is
//! said of facts of which nothing differs, but where a rule that has changed
//! matches and another did the same already: that is said with it.

mod change;
mod cover;
mod outcomes;
mod outside;
mod phrase;
mod places;
mod tell;

pub use change::Turn;
pub use tell::{Differences, Example, Sentence, differences};
