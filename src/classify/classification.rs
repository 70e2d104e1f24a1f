//! What a message turned out to hold.

use std::{collections::BTreeMap, ops::Range};

use crate::mail::{Finding, Kind, Level, Opaque, OpaqueReason};

/// The classifier's answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Classification {
    pub level: Level,
    /// In the order of readings and places; a value repeated in one reading
    /// is given once.
    pub findings: Vec<Found>,
    /// How many distinct values of each kind.
    pub kinds: BTreeMap<Kind, usize>,
    /// How many different patients can be told apart.
    pub patients: usize,
    /// The highest protective marking found, as it was written.
    pub marking: Option<String>,
    /// What could not be read, as handed in, and what could not be judged.
    pub opaque: Vec<Opaque>,
    /// Why it has its level, a sentence for each combination met.
    pub why: Vec<String>,
}

impl Classification {
    /// Whether anything but a picture could not be read: every letterhead has
    /// pictures, and policy has words of its own for them.
    pub fn is_opaque(&self) -> bool {
        self.opaque.iter().any(|opaque| opaque.reason != OpaqueReason::Picture)
    }
}

/// A finding with what must not be logged.
#[derive(Clone, PartialEq)]
pub struct Found {
    pub finding: Finding,
    /// As it stands in the text: for `--reveal` only, never for a log.
    pub value: String,
    /// Octets of the raw message; absent for rules over whole parts.
    pub source: Option<Range<usize>>,
}

/// Without the value, so that no `{:?}` in a log can show it.
impl std::fmt::Debug for Found {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Found")
            .field("finding", &self.finding)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
