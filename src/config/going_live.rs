//! How a changed policy goes live: `[going_live]`. It stands in postern.toml
//! and not among the officers' files, since whoever edits a policy must not be
//! able to loosen this within the same edit.

use std::{fmt, str::FromStr, time::Duration};

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GoingLive {
    pub approval: Approval,
    /// So many versions are kept with their files.
    pub keep: usize,
    /// None where a new version decides for everybody at once.
    pub canary: Option<Canary>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Approval {
    /// What has passed its checks goes live.
    #[default]
    None,
    /// It waits until somebody else than who proposed it approves it.
    SecondOfficer,
}

/// A new version decides for a share of senders first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Of senders.
    pub share: Percent,
    /// Then it decides for everybody, if nothing was wrong.
    pub lasts: Duration,
    /// Of its own; before that its hold rate says nothing.
    pub least_messages: u64,
    /// Outside it the version before comes back.
    pub hold_rate: Band,
}

/// Messages held or rejected, even in part, among those decided: within this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Band {
    pub least: Percent,
    pub most: Percent,
}

/// Hundredths of a per cent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(u32);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ShareError {
    #[error("a share is a number from 0 to 100 with `%` after it (`10%`, `0.5%`), found `{0}`")]
    Percent(String),
    #[error("a band is its least and its most (`1%..8%`), found `{0}`")]
    Band(String),
}

impl Percent {
    pub const ALL: Self = Self(WHOLE);

    /// Whether so many of so many are less than this: exact, without
    /// fractions.
    pub fn is_more_than(self, part: u64, of: u64) -> bool {
        u128::from(part) * u128::from(WHOLE) < u128::from(self.0) * u128::from(of)
    }

    pub fn is_less_than(self, part: u64, of: u64) -> bool {
        u128::from(part) * u128::from(WHOLE) > u128::from(self.0) * u128::from(of)
    }

    /// Whether a number that is as likely to be any falls within this share of
    /// them all.
    pub fn takes(self, drawn: u64) -> bool {
        (u128::from(drawn) * u128::from(WHOLE)) >> u64::BITS < u128::from(self.0)
    }

    pub fn ratio(self) -> f64 {
        f64::from(self.0) / f64::from(WHOLE)
    }
}

impl Band {
    /// Whether so many of so many are neither too few nor too many.
    pub fn holds(self, part: u64, of: u64) -> bool {
        !self.least.is_more_than(part, of) && !self.most.is_less_than(part, of)
    }
}

impl FromStr for Percent {
    type Err = ShareError;

    fn from_str(written: &str) -> Result<Self, ShareError> {
        let wrong = || ShareError::Percent(written.to_owned());
        let number = written.trim().strip_suffix('%').ok_or_else(wrong)?.trim_end();
        let (whole, hundredths) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|d| d.is_ascii_digit());
        if !digits(whole) || !digits(hundredths) || hundredths.len() > 2 {
            return Err(wrong());
        }
        let whole: u32 = whole.parse().map_err(|_| wrong())?;
        let hundredths: u32 = format!("{hundredths:0<2}").parse().map_err(|_| wrong())?;
        let percent = whole.checked_mul(100).and_then(|whole| whole.checked_add(hundredths));
        percent.filter(|&percent| percent <= WHOLE).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 / 100, self.0 % 100) {
            (whole, 0) => write!(out, "{whole}%"),
            (whole, part) if part % 10 == 0 => write!(out, "{whole}.{}%", part / 10),
            (whole, part) => write!(out, "{whole}.{part:02}%"),
        }
    }
}

impl FromStr for Band {
    type Err = ShareError;

    fn from_str(written: &str) -> Result<Self, ShareError> {
        let wrong = || ShareError::Band(written.to_owned());
        let (least, most) = written.split_once("..").ok_or_else(wrong)?;
        let (least, most) = (least.parse()?, most.parse()?);
        (least <= most).then_some(Self { least, most }).ok_or_else(wrong)
    }
}

impl fmt::Display for Band {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}..{}", self.least, self.most)
    }
}

impl TryFrom<String> for Percent {
    type Error = ShareError;

    fn try_from(written: String) -> Result<Self, ShareError> {
        written.parse()
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> Self {
        percent.to_string()
    }
}

impl TryFrom<String> for Band {
    type Error = ShareError;

    fn try_from(written: String) -> Result<Self, ShareError> {
        written.parse()
    }
}

impl From<Band> for String {
    fn from(band: Band) -> Self {
        band.to_string()
    }
}

impl Default for GoingLive {
    fn default() -> Self {
        Self { approval: Approval::None, keep: 50, canary: None }
    }
}

const WHOLE: u32 = 100 * 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_written_in_per_cent_and_exact() {
        for (written, shown) in [("10%", "10%"), ("0.5 %", "0.5%"), ("0.05%", "0.05%")] {
            assert_eq!(written.parse::<Percent>().unwrap().to_string(), shown);
        }
        for wrong in ["", "10", "%", "-1%", "101%", "100.01%", "1.234%", "1.%", ".5%", "1e1%"] {
            assert!(wrong.parse::<Percent>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn a_band_has_both_its_ends_in_it() {
        let band: Band = "1%..8%".parse().unwrap();
        for (part, within) in [(0, false), (1, true), (5, true), (8, true), (9, false)] {
            assert_eq!(band.holds(part, 100), within, "{part} of 100");
        }
        for wrong in ["8%..1%", "1..8", "1%", "1%-8%", ".."] {
            assert!(wrong.parse::<Band>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn a_share_of_all_takes_all_and_one_of_none_takes_none() {
        let none: Percent = "0%".parse().unwrap();
        for drawn in [0, 1, u64::MAX / 2, u64::MAX] {
            assert!(Percent::ALL.takes(drawn) && !none.takes(drawn));
        }
        let half: Percent = "50%".parse().unwrap();
        assert!(half.takes(u64::MAX / 2 - 1) && !half.takes(u64::MAX / 2 + 1));
    }
}
