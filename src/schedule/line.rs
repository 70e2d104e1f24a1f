//! What waits at one destination, and who of those that are due is next.
//!
//! Those that are due stand in lanes, one for each sender and priority
//! (RFC 6710). Of every [`ROUND`] turns all but one are the lanes': the highest
//! priority first, and of its senders the one that has had least so far; a
//! large message counts as several. A sender who comes new starts where the
//! least served stands, so nobody's ten thousand messages delay another's one.
//!
//! The turn that is left goes to whoever has waited longest, a priority and a
//! small size counting as waiting. So nothing is starved, whatever comes: a
//! message that n others outrank goes within [`ROUND`] × (n + 1) turns, and
//! only what falls due within three hours after it can outrank it at all.
//!
//! In a lane that order holds too: small messages go before large ones that
//! fell due up to ten minutes before.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::mail::{Priority, QueueId, Timestamp};

#[derive(Debug, Default)]
pub(super) struct Line {
    /// What was not due when last looked.
    later: BTreeMap<(Timestamp, QueueId), Traits>,
    /// What is due, lane after lane.
    ready: BTreeSet<Standing>,
    /// What each lane that is not empty has had.
    shares: BTreeMap<Lane, Share>,
    /// The lanes, in the order of their turns.
    turns: BTreeSet<Turn>,
    /// The first of each lane.
    heads: BTreeSet<(Timestamp, QueueId, Lane)>,
    looked_at: Timestamp,
    turn: u8,
}

/// Whoever has sent a message; two may share a number, and then a lane.
pub type Sender = u32;

/// What counts of a message while it waits: 8 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Traits {
    sender: Sender,
    priority: Priority,
    /// In units of [`UNIT`] octets.
    bulk: u16,
}

/// How a message waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) due: Timestamp,
    pub(super) traits: Traits,
}

/// Messages of a sender that have had the same priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Lane {
    sender: Sender,
    priority: Priority,
}

/// A message among those that are due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    lane: Lane,
    rank: Timestamp,
    id: QueueId,
    bulk: u16,
}

/// What a lane has had, counted in small messages.
type Share = u64;

type Turn = (Reverse<Priority>, Share, Sender);

impl Traits {
    pub fn new(sender: Sender, octets: u64, priority: Priority) -> Self {
        let bulk = u16::try_from(octets / UNIT).unwrap_or(u16::MAX);
        Self { sender, priority, bulk }
    }

    const fn lane(self) -> Lane {
        Lane { sender: self.sender, priority: self.priority }
    }
}

impl Waiting {
    /// As if it had been due since.
    pub(super) fn rank(self) -> Timestamp {
        let Traits { priority, bulk, .. } = self.traits;
        let size = PER_UNIT.saturating_mul(u32::from(bulk)).min(LEVEL);
        let head_start = LEVEL.saturating_mul(u32::from(priority.value().unsigned_abs()));
        if priority.value() < 0 {
            return self.due + head_start + size;
        }
        let milliseconds = u64::try_from(head_start.as_millis()).unwrap_or(u64::MAX);
        let earlier = self.due.unix_milliseconds().saturating_sub(milliseconds);
        Timestamp::from_unix_milliseconds(earlier) + size
    }

    fn standing(self, id: QueueId) -> Standing {
        Standing { lane: self.traits.lane(), rank: self.rank(), id, bulk: self.traits.bulk }
    }
}

impl Line {
    pub(super) fn insert(&mut self, id: QueueId, waiting: Waiting) {
        self.later.insert((waiting.due, id), waiting.traits);
    }

    pub(super) fn remove(&mut self, id: QueueId, waiting: Waiting) {
        if self.later.remove(&(waiting.due, id)).is_none() {
            self.step_out(waiting.standing(id));
        }
    }

    /// Lets those line up who are due by now: each does so once.
    pub(super) fn look_at_the_time(&mut self, now: Timestamp) {
        self.looked_at = self.looked_at.max(now);
        while let Some(entry) = self.later.first_entry()
            && entry.key().0 <= now
        {
            let ((due, id), traits) = entry.remove_entry();
            self.line_up(Waiting { due, traits }.standing(id));
        }
    }

