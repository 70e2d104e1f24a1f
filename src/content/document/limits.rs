//! How much may come of one part.

use serde::{Deserialize, Serialize};

/// For all that is drawn out of one part together, whatever it unfolds to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Octets that files within may unfold to.
    pub octets: u64,
    /// Octets of text.
    pub text: u64,
    /// Files within.
    pub files: usize,
    /// Files within files.
    pub depth: usize,
}

impl Default for Limits {
    /// More than mail of 50 MiB holds in earnest, and little enough to hold in
    /// memory.
    fn default() -> Self {
        Self { octets: 256 << 20, text: 64 << 20, files: 10_000, depth: 8 }
    }
}
