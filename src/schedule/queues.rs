//! Destination queues: which of the messages that are due goes next.
//!
//! Two limits hold: deliveries in all, and deliveries to one destination,
//! which rise and fall with how it answers (`feedback`). Among destinations
//! with something due they take turns. A destination with nothing in flight
//! goes before those that have something, and the last tenth of all deliveries
//! is only for such: slow destinations, however many, never hold up the
//! others. Within a destination senders take turns (`line`); what goes first
//! there moves no destination before another.
//!
//! Every operation takes time logarithmic in the number of messages, but for
//! what is said of one destination as a whole. A message at a destination
//! costs about 140 octets, 240 where it is due and the only one of its sender
//! (`fairness` measures it).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
};

use super::{
    Jitter, Trials, Verdict,
    destination::{Destination, Memory, Place, Ready, Turn},
    feedback::{Ending, Feedback},
    line::{Traits, Waiting},
};
use crate::mail::{DestinationChange, QueueId, Timestamp};

/// The queues of all destinations; `D` is whatever names one. A message with
/// recipients at two destinations is scheduled at each.
#[derive(Debug)]
pub struct Schedule<D> {
    pub(super) limits: Limits,
    trials: Trials,
    pub(super) slots: HashMap<D, Slot>,
    destinations: Vec<Option<Destination<D>>>,
    unused: Vec<Slot>,
    pub(super) entries: BTreeMap<(QueueId, Slot), State>,
    /// How those were doing that are no longer among them.
    memory: Memory<D>,
    /// Destinations whose first message is not due, or was not when last
    /// looked; or that are dead, until their next trial.
    timers: BTreeSet<(Timestamp, Slot)>,
    /// Destinations whose turn will come, with nothing in flight.
    idle: BTreeSet<(Turn, Slot)>,
    /// Likewise, with something in flight.
    busy: BTreeSet<(Turn, Slot)>,
    last_turn: Turn,
    pub(super) in_flight: usize,
}

/// At once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub total: usize,
    /// At the most.
    pub per_destination: usize,
    /// As long as nothing is known of it.
    pub initial_per_destination: usize,
}

/// What became of [`Schedule::remove`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    Removed,
    /// An attempt is being made, and counts until it is over; there will be no
    /// other.
    InFlight,
    Unknown,
}

pub(super) type Slot = u32;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting(Waiting),
    InFlight(Traits),
    /// In flight, and removed meanwhile.
    Leaving,
}

impl<D: Clone + Eq + Hash> Schedule<D> {
    pub fn new(limits: Limits, trials: Trials) -> Self {
        Self {
            limits,
            trials,
            slots: HashMap::new(),
            destinations: Vec::new(),
            unused: Vec::new(),
            entries: BTreeMap::new(),
            memory: Memory::new(),
            timers: BTreeSet::new(),
            idle: BTreeSet::new(),
            busy: BTreeSet::new(),
            last_turn: 0,
            in_flight: 0,
        }
    }

    /// Schedules a message at a destination; where it waits there already, it
    /// is moved to the new time. In flight, it stays so.
    pub fn add(&mut self, id: QueueId, destination: D, due: Timestamp, traits: Traits) {
        let slot = self.slot(destination);
        match self.entries.get(&(id, slot)).copied() {
            Some(State::InFlight(_) | State::Leaving) => {
                self.entries.insert((id, slot), State::InFlight(traits));
                return;
            }
            Some(State::Waiting(earlier)) => self.unwait(slot, id, earlier),
            None => {}
        }
        self.wait(slot, id, Waiting { due, traits });
        self.settle(slot);
    }

    /// The next delivery to make: it is in flight until [`Schedule::finished`]
    /// or [`Schedule::retry`]. None if nothing is due or a limit is reached.
    pub fn take(&mut self, now: Timestamp) -> Option<(QueueId, D)> {
        self.look_at_the_time(now);
        let slot = self.next_slot()?;
        let place = self.lift(slot)?;
        let destination = self.destinations.get_mut(slot as usize)?.as_mut()?;
        destination.line.look_at_the_time(place.since().max(now));
        let Some(id) = destination.line.pop() else {
            self.put(slot, place);
            return None;
        };
        destination.in_flight += 1;
        destination.feedback.begun();
        let name = destination.name.clone();
        self.in_flight += 1;
        if let Some(state) = self.entries.get_mut(&(id, slot))
            && let State::Waiting(waiting) = *state
        {
            *state = State::InFlight(waiting.traits);
        }
        // Behind all the others that are ready.
        self.put(slot, Place::Nowhere);
        Some((id, name))
    }

    /// A delivery is over, for good.
    pub fn finished(&mut self, id: QueueId, destination: &D) {
        if let Some(slot) = self.land(id, destination) {
            self.entries.remove(&(id, slot));
            self.settle(slot);
        }
    }

