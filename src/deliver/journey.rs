//! One delivery over the network: hosts and their addresses, one after
//! another, until every recipient has an outcome or there is nobody left to
//! ask.

use std::{
    net::{IpAddr, SocketAddr},
    time::SystemTime,
};

use tokio::time::{Instant, timeout_at};

use super::{
    claims::{Exchanges, Sts, Tlsa},
    connection::{Connection, Purpose, Refused, Why},
    deliverer::{Claims, Deliverer, Delivery, RouteTls, is_allowed},
    fates::Fates,
    identity,
    requirement::{Asked, Demand, Unmeetable, name_of},
    resolve::{self, Unroutable},
    standing::Exchange,
};
use crate::{
    mail::{
        Attempt, Domain, EnhancedStatusCode, Evidence, Failure, FailureReason, NextHop, Outcome,
        Protection, Recipient, Reply, Requests, Reuse, Severity, Timestamp, TlsRequirement,
    },
    smtp::client::{Dialect, Encryption, Message, Onward, Settlement},
};

/// One delivery over the network, under way.
pub(super) struct Journey<'a> {
    deliverer: &'a Deliverer,
    delivery: &'a Delivery,
    /// What the delivery requires, by whosever word.
    protection: Protection,
    /// Whose own requirement is in that of `protection`.
    route: RouteTls,
    fates: Fates,
    tries: Vec<Evidence>,
    /// Addresses that may still be tried.
    left: usize,
    deadline: Instant,
}

impl<'a> Journey<'a> {
    pub(super) fn new(deliverer: &'a Deliverer, delivery: &'a Delivery) -> Self {
        let tls = delivery.requirement();
        // What would come too late is not begun (RFC 2852 section 4.1).
        let returned_at = delivery.requests.returned_at(delivery.received_at);
        let left = returned_at.map(|moment| moment.saturating_since(SystemTime::now().into()));
        let time = left.unwrap_or(deliverer.deadline).min(deliverer.deadline);
        Self {
            deliverer,
            delivery,
            protection: Protection { tls, ..delivery.protection.clone() },
            route: RouteTls { tls, ..delivery.route.clone() },
            fates: Fates::new(delivery.recipients.clone()),
            tries: Vec::new(),
            left: deliverer.addresses,
            deadline: Instant::now() + time,
        }
    }

    pub(super) async fn run(mut self) -> Attempt {
        match &self.delivery.next_hop {
            NextHop::Mx => self.try_exchanges().await,
            NextHop::Smtp { host, port } => self.try_host(host, *port, Dialect::Smtp).await,
            NextHop::Lmtp { host, port } => self.try_host(host, *port, Dialect::Lmtp).await,
            // Delivered on this machine, without a journey.
            NextHop::Maildir(_) => {}
        }
        self.end()
    }

    pub(super) fn end(self) -> Attempt {
        Attempt { outcomes: self.fates.outcomes(), tries: self.tries }
    }

    async fn try_exchanges(&mut self) {
        let Deliverer { resolver, means, port, .. } = self.deliverer;
        let domain = &self.delivery.domain;
        let lookup = resolve::exchanges(resolver, domain, &means.name);
        let Exchanges { hosts, authenticity } = match self.in_time(lookup).await {
            Ok(exchanges) => exchanges,
            Err(unroutable) => return self.fates.note(&unroutable.outcome()),
        };
        let sts = async { Ok(self.deliverer.sts.of(domain).await) };
        let sts = match self.in_time(sts).await {
            Ok(sts) => sts,
            // Not known is not absent.
            Err(late) => return self.fates.note(&late.outcome()),
        };
        if let Sts::Unavailable { why, .. } = &sts {
            tracing::warn!(%domain, %why, "an MTA-STS policy cannot be had, so it asks nothing");
        }
        for host in &hosts {
            if self.is_over() {
                return;
            }
            let addresses = match self.in_time(resolve::addresses(resolver, host)).await {
                Ok(addresses) => addresses,
                Err(unroutable) => {
                    self.fates.note(&unroutable.outcome());
                    continue;
                }
            };
            let tlsa = &self.deliverer.tlsa(host, *port, self.deadline).await;
            let exchange = Exchange { host, domain, authenticity, sts: &sts, tlsa };
            self.try_exchange(exchange, addresses).await;
        }
    }

