//! Zip archives (PKWARE's APPNOTE 6.3.10), and documents that are one.
//!
//! Programs differ in what they take an archive to hold: some go by the
//! directory at its end, some by the headers in front of each file. What any of
//! them would show is read: the files of the directory, then those that only
//! have a header of their own. So an archive is also read whose end is missing,
//! or which has something else in front of it.
//!
//! `directory` finds the members, `member` unfolds one by its `method`, `archive`
//! has them read.

mod archive;
mod directory;
mod member;
mod method;

pub(in crate::content) use archive::is_at_end_of;
pub(super) use archive::read;
