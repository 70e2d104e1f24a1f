//! What has come and gone in the last hour, for the console's charts: counts
//! in memory, of a fixed size, that begin anew with the process. Prometheus
//! keeps longer ones.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::queue::now;
use crate::{
    console::FlowStep,
    mail::{Attempt, Event, Observer, Outcome, Timestamp},
};

/// Told of every event.
#[derive(Debug, Default)]
pub(super) struct History(Mutex<Steps>);

/// Those in which something happened, oldest first.
#[derive(Debug, Default)]
struct Steps(VecDeque<FlowStep>);

/// What is counted.
#[derive(Clone, Copy, Debug)]
enum Passing {
    Received,
    Delivered,
    NotDelivered,
}

impl History {
    /// The last hour, step by step; the last one is not over.
    pub(super) fn flow(&self) -> Vec<FlowStep> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).until(now())
    }

    fn count(&self, passing: Passing, count: usize) {
        if count > 0 {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).count(passing, count, now());
        }
    }

    fn attempted(&self, attempt: &Attempt) {
        let delivered = |outcome: &Outcome| matches!(outcome, Outcome::Delivered(_));
        let all = attempt.outcomes.len();
        let done = attempt.outcomes.iter().filter(|(_, outcome)| delivered(outcome)).count();
        self.count(Passing::Delivered, done);
        self.count(Passing::NotDelivered, all - done);
    }
}

impl Observer for History {
    fn observe(&self, event: Event<'_>) {
        match event {
            Event::Accepted(_) => self.count(Passing::Received, 1),
            Event::Attempted { attempt, .. } => self.attempted(attempt),
            _ => {}
        }
    }
}

impl Steps {
    fn count(&mut self, passing: Passing, count: usize, at: Timestamp) {
        let start = start_of(at);
        // A clock that was put back counts where it was.
        if self.0.back().is_none_or(|last| last.start < start) {
            self.0.push_back(FlowStep::empty(start));
            self.0.drain(..self.0.len().saturating_sub(STEPS));
        }
        let Some(last) = self.0.back_mut() else { return };
        let counted = match passing {
            Passing::Received => &mut last.received,
            Passing::Delivered => &mut last.delivered,
            Passing::NotDelivered => &mut last.not_delivered,
        };
        *counted = counted.saturating_add(count);
    }

    /// With those in which nothing happened.
    fn until(&self, at: Timestamp) -> Vec<FlowStep> {
        let last = start_of(at).unix_milliseconds();
        let starts = (0..STEPS as u64).rev().map(|before| last.saturating_sub(before * STEP));
        starts
            .map(Timestamp::from_unix_milliseconds)
            .map(|start| {
                let counted = self.0.iter().find(|step| step.start == start);
                counted.copied().unwrap_or_else(|| FlowStep::empty(start))
            })
            .collect()
    }
}

fn start_of(at: Timestamp) -> Timestamp {
    let milliseconds = at.unix_milliseconds();
    Timestamp::from_unix_milliseconds(milliseconds - milliseconds % STEP)
}

/// Milliseconds.
const STEP: u64 = Duration::from_secs(120).as_millis() as u64;
const STEPS: usize = 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn minute(minutes: u64) -> Timestamp {
        Timestamp::from_unix_milliseconds(minutes * 60_000)
    }

    #[test]
    fn an_hour_is_shown_whole_and_what_is_older_is_forgotten() {
        let mut steps = Steps::default();
        steps.count(Passing::Received, 1, minute(0));
        steps.count(Passing::Received, 2, minute(100));
        steps.count(Passing::Delivered, 3, minute(101));
        let shown = steps.until(minute(102));
        assert_eq!(shown.len(), STEPS);
        assert_eq!((shown[0].start, shown[29].start), (minute(44), minute(102)));
        assert_eq!((shown[28].received, shown[28].delivered), (2, 3));
        assert_eq!(shown.iter().map(|step| step.received).sum::<usize>(), 2);
    }

    #[test]
    fn memory_is_bounded_however_long_it_runs() {
        let mut steps = Steps::default();
        for minutes in 0..10_000 {
            steps.count(Passing::NotDelivered, 1, minute(minutes));
        }
        assert_eq!(steps.0.len(), STEPS);
        assert_eq!(steps.0[29].not_delivered, 2);
        steps.count(Passing::NotDelivered, 1, minute(5));
        assert_eq!(steps.0[29].not_delivered, 3, "a clock put back");
    }
}
