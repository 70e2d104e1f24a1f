//! One delivery: hosts and their addresses, one after another.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use hickory_resolver::{TokioResolver, net::NetError};
use tokio::time::Instant;

use super::{
    connection::{Connection, Means, Purpose, Refused, Why},
    fates::Fates,
    maildir::Letter,
    pool::Pool,
    requirement::Demand,
    resolve::{self, Unroutable},
    tls::Trust,
};
use crate::{
    mail::{
        Address, AddressEncoding, Attempt, Body, Domain, EnhancedStatusCode, Evidence, Failure,
        FailureReason, NextHop, Outcome, Protection, QueueId, Reply, ReversePath, TlsRequirement,
    },
    smtp::client::{Dialect, Encryption, Message, Settlement, Timeouts},
};

/// Delivers; keeps what is worth keeping between deliveries (the DNS cache,
/// trust anchors, idle connections). Needs a Tokio runtime.
pub struct Deliverer {
    means: Arc<Means>,
    resolver: TokioResolver,
    pool: Pool,
    port: u16,
    deadline: Duration,
    addresses: usize,
    exchange_addresses: ExchangeAddresses,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Our name in EHLO.
    pub name: Domain,
    /// Empty for the system's own resolvers.
    pub dns_servers: Vec<SocketAddr>,
    pub timeouts: Timeouts,
    /// For one attempt, all its hosts together.
    pub deadline: Duration,
    /// Of exchanges: 25, but in tests.
    pub port: u16,
    /// How many addresses one attempt tries at most.
    pub addresses: usize,
    pub exchange_addresses: ExchangeAddresses,
    /// How long a connection waits for another message; zero keeps none.
    pub idle: Duration,
}

/// Which addresses of exchanges are connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExchangeAddresses {
    /// Not those of this machine, nor multicast: a stranger's MX record must
    /// not have us speak to our own services.
    Remote,
    /// All: where test and lab domains stand on loopback.
    Any,
}

#[derive(Debug, thiserror::Error)]
pub enum DelivererError {
    #[error("the resolver cannot be set up: {0}")]
    Resolver(#[from] NetError),
}

/// A message for recipients of one domain.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: QueueId,
    pub reverse_path: ReversePath,
    pub body: Body,
    pub encoding: AddressEncoding,
    /// Every line ended by CRLF; neither dot-stuffed nor ended by a dot.
    pub content: Bytes,
    pub recipients: Vec<Address>,
    /// Whose exchanges are asked for where the next hop is `mx`.
    pub domain: Domain,
    pub next_hop: NextHop,
    /// What policy asks for.
    pub protection: Protection,
    /// What the operator's route asks for: the stronger of both holds.
    pub route: RouteTls,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTls {
    pub tls: TlsRequirement,
    /// The name the next hop's certificate must bear.
    pub tls_name: Option<Domain>,
    /// PEM; these and no others are trusted.
    pub trust_anchors: Option<PathBuf>,
}

impl Settings {
    pub fn new(name: Domain) -> Self {
        Self {
            name,
            dns_servers: Vec::new(),
            timeouts: Timeouts::default(),
            deadline: Duration::from_secs(30 * 60),
            port: 25,
            addresses: 5,
            exchange_addresses: ExchangeAddresses::Remote,
            idle: Duration::from_secs(2),
        }
    }
}

impl Deliverer {
    /// Reads the system's trust anchors: some milliseconds of disk.
    pub fn new(settings: Settings) -> Result<Self, DelivererError> {
        let Settings { name, timeouts, port, deadline, addresses, exchange_addresses, .. } =
            settings;
        let means = Means { name, timeouts, trust: Trust::new() };
        Ok(Self {
            means: Arc::new(means),
            resolver: resolve::resolver(&settings.dns_servers)?,
            pool: Pool::new(settings.idle),
            port,
            deadline,
            addresses,
            exchange_addresses,
        })
    }

    /// One attempt: an outcome for each recipient, in their order, and the
    /// evidence of how the journey was made.
    ///
    /// Takes no longer than the deadline. Cancelling closes the connection;
    /// the next hop may have taken the message all the same, so an attempt
    /// that was cancelled after content was sent can make a duplicate.
    pub async fn attempt(&self, delivery: Delivery) -> Attempt {
        match &delivery.next_hop {
            NextHop::Maildir(directory) => {
                let directory = directory.clone();
                self.store(delivery, directory).await
            }
            NextHop::Mx | NextHop::Smtp { .. } | NextHop::Lmtp { .. } => {
                let mut journey = Journey::new(self, &delivery);
                journey.run().await;
                Attempt { outcomes: journey.fates.outcomes(), evidence: journey.evidence }
            }
        }
    }

