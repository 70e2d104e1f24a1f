//! What holds for a [`Schedule`], by example.

use std::{collections::BTreeMap, time::Duration};

use super::{Health, Jitter, Limits, Load, Removal, Schedule, Traits, Trials, Verdict};
use crate::mail::{DestinationChange, Failure, FailureReason, Priority, QueueId, Reply, Timestamp};

/// Of nobody in particular.
const NORMAL: Priority = Priority::NORMAL;

fn schedule(total: usize, per_destination: usize) -> Tested {
    let trials = Trials::new(vec![Duration::from_secs(60)]).unwrap();
    let limits = Limits { total, per_destination, initial_per_destination: per_destination };
    Tested(Schedule::new(limits, trials))
}

/// All small, and of one sender.
struct Tested(Schedule<&'static str>);

impl Tested {
    fn add(&mut self, id: QueueId, name: &'static str, due: Timestamp, priority: Priority) {
        self.0.add(id, name, due, Traits::new(0, 0, priority));
    }

    fn hear(
        &mut self,
        name: &'static str,
        verdict: Verdict,
        now: u64,
    ) -> Option<DestinationChange> {
        self.0.heard(&name, verdict, at(now), Jitter::NONE)
    }

    /// Takes and fails so often, each to be tried again an hour later.
    fn fail(&mut self, times: usize, now: u64) -> Option<DestinationChange> {
        let mut change = None;
        for _ in 0..times {
            let (id, name) = self.0.take(at(now)).unwrap();
            change = self.hear(name, failing(), now);
            self.0.retry(id, &name, at(now + 3_600_000));
        }
        change
    }
}

impl std::ops::Deref for Tested {
    type Target = Schedule<&'static str>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl std::ops::DerefMut for Tested {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

fn failing() -> Verdict {
    let reply = Reply::plain(451, "no answer");
    Verdict::Failing(Failure { reason: FailureReason::Connect, reply })
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

/// Dead at time 0, of three failures; six still wait.
fn dead() -> Tested {
    let mut schedule = schedule(100, 3);
    for number in 0..6 {
        schedule.add(id(number), "dead", at(0), NORMAL);
    }
    assert_eq!(schedule.fail(3, 0), Some(DestinationChange::Died));
    schedule
}

#[test]
fn a_dead_destination_has_one_trial_at_a_time_and_a_rest_before_each() {
    let mut schedule = dead();
    assert_eq!((schedule.take(at(59_999)), schedule.next_due(at(1))), (None, Some(at(60_000))));
    let (trial, name) = schedule.take(at(60_000)).unwrap();
    assert_eq!((schedule.take(at(90_000)), schedule.next_due(at(90_000))), (None, None));
    assert_eq!(schedule.hear(name, failing(), 90_000), Some(DestinationChange::TrialFailed));
    schedule.retry(trial, &name, at(99_000_000));
    assert_eq!(schedule.next_due(at(90_000)), Some(at(150_000)));
    assert_eq!(schedule.health()[&Health::Dead], 1);
    assert_eq!(schedule.trouble(&"dead").map(|trouble| trouble.since), Some(at(0)));
}

#[test]
fn what_waits_is_due_once_its_destination_answers_again() {
    let mut schedule = dead();
    let (trial, name) = schedule.take(at(60_000)).unwrap();
    assert_eq!(schedule.hear(name, Verdict::Well, 60_001), Some(DestinationChange::Revived));
    schedule.finished(trial, &name);
    // Those that had failed, and would not be due for an hour, as well.
    let taken = std::iter::from_fn(|| {
        let (id, name) = schedule.take(at(60_001))?;
        schedule.finished(id, &name);
        Some(id)
    });
    assert_eq!(taken.count(), 5);
}

#[test]
fn a_person_who_wants_it_tried_has_it_tried_though_it_is_dead() {
    for flush in [
        |schedule: &mut Tested| schedule.flush(id(4), at(5)),
        |schedule: &mut Tested| schedule.flush_destination(&"dead", at(5)),
        |schedule: &mut Tested| schedule.flush_all(at(5)),
    ] {
        let mut schedule = dead();
        assert_eq!(schedule.take(at(5)), None);
        flush(&mut schedule);
        assert!(schedule.take(at(5)).is_some());
        assert_eq!(schedule.health()[&Health::Open], 1);
    }
}

#[test]
fn a_destination_where_nothing_waits_any_more_is_remembered_dead() {
    let mut schedule = dead();
    for number in 0..6 {
        schedule.remove(id(number));
    }
    assert!(schedule.is_empty());
    schedule.add(id(7), "dead", at(1), NORMAL);
    schedule.add(id(8), "well", at(1), NORMAL);
    assert_eq!(schedule.take(at(2)), Some((id(8), "well")));
    assert_eq!(schedule.take(at(2)), None);
    assert_eq!(schedule.take(at(60_000)), Some((id(7), "dead")));
}

#[test]
fn what_becomes_of_a_message_can_be_asked() {
    let mut schedule = schedule(10, 10);
    assert!(schedule.is_empty());
    schedule.add(id(1), "a", at(0), NORMAL);
    schedule.add(id(1), "b", at(50), NORMAL);
    schedule.add(id(2), "b", at(0), NORMAL);
    assert!(!schedule.is_empty());
    assert_eq!(schedule.take(at(0)), Some((id(1), "a")));
    assert!(schedule.knows(id(1)) && schedule.knows(id(2)) && !schedule.knows(id(3)));
    assert!(schedule.is_in_flight(id(1), &"a"));
    assert!(!schedule.is_in_flight(id(1), &"b") && !schedule.is_in_flight(id(1), &"c"));
    let mut waiting = schedule.waiting_at(&"b");
    waiting.sort_unstable();
    assert_eq!((waiting, schedule.waiting_at(&"a")), (vec![id(1), id(2)], vec![]));
    schedule.finished(id(1), &"a");
    schedule.remove(id(1));
    assert!(!schedule.knows(id(1)));
}

#[test]
fn what_is_claimed_is_taken_by_nobody_and_goes_back_where_it_was() {
    let mut schedule = schedule(10, 10);
    schedule.add(id(1), "a", at(0), NORMAL);
    schedule.add(id(1), "b", at(50), NORMAL);
    schedule.add(id(2), "b", at(60), NORMAL);
    schedule.add(id(3), "c", at(0), NORMAL);
    assert_eq!(schedule.take(at(0)), Some((id(1), "a")));
    assert_eq!(schedule.claim(id(1)), [("b", at(50))]);
    assert_eq!(schedule.claim(id(1)), []);
    assert_eq!(schedule.take(at(60)), Some((id(3), "c")));
    assert_eq!(schedule.take(at(60)), Some((id(2), "b")));
    assert_eq!(schedule.take(at(60)), None);
    schedule.retry(id(1), &"b", at(50));
    assert_eq!(schedule.take(at(60)), Some((id(1), "b")));
}
