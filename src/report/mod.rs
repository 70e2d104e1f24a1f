//! Reports: what Postern writes to people about their mail.
//!
//! Owns delivery status notifications (RFC 3461, RFC 3464), the notices about
//! messages that are held or wait for TLS, the story of a message with its
//! certificate of protection, and TLS reports (RFC 8460). Refuses to quote a
//! message's subject or body, and
//! shows findings masked only (law 6). Pure: who is told, when, and under
//! which (null) reverse path is the gateway's business.

mod advice; // what happened and what to do, in words
mod dsn; // what became of a delivery
mod held; // messages in quarantine: to the sender, to the officers
pub mod story; // what happened to a message, and the proof of it
pub mod tlsrpt; // what domains are told of their TLS
pub mod trail; // lines of the audit trail: searched, and as a SIEM has them
mod policy; // to the officers, of their own policy
mod original; // what of a message may be shown again
mod waiting; // messages that wait for TLS: to the sender, to the officers
mod writing; // fields, folding, encoded text

pub use dsn::{Action, DeliveryReport, ReportedRecipient};
pub use held::{HeldMessage, tell_officers, tell_sender};
pub use policy::{PolicyNotice, tell_officers_of_policy};
pub use waiting::{Company, SenderTold, WaitingMessage, tell_officers_of_waiting};
