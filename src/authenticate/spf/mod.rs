//! SPF (RFC 7208): whether a domain lets an address send for it.
//!
//! `record` reads what a domain publishes, by the letter: what is not SPF is a
//! permanent error, never a match. `macros` fills in names, and `check` asks
//! the DNS, within the limits of section 4.6.4.

mod check;
mod macros;
mod record;

#[cfg(test)]
mod trials;

pub(super) use check::{Asked, check};
