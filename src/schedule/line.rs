//! What waits at one destination, and who of those that are due is next.
//!
//! A priority (RFC 6710) is a head start: a level stands for [`LEVEL`] of
//! waiting. So among what is due the higher goes first, and nothing is
//! starved: whatever comes, a message is overtaken only by those that fall due
//! within the difference of their head starts after it, three hours at most.
//! What is not due yet is overtaken by everybody.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::mail::{Priority, QueueId, Timestamp};

#[derive(Debug, Default)]
pub(super) struct Line {
    /// What was not due when last looked.
    later: BTreeMap<(Timestamp, QueueId), Priority>,
    /// What is due.
    ready: BTreeSet<Standing>,
}

/// How a message waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) due: Timestamp,
    pub(super) priority: Priority,
}

/// A place among those that are due: they go in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Standing {
    rank: Timestamp,
    due: Timestamp,
    id: QueueId,
}

impl Waiting {
    /// As if it had been due since.
    pub(super) fn rank(self) -> Timestamp {
        let levels = self.priority.value();
        let head_start = LEVEL.saturating_mul(u32::from(levels.unsigned_abs()));
        if levels < 0 {
            return self.due + head_start;
        }
        let milliseconds = u64::try_from(head_start.as_millis()).unwrap_or(u64::MAX);
        Timestamp::from_unix_milliseconds(self.due.unix_milliseconds().saturating_sub(milliseconds))
    }

    fn standing(self, id: QueueId) -> Standing {
        Standing { rank: self.rank(), due: self.due, id }
    }
}

impl Line {
    pub(super) fn insert(&mut self, id: QueueId, waiting: Waiting) {
        self.later.insert((waiting.due, id), waiting.priority);
    }

    pub(super) fn remove(&mut self, id: QueueId, waiting: Waiting) {
        if self.later.remove(&(waiting.due, id)).is_none() {
            self.ready.remove(&waiting.standing(id));
        }
    }

    /// Lets those line up who are due by now: each does so once.
    pub(super) fn look_at_the_time(&mut self, now: Timestamp) {
        while let Some(entry) = self.later.first_entry()
            && entry.key().0 <= now
        {
            let ((due, id), priority) = entry.remove_entry();
            self.ready.insert(Waiting { due, priority }.standing(id));
        }
    }

    /// The next of those who have lined up.
    pub(super) fn pop(&mut self) -> Option<QueueId> {
        self.ready.pop_first().map(|standing| standing.id)
    }

    /// When somebody is due, or has been.
    pub(super) fn first_due(&self) -> Option<Timestamp> {
        let ready = self.ready.first().map(|standing| standing.due);
        ready.or_else(|| self.later.first_key_value().map(|(&(due, _), _)| due))
    }

    /// Takes out all who would be due after this moment.
    pub(super) fn split_off_after(&mut self, now: Timestamp) -> Vec<(QueueId, Priority)> {
        let later = self.later.split_off(&(now, QueueId::from_bits(u64::MAX)));
        later.into_iter().map(|((_, id), priority)| (id, priority)).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.later.len() + self.ready.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What one level of priority is worth in waiting.
const LEVEL: Duration = Duration::from_secs(10 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(minutes: u64, priority: i8) -> Waiting {
        let due = Timestamp::from_unix_milliseconds(minutes * 60_000);
        Waiting { due, priority: Priority::try_from(priority).unwrap() }
    }

    /// The order in which those go who became due at these minutes, with
    /// these priorities.
    fn order(line: &[(u64, i8)], now: u64) -> Vec<(u64, i8)> {
        let mut waits = Line::default();
        for (number, &(minutes, priority)) in line.iter().enumerate() {
            waits.insert(QueueId::from_bits(number as u64), waiting(minutes, priority));
        }
        waits.look_at_the_time(waiting(now, 0).due);
        std::iter::from_fn(|| waits.pop()).map(|id| line[id.to_bits() as usize]).collect()
    }

    #[test]
    fn of_those_that_are_due_the_higher_priority_goes_first() {
        let line = [(200, 0), (201, -9), (202, 9), (203, 4), (204, 0)];
        let gone = [(202, 9), (203, 4), (200, 0), (204, 0), (201, -9)];
        assert_eq!(order(&line, 300), gone);
    }

    #[test]
    fn what_is_not_due_is_overtaken_whatever_its_priority() {
        assert_eq!(order(&[(300, 9), (299, -9)], 299), [(299, -9)]);
    }

    #[test]
    fn a_head_start_is_used_up_by_waiting() {
        assert_eq!(order(&[(200, 0), (289, 9)], 300), [(289, 9), (200, 0)]);
        assert_eq!(order(&[(200, 0), (291, 9)], 300), [(200, 0), (291, 9)]);
        assert_eq!(order(&[(0, -9), (181, 9)], 300), [(0, -9), (181, 9)]);
    }

    #[test]
    fn whoever_leaves_is_out_of_the_line_due_or_not() {
        let mut line = Line::default();
        let (due, later) = (QueueId::from_bits(1), QueueId::from_bits(2));
        line.insert(due, waiting(1, 3));
        line.insert(later, waiting(9, 3));
        line.look_at_the_time(waiting(5, 0).due);
        line.remove(due, waiting(1, 3));
        line.remove(later, waiting(9, 3));
        assert!(line.is_empty() && line.first_due().is_none());
    }
}
