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

impl Limits {
    /// For a part of so many octets: what unfolds to more than a multiple of
    /// them is a bomb, and small mail shall not cost as much as large.
    #[must_use]
    pub(super) fn for_part_of(self, octets: usize) -> Self {
        let octets = u64::try_from(octets).unwrap_or(u64::MAX);
        let unfolded = octets.saturating_mul(RATIO).max(UNFOLDED_OF_ANY);
        Self { octets: self.octets.min(unfolded), ..self }
    }
}

/// What a decoder may take to remember what it has unfolded, in KiB: twice
/// what `xz -9` asks for.
pub(super) const DICTIONARY_KIB: u32 = 128 << 10;

/// Spreadsheets and logs are packed to a fiftieth in earnest.
const RATIO: u64 = 200;
const UNFOLDED_OF_ANY: u64 = 32 << 20;
