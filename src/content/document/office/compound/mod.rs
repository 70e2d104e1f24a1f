//! Documents in compound files, as Office wrote them until 2007: MS-DOC,
//! MS-XLS, MS-PPT, with their properties (MS-OLEPS) and what is embedded in
//! them.
//!
//! `storage` finds what is in which storage; each format has its reader.

mod biff;
mod biff_cells;
mod biff_strings;
mod changes;
mod doc;
mod macros;
mod pieces;
mod ppt;
mod property_sets;
mod storage;

pub(in crate::content::document) use storage::read;
