//! What can be wrong with a trail, and where.

use std::fmt;

use serde::Serialize;

/// One fault, at its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its name in the folder.
    pub file: String,
    /// Counted from 1, in the file as it is unpacked.
    pub line: Option<u64>,
    /// The number in the chain that it is about.
    pub seq: Option<u64>,
    #[serde(flatten)]
    pub kind: FaultKind,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "fault")]
pub enum FaultKind {
    /// Its octets are not those that the next line was bound to.
    Altered,
    /// The next line was altered, and with it what it said of this one.
    Unproven,
    /// Lines that stood before this one are not there.
    Missing {
        from: u64,
        to: u64,
    },
    /// It stands elsewhere than where its number belongs.
    Moved,
    /// Its number is taken, or it has none: it was put here by somebody else.
    Inserted,
    /// The trail ends before it, and somebody has seen it.
    Truncated {
        last: u64,
        seen_by: String,
    },
    /// Not what was seen by others.
    Contradicted {
        by: String,
    },
    /// It breaks off, and no gateway is writing it.
    Torn {
        octets: u64,
    },
    /// Lines of before the chain are not what its first line says of them.
    BeforeChain,
    /// It does not bear the trail's signature.
    Unsigned {
        at: String,
    },
    /// What is no checkpoint stands among them.
    NoCheckpoint,
    /// The record of the last line.
    NoHead,
    Unreadable {
        why: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.file)?;
        if let Some(line) = self.line {
            write!(out, ":{line}")?;
        }
        out.write_str(": ")?;
        if let Some(seq) = self.seq {
            write!(out, "entry {seq} ")?;
        }
        write!(out, "{}", self.kind)
    }
}

/// After the number of the entry, where it has one.
impl fmt::Display for FaultKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered => out.write_str("has been altered"),
            Self::Unproven => {
                out.write_str("cannot be shown to be as it was: the one behind it was altered")
            }
            Self::Missing { from, to } if from == to => {
                write!(out, "is missing: it stood before this line")
            }
            Self::Missing { from, to } => {
                write!(out, "to {to} are missing: they stood before this line ({} entries)", to - from + 1)
            }
            Self::Moved => out.write_str("stands where it does not belong: it has been moved"),
            Self::Inserted => out.write_str("does not belong here: it has been put in"),
            Self::Truncated { last, seen_by } => write!(
                out,
                "is gone, and all between: the trail ends at {last}, and {seen_by} has seen it"
            ),
            Self::Contradicted { by } => write!(out, "is not what {by} has seen"),
            Self::Torn { octets } => write!(out, "breaks off after {octets} octets"),
            Self::BeforeChain => {
                out.write_str("says of the lines before it what they are not: they were altered")
            }
            Self::Unsigned { at } => {
                write!(out, "the checkpoint of {at} does not bear this trail's signature")
            }
            Self::NoCheckpoint => out.write_str("no checkpoint stands here"),
            Self::NoHead => out.write_str(
                "the record of the last line is gone: whether lines were cut off behind it cannot be told",
            ),
            Self::Unreadable { why } => write!(out, "cannot be read on: {why}"),
        }
    }
}
