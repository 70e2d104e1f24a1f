//! The policy room as its users meet it: whole folders of files, read from
//! disk, compiled, decided by and proved.
#![expect(clippy::string_slice, reason = "a test ends at its first surprise")]

mod authors;
mod coverage;
mod diagnostics;
mod differing;
mod facts;
mod laws;
mod protection;
mod proving;
mod random;
mod seeded;
mod replay;
mod shipped;
pub(crate) mod support;
mod wordings;
