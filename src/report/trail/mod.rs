//! The audit trail for people and for other programs: what a line tells in a
//! sentence, which lines are wanted, and how a SIEM has them (CEF, syslog).
//!
//! Refuses to guess: what a line does not say is absent. `observe::lines` has
//! the lines' shape.

mod cef; // ArcSight Common Event Format
mod entry; // a line in a sentence
mod filter; // which lines are wanted
mod syslog; // RFC 5424
mod weight; // how much an entry matters

pub use cef::cef;
pub use entry::Entry;
pub use filter::TrailFilter;
pub use syslog::{Host, syslog};

#[cfg(test)]
mod tests;
