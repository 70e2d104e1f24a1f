//! The index: where each live message stands on disk, and which segments are
//! still needed. Pure: the writer and recovery both tell it what was written,
//! in the order in which it was written.
//!
//! A message costs one map entry here, about 90 octets, whatever its size;
//! with what the schedule keeps of it 210 to 250 were measured.
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
    cipher::Cipher,
    disk::DiskFile,
    format::{Change, Content, Place},
    key::KeyId,
};
use crate::mail::QueueId;

#[derive(Default)]
pub(super) struct Index {
    messages: BTreeMap<QueueId, Located>,
    segments: BTreeMap<u32, Segment>,
    /// What new segments are sealed under.
    key: Option<KeyId>,
    /// Of the contents of live messages.
    content_octets: u64,
    /// Of the metas and contents that have died, moved ones included, since
    /// the index was made.
    dead_octets: u64,
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
    cipher: Cipher,
    /// On disk.
    octets: u64,
    /// Metas and contents of live messages.
    live: u64,
    /// And the octets of these.
    live_octets: u64,
    guards: BTreeSet<u32>,
    /// Kept for ever: there is damage in it.
    pinned: bool,
}

/// What stands on disk beyond what is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Surplus {
    None,
    /// It goes when messages are moved out of this segment.
    In(u32),
    /// No segment is left whose messages could be moved.
    Elsewhere,
}

/// What is to be done about segments that are not sealed as new ones are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outdated {
    None,
    /// They go when messages are moved out of this segment, and of others.
    In(u32),
    /// They go when there is a newer segment.
    Newest,
}

/// What stands under one key, or in plain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyUse {
    pub segments: usize,
    /// Messages whose content or envelope stands in them.
    pub messages: usize,
}

impl Index {
    /// With nothing in it, for a spool whose new segments are sealed so.
    pub(super) fn new(key: Option<KeyId>) -> Self {
        Self { key, ..Self::default() }
    }

    pub(super) fn add_segment(
        &mut self,
        sequence: u32,
        file: Arc<dyn DiskFile>,
        octets: u64,
        cipher: Cipher,
    ) {
        let segment = Segment {
            file,
            cipher,
            octets,
            live: 0,
            live_octets: 0,
            guards: BTreeSet::new(),
            pinned: false,
        };
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
        if let Some(segment) = self.segments.get_mut(&sequence) {
            segment.pinned = true;
        }
    }

    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Accept { id, meta, content } => self.accept(id, Located { meta, content }),
            Change::Update { id, meta } => {
                if let Some(located) = self.messages.get_mut(&id) {
                    let old = std::mem::replace(&mut located.meta, meta);
                    self.hold(meta);
                    self.let_go(old);
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

    /// The file that a place is in, and how it is sealed.
    pub(super) fn file(&self, place: Place) -> Option<(Arc<dyn DiskFile>, Cipher)> {
        let segment = self.segments.get(&place.segment)?;
        Some((Arc::clone(&segment.file), segment.cipher.clone()))
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
                    && !segment.pinned
                    && Some(sequence) != newest
                    && !self.guards_any(segment)
            })
            .map(|(&sequence, _)| sequence)
            .collect()
    }

    /// Has the next [`Index::unneeded`] look again: unlinking failed.
    pub(super) fn look_again(&mut self) {
        self.changed = true;
    }

    /// Where messages are to be moved from, so that what is on disk is at most
    /// twice what is live, and `allowance`. Only segments up to `newest`
    /// count: where a round of moving has moved to, it does not move from.
    ///
    /// First comes the emptiest that can go at once and is less than half
    /// live, for that is cheap. Where dead segments only guard others, the
    /// oldest that is live has to be emptied, however full, for none before it
    /// is left, and those behind it follow: on the whole this moves less than
    /// it gives back, for less than half of all is live.
    pub(super) fn surplus(&self, allowance: u64, newest: u32) -> Surplus {
        let kept = self.kept();
        let free = || self.segments.iter().filter(|(sequence, _)| !kept.contains(sequence));
        let octets: u64 = free().map(|(_, segment)| segment.octets).sum();
        let live: u64 = free().map(|(_, segment)| segment.live_octets).sum();
        if octets <= live.saturating_mul(2).saturating_add(allowance) {
            return Surplus::None;
        }
        let last = self.segments.last_key_value().map(|(&sequence, _)| sequence);
        let movable = || {
            free().filter(|&(&sequence, segment)| {
                segment.live > 0 && sequence <= newest && Some(sequence) != last
            })
        };
        let sparse = movable()
            .filter(|(_, segment)| segment.is_sparse() && !self.guards_any(segment))
            .max_by_key(|(_, segment)| segment.octets.saturating_sub(segment.live_octets));
        let next = sparse.or_else(|| movable().next());
        next.map_or(Surplus::Elsewhere, |(&sequence, _)| Surplus::In(sequence))
    }

    /// What is to be moved so that all that can be is sealed as new segments
    /// are. Also what older segments hold goes, for an outdated one may guard
    /// them.
    pub(super) fn outdated(&self) -> Outdated {
        let kept = self.kept();
        let free = || self.segments.iter().filter(|(sequence, _)| !kept.contains(sequence));
        let Some((&newest, _)) = free().rfind(|(_, segment)| self.is_outdated(segment)) else {
            return Outdated::None;
        };
        let oldest = free().find(|&(&sequence, segment)| sequence <= newest && segment.live > 0);
        match oldest {
            Some((&sequence, _)) => Outdated::In(sequence),
            None if newest == self.newest_segment() => Outdated::Newest,
            // They only wait to be unlinked.
            None => Outdated::None,
        }
    }

