//! The officers' files: read, checked, compiled.

pub mod diagnostics;
