//! When to try what next.
//!
//! Owns the order of delivery: when a message is due at a destination
//! ([`RetrySchedule`]), which of those due goes next ([`Schedule`]), and what
//! is to be done at a moment whatever is tried ([`Calendar`]). Pure: time and
//! chance are passed in. Stands between `spool`, which keeps the
//! messages, and `deliver`, which tries them; nothing here is durable, and all
//! of it is rebuilt from the spool at start.
//!
//! RFC 5321 section 4.5.4.1 (retries, expiry); the destination queues follow
//! Postfix's queue manager in that concurrency is counted per destination and
//! moved by feedback.

mod calendar; // what is looked at at a moment
mod destination; // one destination, and what is remembered of others
mod feedback; // how many deliveries a destination may have at once
mod insight; // what can be seen of it all
mod line; // who of those that wait at one destination is next
mod queues; // whose turn it is, of all destinations
mod retry; // when to try again

#[cfg(test)]
mod fairness;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;

pub use calendar::Calendar;
pub use feedback::{Health, Trials, Trouble, Verdict};
pub use insight::Load;
pub use line::{Sender, Traits};
pub use queues::{Limits, Removal, Schedule};
pub use retry::{Jitter, RetrySchedule, RetryScheduleError};
