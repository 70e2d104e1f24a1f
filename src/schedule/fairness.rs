//! What the order of a line, and the rests of a dead destination, promise:
//! fairness, no starvation, few attempts, little memory.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::{
    Jitter, Limits, Schedule, Traits, Trials, Verdict,
    line::{Line, Waiting},
};
use crate::mail::{Failure, FailureReason, Priority, QueueId, Reply, Timestamp};

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
/// Late enough for every head start.
const DAY: u64 = 1_440 * MINUTE;

fn id(number: u64) -> QueueId {
    QueueId::from_bits(number)
}

fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_unix_milliseconds(milliseconds)
}

#[derive(Clone, Copy, Debug)]
struct Sent {
    sender: u32,
    due: u64,
    octets: u64,
    priority: i8,
}

impl Sent {
    const fn small(sender: u32, due: u64) -> Self {
        Self { sender, due, octets: 4 << 10, priority: 0 }
    }

    fn waiting(self) -> Waiting {
        let priority = Priority::try_from(self.priority).unwrap();
        Waiting { due: at(self.due), traits: Traits::new(self.sender, self.octets, priority) }
    }
}

fn line(sent: &[Sent]) -> Line {
    let mut line = Line::default();
    for (number, sent) in (0..).zip(sent) {
        line.insert(id(number), sent.waiting());
    }
    line
}

/// The order in which those go who are due by then.
fn order(sent: &[Sent], now: u64) -> Vec<usize> {
    let mut line = line(sent);
    line.look_at_the_time(at(now));
    std::iter::from_fn(|| line.pop()).map(|id| id.to_bits() as usize).collect()
}

#[test]
fn of_those_that_are_due_the_higher_priority_goes_first() {
    let now = DAY + MINUTE;
    let sent = [0, -9, 9, 4, 0].map(|priority| Sent { priority, ..Sent::small(1, DAY) });
    assert_eq!(order(&sent, now), [2, 3, 0, 4, 1]);
}

#[test]
fn what_is_not_due_is_overtaken_whatever_its_priority() {
    let high = Sent { priority: 9, ..Sent::small(1, DAY + 1) };
    let low = Sent { priority: -9, ..Sent::small(1, DAY) };
    assert_eq!(order(&[high, low], DAY), [1]);
}

#[test]
fn ten_thousand_messages_of_one_sender_do_not_delay_another_s_one() {
    let mut line = line(&vec![Sent::small(1, DAY); 10_000]);
    line.look_at_the_time(at(DAY));
    for _ in 0..3_000 {
        line.pop();
    }
    line.insert(id(77_777), Sent::small(2, DAY + MINUTE).waiting());
    line.look_at_the_time(at(DAY + MINUTE));
    let turns = std::iter::from_fn(|| line.pop()).position(|gone| gone == id(77_777));
    assert!(turns.is_some_and(|turns| turns < 3), "{turns:?}");
}

/// Three turns are those of a higher priority, the fourth of the longest wait.
#[test]
fn who_has_waited_longest_is_told_by_the_first_of_each_lane() {
    let urgent = Sent { priority: 9, ..Sent::small(9, DAY) };
    let large = Sent { octets: 40 << 20, ..Sent::small(1, DAY) };
    let overtakes_it = Sent::small(1, DAY + SECOND);
    let another = Sent::small(2, DAY + MINUTE);
    let sent = [urgent, urgent, urgent, large, overtakes_it, another];
    assert_eq!(order(&sent, DAY + 2 * MINUTE).get(3), Some(&4));
}

#[test]
fn whoever_comes_new_starts_where_the_least_served_of_their_priority_stand() {
    let mut line = line(&vec![Sent::small(1, DAY); 100]);
    line.look_at_the_time(at(DAY));
    let before: Vec<_> = (0..40).map_while(|_| line.pop()).collect();
    assert_eq!(before.len(), 40);
    for number in 1_000..1_040 {
        line.insert(id(number), Sent::small(2, DAY).waiting());
    }
    line.look_at_the_time(at(DAY));
    let next: Vec<_> = (0..20).map_while(|_| line.pop()).collect();
    let new = next.iter().filter(|&&gone| gone >= id(1_000)).count();
    assert!((5..=10).contains(&new), "{new} of {}", next.len());
}

#[test]
fn small_messages_of_a_sender_go_before_its_large_ones_and_not_for_ever() {
    let large = Sent { octets: 40 << 20, ..Sent::small(1, DAY) };
    let soon = Sent::small(1, DAY + 9 * MINUTE);
    let late = Sent::small(1, DAY + 11 * MINUTE);
    assert_eq!(order(&[large, soon, late], DAY + 12 * MINUTE), [1, 0, 2]);
}

#[test]
fn a_sender_of_large_messages_has_fewer_turns_than_one_of_small_ones() {
    let large = vec![Sent { octets: 1 << 20, ..Sent::small(1, DAY) }; 20];
    let small = vec![Sent::small(2, DAY); 100];
    let order = order(&[large, small].concat(), DAY);
    let first_hundred_large = order.iter().take(100).filter(|&&number| number < 20).count();
    assert!((4..20).contains(&first_hundred_large), "{first_hundred_large}");
}

#[test]
fn whoever_leaves_is_out_of_the_line_due_or_not() {
    let (due, later) = (Sent::small(1, DAY), Sent::small(1, DAY + 9));
    let mut line = line(&[due, later]);
    line.look_at_the_time(at(DAY));
    line.remove(id(0), due.waiting());
    line.remove(id(1), later.waiting());
    assert!(line.is_empty() && line.first_due().is_none() && line.pop().is_none());
}

