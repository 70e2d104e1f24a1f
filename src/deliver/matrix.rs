//! Every requirement against every fault of a peer, over real sockets: what is
//! claimed of the exchange is told, everything after it is as it always is.

use std::sync::Arc;

use super::{
    claims::{Authenticity, Sts, StsMode, StsPolicy, Tlsa, TlsaRecord},
    deliverer::{Deliverer, Delivery},
    journey::Journey,
    peers::{Authorities, Certificate, Fault, MX_NAME, Peer, settings},
    standing::Exchange,
    trials::{delivered, delivery, last, waits_for},
};
use crate::mail::{
    Asker, Attempt, CertificateVerdict, Exemption, FailureReason, NextHop, Protection,
    PublishedPolicy, PublishedPolicyKind, RequireTls, TlsFault, TlsRequirement, Trust,
};

/// Who asks for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asks {
    Policy(TlsRequirement),
    /// The officers pin the key.
    Pins,
    /// The officers pin another.
    OtherPin,
    /// Nobody but the domain, by MTA-STS; the policy names the exchange.
    Sts,
    StsOfOthers,
    StsTesting,
    /// Nobody but the domain, by TLSA records that match the key.
    Tlsa,
    TlsaOfAnotherKey,
    TlsaUnusable,
    TlsaUnknown,
}

/// How a message must have gone: how well, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    Clear,
    Encrypted,
    Nowhere,
}

impl Asks {
    const ALL: [Self; 14] = [
        Self::Policy(TlsRequirement::None),
        Self::Policy(TlsRequirement::Opportunistic),
        Self::Policy(TlsRequirement::Encrypted),
        Self::Policy(TlsRequirement::Verified),
        Self::Policy(TlsRequirement::Dane),
        Self::Pins,
        Self::OtherPin,
        Self::Sts,
        Self::StsOfOthers,
        Self::StsTesting,
        Self::Tlsa,
        Self::TlsaOfAnotherKey,
        Self::TlsaUnusable,
        Self::TlsaUnknown,
    ];

    /// With a peer that has TLS; with one whose certificate PKIX has no fault
    /// to find with, or else.
    fn expected(self, encrypts: bool, certificate: Certificate) -> Went {
        use TlsRequirement as Level;
        let proved = match self {
            Self::Policy(Level::None) => return Went::Clear,
            Self::Policy(Level::Opportunistic) | Self::StsTesting => {
                return if encrypts { Went::Encrypted } else { Went::Clear };
            }
            Self::Policy(Level::Encrypted) | Self::TlsaUnusable => true,
            // Neither a pin nor DANE-EE looks at names or dates.
            Self::Policy(Level::Dane) | Self::Tlsa | Self::Pins => true,
            Self::Policy(Level::Verified) | Self::Sts => certificate == Certificate::Good,
            Self::OtherPin | Self::StsOfOthers | Self::TlsaOfAnotherKey | Self::TlsaUnknown => {
                false
            }
        };
        if encrypts && proved { Went::Encrypted } else { Went::Nowhere }
    }

    fn protection(self, key: &[u8]) -> Protection {
        let pin = |key: &[u8]| format!("sha256:{}", hexadecimal(&sha256(key))).parse().unwrap();
        let tls = match self {
            Self::Policy(level) => level,
            Self::Pins | Self::OtherPin => TlsRequirement::Verified,
            _ => TlsRequirement::Opportunistic,
        };
        let trust = match self {
            Self::Pins => Trust::Keys(vec![pin(b"the next one"), pin(key)]),
            Self::OtherPin => Trust::Keys(vec![pin(b"another")]),
            _ => Trust::System,
        };
        let mx_names = match self {
            Self::Policy(TlsRequirement::Verified) => vec![MX_NAME.parse().unwrap()],
            _ => Vec::new(),
        };
        Protection { tls, trust, mx_names, ..Protection::default() }
    }

    fn tlsa(self, key: &[u8]) -> Tlsa {
        let record =
            |usage, data| TlsaRecord { usage, selector: 1, matching: 1, data: sha256(data) };
        match self {
            Self::Policy(TlsRequirement::Dane) | Self::Tlsa => {
                // One key is being rolled over to the other.
                Tlsa::Records(vec![record(3, b"the next one"), record(3, key)])
            }
            Self::TlsaOfAnotherKey => Tlsa::Records(vec![record(3, b"another"), record(1, key)]),
            Self::TlsaUnusable => Tlsa::Records(vec![record(1, key), record(0, key)]),
            Self::TlsaUnknown => Tlsa::Failed("SERVFAIL".to_owned()),
            _ => Tlsa::Absent,
        }
    }