    /// The next of those who have lined up.
    pub(super) fn pop(&mut self) -> Option<QueueId> {
        self.turn = (self.turn + 1) % ROUND;
        let lane = if self.turn == 0 {
            self.heads.first().map(|&(_, _, lane)| lane)
        } else {
            let turn = self.turns.first();
            turn.map(|&(Reverse(priority), _, sender)| Lane { sender, priority })
        }?;
        let next = self.head(lane)?;
        self.step_out(next);
        self.charge(lane, 1 + Share::from(next.bulk));
        Some(next.id)
    }

    /// When somebody is due, or has been.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        if !self.ready.is_empty() {
            return Some(self.looked_at);
        }
        self.later.first_key_value().map(|(&(due, _), _)| due)
    }

    /// Takes out all who would be due after this moment.
    pub(super) fn split_off_after(&mut self, now: Timestamp) -> Vec<(QueueId, Traits)> {
        let later = self.later.split_off(&(now, QueueId::from_bits(u64::MAX)));
        later.into_iter().map(|((_, id), traits)| (id, traits)).collect()
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = QueueId> {
        let ready = self.ready.iter().map(|standing| standing.id);
        self.later.keys().map(|&(_, id)| id).chain(ready)
    }

    pub(super) fn len(&self) -> usize {
        self.later.len() + self.ready.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first of a lane.
    fn head(&self, lane: Lane) -> Option<Standing> {
        let start =
            Standing { lane, rank: Timestamp::default(), id: QueueId::from_bits(0), bulk: 0 };
        self.ready.range(start..).next().copied().filter(|head| head.lane == lane)
    }

    fn line_up(&mut self, new: Standing) {
        match self.head(new.lane) {
            None => {
                self.open(new.lane);
                self.heads.insert((new.rank, new.id, new.lane));
            }
            Some(head) if new < head => {
                self.heads.remove(&(head.rank, head.id, head.lane));
                self.heads.insert((new.rank, new.id, new.lane));
            }
            Some(_) => {}
        }
        self.ready.insert(new);
    }

    fn step_out(&mut self, gone: Standing) {
        if !self.ready.remove(&gone) || !self.heads.remove(&(gone.rank, gone.id, gone.lane)) {
            return;
        }
        match self.head(gone.lane) {
            Some(head) => {
                self.heads.insert((head.rank, head.id, head.lane));
            }
            None => {
                if let Some(share) = self.shares.remove(&gone.lane) {
                    self.turns.remove(&gone.lane.turn(share));
                }
            }
        }
    }

    /// A new lane has had as much as the least served of its priority.
    fn open(&mut self, lane: Lane) {
        let first = self.turns.range((Reverse(lane.priority), 0, Sender::MIN)..).next();
        let of_priority = first.filter(|&&(Reverse(priority), ..)| priority == lane.priority);
        let share = of_priority.map_or(0, |&(_, share, _)| share);
        self.shares.insert(lane, share);
        self.turns.insert(lane.turn(share));
    }

    fn charge(&mut self, lane: Lane, cost: Share) {
        let Some(share) = self.shares.get_mut(&lane) else { return };
        self.turns.remove(&lane.turn(*share));
        *share = share.saturating_add(cost);
        self.turns.insert(lane.turn(*share));
    }
}

impl Lane {
    const fn turn(self, share: Share) -> Turn {
        (Reverse(self.priority), share, self.sender)
    }
}

/// One turn of so many is that of the longest wait.
const ROUND: u8 = 4;
/// What one level of priority is worth in waiting; no size is worth more.
const LEVEL: Duration = Duration::from_secs(10 * 60);
/// Octets that count as another message.
const UNIT: u64 = 64 << 10;
/// What they are worth in waiting.
const PER_UNIT: Duration = Duration::from_secs(1);
