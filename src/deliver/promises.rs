//! What next hops offer, over real sockets: what senders ask for goes only
//! where it is promised, limits are kept to, and probes ask without a message.

use std::time::{Duration, SystemTime};

use super::{
    deliverer::{Delivery, RouteTls},
    offers::Smtputf8,
    peers::{Authorities, Certificate, Fault, Peer, settings},
    probe::{Probe, Probed},
    trials::{delivered, deliverer, delivery, only, routed, to, waits_for},
};
use crate::{
    deliver::Deliverer,
    mail::{
        Address, Attempt, ByMode, ByTrace, DeliverBy, Exemption, FailureReason, NextHop, Outcome,
        Promise, RequireTls, ReversePath, Taker, Timestamp, TlsRequirement,
    },
};

fn host(peer: &Peer) -> NextHop {
    NextHop::Smtp { host: "127.0.0.1".to_owned(), port: peer.address.port() }
}

fn refused_with(attempt: &Attempt) -> String {
    let Outcome::Permanent(failure) = only(attempt) else { panic!("{attempt:?}") };
    assert_eq!(failure.reason, FailureReason::Extension);
    failure.reply.status().to_string()
}

fn requiring(peer: &Peer, authorities: &Authorities) -> Delivery {
    let mut delivery = routed(peer, TlsRequirement::None, authorities);
    delivery.requests.require_tls = RequireTls::Yes;
    delivery
}

#[tokio::test]
async fn who_requires_tls_has_it_verified_and_promised_or_nothing_goes() {
    let authorities = Authorities::new();
    let good = Some(authorities.server(Certificate::Good));
    let deliverer = deliverer();

    let promising = Peer::offering(&["REQUIRETLS"], good.clone()).await;
    let attempt = deliverer.attempt(requiring(&promising, &authorities)).await;
    assert!(delivered(&attempt), "{attempt:?}");
    assert_eq!(promising.told("MAIL"), ["MAIL FROM:<s@nhs.test.example> REQUIRETLS"]);
    assert!(promising.taken()[0].encrypted);

    let silent = Peer::start(Fault::None, good).await;
    let attempt = deliverer.attempt(requiring(&silent, &authorities)).await;
    assert_eq!(refused_with(&attempt), "5.7.30");

    let forged = Some(authorities.server(Certificate::SelfSigned));
    let forged = Peer::offering(&["REQUIRETLS"], forged).await;
    let attempt = deliverer.attempt(requiring(&forged, &authorities)).await;
    assert_eq!(waits_for(&attempt), FailureReason::Tls);

    let clear = Peer::offering(&["REQUIRETLS"], None).await;
    let attempt = deliverer.attempt(requiring(&clear, &authorities)).await;
    assert_eq!(waits_for(&attempt), FailureReason::Tls);
    for peer in [silent, forged, clear] {
        assert!(peer.told("MAIL").is_empty() && peer.taken().is_empty());
    }
}

#[tokio::test]
async fn a_requirement_is_raised_by_its_sender_and_never_lowered() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::None, None).await;
    for tls in TlsRequirement::ALL {
        let mut delivery = routed(&peer, tls, &authorities);
        assert_eq!(delivery.requirement(), tls);
        delivery.requests.require_tls = RequireTls::Yes;
        assert_eq!(delivery.requirement(), tls.max(TlsRequirement::Verified));
        delivery.next_hop = "lmtp://127.0.0.1:24".parse().unwrap();
        assert_eq!(delivery.requirement(), tls);
        delivery.next_hop = "lmtp://192.0.2.1:24".parse().unwrap();
        assert_eq!(delivery.requirement(), tls.max(TlsRequirement::Verified));
    }
}

#[tokio::test]
async fn leave_holds_in_place_of_policy_and_route_and_not_of_the_sender() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::None, None).await;
    let until = Timestamp::from_unix_milliseconds(2);
    let (by, reason) = ("root".to_owned(), "agreed".to_owned());
    let exemption = Exemption { tls: TlsRequirement::Encrypted, by, reason, until };
    for tls in TlsRequirement::ALL {
        let mut delivery = routed(&peer, tls, &authorities);
        delivery.route.tls = tls;
        delivery.leave = exemption.in_force(Timestamp::from_unix_milliseconds(1));
        assert_eq!(delivery.requirement(), TlsRequirement::Encrypted);
        delivery.requests.require_tls = RequireTls::Yes;
        assert_eq!(delivery.requirement(), TlsRequirement::Verified);
        delivery.requests.require_tls = RequireTls::No;
        delivery.leave = exemption.in_force(until);
        assert_eq!(delivery.requirement(), tls);
    }
}

