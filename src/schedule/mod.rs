//! When to try what next.
//!
//! Owns the order of delivery: when a message is due at a destination
//! ([`RetrySchedule`]), and which of those due goes next ([`Schedule`]). Pure:
//! time and chance are passed in. Stands between `spool`, which keeps the
//! messages, and `deliver`, which tries them; nothing here is durable, and all
//! of it is rebuilt from the spool at start.
//!
//! RFC 5321 section 4.5.4.1 (retries, expiry); the destination queues follow
//! Postfix's queue manager in that concurrency is counted per destination.

mod line; // what waits at one destination
mod queues; // whose turn it is, of all destinations
mod releases; // what is kept until a moment
mod retry; // when to try again

#[cfg(test)]
mod properties;

pub use queues::{Limits, Load, Removal, Schedule};
pub use releases::Releases;
pub use retry::{Jitter, RetrySchedule, RetryScheduleError};
