//! What attempts say of a destination, and what follows from it: how many
//! deliveries it may have at once, and when it is left in peace.
//!
//! As Postfix's queue manager does, the window moves by fractions: every
//! success is worth 1/window of another place, every failure 1/window of one
//! place less, so it takes a window of them to move it by one, and a fraction
//! that was on its way up is lost when it falls (hysteresis). As many failures
//! in a row as the window is wide, and at least [`LEAST`], leave nothing of it:
//! the destination is *dead*. A dead one costs a trial at a time, ever more
//! rarely; its first success gives it the window back that it began with.

use std::time::Duration;

use super::{Jitter, Limits, RetryScheduleError};
use crate::mail::{DestinationChange, Failure, Timestamp};

/// What one attempt says of its destination, not of a recipient.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// It answers.
    Well,
    /// It could not be reached, or will have no mail from us just now.
    Failing(Failure),
    /// Nobody was asked.
    Nothing,
}

/// Since when a destination is dead, and what it last died of.
#[derive(Clone, Debug, PartialEq)]
pub struct Trouble {
    pub since: Timestamp,
    pub last: Failure,
}

/// The waits before each trial of a dead destination; the last one repeats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trials(Vec<Duration>);

/// How a destination is doing: a closed set, so that it can be a metric's
/// label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    Open,
    /// It has failed so often that it has fewer places than it began with.
    Throttled,
    Dead,
}

/// What is known of one destination.
#[derive(Debug)]
pub(super) struct Feedback {
    window: usize,
    /// Of `window` parts of a place.
    risen: usize,
    fallen: usize,
    /// Failures since the last success.
    in_a_row: usize,
    /// Boxed: most destinations live.
    death: Option<Box<Death>>,
    /// It was dead, and has not answered since a person had it tried.
    forgiven: bool,
}

#[derive(Debug)]
struct Death {
    trouble: Trouble,
    trials: usize,
    next: Trial,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trial {
    At(Timestamp),
    UnderWay,
}

/// When, by what chance, and beside how many others an attempt has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ending {
    pub(super) now: Timestamp,
    pub(super) jitter: Jitter,
    /// Itself included.
    pub(super) in_flight: usize,
}

impl Trials {
    pub fn new(delays: Vec<Duration>) -> Result<Self, RetryScheduleError> {
        if delays.is_empty() {
            return Err(RetryScheduleError::NoDelays);
        }
        if delays.iter().any(Duration::is_zero) {
            return Err(RetryScheduleError::ZeroDelay);
        }
        Ok(Self(delays))
    }

    /// After so many trials that have failed.
    fn next(&self, failed: usize, now: Timestamp, jitter: Jitter) -> Timestamp {
        let delay = self.0.get(failed).or(self.0.last()).copied().unwrap_or_default();
        now + jitter.spread(delay)
    }
}

impl Feedback {
    pub(super) fn new(limits: Limits) -> Self {
        let window = limits.initial_per_destination.min(limits.per_destination);
        Self { window, risen: 0, fallen: 0, in_a_row: 0, death: None, forgiven: false }
    }

    /// Gives a dead destination another beginning.
    pub(super) fn forgive(&mut self, limits: Limits) {
        if self.death.is_some() {
            *self = Self { forgiven: true, ..Self::new(limits) };
        }
    }

    /// Deliveries at once.
    pub(super) fn window(&self) -> usize {
        if self.death.is_some() { 1 } else { self.window }
    }

    /// Not to be tried before then, whatever waits.
    pub(super) fn rests_until(&self) -> Option<Timestamp> {
        match self.death.as_deref()?.next {
            Trial::At(moment) => Some(moment),
            Trial::UnderWay => None,
        }
    }

    pub(super) fn trouble(&self) -> Option<&Trouble> {
        self.death.as_deref().map(|death| &death.trouble)
    }

    pub(super) fn health(&self, limits: Limits) -> Health {
        match &self.death {
            Some(_) => Health::Dead,
            None if self.window < Self::new(limits).window => Health::Throttled,
            None => Health::Open,
        }
    }

    /// Whether it says more than that nothing is known.
    pub(super) fn is_telling(&self, limits: Limits) -> bool {
        self.death.is_some() || self.window != Self::new(limits).window
    }

    /// A delivery begins; of a dead destination it is the trial.
    pub(super) fn begun(&mut self) {
        if let Some(death) = &mut self.death {
            death.next = Trial::UnderWay;
        }
    }

