//! What can be seen of a [`Schedule`]: for metrics, and for those who must
//! tell people why a message waits.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

use super::{
    Health, Schedule, Trouble,
    queues::{Slot, State},
};
use crate::mail::{QueueId, Timestamp};

/// What destinations have to do: one message counts once at each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    pub destinations: usize,
    pub waiting: usize,
    pub in_flight: usize,
    /// When the oldest of these messages came in.
    pub oldest: Option<Timestamp>,
}

impl<D: Clone + Eq + Hash> Schedule<D> {
    /// Messages at destinations, waiting and in flight.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// How many destinations of those that have something to do are how well.
    pub fn health(&self) -> BTreeMap<Health, usize> {
        let mut count: BTreeMap<_, _> = Health::ALL.map(|health| (health, 0)).into();
        let destinations = self.slots.values().filter_map(|&slot| self.destination(slot));
        for destination in destinations {
            *count.entry(destination.feedback.health(self.limits)).or_default() += 1;
        }
        count
    }

    /// Why nothing goes to a destination, if it is dead.
    pub fn trouble(&self, destination: &D) -> Option<&Trouble> {
        self.destination(*self.slots.get(destination)?)?.feedback.trouble()
    }

    /// Whether anything of a message waits or is in flight.
    pub fn knows(&self, id: QueueId) -> bool {
        self.entries.range((id, Slot::MIN)..=(id, Slot::MAX)).next().is_some()
    }

    pub fn is_in_flight(&self, id: QueueId, destination: &D) -> bool {
        let slot = self.slots.get(destination);
        let state = slot.and_then(|&slot| self.entries.get(&(id, slot)));
        matches!(state, Some(State::InFlight(_) | State::Leaving))
    }

    /// All that waits at a destination, due or not.
    pub fn waiting_at(&self, destination: &D) -> Vec<QueueId> {
        let slot = self.slots.get(destination);
        let destination = slot.and_then(|&slot| self.destination(slot));
        destination.map_or_else(Vec::new, |destination| destination.line.ids().collect())
    }

    /// The load by classes of destinations, for metrics: a closed set, for a
    /// class per destination would cost a pass over all messages.
    pub fn loads<C: Ord + Clone>(&self, class: impl Fn(&D) -> C) -> BTreeMap<C, Load> {
        let mut loads: BTreeMap<C, Load> = BTreeMap::new();
        let mut classes: HashMap<Slot, C> = HashMap::with_capacity(self.slots.len());
        for (name, &slot) in &self.slots {
            let Some(destination) = self.destination(slot) else { continue };
            let class = class(name);
            let load = loads.entry(class.clone()).or_default();
            load.destinations += 1;
            load.waiting += destination.line.len();
            load.in_flight += destination.in_flight;
            classes.insert(slot, class);
        }
        // Ids sort by arrival: the first of each class is its oldest.
        let mut without = loads.len();
        for (id, slot) in self.entries.keys() {
            if without == 0 {
                break;
            }
            let load = classes.get(slot).and_then(|class| loads.get_mut(class));
            if let Some(load) = load.filter(|load| load.oldest.is_none()) {
                load.oldest = Some(Timestamp::from_unix_milliseconds(id.unix_milliseconds()));
                without -= 1;
            }
        }
        loads
    }
}
