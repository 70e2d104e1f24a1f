//! Transform: what leaves is what came, but for the edits asked for.
//!
//! Owns the edits (trace and other header fields, the mark of a message that
//! has been through, the tag line), the one pass
//! that makes them, and the DKIM signature or ARC seal, which comes last. Every edit is a
//! range of octets of the original and what stands there instead: the rest is
//! identical (law 5). Refuses to touch what is signed, encrypted, a report, a
//! calendar entry, automatic or a message within the message. Stands between
//! `decide` and the spool. RFC 5321 section 4.4, RFC 2045 to 2047, RFC 3676,
//! RFC 6376.

mod ascii_field;
mod authserv_id;
mod banner;
mod compose;
mod displayed;
mod doubt;
mod downgrade;
mod encode;
mod field;
pub mod invariants; // what holds whatever message is rewritten
mod lift;
mod long_lines;
mod passage;
mod place;
mod plan;
mod received;
mod recognise;
mod rewrite;
mod seal;
mod sign;
mod splice;
mod subject;
mod supplied;
mod tag_line;
mod top;
mod words;
mod wrap;

pub use downgrade::downgrade;
pub use field::{HeaderField, HeaderFieldError};
pub use long_lines::LongLines;
pub use passage::{PASSAGE, PassageKey, PassageKeyError, PassageMark, Trail};
pub use received::Received;
pub use rewrite::{Change, DisclaimerOutcome, Edits, Removal, Rewritten, rewrite};
pub use seal::{Chain, SealError, Sealing};
pub use sign::{KeyAlgorithm, Signer, SignerError, SigningKey};
pub use subject::{SubjectEdits, SubjectOutcome};
pub use supplied::{Supplied, missing};
