//! From a domain to the hosts that take its mail (RFC 5321 section 5.1, RFC
//! 7505).
//!
//! A lookup that failed is never taken for an absence: only an answer that
//! says so makes a failure permanent.

use std::net::IpAddr;

use hickory_resolver::{
    TokioResolver,
    net::NetError,
    proto::rr::{Name, RData, RecordType},
};

use crate::mail::{Domain, EnhancedStatusCode, Failure, FailureReason, Outcome, Reply};

/// Why a domain's mail goes nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unroutable {
    #[error("the domain {0} does not exist")]
    NoSuchDomain(Domain),
    #[error("the domain {0} says that it takes no mail")]
    NullMx(Domain),
    #[error("the domain {0} has no host that takes mail")]
    NoHost(Domain),
    #[error("mail for {0} would come back to us")]
    Loop(Domain),
    #[error("{0} could not be looked up: {1}")]
    LookupFailed(String, String),
    #[error("the host {0} has no address to deliver to")]
    NoAddress(String),
}

impl Unroutable {
    pub(super) fn outcome(&self) -> Outcome {
        let text = self.to_string();
        let failed = |code, status| Failure {
            reason: FailureReason::Dns,
            reply: Reply::new(code, status, text),
        };
        match self {
            Self::NoSuchDomain(_) | Self::NoHost(_) => {
                Outcome::Permanent(failed(550, EnhancedStatusCode(5, 1, 2)))
            }
            Self::NullMx(_) => Outcome::Permanent(failed(556, EnhancedStatusCode(5, 1, 10))),
            Self::Loop(_) => Outcome::Permanent(failed(554, EnhancedStatusCode(5, 4, 6))),
            Self::LookupFailed(..) => Outcome::Transient(failed(451, EnhancedStatusCode(4, 4, 3))),
            // The domain's own mistake, and likely to be put right.
            Self::NoAddress(_) => Outcome::Transient(failed(451, EnhancedStatusCode(4, 4, 4))),
        }
    }
}

/// The hosts to try for a domain, in order.
pub(super) async fn exchanges(
    resolver: &TokioResolver,
    domain: &Domain,
    own_name: &Domain,
) -> Result<Vec<Domain>, Unroutable> {
    let lookup = match resolver.lookup(absolute(domain)?, RecordType::MX).await {
        Ok(lookup) => lookup,
        Err(error) if error.is_nx_domain() => {
            return Err(Unroutable::NoSuchDomain(domain.clone()));
        }
        Err(error) if error.is_no_records_found() => return implicit(resolver, domain).await,
        Err(error) => return Err(failed(domain.as_str(), &error)),
    };
    let records: Vec<(u16, String)> = lookup
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            RData::MX(mx) => Some((mx.preference, mx.exchange.to_utf8())),
            _ => None,
        })
        .collect();
    if records.is_empty() {
        return implicit(resolver, domain).await;
    }
    in_order(domain, records, own_name, &mut fastrand::Rng::new())
}

/// Without MX records the domain itself is the host, if it has an address.
async fn implicit(resolver: &TokioResolver, domain: &Domain) -> Result<Vec<Domain>, Unroutable> {
    match addresses(resolver, domain).await {
        Ok(_) => Ok(vec![domain.clone()]),
        Err(Unroutable::NoAddress(_)) => Err(Unroutable::NoHost(domain.clone())),
        Err(error) => Err(error),
    }
}

/// Lowest preference first, equal ones shuffled; ourselves and all that are no
/// better than ourselves left out.
fn in_order(
    domain: &Domain,
    mut records: Vec<(u16, String)>,
    own_name: &Domain,
    random: &mut fastrand::Rng,
) -> Result<Vec<Domain>, Unroutable> {
    if records.iter().all(|(_, exchange)| exchange == ".") {
        return Err(Unroutable::NullMx(domain.clone()));
    }
    random.shuffle(&mut records);
    records.sort_by_key(|&(preference, _)| preference);
    let hosts = records
        .iter()
        .filter_map(|(preference, exchange)| usable(exchange).map(|host| (*preference, host)));
    let mut hosts: Vec<(u16, Domain)> = hosts.collect();
    if let Some(&(own, _)) = hosts.iter().find(|(_, host)| host == own_name) {
        hosts.retain(|&(preference, _)| preference < own);
        if hosts.is_empty() {
            return Err(Unroutable::Loop(domain.clone()));
        }
    }
    if hosts.is_empty() {
        return Err(Unroutable::NoHost(domain.clone()));
    }
    Ok(hosts.into_iter().map(|(_, host)| host).collect())
}

/// An exchange that is a host's name: not an address written as one, and not
/// this machine.
fn usable(exchange: &str) -> Option<Domain> {
    let name = exchange.trim_end_matches('.');
    if name.parse::<IpAddr>().is_ok() {
        return None;
    }
    let host: Domain = name.parse().ok()?;
    let local = host.as_str() == "localhost" || host.as_str().ends_with(".localhost");
    (!local).then_some(host)
}

