//! Content: what a message is made of, and the text a person could read in it.
//!
//! Owns the MIME tree over the message's own octets (RFC 2045 to 2047, 2231,
//! 3676), decoding with the way back, and the saying of what could not be read
//! (law 3). Refuses nothing: ill-formed mail still gives a tree. Stands
//! between the session, which gives it octets, and `classify`, which looks at
//! its readings; `transform` edits by its ranges.
//!
//! `tree` has the message, `walk` finds its parts, `look` says how each is to be
//! read and `extract` reads them; what needs a reader of its own is told by
//! `sniff` and read by `document`; text that is read as records is told and read
//! by `structured`.

mod attachments;
mod authors;
#[cfg(test)]
mod bombs;
mod character_reference;
mod charset;
mod document;
mod extract;
mod facts;
mod flowed;
mod header;
mod html;
#[cfg(any(test, fuzzing))]
pub mod invariants; // what holds whatever a document is made of
mod laid_out;
mod leaf;
mod look;
mod lookalike;
mod media;
mod opened;
mod part;
mod rare_charset;
mod reading;
mod said_fields;
mod sniff;
mod spoof;
mod structured;
mod transfer;
mod tree;
mod uuencode;
mod visible;
mod walk;

pub use authors::{AuthorError, author_domains};
pub use document::{Document, Extract, File, InPlace, Limits, ReadDocument};
pub use header::Field;
pub use media::{MediaType, Parameters};
pub use opened::Opened;
pub use part::{Class, Delimiters, Disposition, Flaw, Multipart, Part, PartId, TransferEncoding};
pub use reading::{OffsetMap, Rate, Reading, ReadingKind};
pub use tree::Content;

pub use crate::mail::Protected;

pub(crate) use charset::{Certainty, Charset, decode as decode_text, encode as encode_text};
pub(crate) use extract::charset_of;
pub(crate) use header::{EncodedWord, encoded_word};
pub(crate) use html::{Token as HtmlToken, displayed as html_text, tokens as html_tokens};
pub(crate) use laid_out::{Piece as HtmlPiece, laid_out as html_laid_out};
pub(crate) use transfer::base64_octets as base64_decoded;
pub(crate) use tree::{body_offset, is_damaged};
