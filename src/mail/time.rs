//! Moments and how mail, logs and people write them.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970, UTC. Passed in to every pure room: only the
/// rooms at the edge ask the clock.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Timestamp(u64);

impl Timestamp {
    pub const fn from_unix_milliseconds(milliseconds: u64) -> Self {
        Self(milliseconds)
    }

    pub const fn unix_milliseconds(self) -> u64 {
        self.0
    }

    pub fn saturating_since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }

    /// `Sun, 22 Nov 2026 17:12:05 +0000` (RFC 5322 section 3.3).
    pub fn rfc5322(self) -> String {
        jiff::fmt::rfc2822::to_string(&self.instant().to_zoned(jiff::tz::TimeZone::UTC))
            .unwrap_or_else(|_| EPOCH_RFC5322.to_owned())
    }

    /// `2026-11-22T17:12:05.123Z` (RFC 3339).
    pub fn rfc3339(self) -> String {
        format!("{:.3}", self.instant())
    }

    pub fn date(self) -> jiff::civil::Date {
        self.instant().to_zoned(jiff::tz::TimeZone::UTC).date()
    }

    fn instant(self) -> jiff::Timestamp {
        i64::try_from(self.0)
            .ok()
            .and_then(|milliseconds| jiff::Timestamp::from_millisecond(milliseconds).ok())
            .unwrap_or(jiff::Timestamp::MAX)
    }
}

/// What the clock of the machine says; 1970 where it says less.
impl From<SystemTime> for Timestamp {
    fn from(moment: SystemTime) -> Self {
        Self(0) + moment.duration_since(UNIX_EPOCH).unwrap_or_default()
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    /// Saturates: no setting can make a moment wrap round.
    fn add(self, duration: Duration) -> Self {
        let milliseconds = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(milliseconds))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.rfc3339())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a moment is written as 2026-11-22T17:12:05Z (RFC 3339), found `{0}`")]
pub struct TimestampError(String);

/// RFC 3339, with the zone it is told in.
impl std::str::FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(written: &str) -> Result<Self, TimestampError> {
        let moment: Option<jiff::Timestamp> = written.parse().ok();
        moment
            .and_then(|moment| u64::try_from(moment.as_millisecond()).ok())
            .map(Self)
            .ok_or_else(|| TimestampError(written.to_owned()))
    }
}

const EPOCH_RFC5322: &str = "Thu, 1 Jan 1970 00:00:00 +0000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_mail_and_logs_want_them() {
        let moment = Timestamp::from_unix_milliseconds(1_795_367_525_123);
        assert_eq!(moment.rfc3339(), "2026-11-22T17:12:05.123Z");
        assert_eq!(moment.rfc5322(), "Sun, 22 Nov 2026 17:12:05 +0000");
        assert_eq!("2026-11-22T17:12:05.123Z".parse(), Ok(moment));
        assert_eq!("2026-11-22T18:12:05.123+01:00".parse(), Ok(moment));
        for wrong in ["", "2026-11-22", "2026-11-22T17:12:05", "1960-01-01T00:00:00Z"] {
            assert!(wrong.parse::<Timestamp>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn no_moment_is_too_late_to_write() {
        assert!(!Timestamp::from_unix_milliseconds(u64::MAX).rfc5322().is_empty());
    }
}
