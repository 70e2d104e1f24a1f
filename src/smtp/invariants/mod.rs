//! What holds whatever octets come, as functions that panic where it does
//! not: asked by the fuzz targets in `tests/fuzz`, and by a test that runs what
//! they found through them again. Compiled for those two only.

#![expect(clippy::expect_used, reason = "a panic is how they say no")]

mod content;
mod ledger;
mod session;
mod setting;

#[cfg(test)]
mod kept;

pub use content::content;
#[cfg(test)]
pub(crate) use kept::kept;
pub use session::session;
