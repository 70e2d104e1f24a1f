//! The policy room as its users meet it: whole folders of files, read from
//! disk, compiled, decided by and proved.
#![expect(clippy::string_slice, reason = "a test ends at its first surprise")]

mod diagnostics;
mod facts;
mod laws;
mod protection;
mod replay;
mod shipped;
pub(crate) mod support;
mod wordings;
