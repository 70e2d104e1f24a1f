//! Officers' terms of TLS, on the wire: versions, cipher suites and trust
//! anchors; and every kind of TLSA record against the chains it is about.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{
    ServerConfig, SupportedProtocolVersion,
    crypto::{CryptoProvider, aws_lc_rs::default_provider},
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    version::{TLS12, TLS13},
};

use super::{
    claims::TlsaRecord,
    dane::{Mismatch, Presented, usable},
    deliverer::{Deliverer, Delivery},
    peers::{Authorities, Certificate, Fault, MX_NAME, Material, Peer, settings},
    requirement::Dane,
    trials::{delivered, delivery, last, waits_for},
};
use crate::{
    config::cryptography,
    mail::{
        Attempt, Ciphers, Domain, FailureReason, NextHop, Protection, TlsRequirement, TlsVersion,
        Trust,
    },
};

/// A server that speaks only these.
fn limited(
    authorities: &Authorities,
    provider: CryptoProvider,
    version: &'static SupportedProtocolVersion,
) -> Arc<ServerConfig> {
    let Material { chain, key, .. } = authorities.material(MX_NAME, Certificate::Good);
    let config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    Arc::new(config)
}

fn to(peer: &Peer, protection: Protection) -> Delivery {
    let (host, port) = ("127.0.0.1".to_owned(), peer.address.port());
    let next_hop = NextHop::Smtp { host, port };
    Delivery { protection, ..delivery(next_hop, TlsRequirement::None) }
}

async fn attempt(peer: &Peer, protection: Protection) -> Attempt {
    Deliverer::new(settings()).unwrap().attempt(to(peer, protection)).await
}

#[tokio::test]
async fn a_peer_below_the_least_version_gets_nothing() {
    let authorities = Authorities::new();
    let encrypted = Protection { tls: TlsRequirement::Encrypted, ..Protection::default() };
    for (version, spoken) in [(&TLS12, "TLSv1.2"), (&TLS13, "TLSv1.3")] {
        for min_version in TlsVersion::ALL {
            let server = limited(&authorities, default_provider(), version);
            let peer = Peer::start(Fault::None, Some(server)).await;
            let attempt = attempt(&peer, Protection { min_version, ..encrypted.clone() }).await;
            if spoken == "TLSv1.2" && min_version == TlsVersion::Tls13 {
                assert_eq!(waits_for(&attempt), FailureReason::Tls);
                assert!(peer.taken().is_empty() && last(&attempt).fault.is_some());
            } else {
                assert!(delivered(&attempt), "{attempt:?}");
                assert_eq!(last(&attempt).tls.as_ref().unwrap().version, spoken);
            }
        }
    }
}

#[tokio::test]
async fn a_peer_without_a_cipher_of_the_list_gets_nothing() {
    let authorities = Authorities::new();
    let chacha = || {
        let mut provider = cryptography(Ciphers::Intermediate);
        let is_chacha = |name: &str| name.contains("CHACHA20");
        provider.cipher_suites.retain(|suite| is_chacha(suite.suite().as_str().unwrap_or("")));
        provider
    };
    for ciphers in Ciphers::ALL {
        let server = limited(&authorities, chacha(), &TLS13);
        let peer = Peer::start(Fault::None, Some(server)).await;
        let tls = TlsRequirement::Encrypted;
        let attempt = attempt(&peer, Protection { tls, ciphers, ..Protection::default() }).await;
        match ciphers {
            Ciphers::Intermediate => assert!(delivered(&attempt), "{attempt:?}"),
            Ciphers::Ncsc => {
                assert_eq!(waits_for(&attempt), FailureReason::Tls);
                assert!(peer.taken().is_empty());
            }
        }
    }
}

#[tokio::test]
async fn of_a_pinned_authority_the_certificate_must_be() {
    let authorities = Authorities::new();
    let mut settings = settings();
    settings.certificates = authorities.trust_anchors.parent().map(Into::into);
    let deliverer = Deliverer::new(settings).unwrap();
    let protection = |file: &str| Protection {
        tls: TlsRequirement::Verified,
        mx_names: vec![MX_NAME.parse().unwrap()],
        trust: Trust::Anchors(file.to_owned()),
        ..Protection::default()
    };
    for (file, certificate, goes) in [
        ("ca.pem", Certificate::Good, true),
        ("ca.pem", Certificate::OtherAuthority, false),
        ("missing.pem", Certificate::Good, false),
    ] {
        let peer = Peer::start(Fault::None, Some(authorities.server(certificate))).await;
        let attempt = deliverer.attempt(to(&peer, protection(file))).await;
        assert_eq!(delivered(&attempt), goes, "{file} {certificate:?}: {attempt:?}");
        assert_eq!(peer.taken().len(), usize::from(goes));
    }
}

