//! How a domain's mail systems stand, found out as a delivery would find out,
//! and without a message: EHLO, STARTTLS, EHLO again, AUTH where the route has
//! credentials, and QUIT.
//!
//! What a requirement means is not worked out here: each is asked for in turn,
//! the strongest first, by the very demand and the very connection that a
//! delivery makes. The first that comes about is what could be had now.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use serde::Serialize;
use tokio::time::Instant;

use super::{
    claims::{Authenticity, Exchanges, Sts, Tlsa},
    connection::{Connection, Purpose, Refused, Why},
    deliverer::{Deliverer, RouteTls, is_allowed},
    requirement::{Asked, Demand, Unmeetable},
    resolve,
    standing::Exchange,
};
use crate::{
    mail::{Domain, Evidence, NextHop, Protection, TlsRequirement},
    smtp::client::Dialect,
};

/// Whose mail systems are looked at, and what a delivery there asks for.
#[derive(Clone, Debug)]
pub struct Inquiry {
    pub domain: Domain,
    pub next_hop: NextHop,
    /// But for its requirement: every one is tried.
    pub protection: Protection,
    pub route: RouteTls,
}

#[derive(Clone, Debug, Serialize)]
pub struct Posture {
    pub next_hop: NextHop,
    pub way: Way,
    pub mta_sts: PublishedSts,
    /// In the order in which a delivery would try them.
    pub hosts: Vec<HostPosture>,
}

