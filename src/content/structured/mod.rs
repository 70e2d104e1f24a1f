//! Structured texts: text that a person or program reads as records.
//!
//! Takes the text of a leaf, tells by looking at it whether it is a message of
//! HL7, FHIR, CDA, EDIFACT or ASTM, a vCard, a calendar, a table with
//! delimiters, or JSON or XML of any other kind, and gives it as the labelled
//! lines a person would make of it: `NHS number: …`, `Date of birth: …`. What
//! stands beside a number in such a text are delimiters and keys; the rules
//! that ask for words near it ask for what these mean. Everything that has a
//! value has a line, in the order of the source, so one patient's data stay
//! together, and nothing is lost: where the format was not kept to, the
//! original is read as well.
//!
//! These are plain texts, read in one pass each without following anything, so
//! they are read where they are, outside the confined processes. Documents
//! that stand in them in base64 are handed on.
//!
//! `format` tells what is what; `rendering` builds the lines; `labels` and
//! `people` know what keys, codes and names are called; `tree` holds JSON and
//! XML alike, for `fhir`, `cda` and, of unknown kind, `keyed`.

mod calendar;
mod card;
mod cda;
mod content_line;
mod delimited;
mod edifact;
mod fhir;
mod fhir_types;
mod format;
mod hl7;
mod hl7_segments;
mod hl7_types;
mod json;
mod keyed;
mod labels;
mod people;
mod rendering;
mod tree;
mod xml;

#[cfg(test)]
mod cases;

pub(super) use format::{Expected, rendered};
pub(super) use rendering::Original;
