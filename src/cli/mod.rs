//! The commands, one file each, with no logic of their own: they read
//! arguments and files, ask a room, and show the answer.

mod arguments;
mod exit;
mod queue;
mod user;

pub use arguments::main;
