//! One delivery over the network: hosts and their addresses, one after
//! another, until every recipient has an outcome or there is nobody left to
//! ask.

use std::net::{IpAddr, SocketAddr};

use tokio::time::Instant;

use super::{
    connection::{Connection, Purpose, Refused, Why},
    deliverer::{Deliverer, Delivery},
    fates::Fates,
    requirement::Demand,
    resolve::{self, Unroutable},
};
use crate::{
    mail::{
        Address, Attempt, EnhancedStatusCode, Evidence, Failure, FailureReason, NextHop, Outcome,
        Reply, Severity,
    },
    smtp::client::{Dialect, Encryption, Message, Onward, Settlement},
};

/// One delivery over the network, under way.
pub(super) struct Journey<'a> {
    deliverer: &'a Deliverer,
    delivery: &'a Delivery,
    fates: Fates,
    evidence: Evidence,
    /// Addresses that may still be tried.
    left: usize,
    deadline: Instant,
}

impl<'a> Journey<'a> {
    pub(super) fn new(deliverer: &'a Deliverer, delivery: &'a Delivery) -> Self {
        Self {
            deliverer,
            delivery,
            fates: Fates::new(delivery.recipients.clone()),
            evidence: Evidence::default(),
            left: deliverer.addresses,
            deadline: Instant::now() + deliverer.deadline,
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
        Attempt { outcomes: self.fates.outcomes(), evidence: self.evidence }
    }

    async fn try_exchanges(&mut self) {
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
            self.try_addresses(host.as_str(), &allowed, *port, Dialect::Smtp, &demand).await;
        }
    }

    async fn try_host(&mut self, host: &str, port: u16, dialect: Dialect) {
        let (protection, route) = (&self.delivery.protection, &self.delivery.route);
        let demand = Demand::of_named_host(protection, route, host);
        if !self.vouched(&demand, host) {
            return;
        }
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
                trust_anchors: self.delivery.route.trust_anchors.clone(),
            };
            self.try_address(purpose).await;
        }
    }

    /// All who are still open, in transactions of as many as any peer takes.
    async fn try_address(&mut self, purpose: Purpose) {
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
