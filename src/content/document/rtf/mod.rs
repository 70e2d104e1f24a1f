//! Rich Text Format (specification 1.9.1), and HTML that is written in it
//! (MS-OXRTFEX): the text of the body, headers, footers, notes, comments, text
//! boxes, fields and properties, hidden or not.
//!
//! `lexer` cuts the octets into tokens, `destination` knows what groups are
//! for, `reader` keeps the state of the groups, `page` lays the text out.

mod characters;
mod destination;
mod lexer;
mod page;
mod reader;

pub(super) use reader::read;
