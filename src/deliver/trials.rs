//! Whole deliveries over real sockets: each fault against each requirement.

use std::time::{Duration, SystemTime};

use bytes::Bytes;

use super::{
    deliverer::{Deliverer, Delivery, RouteTls},
    peers::{Answer, Authorities, Certificate, Fault, MX_NAME, Peer, name_server, settings},
};
use crate::{
    config::ExchangeAddresses,
    mail::{
        Address, AddressEncoding, Attempt, Body, CertificateVerdict, Evidence, FailureReason,
        MxName, NextHop, Outcome, Protection, QueueId, Recipient, Requests, ReversePath,
        TlsRequirement, Voucher,
    },
};

pub(super) fn to(local: &str) -> Recipient {
    format!("{local}@gov.test.example").parse::<Address>().unwrap().into()
}

pub(super) fn deliverer() -> Deliverer {
    Deliverer::new(settings()).unwrap()
}

pub(super) fn delivery(next_hop: NextHop, tls: TlsRequirement) -> Delivery {
    Delivery {
        id: QueueId::at(1, 0),
        reverse_path: ReversePath::Mailbox("s@nhs.test.example".parse().unwrap()),
        body: Body::SevenBit,
        encoding: AddressEncoding::Ascii,
        requests: Requests::default(),
        received_at: SystemTime::now().into(),
        content: Bytes::from_static(b"Subject: x\r\n\r\n.dot\r\nend\r\n"),
        recipients: vec![to("a")],
        domain: "gov.test.example".parse().unwrap(),
        next_hop,
        protection: Protection { tls, ..Protection::default() },
        route: RouteTls { tls: TlsRequirement::None, ..RouteTls::default() },
        leave: None,
    }
}

pub(super) fn routed(peer: &Peer, tls: TlsRequirement, authorities: &Authorities) -> Delivery {
    let port = peer.address.port();
    let mut delivery = delivery(NextHop::Smtp { host: "127.0.0.1".to_owned(), port }, tls);
    delivery.route.tls_name = Some(MX_NAME.parse().unwrap());
    delivery.route.trust_anchors = Some(authorities.trust_anchors.clone());
    delivery
}

pub(super) fn only(attempt: &Attempt) -> &Outcome {
    let [(_, outcome)] = attempt.outcomes.as_slice() else { panic!("{attempt:?}") };
    outcome
}

pub(super) fn last(attempt: &Attempt) -> &Evidence {
    attempt.tries.last().unwrap_or_else(|| panic!("{attempt:?}"))
}

pub(super) fn delivered(attempt: &Attempt) -> bool {
    matches!(only(attempt), Outcome::Delivered(_))
}

pub(super) fn waits_for(attempt: &Attempt) -> FailureReason {
    let Outcome::Transient(failure) = only(attempt) else { panic!("{attempt:?}") };
    failure.reason
}

/// How a message must have gone: how well, or not at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    Clear,
    Encrypted,
    Nowhere,
}

#[tokio::test]
async fn no_fault_of_a_peer_lowers_a_requirement() {
    use Went::{Clear, Encrypted, Nowhere};
    let authorities = Authorities::new();
    // For the requirements none, opportunistic, encrypted, verified.
    let cases = [
        (Fault::None, Certificate::Good, [Clear, Encrypted, Encrypted, Encrypted]),
        (Fault::None, Certificate::WrongName, [Clear, Encrypted, Encrypted, Nowhere]),
        (Fault::None, Certificate::Expired, [Clear, Encrypted, Encrypted, Nowhere]),
        (Fault::None, Certificate::OtherAuthority, [Clear, Encrypted, Encrypted, Nowhere]),
        (Fault::None, Certificate::SelfSigned, [Clear, Encrypted, Encrypted, Nowhere]),
        (Fault::NoStartTls, Certificate::Good, [Clear, Clear, Nowhere, Nowhere]),
        (Fault::RefusesTls, Certificate::Good, [Clear, Clear, Nowhere, Nowhere]),
        (Fault::Garbage, Certificate::Good, [Clear, Clear, Nowhere, Nowhere]),
        (Fault::Injects, Certificate::Good, [Clear, Clear, Nowhere, Nowhere]),
        (Fault::ClosesAtTls, Certificate::Good, [Clear, Clear, Nowhere, Nowhere]),
    ];
    let deliverer = deliverer();
    for (fault, certificate, expected) in cases {
        let peer = Peer::start(fault, Some(authorities.server(certificate))).await;
        for (tls, expected) in TlsRequirement::ALL.into_iter().zip(expected) {
            let before = peer.taken().len();
            let attempt = deliverer.attempt(routed(&peer, tls, &authorities)).await;
            let case = format!("{fault:?} {certificate:?} {tls}: {attempt:?}");
            let taken = peer.taken();
            let went = match taken.get(before) {
                None => Nowhere,
                Some(taken) if taken.encrypted => Encrypted,
                Some(_) => Clear,
            };
            assert_eq!(went, expected, "{case}");
            assert_eq!(last(&attempt).tls.is_some(), expected == Encrypted, "{case}");
            if expected == Nowhere {
                assert_eq!(waits_for(&attempt), FailureReason::Tls, "{case}");
            } else {
                assert!(delivered(&attempt), "{case}");
                assert_eq!(taken.len(), before + 1, "{case}");
                assert_eq!(taken[before].content, "Subject: x\r\n\r\n.dot\r\nend\r\n", "{case}");
            }
        }
    }
}