    /// A delivery is over, and is to be tried again, unless it has been
    /// removed meanwhile.
    pub fn retry(&mut self, id: QueueId, destination: &D, due: Timestamp) {
        let Some(slot) = self.land(id, destination) else { return };
        if let Some(State::InFlight(traits)) = self.entries.remove(&(id, slot)) {
            self.wait(slot, id, Waiting { due, traits });
        }
        self.settle(slot);
    }

    /// What the attempt of a delivery that is still in flight says of its
    /// destination. Where it revives one, all that waits there is due.
    pub fn heard(
        &mut self,
        destination: &D,
        verdict: Verdict,
        now: Timestamp,
        jitter: Jitter,
    ) -> Option<DestinationChange> {
        let slot = *self.slots.get(destination)?;
        let destination = self.destinations.get_mut(slot as usize)?.as_mut()?;
        let ending = Ending { now, jitter, in_flight: destination.in_flight };
        let change = destination.feedback.heard(verdict, self.limits, &self.trials, ending);
        if change == Some(DestinationChange::Revived) {
            self.flush_slot(slot, now);
        } else {
            self.settle(slot);
        }
        change
    }

    /// Takes a message that waits out of all its lines, in flight without an
    /// attempt: so nobody makes one until it is put back, by
    /// [`Schedule::retry`] with the time that is given here, or finished.
    pub fn claim(&mut self, id: QueueId) -> Vec<(D, Timestamp)> {
        let mut claimed = Vec::new();
        for (slot, state) in self.of_message(id) {
            let State::Waiting(Waiting { due, traits }) = state else { continue };
            self.unwait(slot, id, Waiting { due, traits });
            self.entries.insert((id, slot), State::InFlight(traits));
            let Some(destination) = self.destination_mut(slot) else { continue };
            destination.in_flight += 1;
            claimed.push((destination.name.clone(), due));
            self.in_flight += 1;
            self.settle(slot);
        }
        claimed
    }

    /// Forgets a message, at all its destinations.
    pub fn remove(&mut self, id: QueueId) -> Removal {
        let mut removal = Removal::Unknown;
        for (slot, state) in self.of_message(id) {
            if let State::Waiting(waiting) = state {
                self.unwait(slot, id, waiting);
                self.settle(slot);
                if removal == Removal::Unknown {
                    removal = Removal::Removed;
                }
            } else {
                self.entries.insert((id, slot), State::Leaving);
                removal = Removal::InFlight;
            }
        }
        removal
    }

    /// When to call [`Schedule::take`] again: `now` if it would give something;
    /// none if only the end of a delivery can change anything.
    pub fn next_due(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.look_at_the_time(now);
        if self.next_slot().is_some() {
            return Some(now);
        }
        if self.in_flight >= self.limits.total {
            return None;
        }
        self.timers.first().map(|&(due, _)| due)
    }

    /// Makes a message due at all its destinations. Like every flush, it
    /// gives dead ones another beginning: a person has asked for it.
    pub fn flush(&mut self, id: QueueId, now: Timestamp) {
        for (slot, state) in self.of_message(id) {
            if let State::Waiting(waiting) = state
                && waiting.due > now
            {
                self.unwait(slot, id, waiting);
                self.wait(slot, id, Waiting { due: now, ..waiting });
            }
            self.revive(slot);
            self.settle(slot);
        }
    }

    /// Makes everything for a destination due.
    pub fn flush_destination(&mut self, destination: &D, now: Timestamp) {
        self.memory.recall(destination);
        if let Some(&slot) = self.slots.get(destination) {
            self.revive(slot);
            self.flush_slot(slot, now);
        }
    }

    /// Makes everything due.
    pub fn flush_all(&mut self, now: Timestamp) {
        let slots: Vec<Slot> = self.slots.values().copied().collect();
        self.memory.forget_all();
        for slot in slots {
            self.revive(slot);
            self.flush_slot(slot, now);
        }
    }

    /// Whose turn it is.
    fn next_slot(&self) -> Option<Slot> {
        let free = self.limits.total.saturating_sub(self.in_flight);
        if free == 0 {
            return None;
        }
        let reserved = self.limits.total / RESERVED_FRACTION;
        let busy = || self.busy.first().filter(|_| free > reserved);
        self.idle.first().or_else(busy).map(|&(_, slot)| slot)
    }

    /// Gives a turn to every destination that has something due by now, the
    /// longest due first.
    fn look_at_the_time(&mut self, now: Timestamp) {
        while let Some(&(due, slot)) = self.timers.first()
            && due <= now
        {
            self.timers.pop_first();
            self.last_turn += 1;
            self.put(slot, Place::Idle(Ready { turn: self.last_turn, since: now }));
        }
    }

