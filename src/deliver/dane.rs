//! DANE for SMTP (RFC 7672, RFC 7671): whether a host's certificate matches
//! one of its TLSA records. Any that matches will do, so that keys can be
//! rolled over.

use std::fmt;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rustls::{
    CertificateError, RootCertStore,
    client::danger::ServerCertVerifier,
    pki_types::{CertificateDer, UnixTime},
};
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use super::{claims::TlsaRecord, requirement::Dane, tls};

/// The host's chain, its own certificate first.
pub(super) struct Presented<'a> {
    pub(super) leaf: &'a CertificateDer<'a>,
    pub(super) intermediates: &'a [CertificateDer<'a>],
    pub(super) now: UnixTime,
}

/// Why no record matches.
#[derive(Debug)]
pub(super) enum Mismatch {
    NoRecord,
    /// One names an authority, and the chain to it does not hold.
    Chain(rustls::Error),
}

/// The records that can be used with SMTP: DANE-EE and DANE-TA, of selectors
/// and digests that are known, and of the length these have. PKIX-TA and
/// PKIX-EE cannot be (RFC 7672 section 3.1.3).
pub(super) fn usable(records: &[TlsaRecord]) -> Vec<TlsaRecord> {
    records.iter().filter(|record| record.is_usable()).cloned().collect()
}

impl Dane {
    /// The record that proves the certificate.
    pub(super) fn check(&self, presented: &Presented<'_>) -> Result<&TlsaRecord, Mismatch> {
        let of_host = self.records.iter().filter(|record| record.usage == DANE_EE);
        // Neither names nor dates count here (RFC 7672 section 3.1.1).
        if let Some(record) = of_host.clone().find(|record| record.matches(presented.leaf)) {
            return Ok(record);
        }
        let mut last = Mismatch::NoRecord;
        for record in self.records.iter().filter(|record| record.usage == DANE_TA) {
            match self.chains_to(record, presented) {
                Ok(()) => return Ok(record),
                Err(Mismatch::NoRecord) => {}
                Err(mismatch) => last = mismatch,
            }
        }
        Err(last)
    }

    /// The authority is one that the host presents, or that stands whole in
    /// the record.
    fn chains_to(&self, record: &TlsaRecord, presented: &Presented<'_>) -> Result<(), Mismatch> {
        let within = (record.selector == WHOLE && record.matching == EXACT)
            .then(|| CertificateDer::from(record.data.as_slice()));
        let found = presented.intermediates.iter().filter(|issuer| record.matches(issuer));
        let mut last = Mismatch::NoRecord;
        for anchor in found.chain(&within) {
            match self.holds(anchor, presented) {
                Ok(()) => return Ok(()),
                Err(error) => last = Mismatch::Chain(error),
            }
        }
        Err(last)
    }

    fn holds(
        &self,
        anchor: &CertificateDer<'_>,
        presented: &Presented<'_>,
    ) -> Result<(), rustls::Error> {
        // As a trust anchor its dates would not be looked at.
        is_in_force(anchor, presented.now)?;
        let mut roots = RootCertStore::empty();
        roots.add(anchor.clone().into_owned())?;
        let verifier = tls::verifier(roots, "a TLSA record")
            .map_err(|why| rustls::Error::General(why.to_string()))?;
        let mut last = CertificateError::NotValidForName.into();
        for name in &self.names {
            let checked = tls::server_name(name).and_then(|name| {
                let Presented { leaf, intermediates, now } = *presented;
                verifier.verify_server_cert(leaf, intermediates, &name, &[], now)
            });
            match checked {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

fn is_in_force(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), rustls::Error> {
    let (_, parsed) =
        X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let now = ASN1Time::from_timestamp(seconds).map_err(|_| CertificateError::BadEncoding)?;
    let validity = parsed.validity();
    match (validity.not_before <= now, now <= validity.not_after) {
        (true, true) => Ok(()),
        (false, _) => Err(CertificateError::NotValidYet.into()),
        (_, false) => Err(CertificateError::Expired.into()),
    }
}

impl TlsaRecord {
    fn is_usable(&self) -> bool {
        let length = match self.matching {
            EXACT => !self.data.is_empty(),
            BY_SHA256 => self.data.len() == SHA256.output_len(),
            BY_SHA512 => self.data.len() == SHA512.output_len(),
            _ => false,
        };
        length && matches!(self.usage, DANE_TA | DANE_EE) && matches!(self.selector, WHOLE | KEY)
    }

    fn matches(&self, certificate: &CertificateDer<'_>) -> bool {
        let parsed;
        let selected: &[u8] = match self.selector {
            WHOLE => certificate,
            KEY => match X509Certificate::from_der(certificate) {
                Ok((_, certificate)) => {
                    parsed = certificate;
                    parsed.public_key().raw
                }
                Err(_) => return false,
            },
            _ => return false,
        };
        match self.matching {
            EXACT => selected == self.data,
            BY_SHA256 => digest(&SHA256, selected).as_ref() == self.data,
            BY_SHA512 => digest(&SHA512, selected).as_ref() == self.data,
            _ => false,
        }
    }

    /// Usage, selector and matching type, as `3 1 1`.
    pub(super) fn numbers(&self) -> String {
        format!("{} {} {}", self.usage, self.selector, self.matching)
    }
}

/// As a zone file has it.
impl fmt::Display for TlsaRecord {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} ", self.numbers())?;
        self.data.iter().try_for_each(|octet| write!(out, "{octet:02x}"))
    }
}

const DANE_TA: u8 = 2;
const DANE_EE: u8 = 3;

const WHOLE: u8 = 0;
const KEY: u8 = 1;

const EXACT: u8 = 0;
const BY_SHA256: u8 = 1;
const BY_SHA512: u8 = 2;
