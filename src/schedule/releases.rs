//! Messages that their senders want kept until a moment (RFC 4865). They stand
//! in no queue before it comes: they are neither due, nor late, nor the oldest
//! of what waits, and nobody can hurry them.

use std::collections::{BTreeMap, BTreeSet};

use crate::mail::{QueueId, Timestamp};

#[derive(Debug, Default)]
pub struct Releases {
    moments: BTreeSet<(Timestamp, QueueId)>,
    messages: BTreeMap<QueueId, Timestamp>,
}

impl Releases {
    /// Keeps a message until then; one that is kept already, until then
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

    /// One whose moment has come; it is kept no longer.
    pub fn take(&mut self, now: Timestamp) -> Option<QueueId> {
        let &(_, id) = self.moments.first().filter(|&&(moment, _)| moment <= now)?;
        self.remove(id);
        Some(id)
    }

    /// When the next one's moment comes.
    pub fn next(&self) -> Option<Timestamp> {
        self.moments.first().map(|&(moment, _)| moment)
    }

    /// Until when a message is kept.
    pub fn kept_until(&self, id: QueueId) -> Option<Timestamp> {
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
        let mut releases = Releases::default();
        let [one, two] = [1, 2].map(QueueId::from_bits);
        releases.add(one, at(50));
        releases.add(two, at(40));
        releases.add(one, at(60));
        assert_eq!((releases.len(), releases.next()), (2, Some(at(40))));
        assert_eq!(releases.take(at(39)), None);
        assert_eq!(releases.take(at(60)), Some(two));
        assert_eq!(releases.kept_until(one), Some(at(60)));
        assert_eq!(releases.take(at(60)), Some(one));
        assert_eq!((releases.take(at(99)), releases.next()), (None, None));
    }

    #[test]
    fn what_leaves_the_queue_is_not_waited_for() {
        let mut releases = Releases::default();
        releases.add(QueueId::from_bits(1), at(5));
        releases.remove(QueueId::from_bits(1));
        releases.remove(QueueId::from_bits(2));
        assert!(releases.is_empty() && releases.take(at(9)).is_none());
    }
}
