//! TLS reports (RFC 8460): what a domain is told of the TLS that its mail was
//! sent under.
//!
//! Owns the counting of sessions by policy, the record by which a domain asks
//! for reports, and the report's forms. Refuses to name senders, recipients
//! or messages: a report has hosts, policies and numbers.

mod record; // who wants reports, and where
mod tally; // sessions, counted
mod written; // the report as JSON and as mail

pub use record::{Destination, Record, RecordError, WebAddress};
pub use tally::{Day, DomainTally, FailureTally, PolicyTally, Tally};
pub use written::{Range, TlsReport, gzipped};
