//! Quarantine: what may be done with a held message, by whom, and what of it
//! may be seen.
//!
//! Pure: messages, people and the time come in, and what follows goes out. The
//! spool keeps what is held, `gateway` carries out what is decided here, and
//! `console` and the commands show it.

mod acts; // what follows from what somebody does
mod catalogue; // what a list shows of all that is held
mod masking; // text with what was found in it masked
mod terms; // how soon it is to be judged, how long it is kept
mod token; // what a sender's link proves
mod view; // a message as a person may see it

#[cfg(test)]
pub(crate) mod samples;

pub use acts::{ActError, Order, Ruling, permission, rule_on};
pub use catalogue::{Catalogue, HeldTally, Listing};
pub use masking::masked;
pub use terms::Terms;
pub use token::{RequestKey, RequestKeyError};
pub use view::{
    Judged, Mark, MessageView, PartView, RENDERING_STYLE, Sight, Span, masked_subject, to_be_safe,
};
