//! From a domain to the hosts that take its mail (RFC 5321 section 5.1, RFC
//! 7505), and to the certificates those publish (RFC 7672).
//!
//! A lookup that failed is never taken for an absence: only an answer that
//! says so makes a failure permanent.

use std::net::IpAddr;

use hickory_resolver::{
    TokioResolver,
    proto::rr::{Name, RData, RecordType},
};

use super::{
    claims::{Authenticity, Exchanges, Tlsa, TlsaRecord},
    lookup::{Answer, Unanswered, ask},
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
    #[error("{0}: {error}", error = Unanswered::Bogus)]
    Bogus(String),
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
            Self::LookupFailed(..) | Self::Bogus(_) => {
                Outcome::Transient(failed(451, EnhancedStatusCode(4, 4, 3)))
            }
            // The domain's own mistake, and likely to be put right.
            Self::NoAddress(_) => Outcome::Transient(failed(451, EnhancedStatusCode(4, 4, 4))),
        }
    }
}

/// The hosts to try for a domain, in order, and whether DNSSEC vouches for
/// their names.
pub(super) async fn exchanges(
    resolver: &TokioResolver,
    domain: &Domain,
    own_name: &Domain,
) -> Result<Exchanges, Unroutable> {
    let answer = match ask(resolver, &absolute(domain)?, RecordType::MX).await {
        Ok(answer) => answer,
        Err(Unanswered::NoName(_)) => return Err(Unroutable::NoSuchDomain(domain.clone())),
        Err(Unanswered::NoRecords(denied)) => return implicit(resolver, domain, denied).await,
        Err(why) => return Err(failed(domain.as_str(), &why)),
    };
    let exchange = |data: &RData| match data {
        RData::MX(mx) => Some((mx.preference, mx.exchange.to_utf8())),
        _ => None,
    };
    let records = answer.data.iter().filter_map(exchange).collect();
    let hosts = in_order(domain, records, own_name, &mut fastrand::Rng::new())?;
    Ok(Exchanges { hosts, authenticity: answer.authenticity })
}