    fn sts(self) -> Sts {
        let (mode, mx) = match self {
            Self::Sts => (StsMode::Enforce, "*.gov.test.example"),
            Self::StsOfOthers => (StsMode::Enforce, "*.other.test.example"),
            Self::StsTesting => (StsMode::Testing, "*.other.test.example"),
            _ => return Sts::Absent,
        };
        Sts::Policy(Arc::new(StsPolicy {
            id: "1".to_owned(),
            mode,
            mx: vec![mx.parse().unwrap()],
            published: PublishedPolicy {
                kind: PublishedPolicyKind::Sts,
                domain: "gov.test.example".parse().unwrap(),
                lines: Vec::new(),
                mx_hosts: Vec::new(),
            },
        }))
    }
}

fn sha256(octets: &[u8]) -> Vec<u8> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, octets).as_ref().to_vec()
}

fn hexadecimal(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// One delivery, and what must have come of it.
async fn try_one(authorities: &Authorities, asks: Asks, fault: Fault, certificate: Certificate) {
    let (server, key) = authorities.server_and_key(certificate);
    let peer = Peer::start(fault, Some(server)).await;
    let mut delivery = delivery(NextHop::Mx, TlsRequirement::None);
    delivery.protection = asks.protection(&key);
    // The route's file stands for the system's trust anchors; a pin, and DANE,
    // need none.
    let anchored =
        matches!(asks, Asks::Policy(TlsRequirement::None | TlsRequirement::Verified) | Asks::Sts);
    delivery.route.trust_anchors = anchored.then(|| authorities.trust_anchors.clone());
    let attempt = travel(&peer, &delivery, &asks.sts(), &asks.tlsa(&key)).await;
    let case = format!("{asks:?} {fault:?} {certificate:?}: {attempt:?}");
    let went = went(&peer, &case);
    assert_eq!(went, asks.expected(fault == Fault::None, certificate), "{case}");
    assert_eq!(delivered(&attempt), went != Went::Nowhere, "{case}");
    assert_eq!(last(&attempt).tls.is_some(), went == Went::Encrypted, "{case}");
    assert!(last(&attempt).published.is_some(), "{case}");
    match went {
        Went::Nowhere => {
            assert_eq!(waits_for(&attempt), FailureReason::Tls, "{case}");
            assert!(last(&attempt).fault.is_some(), "{case}");
        }
        Went::Clear if asks != Asks::Policy(TlsRequirement::None) => {
            assert!(last(&attempt).fault.is_some(), "{case}");
        }
        Went::Clear | Went::Encrypted => {}
    }
    let proof = &last(&attempt).certificate;
    match asks {
        _ if went != Went::Encrypted => {}
        Asks::Pins => assert_eq!(*proof, CertificateVerdict::Pinned, "{case}"),
        Asks::Tlsa => {
            assert_eq!(*proof, CertificateVerdict::Dane { record: "3 1 1".to_owned() }, "{case}");
        }
        _ => {}
    }
}

/// To one exchange, of which this is claimed.
async fn travel(peer: &Peer, delivery: &Delivery, sts: &Sts, tlsa: &Tlsa) -> Attempt {
    let mut settings = settings();
    settings.port = peer.address.port();
    let deliverer = Deliverer::new(settings).unwrap();
    let (host, domain) = (&MX_NAME.parse().unwrap(), &delivery.domain);
    let exchange = Exchange { host, domain, authenticity: Authenticity::Secure, sts, tlsa };
    let mut journey = Journey::new(&deliverer, delivery);
    journey.try_exchange(exchange, vec![peer.address.ip()]).await;
    journey.end()
}

fn went(peer: &Peer, case: &str) -> Went {
    match peer.taken().as_slice() {
        [] => Went::Nowhere,
        [taken] if taken.encrypted => Went::Encrypted,
        [_] => Went::Clear,
        _ => panic!("taken twice: {case}"),
    }
}

/// Whoever asks, a person's word holds; but for the sender's own.
#[tokio::test]
async fn what_a_person_lets_go_goes_as_they_say_and_no_worse() {
    use TlsRequirement::{Encrypted, Opportunistic};
    let authorities = Authorities::new();
    let now = std::time::SystemTime::now().into();
    for asks in Asks::ALL {
        for (tls, fault, require_tls, expected) in [
            (Encrypted, Fault::None, RequireTls::No, Went::Encrypted),
            (Encrypted, Fault::NoStartTls, RequireTls::No, Went::Nowhere),
            (Opportunistic, Fault::NoStartTls, RequireTls::No, Went::Clear),
            (Opportunistic, Fault::NoStartTls, RequireTls::Yes, Went::Nowhere),
            (Opportunistic, Fault::None, RequireTls::Yes, Went::Nowhere),
        ] {
            let (server, key) = authorities.server_and_key(Certificate::SelfSigned);
            let peer = Peer::start(fault, Some(server)).await;
            let mut delivery = delivery(NextHop::Mx, TlsRequirement::None);
            delivery.protection = Protection { trust: Trust::System, ..asks.protection(&key) };
            delivery.requests.require_tls = require_tls;
            delivery.route.tls = TlsRequirement::Verified;
            let (by, reason) = ("root".to_owned(), "telephoned".to_owned());
            let until = now + std::time::Duration::from_secs(60);
            delivery.leave = Exemption { tls, by, reason, until }.in_force(now);
            let asked_by = match require_tls {
                RequireTls::Yes => Asker::Sender,
                RequireTls::No => Asker::Exemption,
            };
            assert_eq!(delivery.asked_by().last(), Some(&asked_by));
            let by_us =
                [Asker::Policy, Asker::Route].map(|asker| delivery.asked_by().contains(&asker));
            assert!(require_tls == RequireTls::Yes || by_us == [false; 2]);
            // DANE would do for the sender, so it is another's.
            let tlsa = match asks.tlsa(b"another key") {
                Tlsa::Records(_) => Asks::TlsaOfAnotherKey.tlsa(b"another key"),
                other => other,
            };
            let attempt = travel(&peer, &delivery, &asks.sts(), &tlsa).await;
            let case = format!("{asks:?} {tls} {fault:?} {require_tls:?}: {attempt:?}");
            assert_eq!(went(&peer, &case), expected, "{case}");
        }
    }
}

#[tokio::test]
async fn a_person_sets_dane_aside_but_not_for_a_sender_who_asks_for_verified_tls() {
    let authorities = Authorities::new();
    let now = std::time::SystemTime::now().into();
    for (require_tls, expected) in
        [(RequireTls::No, Went::Encrypted), (RequireTls::Yes, Went::Nowhere)]
    {
        let peer =
            Peer::offering(&["REQUIRETLS"], Some(authorities.server(Certificate::Good))).await;
        let mut delivery = delivery(NextHop::Mx, TlsRequirement::None);
        delivery.requests.require_tls = require_tls;
        delivery.route.trust_anchors = Some(authorities.trust_anchors.clone());
        let (by, reason) = ("root".to_owned(), "telephoned".to_owned());
        let until = now + std::time::Duration::from_secs(60);
        let tls = TlsRequirement::Encrypted;
        delivery.leave = Exemption { tls, by, reason, until }.in_force(now);
        let tlsa = Asks::TlsaOfAnotherKey.tlsa(b"");
        let attempt = travel(&peer, &delivery, &Sts::Absent, &tlsa).await;
        let case = format!("{require_tls:?}: {attempt:?}");
        assert_eq!(went(&peer, &case), expected, "{case}");
    }
}

#[tokio::test]
async fn whatever_the_peer_does_with_tls_no_requirement_is_lowered() {
    let authorities = Authorities::new();
    for fault in [
        Fault::NoStartTls,
        Fault::RefusesTls,
        Fault::Garbage,
        Fault::Injects,
        Fault::ClosesAtTls,
        Fault::OldTls,
    ] {
        for asks in Asks::ALL {
            try_one(&authorities, asks, fault, Certificate::Good).await;
        }
    }
}

#[tokio::test]
async fn whatever_certificate_the_peer_shows_no_requirement_is_lowered() {
    let authorities = Authorities::new();
    for certificate in [
        Certificate::Good,
        Certificate::WrongName,
        Certificate::Expired,
        Certificate::NotYetValid,
        Certificate::OtherAuthority,
        Certificate::SelfSigned,
    ] {
        for asks in Asks::ALL {
            try_one(&authorities, asks, Fault::None, certificate).await;
        }
    }
}

#[tokio::test]
async fn faults_have_the_names_of_tls_reports_even_where_mail_goes_on() {
    let authorities = Authorities::new();
    for (fault, certificate, named) in [
        (Fault::NoStartTls, Certificate::Good, TlsFault::StarttlsNotSupported),
        (Fault::RefusesTls, Certificate::Good, TlsFault::StarttlsNotSupported),
        (Fault::OldTls, Certificate::Good, TlsFault::ValidationFailure),
        (Fault::None, Certificate::WrongName, TlsFault::CertificateHostMismatch),
        (Fault::None, Certificate::Expired, TlsFault::CertificateExpired),
        (Fault::None, Certificate::OtherAuthority, TlsFault::CertificateNotTrusted),
    ] {
        let peer = Peer::start(fault, Some(authorities.server(certificate))).await;
        let deliverer = Deliverer::new(settings()).unwrap();
        let attempt = deliverer
            .attempt(super::trials::routed(&peer, TlsRequirement::Opportunistic, &authorities))
            .await;
        assert!(delivered(&attempt), "{attempt:?}");
        assert_eq!(last(&attempt).fault, Some(named), "{fault:?} {certificate:?}");
    }
}
