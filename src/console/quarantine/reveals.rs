//! Who may see which message unmasked, for a while after they have said why.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use crate::mail::QueueId;

/// In memory only: a restart masks everything again.
#[derive(Default)]
pub(in crate::console) struct Reveals(Mutex<HashMap<(String, QueueId), Instant>>);

impl Reveals {
    pub(super) fn allow(&self, who: &str, id: QueueId, now: Instant) {
        let mut ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.retain(|_, end| *end > now);
        if ends.len() < MOST {
            ends.insert((who.to_owned(), id), now + LASTS);
        }
    }

    pub(super) fn is_allowed(&self, who: &str, id: QueueId, now: Instant) -> bool {
        let ends = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ends.get(&(who.to_owned(), id)).is_some_and(|end| *end > now)
    }
}

pub(super) const LASTS: Duration = Duration::from_secs(10 * 60);
const MOST: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reveal_is_for_one_person_one_message_and_a_while() {
        let (reveals, now) = (Reveals::default(), Instant::now());
        let [id, other]: [QueueId; 2] = [1, 2].map(crate::console::quarantine::tests::id);
        reveals.allow("jane", id, now);
        assert!(reveals.is_allowed("jane", id, now));
        assert!(!reveals.is_allowed("joan", id, now) && !reveals.is_allowed("jane", other, now));
        assert!(!reveals.is_allowed("jane", id, now + LASTS));
    }
}