    /// An attempt has ended.
    pub(super) fn heard(
        &mut self,
        verdict: Verdict,
        limits: Limits,
        trials: &Trials,
        ending: Ending,
    ) -> Option<DestinationChange> {
        match (verdict, &mut self.death) {
            (Verdict::Well, None) if !self.forgiven => {
                self.rise(limits, ending.in_flight);
                None
            }
            (Verdict::Well, _) => {
                *self = Self::new(limits);
                Some(DestinationChange::Revived)
            }
            (Verdict::Failing(last), None) => self.fall(last, trials, ending),
            (Verdict::Failing(last), Some(death)) => death.failed(last, trials, ending),
            (Verdict::Nothing, Some(death)) if death.next == Trial::UnderWay => {
                death.next = Trial::At(ending.now);
                None
            }
            (Verdict::Nothing, _) => None,
        }
    }

    /// Only a window that is nearly used up grows, or an idle hour would open
    /// it to a flood.
    fn rise(&mut self, limits: Limits, in_flight: usize) {
        self.in_a_row = 0;
        let used = self.window < in_flight + limits.initial_per_destination;
        if !used || self.window >= limits.per_destination {
            return;
        }
        self.risen += 1;
        if self.risen >= self.window {
            self.window += 1;
            (self.risen, self.fallen) = (0, 0);
        }
    }

    fn fall(
        &mut self,
        last: Failure,
        trials: &Trials,
        ending: Ending,
    ) -> Option<DestinationChange> {
        let Ending { now, jitter, .. } = ending;
        self.in_a_row += 1;
        if self.in_a_row >= self.window.max(LEAST) {
            let trouble = Trouble { since: now, last };
            let next = Trial::At(trials.next(0, now, jitter));
            self.death = Some(Box::new(Death { trouble, trials: 0, next }));
            return Some(DestinationChange::Died);
        }
        self.fallen += 1;
        if self.fallen >= self.window && self.window > 1 {
            self.window -= 1;
            (self.risen, self.fallen) = (0, 0);
        }
        None
    }
}

impl Death {
    /// What was under way when it died says nothing new.
    fn failed(
        &mut self,
        last: Failure,
        trials: &Trials,
        ending: Ending,
    ) -> Option<DestinationChange> {
        self.trouble.last = last;
        if self.next != Trial::UnderWay {
            return None;
        }
        self.trials += 1;
        self.next = Trial::At(trials.next(self.trials, ending.now, ending.jitter));
        Some(DestinationChange::TrialFailed)
    }
}

impl Health {
    pub const ALL: [Self; 3] = [Self::Open, Self::Throttled, Self::Dead];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Throttled => "throttled",
            Self::Dead => "dead",
        }
    }
}

