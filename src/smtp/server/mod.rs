//! The receiving end of a session (RFC 5321, and RFCs 1870, 2034, 2920, 3207,
//! 4954 and 6152 for the extensions it offers).
//!
//! [`Session`] takes octets and gives actions; it has no socket, no clock and
//! opinions on nobody's mail. Its driver runs one loop:
//!
//! ```text
//! loop {
//!     match session.next(&mut input, now) {
//!         Read(wait)    => send session.take_output(); read until wait.until
//!         Refused(why)  => tell the observer
//!         Mail(q)       => q.answer(may this sender bring a message?, ..)
//!         Recipient(q)  => q.answer(may this recipient be served?, ..)
//!         Verifier(q)   => q.answer(what proves this user?, a fresh nonce)
//!         Authenticate(q) => q.answer(who is this?, ..)
//!         Content(q)    => q.proceed() if there is memory for it, or q.refuse(..)
//!         Message(m)    => (submission, pending) = m.hand_over();
//!                          pending.accepted(receipt) or pending.refused(..)
//!         StartTls(u)   => send u.take_output(); handshake; u.established(tls)
//!         Close(end)    => send session.take_output(); hang up
//!     }
//! }
//! ```
//!
//! A question owns the transaction it is about and can be answered once; one
//! that is dropped instead ends the session. So nothing can be answered twice,
//! late or out of order, and no answer is ever assumed.

mod authentication;
mod command;
mod complaint;
mod hello;
mod incoming;
mod obey;
mod questions;
mod replies;
mod sasl;
mod scram;
mod session;
mod settings;
mod transaction;

#[cfg(test)]
mod dialogues;
#[cfg(test)]
mod properties;

pub use authentication::{AuthenticationQuestion, VerifierQuestion};
pub use complaint::Refused;
pub use questions::{
    ContentQuestion, FinishedMessage, PendingReply, RecipientQuestion, SenderQuestion, TlsUpgrade,
};
pub use sasl::{Credentials, Mechanism, Password};
pub use scram::{Nonce, Proof, ScramVerifier};
pub use session::{Action, Expected, Session, Wait};
pub use settings::{
    Dialect, Forwarding, Limits, LineEnds, Peer, Relaying, Sasl, Settings, StartTls, Timeouts,
};