#[tokio::test]
async fn relaying_ends_at_a_mailbox_on_this_machine_and_so_do_its_demands() {
    let peer = Peer::start(Fault::None, None).await;
    let next_hop = NextHop::Lmtp { host: "127.0.0.1".to_owned(), port: peer.address.port() };
    let mut delivery = delivery(next_hop, TlsRequirement::None);
    delivery.requests.require_tls = RequireTls::Yes;
    let attempt = deliverer().attempt(delivery).await;
    let Outcome::Delivered(handover) = only(&attempt) else { panic!("{attempt:?}") };
    assert_eq!(handover.to, Taker::Mailbox);
}

#[tokio::test]
async fn who_has_a_copy_is_known_by_what_they_promised() {
    let authorities = Authorities::new();
    for (offers, dsn, deliver_by) in [
        (&["DSN", "DELIVERBY"][..], Promise::Made, Promise::Made),
        (&["DSN"], Promise::Made, Promise::Absent),
        (&[], Promise::Absent, Promise::Absent),
    ] {
        let peer = Peer::offering(offers, None).await;
        let delivery = routed(&peer, TlsRequirement::None, &authorities);
        let attempt = deliverer().attempt(delivery).await;
        let Outcome::Delivered(handover) = only(&attempt) else { panic!("{attempt:?}") };
        assert_eq!(handover.to, Taker::Relay { dsn, deliver_by });
    }
}

#[tokio::test]
async fn what_is_left_of_the_time_is_passed_on_and_nothing_is_tried_after_it() {
    let authorities = Authorities::new();
    let peer = Peer::offering(&["DELIVERBY"], None).await;
    let mut delivery = routed(&peer, TlsRequirement::None, &authorities);
    let by = DeliverBy { seconds: 100, mode: ByMode::Return, trace: ByTrace::No };
    delivery.requests.deliver_by = Some(by);
    delivery.received_at = (SystemTime::now() - Duration::from_secs(40)).into();
    assert!(delivered(&deliverer().attempt(delivery.clone()).await));
    let told = peer.told("MAIL").join("\n");
    assert!(told.ends_with(" BY=60;R") || told.ends_with(" BY=59;R"), "{told}");
    delivery.received_at = (SystemTime::now() - Duration::from_secs(101)).into();
    assert!(!delivered(&deliverer().attempt(delivery).await));
    assert_eq!(peer.taken().len(), 1);
}

#[tokio::test]
async fn the_limits_a_peer_announces_are_kept_to() {
    let authorities = Authorities::new();
    let peer = Peer::offering(&["LIMITS RCPTMAX=20 MAILMAX=2"], None).await;
    let mut delivery = routed(&peer, TlsRequirement::None, &authorities);
    delivery.recipients = (0..70).map(|n| to(&format!("r{n}"))).collect();
    let attempt = deliverer().attempt(delivery).await;
    assert!(attempt.outcomes.iter().all(|(_, o)| matches!(o, Outcome::Delivered(_))));
    assert_eq!(peer.told("RCPT").len(), 70);
    let connections: Vec<usize> = peer.taken().iter().map(|taken| taken.connection).collect();
    assert_eq!(connections, [1, 1, 2, 2]);
}

fn probe(peer: &Peer, recipient: Option<&str>) -> Probe {
    Probe {
        next_hop: host(peer),
        protection: Default::default(),
        route: RouteTls::default(),
        reverse_path: ReversePath::Null,
        recipient: recipient.map(|to| to.parse().unwrap()),
    }
}

async fn verdict(deliverer: &Deliverer, probe: &Probe) -> Option<u16> {
    match deliverer.probe(probe).await {
        Probed::Answered { verdict, .. } => verdict.map(|reply| reply.code),
        Probed::Unreachable(why) => panic!("{why}"),
    }
}

