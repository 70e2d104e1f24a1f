//! What holds for every order of calls to a [`Schedule`], against a model that
//! is slow and plain.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::{Limits, Schedule, line::Waiting};
use crate::mail::{Priority, QueueId, Timestamp};

fn id(number: u64) -> QueueId {
    QueueId::at(number, 0)
}

fn priority(level: i8) -> Priority {
    Priority::try_from(level).unwrap()
}

/// Days after 1970, so that no head start is cut off there.
fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_unix_milliseconds(1_000_000_000 + milliseconds)
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Add(u64, u8, u64, i8),
    Take,
    Finish(usize),
    Retry(usize, u64),
    Remove(u64),
    FlushAll,
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..40_u64, 0..6_u8, 0..50_u64, -9..=9_i8)
            .prop_map(|(id, d, due, priority)| Act::Add(id, d, due, priority)),
        6 => Just(Act::Take),
        3 => any::<usize>().prop_map(Act::Finish),
        2 => (any::<usize>(), 0..50_u64).prop_map(|(which, wait)| Act::Retry(which, wait)),
        1 => (0..40_u64).prop_map(Act::Remove),
        1 => Just(Act::FlushAll),
        2 => (0..20_u64).prop_map(Act::Pass),
        1 => (0..3_000_000_u64).prop_map(Act::Pass),
    ]
}

/// The same rules, slowly.
#[derive(Default)]
struct Model {
    waiting: BTreeMap<(u64, u8), u64>,
    /// As each was added with last.
    priorities: BTreeMap<(u64, u8), i8>,
    flying: Vec<(u64, u8)>,
    leaving: BTreeSet<(u64, u8)>,
    now: u64,
}

impl Model {
    fn in_flight(&self, destination: u8) -> usize {
        self.flying.iter().filter(|flying| flying.1 == destination).count()
    }

    /// Whether the limits let something go, and whether it must be idle.
    fn can_take(&self, limits: Limits) -> bool {
        let free = limits.total - self.flying.len();
        self.waiting.iter().any(|(&(_, destination), &due)| {
            let flying = self.in_flight(destination);
            let allowed = flying == 0 && free > 0 || free > limits.total / 10;
            due <= self.now && flying < limits.per_destination && allowed
        })
    }

    /// As if it had been due since.
    fn rank(&self, entry: (u64, u8), due: u64) -> Timestamp {
        let level = self.priorities.get(&entry).copied().unwrap_or_default();
        Waiting { due: at(due), priority: priority(level) }.rank()
    }

    fn land(&mut self, which: usize) -> Option<((u64, u8), bool)> {
        let at = which.checked_rem(self.flying.len())?;
        let landed = self.flying.remove(at);
        Some((landed, self.leaving.remove(&landed)))
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_and_no_limit_is_passed(
        acts in prop::collection::vec(act(), 1..200),
        total in 1..15_usize,
        per_destination in 1..5_usize,
    ) {
        let limits = Limits { total, per_destination };
        let mut schedule = Schedule::new(limits);
        let mut model = Model::default();
        for act in acts {
            step(&mut schedule, &mut model, limits, act)?;
            prop_assert_eq!(schedule.len(), model.waiting.len() + model.flying.len());
            prop_assert_eq!(schedule.in_flight(), model.flying.len());
            let due_now = schedule.next_due(at(model.now)) == Some(at(model.now));
            prop_assert_eq!(due_now, model.can_take(limits));
        }
    }

    #[test]
    fn every_ready_destination_is_served_before_any_is_served_twice(
        sizes in prop::collection::vec(1..20_u64, 1..12),
    ) {
        let mut schedule = Schedule::new(Limits { total: 1000, per_destination: 1000 });
        for (destination, &size) in sizes.iter().enumerate() {
            for number in 0..size {
                let id = id(number * 100 + destination as u64);
                schedule.add(id, destination, at(number), Priority::NORMAL);
            }
        }
        let mut left = sizes;
        while left.iter().any(|&size| size > 0) {
            let ready = left.iter().filter(|&&size| size > 0).count();
            let mut round = BTreeSet::new();
            for _ in 0..ready {
                let (_, destination) = schedule.take(at(100)).unwrap();
                left[destination] -= 1;
                prop_assert!(round.insert(destination), "{destination} was served twice");
            }
        }
    }
}

fn step(
    schedule: &mut Schedule<u8>,
    model: &mut Model,
    limits: Limits,
    act: Act,
) -> Result<(), TestCaseError> {
    match act {
        Act::Add(number, destination, wait, level) => {
            let entry = (number, destination);
            schedule.add(id(number), destination, at(model.now + wait), priority(level));
            model.priorities.insert(entry, level);
            model.leaving.remove(&entry);
            if !model.flying.contains(&entry) {
                model.waiting.insert(entry, model.now + wait);
            }
        }
        Act::Take => {
            let could = model.can_take(limits);
            let taken = schedule.take(at(model.now));
            prop_assert_eq!(taken.is_some(), could);
            if let Some((taken, destination)) = taken {
                let entry = (taken.unix_milliseconds(), destination);
                let due = model.waiting.remove(&entry);
                prop_assert!(due.is_some_and(|due| due <= model.now));
                let rank = due.map(|due| model.rank(entry, due));
                let others = model
                    .waiting
                    .iter()
                    .filter(|(key, due)| key.1 == destination && **due <= model.now);
                let first = others.map(|(key, due)| model.rank(*key, *due)).min();
                prop_assert!(first.is_none_or(|first| rank <= Some(first)));
                model.flying.push(entry);
                prop_assert!(model.in_flight(destination) <= limits.per_destination);
                prop_assert!(model.flying.len() <= limits.total);
            }
        }
        Act::Finish(which) => {
            if let Some(((number, destination), _)) = model.land(which) {
                schedule.finished(id(number), &destination);
            }
        }
        Act::Retry(which, wait) => {
            if let Some(((number, destination), leaving)) = model.land(which) {
                schedule.retry(id(number), &destination, at(model.now + wait));
                if !leaving {
                    model.waiting.insert((number, destination), model.now + wait);
                }
            }
        }
        Act::Remove(number) => {
            schedule.remove(id(number));
            model.waiting.retain(|key, _| key.0 != number);
            let flying = model.flying.iter().filter(|key| key.0 == number);
            model.leaving.extend(flying.copied());
        }
        Act::FlushAll => {
            schedule.flush_all(at(model.now));
            model.waiting.values_mut().for_each(|due| *due = (*due).min(model.now));
        }
        Act::Pass(time) => model.now += time,
    }
    Ok(())
}
