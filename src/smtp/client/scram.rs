//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the client's side, without channel
//! binding.
//!
//! The password never crosses the wire, and the server must show that it knows
//! the verifier: one that only says yes is not the one we have an account at.

use std::num::NonZeroU32;

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest, hmac, pbkdf2};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::authentication::Password;

/// Our first message has been sent; the server's challenge must come.
#[derive(Debug)]
pub(super) struct Opened {
    /// Without the GS2 header: what the proof is made of.
    bare: String,
    nonce: String,
    password: Password,
}

/// Our proof has been sent; the server's must come.
#[derive(Debug)]
pub(super) struct Proven {
    server_signature: hmac::Tag,
}

/// The server said something that is no SCRAM, or asks for what must not be
/// done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonsense;

impl Opened {
    /// The first message, and what is expected then. `random` must be new for
    /// every exchange.
    pub(super) fn new(user: &str, password: Password, random: [u8; 18]) -> (String, Self) {
        let nonce = BASE64.encode(random);
        let bare = format!("n={},r={nonce}", sasl_name(user));
        let message = format!("{GS2_HEADER}{bare}");
        (message, Self { bare, nonce, password })
    }

    /// Answers `r=nonce,s=salt,i=iterations[,extensions]`.
    pub(super) fn prove(self, server_first: &str) -> Result<(String, Proven), Nonsense> {
        let (nonce, salt, iterations) = challenge(server_first).ok_or(Nonsense)?;
        // A nonce that is only ours would make the proof good for every
        // exchange.
        if !nonce.starts_with(&self.nonce) || nonce.len() == self.nonce.len() {
            return Err(Nonsense);
        }
        let without_proof = format!("c={},r={nonce}", BASE64.encode(GS2_HEADER));
        let said = format!("{},{server_first},{without_proof}", self.bare);
        let salted = self.salted(&salt, iterations);
        let client_key = sign(&salted, "Client Key");
        let stored_key = digest::digest(&digest::SHA256, client_key.as_ref());
        let signature = sign(stored_key.as_ref(), &said);
        let proof: Vec<u8> = client_key
            .as_ref()
            .iter()
            .zip(signature.as_ref())
            .map(|(key, mask)| key ^ mask)
            .collect();
        let server_key = sign(&salted, "Server Key");
        let message = format!("{without_proof},p={}", BASE64.encode(proof));
        Ok((message, Proven { server_signature: sign(server_key.as_ref(), &said) }))
    }

    fn salted(&self, salt: &[u8], iterations: NonZeroU32) -> [u8; digest::SHA256_OUTPUT_LEN] {
        let mut salted = [0; digest::SHA256_OUTPUT_LEN];
        let password = self.password.reveal().as_bytes();
        pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, password, &mut salted);
        salted
    }
}

impl Proven {
    /// Whether the server, with its `v=signature`, knows the verifier.
    pub(super) fn check(&self, server_final: &str) -> Result<(), Nonsense> {
        let signature = server_final.split(',').next().and_then(|first| first.strip_prefix("v="));
        let signature = signature.and_then(|signature| BASE64.decode(signature).ok());
        let signature = signature.ok_or(Nonsense)?;
        verify_slices_are_equal(&signature, self.server_signature.as_ref()).map_err(|_| Nonsense)
    }
}

/// Nonce, salt and iterations. A server may not have us prove a password with
/// so few iterations that a listener could guess it from the proof, nor keep
/// us busy with so many that nothing else is done.
fn challenge(message: &str) -> Option<(&str, Vec<u8>, NonZeroU32)> {
    let mut attributes = message.split(',');
    // `m=` in front is reserved for what must not be ignored: it is no `r=`.
    let nonce = attributes.next()?.strip_prefix("r=")?;
    let salt = BASE64.decode(attributes.next()?.strip_prefix("s=")?).ok()?;
    let iterations: u32 = attributes.next()?.strip_prefix("i=")?.parse().ok()?;
    let sensible = !salt.is_empty() && (ITERATIONS..=MOST_ITERATIONS).contains(&iterations);
    NonZeroU32::new(iterations).filter(|_| sensible).map(|iterations| (nonce, salt, iterations))
}

fn sign(key: &[u8], said: &str) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), said.as_bytes())
}

/// A comma and an equals sign mean something in SCRAM (RFC 5802 section 5.1).
fn sasl_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// No channel binding, and nobody else to act for.
const GS2_HEADER: &str = "n,,";
/// RFC 7677 section 4: at least.
const ITERATIONS: u32 = 4096;
/// Some tenths of a second.
const MOST_ITERATIONS: u32 = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                         s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

    /// RFC 7677 section 3: user "user", password "pencil".
    fn opened() -> Opened {
        Opened {
            bare: "n=user,r=rOprNGfwEbeRWgbNEkqO".to_owned(),
            nonce: "rOprNGfwEbeRWgbNEkqO".to_owned(),
            password: Password::new("pencil"),
        }
    }

    #[test]
    fn the_exchange_is_that_of_the_rfc_example() {
        let (message, proven) = opened().prove(FIRST).unwrap();
        assert_eq!(
            message,
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        assert!(proven.check("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=").is_ok());
    }

    #[test]
    fn a_server_that_does_not_know_the_verifier_is_found_out() {
        let (_, proven) = opened().prove(FIRST).unwrap();
        let other = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=";
        for wrong in ["", "v=", "e=other-error", other, "v=6rriTRBi23WpRR/wtup+mA=="] {
            assert_eq!(proven.check(wrong), Err(Nonsense), "{wrong:?}");
        }
    }

    #[test]
    fn a_challenge_that_would_weaken_the_proof_is_refused() {
        let cases = [
            FIRST.replace("rOprNGfwEbeRWgbNEkqO%", "theirs%"),
            "r=rOprNGfwEbeRWgbNEkqO,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096".to_owned(),
            FIRST.replace("i=4096", "i=4095"),
            FIRST.replace("i=4096", "i=1000001"),
            FIRST.replace("i=4096", "i=many"),
            FIRST.replace("s=W22ZaJ0SNY7soEsUEjb6gQ==", "s="),
            format!("m=must,{FIRST}"),
            String::new(),
        ];
        for message in cases {
            assert_eq!(opened().prove(&message).unwrap_err(), Nonsense, "{message:?}");
        }
    }

    #[test]
    fn a_name_may_hold_what_means_something_in_scram() {
        let (message, _) = Opened::new("a=b,c", Password::new("x"), [0; 18]);
        assert!(message.starts_with("n,,n=a=3Db=2Cc,r="), "{message}");
    }
}
