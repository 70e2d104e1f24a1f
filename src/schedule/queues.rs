//! Destination queues: which of the messages that are due goes next.
//!
//! Two limits hold: deliveries in all, and deliveries to one destination.
//! Among destinations with something due they take turns. A destination with
//! nothing in flight goes before those that have something, and the last tenth
//! of all deliveries is only for such: slow destinations, however many, never
//! hold up the others. Within a destination the longest due goes first, a
//! priority counting as waiting (`line`): it moves no destination before
//! another.
//!
//! Every operation takes time logarithmic in the number of messages; a message
//! at a destination costs about 80 octets.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
};

use super::line::{Line, Waiting};
use crate::mail::{Priority, QueueId, Timestamp};

/// The queues of all destinations; `D` is whatever names one. A message with
/// recipients at two destinations is scheduled at each.
#[derive(Debug)]
pub struct Schedule<D> {
    limits: Limits,
    slots: HashMap<D, Slot>,
    destinations: Vec<Option<Destination<D>>>,
    unused: Vec<Slot>,
    entries: BTreeMap<(QueueId, Slot), State>,
    /// Destinations whose first message is not due, or was not when last looked.
    timers: BTreeSet<(Timestamp, Slot)>,
    /// Destinations whose turn will come, with nothing in flight.
    idle: BTreeSet<(Turn, Slot)>,
    /// Likewise, with something in flight.
    busy: BTreeSet<(Turn, Slot)>,
    last_turn: Turn,
    in_flight: usize,
}

/// At once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub total: usize,
    pub per_destination: usize,
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

/// What destinations have to do: one message counts once at each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    pub destinations: usize,
    pub waiting: usize,
    pub in_flight: usize,
    /// When the oldest of these messages came in.
    pub oldest: Option<Timestamp>,
}

type Slot = u32;
type Turn = u64;

#[derive(Debug)]
struct Destination<D> {
    name: D,
    line: Line,
    in_flight: usize,
    /// Deliveries at once: what feedback from attempts will move.
    limit: usize,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Waiting(Waiting),
    InFlight(Priority),
    /// In flight, and removed meanwhile.
    Leaving,
}

/// Where a destination stands, so that it can be taken from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It has nothing that waits, or has reached its limit.
    Nowhere,
    Timer(Timestamp),
    Idle(Ready),
    Busy(Ready),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ready {
    turn: Turn,
    /// Everything due by then is ready.
    since: Timestamp,
}

impl<D: Clone + Eq + Hash> Schedule<D> {
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            slots: HashMap::new(),
            destinations: Vec::new(),
            unused: Vec::new(),
            entries: BTreeMap::new(),
            timers: BTreeSet::new(),
            idle: BTreeSet::new(),
            busy: BTreeSet::new(),
            last_turn: 0,
            in_flight: 0,
        }
    }

    /// Schedules a message at a destination; where it waits there already, it
    /// is moved to the new time. In flight, it stays so.
    pub fn add(&mut self, id: QueueId, destination: D, due: Timestamp, priority: Priority) {
        let slot = self.slot(destination);
        match self.entries.get(&(id, slot)).copied() {
            Some(State::InFlight(_) | State::Leaving) => {
                self.entries.insert((id, slot), State::InFlight(priority));
                return;
            }
            Some(State::Waiting(earlier)) => self.unwait(slot, id, earlier),
            None => {}
        }
        self.wait(slot, id, Waiting { due, priority });
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
        let name = destination.name.clone();
        self.in_flight += 1;
        let priority = match self.entries.get(&(id, slot)) {
            Some(State::Waiting(waiting)) => waiting.priority,
            _ => Priority::NORMAL,
        };
        self.entries.insert((id, slot), State::InFlight(priority));
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
        if let Some(State::InFlight(priority)) = self.entries.remove(&(id, slot)) {
            self.wait(slot, id, Waiting { due, priority });
        }
        self.settle(slot);
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

    /// Makes a message due at all its destinations.
    pub fn flush(&mut self, id: QueueId, now: Timestamp) {
        for (slot, state) in self.of_message(id) {
            if let State::Waiting(waiting) = state
                && waiting.due > now
            {
                self.unwait(slot, id, waiting);
                self.wait(slot, id, Waiting { due: now, ..waiting });
                self.settle(slot);
            }
        }
    }

    /// Makes everything for a destination due.
    pub fn flush_destination(&mut self, destination: &D, now: Timestamp) {
        if let Some(&slot) = self.slots.get(destination) {
            self.flush_slot(slot, now);
        }
    }

    /// Makes everything due.
    pub fn flush_all(&mut self, now: Timestamp) {
        let slots: Vec<Slot> = self.slots.values().copied().collect();
        for slot in slots {
            self.flush_slot(slot, now);
        }
    }

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

    fn flush_slot(&mut self, slot: Slot, now: Timestamp) {
        let Some(destination) = self.destination_mut(slot) else { return };
        for (id, priority) in destination.line.split_off_after(now) {
            self.wait(slot, id, Waiting { due: now, priority });
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
        let destination = Destination {
            name: name.clone(),
            line: Line::default(),
            in_flight: 0,
            limit: self.limits.per_destination,
            place: Place::Nowhere,
        };
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
        }
    }

    fn destination(&self, slot: Slot) -> Option<&Destination<D>> {
        self.destinations.get(slot as usize)?.as_ref()
    }

    fn destination_mut(&mut self, slot: Slot) -> Option<&mut Destination<D>> {
        self.destinations.get_mut(slot as usize)?.as_mut()
    }
}

