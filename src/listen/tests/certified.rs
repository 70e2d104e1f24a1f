//! Clients that show a certificate: whoever is vouched for relays and may say
//! AUTH EXTERNAL; whoever is not is a client like any other, under TLS.

use std::{path::Path, sync::Arc};

use aws_lc_rs::digest;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair,
};
use rustls::{
    ClientConfig, SupportedProtocolVersion,
    client::ResolvesClientCert,
    crypto::aws_lc_rs::{default_provider, sign::any_supported_type},
    pki_types::{CertificateDer, PrivateKeyDer},
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{AnyCertificate, Client, Lab};
use crate::config::{self, Certified, CertifiedBy, ListenerTls};

const SYSTEM: &str = "pathology.test.example";

/// An authority of the test's own.
struct Authority(Issuer<'static, KeyPair>, String);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = common_name(name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self(Issuer::new(params, key), pem)
    }

    fn write(&self, folder: &Path) {
        std::fs::write(folder.join("client-ca.pem"), &self.1).unwrap();
    }

    fn issue(&self, params: &CertificateParams) -> (CertificateDer<'static>, KeyPair) {
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.0).unwrap().der().clone(), key)
    }
}

fn common_name(name: &str) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    subject
}

/// As `SYSTEM` has it where all is well.
fn good() -> CertificateParams {
    let mut params = CertificateParams::new(vec![SYSTEM.to_owned()]).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn by_subject(listener: &mut config::Listener, folder: &Path) {
    listener.client_ca = Some(folder.join("client-ca.pem"));
    listener.certified.push(Certified {
        name: "pathology".to_owned(),
        by: CertifiedBy::Subject(SYSTEM.to_uppercase()),
        sender_domains: Vec::new(),
    });
}

fn by_fingerprint(listener: &mut config::Listener, certificate: &CertificateDer<'_>) {
    let fingerprint = digest::digest(&digest::SHA256, certificate);
    listener.certified.push(Certified {
        name: "scanner".to_owned(),
        by: CertifiedBy::Fingerprint(fingerprint.as_ref().try_into().unwrap()),
        sender_domains: Vec::new(),
    });
}

async fn lab(authority: &Authority, pinned: Option<&CertificateDer<'_>>) -> Lab {
    let lab = Lab::start(|listener, _| {
        let folder = listener.certificate.as_ref().unwrap().chain.parent().unwrap().to_owned();
        authority.write(&folder);
        listener.tls = ListenerTls::Implicit;
        listener.clients.clear();
        by_subject(listener, &folder);
        if let Some(pinned) = pinned {
            by_fingerprint(listener, pinned);
        }
    });
    lab.await
}

/// A certificate and the key to sign with, which may not be its own.
fn identity(certificate: &CertificateDer<'static>, key: &KeyPair) -> Arc<SingleCertAndKey> {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let key = any_supported_type(&key).unwrap();
    Arc::new(SingleCertAndKey::from(CertifiedKey::new(vec![certificate.clone()], key)))
}

async fn connect(
    lab: &Lab,
    version: &'static SupportedProtocolVersion,
    identity: Option<Arc<dyn ResolvesClientCert>>,
) -> Client<TlsStream<TcpStream>> {
    let builder = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate));
    let config = match identity {
        Some(identity) => builder.with_client_cert_resolver(identity),
        None => builder.with_no_client_auth(),
    };
    let name = "mx1.test.example".try_into().unwrap();
    let tls = TlsConnector::from(Arc::new(config)).connect(name, lab.dial().await).await;
    let mut client = Client::new(tls.expect("TLS, whatever the client shows"));
    client.expect("220").await;
    client
}

/// Whom the listener takes the client for.
async fn certified(lab: &Lab, identity: Option<Arc<dyn ResolvesClientCert>>) -> Option<String> {
    let mut names = Vec::new();
    for version in [&TLS12, &TLS13] {
        let before = lab.reception.messages.lock().unwrap().len();
        let mut client = connect(lab, version, identity.clone()).await;
        client.say("EHLO client.test.example", "250").await;
        client.say("MAIL FROM:<a@nhs.test.example>", "250").await;
        let reply = client.ask("RCPT TO:<b@gov.test.example>").await;
        let name = if reply.starts_with("250") {
            client.say("DATA", "354").await;
            client.say("hello\r\n.", "250 2.0.0 queued as").await;
            lab.reception.messages.lock().unwrap()[before].origin.certified.clone()
        } else {
            assert!(reply.starts_with("550 5.7.1"), "{reply}");
            None
        };
        names.push(name);
    }
    assert_eq!(names[0], names[1], "TLS 1.2 and 1.3 differ");
    names.pop().unwrap()
}