    async fn store(&self, delivery: Delivery, directory: PathBuf) -> Attempt {
        let host = Some(delivery.next_hop.to_string());
        let letter = Letter {
            directory,
            host: self.means.name.clone(),
            reverse_path: delivery.reverse_path,
            recipients: delivery.recipients,
            content: delivery.content,
        };
        let outcomes = letter.deliver().await;
        Attempt { outcomes, evidence: Evidence { host, ..Evidence::default() } }
    }
}

/// One delivery over the network, under way.
struct Journey<'a> {
    deliverer: &'a Deliverer,
    delivery: &'a Delivery,
    fates: Fates,
    evidence: Evidence,
    /// Addresses that may still be tried.
    left: usize,
    deadline: Instant,
}

impl<'a> Journey<'a> {
    fn new(deliverer: &'a Deliverer, delivery: &'a Delivery) -> Self {
        Self {
            deliverer,
            delivery,
            fates: Fates::new(delivery.recipients.clone()),
            evidence: Evidence::default(),
            left: deliverer.addresses,
            deadline: Instant::now() + deliverer.deadline,
        }
    }

    async fn run(&mut self) {
        match &self.delivery.next_hop {
            NextHop::Mx => self.to_exchanges().await,
            NextHop::Smtp { host, port } => self.to_host(host, *port, Dialect::Smtp).await,
            NextHop::Lmtp { host, port } => self.to_host(host, *port, Dialect::Lmtp).await,
            NextHop::Maildir(_) => {}
        }
    }

    async fn to_exchanges(&mut self) {
        let Deliverer { resolver, means, port, exchange_addresses, .. } = self.deliverer;
        let lookup = resolve::exchanges(resolver, &self.delivery.domain, &means.name);
        let hosts = match self.in_time(lookup).await {
            Ok(hosts) => hosts,
            Err(unroutable) => return self.fates.note(&unroutable.outcome()),
        };
        for host in hosts {
            if self.is_over() {
                return;
            }
            let (protection, route) = (&self.delivery.protection, &self.delivery.route);
            let demand = Demand::of_exchange(protection, route, &host);
            if !self.vouched(&demand, host.as_str()) {
                continue;
            }
            let addresses = match self.in_time(resolve::addresses(resolver, &host)).await {
                Ok(addresses) => addresses,
                Err(unroutable) => {
                    self.fates.note(&unroutable.outcome());
                    continue;
                }
            };
            let allowed: Vec<IpAddr> =
                addresses.into_iter().filter(|ip| exchange_addresses.allow(*ip)).collect();
            if allowed.is_empty() {
                self.fates.note(&Unroutable::NoAddress(host.to_string()).outcome());
            }
            self.to_addresses(host.as_str(), &allowed, *port, Dialect::Smtp, &demand).await;
        }
    }

    async fn to_host(&mut self, host: &str, port: u16, dialect: Dialect) {
        let (protection, route) = (&self.delivery.protection, &self.delivery.route);
        let demand = Demand::of_named_host(protection, route, host);
        if !self.vouched(&demand, host) {
            return;
        }
        let lookup = resolve::named_host(&self.deliverer.resolver, host);
        match self.in_time(lookup).await {
            Ok(addresses) => {
                self.to_addresses(host, &addresses, port, dialect, &demand).await;
            }
            Err(unroutable) => self.fates.note(&unroutable.outcome()),
        }
    }

    async fn to_addresses(
        &mut self,
        host: &str,
        addresses: &[IpAddr],
        port: u16,
        dialect: Dialect,
        demand: &Demand,
    ) {
        for &address in addresses {
            if self.is_over() {
                return;
            }
            self.left -= 1;
            let purpose = Purpose {
                host: host.to_owned(),
                address: SocketAddr::new(address, port),
                dialect,
                demand: demand.clone(),
                trust_anchors: self.delivery.route.trust_anchors.clone(),
            };
            self.to_address(purpose).await;
        }
    }