fn sent() -> impl Strategy<Value = Sent> {
    (0..5_u32, 0..100_u64, 0..30_u64, -9..=9_i8).prop_map(
        |(sender, minute, megabytes, priority)| Sent {
            sender,
            due: DAY + minute * MINUTE,
            octets: megabytes << 20,
            priority,
        },
    )
}

proptest! {
    #[test]
    fn everybody_who_is_due_goes_exactly_once(all in prop::collection::vec(sent(), 0..60)) {
        let mut gone = order(&all, DAY + 50 * MINUTE);
        gone.sort_unstable();
        let due = (0..all.len()).filter(|&number| all[number].due <= DAY + 50 * MINUTE);
        prop_assert_eq!(gone, due.collect::<Vec<_>>());
    }

    /// Whatever comes after it, as high and as small as may be, from as many
    /// senders: before every turn one more.
    #[test]
    fn nobody_waits_longer_than_four_turns_for_each_who_outranks_it(
        all in prop::collection::vec(sent(), 1..40),
        which in any::<prop::sample::Index>(),
    ) {
        let late = DAY + 600 * MINUTE;
        let which = which.index(all.len());
        let outranking = all.iter().filter(|other| {
            other.waiting().rank() <= all[which].waiting().rank()
        });
        let bound = 4 * (outranking.count() + 1);
        let mut line = line(&all);
        for turn in 0..bound {
            let new = Sent { priority: 9, ..Sent::small(1_000 + turn as u32, late) };
            line.insert(id(100_000 + turn as u64), new.waiting());
            line.look_at_the_time(at(late));
            if line.pop() == Some(id(which as u64)) {
                return Ok(());
            }
        }
        prop_assert!(false, "not served in {} turns", bound);
    }

    /// Of senders who all have enough, no one has more than two turns more
    /// than another, but for the turns of the longest wait.
    #[test]
    fn senders_who_wait_alike_are_served_alike(counts in prop::collection::vec(20..60_usize, 2..8)) {
        let all: Vec<Sent> = (0..).zip(&counts).flat_map(|(sender, &count)| {
            vec![Sent::small(sender, DAY); count]
        }).collect();
        let senders = counts.len();
        let mut had: BTreeMap<u32, usize> = BTreeMap::new();
        for number in order(&all, DAY).into_iter().take(15 * senders) {
            *had.entry(all[number].sender).or_default() += 1;
        }
        let most = had.values().max().copied().unwrap_or_default();
        let least = (0..senders as u32).map(|sender| had.get(&sender).copied().unwrap_or_default());
        // One turn of four is the longest wait's, and all of those may be one's.
        prop_assert!(most - least.min().unwrap_or_default() <= 2 + 15 * senders / 4);
    }
}

fn failing() -> Verdict {
    let reply = Reply::plain(451, "no answer");
    Verdict::Failing(Failure { reason: FailureReason::Connect, reply })
}

/// Deliveries to one destination in virtual time; the attempts made until
/// `end`. Each fails after `takes`.
fn attempts_on_a_dead_destination(messages: u64, takes: u64, end: u64) -> usize {
    let limits = Limits { total: 200, per_destination: 20, initial_per_destination: 5 };
    let trials = Trials::new([1, 3, 5, 10, 15].map(|m| Duration::from_secs(m * 60)).to_vec());
    let mut schedule = Schedule::new(limits, trials.unwrap());
    for number in 0..messages {
        schedule.add(
            id(number),
            "dead",
            at(DAY),
            Sent::small(number as u32 % 7, DAY).waiting().traits,
        );
    }
    let (mut now, mut attempts) = (DAY, 0);
    let mut landing: Vec<(u64, QueueId)> = Vec::new();
    loop {
        while let Some((id, _)) = schedule.take(at(now)) {
            attempts += 1;
            landing.push((now + takes, id));
        }
        let due = schedule.next_due(at(now)).map(Timestamp::unix_milliseconds);
        let landed = landing.iter().map(|&(moment, _)| moment).min();
        let Some(next) = due.into_iter().chain(landed).min().filter(|&next| next < DAY + end)
        else {
            return attempts;
        };
        now = next;
        landing.retain(|&(moment, id)| {
            if moment <= now {
                schedule.heard(&"dead", failing(), at(now), Jitter::NONE);
                schedule.retry(id, &"dead", at(now + 30 * MINUTE));
            }
            moment > now
        });
    }
}

/// Five to find it dead, and a trial after 1, 3, 5, 10 minutes and then every
/// quarter of an hour: as postern.toml has it where it says nothing.
#[test]
fn a_thousand_messages_for_a_dead_destination_cost_eleven_attempts_an_hour() {
    for messages in [1_000, 10_000] {
        let refused = attempts_on_a_dead_destination(messages, 10, 60 * MINUTE);
        let silent = attempts_on_a_dead_destination(messages, 5 * MINUTE, 60 * MINUTE);
        println!("{messages} messages, attempts in an hour: {refused} refused, {silent} silent");
        assert!(refused <= 11 && silent <= 11, "{refused} {silent}");
    }
    let day = attempts_on_a_dead_destination(1_000, 10, 24 * 60 * MINUTE);
    println!("1000 messages, attempts in a day: {day}");
    assert!(day <= 5 + 4 + 4 * 24);
}
