//! SCRAM-SHA-256 (RFC 5802, RFC 7677), the server's side, without channel
//! binding: no -PLUS is offered, so `y` is as good as `n` and `p=` is refused.
//!
//! The password never crosses the wire and is not kept here either: the
//! client proves that it knows it, the server that it holds the verifier.
//! Names are compared as they come. SASLprep (RFC 4013) is left to clients
//! but for its one rule that guards us: no control characters.

use std::num::NonZeroU32;

use aws_lc_rs::{constant_time::verify_slices_are_equal, digest, hmac};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::complaint::Complaint;

/// What it takes to check a proof of knowing a password, and not to know it
/// (RFC 5802 section 3; SHA-256).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScramVerifier {
    pub iterations: NonZeroU32,
    pub salt: Vec<u8>,
    pub stored_key: Vec<u8>,
    pub server_key: Vec<u8>,
}

/// The server's half of the nonce: new for every exchange, or an old proof
/// could be shown again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nonce(String);

/// Whether the client has shown that it knows the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    Right,
    Wrong,
}

/// The client's first message.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ClientFirst {
    pub(super) user: String,
    /// Said again, and bound, in the last message.
    gs2_header: String,
    /// The rest, of which the proof is made.
    bare: String,
    nonce: String,
}

/// The server's first message has been sent; the proof must come.
#[derive(Debug)]
pub(super) struct Challenge {
    first: ClientFirst,
    server_first: String,
    /// The client's and ours.
    nonce: String,
    verifier: ScramVerifier,
}

/// What the client's last message comes to.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) user: String,
    pub(super) proof: Proof,
    /// Proves the server to a client that has proven itself.
    pub(super) server_final: String,
}

impl Nonce {
    /// From octets that nobody could have guessed.
    pub fn new(random: [u8; 18]) -> Self {
        Self(BASE64.encode(random))
    }

    #[cfg(test)]
    pub(super) fn for_tests(written: &str) -> Self {
        Self(written.to_owned())
    }
}

impl ClientFirst {
    /// `n,[a=authzid],n=user,r=nonce[,extensions]`.
    pub(super) fn parse(message: &str) -> Result<Self, Complaint> {
        let (binding, rest) = message.split_once(',').ok_or(Complaint::SaslEncoding)?;
        match binding {
            "n" | "y" => {}
            _ if binding.starts_with("p=") => return Err(Complaint::SaslChannelBinding),
            _ => return Err(Complaint::SaslEncoding),
        }
        let (authorisation, bare) = rest.split_once(',').ok_or(Complaint::SaslEncoding)?;
        let (user, nonce) = Self::bare(bare).ok_or(Complaint::SaslEncoding)?;
        match authorisation.strip_prefix("a=").map(sasl_name) {
            None if authorisation.is_empty() => {}
            Some(Some(other)) if other == user => {}
            Some(Some(_)) => return Err(Complaint::SaslIdentity),
            _ => return Err(Complaint::SaslEncoding),
        }
        let gs2_header = message.strip_suffix(bare).unwrap_or_default().to_owned();
        Ok(Self { user, gs2_header, bare: bare.to_owned(), nonce: nonce.to_owned() })
    }

    /// The user's name and the nonce. `m=` in front of them is reserved for
    /// what must not be ignored: it is not `n=`, and so refused.
    fn bare(bare: &str) -> Option<(String, &str)> {
        let mut attributes = bare.split(',');
        let user = attributes.next()?.strip_prefix("n=").and_then(sasl_name)?;
        let nonce = attributes.next()?.strip_prefix("r=")?;
        let printable = !nonce.is_empty() && nonce.bytes().all(|octet| octet.is_ascii_graphic());
        (printable && attributes.all(is_extension)).then_some((user, nonce))
    }

    /// The server's first message, and what is expected then.
    pub(super) fn challenge(self, verifier: ScramVerifier, nonce: &Nonce) -> Challenge {
        let nonce = format!("{}{}", self.nonce, nonce.0);
        let salt = BASE64.encode(&verifier.salt);
        let server_first = format!("r={nonce},s={salt},i={}", verifier.iterations);
        Challenge { first: self, server_first, nonce, verifier }
    }
}