    /// All who are still open, in transactions of as many as any peer takes.
    async fn to_address(&mut self, purpose: Purpose) {
        let open = self.fates.open();
        let mut batches = open.chunks(Message::RECIPIENTS).peekable();
        let mut kept = self.deliverer.pool.take(&purpose);
        while let Some(batch) = batches.peek() {
            let reused = kept.is_some();
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => match self.open(&purpose).await {
                    Ok(connection) => connection,
                    Err(outcome) => return self.fates.note(&outcome),
                },
            };
            let means = &self.deliverer.means;
            let settlement = connection.send(means, self.message(batch), self.deadline).await;
            if reused && is_stale(&settlement) {
                // It was closed while it waited: nothing was said of the
                // message yet, so a new connection starts afresh.
                continue;
            }
            self.evidence = connection.evidence.clone();
            self.fates.take(settlement);
            batches.next();
            kept = connection.rest(means).await;
        }
        if let Some(connection) = kept {
            self.deliverer.pool.put(purpose, connection, self.deliverer.means.clone());
        }
    }

    /// A connection as the demand has it. In clear after TLS has failed only
    /// where the demand allows, on a connection of its own.
    async fn open(&mut self, purpose: &Purpose) -> Result<Connection, Outcome> {
        let means = &self.deliverer.means;
        let encryption = purpose.demand.encryption();
        let refused = match Connection::open(means, purpose, encryption, self.deadline).await {
            Ok(connection) => return Ok(connection),
            Err(refused) => *refused,
        };
        self.evidence = refused.evidence.clone();
        let fallback = match &refused.why {
            Why::Session(failed) if failed.is_tls() && purpose.demand.may_fall_back() => {
                Some(failed.to_string())
            }
            _ => return Err(refused.outcome()),
        };
        let opened = Connection::open(means, purpose, Encryption::Never, self.deadline).await;
        opened
            .map(|mut connection| {
                // What was seen of the certificate is why there is no TLS.
                let Evidence { certificate, fingerprint, names, expires, .. } = refused.evidence;
                let seen =
                    Evidence { certificate, fingerprint, names, expires, ..connection.evidence };
                connection.evidence = Evidence { fallback, ..seen };
                connection
            })
            .map_err(|refused| refused.outcome())
    }

    fn message(&self, recipients: &[Address]) -> Message {
        Message {
            reverse_path: self.delivery.reverse_path.clone(),
            recipients: recipients.to_vec(),
            body: self.delivery.body,
            encoding: self.delivery.encoding,
            content: self.delivery.content.clone(),
        }
    }

    /// Whether a verified connection to this host is possible at all; it is
    /// not even tried where it is not.
    fn vouched(&mut self, demand: &Demand, host: &str) -> bool {
        if demand.can_be_met() {
            return true;
        }
        self.evidence = Evidence { host: Some(host.to_owned()), ..Evidence::default() };
        self.fates.note(&Outcome::Transient(Failure {
            reason: FailureReason::Tls,
            reply: Reply::new(
                451,
                EnhancedStatusCode(4, 7, 5),
                format!("verified TLS is required and nobody vouches for the name of {host}"),
            ),
        }));
        false
    }

    fn is_over(&self) -> bool {
        self.left == 0 || self.fates.is_settled() || Instant::now() >= self.deadline
    }

    async fn in_time<T>(
        &self,
        lookup: impl Future<Output = Result<T, Unroutable>>,
    ) -> Result<T, Unroutable> {
        tokio::time::timeout_at(self.deadline, lookup).await.unwrap_or_else(|_| {
            let late = "no answer in time".to_owned();
            Err(Unroutable::LookupFailed(self.delivery.domain.to_string(), late))
        })
    }
}

impl Refused {
    fn outcome(&self) -> Outcome {
        let failure = match &self.why {
            Why::Session(failed) => failed.failure(),
            Why::Unreachable(error) => Failure {
                reason: FailureReason::Connect,
                reply: Reply::new(
                    451,
                    EnhancedStatusCode(4, 4, 1),
                    format!("no connection to {}: {error}", self.host()),
                ),
            },
        };
        match failure.reply.severity() {
            crate::mail::Severity::Permanent => Outcome::Permanent(failure),
            _ => Outcome::Transient(failure),
        }
    }

    fn host(&self) -> &str {
        self.evidence.host.as_deref().unwrap_or_default()
    }
}

/// Lost before the peer said anything of the message.
fn is_stale(settlement: &Settlement) -> bool {
    settlement.onward == crate::smtp::client::Onward::NextHost
        && settlement.outcomes.iter().all(|(_, outcome)| {
            matches!(outcome, Outcome::Transient(failure)
                if failure.reason == FailureReason::Connection || failure.reply.code == 421)
        })
}

impl ExchangeAddresses {
    fn allow(self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let ours = address.is_loopback() || address.is_unspecified() || address.is_multicast();
        let broadcast = address == IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
        self == Self::Any || !(ours || broadcast)
    }
}