/// A host's addresses, IPv6 and IPv4 by turns, so that a limit on how many are
/// tried leaves some of both.
pub(super) async fn addresses(
    resolver: &TokioResolver,
    host: &Domain,
) -> Result<Vec<IpAddr>, Unroutable> {
    let name = absolute(host)?;
    let (six, four) = tokio::join!(
        resolver.lookup(name.clone(), RecordType::AAAA),
        resolver.lookup(name, RecordType::A),
    );
    let mut failure = None;
    let mut found = |answer: Result<_, NetError>| match answer {
        Ok(lookup) => ips(&lookup),
        Err(error) if error.is_no_records_found() => Vec::new(),
        Err(error) => {
            failure = Some(failed(host.as_str(), &error));
            Vec::new()
        }
    };
    let (six, four) = (found(six), found(four));
    let both = by_turns(six, four);
    match (both.is_empty(), failure) {
        (false, _) => Ok(both),
        (true, Some(failure)) => Err(failure),
        (true, None) => Err(Unroutable::NoAddress(host.to_string())),
    }
}

/// The addresses of a host that a route names: an address itself, or a name
/// the system knows, `/etc/hosts` included.
pub(super) async fn named_host(
    resolver: &TokioResolver,
    host: &str,
) -> Result<Vec<IpAddr>, Unroutable> {
    if let Ok(address) = host.parse() {
        return Ok(vec![address]);
    }
    match resolver.lookup_ip(host).await {
        Ok(lookup) => {
            let (six, four) = lookup.iter().partition(IpAddr::is_ipv6);
            Ok(by_turns(six, four))
        }
        Err(error) if error.is_no_records_found() => Err(Unroutable::NoAddress(host.to_owned())),
        Err(error) => Err(failed(host, &error)),
    }
}

fn ips(lookup: &hickory_resolver::lookup::Lookup) -> Vec<IpAddr> {
    let answers = lookup.answers().iter();
    answers.filter_map(|record| record.data.ip_addr()).collect()
}

fn by_turns(six: Vec<IpAddr>, four: Vec<IpAddr>) -> Vec<IpAddr> {
    let longest = six.len().max(four.len());
    let (mut six, mut four) = (six.into_iter(), four.into_iter());
    (0..longest).flat_map(|_| [six.next(), four.next()]).flatten().collect()
}

/// With its root: a search list of the system's must not complete it.
pub(super) fn absolute(domain: &Domain) -> Result<Name, Unroutable> {
    let mut name =
        Name::from_ascii(domain.as_str()).map_err(|_| Unroutable::NoSuchDomain(domain.clone()))?;
    name.set_fqdn(true);
    Ok(name)
}

fn failed(name: &str, error: &NetError) -> Unroutable {
    Unroutable::LookupFailed(name.to_owned(), error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(records: &[(u16, &str)]) -> Result<Vec<String>, Unroutable> {
        let domain = "x.example".parse().unwrap();
        let records = records.iter().map(|&(p, host)| (p, host.to_owned())).collect();
        let own = "gw.test.example".parse().unwrap();
        in_order(&domain, records, &own, &mut fastrand::Rng::with_seed(1))
            .map(|hosts| hosts.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn hosts_are_tried_by_preference() {
        let records = [(20, "c.x.example."), (5, "a.x.example."), (10, "b.x.example.")];
        assert_eq!(order(&records).unwrap(), ["a.x.example", "b.x.example", "c.x.example"]);
    }

    #[test]
    fn equal_preferences_are_shuffled() {
        let domain: Domain = "x.example".parse().unwrap();
        let records: Vec<_> = (0..8).map(|n| (10, format!("mx{n}.x.example."))).collect();
        let orders: std::collections::HashSet<_> = (0..20)
            .map(|seed| {
                let mut random = fastrand::Rng::with_seed(seed);
                in_order(&domain, records.clone(), &domain, &mut random).unwrap()
            })
            .collect();
        assert!(orders.len() > 10);
    }

    #[test]
    fn a_null_mx_takes_no_mail() {
        let domain = "x.example".parse().unwrap();
        assert_eq!(order(&[(0, ".")]), Err(Unroutable::NullMx(domain)));
    }

    #[test]
    fn addresses_and_this_machine_are_no_exchanges() {
        let domain: Domain = "x.example".parse().unwrap();
        let odd = [(1, "127.0.0.1."), (2, "localhost."), (3, "a.localhost.")];
        assert_eq!(order(&odd), Err(Unroutable::NoHost(domain)));
        let mixed = [(1, "192.0.2.1."), (2, "mx.x.example.")];
        assert_eq!(order(&mixed).unwrap(), ["mx.x.example"]);
    }

    #[test]
    fn mail_never_comes_back_to_us() {
        let domain: Domain = "x.example".parse().unwrap();
        let backup = [(5, "a.x.example."), (10, "gw.test.example."), (20, "c.x.example.")];
        assert_eq!(order(&backup).unwrap(), ["a.x.example"]);
        let first = [(5, "gw.test.example."), (20, "c.x.example.")];
        assert_eq!(order(&first), Err(Unroutable::Loop(domain)));
    }
}
