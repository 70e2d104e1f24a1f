//! Quantities as operators write them: `50 MiB`, `15m`.

use std::{fmt, num::NonZeroU32, str::FromStr, time::Duration};

use super::meaning::Rate;

/// Octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub usize);

/// A duration of whole seconds; `0s` is refused, since hardly anything that is
/// timed here can be meant to take none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuantityError {
    #[error("a size is a number and a unit (`512 KiB`, `50 MiB`, `2 GiB`), found `{0}`")]
    Size(String),
    #[error("a duration is a number and a unit (`30s`, `15m`, `4h`, `5d`), found `{0}`")]
    Span(String),
    #[error("a rate is a number and a time (`600/m`, `10/s`, `5000/h`), found `{0}`")]
    Rate(String),
}

/// As it would be written: in the largest unit that divides it.
impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
        let unit = units.into_iter().find(|(_, octets)| self.0.is_multiple_of(*octets));
        let (unit, octets) = unit.unwrap_or(("B", 1));
        write!(out, "{} {unit}", self.0 / octets)
    }
}

/// Likewise, of whole seconds.
impl fmt::Display for Span {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let units = [("d", 86_400), ("h", 3_600), ("m", 60)];
        let unit = units.into_iter().find(|(_, unit)| seconds > 0 && seconds.is_multiple_of(*unit));
        let (unit, of) = unit.unwrap_or(("s", 1));
        write!(out, "{}{unit}", seconds / of)
    }
}

impl FromStr for Size {
    type Err = QuantityError;

    fn from_str(written: &str) -> Result<Self, QuantityError> {
        let wrong = || QuantityError::Size(written.to_owned());
        let (number, unit) = number_and_unit(written).ok_or_else(wrong)?;
        let factor: u64 = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "kB" => 1_000,
            "MB" => 1_000_000,
            "GB" => 1_000_000_000,
            _ => return Err(wrong()),
        };
        let octets = number.checked_mul(factor).and_then(|octets| usize::try_from(octets).ok());
        octets.filter(|&octets| octets > 0).map(Self).ok_or_else(wrong)
    }
}

impl FromStr for Span {
    type Err = QuantityError;

    fn from_str(written: &str) -> Result<Self, QuantityError> {
        let wrong = || QuantityError::Span(written.to_owned());
        let (number, unit) = number_and_unit(written).ok_or_else(wrong)?;
        let seconds: u64 = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return Err(wrong()),
        };
        let total = number.checked_mul(seconds).filter(|&total| total > 0);
        total.map(|total| Self(Duration::from_secs(total))).ok_or_else(wrong)
    }
}

impl FromStr for Rate {
    type Err = QuantityError;

    fn from_str(written: &str) -> Result<Self, QuantityError> {
        let wrong = || QuantityError::Rate(written.to_owned());
        let (count, unit) = written.split_once('/').ok_or_else(wrong)?;
        let Span(per) = match unit.trim().starts_with(|first: char| first.is_ascii_digit()) {
            true => unit.trim().parse().map_err(|_| wrong())?,
            false => format!("1{}", unit.trim()).parse().map_err(|_| wrong())?,
        };
        let count: NonZeroU32 = count.trim().parse().map_err(|_| wrong())?;
        Ok(Self { count, per })
    }
}

fn number_and_unit(written: &str) -> Option<(u64, &str)> {
    let digits = written.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = written.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_durations_mean_what_their_units_say() {
        assert_eq!("50 MiB".parse(), Ok(Size(50 << 20)));
        assert_eq!("1MB".parse(), Ok(Size(1_000_000)));
        assert_eq!("15m".parse(), Ok(Span(Duration::from_secs(900))));
        assert_eq!("5 d".parse(), Ok(Span(Duration::from_secs(432_000))));
    }

    #[test]
    fn what_is_shown_is_what_would_be_written() {
        for written in ["50 MiB", "1 GiB", "64 KiB", "1000 B"] {
            assert_eq!(written.parse::<Size>().unwrap().to_string(), written);
        }
        for written in ["15m", "5d", "90s", "36h"] {
            assert_eq!(written.parse::<Span>().unwrap().to_string(), written);
        }
        assert_eq!(Span(Duration::ZERO).to_string(), "0s");
    }

    #[test]
    fn a_rate_is_so_many_in_so_long() {
        let rate = |count, seconds| {
            let count = NonZeroU32::new(count).unwrap();
            Ok(Rate { count, per: Duration::from_secs(seconds) })
        };
        assert_eq!("600/m".parse(), rate(600, 60));
        assert_eq!("50 / 10m".parse(), rate(50, 600));
        for wrong in ["", "600", "0/m", "600/", "600/week", "-1/s"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn quantities_without_unit_or_past_all_bounds_are_refused() {
        for wrong in ["", "50", "MiB", "-1 MiB", "0 B", "99999999999 GiB", "1.5 MiB"] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong:?} was accepted");
        }
        for wrong in ["", "15", "0s", "1 week", "99999999999999999d"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong:?} was accepted");
        }
    }
}
