//! ARC seals (RFC 8617): what authentication said of somebody else's message
//! before we changed it, vouched for by us.
//!
//! A set is three fields: the results, a signature of the message as it leaves,
//! and a seal over every set there is. It goes on top of all, when nothing
//! else is going to be changed. A chain that has failed is not gone on with: a
//! set with cv=fail (section 5.1.2) would only say what every later verifier
//! finds for itself, and must not be believed in anything else.

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine, engine::general_purpose::STANDARD};
use mail_auth::{
    AuthenticatedMessage,
    common::{
        crypto::{Algorithm, DkimKey, SigningKey},
        headers::{Writable, Writer},
    },
    dkim::Canonicalization,
};

use super::{
    field::{HeaderField, HeaderFieldError},
    sign::{OVERSIGNED, SignerError},
};
use crate::mail::{Domain, Timestamp};

/// What is vouched for.
#[derive(Clone, Copy, Debug)]
pub struct Sealing<'a> {
    /// What the message was found to be when it came, as the value of the
    /// Authentication-Results field has it: authserv-id first.
    pub results: &'a str,
    pub chain: Chain,
    pub at: Timestamp,
}

/// What the chain was when the message came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chain {
    None,
    Pass,
    Fail,
}

#[derive(Debug, thiserror::Error)]
pub enum SealError {
    #[error("a field of the seal: {0}")]
    Field(#[from] HeaderFieldError),
    #[error("{0}")]
    Signing(#[from] SignerError),
}

/// Who seals, and with what.
pub(super) struct Sealer<'a> {
    pub(super) domain: &'a Domain,
    pub(super) selector: &'a str,
    pub(super) key: &'a DkimKey,
}

impl Sealer<'_> {
    /// The fields of the next set, the lowest first; none where there must not
    /// be another.
    pub(super) fn seal(
        &self,
        message: &[u8],
        sealing: &Sealing<'_>,
    ) -> Result<Vec<HeaderField>, SealError> {
        let Some(parsed) = AuthenticatedMessage::parse(message) else { return Ok(Vec::new()) };
        let Some(instance) = next_instance(&parsed, sealing.chain) else { return Ok(Vec::new()) };
        let results = format!("i={instance}; {}", sealing.results);
        let results = HeaderField::new(AUTHENTICATION_RESULTS, &results)?;
        let signature = self.message_signature(&parsed, instance, sealing.at)?;
        let seal = self.chain_seal(&parsed, instance, sealing, [&results, &signature])?;
        Ok(vec![results, signature, seal])
    }

    /// Section 4.1.2: as in DKIM, but for `i=`, and without `v=`.
    fn message_signature(
        &self,
        parsed: &AuthenticatedMessage<'_>,
        instance: usize,
        at: Timestamp,
    ) -> Result<HeaderField, SealError> {
        let fields = signed_fields(parsed);
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        let body_hash = STANDARD.encode(body_hash(parsed));
        let unsigned = format!(
            "i={instance}; a={}; c=relaxed/relaxed; d={}; s={}; t={}; h={}; bh={body_hash}; b=",
            self.algorithm(),
            self.domain,
            self.selector,
            seconds(at),
            names.join(" : ")
        );
        let mut signed = Vec::new();
        let present = fields.iter().filter_map(|(_, field)| *field);
        Canonicalization::Relaxed.canonicalize_headers(present, &mut signed);
        self.signed(MESSAGE_SIGNATURE, &unsigned, signed)
    }

    /// Section 5.1.1: every set from the first on, and this one.
    fn chain_seal(
        &self,
        parsed: &AuthenticatedMessage<'_>,
        instance: usize,
        sealing: &Sealing<'_>,
        own: [&HeaderField; 2],
    ) -> Result<HeaderField, SealError> {
        let chain = if instance == 1 { "none" } else { "pass" };
        let unsigned = format!(
            "i={instance}; a={}; cv={chain}; d={}; s={}; t={}; b=",
            self.algorithm(),
            self.domain,
            self.selector,
            seconds(sealing.at)
        );
        let AuthenticatedMessage { aar_headers, ams_headers, as_headers, .. } = parsed;
        let sets = aar_headers.iter().zip(ams_headers).zip(as_headers);
        let earlier = sets.flat_map(|((results, signature), seal)| {
            [
                (results.name, results.value),
                (signature.name, signature.value),
                (seal.name, seal.value),
            ]
        });
        let own = own.into_iter().filter_map(|field| {
            let (name, value) = field.as_str().split_once(':')?;
            Some((name.as_bytes(), value.as_bytes()))
        });
        let mut signed = Vec::new();
        Canonicalization::Relaxed.canonicalize_headers(earlier.chain(own), &mut signed);
        self.signed(SEAL, &unsigned, signed)
    }

