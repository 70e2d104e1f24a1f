//! The sending end of a session (RFC 5321, RFC 2033 for LMTP).
//!
//! Owns what is said to a next hop and what its replies mean for each
//! recipient. Refuses to say MAIL in clear where encryption is demanded, to
//! take a reply for a command that was not sent yet, and to send 8-bit content
//! to a peer that has not offered to carry it, and to show credentials in clear. Stands in `deliver`, which owns
//! the socket, the handshake and the clock.

mod asking; // who is known to a peer, without a message
mod authentication; // showing who we are
mod content; // dot-stuffing
#[cfg(test)]
mod dialogues;
mod extensions; // what a peer offers
mod failed; // how it comes to nothing
mod mailing; // one message: from MAIL to the end of content
mod message; // what a message needs of a peer
mod opening; // from the greeting to where MAIL may be said
mod parameters; // what senders have asked for, as MAIL and RCPT carry it
mod replies; // from octets to replies
mod scram; // a password proven without being said
mod session; // the dialogue: where it stands, how it ends
mod transaction; // a message's recipients and what became of each
mod wait; // how long to wait for what

pub use asking::{Answer, Question};
pub use authentication::{Credentials, Mechanism, Password};
pub use extensions::{Extensions, Limits};
pub use failed::{Failed, Lost};
pub use message::Message;
pub use session::{Action, Dialect, Encryption, Introduction, Session, Settings};
pub use transaction::{Onward, Settlement};
pub use wait::{Timeouts, Wait};
