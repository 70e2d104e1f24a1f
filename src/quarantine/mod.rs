//! Quarantine: what may be done with a held message, by whom, and what of it
//! may be seen.
//!
//! Pure: messages, people and the time come in, and what follows goes out. The
//! spool keeps what is held, `gateway` carries out what is decided here, and
//! `console` and the commands show it.

mod view;

pub use view::{Judged, Mark, MessageView, PartView, Sight, Span, to_be_safe};
