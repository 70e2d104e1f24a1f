//! Readers: confined child processes in which documents are read.
//!
//! The formats of documents are large, what reads them is large too, and
//! strangers write what is read. So no document is read in the process that
//! holds keys and spool: a child reads it, one document after another, over a
//! socket, and can open nothing. What it answers is believed no more than the
//! document. Where it dies, stalls or babbles, the document is opaque, and
//! another child takes its place. Stands between `content`, whose port
//! ([`ReadDocument`](crate::content::ReadDocument)) a [`Reader`] is, and the
//! kernel. Never waits without bound, and reads nothing unconfined.
//!
//! `pool` keeps the processes, `process` talks to one; what goes over the
//! socket is in `frame`, `request` and `answer`. On the other side `attend` is
//! what a child does, and `confine` what it gives up first, `calls` what it may
//! still ask of the kernel.

mod answer;
mod attend;
mod calls;
mod confine;
mod frame;
mod pool;
mod process;
mod request;
mod settings;

#[cfg(test)]
mod tests;

pub use attend::{AttendError, attend};
pub use confine::{Confined, Terms};
pub use pool::{Busy, Pool, Reader};
pub use process::StartError;
pub use settings::{Confinement, Program, Settings};