/// Without MX records the domain itself is the host, if it has an address.
/// That there are none must be as sure as the addresses are.
async fn implicit(
    resolver: &TokioResolver,
    domain: &Domain,
    denied: Authenticity,
) -> Result<Exchanges, Unroutable> {
    match located(resolver, domain).await {
        Ok(found) => Ok(Exchanges {
            hosts: vec![domain.clone()],
            authenticity: if found.is_secure() { denied } else { Authenticity::Insecure },
        }),
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
    let found = located(resolver, host).await?;
    Ok(by_turns(ips(found.six.as_ref()), ips(found.four.as_ref())))
}

/// The TLSA records of a port of a host (RFC 7672 section 2.2). They are only
/// looked for where the host's own name is in a signed zone: where it is not,
/// name servers are known to answer wrongly, and DANE cannot apply.
pub(super) async fn tlsa(resolver: &TokioResolver, host: &Domain, port: u16) -> Tlsa {
    let found = match (absolute(host), located(resolver, host).await) {
        (Ok(name), Ok(found)) => found.bases(&name),
        (Err(_), _) | (_, Err(Unroutable::NoAddress(_))) => return Tlsa::Absent,
        (_, Err(why)) => return Tlsa::Failed(why.to_string()),
    };
    for base in found {
        let prefix = Name::from_ascii(format!("_{port}._tcp"));
        let Ok(name) = prefix.and_then(|prefix| prefix.append_domain(&base)) else { continue };
        match ask(resolver, &name, RecordType::TLSA).await {
            Ok(answer) if answer.authenticity == Authenticity::Secure => {
                return Tlsa::Records(answer.data.iter().filter_map(tlsa_record).collect());
            }
            Ok(_) | Err(Unanswered::NoName(_) | Unanswered::NoRecords(_)) => {}
            Err(why) => return Tlsa::Failed(failed(&name.to_string(), &why).to_string()),
        }
    }
    Tlsa::Absent
}

fn tlsa_record(data: &RData) -> Option<TlsaRecord> {
    let RData::TLSA(tlsa) = data else { return None };
    Some(TlsaRecord {
        usage: tlsa.cert_usage.into(),
        selector: tlsa.selector.into(),
        matching: tlsa.matching.into(),
        data: tlsa.cert_data.clone(),
    })
}

/// What is known of a host's addresses: of one family at least.
struct Located {
    six: Option<Answer>,
    four: Option<Answer>,
}

async fn located(resolver: &TokioResolver, host: &Domain) -> Result<Located, Unroutable> {
    let name = absolute(host)?;
    let (six, four) =
        tokio::join!(ask(resolver, &name, RecordType::AAAA), ask(resolver, &name, RecordType::A),);
    let mut failure = None;
    let mut found = |answer| match answer {
        Ok(answer) => Some(answer),
        Err(Unanswered::NoName(_) | Unanswered::NoRecords(_)) => None,
        Err(why) => {
            failure = Some(failed(host.as_str(), &why));
            None
        }
    };
    match (found(six), found(four), failure) {
        (None, None, Some(failure)) => Err(failure),
        (None, None, None) => Err(Unroutable::NoAddress(host.to_string())),
        (six, four, _) => Ok(Located { six, four }),
    }
}

impl Located {
    fn answers(&self) -> impl Iterator<Item = &Answer> {
        self.six.iter().chain(&self.four)
    }

    fn is_secure(&self) -> bool {
        self.answers().all(|answer| answer.authenticity == Authenticity::Secure)
    }

    /// Below which names TLSA records may stand (RFC 7672 section 2.2.2): the
    /// end of aliases that are signed throughout, then the name itself; that
    /// alone where only its own alias is signed.
    fn bases(&self, name: &Name) -> Vec<Name> {
        let aliased = |answer: &Answer| answer.alias == Some(Authenticity::Secure);
        let mut bases = Vec::new();
        if self.is_secure() {
            bases.extend(self.answers().next().map(|answer| answer.name.clone()));
        }
        if !bases.contains(name) && self.answers().any(aliased) {
            bases.push(name.clone());
        }
        bases
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
        Err(error) => Err(failed(host, &error.into())),
    }
}

fn ips(answer: Option<&Answer>) -> Vec<IpAddr> {
    let data = answer.into_iter().flat_map(|answer| &answer.data);
    data.filter_map(RData::ip_addr).collect()
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

fn failed(name: &str, why: &Unanswered) -> Unroutable {
    match why {
        Unanswered::Bogus => Unroutable::Bogus(name.to_owned()),
        other => Unroutable::LookupFailed(name.to_owned(), other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        config::{Dns, Dnssec, proving_resolver},
        deliver::peers::{Answer as Answers, name_server},
    };

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

    fn found(end: &str, authenticity: Authenticity, alias: Option<Authenticity>) -> Located {
        let name = absolute(&end.parse().unwrap()).unwrap();
        Located { six: None, four: Some(Answer { data: Vec::new(), name, authenticity, alias }) }
    }

    fn bases(located: &Located) -> Vec<String> {
        let name = absolute(&"mx.x.example".parse().unwrap()).unwrap();
        located.bases(&name).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn tlsa_records_are_looked_for_at_signed_names_alone() {
        use Authenticity::{Insecure, Secure};
        assert_eq!(bases(&found("mx.x.example", Secure, None)), ["mx.x.example."]);
        assert!(bases(&found("mx.x.example", Insecure, None)).is_empty());
        // An alias: its end first; only itself where what it leads to is unsigned.
        let both = ["host.example.", "mx.x.example."];
        assert_eq!(bases(&found("host.example", Secure, Some(Secure))), both);
        assert_eq!(bases(&found("host.example", Insecure, Some(Secure))), ["mx.x.example."]);
        assert!(bases(&found("host.example", Insecure, Some(Insecure))).is_empty());
    }

    #[tokio::test]
    async fn tlsa_records_of_an_unsigned_host_are_not_even_asked_for() {
        let zone = vec![
            ("mx.x.example", Answers::A(vec![[127, 0, 0, 1]])),
            ("_25._tcp.mx.x.example", Answers::Silence),
        ];
        let dns = Dns {
            servers: vec![name_server(zone).await],
            dnssec: Dnssec::Off,
            trust_anchors: None,
        };
        let resolver = proving_resolver(&dns).unwrap();
        let host = "mx.x.example".parse().unwrap();
        assert_eq!(tlsa(&resolver, &host, 25).await, Tlsa::Absent);
    }

    #[tokio::test]
    async fn a_name_server_that_gives_no_signatures_is_a_failure_not_an_insecure_answer() {
        let zone = vec![
            ("x.example", Answers::Mx(vec![(10, "mx.x.example.")])),
            ("mx.x.example", Answers::A(vec![[127, 0, 0, 1]])),
            ("gone.example", Answers::NxDomain),
        ];
        let servers = vec![name_server(zone).await];
        let resolver = proving_resolver(&Dns { servers, ..Dns::default() }).unwrap();
        let own = "gw.test.example".parse().unwrap();
        for domain in ["x.example", "gone.example"] {
            let unroutable =
                exchanges(&resolver, &domain.parse().unwrap(), &own).await.unwrap_err();
            assert_eq!(unroutable, Unroutable::Bogus(domain.to_owned()));
            assert!(matches!(unroutable.outcome(), Outcome::Transient(_)));
        }
        let host = "mx.x.example".parse().unwrap();
        assert!(matches!(tlsa(&resolver, &host, 25).await, Tlsa::Failed(_)));
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