/// Of a certificate, by every selector and matching type.
fn records(usage: u8, certificate: &CertificateDer<'_>, key: &[u8]) -> Vec<TlsaRecord> {
    let of = |selector, selected: &[u8]| {
        let data = [
            selected.to_vec(),
            digest(&SHA256, selected).as_ref().to_vec(),
            digest(&SHA512, selected).as_ref().to_vec(),
        ];
        let matching = data.into_iter().zip(0..);
        let records: Vec<_> = matching
            .map(|(data, matching)| TlsaRecord { usage, selector, matching, data })
            .collect();
        records
    };
    [of(0, certificate), of(1, key)].concat()
}

fn check(record: &TlsaRecord, chain: &[CertificateDer<'_>]) -> Result<(), Mismatch> {
    let names: Vec<Domain> = vec![MX_NAME.parse().unwrap()];
    let dane = Dane { records: usable(std::slice::from_ref(record)), names };
    let (leaf, intermediates) = chain.split_first().unwrap();
    dane.check(&Presented { leaf, intermediates, now: UnixTime::now() }).map(drop)
}

#[test]
fn every_kind_of_record_of_a_host_matches_it_and_no_other_whatever_its_name_and_dates() {
    let authorities = Authorities::new();
    let another = authorities.material(MX_NAME, Certificate::Good);
    for certificate in [Certificate::Good, Certificate::WrongName, Certificate::Expired] {
        let Material { chain, public, .. } = authorities.material(MX_NAME, certificate);
        for record in records(3, &chain[0], &public) {
            assert!(check(&record, &chain).is_ok(), "{certificate:?} {}", record.numbers());
            assert!(check(&record, &another.chain).is_err(), "{}", record.numbers());
        }
    }
}

#[test]
fn every_kind_of_record_of_an_authority_takes_what_it_has_issued_for_the_name_and_the_day() {
    let authorities = Authorities::new();
    let authority = CertificateDer::from_pem_file(&authorities.trust_anchors).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(&authority).unwrap();
    let records = records(2, &authority, parsed.public_key().raw);
    for (certificate, holds) in [
        (Certificate::Good, true),
        (Certificate::WrongName, false),
        (Certificate::Expired, false),
        (Certificate::NotYetValid, false),
        (Certificate::OtherAuthority, false),
        (Certificate::SelfSigned, false),
    ] {
        let mut chain = authorities.material(MX_NAME, certificate).chain;
        chain.push(authority.clone());
        for record in &records {
            let what = format!("{certificate:?} {}", record.numbers());
            assert_eq!(check(record, &chain).is_ok(), holds, "{what}");
        }
    }
}

#[test]
fn an_authority_that_is_not_presented_counts_only_where_the_record_is_all_of_it() {
    let authorities = Authorities::new();
    let authority = CertificateDer::from_pem_file(&authorities.trust_anchors).unwrap();
    let (_, parsed) = x509_parser::parse_x509_certificate(&authority).unwrap();
    let chain = authorities.material(MX_NAME, Certificate::Good).chain;
    for record in records(2, &authority, parsed.public_key().raw) {
        let whole = record.selector == 0 && record.matching == 0;
        assert_eq!(check(&record, &chain).is_ok(), whole, "{}", record.numbers());
    }
}

#[test]
fn an_authority_that_has_expired_vouches_for_nobody() {
    for (last_year, holds) in [(2021, false), (2090, true)] {
        let mut params = CertificateParams::new(Vec::<String>::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let key = KeyPair::generate().unwrap();
        let public = rcgen::PublicKeyData::subject_public_key_info(&key);
        let authority = CertificateDer::from(params.self_signed(&key).unwrap().der().to_vec());
        let issuer = Issuer::new(params, key);
        let mut params = CertificateParams::new(vec![MX_NAME.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        let leaf = params.signed_by(&KeyPair::generate().unwrap(), &issuer).unwrap();
        let chain = [CertificateDer::from(leaf.der().to_vec()), authority];
        for record in records(2, &chain[1], &public) {
            assert_eq!(check(&record, &chain).is_ok(), holds, "{last_year} {}", record.numbers());
        }
    }
}