impl Place {
    /// Everything due by then is ready.
    const fn since(self) -> Timestamp {
        match self {
            Self::Idle(ready) | Self::Busy(ready) => ready.since,
            Self::Nowhere | Self::Timer(_) => Timestamp::from_unix_milliseconds(0),
        }
    }
}

impl<D> Destination<D> {
    fn belongs(&self, before: Place) -> Place {
        let Some(due) = self.line.first_due() else { return Place::Nowhere };
        if self.in_flight >= self.limit {
            return Place::Nowhere;
        }
        match before {
            Place::Idle(ready) | Place::Busy(ready) if due <= ready.since => {
                if self.in_flight == 0 { Place::Idle(ready) } else { Place::Busy(ready) }
            }
            _ => Place::Timer(due),
        }
    }
}

/// One delivery in so many is for destinations that have none in flight.
const RESERVED_FRACTION: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const NORMAL: Priority = Priority::NORMAL;

    fn schedule(total: usize, per_destination: usize) -> Schedule<&'static str> {
        Schedule::new(Limits { total, per_destination })
    }

    fn id(number: u64) -> QueueId {
        QueueId::at(number, 0)
    }

    fn at(milliseconds: u64) -> Timestamp {
        Timestamp::from_unix_milliseconds(milliseconds)
    }

    #[test]
    fn nothing_goes_before_it_is_due_and_the_longest_due_goes_first() {
        let mut schedule = schedule(10, 10);
        schedule.add(id(1), "a", at(30), NORMAL);
        schedule.add(id(2), "a", at(10), NORMAL);
        assert_eq!(schedule.next_due(at(0)), Some(at(10)));
        assert_eq!(schedule.take(at(9)), None);
        assert_eq!(schedule.take(at(30)), Some((id(2), "a")));
        assert_eq!(schedule.take(at(30)), Some((id(1), "a")));
        assert_eq!((schedule.take(at(99)), schedule.next_due(at(99))), (None, None));
    }

    #[test]
    fn destinations_take_turns() {
        let mut schedule = schedule(100, 100);
        for number in 0..50 {
            schedule.add(id(number), "large", at(0), NORMAL);
        }
        schedule.add(id(90), "small", at(1), NORMAL);
        schedule.add(id(91), "small", at(1), NORMAL);
        let order: Vec<&str> = (0..6).map(|_| schedule.take(at(2)).unwrap().1).collect();
        assert_eq!(order, ["large", "small", "large", "small", "large", "large"]);
    }

    #[test]
    fn priority_counts_at_its_own_destination_and_is_kept_between_attempts() {
        let mut schedule = schedule(100, 1);
        const DAY: u64 = 86_400_000;
        let high = Priority::try_from(9).unwrap();
        schedule.add(id(1), "a", at(DAY), NORMAL);
        schedule.add(id(2), "b", at(DAY + 1), high);
        schedule.add(id(3), "b", at(DAY), NORMAL);
        assert_eq!(schedule.take(at(DAY + 2)), Some((id(1), "a")));
        assert_eq!(schedule.take(at(DAY + 2)), Some((id(2), "b")));
        schedule.retry(id(2), &"b", at(DAY + 3));
        assert_eq!(schedule.take(at(DAY + 3)), Some((id(2), "b")));
        schedule.finished(id(2), &"b");
        assert_eq!(schedule.take(at(DAY + 3)), Some((id(3), "b")));
    }

    #[test]
    fn slow_destinations_leave_room_for_others() {
        let mut schedule = schedule(20, 20);
        for number in 0..100 {
            schedule.add(id(number), ["slow", "dead"][number as usize % 2], at(0), NORMAL);
        }
        while schedule.take(at(0)).is_some() {}
        assert_eq!(schedule.in_flight(), 18);
        assert_eq!(schedule.next_due(at(0)), None);
        schedule.add(id(200), "well", at(1), NORMAL);
        schedule.add(id(201), "well", at(1), NORMAL);
        assert_eq!(schedule.next_due(at(1)), Some(at(1)));
        assert_eq!(schedule.take(at(1)), Some((id(200), "well")));
        assert_eq!(schedule.take(at(1)), None);
        schedule.finished(id(200), &"well");
        assert_eq!(schedule.take(at(1)), Some((id(201), "well")));
    }

    #[test]
    fn a_destination_at_its_limit_waits_for_one_of_its_own() {
        let mut schedule = schedule(10, 1);
        schedule.add(id(1), "a", at(0), NORMAL);
        schedule.add(id(2), "a", at(0), NORMAL);
        assert_eq!(schedule.take(at(0)), Some((id(1), "a")));
        assert_eq!((schedule.take(at(0)), schedule.next_due(at(0))), (None, None));
        schedule.retry(id(1), &"a", at(50));
        assert_eq!(schedule.take(at(0)), Some((id(2), "a")));
        schedule.finished(id(2), &"a");
        assert_eq!(schedule.next_due(at(0)), Some(at(50)));
    }

    #[test]
    fn a_message_is_scheduled_once_at_each_destination() {
        let mut schedule = schedule(10, 10);
        schedule.add(id(1), "a", at(0), NORMAL);
        schedule.add(id(1), "b", at(0), NORMAL);
        schedule.add(id(1), "a", at(7), NORMAL);
        assert_eq!(schedule.len(), 2);
        assert_eq!(schedule.take(at(0)), Some((id(1), "b")));
        assert_eq!(schedule.next_due(at(0)), Some(at(7)));
    }

    #[test]
    fn what_is_removed_in_flight_does_not_come_back() {
        let mut schedule = schedule(10, 10);
        schedule.add(id(1), "a", at(0), NORMAL);
        schedule.add(id(1), "b", at(9), NORMAL);
        schedule.take(at(0));
        assert_eq!(schedule.remove(id(1)), Removal::InFlight);
        assert_eq!((schedule.len(), schedule.in_flight()), (1, 1));
        schedule.retry(id(1), &"a", at(0));
        assert!(schedule.is_empty() && schedule.in_flight() == 0);
        assert_eq!(schedule.remove(id(1)), Removal::Unknown);
    }

    #[test]
    fn flushing_makes_due_what_is_named_and_nothing_else() {
        let mut schedule = schedule(10, 10);
        for (number, name) in [(1, "a"), (2, "b"), (3, "c"), (4, "c")] {
            schedule.add(id(number), name, at(1000 + number), NORMAL);
        }
        schedule.flush(id(1), at(5));
        assert_eq!(schedule.take(at(5)), Some((id(1), "a")));
        schedule.flush_destination(&"c", at(6));
        assert_eq!(schedule.take(at(6)), Some((id(3), "c")));
        assert_eq!(schedule.take(at(6)), Some((id(4), "c")));
        assert_eq!(schedule.take(at(6)), None);
        schedule.flush_all(at(7));
        assert_eq!(schedule.take(at(7)), Some((id(2), "b")));
    }

    #[test]
    fn loads_are_summed_by_class() {
        let mut schedule = schedule(10, 10);
        for (number, name) in [(1, "a1"), (2, "a2"), (3, "b1")] {
            schedule.add(id(number), name, at(number), NORMAL);
        }
        schedule.take(at(1));
        let loads = schedule.loads(|name| name.starts_with('a'));
        let a = Load { destinations: 2, waiting: 1, in_flight: 1, oldest: Some(at(1)) };
        let b = Load { destinations: 1, waiting: 1, in_flight: 0, oldest: Some(at(3)) };
        assert_eq!(loads, BTreeMap::from([(false, b), (true, a)]));
    }
}
