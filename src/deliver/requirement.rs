//! What a TLS requirement means for one host.
//!
//! Pure, and the only place where a requirement is worked out: the strongest
//! of what policy, the route, the sender and the domain itself ask, and never
//! less afterwards (law 2). Every one of them must be satisfied: one proof
//! stands for another only where whoever asks for it says so.

use std::{net::IpAddr, path::PathBuf};

use super::{
    claims::{Authenticity, Tlsa, TlsaRecord},
    deliverer::RouteTls,
    standing::{Exchange, Standing},
};
use crate::{
    mail::{
        CertificateVerdict, Ciphers, Domain, KeyPin, Protection, PublishedPolicy, TlsFault,
        TlsRequirement, TlsVersion, Trust, Voucher,
    },
    smtp::client::Encryption,
};

/// What one connection must fulfil.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Demand {
    pub(super) level: TlsRequirement,
    /// What the handshake asks for (RFC 7672 section 8.1); the address, where
    /// there is none.
    pub(super) server_name: Option<Domain>,
    /// The certificate must be valid for one of these.
    pub(super) names: Vec<Domain>,
    /// All who vouch for the host and are believed: nobody, if its name comes
    /// from DNS alone.
    pub(super) vouched_by: Vec<Voucher>,
    /// What the certificate must stand up to, every one.
    pub(super) trusted: Vec<Trusted>,
    pub(super) check: Check,
    /// Must match wherever it is there, besides.
    pub(super) dane: Option<Dane>,
    pub(super) min_version: TlsVersion,
    pub(super) ciphers: Ciphers,
    pub(super) published: Option<PublishedPolicy>,
    /// What is wrong with what the domain has published, and stops nothing.
    pub(super) fault: Option<TlsFault>,
}

/// Who must have issued a certificate, or whose it must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Trusted {
    /// The system's trust anchors.
    System,
    /// Those of a route, in this file.
    File(PathBuf),
    /// The officers', in a file of this name in `certs/`.
    Named(String),
    /// One of these keys, whatever names and dates its certificate bears: the
    /// officers know the key, and answer for it until they take it out.
    Keys(Vec<KeyPin>),
}

/// What becomes of a connection whose certificate is not trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Check {
    /// It is given up.
    Enforced,
    /// It goes on, with the verdict as evidence.
    Noted,
}

/// Usable TLSA records, and the names that DANE-TA takes (RFC 7672 section
/// 3.2.3).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Dane {
    pub(super) records: Vec<TlsaRecord>,
    pub(super) names: Vec<Domain>,
}

/// Why a host is not even tried: nothing that it could show would do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub(super) struct Unmeetable {
    pub(super) why: String,
    pub(super) fault: TlsFault,
    pub(super) published: Option<PublishedPolicy>,
}

/// Who asks, besides the domain itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    /// Policy, already raised to what the sender asks (RFC 8689).
    pub(super) protection: &'a Protection,
    pub(super) route: &'a RouteTls,
}

impl Demand {
    /// Of a host that DNS has named.
    pub(super) fn of_exchange(
        asked: Asked<'_>,
        exchange: Exchange<'_>,
    ) -> Result<Self, Unmeetable> {
        asked.demand(exchange.host.as_str(), Standing::of_exchange(asked, exchange)?)
    }

    /// Of a host that a route or policy has named: there is no DNS answer in
    /// between that could be forged.
    pub(super) fn of_named_host(
        asked: Asked<'_>,
        host: &str,
        tlsa: &Tlsa,
    ) -> Result<Self, Unmeetable> {
        asked.demand(host, Standing::of_named_host(asked, host, tlsa)?)
    }

    pub(super) fn encryption(&self) -> Encryption {
        match self.level {
            TlsRequirement::None => Encryption::Never,
            TlsRequirement::Opportunistic => Encryption::IfOffered,
            TlsRequirement::Encrypted | TlsRequirement::Verified | TlsRequirement::Dane => {
                Encryption::Required
            }
        }
    }

    /// Whether the journey may be made in clear after TLS has failed. The one
    /// way there: anything above opportunistic waits.
    pub(super) fn may_fall_back(&self) -> bool {
        self.level <= TlsRequirement::Opportunistic
    }

