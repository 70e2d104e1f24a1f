//! DKIM signatures (RFC 6376, RFC 8463): made last, over what leaves.

use std::{collections::HashMap, fmt, io::Cursor};

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    signature::{Ed25519KeyPair, KeyPair, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use mail_auth::{
    common::{
        crypto::{DkimKey, Ed25519Key, RsaKey, Sha256},
        headers::HeaderWriter,
    },
    dkim::{Canonicalization, DkimSigner, Done},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};

use super::{field::HeaderField, seal::Sealer};
use crate::mail::Domain;

/// The keys of all domains that are signed for.
#[derive(Default)]
pub struct Signer {
    keys: HashMap<Domain, Vec<SigningKey>>,
    seals_as: Option<Domain>,
}

/// One key: a domain, a selector, and what signs.
pub struct SigningKey {
    domain: Domain,
    selector: String,
    record: String,
    algorithm: KeyAlgorithm,
    signer: DkimSigner<DkimKey, Done>,
}

/// What a key is, as its owner would say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyAlgorithm {
    Rsa { bits: usize },
    Ed25519,
}

#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    #[error("a private key in PEM (PKCS#8, or PKCS#1 for RSA) is expected: {0}")]
    Pem(String),
    #[error("an RSA key of 2048 bits or more, or an Ed25519 key, is expected: {0}")]
    Key(String),
    #[error("an RSA key has 2048 bits or more, found {0}")]
    TooShort(usize),
    #[error("a selector is letters, digits, hyphens and dots, found `{0}`")]
    Selector(String),
    #[error("the message could not be signed: {0}")]
    Signing(String),
}

impl Signer {
    pub fn new(keys: impl IntoIterator<Item = SigningKey>) -> Self {
        let mut signer = Self::default();
        for key in keys {
            signer.keys.entry(key.domain.clone()).or_default().push(key);
        }
        signer
    }

    /// As whom the mail of others is sealed; nobody without a key.
    pub fn sealing_as(self, domain: Option<Domain>) -> Self {
        Self { seals_as: domain, ..self }
    }

    /// The domain to sign for where an author is of `domain`: itself, or the
    /// nearest above it that has a key.
    pub fn domain_for(&self, domain: &Domain) -> Option<&Domain> {
        domain
            .ancestry()
            .filter_map(|name| name.parse::<Domain>().ok())
            .find_map(|name| self.keys.get_key_value(&name).map(|(own, _)| own))
    }

    /// The key that seals: of RSA where there is one, for RFC 8617
    /// knows no other and few verifiers do.
    pub(super) fn sealer(&self) -> Option<Sealer<'_>> {
        let keys = self.domain_for(self.seals_as.as_ref()?).and_then(|own| self.keys.get(own))?;
        let key = keys.iter().min_by_key(|key| key.algorithm == KeyAlgorithm::Ed25519)?;
        Some(Sealer { domain: &key.domain, selector: &key.selector, key: &key.signer.key })
    }

    /// A field for each key of the domain, or of the nearest above it; none
    /// where there is no key. The message must be as it will leave.
    pub fn sign(&self, domain: &Domain, message: &[u8]) -> Result<Vec<HeaderField>, SignerError> {
        let keys = self.domain_for(domain).and_then(|own| self.keys.get(own));
        keys.into_iter().flatten().map(|key| key.sign(message)).collect()
    }
}

impl SigningKey {
    pub fn from_pem(domain: Domain, selector: &str, pem: &[u8]) -> Result<Self, SignerError> {
        let of_selector =
            |octet: u8| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'.';
        if selector.is_empty()
            || selector.len() > MAX_SELECTOR
            || !selector.bytes().all(of_selector)
        {
            return Err(SignerError::Selector(selector.to_owned()));
        }
        let der = PrivateKeyDer::from_pem_reader(Cursor::new(pem))
            .map_err(|error| SignerError::Pem(error.to_string()))?;
        let (key, record, algorithm) = read_key(der)?;
        let signer = DkimSigner::from_key(key)
            .domain(domain.as_str())
            .selector(selector)
            .headers(signed_fields())
            .header_canonicalization(Canonicalization::Relaxed)
            .body_canonicalization(Canonicalization::Relaxed);
        Ok(Self { domain, selector: selector.to_owned(), record, algorithm, signer })
    }

    pub fn domain(&self) -> &Domain {
        &self.domain
    }

    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// Where the record is published: `selector._domainkey.domain`.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The TXT record that lets others verify: `v=DKIM1; k=rsa; p=…`.
    pub fn record(&self) -> &str {
        &self.record
    }

