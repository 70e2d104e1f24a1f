//! What a million queued messages cost in memory while they wait: the schedule
//! and the calendar of deadlines, without the spool's index.
//!
//! `cargo bench --bench schedule`. Each case has the process's memory to
//! itself: what one gave back would be used again by the next.

#![expect(clippy::unwrap_used, reason = "a benchmark may fall over")]

use std::{hint::black_box, time::Duration};

use postern::{
    mail::{Priority, QueueId, Timestamp},
    schedule::{Calendar, Limits, Schedule, Traits, Trials},
};

fn main() {
    let mut kept = Vec::new();
    for (what, senders, due) in [
        ("not due, a thousand senders", 1_000, 2 * DAY),
        ("due, a thousand senders", 1_000, DAY),
        ("due, each of its own sender", MESSAGES, DAY),
    ] {
        let before = resident();
        let waiting = queue(senders, due);
        let octets = (resident() - before) / MESSAGES;
        println!("{what}: {octets} octets a message");
        kept.push(waiting);
    }
    black_box(kept);
}

/// At a thousand destinations; what is due lines up.
fn queue(senders: u64, due: u64) -> (Schedule<u64>, Calendar) {
    let limits = Limits { total: 200, per_destination: 20, initial_per_destination: 5 };
    let trials = Trials::new(vec![Duration::from_secs(60)]).unwrap();
    let (mut schedule, mut calendar) = (Schedule::new(limits, trials), Calendar::default());
    for number in 0..MESSAGES {
        let sender = u32::try_from(number * 7919 % senders).unwrap();
        let (id, due) = (QueueId::from_bits(number << 20), due + number);
        let traits = Traits::new(sender, 4096, Priority::NORMAL);
        schedule.add(id, number % 1_000, at(due), traits);
        calendar.add(id, at(due + 900_000));
    }
    for _ in 0..2_000 {
        if let Some((id, destination)) = schedule.take(at(DAY + MESSAGES)) {
            schedule.retry(id, &destination, at(2 * DAY));
        }
    }
    (schedule, calendar)
}

/// Octets of this process that are in memory.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}

const fn at(milliseconds: u64) -> Timestamp {
    Timestamp::from_unix_milliseconds(milliseconds)
}

const MESSAGES: u64 = 1_000_000;
const DAY: u64 = 86_400_000;
