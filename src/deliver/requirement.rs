//! What a TLS requirement means for one host.
//!
//! Pure, and the only place where a requirement is worked out: the stronger of
//! what policy and the route ask, and never less afterwards (law 2).

use crate::{
    mail::{Domain, MxName, Protection, TlsRequirement, Voucher},
    smtp::client::Encryption,
};

use super::deliverer::RouteTls;

/// What one connection must fulfil.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Demand {
    pub(super) level: TlsRequirement,
    /// The certificate must be valid for one of these.
    pub(super) names: Vec<Domain>,
    /// Who vouches for them: nobody, if the name comes from DNS alone.
    pub(super) vouched_by: Option<Voucher>,
}

impl Demand {
    /// Of a host that DNS has named.
    pub(super) fn of_exchange(protection: &Protection, route: &RouteTls, host: &Domain) -> Self {
        let level = protection.tls.max(route.tls);
        let covered = protection.mx_names.iter().any(|name| name.covers(host));
        match &route.tls_name {
            _ if covered => Self::vouched(level, vec![host.clone()], Voucher::Officers),
            Some(name) => Self::vouched(level, vec![name.clone()], Voucher::Route),
            None => Self { level, names: vec![host.clone()], vouched_by: None },
        }
    }

    /// Of a host that a route or policy has named: there is no DNS answer in
    /// between that could be forged.
    pub(super) fn of_named_host(protection: &Protection, route: &RouteTls, host: &str) -> Self {
        let level = protection.tls.max(route.tls);
        if let Some(name) = &route.tls_name {
            return Self::vouched(level, vec![name.clone()], Voucher::Route);
        }
        if let (Err(_), Ok(host)) = (host.parse::<std::net::IpAddr>(), host.parse::<Domain>()) {
            let covered = protection.mx_names.iter().any(|name| name.covers(&host));
            let voucher = if covered { Voucher::Officers } else { Voucher::Route };
            return Self::vouched(level, vec![host], voucher);
        }
        // An address has no name of its own: any that the officers wrote out.
        let exact = protection.mx_names.iter().filter_map(|name| match name {
            MxName::Exact(name) => Some(name.clone()),
            MxName::OneLabelBelow(_) => None,
        });
        let names: Vec<Domain> = exact.collect();
        let vouched_by = (!names.is_empty()).then_some(Voucher::Officers);
        Self { level, names, vouched_by }
    }

    const fn vouched(level: TlsRequirement, names: Vec<Domain>, by: Voucher) -> Self {
        Self { level, names, vouched_by: Some(by) }
    }

    /// Whether a certificate could fulfil it at all.
    pub(super) fn can_be_met(&self) -> bool {
        self.level < TlsRequirement::Verified || self.vouched_by.is_some()
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protection(tls: TlsRequirement, names: &[&str]) -> Protection {
        let mx_names = names.iter().map(|name| name.parse().unwrap()).collect();
        Protection { tls, mx_names, ..Protection::default() }
    }

    fn route(tls: TlsRequirement, name: Option<&str>) -> RouteTls {
        RouteTls { tls, tls_name: name.map(|name| name.parse().unwrap()), ..RouteTls::default() }
    }

    #[test]
    fn the_stronger_of_policy_and_route_counts_and_is_never_lowered() {
        let host = "mx.test.example".parse().unwrap();
        for policy in TlsRequirement::ALL {
            for route_tls in TlsRequirement::ALL {
                let protection = protection(policy, &["mx.test.example"]);
                let route = route(route_tls, None);
                let demand = Demand::of_exchange(&protection, &route, &host);
                assert!(demand.level >= policy && demand.level >= route_tls);
                let named = Demand::of_named_host(&protection, &route, "127.0.0.1");
                assert_eq!(named.level, demand.level);
                let strict = demand.level >= TlsRequirement::Encrypted;
                assert_eq!(demand.encryption() == Encryption::Required, strict);
                assert_eq!(demand.may_fall_back(), !strict);
            }
        }
    }

    #[test]
    fn an_exchange_nobody_vouches_for_cannot_be_verified() {
        let protection = protection(TlsRequirement::Verified, &["*.gov.test.example"]);
        let route = route(TlsRequirement::None, None);
        let vouched = "mx.gov.test.example".parse().unwrap();
        let other = "mx.evil.example".parse().unwrap();
        let officers = Demand::of_exchange(&protection, &route, &vouched);
        assert_eq!(officers.vouched_by, Some(Voucher::Officers));
        assert!(officers.can_be_met());
        assert!(!Demand::of_exchange(&protection, &route, &other).can_be_met());
    }

    #[test]
    fn an_address_is_vouched_for_by_names_written_out_only() {
        let none = route(TlsRequirement::None, None);
        let wildcard = protection(TlsRequirement::Verified, &["*.gov.test.example"]);
        assert!(!Demand::of_named_host(&wildcard, &none, "192.0.2.1").can_be_met());
        let exact = protection(TlsRequirement::Verified, &["mx.gov.test.example"]);
        assert!(Demand::of_named_host(&exact, &none, "192.0.2.1").can_be_met());
        let named = route(TlsRequirement::None, Some("hub.test.example"));
        let demand = Demand::of_named_host(&wildcard, &named, "192.0.2.1");
        assert_eq!(demand.vouched_by, Some(Voucher::Route));
    }
}