#[tokio::test]
async fn the_verdict_on_a_certificate_is_evidence_under_every_requirement() {
    let authorities = Authorities::new();
    let deliverer = deliverer();
    for tls in [TlsRequirement::Opportunistic, TlsRequirement::Verified] {
        for (certificate, why) in [
            (Certificate::WrongName, "another name"),
            (Certificate::Expired, "expired"),
            (Certificate::OtherAuthority, "not trusted"),
            (Certificate::SelfSigned, "not trusted"),
        ] {
            let peer = Peer::start(Fault::None, Some(authorities.server(certificate))).await;
            let attempt = deliverer.attempt(routed(&peer, tls, &authorities)).await;
            let CertificateVerdict::Invalid(said) = &last(&attempt).certificate else {
                panic!("{attempt:?}")
            };
            assert!(said.contains(why), "{certificate:?}: {said}");
            assert_eq!(last(&attempt).leaf().unwrap().fingerprint.len(), 64);
        }
    }
    let peer = Peer::start(Fault::None, Some(authorities.server(Certificate::Good))).await;
    let attempt = deliverer.attempt(routed(&peer, TlsRequirement::Verified, &authorities)).await;
    let name = MX_NAME.parse().unwrap();
    assert_eq!(last(&attempt).certificate, CertificateVerdict::Valid { name });
    assert_eq!(last(&attempt).vouched_by, [Voucher::Route]);
    assert_eq!(last(&attempt).leaf().unwrap().names, [MX_NAME]);
    assert_eq!(last(&attempt).tls.as_ref().unwrap().version, "TLSv1.3");
    assert!(last(&attempt).tls.as_ref().unwrap().cipher.starts_with("TLS_"));
}

#[tokio::test]
async fn what_made_opportunistic_tls_fail_is_recorded() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::Garbage, Some(authorities.server(Certificate::Good))).await;
    let delivery = routed(&peer, TlsRequirement::Opportunistic, &authorities);
    let attempt = deliverer().attempt(delivery).await;
    assert!(delivered(&attempt));
    assert!(last(&attempt).fallback.as_ref().unwrap().contains("handshake failed"));
}

#[tokio::test]
async fn a_name_nobody_vouches_for_is_not_verified() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::None, Some(authorities.server(Certificate::Good))).await;
    let mut delivery = routed(&peer, TlsRequirement::Verified, &authorities);
    delivery.route.tls_name = None;
    let attempt = deliverer().attempt(delivery).await;
    assert_eq!(waits_for(&attempt), FailureReason::Tls);
    assert!(peer.taken().is_empty());
}

#[tokio::test]
async fn a_route_without_its_trust_anchors_verifies_nothing() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::None, Some(authorities.server(Certificate::Good))).await;
    let deliverer = deliverer();
    for anchors in [None, Some("/nonexistent/ca.pem".into())] {
        let mut delivery = routed(&peer, TlsRequirement::Verified, &authorities);
        delivery.route.trust_anchors = anchors;
        assert_eq!(waits_for(&deliverer.attempt(delivery).await), FailureReason::Tls);
    }
    assert!(peer.taken().is_empty());
}

