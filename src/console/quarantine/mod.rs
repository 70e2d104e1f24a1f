//! Quarantine in the console: the list of what is held, a message as it may be
//! seen, and what is done with one or many of them.
//!
//! The desk ([`QuarantineDesk`](super::QuarantineDesk)) decides who may see and
//! do what, and puts it on record; the pages ask it and show what it says.
//! `wanted` is what a list is asked for, `saved` what somebody often asks for,
//! `list` and `message` are the pages, `choices` what the latter offers to whom,
//! `order` is an act as a form gives it, `bulk` one on many messages, `reveals`
//! who may see what unmasked for a while, `api` the same for programs.

mod api;
mod bulk;
mod choices;
mod list;
mod message;
mod order;
mod reveals;
mod routes;
mod saved;
mod wanted;

#[cfg(test)]
mod tests;

pub(super) use reveals::Reveals;
pub(super) use routes::routes;
pub(super) use saved::SavedViews;
