//! The index: where each live message stands on disk, and which segments are
//! still needed. Pure: the writer and recovery both tell it what was written,
//! in the order in which it was written.
//!
//! A message costs one map entry here, about 80 octets, whatever its size.
//!
//! A segment is needed while it holds the meta or content of a live message,
//! or *guards* another: what kills a message stands in a later segment than
//! the message, and if it went first the message would rise again at the next
//! start.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    disk::DiskFile,
    format::{Change, Content, Place},
};
use crate::mail::QueueId;

#[derive(Default)]
pub(super) struct Index {
    messages: BTreeMap<QueueId, Located>,
    segments: BTreeMap<u32, Segment>,
    /// Of the contents of live messages.
    content_octets: u64,
    /// Whether a segment may have become unneeded since it was last asked.
    changed: bool,
}

#[derive(Clone, Copy)]
pub(super) struct Located {
    pub(super) meta: Place,
    pub(super) content: Content,
}

struct Segment {
    file: Arc<dyn DiskFile>,
    /// On disk.
    octets: u64,
    /// Metas and contents of live messages.
    live: u64,
    guards: BTreeSet<u32>,
}

impl Index {
    pub(super) fn add_segment(&mut self, sequence: u32, file: Arc<dyn DiskFile>, octets: u64) {
        let segment = Segment { file, octets, live: 0, guards: BTreeSet::new() };
        self.segments.insert(sequence, segment);
        self.changed = true;
    }

    /// A segment's new size, after its tail was cut off.
    pub(super) fn resize(&mut self, sequence: u32, octets: u64) {
        if let Some(segment) = self.segments.get_mut(&sequence) {
            segment.octets = octets;
        }
    }

    /// Keeps `guard` as long as `guarded` is there.
    pub(super) fn guard(&mut self, guard: u32, guarded: u32) {
        if guard != guarded
            && let Some(segment) = self.segments.get_mut(&guard)
        {
            segment.guards.insert(guarded);
        }
    }

    /// Keeps a segment for ever.
    pub(super) fn pin(&mut self, sequence: u32) {
        self.hold(sequence);
    }

    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Accept { id, meta, content } => self.accept(id, Located { meta, content }),
            Change::Update { id, meta } => {
                if let Some(located) = self.messages.get_mut(&id) {
                    let old = std::mem::replace(&mut located.meta, meta);
                    self.hold(meta.segment);
                    self.let_go(old.segment);
                }
            }
            Change::Remove { id, segment } => {
                if let Some(old) = self.messages.remove(&id) {
                    self.forget(old, segment);
                }
            }
        }
    }

    pub(super) fn find(&self, id: QueueId) -> Option<Located> {
        self.messages.get(&id).copied()
    }

    pub(super) fn file(&self, place: Place) -> Option<Arc<dyn DiskFile>> {
        self.segments.get(&place.segment).map(|segment| Arc::clone(&segment.file))
    }

    /// In the order of arrival.
    pub(super) fn ids(&self) -> impl Iterator<Item = QueueId> + '_ {
        self.messages.keys().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.messages.len()
    }

    pub(super) fn content_octets(&self) -> u64 {
        self.content_octets
    }

    pub(super) fn segments(&self) -> usize {
        self.segments.len()
    }

    pub(super) fn octets_on_disk(&self) -> u64 {
        self.segments.values().map(|segment| segment.octets).sum()
    }

    /// The segments that may be unlinked now. The newest always stays: it
    /// knows the last id given and, until a later one exists, it is written to.
    pub(super) fn unneeded(&mut self) -> Vec<u32> {
        if !std::mem::take(&mut self.changed) {
            return Vec::new();
        }
        let newest = self.segments.last_key_value().map(|(sequence, _)| *sequence);
        self.segments
            .iter()
            .filter(|&(&sequence, segment)| {
                segment.live == 0
                    && Some(sequence) != newest
                    && !segment.guards.iter().any(|guarded| self.segments.contains_key(guarded))
            })
            .map(|(&sequence, _)| sequence)
            .collect()
    }

    /// Has the next [`Index::unneeded`] look again: unlinking failed.
    pub(super) fn look_again(&mut self) {
        self.changed = true;
    }

    /// A segment whose unlinking is durable.
    pub(super) fn drop_segment(&mut self, sequence: u32) {
        self.segments.remove(&sequence);
        self.changed = true;
    }

    /// An id accepted again has moved: the older copy is dead.
    fn accept(&mut self, id: QueueId, located: Located) {
        let segment = located.content.place.segment;
        self.hold(located.meta.segment);
        self.hold(segment);
        self.content_octets += u64::from(located.content.place.length);
        if let Some(old) = self.messages.insert(id, located) {
            self.forget(old, segment);
        }
    }

    /// Gives up a message's places; `killer` holds what killed it. Later
    /// updates of it need no guard: without their accept they mean nothing.
    fn forget(&mut self, old: Located, killer: u32) {
        self.let_go(old.meta.segment);
        self.let_go(old.content.place.segment);
        let octets = u64::from(old.content.place.length);
        self.content_octets = self.content_octets.saturating_sub(octets);
        self.guard(killer, old.content.place.segment);
    }

    fn hold(&mut self, sequence: u32) {
        if let Some(segment) = self.segments.get_mut(&sequence) {
            segment.live += 1;
        }
    }

    fn let_go(&mut self, sequence: u32) {
        if let Some(segment) = self.segments.get_mut(&sequence) {
            segment.live = segment.live.saturating_sub(1);
            self.changed |= segment.live == 0;
        }
    }
}
