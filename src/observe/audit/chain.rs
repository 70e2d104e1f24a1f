//! The chain: where a line stands, and how it is bound to the one before.

use std::{fmt, str::FromStr};

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// SHA-256, written as 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest([u8; digest::SHA256_OUTPUT_LEN]);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hexadecimal digits, in lower case")]
pub struct DigestError;

/// A line's place: its number, and what its octets come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    pub seq: u64,
    pub digest: Digest,
}

/// What a line says of its own place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) seq: u64,
    pub(super) prev: Digest,
}

impl Digest {
    /// What the first line has for the one before it.
    pub const GENESIS: Self = Self([0; digest::SHA256_OUTPUT_LEN]);

    pub fn of(octets: &[u8]) -> Self {
        let mut made = [0; digest::SHA256_OUTPUT_LEN];
        let whole = digest::digest(&digest::SHA256, octets);
        made.iter_mut().zip(whole.as_ref()).for_each(|(to, from)| *to = *from);
        Self(made)
    }

    /// Only as it is written: one digest has one form.
    fn read(hexadecimal: &[u8]) -> Option<Self> {
        let mut read = [0; digest::SHA256_OUTPUT_LEN];
        if hexadecimal.len() != 2 * read.len() {
            return None;
        }
        for (octet, pair) in read.iter_mut().zip(hexadecimal.chunks_exact(2)) {
            let &[high, low] = pair else { return None };
            *octet = nibble(high)? << 4 | nibble(low)?;
        }
        Some(Self(read))
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl Link {
    /// Before any line.
    pub const START: Self = Self { seq: 0, digest: Digest::GENESIS };

    /// Writes the next line, without its end, and gives its place. `body` is
    /// an object of JSON with at least one field.
    pub(super) fn seal(self, body: &[u8], into: &mut Vec<u8>) -> Self {
        let seq = self.seq + 1;
        let start = into.len();
        into.extend_from_slice(format!("{{\"seq\":{seq},\"prev\":\"{}\",", self.digest).as_bytes());
        into.extend_from_slice(body.strip_prefix(b"{").unwrap_or(body));
        Self { seq, digest: Digest::of(into.get(start..).unwrap_or_default()) }
    }
}

impl Place {
    /// Of a line as it is sealed, octet for octet; nothing of any other, such
    /// as those of versions that had no chain.
    pub(super) fn of(line: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(b"{\"seq\":")?;
        let digits = rest.iter().take_while(|octet| octet.is_ascii_digit()).count();
        let (digits, rest) = rest.split_at_checked(digits)?;
        if digits.first() == Some(&b'0') {
            return None;
        }
        let seq = std::str::from_utf8(digits).ok()?.parse().ok()?;
        let rest = rest.strip_prefix(b",\"prev\":\"")?;
        let (hexadecimal, rest) = rest.split_at_checked(2 * digest::SHA256_OUTPUT_LEN)?;
        rest.strip_prefix(b"\",")?;
        Some(Self { seq, prev: Digest::read(hexadecimal)? })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|octet| write!(out, "{octet:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{self}")
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(written: &str) -> Result<Self, DigestError> {
        Self::read(written.as_bytes()).ok_or(DigestError)
    }
}

impl TryFrom<String> for Digest {
    type Error = DigestError;

    fn try_from(written: String) -> Result<Self, DigestError> {
        written.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_its_number_and_the_digest_of_the_one_before() {
        let mut trail = Vec::new();
        let first = Link::START.seal(b"{\"event\":\"x\"}", &mut trail);
        let place = Place::of(&trail).unwrap();
        assert_eq!((place.seq, place.prev), (1, Digest::GENESIS));
        assert_eq!(first.digest, Digest::of(&trail));
        let mut second = Vec::new();
        first.seal(b"{\"event\":\"y\"}", &mut second);
        assert_eq!(Place::of(&second), Some(Place { seq: 2, prev: first.digest }));
        let read: serde_json::Value = serde_json::from_slice(&second).unwrap();
        assert_eq!((&read["seq"], &read["event"]), (&2.into(), &"y".into()));
    }

    #[test]
    fn a_line_that_is_not_written_as_we_write_has_no_place() {
        let digest = Digest::of(b"x");
        let line = |seq: &str, prev: &str| format!("{{\"seq\":{seq},\"prev\":\"{prev}\",\"v\":1}}");
        assert!(Place::of(line("7", &digest.to_string()).as_bytes()).is_some());
        for (seq, prev) in [
            ("07", digest.to_string()),
            ("", digest.to_string()),
            ("99999999999999999999999", digest.to_string()),
            ("7", digest.to_string().to_uppercase()),
            ("7", String::new()),
        ] {
            assert_eq!(Place::of(line(seq, &prev).as_bytes()), None, "{seq} {prev}");
        }
        assert_eq!(Place::of(b"{\"at\":\"2026\",\"seq\":1}"), None);
    }
}
