//! A message's story, from the lines of the audit trail about it.
//!
//! Owns the reading of those lines, the timeline an operator reads, and the
//! certificate of protection that information governance files. Refuses to
//! conclude more than the lines say. `observe::lines` has their shape.

mod evidence; // the certificate of protection
mod fate; // what has become of each recipient's copy
mod line; // one line, read
mod page; // the certificate as text
mod table; // columns for people
mod timeline; // what happened, in order

pub use evidence::{About, Certificate, Conclusion, Proof, Underlying, certify};
pub use fate::{Fate, FateKind, fates};
pub use line::{Decision, Line, Told};
pub use timeline::{TimelineRow, rows, standing, timeline};

#[cfg(test)]
mod tests;
