//! `postern demo`: a complete gateway on loopback, example messages through
//! it over real sockets, and what became of each and why.
//!
//! Everything in it is the gateway's own: `scene` writes a postern.toml and
//! the shipped policies into a folder that is gone afterwards and starts a
//! gateway there, with destinations that stand in for the world (`stand_in`).
//! `letters` sends the messages of `scenarios`; `watch` hears what the gateway
//! tells of itself and what has arrived; `story` puts that together for each
//! message and holds it against what was to be expected; `telling` and
//! `summary` show it on a `page`.

mod authorities;
mod command;
mod keeping;
mod letters;
mod officer;
mod policies;
mod scenarios;
mod scene;
mod stand_in;
mod story;
mod summary;
mod telling;
mod watch;

pub use command::{DemoArguments, demo};
