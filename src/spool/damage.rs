//! What a person is told of a spool that is not as it was written.

use std::fmt;

use super::recover::segment_name;
use crate::mail::QueueId;

/// A stretch of a segment that could not be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub segment: u32,
    /// In octets, from the segment's beginning.
    pub offset: u64,
    pub octets: u64,
    pub kind: DamageKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// Part of the last commit before the gateway stopped: expected after a
    /// power failure, and never acknowledged.
    Torn,
    /// Written, and not what was written any more.
    Damaged,
    /// Neither header of a segment can be read: the whole segment is left
    /// alone.
    Header,
    /// A message's meta reads back, and means nothing to this Postern. The
    /// message stays in the spool and is not delivered.
    Meta(QueueId),
    /// A message's content is not what was written, or cannot be read. The
    /// spool keeps the message until it is told to remove it.
    Content(QueueId),
}

impl Damage {
    /// The name of the file it is in.
    pub fn file(&self) -> String {
        segment_name(self.segment)
    }
}

impl DamageKind {
    /// Whether it is what a crash leaves, and no fault of the disk.
    pub fn is_expected(self) -> bool {
        self == Self::Torn
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, octets, kind } = self;
        let name = segment_name(*segment);
        write!(out, "{name}: {octets} octets from {offset} ")?;
        match kind {
            DamageKind::Torn => out.write_str("belong to a commit that was never finished"),
            DamageKind::Damaged => out.write_str("are damaged"),
            DamageKind::Header => out.write_str("cannot be read: both headers are damaged"),
            DamageKind::Meta(id) => write!(out, "are no envelope for message {id}"),
            DamageKind::Content(id) => write!(out, "are not the content of message {id}"),
        }
    }
}