    pub fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn sign(&self, message: &[u8]) -> Result<HeaderField, SignerError> {
        let signature =
            self.signer.sign(message).map_err(|error| SignerError::Signing(error.to_string()))?;
        Ok(HeaderField::made(signature.to_header()))
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa { bits } => write!(out, "rsa {bits}"),
            Self::Ed25519 => out.write_str("ed25519"),
        }
    }
}

/// Keys are secrets: only what is public is shown.
impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_tuple("SigningKey").field(&self.record_name()).finish()
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_list().entries(self.keys.values().flatten()).finish()
    }
}

/// The key, its DNS record and what it is.
fn read_key(der: PrivateKeyDer<'_>) -> Result<(DkimKey, String, KeyAlgorithm), SignerError> {
    let wrong = |error: String| SignerError::Key(error);
    if let PrivateKeyDer::Pkcs8(pkcs8) = &der
        && let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8.secret_pkcs8_der())
    {
        let key = Ed25519Key::from_pkcs8_maybe_unchecked_der(pkcs8.secret_pkcs8_der())
            .map_err(|error| wrong(error.to_string()))?;
        let record = format!("v=DKIM1; k=ed25519; p={}", STANDARD.encode(pair.public_key()));
        return Ok((DkimKey::Ed25519(key), record, KeyAlgorithm::Ed25519));
    }
    let pair = match &der {
        PrivateKeyDer::Pkcs1(pkcs1) => RsaKeyPair::from_der(pkcs1.secret_pkcs1_der()),
        PrivateKeyDer::Pkcs8(pkcs8) => RsaKeyPair::from_pkcs8(pkcs8.secret_pkcs8_der()),
        _ => return Err(wrong("this is another kind of key".to_owned())),
    }
    .map_err(|error| wrong(error.to_string()))?;
    let bits = pair.public_modulus_len() * 8;
    if bits < MIN_RSA_BITS {
        return Err(SignerError::TooShort(bits));
    }
    let public: PublicKeyX509Der<'_> =
        pair.public_key().as_der().map_err(|error| wrong(error.to_string()))?;
    let record = format!("v=DKIM1; k=rsa; p={}", STANDARD.encode(public.as_ref()));
    let key = RsaKey::<Sha256>::from_key_der(der).map_err(|error| wrong(error.to_string()))?;
    Ok((DkimKey::Rsa(key), record, KeyAlgorithm::Rsa { bits }))
}

/// Each named once more than it may stand there: a second one added on the
/// way breaks the signature.
fn signed_fields() -> impl Iterator<Item = &'static str> {
    SIGNED.into_iter().chain(OVERSIGNED).chain(OVERSIGNED)
}

pub(super) const OVERSIGNED: [&str; 12] = [
    "From",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "Reply-To",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
];
/// Signed where they stand.
const SIGNED: [&str; 3] = ["Sender", "Content-Disposition", "Content-ID"];
const MIN_RSA_BITS: usize = 2048;
const MAX_SELECTOR: usize = 63;

#[cfg(test)]
pub(super) mod tests {
    use std::{
        borrow::Borrow,
        hash::Hash,
        pin::pin,
        sync::Arc,
        task::{Context, Poll, Waker},
        time::Instant,
    };

    use aws_lc_rs::{
        encoding::Pkcs8V1Der,
        rsa::{KeyPair as RsaPair, KeySize},
    };
    use mail_auth::{
        AuthenticatedMessage, DkimResult, MessageAuthenticator, Parameters, ResolverCache, Txt,
        common::{parse::TxtRecordParser, verify::DomainKey},
    };

    use super::*;

    /// The DNS of a test: one key, everywhere.
    pub(in crate::transform) struct OneKey(Txt);

    impl ResolverCache<Box<str>, Txt> for OneKey {
        fn get<Q>(&self, _: &Q) -> Option<Txt>
        where
            Box<str>: Borrow<Q>,
            Q: Hash + Eq + ?Sized,
        {
            Some(self.0.clone())
        }

        fn remove<Q>(&self, _: &Q) -> Option<Txt>
        where
            Box<str>: Borrow<Q>,
            Q: Hash + Eq + ?Sized,
        {
            None
        }

        fn insert(&self, _: Box<str>, _: Txt, _: Instant) {}
    }

    fn pem(der: &[u8]) -> String {
        let body = STANDARD.encode(der);
        format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n")
    }

    fn rsa_pem(size: KeySize) -> String {
        let pair = RsaPair::generate(size).unwrap();
        let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
        pem(der.as_ref())
    }

    fn ed25519_pem() -> String {
        pem(&Ed25519Key::generate_pkcs8().unwrap())
    }

    fn key(pem: &str) -> SigningKey {
        SigningKey::from_pem("nhs.test.example".parse().unwrap(), "lab", pem.as_bytes()).unwrap()
    }

