//! The file of SASL users: names and SCRAM-SHA-256 verifiers (RFC 5803),
//! never passwords. `postern user add` writes it, listeners read it.
//!
//! A line a user, `name:SCRAM-SHA-256$iterations:salt$stored-key:server-key`
//! with base 64 values; `#` starts a comment. A verifier serves PLAIN, LOGIN
//! and SCRAM alike.

use std::{collections::HashMap, fmt, num::NonZeroU32, str::FromStr};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest, hmac, pbkdf2, rand};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

/// Everybody who may authenticate on a listener.
#[derive(Debug, Default)]
pub struct Users(HashMap<String, Verifier>);

/// What it takes to check a password, and not to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    pub iterations: NonZeroU32,
    pub salt: Vec<u8>,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UsersError {
    #[error("line {0}: `name:SCRAM-SHA-256$iterations:salt$stored-key:server-key` is expected")]
    Malformed(usize),
    #[error("line {line}: user `{name}` stands here a second time")]
    Twice { line: usize, name: String },
    #[error("the system gives no random numbers")]
    NoRandomness,
}

impl Users {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A user's verifier; one that nothing matches for names that do not
    /// exist.
    pub fn verifier(&self, name: &str) -> Verifier {
        self.0.get(name).cloned().unwrap_or_else(Verifier::nobody)
    }

    /// Whether the password is this user's. Costs the same for names that do
    /// not exist, so that nobody can find out which do.
    pub fn verify(&self, name: &str, password: &str) -> Verdict {
        let known = self.0.get(name);
        let nobody = Verifier::nobody();
        match known.unwrap_or(&nobody).verify(password) {
            Verdict::Right if known.is_some() => Verdict::Right,
            _ => Verdict::Wrong,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Right,
    Wrong,
}

impl FromStr for Users {
    type Err = UsersError;

    fn from_str(text: &str) -> Result<Self, UsersError> {
        let mut users = HashMap::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let malformed = || UsersError::Malformed(line_number);
            let (name, verifier) = line.trim().split_once(':').ok_or_else(malformed)?;
            let verifier = Verifier::parse(verifier).ok_or_else(malformed)?;
            if users.insert(name.to_owned(), verifier).is_some() {
                return Err(UsersError::Twice { line: line_number, name: name.to_owned() });
            }
        }
        Ok(Self(users))
    }
}

impl Verifier {
    /// For a new password, with a fresh salt.
    pub fn new(password: &str) -> Result<Self, UsersError> {
        let mut salt = [0; SALT_OCTETS];
        rand::fill(&mut salt).map_err(|_| UsersError::NoRandomness)?;
        Ok(Self::derive(password, &salt, ITERATIONS))
    }

    fn verify(&self, password: &str) -> Verdict {
        let given = Self::derive(password, &self.salt, self.iterations);
        match verify_slices_are_equal(&given.stored_key, &self.stored_key) {
            Ok(()) => Verdict::Right,
            Err(_) => Verdict::Wrong,
        }
    }

    /// RFC 5802 section 3: StoredKey and ServerKey.
    fn derive(password: &str, salt: &[u8], iterations: NonZeroU32) -> Self {
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        let password = password.as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password, &mut salted);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &salted);
        let client_key = hmac::sign(&key, b"Client Key");
        Self {
            iterations,
            salt: salt.to_vec(),
            stored_key: digest::digest(&digest::SHA256, client_key.as_ref()).as_ref().to_vec(),
            server_key: hmac::sign(&key, b"Server Key").as_ref().to_vec(),
        }
    }

    fn parse(written: &str) -> Option<Self> {
        let (iterations, rest) = written.strip_prefix(SCHEME)?.split_once(':')?;
        let (salt, keys) = rest.split_once('$')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |text: &str| {
            let octets = BASE64.decode(text).ok()?;
            (octets.len() == digest::SHA256_OUTPUT_LEN).then_some(octets)
        };
        Some(Self {
            iterations: iterations.parse().ok()?,
            salt: BASE64.decode(salt).ok()?,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }

    /// Matches no password.
    fn nobody() -> Self {
        Self {
            iterations: ITERATIONS,
            salt: vec![0; SALT_OCTETS],
            stored_key: vec![0; digest::SHA256_OUTPUT_LEN],
            server_key: vec![0; digest::SHA256_OUTPUT_LEN],
        }
    }
}

/// As it stands in the file, after `name:`.
impl fmt::Display for Verifier {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [salt, stored_key, server_key] =
            [&self.salt, &self.stored_key, &self.server_key].map(|octets| BASE64.encode(octets));
        write!(out, "{SCHEME}{}:{salt}${stored_key}:{server_key}", self.iterations)
    }
}

const SCHEME: &str = "SCRAM-SHA-256$";
const SALT_OCTETS: usize = 16;
/// The least RFC 7677 section 4 allows; SCRAM clients pay it at every log-in.
const ITERATIONS: NonZeroU32 = NonZeroU32::new(4096).unwrap();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifier_is_that_of_the_rfc_example() {
        // RFC 7677 section 3: user "user", password "pencil".
        let salt = BASE64.decode("W22ZaJ0SNY7soEsUEjb6gQ==").unwrap();
        let verifier = Verifier::derive("pencil", &salt, ITERATIONS);
        assert_eq!(
            verifier.to_string(),
            "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
             WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
             wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
        );
    }

    #[test]
    fn only_the_right_password_of_a_known_user_passes() {
        let verifier = Verifier::new("wisteria").unwrap();
        let users: Users = format!("# ward scanners\nscanner:{verifier}\n").parse().unwrap();
        assert_eq!(users.verify("scanner", "wisteria"), Verdict::Right);
        assert_eq!(users.verify("scanner", "Wisteria"), Verdict::Wrong);
        assert_eq!(users.verify("nobody", "wisteria"), Verdict::Wrong);
    }

    #[test]
    fn a_malformed_line_is_named_by_its_number() {
        assert_eq!("# fine\nbad".parse::<Users>().unwrap_err(), UsersError::Malformed(2));
    }
}
