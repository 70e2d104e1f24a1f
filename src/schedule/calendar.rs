//! Messages to be looked at when a moment comes, whatever is tried until then.
//!
//! Of one kind are those that their senders want kept (RFC 4865): they stand
//! in no queue before it, neither due, nor late, nor the oldest of what waits,
//! and nobody can hurry them. Of the other all that wait, for when one expires
//! or somebody must hear that it is late, though it is not tried: its
//! destination is dead, or others go first. About 70 octets a message.

use std::collections::{BTreeMap, BTreeSet};

use crate::mail::{QueueId, Timestamp};

#[derive(Debug, Default)]
pub struct Calendar {
    moments: BTreeSet<(Timestamp, QueueId)>,
    messages: BTreeMap<QueueId, Timestamp>,
}

impl Calendar {
    /// Enters a message for then; one that is entered already, for then
    /// instead.
    pub fn add(&mut self, id: QueueId, moment: Timestamp) {
        self.remove(id);
        self.messages.insert(id, moment);
        self.moments.insert((moment, id));
    }

    pub fn remove(&mut self, id: QueueId) {
        if let Some(moment) = self.messages.remove(&id) {
            self.moments.remove(&(moment, id));
        }
    }

    /// One whose moment has come; it is entered no longer.
    pub fn take(&mut self, now: Timestamp) -> Option<QueueId> {
        let &(_, id) = self.moments.first().filter(|&&(moment, _)| moment <= now)?;
        self.remove(id);
        Some(id)
    }

    /// Enters a message for then, unless it is entered for sooner.
    pub fn hurry(&mut self, id: QueueId, moment: Timestamp) {
        if self.moment_of(id).is_none_or(|entered| moment < entered) {
            self.add(id, moment);
        }
    }

    /// When the next one's moment comes.
    pub fn next(&self) -> Option<Timestamp> {
        self.moments.first().map(|&(moment, _)| moment)
    }

    /// For when a message is entered.
    pub fn moment_of(&self, id: QueueId) -> Option<Timestamp> {
        self.messages.get(&id).copied()
    }

    pub fn len(&self) -> usize {
        self.messages.len()
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: u64) -> Timestamp {
        Timestamp::from_unix_milliseconds(milliseconds)
    }

    #[test]
    fn each_goes_at_its_moment_and_not_before() {
        let mut calendar = Calendar::default();
        let [one, two] = [1, 2].map(QueueId::from_bits);
        calendar.add(one, at(50));
        calendar.add(two, at(40));
        calendar.add(one, at(60));
        assert_eq!((calendar.len(), calendar.next()), (2, Some(at(40))));
        assert_eq!(calendar.take(at(39)), None);
        assert_eq!(calendar.take(at(60)), Some(two));
        assert_eq!(calendar.moment_of(one), Some(at(60)));
        assert_eq!(calendar.take(at(60)), Some(one));
        assert_eq!((calendar.take(at(99)), calendar.next()), (None, None));
    }

    #[test]
    fn whoever_is_hurried_goes_no_later_for_it() {
        let mut calendar = Calendar::default();
        let id = QueueId::from_bits(1);
        for (moment, entered) in [(50, 50), (60, 50), (40, 40)] {
            calendar.hurry(id, at(moment));
            assert_eq!((calendar.len(), calendar.moment_of(id)), (1, Some(at(entered))));
            assert!(!calendar.is_empty());
        }
    }

    #[test]
    fn what_leaves_the_queue_is_not_waited_for() {
        let mut calendar = Calendar::default();
        calendar.add(QueueId::from_bits(1), at(5));
        calendar.remove(QueueId::from_bits(1));
        calendar.remove(QueueId::from_bits(2));
        assert!(calendar.is_empty() && calendar.take(at(9)).is_none());
    }
}
