//! The commands, one file each, with no logic of their own: they read
//! arguments and files, ask a room, and show the answer.

mod account;
mod arguments;
mod audit;
mod certificates;
mod check;
mod classify;
mod completions;
mod control;
mod demo;
mod diff;
mod difference;
mod documents;
mod domains;
mod exit;
mod explain;
mod files;
mod findings;
mod folder;
mod health;
mod keys;
mod manual;
mod moment;
mod page;
mod policy;
mod probe;
mod prove;
mod quarantine;
mod queue;
mod readiness;
mod reader;
mod replace;
mod replay;
mod rewrite;
mod run;
mod schema;
mod settings;
mod spool;
mod story;
mod test;
mod user;

pub use arguments::main;
