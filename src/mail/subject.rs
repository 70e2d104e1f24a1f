//! Subjects: people whose identifiers stand in messages, found again by a
//! keyed hash and not by the identifier, which is stored nowhere.
//!
//! HMAC-SHA-256 under a secret of the gateway. Who has only the audit trail
//! can tell that two messages name the same person, and not whom. Who has the
//! secret as well can try all ten thousand million NHS numbers in an
//! afternoon: the secret is what protects them.

use std::fmt;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

use super::finding::Kind;

/// The secret.
pub struct SubjectKey(hmac::Key);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the key of subjects has at least 32 octets, found {0}")]
pub struct SubjectKeyError(usize);

/// What stands in the audit trail for an identifier: 128 bits of the code, in
/// hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SubjectHash(String);

/// Kinds that name one person.
pub const IDENTIFIERS: [Kind; 6] = [
    Kind::NhsNumber,
    Kind::ChiNumber,
    Kind::HcNumber,
    Kind::Nino,
    Kind::HospitalNumber,
    Kind::EmailAddress,
];

impl SubjectKey {
    pub const OCTETS: usize = 32;

    pub fn new(secret: &[u8]) -> Result<Self, SubjectKeyError> {
        if secret.len() < Self::OCTETS {
            return Err(SubjectKeyError(secret.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, secret)))
    }

    /// However it is written. Nothing where the kind names nobody, or where
    /// nothing is left of the value.
    pub fn hash(&self, kind: Kind, value: &str) -> Option<SubjectHash> {
        if !IDENTIFIERS.contains(&kind) {
            return None;
        }
        let normalised = normalised(kind, value);
        if normalised.is_empty() {
            return None;
        }
        // NHS, CHI and H&C numbers share one form, and what is one can read
        // like another: whoever asks need not know which it was taken for.
        let family = match kind {
            Kind::NhsNumber | Kind::ChiNumber | Kind::HcNumber => "number",
            other => other.name(),
        };
        let code = hmac::sign(&self.0, format!("{family}\n{normalised}").as_bytes());
        let half = code.as_ref().iter().take(CODE_OCTETS);
        Some(SubjectHash(half.map(|octet| format!("{octet:02x}")).collect()))
    }

    /// Of all that a value could be, each once.
    pub fn hashes(&self, value: &str) -> Vec<SubjectHash> {
        let mut hashes: Vec<_> =
            IDENTIFIERS.into_iter().filter_map(|kind| self.hash(kind, value)).collect();
        hashes.sort();
        hashes.dedup();
        hashes
    }
}

/// Letters and digits in small letters: spaces, hyphens and full stops are how
/// people write, and no part of the identifier. Full-width digits are digits.
fn normalised(kind: Kind, value: &str) -> String {
    if kind == Kind::EmailAddress {
        return value.trim().to_lowercase();
    }
    let digit = |character: char| match character {
        '０'..='９' => char::from_digit(u32::from(character) - u32::from('０'), 10),
        _ => None,
    };
    let plain = value.chars().map(|character| digit(character).unwrap_or(character));
    plain.filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl SubjectHash {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SubjectHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

/// More than enough that no two of all patients share one.
const CODE_OCTETS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn key(octet: u8) -> SubjectKey {
        SubjectKey::new(&[octet; 32]).unwrap()
    }

    #[test]
    fn an_identifier_is_the_same_however_it_is_written() {
        let of = |value: &str| key(1).hash(Kind::NhsNumber, value).unwrap();
        for written in
            ["9990000018", "999-000-0018", " 999\u{a0}000\u{2009}0018", "９９９ ０００ ００１８"]
        {
            assert_eq!(of(written), of("999 000 0018"), "{written}");
        }
        assert_ne!(of("999 000 0018"), of("999 000 0026"));
        let nino = |value: &str| key(1).hash(Kind::Nino, value);
        assert_eq!(nino("qq 12 34 56 c"), nino("QQ123456C"));
        assert_eq!(
            key(1).hash(Kind::EmailAddress, "A.B@X.example"),
            key(1).hash(Kind::EmailAddress, "a.b@x.example")
        );
    }

    #[test]
    fn without_the_secret_a_hash_says_nothing_and_never_holds_the_value() {
        let of = |octet| key(octet).hash(Kind::NhsNumber, "9990000018").unwrap();
        assert_ne!(of(1), of(2));
        assert!(!of(1).as_str().contains("999000") && of(1).as_str().len() == 32);
        assert_eq!(SubjectKey::new(&[1; 31]).err(), Some(SubjectKeyError(31)));
    }

    #[test]
    fn what_names_nobody_has_no_hash() {
        for kind in Kind::ALL.into_iter().filter(|kind| !IDENTIFIERS.contains(kind)) {
            assert_eq!(key(1).hash(kind, "9990000018"), None, "{kind}");
        }
        assert_eq!(key(1).hash(Kind::NhsNumber, " - "), None);
    }

    #[test]
    fn who_asks_need_not_know_what_the_number_was_taken_for() {
        let found = key(1).hash(Kind::ChiNumber, "999 000 0018").unwrap();
        assert!(key(1).hashes("9990000018").contains(&found));
    }
}
