//! The retry schedule (RFC 5321 section 4.5.4.1): when the next attempt is,
//! when the sender is told that it is late, when the message is returned.

use std::time::Duration;

use crate::mail::{DelayNotice, Timestamp, Urgency};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySchedule {
    /// Never empty.
    delays: Vec<Duration>,
    expiry: Duration,
    delay_notice: Duration,
    tls_notice: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RetryScheduleError {
    #[error("at least one delay is expected, found none")]
    NoDelays,
    #[error("a delay of nothing would retry without a pause")]
    ZeroDelay,
}

/// Chance, from 0 to 1: spreads retries, so that what failed together does not
/// come back together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jitter(f64);

impl RetrySchedule {
    /// `delays` are the waits before the second, third, … attempt; the last
    /// one repeats. `expiry` and `delay_notice` count from arrival.
    pub fn new(
        delays: Vec<Duration>,
        expiry: Duration,
        delay_notice: Duration,
    ) -> Result<Self, RetryScheduleError> {
        if delays.is_empty() {
            return Err(RetryScheduleError::NoDelays);
        }
        if delays.iter().any(Duration::is_zero) {
            return Err(RetryScheduleError::ZeroDelay);
        }
        Ok(Self { delays, expiry, delay_notice, tls_notice: TLS_NOTICE })
    }

    /// How long a message may wait for TLS before people hear of it.
    #[must_use]
    pub fn with_tls_notice(self, tls_notice: Duration) -> Self {
        Self { tls_notice, ..self }
    }

    /// When to try again after `attempts` (at least 1) that have failed, the
    /// last of them now. Not after expiry: a last attempt is made just then,
    /// and one that fails later than that finds the message expired.
    pub fn next_attempt(
        &self,
        attempts: u32,
        received_at: Timestamp,
        now: Timestamp,
        jitter: Jitter,
    ) -> Timestamp {
        let index = usize::try_from(attempts.saturating_sub(1)).unwrap_or(usize::MAX);
        let delay = self.delays.get(index).or(self.delays.last()).copied().unwrap_or(self.expiry);
        (now + jitter.spread(delay)).min(self.expires_at(received_at)).max(now)
    }

    /// Whether an attempt that has failed now was the last.
    pub fn is_expired(&self, received_at: Timestamp, now: Timestamp) -> bool {
        now >= self.expires_at(received_at)
    }

    pub fn expires_at(&self, received_at: Timestamp) -> Timestamp {
        received_at + self.expiry
    }

    /// Whether the sender is to be told now that the message is late.
    pub fn owes_delay_notice(
        &self,
        notice: DelayNotice,
        received_at: Timestamp,
        now: Timestamp,
    ) -> bool {
        notice == DelayNotice::Due && now >= self.delay_notice_at(received_at)
    }

    pub fn delay_notice_at(&self, received_at: Timestamp) -> Timestamp {
        received_at + self.delay_notice
    }

    /// When people must hear of what has waited for TLS since then.
    pub fn tls_notice_at(&self, since: Timestamp, urgency: Urgency) -> Timestamp {
        match urgency {
            Urgency::Usual => since + self.tls_notice,
            Urgency::Urgent => since,
        }
    }
}

impl Jitter {
    /// Every delay as it is written.
    pub const NONE: Self = Self(0.5);

    /// Anything outside 0 to 1 is taken to the nearer end.
    pub fn new(fraction: f64) -> Self {
        if fraction.is_nan() { Self::NONE } else { Self(fraction.clamp(0.0, 1.0)) }
    }

    /// From a tenth less to a tenth more.
    pub(super) fn spread(self, delay: Duration) -> Duration {
        let seconds = delay.as_secs_f64() * (0.9 + 0.2 * self.0);
        Duration::try_from_secs_f64(seconds).unwrap_or(delay)
    }
}

const TLS_NOTICE: Duration = Duration::from_secs(15 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVAL: Timestamp = Timestamp::from_unix_milliseconds(1_000_000);

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn schedule() -> RetrySchedule {
        RetrySchedule::new(vec![seconds(1), seconds(4)], seconds(600), seconds(60)).unwrap()
    }

    #[test]
    fn delays_come_in_order_and_the_last_one_repeats() {
        let waits = [1, 2, 3, 99].map(|attempts| {
            let next = schedule().next_attempt(attempts, ARRIVAL, ARRIVAL, Jitter::NONE);
            next.saturating_since(ARRIVAL)
        });
        assert_eq!(waits, [1, 4, 4, 4].map(seconds));
    }

    #[test]
    fn jitter_stays_within_a_tenth() {
        for (chance, milliseconds) in [(0.0, 900), (1.0, 1100), (-3.0, 900), (7.0, 1100)] {
            let next = schedule().next_attempt(1, ARRIVAL, ARRIVAL, Jitter::new(chance));
            assert_eq!(next.saturating_since(ARRIVAL), Duration::from_millis(milliseconds));
        }
        assert_eq!(Jitter::new(f64::NAN), Jitter::NONE);
    }

    #[test]
    fn the_last_attempt_is_made_at_expiry_and_then_it_is_over() {
        let now = ARRIVAL + seconds(598);
        let last = schedule().next_attempt(9, ARRIVAL, now, Jitter::NONE);
        assert!(!schedule().is_expired(ARRIVAL, now));
        assert_eq!(last, ARRIVAL + seconds(600));
        assert!(schedule().is_expired(ARRIVAL, last));
    }

    #[test]
    fn a_delay_notice_is_owed_once_and_not_early() {
        let owes = |notice, after| schedule().owes_delay_notice(notice, ARRIVAL, ARRIVAL + after);
        assert!(!owes(DelayNotice::Due, seconds(59)));
        assert!(owes(DelayNotice::Due, seconds(60)));
        assert!(!owes(DelayNotice::Sent, seconds(60)));
    }

    #[test]
    fn people_hear_of_tls_in_the_time_set_and_at_once_of_what_is_urgent() {
        let schedule = schedule().with_tls_notice(seconds(90));
        assert_eq!(schedule.tls_notice_at(ARRIVAL, Urgency::Usual), ARRIVAL + seconds(90));
        assert_eq!(schedule.tls_notice_at(ARRIVAL, Urgency::Urgent), ARRIVAL);
    }

    #[test]
    fn a_schedule_that_would_never_pause_is_refused() {
        let new = |delays| RetrySchedule::new(delays, seconds(1), seconds(1));
        assert_eq!(new(vec![]), Err(RetryScheduleError::NoDelays));
        assert_eq!(new(vec![Duration::ZERO]), Err(RetryScheduleError::ZeroDelay));
    }
}
