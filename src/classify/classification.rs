//! What a message turned out to hold.

use std::{collections::BTreeMap, fmt, ops::Range};

use serde::{Serialize, Serializer};

use crate::mail::{Finding, Kind, Level, Opaque, OpaqueReason};

/// The classifier's answer.
#[derive(Clone, Debug, Default, PartialEq)]
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
    /// Why it has its level: each combination met, the highest first.
    pub why: Vec<Why>,
    /// Numbers of the test range that count for nobody.
    pub test_numbers: usize,
}

/// A combination or a YARA rule that asks for a level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Why {
    pub level: Level,
    /// As the officers call it.
    pub name: String,
    /// Part and line of a finding it was met at.
    pub place: Option<(String, usize)>,
}

impl Classification {
    /// So many findings are kept: of what comes after them nobody can say
    /// where it stands.
    pub const MOST_FINDINGS: usize = 10_000;

    /// Whether anything but a picture could not be read: every letterhead has
    /// pictures, and policy has words of its own for them.
    pub fn is_opaque(&self) -> bool {
        self.opaque.iter().any(|opaque| opaque.reason != OpaqueReason::Picture)
    }
}

impl Why {
    /// Without the level: for where that is said already.
    pub fn reason(&self) -> String {
        match &self.place {
            Some((part, line)) => match part.strip_prefix("header:") {
                Some(field) => format!("{} ({field}, line {line})", self.name),
                None => format!("{} (part {part}, line {line})", self.name),
            },
            None => self.name.clone(),
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "level {}: {}", self.level, self.reason())
    }
}

impl Serialize for Why {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
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
    /// What it weighs, where it is a listed word.
    pub weight: Option<u32>,
    /// The listed word it was meant to be, where it is a slip of one: as secret
    /// as the value.
    pub meant: Option<String>,
}

impl Found {
    /// Whether it says something by itself: a listed word that adds no weight
    /// only keeps other findings company.
    pub fn counts(&self) -> bool {
        self.weight != Some(0)
    }
}

/// Without the value, so that no `{:?}` in a log can show it.
impl fmt::Debug for Found {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Found")
            .field("finding", &self.finding)
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}
