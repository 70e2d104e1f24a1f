//! The policy room as its users meet it: whole folders of files, read from
//! disk, compiled, decided by and proved.

mod diagnostics;
mod laws;
mod shipped;
mod support;
