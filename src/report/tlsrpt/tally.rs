//! Sessions, counted by day, recipients' domain, and the policy that applied.

use std::{collections::BTreeMap, fmt, net::IpAddr, time::Duration};

use serde::{Deserialize, Serialize};

use crate::mail::{Domain, Evidence, PublishedPolicy, PublishedPolicyKind, Timestamp, TlsFault};

/// A day by UTC, as reports are made for (RFC 8460 section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Day(u64);

/// All that is counted and not yet reported. Bounded: what is beyond counts as
/// lost (law 7).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tally {
    days: BTreeMap<Day, BTreeMap<Domain, DomainTally>>,
    /// Sessions that found no place.
    pub lost: u64,
}

/// The sessions to one domain on one day.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DomainTally {
    pub policies: Vec<PolicyTally>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyTally {
    pub policy: PublishedPolicy,
    pub successes: u64,
    pub failures: Vec<FailureTally>,
}

/// Failures of one kind at one host.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FailureTally {
    pub result: TlsFault,
    pub host: Option<String>,
    pub address: Option<IpAddr>,
    pub count: u64,
}

impl Day {
    pub fn of(moment: Timestamp) -> Self {
        Self(moment.unix_milliseconds() / MILLISECONDS)
    }

    pub fn start(self) -> Timestamp {
        Timestamp::from_unix_milliseconds(self.0.saturating_mul(MILLISECONDS))
    }

    /// Midnight, when the next one starts.
    pub fn end(self) -> Timestamp {
        self.start() + Duration::from_millis(MILLISECONDS)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.start().date().fmt(out)
    }
}

impl Tally {
    /// Counts the session of one try for `domain`. One that came to nothing
    /// before TLS is none; another message on a connection is no other. Where
    /// a domain publishes nothing, no certificate can be other than it says.
    pub fn count(&mut self, day: Day, domain: &Domain, evidence: &Evidence) {
        let fault = match (evidence.fault, &evidence.tls) {
            (Some(_), Some(_)) if !publishes(evidence) => None,
            (Some(fault), _) => Some(fault),
            (None, Some(_)) => None,
            (None, None) => return,
        };
        if evidence.transaction > 1 {
            return;
        }
        let domains = self.days.entry(day).or_default();
        if domains.len() >= DOMAINS && !domains.contains_key(domain) {
            self.lost += 1;
            return;
        }
        let policies = &mut domains.entry(domain.clone()).or_default().policies;
        let policy = evidence.published.clone().unwrap_or_else(|| none_found(domain));
        match policies.iter().position(|known| known.policy == policy) {
            Some(place) => policies.get_mut(place),
            None if policies.len() >= POLICIES => None,
            None => {
                policies.push(PolicyTally { policy, successes: 0, failures: Vec::new() });
                policies.last_mut()
            }
        }
        .map_or_else(|| self.lost += 1, |tally| tally.count(fault, evidence));
    }

    /// The days before `today` that have something to report.
    pub fn ended(&self, today: Day) -> Vec<Day> {
        self.days.range(..today).map(|(day, _)| *day).collect()
    }

    pub fn domains(&self, day: Day) -> Vec<Domain> {
        self.days.get(&day).into_iter().flatten().map(|(domain, _)| domain.clone()).collect()
    }

    pub fn of(&self, day: Day, domain: &Domain) -> Option<&DomainTally> {
        self.days.get(&day)?.get(domain)
    }

    /// Takes out what has been reported, or will not be.
    pub fn remove(&mut self, day: Day, domain: &Domain) -> Option<DomainTally> {
        let domains = self.days.get_mut(&day)?;
        let removed = domains.remove(domain);
        if domains.is_empty() {
            self.days.remove(&day);
        }
        removed
    }
}

impl PolicyTally {
    pub fn failure_count(&self) -> u64 {
        self.failures.iter().map(|failure| failure.count).sum()
    }

    fn count(&mut self, fault: Option<TlsFault>, evidence: &Evidence) {
        let Some(result) = fault else {
            self.successes += 1;
            return;
        };
        let address = evidence.address.map(|address| address.ip());
        let place = (evidence.host.clone(), address);
        if let Some(known) = self.failures_at(result, &place) {
            known.count += 1;
            return;
        }
        // Where there are too many hosts, failures are counted without them.
        let place = if self.failures.len() < FAILURES { place } else { (None, None) };
        match self.failures_at(result, &place) {
            Some(known) => known.count += 1,
            None => {
                let (host, address) = place;
                self.failures.push(FailureTally { result, host, address, count: 1 });
            }
        }
    }

    fn failures_at(
        &mut self,
        result: TlsFault,
        (host, address): &(Option<String>, Option<IpAddr>),
    ) -> Option<&mut FailureTally> {
        self.failures.iter_mut().find(|known| {
            known.result == result && known.host == *host && known.address == *address
        })
    }
}

fn none_found(domain: &Domain) -> PublishedPolicy {
    PublishedPolicy {
        kind: PublishedPolicyKind::NoPolicyFound,
        domain: domain.clone(),
        lines: Vec::new(),
        mx_hosts: Vec::new(),
    }
}

fn publishes(evidence: &Evidence) -> bool {
    let published = evidence.published.as_ref().map(|published| published.kind);
    published.is_some_and(|kind| kind != PublishedPolicyKind::NoPolicyFound)
}

