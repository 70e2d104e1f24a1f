//! The protocol without its sockets (RFC 5321): both ends of a session as
//! state machines that take octets and give actions.

pub mod client; // the sending end
pub mod server; // the receiving end