#[tokio::test]
async fn a_known_system_relays_and_may_say_external() {
    let authority = Authority::new("Clients of the trust");
    let lab = lab(&authority, None).await;
    let (certificate, key) = authority.issue(&good());
    let right = identity(&certificate, &key);
    assert_eq!(certified(&lab, Some(right.clone())).await.as_deref(), Some("pathology"));
    let mut client = connect(&lab, &TLS13, Some(right)).await;
    client.say("EHLO client.test.example", "AUTH EXTERNAL").await;
    client.say("AUTH EXTERNAL =", "235").await;
    client.send_message("hello").await;
    let messages = lab.reception.messages.lock().unwrap();
    assert_eq!(messages[2].origin.authenticated.as_deref(), Some("pathology"));
}

#[tokio::test]
async fn who_cannot_be_vouched_for_is_a_client_like_any_other() {
    let (ours, theirs) = (Authority::new("Clients of the trust"), Authority::new("Strangers"));
    let lab = lab(&ours, None).await;
    let changed = |change: fn(&mut CertificateParams)| {
        let mut params = good();
        change(&mut params);
        params
    };
    let past = changed(|params| {
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let future = changed(|params| params.not_before = rcgen::date_time_ymd(2100, 1, 1));
    let other = changed(|params| {
        params.subject_alt_names =
            vec![rcgen::SanType::DnsName("other.test.example".try_into().unwrap())];
        // Where there is a subjectAltName, the common name says nothing.
        params.distinguished_name = common_name(SYSTEM);
    });
    let wildcard = changed(|params| {
        params.subject_alt_names =
            vec![rcgen::SanType::DnsName("*.test.example".try_into().unwrap())];
    });
    let server = changed(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    });
    let (stolen, its_key) = ours.issue(&good());
    let (_, another_key) = ours.issue(&good());
    let of = |authority: &Authority, params: &CertificateParams| {
        let (certificate, key) = authority.issue(params);
        identity(&certificate, &key)
    };
    let cases: [(&str, Option<Arc<dyn ResolvesClientCert>>); 8] = [
        ("no certificate", None),
        ("another authority's", Some(of(&theirs, &good()))),
        ("expired", Some(of(&ours, &past))),
        ("not yet valid", Some(of(&ours, &future))),
        ("another name", Some(of(&ours, &other))),
        ("a wildcard", Some(of(&ours, &wildcard))),
        ("for servers", Some(of(&ours, &server))),
        ("without its key", Some(identity(&stolen, &another_key))),
    ];
    for (what, shown) in cases {
        assert_eq!(certified(&lab, shown).await, None, "{what}");
    }
    let with_its_key = certified(&lab, Some(identity(&stolen, &its_key))).await;
    assert_eq!(with_its_key.as_deref(), Some("pathology"), "and with its key it is");
}

#[tokio::test]
async fn the_common_name_counts_where_there_is_no_alternative_name() {
    let authority = Authority::new("Clients of the trust");
    let lab = lab(&authority, None).await;
    let mut params = good();
    params.subject_alt_names.clear();
    params.distinguished_name = common_name(SYSTEM);
    let (certificate, key) = authority.issue(&params);
    let shown = certified(&lab, Some(identity(&certificate, &key))).await;
    assert_eq!(shown.as_deref(), Some("pathology"));
}

#[tokio::test]
async fn a_pinned_certificate_needs_no_authority_but_must_be_in_its_time() {
    let authority = Authority::new("Clients of the trust");
    let key = KeyPair::generate().unwrap();
    let self_signed = |params: CertificateParams| params.self_signed(&key).unwrap().der().clone();
    let pinned = self_signed(CertificateParams::new(vec!["scanner".to_owned()]).unwrap());
    let shown = |certificate: &CertificateDer<'static>| Some(identity(certificate, &key) as _);
    let with_pin = lab(&authority, Some(&pinned)).await;
    assert_eq!(certified(&with_pin, shown(&pinned)).await.as_deref(), Some("scanner"));
    let another = self_signed(CertificateParams::new(vec!["scanner".to_owned()]).unwrap());
    assert_ne!(another, pinned);
    assert_eq!(certified(&with_pin, shown(&another)).await, None, "same key, same names");

    let mut params = CertificateParams::new(vec!["scanner".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    let expired = self_signed(params);
    let with_expired = lab(&authority, Some(&expired)).await;
    assert_eq!(certified(&with_expired, shown(&expired)).await, None, "expired");
}

#[tokio::test]
async fn who_issues_certificates_is_read_again_with_our_own() {
    let (before, after) = (Authority::new("Clients of the trust"), Authority::new("Its next"));
    let lab = lab(&before, None).await;
    let (certificate, key) = before.issue(&good());
    let old = identity(&certificate, &key);
    assert!(certified(&lab, Some(old.clone())).await.is_some());
    after.write(lab.folder.path());
    lab.certificates().renew().unwrap().take_effect();
    assert_eq!(certified(&lab, Some(old)).await, None);
    let (certificate, key) = after.issue(&good());
    assert!(certified(&lab, Some(identity(&certificate, &key))).await.is_some());

    std::fs::write(lab.folder.path().join("client-ca.pem"), "nobody").unwrap();
    let error = lab.certificates().renew().unwrap_err().to_string();
    assert!(error.contains("client-ca.pem"), "{error}");
    assert!(certified(&lab, Some(identity(&certificate, &key))).await.is_some());
}