#[tokio::test]
async fn a_connection_is_kept_for_the_same_demand_and_no_other() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::None, Some(authorities.server(Certificate::SelfSigned))).await;
    let deliverer = deliverer();
    for tls in [TlsRequirement::Opportunistic, TlsRequirement::Opportunistic] {
        assert!(delivered(&deliverer.attempt(routed(&peer, tls, &authorities)).await));
    }
    let connections: Vec<_> = peer.taken().iter().map(|taken| taken.connection).collect();
    assert_eq!(connections, [1, 1]);
    let verified = routed(&peer, TlsRequirement::Verified, &authorities);
    assert_eq!(waits_for(&deliverer.attempt(verified).await), FailureReason::Tls);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::ClosesAfterReply, None).await;
    let deliverer = deliverer();
    for _ in 0..3 {
        let delivery = routed(&peer, TlsRequirement::None, &authorities);
        let attempt = deliverer.attempt(delivery).await;
        assert!(delivered(&attempt), "{attempt:?}");
    }
    assert_eq!(peer.taken().len(), 3);
}

#[tokio::test]
async fn a_connection_lost_after_content_is_tried_later_and_not_at_once() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::ClosesAfterContent, None).await;
    let attempt = deliverer().attempt(routed(&peer, TlsRequirement::None, &authorities)).await;
    assert_eq!(waits_for(&attempt), FailureReason::Connection);
    assert_eq!(peer.taken().len(), 1);
}

#[tokio::test]
async fn a_peer_that_refuses_in_the_middle_of_content_is_heard() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::RefusesContent, None).await;
    let mut delivery = routed(&peer, TlsRequirement::None, &authorities);
    delivery.content = Bytes::from("line of text\r\n".repeat(2_000_000));
    let attempt = deliverer().attempt(delivery).await;
    // The kernel may throw the reply away with the connection it resets.
    match only(&attempt) {
        Outcome::Permanent(failure) => assert_eq!(failure.reply.code, 552),
        Outcome::Transient(failure) => assert_eq!(failure.reason, FailureReason::Connection),
        Outcome::Delivered(_) => panic!("{attempt:?}"),
    }
}

#[tokio::test]
async fn recipients_share_a_transaction_and_have_their_own_outcomes() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::None, None).await;
    let mut delivery = routed(&peer, TlsRequirement::None, &authorities);
    delivery.recipients = vec![to("a"), to("nobody"), to("later")];
    let attempt = deliverer().attempt(delivery).await;
    let codes: Vec<u16> = attempt
        .outcomes
        .iter()
        .map(|(_, outcome)| match outcome {
            Outcome::Delivered(handover) => handover.reply.code,
            Outcome::Transient(failure) | Outcome::Permanent(failure) => failure.reply.code,
        })
        .collect();
    assert_eq!(codes, [250, 550, 450]);
    assert_eq!(peer.taken().len(), 1);
}

#[tokio::test]
async fn more_recipients_than_a_peer_must_take_go_in_several_transactions() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::None, None).await;
    let mut delivery = routed(&peer, TlsRequirement::None, &authorities);
    delivery.recipients = (0..250).map(|n| to(&format!("r{n}"))).collect();
    let attempt = deliverer().attempt(delivery).await;
    assert_eq!(attempt.outcomes.len(), 250);
    assert!(attempt.outcomes.iter().all(|(_, o)| matches!(o, Outcome::Delivered(_))));
    assert_eq!(peer.taken().len(), 3);
}

#[tokio::test]
async fn an_lmtp_next_hop_is_spoken_to_in_lmtp() {
    let peer = Peer::start(Fault::None, None).await;
    let next_hop = NextHop::Lmtp { host: "localhost".to_owned(), port: peer.address.port() };
    let attempt = deliverer().attempt(delivery(next_hop, TlsRequirement::None)).await;
    assert!(delivered(&attempt), "{attempt:?}");
}