    /// Takes a delivery out of the air; its entry is left to the caller.
    fn land(&mut self, id: QueueId, destination: &D) -> Option<Slot> {
        let slot = *self.slots.get(destination)?;
        match self.entries.get(&(id, slot))? {
            State::Waiting(_) => None,
            State::InFlight(_) | State::Leaving => {
                let destination = self.destinations.get_mut(slot as usize)?.as_mut()?;
                destination.in_flight = destination.in_flight.saturating_sub(1);
                self.in_flight = self.in_flight.saturating_sub(1);
                Some(slot)
            }
        }
    }

    fn of_message(&self, id: QueueId) -> Vec<(Slot, State)> {
        let all = (id, Slot::MIN)..=(id, Slot::MAX);
        self.entries.range(all).map(|(&(_, slot), &state)| (slot, state)).collect()
    }

    fn revive(&mut self, slot: Slot) {
        let limits = self.limits;
        if let Some(destination) = self.destination_mut(slot) {
            destination.feedback.forgive(limits);
        }
    }

    fn flush_slot(&mut self, slot: Slot, now: Timestamp) {
        let Some(destination) = self.destination_mut(slot) else { return };
        for (id, traits) in destination.line.split_off_after(now) {
            self.wait(slot, id, Waiting { due: now, traits });
        }
        self.settle(slot);
    }

    fn wait(&mut self, slot: Slot, id: QueueId, waiting: Waiting) {
        self.entries.insert((id, slot), State::Waiting(waiting));
        if let Some(destination) = self.destination_mut(slot) {
            destination.line.insert(id, waiting);
        }
    }

    fn unwait(&mut self, slot: Slot, id: QueueId, waiting: Waiting) {
        self.entries.remove(&(id, slot));
        if let Some(destination) = self.destination_mut(slot) {
            destination.line.remove(id, waiting);
        }
    }

    /// Puts a destination where it belongs now; it keeps its turn.
    fn settle(&mut self, slot: Slot) {
        if let Some(place) = self.lift(slot) {
            self.put(slot, place);
        }
    }

    /// Takes a destination from its place.
    fn lift(&mut self, slot: Slot) -> Option<Place> {
        let destination = self.destination_mut(slot)?;
        let place = std::mem::replace(&mut destination.place, Place::Nowhere);
        match place {
            Place::Nowhere => false,
            Place::Timer(due) => self.timers.remove(&(due, slot)),
            Place::Idle(ready) => self.idle.remove(&(ready.turn, slot)),
            Place::Busy(ready) => self.busy.remove(&(ready.turn, slot)),
        };
        Some(place)
    }

    /// Puts a lifted destination where it belongs; `before` is where it was.
    fn put(&mut self, slot: Slot, before: Place) {
        let Some(destination) = self.destination_mut(slot) else { return };
        let place = destination.belongs(before);
        destination.place = place;
        let empty = destination.line.is_empty() && destination.in_flight == 0;
        match place {
            Place::Nowhere => false,
            Place::Timer(due) => self.timers.insert((due, slot)),
            Place::Idle(ready) => self.idle.insert((ready.turn, slot)),
            Place::Busy(ready) => self.busy.insert((ready.turn, slot)),
        };
        if empty {
            self.drop_destination(slot);
        }
    }

    fn slot(&mut self, name: D) -> Slot {
        if let Some(&slot) = self.slots.get(&name) {
            return slot;
        }
        let known = self.memory.recall(&name);
        let feedback = known.unwrap_or_else(|| Feedback::new(self.limits));
        let destination = Destination::new(name.clone(), feedback);
        let slot = self.unused.pop().unwrap_or_else(|| {
            self.destinations.push(None);
            // Four thousand million destinations do not fit in memory.
            Slot::try_from(self.destinations.len() - 1).unwrap_or(Slot::MAX)
        });
        if let Some(place) = self.destinations.get_mut(slot as usize) {
            *place = Some(destination);
        }
        self.slots.insert(name, slot);
        slot
    }

    fn drop_destination(&mut self, slot: Slot) {
        if let Some(destination) = self.destinations.get_mut(slot as usize).and_then(Option::take) {
            self.slots.remove(&destination.name);
            self.unused.push(slot);
            if destination.feedback.is_telling(self.limits) {
                self.memory.keep(destination.name, destination.feedback);
            }
        }
    }

    pub(super) fn destination(&self, slot: Slot) -> Option<&Destination<D>> {
        self.destinations.get(slot as usize)?.as_ref()
    }

    fn destination_mut(&mut self, slot: Slot) -> Option<&mut Destination<D>> {
        self.destinations.get_mut(slot as usize)?.as_mut()
    }
}

/// One delivery in so many is for destinations that have none in flight.
const RESERVED_FRACTION: usize = 10;
