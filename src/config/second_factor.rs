//! The second factor of an account: codes that change each 30 seconds (TOTP,
//! RFC 6238), as every authenticator app makes them.

use std::{fmt, str::FromStr};

use aws_lc_rs::rand;
use percent_encoding::utf8_percent_encode;
use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret, Totp};

use super::users::NoRandomness;
use crate::mail::{NOT_UNRESERVED, Timestamp};

/// What the gateway and the app both know.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Secret);

/// The half minute that a code was for: the same is not taken twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TotpStep(u64);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a second factor's secret is 16 octets or more in base 32, as `postern account second-factor` writes it"
)]
pub struct TotpSecretError;

impl TotpStep {
    /// The last one whose code could be taken by then: telephones' clocks
    /// differ.
    pub fn latest_at(now: Timestamp) -> Self {
        Self(now.unix_milliseconds() / 1_000 / STEP_SECONDS + 1)
    }
}

impl TotpSecret {
    pub fn random() -> Result<Self, NoRandomness> {
        let mut octets = [0; 20];
        rand::fill(&mut octets).map_err(|_| NoRandomness)?;
        Ok(Self(Secret::from(octets)))
    }

    /// Which half minute this is the code of, among the one now and its two
    /// neighbours: telephones' clocks differ.
    pub fn check(&self, code: &str, now: Timestamp) -> Option<TotpStep> {
        let code: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
        let digits = code.len() == DIGITS && code.bytes().all(|octet| octet.is_ascii_digit());
        let seconds = now.unix_milliseconds() / 1_000;
        digits.then(|| self.totp().check(&code, seconds)).flatten().map(TotpStep)
    }

    /// As the file and the app have it.
    pub fn base32(&self) -> String {
        self.0.to_base32()
    }

    /// What the QR code of an enrolment says.
    pub fn otpauth_url(&self, issuer: &str, account: &str) -> String {
        let encoded = |text| utf8_percent_encode(text, NOT_UNRESERVED);
        let (issuer, account) = (encoded(issuer), encoded(account));
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", self.base32())
    }

    fn totp(&self) -> Totp {
        Builder::new().with_secret(self.0.clone()).build_noncompliant()
    }
}

impl FromStr for TotpSecret {
    type Err = TotpSecretError;

    fn from_str(written: &str) -> Result<Self, TotpSecretError> {
        let secret = Secret::try_from_base32(written).map_err(|_| TotpSecretError)?;
        match secret.as_bytes().len() {
            LEAST_OCTETS.. => Ok(Self(secret)),
            _ => Err(TotpSecretError),
        }
    }
}

/// It is a secret.
impl fmt::Debug for TotpSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("TotpSecret(…)")
    }
}

const STEP_SECONDS: u64 = 30;
const DIGITS: usize = 6;
const LEAST_OCTETS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_good_in_its_half_minute_and_those_beside_it() {
        // RFC 6238 appendix B, the last six digits of its SHA-1 column.
        let secret: TotpSecret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ".parse().unwrap();
        let at = |seconds: u64| Timestamp::from_unix_milliseconds(seconds * 1_000);
        let step = secret.check("287082", at(59)).unwrap();
        assert_eq!(TotpStep::latest_at(at(30 * step.0 - 30)), step);
        assert_eq!(secret.check("287 082", at(89)), Some(step), "as apps show it");
        assert_eq!(secret.check("287082", at(90)), None);
        assert_eq!(secret.check("081804", at(1_111_111_109)).map(|step| step.0), Some(37_037_036));
        for wrong in ["", "287083", "94287082", "28708a", "２８７０８２"] {
            assert_eq!(secret.check(wrong, at(59)), None, "{wrong}");
        }
    }

    #[test]
    fn a_secret_is_read_as_it_is_written_and_shown_to_nobody() {
        let secret = TotpSecret::random().unwrap();
        assert_eq!(secret.base32().parse(), Ok(secret.clone()));
        assert!(!format!("{secret:?}").contains(&secret.base32()));
        assert!("GEZDGNBV".parse::<TotpSecret>().is_err(), "too short");
        let url = secret.otpauth_url("Postern mx1", "jane doe");
        assert!(url.starts_with("otpauth://totp/Postern%20mx1:jane%20doe?secret="), "{url}");
    }
}