#[tokio::test]
async fn nothing_listening_keeps_the_message_waiting() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let next_hop = NextHop::Smtp { host: "127.0.0.1".to_owned(), port: unused.port() };
    let attempt = deliverer().attempt(delivery(next_hop, TlsRequirement::None)).await;
    assert_eq!(waits_for(&attempt), FailureReason::Connect);
}

/// A deliverer that looks up in this zone, and finds exchanges on this port.
async fn looking_up(zone: Vec<(&'static str, Answer)>, port: u16) -> Deliverer {
    let mut settings = settings();
    settings.dns.servers = vec![name_server(zone).await];
    settings.port = port;
    settings.idle = Duration::ZERO;
    Deliverer::new(settings).unwrap()
}

#[tokio::test]
async fn exchanges_are_tried_by_preference_until_one_takes_it() {
    // Loopback's other addresses: several hosts on one port.
    let busy = Peer::start(Fault::Busy, None).await;
    let port = busy.address.port();
    let good = Peer::listen(format!("127.0.0.2:{port}").parse().unwrap(), Fault::None, None).await;
    let zone = vec![
        ("gov.test.example", Answer::Mx(vec![(20, "b.test.example."), (10, "a.test.example.")])),
        ("a.test.example", Answer::A(vec![[127, 0, 0, 3], [127, 0, 0, 1]])),
        ("b.test.example", Answer::A(vec![[127, 0, 0, 2]])),
    ];
    let deliverer = looking_up(zone, port).await;
    let attempt = deliverer.attempt(delivery(NextHop::Mx, TlsRequirement::None)).await;
    assert!(delivered(&attempt), "{attempt:?}");
    assert_eq!(last(&attempt).host.as_deref(), Some("b.test.example"));
    assert_eq!(good.taken().len(), 1);
}

#[tokio::test]
async fn a_domain_without_exchanges_is_its_own_host() {
    let peer = Peer::start(Fault::None, None).await;
    let zone = vec![("gov.test.example", Answer::A(vec![[127, 0, 0, 1]]))];
    let deliverer = looking_up(zone, peer.address.port()).await;
    let attempt = deliverer.attempt(delivery(NextHop::Mx, TlsRequirement::None)).await;
    assert!(delivered(&attempt), "{attempt:?}");
}

#[tokio::test]
async fn only_an_answer_that_says_so_makes_a_domain_unreachable_for_good() {
    let mx = |host| Answer::Mx(vec![(10, host)]);
    let cases = [
        (vec![("gov.test.example", Answer::NxDomain)], "550 5.1.2"),
        (vec![], "550 5.1.2"),
        (vec![("gov.test.example", Answer::Mx(vec![(0, ".")]))], "556 5.1.10"),
        (vec![("gov.test.example", mx("gw.test.example."))], "554 5.4.6"),
        (vec![("gov.test.example", Answer::ServFail)], "451 4.4.3"),
        (
            vec![("gov.test.example", mx("a.x.example.")), ("a.x.example", Answer::ServFail)],
            "451 4.4.3",
        ),
        (
            vec![("gov.test.example", mx("a.x.example.")), ("a.x.example", Answer::NxDomain)],
            "451 4.4.4",
        ),
    ];
    for (zone, expected) in cases {
        let said = format!("{zone:?}");
        let deliverer = looking_up(zone, 1).await;
        let attempt = deliverer.attempt(delivery(NextHop::Mx, TlsRequirement::None)).await;
        let (failure, word) = match only(&attempt) {
            Outcome::Permanent(failure) => (failure, '5'),
            Outcome::Transient(failure) => (failure, '4'),
            Outcome::Delivered(_) => panic!("{attempt:?}"),
        };
        assert_eq!(failure.reason, FailureReason::Dns, "{said}");
        assert!(failure.reply.to_string().starts_with(expected), "{said}: {}", failure.reply);
        assert!(expected.starts_with(word), "{said}");
    }
}

#[tokio::test]
async fn silence_of_the_name_server_keeps_the_message_waiting() {
    let mut settings = settings();
    settings.deadline = Duration::from_millis(300);
    settings.dns.servers = vec![name_server(vec![("gov.test.example", Answer::Silence)]).await];
    let deliverer = Deliverer::new(settings).unwrap();
    let attempt = deliverer.attempt(delivery(NextHop::Mx, TlsRequirement::None)).await;
    assert_eq!(waits_for(&attempt), FailureReason::Dns);
}

#[tokio::test]
async fn a_strangers_exchange_on_our_own_machine_is_not_spoken_to() {
    let peer = Peer::start(Fault::None, None).await;
    let mut settings = settings();
    let zone = vec![("gov.test.example", Answer::A(vec![[127, 0, 0, 1]]))];
    settings.dns.servers = vec![name_server(zone).await];
    settings.port = peer.address.port();
    settings.exchange_addresses = ExchangeAddresses::Remote;
    let deliverer = Deliverer::new(settings).unwrap();
    let attempt = deliverer.attempt(delivery(NextHop::Mx, TlsRequirement::None)).await;
    assert_eq!(waits_for(&attempt), FailureReason::Dns);
    assert!(peer.taken().is_empty());
}

#[tokio::test]
async fn an_exchange_is_verified_only_under_a_name_the_officers_vouch_for() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::None, Some(authorities.server(Certificate::Good))).await;
    let zone = vec![
        ("gov.test.example", Answer::Mx(vec![(10, "mx.gov.test.example.")])),
        (MX_NAME, Answer::A(vec![[127, 0, 0, 1]])),
    ];
    let deliverer = looking_up(zone, peer.address.port()).await;
    for (vouched, expected) in
        [("*.gov.test.example", true), ("mx.gov.test.example", true), ("mx.test.example", false)]
    {
        let mut delivery = delivery(NextHop::Mx, TlsRequirement::Verified);
        delivery.protection.mx_names = vec![vouched.parse::<MxName>().unwrap()];
        delivery.route.trust_anchors = Some(authorities.trust_anchors.clone());
        let attempt = deliverer.attempt(delivery).await;
        assert_eq!(delivered(&attempt), expected, "{vouched}: {attempt:?}");
        if expected {
            assert_eq!(last(&attempt).vouched_by, [Voucher::Officers]);
        }
    }
    assert_eq!(peer.taken().len(), 2);
}