    /// Whether a certificate of this verdict will do.
    pub(super) fn is_met_by(&self, verdict: &CertificateVerdict) -> bool {
        self.check == Check::Noted && self.dane.is_none() || verdict.is_proof()
    }
}

impl Asked<'_> {
    fn demand(self, host: &str, standing: Standing) -> Result<Demand, Unmeetable> {
        let mut trusted = self.trusted();
        // Where policy leaves open whom to trust, DNSSEC may be the answer.
        let dnssec_will_do = trusted.is_empty()
            && standing.dane.is_some()
            && standing.vouched_by.contains(&Voucher::Dnssec);
        let strict = self.level() >= TlsRequirement::Verified && !dnssec_will_do;
        self.refuse_without_dane(host, &standing)?;
        if strict && standing.vouched_by.is_empty() {
            let why = format!("verified TLS is required and nobody vouches for the name of {host}");
            let fault = TlsFault::ValidationFailure;
            return Err(Unmeetable { why, fault, published: standing.published });
        }
        let only_keys = trusted.iter().all(|trusted| matches!(trusted, Trusted::Keys(_)));
        if trusted.is_empty() || only_keys && standing.check == Check::Enforced {
            trusted.push(Trusted::System);
        }
        Ok(Demand {
            level: self.level().max(standing.level),
            server_name: standing.server_name,
            names: standing.names,
            vouched_by: standing.vouched_by,
            trusted,
            check: if strict { Check::Enforced } else { standing.check },
            dane: standing.dane,
            min_version: self.protection.min_version,
            ciphers: self.protection.ciphers,
            published: standing.published,
            fault: standing.fault,
        })
    }

    /// Policy that asks for DANE takes nothing in its place.
    fn refuse_without_dane(self, host: &str, standing: &Standing) -> Result<(), Unmeetable> {
        if self.level() < TlsRequirement::Dane {
            return Ok(());
        }
        let (fault, what) = match (&standing.dane, standing.authenticity) {
            (Some(_), Authenticity::Secure) => return Ok(()),
            (Some(_), Authenticity::Insecure) => {
                (TlsFault::DaneRequired, "DNSSEC does not prove that the domain's mail goes to")
            }
            (None, _) => (
                standing.fault.unwrap_or(TlsFault::DaneRequired),
                "there are no TLSA records that could be used of",
            ),
        };
        let why = format!("DANE is required, and {what} {host}");
        Err(Unmeetable { why, fault, published: standing.published.clone() })
    }

    pub(super) fn level(self) -> TlsRequirement {
        self.protection.tls.max(self.route.tls)
    }

    /// What policy and the route trust; nothing, where they leave it open.
    fn trusted(self) -> Vec<Trusted> {
        let route = self.route.trust_anchors.clone().map(Trusted::File);
        let officers = match &self.protection.trust {
            Trust::System => None,
            Trust::Anchors(name) => Some(Trusted::Named(name.clone())),
            Trust::Keys(pins) => Some(Trusted::Keys(pins.clone())),
        };
        route.into_iter().chain(officers).collect()
    }

    /// Those that policy believes, of those that vouch: the officers' own word
    /// always, and without a list all that need no trust in plain DNS.
    pub(super) fn believed(self, vouchers: impl IntoIterator<Item = Voucher>) -> Vec<Voucher> {
        let believes = |voucher: &Voucher| match &self.protection.vouched_by {
            None => true,
            Some(list) => *voucher == Voucher::Officers || list.contains(voucher),
        };
        vouchers.into_iter().filter(believes).collect()
    }

    /// The officers vouch for names, and for whoever has a key they know.
    pub(super) fn officers_vouch_for(self, name: &Domain) -> bool {
        self.knows_the_key() || self.protection.mx_names.iter().any(|known| known.covers(name))
    }

    pub(super) fn knows_the_key(self) -> bool {
        matches!(self.protection.trust, Trust::Keys(_))
    }
}