    /// `unsigned` ends with an empty `b=`; as it is written with single spaces,
    /// it is its own canonical form.
    fn signed(
        &self,
        name: &str,
        unsigned: &str,
        mut covered: Vec<u8>,
    ) -> Result<HeaderField, SealError> {
        covered.extend_from_slice(format!("{}:{unsigned}", name.to_ascii_lowercase()).as_bytes());
        let signature = self
            .key
            .sign(covered.as_slice())
            .map_err(|error| SignerError::Signing(error.to_string()))?;
        let encoded = STANDARD.encode(signature);
        let mut value = unsigned.to_owned();
        for (place, letter) in encoded.chars().enumerate() {
            // White space within base64 means nothing, and lets it be folded.
            if place > 0 && place % LINE == 0 {
                value.push(' ');
            }
            value.push(letter);
        }
        Ok(HeaderField::new(name, &value)?)
    }

    fn algorithm(&self) -> &'static str {
        match self.key.algorithm() {
            Algorithm::Ed25519Sha256 => "ed25519-sha256",
            _ => "rsa-sha256",
        }
    }
}

/// None where the chain has failed, or is as long as one may be.
fn next_instance(parsed: &AuthenticatedMessage<'_>, chain: Chain) -> Option<usize> {
    let sets = parsed.as_headers.len();
    let whole = sets == parsed.aar_headers.len() && sets == parsed.ams_headers.len();
    match chain {
        _ if parsed.has_arc_errors || !whole => None,
        Chain::None if sets == 0 => Some(1),
        Chain::Pass if sets > 0 && sets < MOST_INSTANCES => Some(sets + 1),
        _ => None,
    }
}

/// A field's name and value.
type Raw<'a> = (&'a [u8], &'a [u8]);

/// What is signed, in order; a name without a field says that there is no
/// (other) one. Of several of a name the last comes first (RFC 6376 section
/// 5.4.2).
fn signed_fields<'m>(parsed: &AuthenticatedMessage<'m>) -> Vec<(&'static str, Option<Raw<'m>>)> {
    let named = |name: &'static str| {
        let fields = parsed.headers.iter().rev();
        let same =
            fields.filter(move |(own, _)| own.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
        same.map(move |&field| (name, Some(field)))
    };
    let mut signed: Vec<_> = named("DKIM-Signature").collect();
    for name in OVERSIGNED {
        signed.extend(named(name));
        signed.push((name, None));
    }
    signed
}

fn body_hash(parsed: &AuthenticatedMessage<'_>) -> Vec<u8> {
    let body = parsed.raw_message.get(parsed.body_offset as usize..).unwrap_or_default();
    let mut hash = Hash(Context::new(&SHA256));
    Canonicalization::Relaxed.canonical_body(body, u64::MAX).write(&mut hash);
    hash.0.finish().as_ref().to_vec()
}

struct Hash(Context);

impl Writer for Hash {
    fn write(&mut self, octets: &[u8]) {
        self.0.update(octets);
    }
}

fn seconds(at: Timestamp) -> u64 {
    at.unix_milliseconds() / 1000
}

