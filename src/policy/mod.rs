//! The officers' files: read, checked, compiled.

pub mod diagnostics;
pub mod nearest;
pub mod sources;
pub mod written;
