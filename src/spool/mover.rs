//! The mover: takes long-lived messages out of segments that are mostly dead,
//! so that space follows the live data. When the writer rests, what is on disk
//! is at most twice what is live (metas and contents), and two segments;
//! segments with damage, and those that guard them, apart.
//!
//! A message moves by being written once more, as it stands: an accept of an
//! id that is known. The older copy is dead then, and the segment of the newer
//! guards it. Where only the meta is in the way, an update of it is enough.
//! Both are commits like any other: cut off at any moment, one copy or the
//! other is believed, and they are the same. Only the writer writes, so
//! nothing changes between reading and writing.
//!
//! Keys change the same way. Where segments are not sealed under the key that
//! new ones are, everything is moved out of them, and out of those before them;
//! then they go. So to put a new key in the place of another is to start with
//! both, the new one for writing, and to wait until the old one is not needed
//! any more. Plain segments and a first key, or sealed ones and none for
//! writing, are no other case.
//!
//! Moving goes in portions of bounded size, one after each commit and as many
//! as there are while no batch waits; new mail waits for one at most. On a full
//! disk nothing is moved: what space there is belongs to outcomes. A message
//! that cannot be read is not moved: its segment stays for ever, with all that
//! is in it.

use std::{sync::atomic::Ordering, time::Instant};

use super::{
    batch::Encoded,
    damage::Damage,
    error::SpoolError,
    index::{Located, Outdated, Surplus},
    reading::Part,
    segments::Spare,
    writer::Writer,
};
use crate::mail::QueueId;

#[derive(Default)]
pub(super) struct Mover {
    /// The segment that is being emptied, and the next id to look at.
    emptying: Option<(u32, QueueId)>,
    /// The newest segment when this round began. A round moves no message
    /// twice, so it ends.
    round: Option<u32>,
    /// A round that was of no use is followed by another only when so many
    /// octets have died.
    rest_until_dead: u64,
    /// When to use a disk again that has failed.
    retry_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    More,
    /// Nothing is to be moved, or nothing can be at the moment.
    Rest,
}

impl Writer {
    /// Moves a portion of what is to be moved.
    pub(super) fn move_portion(&mut self) -> Progress {
        let Some((segment, from)) = self.segment_to_empty() else { return Progress::Rest };
        let (standing, mut next) = self.shared.index().standing_in(segment, from, LOOK_AT);
        let portion = PORTION.min(self.settings.segment_size / 8);
        let mut moving = Encoded::default();
        for (id, located) in standing {
            if moving.length() >= portion {
                next = Some(id);
                break;
            }
            moving = match self.carry(moving, segment, id, &located) {
                Ok(moving) => moving,
                Err(damage) => return self.leave_alone(segment, damage),
            };
        }
        let octets = moving.length();
        if moving.count > 0 {
            if self.commit_own(moving).is_err() {
                self.mover.retry_at = Some(self.settings.retry_at());
                return Progress::Rest;
            }
            self.shared.moved.fetch_add(octets, Ordering::Relaxed);
        }
        self.mover.emptying = next.map(|next| (segment, next));
        if next.is_none() {
            self.tidy();
        }
        self.find_spare();
        Progress::More
    }

    /// The segment to move from, and from which message on.
    fn segment_to_empty(&mut self) -> Option<(u32, QueueId)> {
        let ready = matches!(self.spare, Spare::Ready(_));
        if !ready || self.mover.retry_at.is_some_and(|moment| Instant::now() < moment) {
            return None;
        }
        self.mover.retry_at = None;
        if self.mover.emptying.is_some() {
            return self.mover.emptying;
        }
        if let Some(segment) = self.outdated_segment() {
            self.mover.emptying = Some((segment, QueueId::from_bits(0)));
            return self.mover.emptying;
        }
        let index = self.shared.index();
        if index.dead_octets() < self.mover.rest_until_dead {
            return None;
        }
        let size = self.settings.segment_size;
        let round = self.mover.round.unwrap_or_else(|| index.newest_segment());
        match index.surplus(size.saturating_mul(2), round) {
            Surplus::In(segment) => {
                self.mover.round = Some(round);
                self.mover.emptying = Some((segment, QueueId::from_bits(0)));
            }
            Surplus::None => self.mover.round = None,
            Surplus::Elsewhere => {
                self.mover.round = None;
                self.mover.rest_until_dead = index.dead_octets().saturating_add(size);
            }
        }
        self.mover.emptying
    }

    /// A segment to empty because it is not sealed as new ones are.
    fn outdated_segment(&mut self) -> Option<u32> {
        let outdated = self.shared.index().outdated();
        match outdated {
            Outdated::In(segment) => Some(segment),
            Outdated::None => None,
            Outdated::Newest => {
                if self.open_segment(0).is_err() {
                    self.mover.retry_at = Some(self.settings.retry_at());
                }
                self.tidy();
                None
            }
        }
    }

    /// Adds a message to what is moved, or says why it cannot be.
    fn carry(
        &self,
        moving: Encoded,
        segment: u32,
        id: QueueId,
        located: &Located,
    ) -> Result<Encoded, Damage> {
        let gone = |part: Part| move |_: SpoolError| part.damage(id, located);
        let Some(meta) = self.shared.meta(id).map_err(gone(Part::Meta))? else {
            return Ok(moving);
        };
        let content = if located.content.place.segment == segment {
            self.shared.content(id).map_err(gone(Part::Content))?
        } else {
            None
        };
        Ok(moving.carry(id, &meta, content))
    }

    /// Somebody may still save what we cannot read.
    fn leave_alone(&mut self, segment: u32, damage: Damage) -> Progress {
        self.shared.index().pin(segment);
        self.shared.report(damage);
        self.mover.emptying = None;
        Progress::More
    }
}

/// Octets of a portion, but for its last message.
const PORTION: u64 = 1024 * 1024;
/// Messages looked at for one portion.
const LOOK_AT: usize = 16 * 1024;
