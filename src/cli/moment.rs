//! Moments as people give them to commands: how long ago, or when.

use std::str::FromStr;

use crate::{config::Span, mail::Timestamp};

/// So long ago, or when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    Ago(Span),
    At(Timestamp),
}

impl Moment {
    pub(super) fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::Ago(Span(time)) => {
                let ago = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                Timestamp::from_unix_milliseconds(now.unix_milliseconds().saturating_sub(ago))
            }
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let day = || format!("{written}T00:00:00Z").parse().ok();
        let moment = written.parse().ok().or_else(day).map(Self::At);
        moment.or_else(|| written.parse().ok().map(Self::Ago)).ok_or_else(|| {
            "write how long ago (`7d`, `12h`), a day (`2026-11-16`), or a moment \
             (`2026-11-16T09:00:00Z`)"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_how_long_ago_or_when() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let of = |written: &str| written.parse().map(|moment: Moment| moment.before(now).rfc3339());
        for (written, meant) in [
            ("7d", "2026-11-15T12:00:00.000Z"),
            ("12h", "2026-11-22T00:00:00.000Z"),
            ("2026-11-16", "2026-11-16T00:00:00.000Z"),
            ("2026-11-16T09:00:00+01:00", "2026-11-16T08:00:00.000Z"),
        ] {
            assert_eq!(of(written), Ok(meant.to_owned()));
        }
        for wrong in ["", "7", "yesterday", "2026-13-01"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
