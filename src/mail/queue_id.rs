//! Queue ids: the name a message has in replies, logs, the audit trail and
//! on the operator's command line.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// 44 bits of milliseconds since 1970 and 20 bits within the millisecond, so
/// that ids sort by arrival; written as 13 letters and digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct QueueId(u64);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a queue id is {LENGTH} letters and digits, found `{0}`")]
pub struct QueueIdError(String);

impl QueueId {
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The first id of a millisecond; `salt` spreads the ids of several nodes.
    pub const fn at(unix_milliseconds: u64, salt: u16) -> Self {
        Self(unix_milliseconds << SEQUENCE_BITS | (salt as u64))
    }

    /// When the message came in, in milliseconds since 1970.
    pub const fn unix_milliseconds(self) -> u64 {
        self.0 >> SEQUENCE_BITS
    }

    /// The id to give out at a time when `self` was the last one given:
    /// always larger, also when the clock has gone back.
    pub fn following(self, candidate: QueueId) -> QueueId {
        Self(candidate.0.max(self.0.saturating_add(1)))
    }
}

impl fmt::Display for QueueId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for position in (0..LENGTH).rev() {
            let digit = (self.0 >> (position * 5)) as usize % ALPHABET.len();
            let letter = ALPHABET.get(digit).copied().unwrap_or_default();
            write!(out, "{}", char::from(letter))?;
        }
        Ok(())
    }
}

impl FromStr for QueueId {
    type Err = QueueIdError;

    fn from_str(written: &str) -> Result<Self, QueueIdError> {
        let wrong = || QueueIdError(written.to_owned());
        if written.len() != LENGTH {
            return Err(wrong());
        }
        let mut bits: u64 = 0;
        for octet in written.bytes() {
            let lower = octet.to_ascii_lowercase();
            let digit = ALPHABET.iter().position(|&letter| letter == lower);
            let shifted = bits.checked_mul(32).ok_or_else(wrong)?;
            bits = shifted | digit.ok_or_else(wrong)? as u64;
        }
        Ok(Self(bits))
    }
}

impl TryFrom<String> for QueueId {
    type Error = QueueIdError;

    fn try_from(written: String) -> Result<Self, QueueIdError> {
        written.parse()
    }
}

impl From<QueueId> for String {
    fn from(id: QueueId) -> Self {
        id.to_string()
    }
}

/// Crockford's base 32 without i, l, o and u: it can be read out on a telephone.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const LENGTH: usize = 13;
const SEQUENCE_BITS: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_ids_read_back_and_sort_by_arrival() {
        let early = QueueId::at(1_700_000_000_000, 9);
        let late = QueueId::at(1_700_000_000_001, 0);
        assert_eq!(early.to_string().parse::<QueueId>().unwrap(), early);
        assert!(early < late && early.to_string() < late.to_string());
    }

    #[test]
    fn ids_grow_when_the_clock_goes_back() {
        let last = QueueId::at(2_000, 5);
        assert!(last.following(QueueId::at(1_000, 7)) > last);
    }

    #[test]
    fn other_text_is_no_queue_id() {
        for wrong in ["", "abc", "uuuuuuuuuuuuu", "zzzzzzzzzzzzz"] {
            assert!(wrong.parse::<QueueId>().is_err(), "{wrong:?} was accepted");
        }
    }
}
