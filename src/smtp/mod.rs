//! The protocol without its sockets (RFC 5321): both ends of a session as
//! state machines that take octets and give actions.
//!
//! Framing is our own and strict, here for both kinds of octets a server is
//! sent: command lines and message content. A line ends in CRLF and in nothing
//! else, and a CR, LF or NUL anywhere else is refused: what one server takes
//! for a line end and another does not is how mail is smuggled.

pub mod client; // the sending end
pub mod server; // the receiving end

#[cfg(any(test, fuzzing))]
pub mod invariants; // what holds whatever octets come

mod chunk; // message content counted out by BDAT
mod content; // message content up to its CRLF.CRLF
mod line; // command lines
mod line_ends; // a CR or LF outside CRLF

pub use chunk::{ChunkProgress, ChunkReader, ContentLimits, Flaw};
pub use content::{ContentReader, Excess, Progress};
pub use line::{Framed, LineReader, Stray};
pub use line_ends::LineEnds;
