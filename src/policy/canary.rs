//! A canary: a rule that is enforced for a share of senders first.
//!
//! Who is in the share follows from the reverse-path's address and the rule's
//! name alone, so that a sender meets the same rule today and tomorrow, on
//! every node, and that two rules try themselves on different people. The null
//! reverse-path is one sender like any other.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest::{Context, SHA256};

use crate::mail::{CanarySide, ReversePath};

/// `canary = "10%"`: hundredths of a percent, more than none and less than all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Canary {
    of_ten_thousand: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CanaryError {
    #[error("`{0}` is no share of senders: write a number and %, such as \"10%\" or \"0.5%\"")]
    Malformed(String),
    #[error("a canary of {0} is nobody's: write mode = \"observe\" instead")]
    Nobody(String),
    #[error("a canary of {0} is everybody's: take the line out instead")]
    Everybody(String),
}

impl Canary {
    pub fn side(self, rule: &str, sender: &ReversePath) -> CanarySide {
        self.side_at(Self::place(rule, sender))
    }

    /// On which side of the share a place is.
    pub(super) fn side_at(self, place: u16) -> CanarySide {
        if place < self.of_ten_thousand { CanarySide::Within } else { CanarySide::Beyond }
    }

    /// The first place that is in the share, and the first that is not.
    pub(super) fn edges(self) -> [u16; 2] {
        [0, self.of_ten_thousand]
    }

    /// Where in the queue for a rule a sender stands, of ten thousand places:
    /// a greater share takes more of the same queue. Capitals make nobody
    /// another.
    pub(super) fn place(rule: &str, sender: &ReversePath) -> u16 {
        let mut digest = Context::new(&SHA256);
        // The length parts the name from the address.
        digest.update(&(rule.len() as u64).to_be_bytes());
        digest.update(rule.as_bytes());
        digest.update(sender.to_string().to_ascii_lowercase().as_bytes());
        let digest = digest.finish();
        let first = digest.as_ref().iter().take(size_of::<u64>());
        let number = first.fold(0, |number: u64, &octet| number << 8 | u64::from(octet));
        // Less than ten thousand.
        u16::try_from(number % WHOLE).unwrap_or_default()
    }
}

impl FromStr for Canary {
    type Err = CanaryError;

    fn from_str(written: &str) -> Result<Self, CanaryError> {
        let malformed = || CanaryError::Malformed(written.to_owned());
        let number = written.trim().strip_suffix('%').ok_or_else(malformed)?.trim_end();
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole) || !digits(part) || part.len() > 2 {
            return Err(malformed());
        }
        let hundredths: u64 = format!("{part:0<2}").parse().map_err(|_| malformed())?;
        let whole: u64 = whole.parse().map_err(|_| malformed())?;
        match whole.saturating_mul(100).saturating_add(hundredths) {
            0 => Err(CanaryError::Nobody(written.to_owned())),
            WHOLE.. => Err(CanaryError::Everybody(written.to_owned())),
            share => u16::try_from(share)
                .map(|of_ten_thousand| Self { of_ten_thousand })
                .map_err(|_| malformed()),
        }
    }
}

impl fmt::Display for Canary {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.of_ten_thousand / 100, self.of_ten_thousand % 100);
        match part {
            0 => write!(out, "{whole}%"),
            _ => write!(out, "{whole}.{part:02}%"),
        }
    }
}

const WHOLE: u64 = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(number: usize) -> ReversePath {
        format!("ward{number}@trust.example").parse().unwrap()
    }

    #[test]
    fn a_share_is_about_as_large_as_it_says() {
        for (written, least, most) in [("10%", 900, 1100), ("0.5%", 30, 75), ("99%", 9850, 9950)] {
            let canary: Canary = written.parse().unwrap();
            let within = |number: &usize| canary.side("a", &sender(*number)) == CanarySide::Within;
            let taken = (0..10_000).filter(within).count();
            assert!((least..most).contains(&taken), "{written} took {taken}");
        }
    }

    #[test]
    fn a_sender_stays_on_its_side_and_rules_try_themselves_on_different_people() {
        let canary: Canary = "50%".parse().unwrap();
        let upper: ReversePath = "WARD7@TRUST.example".parse().unwrap();
        assert_eq!(canary.side("a", &upper), canary.side("a", &sender(7)));
        let side = |rule: &str| (0..64).map(|n| canary.side(rule, &sender(n))).collect::<Vec<_>>();
        assert_ne!(side("a"), side("b"));
    }

    #[test]
    fn shares_read_back_as_written_and_what_is_none_is_refused() {
        for written in ["1%", "12.50%", "99%", "0.05%"] {
            assert_eq!(written.parse::<Canary>().unwrap().to_string(), written);
        }
        for wrong in ["", "10", "%", "-1%", "1.%", "1.234%", "a%", "0%", "0.00%", "100%", "1e2%"] {
            assert!(wrong.parse::<Canary>().is_err(), "{wrong:?} was taken");
        }
    }
}
