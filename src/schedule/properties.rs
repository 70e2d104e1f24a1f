//! What holds for every order of calls to a [`Schedule`], against a model that
//! is slow and plain.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use proptest::prelude::*;

use super::{
    Jitter, Limits, Schedule, Traits, Trials, Verdict,
    feedback::{Ending, Feedback},
};
use crate::mail::{DestinationChange, Failure, FailureReason, Priority, QueueId, Reply, Timestamp};

fn id(number: u64) -> QueueId {
    QueueId::at(number, 0)
}

/// Of one of three senders, large or small.
fn traits(number: u64, level: i8) -> Traits {
    let octets = if number.is_multiple_of(5) { 10 << 20 } else { 10 };
    Traits::new((number % 3) as u32, octets, Priority::try_from(level).unwrap())
}

fn trials() -> Trials {
    Trials::new(vec![Duration::from_millis(10), Duration::from_millis(30)]).unwrap()
}

fn verdict(letter: u8) -> Verdict {
    let reply = Reply::plain(451, "no answer");
    match letter {
        0 => Verdict::Well,
        1 => Verdict::Nothing,
        _ => Verdict::Failing(Failure { reason: FailureReason::Connect, reply }),
    }
}

/// Days after 1970, so that no head start is cut off there.
fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_unix_milliseconds(1_000_000_000 + milliseconds)
}

#[derive(Clone, Copy, Debug)]
enum Act {
    Add(u64, u8, u64, i8),
    Take,
    /// With what it says of its destination.
    Finish(usize, u8),
    Retry(usize, u64, u8),
    Claim(u64),
    Remove(u64),
    FlushAll,
    Pass(u64),
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..40_u64, 0..6_u8, 0..50_u64, -9..=9_i8)
            .prop_map(|(id, d, due, priority)| Act::Add(id, d, due, priority)),
        6 => Just(Act::Take),
        3 => (any::<usize>(), 0..4_u8).prop_map(|(which, said)| Act::Finish(which, said)),
        3 => (any::<usize>(), 0..50_u64, 0..4_u8)
            .prop_map(|(which, wait, said)| Act::Retry(which, wait, said)),
        1 => (0..40_u64).prop_map(Act::Claim),
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
    /// Of those with something to do, and of others of whom something is
    /// known.
    feedback: BTreeMap<u8, Feedback>,
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
        let free = limits.total.saturating_sub(self.flying.len());
        self.waiting.iter().any(|(&(_, destination), &due)| {
            let flying = self.in_flight(destination);
            let allowed = flying == 0 && free > 0 || free > limits.total / 10;
            let feedback = &self.feedback[&destination];
            let rests = feedback.rests_until().is_some_and(|until| until > at(self.now));
            due <= self.now && flying < feedback.window() && !rests && allowed
        })
    }

    fn hear(&mut self, destination: u8, said: u8, limits: Limits) -> Option<DestinationChange> {
        let (now, in_flight) = (at(self.now), self.in_flight(destination));
        let ending = Ending { now, jitter: Jitter::NONE, in_flight };
        let feedback = self.feedback.get_mut(&destination)?;
        let change = feedback.heard(verdict(said), limits, &trials(), ending);
        if change == Some(DestinationChange::Revived) {
            let here = self.waiting.iter_mut().filter(|((_, other), _)| *other == destination);
            here.for_each(|(_, due)| *due = self.now.min(*due));
        }
        change
    }

    /// Those without anything to do are forgotten, but for what is known of
    /// them.
    fn tidy(&mut self, limits: Limits) {
        let busy: BTreeSet<u8> =
            self.waiting.keys().chain(&self.flying).map(|&(_, destination)| destination).collect();
        self.feedback.retain(|destination, feedback| {
            busy.contains(destination) || feedback.is_telling(limits)
        });
    }

    fn flying(&self, which: usize) -> Option<&(u64, u8)> {
        self.flying.get(which.checked_rem(self.flying.len())?)
    }

    /// Whether it had been removed meanwhile.
    fn land(&mut self, landed: (u64, u8)) -> bool {
        self.flying.retain(|flying| *flying != landed);
        self.leaving.remove(&landed)
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_and_no_limit_is_passed(
        acts in prop::collection::vec(act(), 1..200),
        total in 1..15_usize,
        per_destination in 1..5_usize,
        initial_per_destination in 1..5_usize,
    ) {
        let limits = Limits { total, per_destination, initial_per_destination };
        let mut schedule = Schedule::new(limits, trials());
        let mut model = Model::default();
        for act in acts {
            step(&mut schedule, &mut model, limits, act)?;
            model.tidy(limits);
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
        let limits = Limits { total: 1000, per_destination: 1000, initial_per_destination: 1000 };
        let mut schedule = Schedule::new(limits, trials());
        for (destination, &size) in sizes.iter().enumerate() {
            for number in 0..size {
                let id = id(number * 100 + destination as u64);
                schedule.add(id, destination, at(number), traits(number, 0));
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
            schedule.add(id(number), destination, at(model.now + wait), traits(number, level));
            model.feedback.entry(destination).or_insert_with(|| Feedback::new(limits));
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
                model.flying.push(entry);
                let feedback = model.feedback.get_mut(&destination);
                feedback.into_iter().for_each(Feedback::begun);
                prop_assert!(model.in_flight(destination) <= limits.per_destination);
                prop_assert!(model.flying.len() <= limits.total);
            }
        }
        Act::Finish(which, said) => {
            if let Some(&(number, destination)) = model.flying(which) {
                let change = model.hear(destination, said, limits);
                let heard =
                    schedule.heard(&destination, verdict(said), at(model.now), Jitter::NONE);
                prop_assert_eq!(heard, change);
                schedule.finished(id(number), &destination);
                model.land((number, destination));
            }
        }
        Act::Retry(which, wait, said) => {
            if let Some(&(number, destination)) = model.flying(which) {
                let change = model.hear(destination, said, limits);
                let heard =
                    schedule.heard(&destination, verdict(said), at(model.now), Jitter::NONE);
                prop_assert_eq!(heard, change);
                schedule.retry(id(number), &destination, at(model.now + wait));
                if !model.land((number, destination)) {
                    model.waiting.insert((number, destination), model.now + wait);
                }
            }
        }
        Act::Claim(number) => {
            for (destination, due) in schedule.claim(id(number)) {
                let entry = (number, destination);
                prop_assert_eq!(model.waiting.remove(&entry).map(at), Some(due));
                model.flying.push(entry);
            }
            prop_assert!(!model.waiting.keys().any(|entry| entry.0 == number));
        }
        Act::Remove(number) => {
            schedule.remove(id(number));
            model.waiting.retain(|key, _| key.0 != number);
            let flying = model.flying.iter().filter(|key| key.0 == number);
            model.leaving.extend(flying.copied());
        }
        Act::FlushAll => {
            schedule.flush_all(at(model.now));
            let busy: BTreeSet<u8> =
                model.waiting.keys().chain(&model.flying).map(|entry| entry.1).collect();
            model.feedback.retain(|destination, _| busy.contains(destination));
            model.feedback.values_mut().for_each(|known| known.forgive(limits));
            model.waiting.values_mut().for_each(|due| *due = (*due).min(model.now));
        }
        Act::Pass(time) => model.now += time,
    }
    Ok(())
}