impl Challenge {
    pub(super) fn message(&self) -> &str {
        &self.server_first
    }

    /// `c=gs2-header,r=nonce[,extensions],p=proof`. A header or nonce that is
    /// not the one of this exchange makes the proof wrong: somebody is
    /// playing with what another client has said.
    pub(super) fn respond(self, message: &str) -> Result<Outcome, Complaint> {
        let (without_proof, proof) = message.rsplit_once(",p=").ok_or(Complaint::SaslEncoding)?;
        let (binding, nonce) = last(without_proof).ok_or(Complaint::SaslEncoding)?;
        let proof = BASE64.decode(proof).map_err(|_| Complaint::SaslEncoding)?;
        let said = format!("{},{},{without_proof}", self.first.bare, self.server_first);
        let same_exchange = binding == self.first.gs2_header.as_bytes()
            && verify_slices_are_equal(nonce.as_bytes(), self.nonce.as_bytes()).is_ok();
        let proof = match self.verifier.check(&proof, &said) {
            Proof::Right if same_exchange => Proof::Right,
            _ => Proof::Wrong,
        };
        let signature = sign(&self.verifier.server_key, said.as_bytes());
        let server_final = format!("v={}", BASE64.encode(signature));
        Ok(Outcome { user: self.first.user, proof, server_final })
    }
}

impl ScramVerifier {
    /// RFC 5802 section 3: the proof is the client's key, hidden by a
    /// signature of all that was said; only its hash is known here.
    fn check(&self, proof: &[u8], said: &str) -> Proof {
        let signature = sign(&self.stored_key, said.as_bytes());
        if proof.len() != signature.as_ref().len() {
            return Proof::Wrong;
        }
        let key: Vec<u8> =
            proof.iter().zip(signature.as_ref()).map(|(proof, hidden)| proof ^ hidden).collect();
        let given = digest::digest(&digest::SHA256, &key);
        match verify_slices_are_equal(given.as_ref(), &self.stored_key) {
            Ok(()) => Proof::Right,
            Err(_) => Proof::Wrong,
        }
    }
}

fn sign(key: &[u8], said: &[u8]) -> hmac::Tag {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), said)
}

/// The decoded channel binding and the nonce of the client's last message.
fn last(message: &str) -> Option<(Vec<u8>, &str)> {
    let mut attributes = message.split(',');
    let binding = BASE64.decode(attributes.next()?.strip_prefix("c=")?).ok()?;
    let nonce = attributes.next()?.strip_prefix("r=")?;
    attributes.all(is_extension).then_some((binding, nonce))
}

/// `=2C` stands for a comma and `=3D` for an equals sign.
fn sasl_name(written: &str) -> Option<String> {
    let mut name = String::with_capacity(written.len());
    let mut pieces = written.split('=');
    name.push_str(pieces.next()?);
    for piece in pieces {
        let (escaped, rest) = match piece.strip_prefix("2C") {
            Some(rest) => (',', rest),
            None => ('=', piece.strip_prefix("3D")?),
        };
        name.push(escaped);
        name.push_str(rest);
    }
    (!name.is_empty() && !name.chars().any(char::is_control)).then_some(name)
}

