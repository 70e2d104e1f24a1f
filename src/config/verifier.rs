//! SCRAM-SHA-256 verifiers (RFC 5803): what a users file holds instead of
//! passwords, `SCRAM-SHA-256$iterations:salt$stored-key:server-key` with
//! base 64 values. One serves PLAIN, LOGIN and SCRAM alike.

use std::{fmt, num::NonZeroU32};

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest, hmac, pbkdf2, rand};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::users::{NoRandomness, Verdict};

/// What it takes to check a password, and not to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    pub iterations: NonZeroU32,
    pub salt: Vec<u8>,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
}

/// What a verifier shows of itself to everybody who says a user's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) iterations: NonZeroU32,
    pub(super) salt_octets: usize,
}

/// Makes verifiers for names that do not exist, so that nobody can find out
/// which do: the same for the same name as long as this lives, and right for
/// no password.
#[derive(Debug)]
pub struct Impostors(hmac::Key);

impl Verifier {
    /// For a new password, with a fresh salt.
    pub fn new(password: &str) -> Result<Self, NoRandomness> {
        let mut salt = [0; SALT_OCTETS];
        rand::fill(&mut salt).map_err(|_| NoRandomness)?;
        Ok(Self::derive(password, &salt, ITERATIONS))
    }

    pub(super) fn verify(&self, password: &str) -> Verdict {
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

    pub(super) fn parse(written: &str) -> Option<Self> {
        let (iterations, rest) = written.strip_prefix(SCHEME)?.split_once(':')?;
        let (salt, keys) = rest.split_once('$')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        let key = |text: &str| {
            let octets = BASE64.decode(text).ok()?;
            (octets.len() == digest::SHA256_OUTPUT_LEN).then_some(octets)
        };
        let salt = BASE64.decode(salt).ok()?;
        (!salt.is_empty()).then_some(())?;
        Some(Self {
            iterations: iterations.parse().ok()?,
            salt,
            stored_key: key(stored_key)?,
            server_key: key(server_key)?,
        })
    }

    pub(super) fn shape(&self) -> Shape {
        Shape { iterations: self.iterations, salt_octets: self.salt.len() }
    }
}

impl Impostors {
    /// With a secret of its own.
    pub fn new() -> Result<Self, NoRandomness> {
        let mut secret = [0; 32];
        rand::fill(&mut secret).map_err(|_| NoRandomness)?;
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &secret)))
    }

    /// One for a user that does not exist. It looks like those of the users
    /// that do: a number of iterations nobody else has would give it away.
    pub(super) fn verifier(&self, name: &str, shapes: &[Shape]) -> Verifier {
        let derive = |what: &str| hmac::sign(&self.0, format!("{what}\0{name}").as_bytes());
        let usual = Shape { iterations: ITERATIONS, salt_octets: SALT_OCTETS };
        let chosen = derive("shape")
            .as_ref()
            .iter()
            .fold(0_usize, |sum, octet| sum.wrapping_mul(257).wrapping_add(usize::from(*octet)));
        let shape = chosen.checked_rem(shapes.len()).and_then(|chosen| shapes.get(chosen));
        let Shape { iterations, salt_octets } = *shape.unwrap_or(&usual);
        let salt = derive("salt").as_ref().iter().copied().cycle().take(salt_octets).collect();
        let [stored_key, server_key] =
            ["stored key", "server key"].map(|what| derive(what).as_ref().to_vec());
        Verifier { iterations, salt, stored_key, server_key }
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
        let written = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$\
                       WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
                       wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
        assert_eq!(verifier.to_string(), written);
        assert_eq!(Verifier::parse(written), Some(verifier));
    }

    #[test]
    fn what_is_no_verifier_is_refused() {
        let good = Verifier::new("wisteria").unwrap().to_string();
        let cases = [
            String::new(),
            good.replace("SHA-256", "SHA-1"),
            good.replace("$4096:", "$0:"),
            good.replace("$4096:", "$-1:"),
            good.replacen(':', "", 1),
            good.trim_end_matches('=').to_owned(),
            "SCRAM-SHA-256$4096:$AAAA:AAAA".to_owned(),
        ];
        for wrong in cases {
            assert_eq!(Verifier::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn an_impostor_is_always_the_same_and_looks_like_the_others() {
        let impostors = Impostors::new().unwrap();
        let shapes = [Shape { iterations: NonZeroU32::new(10_000).unwrap(), salt_octets: 24 }];
        let once = impostors.verifier("nobody", &shapes);
        assert_eq!(once, impostors.verifier("nobody", &shapes));
        assert_eq!((once.iterations.get(), once.salt.len()), (10_000, 24));
        assert_ne!(once.salt, impostors.verifier("noone", &shapes).salt);
        assert_ne!(once.salt, Impostors::new().unwrap().verifier("nobody", &shapes).salt);
        assert_eq!(impostors.verifier("nobody", &[]).salt.len(), SALT_OCTETS);
    }
}
