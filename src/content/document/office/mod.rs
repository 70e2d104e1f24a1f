//! Office documents: the text a person could find in one, wherever it stands.
//!
//! Words, sheets and slides in their three kinds of file: packages of XML in a
//! zip (ECMA-376, ISO/IEC 26300), compound files (MS-DOC, MS-XLS, MS-PPT), and
//! RTF. Nothing is taken to be invisible: hidden sheets, hidden text and
//! tracked deletions are read, since whoever gets the file can show them.
//! Numbers are read as they are displayed, and as they are stored where that
//! says more.
//!
//! `package` opens the zip, `ooxml` and `odf` know what its parts are; `words`
//! reads all text in paragraphs and tables, `sheets` all that stands in cells;
//! `compound` has the formats of before 2007.

mod compound;
mod data;
mod flat;
mod flow;
mod odf;
mod ooxml;
mod package;
mod properties;
mod relationships;
mod sheets;
mod slides;
mod story;
mod words;
mod xml;

#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;

pub(super) use compound::read as read_compound;
pub(super) use flat::{is_flat, read_flat};
pub(super) use package::read_package;