#[tokio::test]
async fn a_probe_hears_the_peers_word_and_leaves_no_message() {
    let peer = Peer::start(Fault::None, None).await;
    let deliverer = deliverer();
    for (recipient, code) in
        [("a@gov.test.example", 250), ("nobody@x.example", 550), ("later@x.example", 450)]
    {
        assert_eq!(verdict(&deliverer, &probe(&peer, Some(recipient))).await, Some(code));
    }
    assert_eq!(verdict(&deliverer, &probe(&peer, None)).await, None);
    assert!(peer.taken().is_empty() && peer.told("DATA").is_empty());
}

#[tokio::test]
async fn a_connection_serves_one_probe_after_another_and_deliveries_between() {
    let authorities = Authorities::new();
    let peer = Peer::start(Fault::None, None).await;
    let deliverer = deliverer();
    let mut probe = probe(&peer, Some("a@gov.test.example"));
    probe.route = routed(&peer, TlsRequirement::None, &authorities).route;
    probe.protection.tls = TlsRequirement::None;
    for _ in 0..3 {
        assert_eq!(verdict(&deliverer, &probe).await, Some(250));
        tokio::time::sleep(Duration::from_millis(100)).await;
        let delivery = routed(&peer, TlsRequirement::None, &authorities);
        assert!(delivered(&deliverer.attempt(delivery).await));
    }
    assert_eq!(peer.told("EHLO").len(), 1);
    assert_eq!(peer.told("RSET").len(), 3);
}

#[tokio::test]
async fn a_probe_makes_the_demand_of_a_delivery_and_no_less() {
    let authorities = Authorities::new();
    let forged = Some(authorities.server(Certificate::SelfSigned));
    let peer = Peer::start(Fault::None, forged).await;
    let mut probe = probe(&peer, Some("a@gov.test.example"));
    probe.protection.tls = TlsRequirement::Verified;
    let deliverer = deliverer();
    assert!(matches!(deliverer.probe(&probe).await, Probed::Unreachable(_)));
    probe.route = routed(&peer, TlsRequirement::Verified, &authorities).route;
    assert!(matches!(deliverer.probe(&probe).await, Probed::Unreachable(_)));
    assert!(peer.told("MAIL").is_empty());
}

#[tokio::test]
async fn who_cannot_be_asked_has_said_nothing() {
    let unwelcoming = Peer::start(Fault::Unwelcoming, None).await;
    let mut probes = vec![probe(&unwelcoming, Some("a@x.example"))];
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for next_hop in [format!("smtp://{unused}"), "mx".to_owned(), "maildir:/x".to_owned()] {
        let next_hop = next_hop.parse().unwrap();
        probes.push(Probe { next_hop, ..probe(&unwelcoming, Some("a@x.example")) });
    }
    for probe in probes {
        let probed = deliverer().probe(&probe).await;
        assert!(matches!(probed, Probed::Unreachable(_)), "{probe:?}: {probed:?}");
    }
}

#[tokio::test]
async fn what_a_named_next_hop_offers_is_remembered() {
    let authorities = Authorities::new();
    let plain = Peer::start(Fault::None, None).await;
    let able = Peer::offering(&["SMTPUTF8", "8BITMIME"], None).await;
    let deliverer = Deliverer::new(settings()).unwrap();
    for (peer, expected) in [(&plain, Smtputf8::Lacking), (&able, Smtputf8::Offered)] {
        assert_eq!(deliverer.smtputf8(&host(peer)), Smtputf8::Unknown);
        let delivery = routed(peer, TlsRequirement::None, &authorities);
        assert!(delivered(&deliverer.attempt(delivery).await));
        assert_eq!(deliverer.smtputf8(&host(peer)), expected);
        let afresh = Deliverer::new(settings()).unwrap();
        assert_eq!(verdict(&afresh, &probe(peer, None)).await, None);
        assert_eq!(afresh.smtputf8(&host(peer)), expected);
    }
    assert_eq!(deliverer.smtputf8(&NextHop::Mx), Smtputf8::Unknown);
    let away = Probe { next_hop: "smtp://127.0.0.1:1".parse().unwrap(), ..probe(&plain, None) };
    assert!(matches!(deliverer.probe(&away).await, Probed::Unreachable(_)));
    assert_eq!(deliverer.smtputf8(&away.next_hop), Smtputf8::Silent);
    let beyond: Address = "\u{e9}@gov.test.example".parse().unwrap();
    let probe = Probe { recipient: Some(beyond), ..probe(&plain, None) };
    assert!(matches!(deliverer.probe(&probe).await, Probed::Unreachable(_)));
}
