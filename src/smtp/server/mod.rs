//! The receiving end of a session (RFC 5321, LMTP of RFC 2033, and RFCs 1870,
//! 2034, 2852, 2920, 3030, 3207, 3461, 4865, 4954, 6152, 6531, 6710, 8689 and
//! 9422 for the extensions it offers).
//!
//! Pipelining (RFC 2920): commands are answered in order whatever arrives
//! together, and what they do never depends on that. So a client that does not
//! wait where it should (after EHLO, DATA, AUTH, NOOP, VRFY and QUIT) is not
//! refused for it: what it has sent is taken for what it is once the command
//! before has been answered. Only STARTTLS is different, what was sent behind
//! it being dropped, and the greeting, before which nobody may talk.
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
//!         Client(q)     => q.answer(what may a client at q.address() do?, ..)
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
mod chunks;
mod command;
mod complaint;
mod forwarding;
mod greeting;
mod hello;
mod incoming;
mod obey;
mod parameters;
mod path;
mod questions;
mod replies;
mod sasl;
mod scram;
mod session;
mod settings;
mod transaction;
mod xtext;

#[cfg(test)]
mod dialogues;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod transcript;

pub use authentication::{AuthenticationQuestion, VerifierQuestion};
pub use complaint::Refused;
pub use forwarding::{ClientQuestion, Standing};
pub use questions::{
    ContentQuestion, FinishedMessage, PendingReply, RecipientQuestion, SenderQuestion, TlsUpgrade,
};
pub use sasl::{Credentials, Mechanism, Password};
pub use scram::{Nonce, Proof, ScramVerifier};
pub use session::{Action, Expected, Session, Wait};
pub use settings::{
    Dialect, Forwarding, Limits, Peer, Relaying, Sasl, Settings, StartTls, Timeouts,
};
