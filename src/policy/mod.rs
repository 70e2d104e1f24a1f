//! The officers' files: read, checked, compiled.

pub mod classification;
pub mod diagnostics;
