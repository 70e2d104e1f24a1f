//! One destination: what waits there, how many deliveries it may have at once,
//! and where it stands among the others; and what is remembered of those where
//! nothing waits any more.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use super::{feedback::Feedback, line::Line};
use crate::mail::Timestamp;

#[derive(Debug)]
pub(super) struct Destination<D> {
    pub(super) name: D,
    pub(super) line: Line,
    pub(super) in_flight: usize,
    pub(super) feedback: Feedback,
    pub(super) place: Place,
}

/// Where a destination stands, so that it can be taken from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It has nothing that waits, or has reached its limit.
    Nowhere,
    Timer(Timestamp),
    Idle(Ready),
    Busy(Ready),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ready {
    pub(super) turn: Turn,
    /// Everything due by then is ready.
    pub(super) since: Timestamp,
}

pub(super) type Turn = u64;

impl Place {
    /// Everything due by then is ready.
    pub(super) const fn since(self) -> Timestamp {
        match self {
            Self::Idle(ready) | Self::Busy(ready) => ready.since,
            Self::Nowhere | Self::Timer(_) => Timestamp::from_unix_milliseconds(0),
        }
    }
}

impl<D> Destination<D> {
    pub(super) fn new(name: D, feedback: Feedback) -> Self {
        let (line, place) = (Line::default(), Place::Nowhere);
        Self { name, line, in_flight: 0, feedback, place }
    }

    pub(super) fn belongs(&self, before: Place) -> Place {
        let Some(due) = self.line.first_due() else { return Place::Nowhere };
        if self.in_flight >= self.feedback.window() {
            return Place::Nowhere;
        }
        let due = self.feedback.rests_until().map_or(due, |moment| moment.max(due));
        match before {
            Place::Idle(ready) | Place::Busy(ready) if due <= ready.since => {
                if self.in_flight == 0 { Place::Idle(ready) } else { Place::Busy(ready) }
            }
            _ => Place::Timer(due),
        }
    }
}

/// How destinations were doing when the last message left them: the latest
/// [`REMEMBERED`], so that a lull costs no window and forgives nobody.
#[derive(Debug)]
pub(super) struct Memory<D> {
    known: HashMap<D, (u64, Feedback)>,
    order: BTreeMap<u64, D>,
    next: u64,
}

impl<D: Clone + Eq + Hash> Memory<D> {
    pub(super) fn new() -> Self {
        Self { known: HashMap::new(), order: BTreeMap::new(), next: 0 }
    }

    pub(super) fn keep(&mut self, name: D, feedback: Feedback) {
        self.next += 1;
        self.order.insert(self.next, name.clone());
        self.known.insert(name, (self.next, feedback));
        if self.order.len() > REMEMBERED
            && let Some((_, oldest)) = self.order.pop_first()
        {
            self.known.remove(&oldest);
        }
    }

    pub(super) fn recall(&mut self, name: &D) -> Option<Feedback> {
        let (number, feedback) = self.known.remove(name)?;
        self.order.remove(&number);
        Some(feedback)
    }

    pub(super) fn forget_all(&mut self) {
        (self.known, self.order) = Default::default();
    }
}

const REMEMBERED: usize = 1_000;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Limits;

    #[test]
    fn the_latest_are_remembered_once_each_and_no_more_than_so_many() {
        let limits = Limits { total: 9, per_destination: 9, initial_per_destination: 5 };
        let mut memory = Memory::new();
        for name in 0..3 * REMEMBERED {
            memory.keep(name, Feedback::new(limits));
        }
        assert_eq!((memory.known.len(), memory.order.len()), (REMEMBERED, REMEMBERED));
        assert!(memory.recall(&0).is_none());
        assert!(memory.recall(&(3 * REMEMBERED - 1)).is_some());
        assert!(memory.recall(&(3 * REMEMBERED - 1)).is_none());
        assert_eq!(memory.known.len(), memory.order.len());
    }
}