    /// The verdict of a verifier whose DNS has one key.
    pub(in crate::transform) fn verdict<T>(
        message: &[u8],
        record: &str,
        ask: impl AsyncFnOnce(&MessageAuthenticator, &AuthenticatedMessage<'_>, &OneKey) -> T,
    ) -> T {
        let message = AuthenticatedMessage::parse(message).unwrap();
        let dns = OneKey(Txt::DomainKey(Arc::new(DomainKey::parse(record.as_bytes()).unwrap())));
        let authenticator = MessageAuthenticator::new_system_conf()
            .or_else(|_| MessageAuthenticator::new_cloudflare())
            .unwrap();
        // The key is at hand, so nothing is waited for.
        match pin!(ask(&authenticator, &message, &dns))
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            Poll::Ready(found) => found,
            Poll::Pending => panic!("it went to the DNS"),
        }
    }

    fn verifies(message: &[u8], record: &str) -> bool {
        verdict(message, record, async |authenticator, message, dns| {
            let asked = Parameters::new(message).with_txt_cache(dns);
            let outputs = authenticator.verify_dkim(asked).await;
            !outputs.is_empty() && outputs.iter().all(|output| *output.result() == DkimResult::Pass)
        })
    }

    const MESSAGE: &str = "From: a@nhs.test.example\r\nTo: b@x.example\r\nSubject: hello\r\n\
                           Date: Sun, 22 Nov 2026 17:12:05 +0000\r\n\r\nhello\r\n";

    #[test]
    fn signatures_of_both_kinds_verify_and_second_authors_break_them() {
        for pem in [rsa_pem(KeySize::Rsa2048), ed25519_pem()] {
            let key = key(&pem);
            let record = key.record().to_owned();
            let signer = Signer::new([key]);
            let fields = signer.sign(&"sub.nhs.test.example".parse().unwrap(), MESSAGE.as_bytes());
            let field = fields.unwrap().remove(0);
            let signed = format!("{}{MESSAGE}", field.as_str());
            assert!(verifies(signed.as_bytes(), &record), "{signed}");
            let forged = format!("From: c@evil.example\r\n{signed}");
            assert!(!verifies(forged.as_bytes(), &record));
            assert!(!verifies(
                signed.replace("\r\n\r\nhello", "\r\n\r\nother").as_bytes(),
                &record
            ));
            assert!(!field.as_str().contains(" l="));
            assert!(field.as_str().split("\r\n").all(|line| line.len() <= 100));
        }
    }

    #[test]
    fn a_rewritten_message_is_signed_in_front_with_every_key() {
        use crate::{
            content::Content,
            mail::Disclaimer,
            transform::{Edits, rewrite},
        };
        let keys = [key(&rsa_pem(KeySize::Rsa2048)), key(&ed25519_pem())];
        let record = keys[0].record().to_owned();
        let signer = Signer::new(keys);
        let disclaimer = Disclaimer {
            name: "x".into(),
            plain: "tag \u{2013} line".into(),
            html: "tag line".into(),
        };
        let edits = Edits { disclaimer: Some(Arc::new(disclaimer)), ..Edits::default() };
        let content = Content::parse(bytes::Bytes::from_static(MESSAGE.as_bytes()));
        let mut rewritten = rewrite(&content, &edits);
        let domain = "nhs.test.example".parse().unwrap();
        assert_eq!(rewritten.sign(&signer, &domain).unwrap(), 2);
        let message = rewritten.into_bytes();
        // The one of RSA stands second: the other has another record.
        let start = memchr::memmem::rfind(&message, b"DKIM-Signature:").unwrap();
        let (first, second) = message.split_at(start);
        assert!(first.starts_with(b"DKIM-Signature:") && first.ends_with(b"\r\n"));
        assert!(verifies(second, &record), "{}", String::from_utf8_lossy(second));
    }

    #[test]
    fn a_short_key_and_what_is_no_key_are_refused() {
        let domain: Domain = "x.example".parse().unwrap();
        let read =
            |selector, pem: &str| SigningKey::from_pem(domain.clone(), selector, pem.as_bytes());
        assert!(matches!(read("lab", "hello"), Err(SignerError::Pem(_))));
        assert!(matches!(read("lab", &pem(b"hello")), Err(SignerError::Key(_))));
        assert!(matches!(read("a;b", &ed25519_pem()), Err(SignerError::Selector(_))));
    }

    #[test]
    fn a_domain_without_a_key_is_not_signed_for() {
        let signer = Signer::new([key(&ed25519_pem())]);
        let fields = signer.sign(&"other.example".parse().unwrap(), MESSAGE.as_bytes()).unwrap();
        assert!(fields.is_empty());
        assert!(signer.domain_for(&"a.nhs.test.example".parse().unwrap()).is_some());
    }
}