const MILLISECONDS: u64 = 24 * 60 * 60 * 1000;
/// A day.
const DOMAINS: usize = 20_000;
/// A domain: its MTA-STS policies and the TLSA records of its hosts.
const POLICIES: usize = 20;
/// A policy; beyond them, one more for each kind.
const FAILURES: usize = 100;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use proptest::prelude::*;

    use super::*;
    use crate::mail::TlsSession;

    fn domain(name: &str) -> Domain {
        name.parse().unwrap()
    }

    fn evidence(host: u8, fault: Option<TlsFault>, encrypted: bool) -> Evidence {
        let tls = TlsSession { version: "TLSv1.3".into(), cipher: "X".into() };
        Evidence {
            host: Some(format!("mx{host}.x.example")),
            address: Some(SocketAddr::from(([192, 0, 2, host], 25))),
            transaction: 1,
            tls: encrypted.then_some(tls),
            fault,
            ..Evidence::default()
        }
    }

    const DAY: Day = Day(20_779);

    #[test]
    fn sessions_are_counted_once_and_tries_without_tls_not_at_all() {
        let mut tally = Tally::default();
        let x = domain("x.example");
        let good = evidence(1, None, true);
        tally.count(DAY, &x, &good);
        tally.count(DAY, &x, &Evidence { transaction: 2, ..good });
        tally.count(DAY, &x, &evidence(1, None, false));
        tally.count(DAY, &x, &evidence(2, Some(TlsFault::CertificateExpired), false));
        tally.count(DAY, &x, &evidence(2, Some(TlsFault::CertificateExpired), false));
        let [policy] = tally.of(DAY, &x).unwrap().policies.as_slice() else { panic!("{tally:?}") };
        assert_eq!(policy.policy.kind, PublishedPolicyKind::NoPolicyFound);
        assert_eq!((policy.successes, policy.failure_count(), policy.failures.len()), (1, 2, 1));
    }

    #[test]
    fn a_certificate_is_at_fault_only_where_the_domain_has_said_what_it_must_be() {
        let untrusted = evidence(1, Some(TlsFault::CertificateNotTrusted), true);
        let policy = |kind| PublishedPolicy {
            kind,
            domain: domain("x.example"),
            lines: Vec::new(),
            mx_hosts: Vec::new(),
        };
        for (published, counts) in [
            (None, (1, 0)),
            (Some(policy(PublishedPolicyKind::NoPolicyFound)), (1, 0)),
            (Some(policy(PublishedPolicyKind::Sts)), (0, 1)),
            (Some(policy(PublishedPolicyKind::Tlsa)), (0, 1)),
        ] {
            let mut tally = Tally::default();
            let x = domain("x.example");
            tally.count(DAY, &x, &Evidence { published, ..untrusted.clone() });
            let [policy] = tally.of(DAY, &x).unwrap().policies.as_slice() else { panic!() };
            assert_eq!((policy.successes, policy.failure_count()), counts);
        }
    }

    #[test]
    fn days_are_utc_and_a_report_is_for_one_that_has_ended() {
        assert_eq!(DAY.to_string(), "2026-11-22");
        assert_eq!(DAY.end().rfc3339(), "2026-11-23T00:00:00.000Z");
        let mut tally = Tally::default();
        tally.count(DAY, &domain("x.example"), &evidence(1, None, true));
        assert_eq!(tally.ended(DAY), []);
        assert_eq!(tally.ended(Day(DAY.0 + 1)), [DAY]);
        assert!(tally.remove(DAY, &domain("x.example")).is_some());
        assert_eq!(tally.ended(Day(DAY.0 + 1)), []);
    }

    fn fault() -> impl Strategy<Value = Option<TlsFault>> {
        prop_oneof![
            Just(None),
            Just(Some(TlsFault::StarttlsNotSupported)),
            Just(Some(TlsFault::CertificateExpired)),
            Just(Some(TlsFault::ValidationFailure)),
        ]
    }

    proptest! {
        #[test]
        fn every_session_is_counted_once_however_many_hosts_there_are(
            sessions in prop::collection::vec((0..=255u8, fault(), 0..3u8), 0..600)
        ) {
            let mut tally = Tally::default();
            for (host, fault, to) in &sessions {
                let to = domain(&format!("d{to}.example"));
                tally.count(DAY, &to, &evidence(*host, *fault, fault.is_none()));
            }
            let counted: u64 = tally.domains(DAY).iter()
                .flat_map(|to| &tally.of(DAY, to).unwrap().policies)
                .map(|policy| {
                    assert!(policy.failures.len() <= FAILURES + 3);
                    policy.successes + policy.failure_count()
                })
                .sum();
            prop_assert_eq!(counted + tally.lost, sessions.len() as u64);
            let failed = sessions.iter().filter(|(_, fault, _)| fault.is_some()).count() as u64;
            let failures: u64 = tally.domains(DAY).iter()
                .flat_map(|to| &tally.of(DAY, to).unwrap().policies)
                .map(PolicyTally::failure_count)
                .sum();
            prop_assert_eq!(failures, failed);
            let kept: Tally = serde_json::from_str(&serde_json::to_string(&tally).unwrap()).unwrap();
            prop_assert_eq!(kept.days, tally.days);
        }
    }
}