#[tokio::test]
async fn an_exchange_whose_tls_fails_is_passed_over_for_one_whose_holds() {
    let authorities = Authorities::new();
    let broken = Peer::start(Fault::NoStartTls, Some(authorities.server(Certificate::Good))).await;
    let port = broken.address.port();
    let server = authorities.server(Certificate::Good);
    let second = format!("127.0.0.2:{port}").parse().unwrap();
    let good = Peer::listen(second, Fault::None, Some(server)).await;
    let zone = vec![
        (
            "gov.test.example",
            Answer::Mx(vec![(1, "a.gov.test.example."), (2, "mx.gov.test.example.")]),
        ),
        ("a.gov.test.example", Answer::A(vec![[127, 0, 0, 1]])),
        (MX_NAME, Answer::A(vec![[127, 0, 0, 2]])),
    ];
    let deliverer = looking_up(zone, port).await;
    let mut delivery = delivery(NextHop::Mx, TlsRequirement::Verified);
    delivery.protection.mx_names = vec!["*.gov.test.example".parse().unwrap()];
    delivery.route.trust_anchors = Some(authorities.trust_anchors.clone());
    let attempt = deliverer.attempt(delivery).await;
    assert!(delivered(&attempt), "{attempt:?}");
    assert!(broken.taken().is_empty());
    assert_eq!(good.taken().len(), 1);
}

#[tokio::test]
async fn a_greeting_that_refuses_is_final_only_where_every_host_refuses() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::Unwelcoming, None).await;
    let attempt = deliverer().attempt(routed(&peer, TlsRequirement::None, &authorities)).await;
    assert!(matches!(only(&attempt), Outcome::Permanent(failure)
        if failure.reason == FailureReason::Peer && failure.reply.code == 554));
}

#[tokio::test]
async fn an_attempt_may_run_on_any_thread() {
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let next_hop = NextHop::Smtp { host: "127.0.0.1".to_owned(), port: unused.port() };
    let deliverer = std::sync::Arc::new(deliverer());
    let delivery = delivery(next_hop, TlsRequirement::None);
    let attempt = tokio::spawn(async move { deliverer.attempt(delivery).await }).await.unwrap();
    assert_eq!(attempt.outcomes.len(), 1);
}
