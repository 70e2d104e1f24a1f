//! Ranges of numbers as officers write them: `3`, `">=3"`, `"2..3"`,
//! `">10 MiB"`. Both ends of `a..b` count, as they do when read aloud.

use std::fmt;

/// From one number to another, both included; never empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NumberRange {
    least: u64,
    most: u64,
}

/// What the numbers of a range count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// 0 to 4.
    Level,
    Count,
    /// Octets, with an optional unit: KiB, MiB, GiB, or the decimal kB, MB, GB.
    Octets,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    #[error("`{0}` is no range: write `3`, `>=3`, `<3` or `2..3`")]
    Malformed(String),
    #[error("`{0}` is no size: write a number and B, KiB, MiB or GiB, such as `10 MiB`")]
    Size(String),
    #[error("a level is a number from 0 to 4, found {0}")]
    Level(u64),
    #[error("no number is in the range `{0}`")]
    Empty(String),
}

impl NumberRange {
    pub const fn contains(self, number: u64) -> bool {
        self.least <= number && number <= self.most
    }

    /// The least and the most: where the answer changes.
    pub const fn bounds(self) -> (u64, u64) {
        (self.least, self.most)
    }

    pub fn exactly(number: u64, measure: Measure) -> Result<Self, RangeError> {
        measure.check(number)?;
        Ok(Self { least: number, most: number })
    }

    pub fn parse(written: &str, measure: Measure) -> Result<Self, RangeError> {
        let text = written.trim();
        let number = |text: &str| measure.number(text.trim(), written);
        let empty = || RangeError::Empty(written.to_owned());
        let (least, most) = if let Some((least, most)) = text.split_once("..") {
            (number(least)?, number(most.strip_prefix('=').unwrap_or(most))?)
        } else if let Some(least) = text.strip_prefix(">=") {
            (number(least)?, measure.highest())
        } else if let Some(most) = text.strip_prefix("<=") {
            (0, number(most)?)
        } else if let Some(below) = text.strip_prefix('>') {
            (number(below)?.checked_add(1).ok_or_else(empty)?, measure.highest())
        } else if let Some(above) = text.strip_prefix('<') {
            (0, number(above)?.checked_sub(1).ok_or_else(empty)?)
        } else {
            let exact = number(text.strip_prefix('=').unwrap_or(text))?;
            (exact, exact)
        };
        if least > most {
            return Err(empty());
        }
        Ok(Self { least, most })
    }
}

impl Measure {
    const fn highest(self) -> u64 {
        match self {
            Self::Level => 4,
            Self::Count | Self::Octets => u64::MAX,
        }
    }

    fn check(self, number: u64) -> Result<u64, RangeError> {
        match self {
            Self::Level if number > self.highest() => Err(RangeError::Level(number)),
            _ => Ok(number),
        }
    }

    fn number(self, text: &str, whole: &str) -> Result<u64, RangeError> {
        let digits = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at_checked(digits).unwrap_or((text, ""));
        let number: u64 = number.parse().map_err(|_| RangeError::Malformed(whole.to_owned()))?;
        if self != Self::Octets {
            return match unit {
                "" => self.check(number),
                _ => Err(RangeError::Malformed(whole.to_owned())),
            };
        }
        let factor = match unit.trim_start() {
            "" | "B" => 1,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(RangeError::Size(text.to_owned())),
        };
        number.checked_mul(factor).ok_or_else(|| RangeError::Size(text.to_owned()))
    }
}

impl fmt::Display for NumberRange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.least, self.most) {
            (least, most) if least == most => write!(out, "{least}"),
            (least, u64::MAX) => write!(out, ">={least}"),
            (least, most) => write!(out, "{least}..{most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn levels(written: &str) -> Vec<u64> {
        let range = NumberRange::parse(written, Measure::Level).unwrap();
        (0..=4).filter(|&level| range.contains(level)).collect()
    }

    #[test]
    fn ranges_hold_what_they_say_aloud() {
        assert_eq!(levels(">=3"), [3, 4]);
        assert_eq!(levels(">3"), [4]);
        assert_eq!(levels("<= 1"), [0, 1]);
        assert_eq!(levels("<1"), [0]);
        assert_eq!(levels("3"), [3]);
        assert_eq!(levels("=3"), [3]);
        assert_eq!(levels("2..3"), [2, 3]);
        assert_eq!(levels("2..=3"), [2, 3]);
    }

    #[test]
    fn a_range_that_nothing_is_in_is_refused() {
        for empty in [">4", "<0", "3..2"] {
            let error = NumberRange::parse(empty, Measure::Level).unwrap_err();
            assert_eq!(error, RangeError::Empty(empty.to_owned()));
        }
    }

    #[test]
    fn what_is_no_level_is_refused() {
        for wrong in ["", "x", ">=", ">=5", "5", "-1", "1..", "3 MiB", "99999999999999999999"] {
            assert!(NumberRange::parse(wrong, Measure::Level).is_err(), "{wrong:?} was taken");
        }
    }

    #[test]
    fn sizes_have_units() {
        let range = NumberRange::parse(">10 MiB", Measure::Octets).unwrap();
        assert!(!range.contains(10 << 20) && range.contains((10 << 20) + 1));
        assert!(NumberRange::parse(">10 apples", Measure::Octets).is_err());
        assert!(NumberRange::parse("99999999999999 GiB", Measure::Octets).is_err());
    }
}