/// A host's name, where it is not an address.
pub(super) fn name_of(host: &str) -> Option<Domain> {
    host.parse::<IpAddr>().is_err().then(|| host.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        deliver::claims::{Sts, StsMode, StsPolicy},
        mail::{MxName, PublishedPolicyKind},
    };

    const HOST: &str = "mx.gov.test.example";

    fn domain(name: &str) -> Domain {
        name.parse().unwrap()
    }

    fn record(usage: u8) -> TlsaRecord {
        TlsaRecord { usage, selector: 1, matching: 1, data: vec![7; 32] }
    }

    fn tlsas() -> [Tlsa; 4] {
        [
            Tlsa::Absent,
            Tlsa::Records(vec![record(1)]),
            Tlsa::Records(vec![record(1), record(3)]),
            Tlsa::Failed("broken".to_owned()),
        ]
    }

    fn sts(mode: StsMode, covers: &str) -> Sts {
        Sts::Policy(Arc::new(StsPolicy {
            id: "1".to_owned(),
            mode,
            mx: vec![covers.parse::<MxName>().unwrap()],
            published: PublishedPolicy {
                kind: PublishedPolicyKind::Sts,
                domain: domain("gov.test.example"),
                lines: Vec::new(),
                mx_hosts: Vec::new(),
            },
        }))
    }

    fn all_sts() -> Vec<Sts> {
        let fault = TlsFault::StsPolicyFetchError;
        let mut all = vec![Sts::Absent, Sts::Unavailable { fault, why: "silent".to_owned() }];
        for mode in [StsMode::Enforce, StsMode::Testing, StsMode::None] {
            all.extend(["*.gov.test.example", "*.other.example"].map(|covers| sts(mode, covers)));
        }
        all
    }

    fn trusts() -> [Trust; 3] {
        let pin = format!("sha256:{}", "0a".repeat(32)).parse().unwrap();
        [Trust::System, Trust::Anchors("partner.pem".to_owned()), Trust::Keys(vec![pin])]
    }

    fn protections() -> Vec<Protection> {
        let lists = [None, Some(vec![Voucher::MtaSts]), Some(vec![Voucher::Dnssec])];
        let mut all = Vec::new();
        for tls in TlsRequirement::ALL {
            for mx_names in [vec![], vec![HOST.parse().unwrap()]] {
                for vouched_by in &lists {
                    all.extend(trusts().map(|trust| Protection {
                        tls,
                        mx_names: mx_names.clone(),
                        vouched_by: vouched_by.clone(),
                        trust,
                        ..Protection::default()
                    }));
                }
            }
        }
        all
    }

    fn routes() -> Vec<RouteTls> {
        let named = |name: Option<&str>| name.map(domain);
        let all = TlsRequirement::ALL.into_iter();
        all.flat_map(|tls| {
            [None, Some("hub.test.example")].map(|name| RouteTls {
                tls,
                tls_name: named(name),
                ..RouteTls::default()
            })
        })
        .collect()
    }

    /// Every combination of what can be asked and claimed, with what it comes to.
    fn for_all(mut rule: impl FnMut(Asked<'_>, Exchange<'_>, Result<Demand, Unmeetable>)) {
        let (host, domain) = (&domain(HOST), &domain("gov.test.example"));
        for protection in &protections() {
            for route in &routes() {
                for sts in &all_sts() {
                    for tlsa in &tlsas() {
                        for authenticity in [Authenticity::Secure, Authenticity::Insecure] {
                            let asked = Asked { protection, route };
                            let exchange = Exchange { host, domain, authenticity, sts, tlsa };
                            rule(asked, exchange, Demand::of_exchange(asked, exchange));
                        }
                    }
                }
            }
        }
    }

    fn usable(tlsa: &Tlsa) -> bool {
        matches!(tlsa, Tlsa::Records(records) if records.iter().any(|record| record.usage == 3))
    }

    fn enforces(exchange: &Exchange<'_>) -> bool {
        !usable(exchange.tlsa)
            && matches!(exchange.sts, Sts::Policy(policy) if policy.mode == StsMode::Enforce)
    }

    #[test]
    fn no_combination_is_lower_than_any_of_its_parts() {
        for_all(|asked, exchange, demand| {
            let Ok(demand) = demand else { return };
            let case = format!("{asked:?} {exchange:?} {demand:?}");
            assert!(demand.level >= asked.protection.tls, "{case}");
            assert!(demand.level >= asked.route.tls, "{case}");
            if enforces(&exchange) {
                assert!(demand.level >= TlsRequirement::Verified, "{case}");
            }
            match exchange.tlsa {
                Tlsa::Absent => assert!(demand.dane.is_none(), "{case}"),
                Tlsa::Failed(_) => panic!("tried without knowing its TLSA records: {case}"),
                Tlsa::Records(_) => assert!(demand.level >= TlsRequirement::Encrypted, "{case}"),
            }
            if usable(exchange.tlsa) {
                assert!(demand.dane.is_some(), "{case}");
                let secure = exchange.authenticity == Authenticity::Secure;
                assert!(!secure || demand.level == TlsRequirement::Dane, "{case}");
            }
        });
    }

    #[test]
    fn nothing_above_opportunistic_may_go_in_clear() {
        for_all(|_, _, demand| {
            let Ok(demand) = demand else { return };
            let strict = demand.level > TlsRequirement::Opportunistic;
            assert_eq!(demand.may_fall_back(), !strict, "{demand:?}");
            assert_eq!(demand.encryption() == Encryption::Required, strict, "{demand:?}");
        });
    }

    #[test]
    fn verified_tls_is_checked_and_somebody_believed_vouches() {
        for_all(|asked, exchange, demand| {
            let Ok(demand) = demand else { return };
            let case = format!("{asked:?} {exchange:?} {demand:?}");
            if asked.level() >= TlsRequirement::Verified {
                assert!(!demand.vouched_by.is_empty(), "{case}");
                assert!(!demand.is_met_by(&CertificateVerdict::Unchecked), "{case}");
            }
            if let Some(list) = &asked.protection.vouched_by {
                let believed = |by: &Voucher| *by == Voucher::Officers || list.contains(by);
                assert!(demand.vouched_by.iter().all(believed), "{case}");
            }
            // Whom the officers trust is never replaced by anybody.
            if asked.level() >= TlsRequirement::Verified && !asked.protection.trust.is_system() {
                assert_eq!(demand.check, Check::Enforced, "{case}");
                assert!(demand.trusted.iter().any(|t| *t != Trusted::System), "{case}");
            }
            if enforces(&exchange) {
                assert_eq!(demand.check, Check::Enforced, "{case}");
                assert_eq!(demand.names, [domain(HOST)], "{case}");
            }
        });
    }

    #[test]
    fn policy_that_asks_for_dane_takes_nothing_else() {
        for_all(|asked, exchange, demand| {
            if asked.level() < TlsRequirement::Dane {
                return;
            }
            let secure = exchange.authenticity == Authenticity::Secure;
            if !usable(exchange.tlsa) || !secure {
                assert!(demand.is_err(), "{asked:?} {exchange:?}");
            }
        });
    }

    #[test]
    fn a_host_that_an_enforced_sts_policy_does_not_name_is_passed_over() {
        let mut seen = 0;
        for_all(|asked, exchange, demand| {
            let Sts::Policy(policy) = exchange.sts else { return };
            if enforces(&exchange) && !policy.covers(exchange.host) {
                assert!(demand.is_err(), "{asked:?} {exchange:?}");
                seen += 1;
            }
        });
        assert!(seen > 0);
    }

    fn exchange_of(
        protection: &Protection,
        authenticity: Authenticity,
        sts: &Sts,
        tlsa: &Tlsa,
    ) -> Result<Demand, Unmeetable> {
        let asked = Asked {
            protection,
            route: &RouteTls { tls: TlsRequirement::None, ..RouteTls::default() },
        };
        let (host, domain) = (&domain(HOST), &domain("gov.test.example"));
        Demand::of_exchange(asked, Exchange { host, domain, authenticity, sts, tlsa })
    }

    fn protection(tls: TlsRequirement) -> Protection {
        Protection { tls, ..Protection::default() }
    }

    #[test]
    fn a_domain_that_publishes_nothing_is_asked_for_nothing() {
        let plain = protection(TlsRequirement::Opportunistic);
        let demand = exchange_of(&plain, Authenticity::Insecure, &Sts::Absent, &Tlsa::Absent);
        let demand = demand.unwrap();
        assert_eq!(demand.level, TlsRequirement::Opportunistic);
        assert_eq!(demand.check, Check::Noted);
        assert!(demand.may_fall_back());
        assert_eq!(demand.published.unwrap().kind, PublishedPolicyKind::NoPolicyFound);
    }

    #[test]
    fn what_each_claim_is_reported_as() {
        let records = Tlsa::Records(vec![record(1)]);
        let testing = sts(StsMode::Testing, "*.other.example");
        let fault = TlsFault::StsPolicyFetchError;
        let unavailable = Sts::Unavailable { fault, why: String::new() };
        let opportunistic = protection(TlsRequirement::Opportunistic);
        for (sts, tlsa, kind, fault) in [
            (&testing, &Tlsa::Absent, PublishedPolicyKind::Sts, TlsFault::ValidationFailure),
            (&unavailable, &Tlsa::Absent, PublishedPolicyKind::Sts, fault),
            (&testing, &records, PublishedPolicyKind::Tlsa, TlsFault::TlsaInvalid),
        ] {
            let demand = exchange_of(&opportunistic, Authenticity::Secure, sts, tlsa).unwrap();
            assert_eq!(demand.fault, Some(fault));
            assert_eq!(demand.published.unwrap().kind, kind);
            assert_eq!(demand.check, Check::Noted);
        }
        let dane = protection(TlsRequirement::Dane);
        for (tlsa, authenticity, fault) in [
            (Tlsa::Absent, Authenticity::Secure, TlsFault::DaneRequired),
            (records, Authenticity::Secure, TlsFault::TlsaInvalid),
            (Tlsa::Records(vec![record(3)]), Authenticity::Insecure, TlsFault::DaneRequired),
            (Tlsa::Failed(String::new()), Authenticity::Secure, TlsFault::DnssecInvalid),
        ] {
            let refused = exchange_of(&dane, authenticity, &Sts::Absent, &tlsa).unwrap_err();
            assert_eq!(refused.fault, fault, "{tlsa:?}");
        }
    }

    #[test]
    fn dane_stands_for_a_valid_chain_only_where_policy_leaves_the_chain_open() {
        let records = Tlsa::Records(vec![record(3)]);
        for trust in trusts() {
            let open = trust.is_system();
            let protection = Protection { trust, ..protection(TlsRequirement::Verified) };
            let demand = exchange_of(&protection, Authenticity::Secure, &Sts::Absent, &records);
            assert_eq!(demand.unwrap().check == Check::Noted, open);
        }
        let only_sts = Protection {
            vouched_by: Some(vec![Voucher::MtaSts]),
            ..protection(TlsRequirement::Verified)
        };
        let vouching = sts(StsMode::Enforce, HOST);
        let demand = exchange_of(&only_sts, Authenticity::Secure, &vouching, &records).unwrap();
        assert_eq!((demand.check, demand.vouched_by), (Check::Enforced, vec![Voucher::MtaSts]));
    }

    #[test]
    fn an_address_is_vouched_for_by_names_written_out_only() {
        let named = |protection: &Protection, name: Option<&str>| {
            let tls_name = name.map(domain);
            let route = RouteTls { tls: TlsRequirement::None, tls_name, ..RouteTls::default() };
            Demand::of_named_host(Asked { protection, route: &route }, "192.0.2.1", &Tlsa::Absent)
        };
        let vouching = |name: &str| Protection {
            mx_names: vec![name.parse().unwrap()],
            ..protection(TlsRequirement::Verified)
        };
        assert!(named(&vouching("*.gov.test.example"), None).is_err());
        assert!(named(&vouching(HOST), None).is_ok());
        let demand = named(&vouching("*.gov.test.example"), Some("hub.test.example")).unwrap();
        assert_eq!(demand.vouched_by, [Voucher::Route]);
        let not_by_route = Protection {
            vouched_by: Some(vec![Voucher::MtaSts]),
            ..protection(TlsRequirement::Verified)
        };
        assert!(named(&not_by_route, Some("hub.test.example")).is_err());
        assert!(named(&protection(TlsRequirement::Dane), Some("hub.test.example")).is_err());
    }
}