/// Those that may be ignored (RFC 5802 section 5.1).
fn is_extension(attribute: &str) -> bool {
    let Some((name, value)) = attribute.split_once('=') else { return false };
    let known = matches!(name, "a" | "c" | "e" | "i" | "m" | "n" | "p" | "r" | "s" | "v");
    let letter = name.len() == 1 && name.bytes().all(|octet| octet.is_ascii_alphabetic());
    letter && !known && !value.is_empty() && !value.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7677 section 3: user "user", password "pencil".
    fn exchange() -> Challenge {
        ClientFirst::parse("n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
            .unwrap()
            .challenge(verifier(), &Nonce::for_tests("%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"))
    }

    fn verifier() -> ScramVerifier {
        let decode = |text: &str| BASE64.decode(text).unwrap();
        ScramVerifier {
            iterations: NonZeroU32::new(4096).unwrap(),
            salt: decode("W22ZaJ0SNY7soEsUEjb6gQ=="),
            stored_key: decode("WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY="),
            server_key: decode("wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="),
        }
    }

    const LAST: &str = "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
                        p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

    #[test]
    fn the_exchange_is_that_of_the_rfc_example() {
        let challenge = exchange();
        assert_eq!(
            challenge.message(),
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
        );
        let outcome = challenge.respond(LAST).unwrap();
        assert_eq!((outcome.user.as_str(), outcome.proof), ("user", Proof::Right));
        assert_eq!(outcome.server_final, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    }

    #[test]
    fn a_proof_made_for_anything_else_is_wrong() {
        let changed = [
            LAST.replace("dHzb", "dHzc"),
            LAST.replace("biws", "eSws"), // y,, instead of n,,
            LAST.replace("hNlF$k0", "hNlF$k1"),
            LAST.replace(",p=", ",x=1,p="),
            LAST.replace("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", ""),
        ];
        for message in changed {
            assert_eq!(exchange().respond(&message).unwrap().proof, Proof::Wrong, "{message}");
        }
        // A right proof for what was said, but said with a nonce of its own.
        let theirs = Challenge { nonce: "rOprNGfwEbeRWgbNEkqOours".to_owned(), ..exchange() };
        assert_eq!(theirs.respond(LAST).unwrap().proof, Proof::Wrong);
    }

    #[test]
    fn malformed_first_messages_are_refused() {
        let cases = [
            ("", Complaint::SaslEncoding),
            ("n", Complaint::SaslEncoding),
            ("n,,", Complaint::SaslEncoding),
            ("x,,n=user,r=abc", Complaint::SaslEncoding),
            ("p=tls-exporter,,n=user,r=abc", Complaint::SaslChannelBinding),
            ("n,a=chief,n=user,r=abc", Complaint::SaslIdentity),
            ("n,a=,n=user,r=abc", Complaint::SaslEncoding),
            ("n,b=user,n=user,r=abc", Complaint::SaslEncoding),
            ("n,,m=must,n=user,r=abc", Complaint::SaslEncoding),
            ("n,,n=user,r=abc,m=must", Complaint::SaslEncoding),
            ("n,,n=user,r=abc,r=def", Complaint::SaslEncoding),
            ("n,,n=user,r=abc,", Complaint::SaslEncoding),
            ("n,,n=,r=abc", Complaint::SaslEncoding),
            ("n,,n=us=er,r=abc", Complaint::SaslEncoding),
            ("n,,n=us=2cer,r=abc", Complaint::SaslEncoding),
            ("n,,n=us\u{7}er,r=abc", Complaint::SaslEncoding),
            ("n,,n=user,r=", Complaint::SaslEncoding),
            ("n,,n=user,r=a b", Complaint::SaslEncoding),
            ("n,,r=abc,n=user", Complaint::SaslEncoding),
        ];
        for (message, complaint) in cases {
            assert_eq!(ClientFirst::parse(message), Err(complaint), "{message:?}");
        }
    }

    #[test]
    fn what_clients_may_say_is_taken() {
        let cases = [
            ("n,,n=user,r=abc", "user"),
            ("y,,n=user,r=abc", "user"),
            ("n,a=user,n=user,r=abc,x=more", "user"),
            ("n,,n=a=2Cb=3Dc=2C,r=abc", "a,b=c,"),
        ];
        for (message, user) in cases {
            assert_eq!(ClientFirst::parse(message).unwrap().user, user, "{message}");
        }
    }

    #[test]
    fn malformed_last_messages_are_refused() {
        let proof = "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
        let cases = ["", "c=biws,r=abc", proof, "r=abc,c=biws,p=", "c=*,r=abc,p=AAAA"];
        for message in cases {
            assert_eq!(exchange().respond(message).unwrap_err(), Complaint::SaslEncoding);
        }
        for extension in ["m=1", "novalue", "x=", "xx=1", "1=x", "r=2"] {
            let message = LAST.replace(",p=", &format!(",{extension},p="));
            assert_eq!(exchange().respond(&message).unwrap_err(), Complaint::SaslEncoding);
        }
    }
}
