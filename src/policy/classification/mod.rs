//! What counts as what: `classification.toml`, `detectors/`, `terms/` and
//! `yara/`, read into [`crate::classify::Settings`].
//!
//! Nothing is half read: every fault of every file is said, each where it
//! stands, before anything is refused. The files' texts are handed in.

mod fields;
mod files;
mod settings_faults;
#[cfg(test)]
mod shipped;

pub use files::{ClassificationFiles, USUAL_LETTERS, USUAL_MANY, USUAL_REACH, compile, read};