/// Who has named the hosts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// DNS, and DNSSEC proves it.
    Signed,
    /// DNS, and nothing proves it.
    Unsigned,
    /// A route of the operator's.
    Route,
    /// Nobody is spoken to: a folder on this machine.
    Folder,
    /// There is none: why.
    None(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedSts {
    Absent,
    /// The lines of the policy.
    Policy(Vec<String>),
    Unavailable(String),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublishedTlsa {
    /// None, or none that DNSSEC proves.
    Absent,
    /// Whoever named the host vouches for it.
    NotAsked,
    Records(Vec<String>),
    Unavailable(String),
}

#[derive(Clone, Debug, Serialize)]
pub struct HostPosture {
    pub host: String,
    pub tlsa: PublishedTlsa,
    /// Why it has no address.
    pub lost: Option<String>,
    pub addresses: Vec<AddressPosture>,
}

#[derive(Clone, Debug, Serialize)]
pub struct AddressPosture {
    pub address: SocketAddr,
    /// The strongest requirement it meets.
    pub met: Option<TlsRequirement>,
    /// Those above it, and why not; the strongest first.
    pub unmet: Vec<(TlsRequirement, String)>,
    pub greeting: Option<String>,
    /// What EHLO offers at first, and under TLS.
    pub offers_in_clear: Vec<String>,
    pub offers: Vec<String>,
    /// Of the connection that came about, or of the last that did not.
    pub evidence: Evidence,
}

impl Posture {
    /// The strongest requirement that a delivery could have met now: where one
    /// host fails, the next one is tried.
    pub fn met(&self) -> Option<TlsRequirement> {
        if self.way == Way::Folder {
            return Some(TlsRequirement::Dane);
        }
        self.addresses().filter_map(|address| address.met).max()
    }

    pub fn addresses(&self) -> impl Iterator<Item = &AddressPosture> {
        self.hosts.iter().flat_map(|host| &host.addresses)
    }
}

impl Deliverer {
    /// Looks at a domain's mail systems. Takes a minute at the most;
    /// cancelling closes the connection.
    pub async fn posture(&self, inquiry: &Inquiry) -> Posture {
        let deadline = Instant::now() + PATIENCE;
        let survey = Survey { deliverer: self, inquiry, deadline };
        let of_named_host =
            |host: &str, port, dialect| survey.named_host(host.to_owned(), port, dialect);
        let (way, mta_sts, hosts) = match &inquiry.next_hop {
            NextHop::Maildir(_) => (Way::Folder, PublishedSts::Absent, Vec::new()),
            NextHop::Mx => survey.exchanges().await,
            NextHop::Smtp { host, port } => {
                let host = of_named_host(host, *port, Dialect::Smtp).await;
                (Way::Route, PublishedSts::Absent, vec![host])
            }
            NextHop::Lmtp { host, port } => {
                let host = of_named_host(host, *port, Dialect::Lmtp).await;
                (Way::Route, PublishedSts::Absent, vec![host])
            }
        };
        Posture { next_hop: inquiry.next_hop.clone(), way, mta_sts, hosts }
    }
}

/// An inquiry under way.
struct Survey<'a> {
    deliverer: &'a Deliverer,
    inquiry: &'a Inquiry,
    deadline: Instant,
}

impl Survey<'_> {
    async fn exchanges(&self) -> (Way, PublishedSts, Vec<HostPosture>) {
        let Deliverer { resolver, means, port, .. } = self.deliverer;
        let domain = &self.inquiry.domain;
        let lookup = resolve::exchanges(resolver, domain, &means.name);
        let Exchanges { hosts, authenticity } = match self.in_time(lookup).await {
            Ok(Ok(exchanges)) => exchanges,
            Ok(Err(unroutable)) => {
                return (Way::None(unroutable.to_string()), PublishedSts::Absent, Vec::new());
            }
            Err(late) => return (Way::None(late), PublishedSts::Absent, Vec::new()),
        };
        let sts = match self.in_time(self.deliverer.sts.of(domain)).await {
            Ok(sts) => sts,
            // A delivery would wait: not known is not absent.
            Err(late) => return (Way::None(late), PublishedSts::Absent, Vec::new()),
        };
        let mut seen = Vec::new();
        for host in &hosts {
            let tlsa = &self.deliverer.tlsa(host, *port, self.deadline).await;
            let exchange = Exchange { host, domain, authenticity, sts: &sts, tlsa };
            seen.push(self.exchange(exchange).await);
        }
        let way = match authenticity {
            Authenticity::Secure => Way::Signed,
            Authenticity::Insecure => Way::Unsigned,
        };
        (way, (&sts).into(), seen)
    }

    async fn exchange(&self, exchange: Exchange<'_>) -> HostPosture {
        let Deliverer { resolver, port, exchange_addresses, .. } = self.deliverer;
        let demands = self.demands(|asked| Demand::of_exchange(asked, exchange));
        let found = self.in_time(resolve::addresses(resolver, exchange.host)).await;
        let found = found.and_then(|found| found.map_err(|why| why.to_string())).and_then(|ips| {
            let allowed = ips.into_iter().filter(|ip| is_allowed(*ip, *exchange_addresses));
            let allowed: Vec<IpAddr> = allowed.collect();
            match allowed.is_empty() {
                true => Err("its addresses are this machine's own".to_owned()),
                false => Ok(allowed),
            }
        });
        let tlsa = exchange.tlsa.into();
        self.host(exchange.host.as_str(), *port, Dialect::Smtp, tlsa, demands, found).await
    }

    async fn named_host(&self, host: String, port: u16, dialect: Dialect) -> HostPosture {
        let mut demands = Vec::new();
        for requirement in strongest_first() {
            let protection = self.at(requirement);
            let asked = Asked { protection: &protection, route: &self.inquiry.route };
            let demand = self.deliverer.demand(asked, &host, port, self.deadline).await;
            demands.push((requirement, demand));
        }
        let found = self.in_time(resolve::named_host(&self.deliverer.resolver, &host)).await;
        let found = found.and_then(|found| found.map_err(|why| why.to_string()));
        self.host(&host, port, dialect, PublishedTlsa::NotAsked, demands, found).await
    }

    async fn host(
        &self,
        host: &str,
        port: u16,
        dialect: Dialect,
        tlsa: PublishedTlsa,
        demands: Demands,
        found: Result<Vec<IpAddr>, String>,
    ) -> HostPosture {
        let (found, lost) = match found {
            Ok(found) => (found, None),
            Err(why) => (Vec::new(), Some(why)),
        };
        let mut addresses = Vec::new();
        for address in found.into_iter().take(self.deliverer.addresses) {
            let address = SocketAddr::new(address, port);
            addresses.push(self.address(host, address, dialect, &demands).await);
        }
        HostPosture { host: host.to_owned(), tlsa, lost, addresses }
    }

    /// Every requirement in turn, until one is met.
    async fn address(
        &self,
        host: &str,
        address: SocketAddr,
        dialect: Dialect,
        demands: &Demands,
    ) -> AddressPosture {
        let mut posture = AddressPosture::unmet(host, address);
        for (requirement, demand) in demands {
            let demand = match demand {
                Ok(demand) => demand.clone(),
                Err(unmeetable) => {
                    posture.unmet.push((*requirement, unmeetable.to_string()));
                    continue;
                }
            };
            let identity = self.inquiry.route.identity.clone();
            let purpose = Purpose { host: host.to_owned(), address, dialect, demand, identity };
            let deadline = self.deadline.min(Instant::now() + PATIENCE_WITH_ONE);
            match self.deliverer.connect(&purpose, deadline).await {
                Ok(connection) => {
                    posture.see(&connection);
                    posture.met = Some(*requirement);
                    connection.close(&self.deliverer.means).await;
                    break;
                }
                Err(refused) => {
                    let Refused { why, evidence } = *refused;
                    posture.evidence = evidence;
                    posture.unmet.push((*requirement, words(&why)));
                    // Whatever is asked for, nobody answers.
                    if matches!(why, Why::Unreachable(_)) {
                        break;
                    }
                }
            }
        }
        posture
    }

    fn demands(&self, of: impl Fn(Asked<'_>) -> Result<Demand, Unmeetable>) -> Demands {
        let demand = |requirement| {
            let protection = self.at(requirement);
            (requirement, of(Asked { protection: &protection, route: &self.inquiry.route }))
        };
        strongest_first().map(demand).collect()
    }

    fn at(&self, tls: TlsRequirement) -> Protection {
        Protection { tls, ..self.inquiry.protection.clone() }
    }

    async fn in_time<T>(&self, lookup: impl Future<Output = T>) -> Result<T, String> {
        let late = |_| "no answer in time".to_owned();
        tokio::time::timeout_at(self.deadline, lookup).await.map_err(late)
    }
}

impl AddressPosture {
    fn unmet(host: &str, address: SocketAddr) -> Self {
        Self {
            address,
            met: None,
            unmet: Vec::new(),
            greeting: None,
            offers_in_clear: Vec::new(),
            offers: Vec::new(),
            evidence: Evidence {
                host: Some(host.to_owned()),
                address: Some(address),
                ..Evidence::default()
            },
        }
    }

    fn see(&mut self, connection: &Connection) {
        let introduction = connection.introduction();
        self.greeting = introduction.greeting.as_ref().map(ToString::to_string);
        self.offers_in_clear = introduction.in_clear.map_or_else(Vec::new, |said| said.offers());
        if connection.evidence.tls.is_some() {
            self.offers = connection.extensions.offers();
        }
        self.evidence = connection.evidence.clone();
    }
}

impl From<&Sts> for PublishedSts {
    fn from(sts: &Sts) -> Self {
        match sts {
            Sts::Absent => Self::Absent,
            Sts::Policy(policy) => Self::Policy(policy.published.lines.clone()),
            Sts::Unavailable { why, .. } => Self::Unavailable(why.clone()),
        }
    }
}

impl From<&Tlsa> for PublishedTlsa {
    fn from(tlsa: &Tlsa) -> Self {
        match tlsa {
            Tlsa::Absent => Self::Absent,
            Tlsa::Records(records) => {
                Self::Records(records.iter().map(ToString::to_string).collect())
            }
            Tlsa::Failed(why) => Self::Unavailable(why.clone()),
        }
    }
}

type Demands = Vec<(TlsRequirement, Result<Demand, Unmeetable>)>;

/// But for `none`: to go without TLS where it is offered proves nothing.
fn strongest_first() -> impl Iterator<Item = TlsRequirement> {
    TlsRequirement::ALL.into_iter().rev().filter(|tls| *tls > TlsRequirement::None)
}

fn words(why: &Why) -> String {
    match why {
        Why::Unreachable(error) => error.clone(),
        Why::Session(failed) => failed.to_string(),
    }
}

/// With a domain.
const PATIENCE: Duration = Duration::from_secs(60);
/// With one address, and one requirement.
const PATIENCE_WITH_ONE: Duration = Duration::from_secs(15);