const AUTHENTICATION_RESULTS: &str = "ARC-Authentication-Results";
const MESSAGE_SIGNATURE: &str = "ARC-Message-Signature";
const SEAL: &str = "ARC-Seal";
/// Section 4.2.1.
const MOST_INSTANCES: usize = 50;
/// Characters of base64 on a line.
const LINE: usize = 70;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use mail_auth::{DkimResult, Parameters};

    use super::*;
    use crate::{
        content::Content,
        transform::{Edits, Rewritten, Signer, SigningKey, rewrite, sign::tests::verdict},
    };

    const MESSAGE: &str = "From: a@x.example\r\nSubject: hello\r\n  there\r\n\r\nhello \r\n\r\n";

    /// A signer, and its record.
    fn signer() -> (Signer, String) {
        let der = mail_auth::common::crypto::Ed25519Key::generate_pkcs8().unwrap();
        let body = STANDARD.encode(der);
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
        let domain: Domain = "trust.example".parse().unwrap();
        let key = SigningKey::from_pem(domain.clone(), "s", pem.as_bytes()).unwrap();
        let record = key.record().to_owned();
        (Signer::new([key]).sealing_as(Some(domain)), record)
    }

    fn rewritten(message: &str) -> Rewritten {
        let content = Content::parse(Bytes::copy_from_slice(message.as_bytes()));
        rewrite(&content, &Edits::default())
    }

    fn sealed(message: &str, chain: Chain) -> (String, usize) {
        let results = "gw.example; spf=pass smtp.mailfrom=a@x.example; arc=none";
        let sealing =
            Sealing { results, chain, at: Timestamp::from_unix_milliseconds(1_795_367_525_123) };
        let mut rewritten = rewritten(message);
        let fields = rewritten.seal(&signer().0, &sealing).unwrap();
        (String::from_utf8(rewritten.into_bytes().to_vec()).unwrap(), fields)
    }

    #[test]
    fn a_set_stands_on_top_and_names_what_it_covers() {
        let (message, fields) = sealed(MESSAGE, Chain::None);
        assert_eq!(fields, 3);
        let (set, rest) = message.split_at(message.len() - MESSAGE.len());
        assert_eq!(rest, MESSAGE);
        assert!(
            set.starts_with("ARC-Seal: i=1; a=ed25519-sha256; cv=none; d=trust.example;"),
            "{set}"
        );
        assert!(set.contains("\r\nARC-Message-Signature: i=1;"), "{set}");
        assert!(set.contains("\r\nARC-Authentication-Results: i=1; gw.example; spf=pass"), "{set}");
        // Once for the one that is there, once for the one that must not come.
        assert!(set.contains("h=From : From : To : Cc : Subject :"), "{set}");
        assert!(set.split("\r\n").all(|line| line.len() <= 100), "{set}");
    }

    #[test]
    fn a_chain_that_passed_is_gone_on_with_and_one_that_failed_is_not() {
        let (once, _) = sealed(MESSAGE, Chain::None);
        let (twice, fields) = sealed(&once, Chain::Pass);
        assert_eq!(fields, 3);
        assert!(twice.starts_with("ARC-Seal: i=2; a=ed25519-sha256; cv=pass;"), "{twice}");
        for (message, chain) in
            [(&*once, Chain::Fail), (&*once, Chain::None), (MESSAGE, Chain::Pass)]
        {
            assert_eq!(sealed(message, chain).1, 0, "{chain:?}");
        }
        let broken = once.replacen("ARC-Seal: i=1", "ARC-Seal: i=x", 1);
        assert_eq!(sealed(&broken, Chain::Pass).1, 0);
    }

    fn passes(message: &str, record: &str) -> bool {
        verdict(message.as_bytes(), record, async |authenticator, message, dns| {
            let asked = Parameters::new(message).with_txt_cache(dns);
            *authenticator.verify_arc(asked).await.result() == DkimResult::Pass
        })
    }

    #[test]
    fn a_chain_of_three_verifies_until_anything_it_covers_is_changed() {
        let (signer, record) = signer();
        let mut message = MESSAGE.to_owned();
        for chain in [Chain::None, Chain::Pass, Chain::Pass] {
            let mut next = rewritten(&format!("X-Added: on the way\r\n{message}"));
            let sealing = Sealing { results: "gw.example; none", chain, at: Timestamp::default() };
            assert_eq!(next.seal(&signer, &sealing).unwrap(), 3);
            message = String::from_utf8(next.into_bytes().to_vec()).unwrap();
            assert!(passes(&message, &record), "{message}");
        }
        for (was, becomes) in [
            ("Subject: hello", "Subject: other"),
            ("\r\n\r\nhello", "\r\n\r\nother"),
            ("From: a@", "From: b@"),
            ("i=1; gw.example; none", "i=1; gw.example; spf=pass"),
        ] {
            assert!(!passes(&message.replace(was, becomes), &record), "{was}");
        }
        let forged = format!("From: c@evil.example\r\n{message}");
        assert!(!passes(&forged, &record));
    }

    #[test]
    fn without_a_key_nothing_is_sealed() {
        let sealing =
            Sealing { results: "gw.example; none", chain: Chain::None, at: Timestamp::default() };
        assert_eq!(rewritten(MESSAGE).seal(&Signer::default(), &sealing).unwrap(), 0);
    }
}