    pub(super) async fn try_exchange(&mut self, exchange: Exchange<'_>, addresses: Vec<IpAddr>) {
        let Deliverer { port, exchange_addresses, .. } = self.deliverer;
        let host = exchange.host;
        let exchange = match self.delivery.minds_claims() {
            Claims::Minded => exchange,
            Claims::SetAside => Exchange { sts: &Sts::Absent, tlsa: &Tlsa::Absent, ..exchange },
        };
        let demand = match Demand::of_exchange(self.asked(), exchange) {
            Ok(demand) => demand,
            Err(unmeetable) => return self.pass_over(host.as_str(), unmeetable),
        };
        let allowed: Vec<IpAddr> =
            addresses.into_iter().filter(|ip| is_allowed(*ip, *exchange_addresses)).collect();
        if allowed.is_empty() {
            self.fates.note(&Unroutable::NoAddress(host.to_string()).outcome());
        }
        self.try_addresses(host.as_str(), &allowed, *port, Dialect::Smtp, &demand).await;
    }

    async fn try_host(&mut self, host: &str, port: u16, dialect: Dialect) {
        let demand = self.deliverer.demand(self.asked(), host, port, self.deadline).await;
        let demand = match demand {
            Ok(demand) => demand,
            Err(unmeetable) => return self.pass_over(host, unmeetable),
        };
        let lookup = resolve::named_host(&self.deliverer.resolver, host);
        match self.in_time(lookup).await {
            Ok(addresses) => {
                self.try_addresses(host, &addresses, port, dialect, &demand).await;
            }
            Err(unroutable) => self.fates.note(&unroutable.outcome()),
        }
    }

    async fn try_addresses(
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
                identity: self.delivery.route.identity.clone(),
            };
            self.try_address(purpose).await;
        }
    }

    /// All who are still open, in transactions of as many as the peer takes.
    async fn try_address(&mut self, purpose: Purpose) {
        let mut open = self.fates.open();
        let mut kept = self.deliverer.pool.take(&purpose);
        while !open.is_empty() {
            let reused = kept.is_some();
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => match self.open(&purpose).await {
                    Ok(connection) => connection,
                    Err(outcome) => return self.fates.note(&outcome),
                },
            };
            self.deliverer.offers.note(&self.delivery.next_hop, connection.extensions);
            let later = open.split_off(open.len().min(connection.recipients()));
            let means = &self.deliverer.means;
            let message = self.message(open.clone());
            let settlement = connection.send(means, message, self.deadline).await;
            if reused && is_stale(&settlement) {
                // It was closed while it waited: nothing was said of the
                // message yet, so a new connection starts afresh.
                open.extend(later);
                continue;
            }
            open = later;
            let connection_was = if reused { Reuse::Reused } else { Reuse::New };
            let evidence = connection.evidence_of(&settlement);
            self.tries.push(Evidence { connection: connection_was, ..evidence });
            self.fates.take(settlement);
            kept = connection.rest(means).await;
        }
        if let Some(connection) = kept {
            self.deliverer.pool.put(purpose, connection, self.deliverer.means.clone());
        }
    }

    async fn open(&mut self, purpose: &Purpose) -> Result<Connection, Outcome> {
        let opened = self.deliverer.connect(purpose, self.deadline).await;
        opened.map_err(|refused| {
            self.tries.push(refused.evidence.clone());
            refused.outcome()
        })
    }

    fn message(&self, recipients: Vec<Recipient>) -> Message {
        let now = Timestamp::from(SystemTime::now());
        Message {
            reverse_path: self.delivery.reverse_path.clone(),
            recipients,
            body: self.delivery.body,
            encoding: self.delivery.encoding,
            requests: Requests {
                require_tls: self.delivery.relays_under_tls(),
                ..self.delivery.requests.onward(self.delivery.received_at, now)
            },
            content: self.delivery.content.clone(),
        }
    }

    fn asked(&self) -> Asked<'_> {
        Asked { protection: &self.protection, route: &self.route }
    }

    /// Nothing the host could show would do: it is not spoken to.
    fn pass_over(&mut self, host: &str, unmeetable: Unmeetable) {
        let text = unmeetable.to_string();
        self.tries.push(Evidence {
            host: Some(host.to_owned()),
            started_at: Some(SystemTime::now().into()),
            published: unmeetable.published,
            fault: Some(unmeetable.fault),
            ..Evidence::default()
        });
        self.fates.note(&Outcome::Transient(Failure {
            reason: FailureReason::Tls,
            reply: Reply::new(451, EnhancedStatusCode(4, 7, 5), text),
        }));
    }

    fn is_over(&self) -> bool {
        self.left == 0 || self.fates.is_settled() || Instant::now() >= self.deadline
    }

    async fn in_time<T>(
        &self,
        lookup: impl Future<Output = Result<T, Unroutable>>,
    ) -> Result<T, Unroutable> {
        timeout_at(self.deadline, lookup).await.unwrap_or_else(|_| {
            let late = "no answer in time".to_owned();
            Err(Unroutable::LookupFailed(self.delivery.domain.to_string(), late))
        })
    }
}