/// One failure, or two, say little of a destination, however narrow its
/// window.
const LEAST: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{FailureReason, Reply};

    const LIMITS: Limits = Limits { total: 100, per_destination: 8, initial_per_destination: 5 };

    /// What leaves a window of two.
    const NARROW: &str = "--+--+--+--+--+--+--+--+";

    fn failing() -> Verdict {
        let reply = Reply::plain(451, "no answer");
        Verdict::Failing(Failure { reason: FailureReason::Connect, reply })
    }

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_unix_milliseconds(seconds * 1000)
    }

    fn trials() -> Trials {
        Trials::new([60, 120, 240].map(Duration::from_secs).to_vec()).unwrap()
    }

    /// One attempt of a window that is used up.
    fn hear(feedback: &mut Feedback, verdict: Verdict, now: u64) -> Option<DestinationChange> {
        let in_flight = feedback.window();
        let ending = Ending { now: at(now), jitter: Jitter::NONE, in_flight };
        feedback.heard(verdict, LIMITS, &trials(), ending)
    }

    fn after(verdicts: &str) -> Feedback {
        let mut feedback = Feedback::new(LIMITS);
        for letter in verdicts.chars() {
            let verdict = if letter == '+' { Verdict::Well } else { failing() };
            hear(&mut feedback, verdict, 0);
        }
        feedback
    }

    #[test]
    fn it_takes_a_window_of_successes_to_rise_by_one_and_there_is_a_top() {
        assert_eq!(after("++++").window(), 5);
        assert_eq!(after("+++++").window(), 6);
        assert_eq!(after("+++++ +++++").window(), 6);
        assert_eq!(after(&"+".repeat(5 + 6 + 7)).window(), 8);
        assert_eq!(after(&"+".repeat(1000)).window(), 8);
    }

    #[test]
    fn it_takes_a_window_of_failures_to_fall_by_one_and_what_had_risen_is_lost() {
        assert_eq!(after("-+-+-+-+-").window(), 4);
        assert_eq!(after("----+").window(), 5);
        assert_eq!(after("----++++-").window(), 4);
        assert_eq!(after("----++++-+++").window(), 4);
        assert_eq!(after("----++++-++++").window(), 5);
        assert_eq!(after(&format!("{NARROW}--")).window(), 1);
    }

    #[test]
    fn a_window_that_is_not_used_does_not_grow() {
        let mut feedback = after(&"+".repeat(11));
        assert_eq!(feedback.window(), 7);
        for _ in 0..100 {
            let ending = Ending { now: at(0), jitter: Jitter::NONE, in_flight: 2 };
            feedback.heard(Verdict::Well, LIMITS, &trials(), ending);
        }
        assert_eq!(feedback.window(), 7);
    }

    #[test]
    fn a_window_of_failures_in_a_row_is_the_end_and_fewer_are_not() {
        assert_eq!(after("----").health(LIMITS), Health::Open);
        assert_eq!(after("-----").health(LIMITS), Health::Dead);
        assert_eq!(after("----+---").health(LIMITS), Health::Throttled);
        assert_eq!(after(&format!("{NARROW}-+--")).window(), 1, "one is the least");
        let narrow = after(&format!("{NARROW}--"));
        assert_eq!((narrow.window(), narrow.health(LIMITS)), (1, Health::Throttled));
    }

    #[test]
    fn a_dead_destination_is_tried_one_by_one_and_ever_more_rarely() {
        let mut feedback = after("-----");
        assert_eq!((feedback.window(), feedback.rests_until()), (1, Some(at(60))));
        for (now, next) in [(60, 180), (180, 420), (420, 660), (660, 900)] {
            feedback.begun();
            assert_eq!(feedback.rests_until(), None);
            let change = hear(&mut feedback, failing(), now);
            assert_eq!(change, Some(DestinationChange::TrialFailed));
            assert_eq!(feedback.rests_until(), Some(at(next)));
        }
        assert_eq!(feedback.trouble().map(|trouble| trouble.since), Some(at(0)));
    }

    #[test]
    fn what_was_under_way_at_its_death_does_not_count_as_a_trial() {
        let mut feedback = after("-----");
        assert_eq!(hear(&mut feedback, failing(), 30), None);
        assert_eq!(feedback.rests_until(), Some(at(60)));
    }

    #[test]
    fn its_first_success_gives_a_dead_one_its_first_window_back() {
        for trial in [Health::Dead, Health::Open] {
            let mut feedback = after(&format!("{}--------", "+".repeat(100)));
            assert_eq!(feedback.health(LIMITS), Health::Dead);
            if trial == Health::Dead {
                feedback.begun();
            }
            let change = hear(&mut feedback, Verdict::Well, 60);
            assert_eq!(change, Some(DestinationChange::Revived));
            assert_eq!((feedback.window(), feedback.health(LIMITS)), (5, Health::Open));
        }
    }

    #[test]
    fn one_that_a_person_has_tried_begins_anew_and_is_told_of_once_it_answers() {
        let mut feedback = after("-----");
        feedback.forgive(LIMITS);
        assert_eq!((feedback.window(), feedback.health(LIMITS)), (5, Health::Open));
        assert_eq!(hear(&mut feedback, failing(), 1), None);
        assert_eq!(hear(&mut feedback, Verdict::Well, 2), Some(DestinationChange::Revived));
        assert_eq!(hear(&mut feedback, Verdict::Well, 3), None);
    }

    #[test]
    fn what_asked_nobody_shortens_no_rest() {
        let mut feedback = after("-----");
        assert_eq!(hear(&mut feedback, Verdict::Nothing, 30), None);
        assert_eq!(feedback.rests_until(), Some(at(60)));
    }

    #[test]
    fn only_what_differs_from_a_stranger_is_worth_remembering() {
        for (verdicts, telling) in [("", false), ("++++", false), ("+++++", true), ("-----", true)]
        {
            assert_eq!(after(verdicts).is_telling(LIMITS), telling, "{verdicts:?}");
        }
    }

    #[test]
    fn a_trial_that_asked_nobody_is_made_again_at_once() {
        let mut feedback = after("-----");
        feedback.begun();
        assert_eq!(hear(&mut feedback, Verdict::Nothing, 61), None);
        assert_eq!(feedback.rests_until(), Some(at(61)));
        assert_eq!(feedback.health(LIMITS), Health::Dead);
    }
}