    /// How many segments are not sealed as new ones are, those kept for ever
    /// left out.
    pub(super) fn count_outdated(&self) -> usize {
        let kept = self.kept();
        let outdated = |(sequence, segment): &(&u32, &Segment)| {
            self.is_outdated(segment) && !kept.contains(sequence)
        };
        self.segments.iter().filter(outdated).count()
    }

    pub(super) fn key_id(&self) -> Option<KeyId> {
        self.key
    }

    /// Under which keys anything stands. None is of plain segments.
    pub(super) fn keys(&self) -> BTreeSet<Option<KeyId>> {
        self.segments.values().map(|segment| segment.cipher.key_id()).collect()
    }

    /// What each key is still needed for. None is of plain segments.
    pub(super) fn key_uses(&self) -> BTreeMap<Option<KeyId>, KeyUse> {
        let mut uses: BTreeMap<_, KeyUse> = BTreeMap::new();
        for segment in self.segments.values() {
            uses.entry(segment.cipher.key_id()).or_default().segments += 1;
        }
        let key = |place: Place| Some(self.segments.get(&place.segment)?.cipher.key_id());
        for located in self.messages.values() {
            let (meta, content) = (key(located.meta), key(located.content.place));
            let both = meta.into_iter().chain(content.filter(|content| Some(*content) != meta));
            both.for_each(|key| uses.entry(key).or_default().messages += 1);
        }
        uses
    }

    /// Messages of which something stands in a segment, from an id on, after
    /// having looked at so many; and where to look on, if not all were seen.
    pub(super) fn standing_in(
        &self,
        segment: u32,
        from: QueueId,
        look_at: usize,
    ) -> (Vec<(QueueId, Located)>, Option<QueueId>) {
        let mut rest = self.messages.range(from..);
        let standing = rest
            .by_ref()
            .take(look_at)
            .filter(|(_, located)| {
                located.meta.segment == segment || located.content.place.segment == segment
            })
            .map(|(&id, &located)| (id, located))
            .collect();
        (standing, rest.next().map(|(&id, _)| id))
    }

    /// Messages whose meta no checkpoint covers, from an id on, after having
    /// looked at so many; and where to look on, if not all were seen.
    pub(super) fn uncovered(
        &self,
        from: QueueId,
        look_at: usize,
        covered: impl Fn(Place) -> bool,
    ) -> (Vec<QueueId>, Option<QueueId>) {
        let mut rest = self.messages.range(from..);
        let ids = rest.by_ref().take(look_at).filter(|(_, located)| !covered(located.meta));
        let ids = ids.map(|(&id, _)| id).collect();
        (ids, rest.next().map(|(&id, _)| id))
    }

    pub(super) fn holds_segment(&self, sequence: u32) -> bool {
        self.segments.contains_key(&sequence)
    }

    pub(super) fn newest_segment(&self) -> u32 {
        self.segments.last_key_value().map_or(0, |(&sequence, _)| sequence)
    }

    pub(super) fn dead_octets(&self) -> u64 {
        self.dead_octets
    }

    /// Segments that no moving can free: those with damage, and their guards.
    fn kept(&self) -> BTreeSet<u32> {
        let mut kept = BTreeSet::new();
        for (&sequence, segment) in &self.segments {
            if segment.pinned || !segment.guards.is_disjoint(&kept) {
                kept.insert(sequence);
            }
        }
        kept
    }

    fn is_outdated(&self, segment: &Segment) -> bool {
        segment.cipher.key_id() != self.key
    }

    fn guards_any(&self, segment: &Segment) -> bool {
        segment.guards.iter().any(|guarded| self.segments.contains_key(guarded))
    }

    /// A segment whose unlinking is durable.
    pub(super) fn drop_segment(&mut self, sequence: u32) {
        self.segments.remove(&sequence);
        for later in self.segments.values_mut() {
            later.guards.remove(&sequence);
        }
        self.changed = true;
    }

    /// An id accepted again has moved: the older copy is dead.
    fn accept(&mut self, id: QueueId, located: Located) {
        let segment = located.content.place.segment;
        self.hold(located.meta);
        self.hold(located.content.place);
        self.content_octets += u64::from(located.content.place.length);
        if let Some(old) = self.messages.insert(id, located) {
            self.forget(old, segment);
        }
    }

    /// Gives up a message's places; `killer` holds what killed it. Later
    /// updates of it need no guard: without their accept they mean nothing.
    fn forget(&mut self, old: Located, killer: u32) {
        self.let_go(old.meta);
        self.let_go(old.content.place);
        let octets = u64::from(old.content.place.length);
        self.content_octets = self.content_octets.saturating_sub(octets);
        self.guard(killer, old.content.place.segment);
    }

    fn hold(&mut self, place: Place) {
        if let Some(segment) = self.segments.get_mut(&place.segment) {
            segment.live += 1;
            segment.live_octets += u64::from(place.length);
        }
    }

    fn let_go(&mut self, place: Place) {
        let octets = u64::from(place.length);
        self.dead_octets += octets;
        if let Some(segment) = self.segments.get_mut(&place.segment) {
            segment.live = segment.live.saturating_sub(1);
            segment.live_octets = segment.live_octets.saturating_sub(octets);
            self.changed |= segment.live == 0;
        }
    }
}

impl Segment {
    fn is_sparse(&self) -> bool {
        self.live_octets.saturating_mul(2) < self.octets
    }
}
