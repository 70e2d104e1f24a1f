//! The last part of a start: every message that was recovered is handed over,
//! one by one, so that nobody ever holds them all.
//!
//! For what a checkpoint covers its summaries are read once more, and those
//! that speak of a message as it stands now are handed over; of all others the
//! meta is read.

use std::collections::BTreeMap;

use super::{
    checkpoint::{Checkpoint, Entry},
    damage::Damage,
    disk::Disk,
    error::SpoolError,
    format::{Change, Place},
    reading::Part,
    recover::Covering,
    store::Shared,
};
use crate::mail::{QueueId, Summary};

/// Hands over what is in the index, in no particular order. What cannot be
/// read stays where it is, and is reported: a person may still save it.
pub(super) fn hand_over(
    shared: &Shared,
    disk: &dyn Disk,
    mut covering: BTreeMap<u32, Covering>,
    each: &mut dyn FnMut(QueueId, Summary),
) -> Vec<Damage> {
    let mut damage = Vec::new();
    covering.retain(|_, covering| {
        let read = Checkpoint::read(disk, &covering.header, covering.length);
        // What was there a moment ago may be unreadable now.
        let Some(read) = read.filter(|read| read.end == covering.end) else { return false };
        for entry in read.entries(covering.header.sequence).into_iter().flatten() {
            if let Some(id) = entry.speaks_of(shared) {
                match serde_json::from_slice(entry.summary) {
                    Ok(summary) => each(id, summary),
                    Err(_) => read_meta(shared, id, each, &mut damage),
                }
            }
        }
        true
    });
    let covered = |meta: Place| {
        let covering = covering.get(&meta.segment);
        covering.is_some_and(|covering| u64::from(meta.offset) < covering.end)
    };
    let mut next = Some(QueueId::from_bits(0));
    while let Some(from) = next {
        let (ids, after) = shared.index().uncovered(from, AT_ONCE, covered);
        for id in ids {
            read_meta(shared, id, each, &mut damage);
        }
        next = after;
    }
    damage
}

fn read_meta(
    shared: &Shared,
    id: QueueId,
    each: &mut dyn FnMut(QueueId, Summary),
    damage: &mut Vec<Damage>,
) {
    match shared.message(id) {
        Ok(Some(message)) => each(id, message.summary()),
        // Whoever may be locked out knows it.
        Ok(None) | Err(SpoolError::UnknownKey { .. }) => {}
        Err(_) => {
            damage.extend(shared.index().find(id).map(|at| Part::Meta.damage(id, &at)));
        }
    }
}

impl Entry<'_> {
    /// The message whose meta this is still.
    fn speaks_of(&self, shared: &Shared) -> Option<QueueId> {
        let (id, meta) = match self.change {
            Change::Accept { id, meta, .. } | Change::Update { id, meta } => (id, meta),
            Change::Remove { .. } => return None,
        };
        shared.index().find(id).filter(|located| located.meta == meta).map(|_| id)
    }
}

/// Ids that are looked at while the index is locked.
const AT_ONCE: usize = 16 * 1024;