impl Deliverer {
    pub(super) async fn tlsa(&self, host: &Domain, port: u16, deadline: Instant) -> Tlsa {
        let lookup = resolve::tlsa(&self.resolver, host, port);
        let late = |_| Tlsa::Failed("no answer in time".to_owned());
        timeout_at(deadline, lookup).await.unwrap_or_else(late)
    }

    /// What is asked of a host that a route or policy has named. Whoever named
    /// it vouches for it, so its TLSA records are looked at only where policy
    /// asks for DANE: such hosts need not be in any DNS.
    pub(super) async fn demand(
        &self,
        asked: Asked<'_>,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> Result<Demand, Unmeetable> {
        let name = name_of(host).filter(|_| asked.level() == TlsRequirement::Dane);
        let tlsa = match name {
            Some(name) => self.tlsa(&name, port, deadline).await,
            None => Tlsa::Absent,
        };
        Demand::of_named_host(asked, host, &tlsa)
    }

    /// A connection as the demand has it. In clear after TLS has failed only
    /// where the demand allows, on a connection of its own.
    pub(super) async fn connect(
        &self,
        purpose: &Purpose,
        deadline: Instant,
    ) -> Result<Connection, Box<Refused>> {
        let encryption = purpose.demand.encryption();
        let refused = match Connection::open(&self.means, purpose, encryption, deadline).await {
            Ok(connection) => return Ok(connection),
            Err(refused) => refused,
        };
        if let Why::Session(failed) = &refused.why
            && failed.is_authentication()
        {
            identity::complain(&purpose.host, failed);
        }
        let fallback = match &refused.why {
            Why::Session(failed) if failed.is_tls() && purpose.demand.may_fall_back() => {
                Some(failed.to_string())
            }
            _ => return Err(refused),
        };
        // What was seen of the certificate is why there is no TLS.
        let Evidence { certificate, chain, fault, .. } = refused.evidence;
        let because = |seen: Evidence| Evidence { certificate, chain, fault, fallback, ..seen };
        match Connection::open(&self.means, purpose, Encryption::Never, deadline).await {
            Ok(mut connection) => {
                connection.evidence = because(connection.evidence);
                Ok(connection)
            }
            Err(refused) => {
                let Refused { why, evidence } = *refused;
                Err(Box::new(Refused { why, evidence: because(evidence) }))
            }
        }
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
            Severity::Permanent => Outcome::Permanent(failure),
            _ => Outcome::Transient(failure),
        }
    }

    fn host(&self) -> &str {
        self.evidence.host.as_deref().unwrap_or_default()
    }
}

/// Lost before the peer said anything of the message.
fn is_stale(settlement: &Settlement) -> bool {
    settlement.onward == Onward::NextHost
        && settlement.outcomes.iter().all(|(_, outcome)| {
            matches!(outcome, Outcome::Transient(failure)
                if failure.reason == FailureReason::Connection || failure.reply.code == 421)
        })
}
