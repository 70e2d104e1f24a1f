//! What delivers, what it is told, and what it is given to deliver.

use std::{net::IpAddr, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;
use hickory_resolver::TokioResolver;

use super::{
    connection::Means, journey::Journey, lookup, maildir::Letter, offers::Offers, pool::Pool,
    sts::Policies, tls::Trust,
};
use crate::{
    config::{self, Dns, ExchangeAddresses, Identity, MtaSts, ResolverError, Route},
    mail::{
        AddressEncoding, Asker, Attempt, Body, Domain, Evidence, Leave, NextHop, Outcome,
        Protection, QueueId, Recipient, Requests, RequireTls, ReversePath, Timestamp,
        TlsRequirement,
    },
    smtp::client::Timeouts,
};

/// Delivers; keeps what is worth keeping between deliveries (the DNS cache,
/// trust anchors, idle connections, what next hops offer), shared by its
/// clones. Needs a Tokio runtime.
#[derive(Clone)]
pub struct Deliverer {
    pub(super) means: Arc<Means>,
    pub(super) resolver: TokioResolver,
    pub(super) pool: Pool,
    pub(super) offers: Offers,
    pub(super) port: u16,
    pub(super) deadline: Duration,
    pub(super) addresses: usize,
    pub(super) exchange_addresses: ExchangeAddresses,
    /// What domains publish of their exchanges.
    pub(super) sts: Arc<Policies>,
}

#[derive(Clone, Debug)]
pub struct Settings {
    /// Our name in EHLO.
    pub name: Domain,
    pub dns: Dns,
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
    pub mta_sts: MtaSts,
    /// Where MTA-STS policies outlive a restart; none where they do not.
    pub policy_folder: Option<PathBuf>,
    /// How many may wait at once for messages to one address.
    pub idle_per_destination: usize,
    pub messages_per_connection: usize,
    /// The folder of the trust anchors that policy names.
    pub certificates: Option<PathBuf>,
}

#[derive(Debug, thiserror::Error)]
pub enum DelivererError {
    #[error(transparent)]
    Resolver(#[from] ResolverError),
    #[error("the trust anchors of [mta_sts]: {0}")]
    PolicyHosts(String),
}

/// A message for recipients of one domain.
#[derive(Clone, Debug)]
pub struct Delivery {
    pub id: QueueId,
    pub reverse_path: ReversePath,
    pub body: Body,
    pub encoding: AddressEncoding,
    pub requests: Requests,
    /// What the times in `requests` count from.
    pub received_at: Timestamp,
    /// Every line ended by CRLF; neither dot-stuffed nor ended by a dot.
    pub content: Bytes,
    pub recipients: Vec<Recipient>,
    /// Whose exchanges are asked for where the next hop is `mx`.
    pub domain: Domain,
    pub next_hop: NextHop,
    /// What policy asks for.
    pub protection: Protection,
    /// What the operator's route asks for: the stronger of both holds.
    pub route: RouteTls,
    /// What a person has allowed of less than both.
    pub leave: Option<Leave>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RouteTls {
    pub tls: TlsRequirement,
    /// The name the next hop's certificate must bear.
    pub tls_name: Option<Domain>,
    /// PEM; these and no others are trusted.
    pub trust_anchors: Option<PathBuf>,
    /// Who we are there.
    pub identity: Identity,
}

impl From<&Route> for RouteTls {
    fn from(route: &Route) -> Self {
        Self {
            tls: route.tls,
            tls_name: route.tls_name.clone(),
            trust_anchors: route.trust_anchors.clone(),
            identity: route.identity.clone(),
        }
    }
}

impl Settings {
    pub fn new(name: Domain) -> Self {
        Self {
            name,
            dns: Dns::default(),
            timeouts: Timeouts::default(),
            deadline: Duration::from_secs(30 * 60),
            port: 25,
            addresses: 5,
            exchange_addresses: ExchangeAddresses::Remote,
            idle: Duration::from_secs(2),
            mta_sts: MtaSts::default(),
            policy_folder: None,
            idle_per_destination: 20,
            messages_per_connection: 100,
            certificates: None,
        }
    }
}

impl Deliverer {
    /// Reads trust anchors and what is kept of policies: some milliseconds of
    /// disk.
    pub fn new(settings: Settings) -> Result<Self, DelivererError> {
        let Settings { name, timeouts, port, deadline, addresses, exchange_addresses, .. } =
            settings;
        let messages = settings.messages_per_connection;
        let trust = Trust::new(settings.certificates);
        let means = Means { name, timeouts, trust, messages };
        let resolver = config::proving_resolver(&settings.dns)?;
        let sts = Policies::new(
            resolver.clone(),
            &settings.mta_sts,
            exchange_addresses,
            settings.policy_folder,
        )
        .map_err(DelivererError::PolicyHosts)?;
        Ok(Self {
            means: Arc::new(means),
            resolver,
            pool: Pool::new(settings.idle, settings.idle_per_destination),
            offers: Offers::default(),
            port,
            deadline,
            addresses,
            exchange_addresses,
            sts: Arc::new(sts),
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
                Journey::new(self, &delivery).run().await
            }
        }
    }

    /// Whether the names of next hops can be proved at all; why not, where
    /// they are to be and cannot.
    pub async fn proves_names(&self) -> Result<(), String> {
        if !self.resolver.options().validate {
            return Ok(());
        }
        lookup::proves_names(&self.resolver).await.map_err(|why| why.to_string())
    }

    /// Keeps what domains publish from lapsing, to be called every minute or
    /// so.
    pub async fn refresh_policies(&self) {
        self.sts.refresh_due().await;
    }

    async fn store(&self, delivery: Delivery, directory: PathBuf) -> Attempt {
        let host = Some(delivery.next_hop.to_string());
        let letter = Letter {
            directory,
            host: self.means.name.clone(),
            reverse_path: delivery.reverse_path,
            recipients: delivery.recipients.into_iter().map(|one| one.address).collect(),
            content: delivery.content,
        };
        let outcomes = letter.deliver().await;
        let took = outcomes
            .iter()
            .filter(|(_, outcome)| matches!(outcome, Outcome::Delivered(_)))
            .map(|(recipient, _)| recipient.clone());
        let evidence = Evidence { host, took: took.collect(), ..Evidence::default() };
        Attempt { outcomes, tries: vec![evidence] }
    }
}

impl Delivery {
    /// The strongest of what policy, the route and the sender ask for: who
    /// says REQUIRETLS has verified TLS (RFC 8689 section 4.2.1). A person may
    /// say otherwise than policy and route, not than the sender.
    pub fn requirement(&self) -> TlsRequirement {
        let asked = match self.relays_under_tls() {
            RequireTls::Yes => TlsRequirement::Verified,
            RequireTls::No => TlsRequirement::None,
        };
        let ours = self.protection.tls.max(self.route.tls);
        self.leave.map_or(ours, Leave::least).max(asked)
    }

    /// Whether what the domain itself publishes, DANE and MTA-STS, is minded.
    /// A person may set it aside, as a sender may (RFC 8689 section 5), where
    /// the sender does not ask for verified TLS.
    pub(super) fn minds_claims(&self) -> Claims {
        match self.leave {
            Some(_) if self.relays_under_tls() == RequireTls::No => Claims::SetAside,
            _ => Claims::Minded,
        }
    }

    /// All whose demand the requirement is.
    pub fn asked_by(&self) -> Vec<Asker> {
        let held = self.requirement();
        let sender = self.relays_under_tls() == RequireTls::Yes;
        let lowered = held < self.protection.tls.max(self.route.tls);
        let by_route = self.route.tls >= held && held > TlsRequirement::Opportunistic;
        let asked = [
            (Asker::Policy, self.protection.tls >= held && !lowered),
            (Asker::Route, by_route && !lowered),
            (Asker::Exemption, lowered),
            (Asker::Sender, sender && held == TlsRequirement::Verified),
        ];
        asked.into_iter().filter_map(|(asker, asked)| asked.then_some(asker)).collect()
    }

    /// Whether the next hop must promise REQUIRETLS in its turn. Where a
    /// mailbox on this machine is the next hop, relaying is at its end.
    pub(super) fn relays_under_tls(&self) -> RequireTls {
        match &self.next_hop {
            NextHop::Maildir(_) => RequireTls::No,
            NextHop::Lmtp { .. } if self.next_hop.is_local() => RequireTls::No,
            _ => self.requests.require_tls,
        }
    }
}

/// Whether what a domain publishes of its TLS counts for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claims {
    Minded,
    SetAside,
}

/// Whether an exchange may be connected to there.
pub(super) fn is_allowed(address: IpAddr, allowed: ExchangeAddresses) -> bool {
    let address = address.to_canonical();
    let ours = address.is_loopback() || address.is_unspecified() || address.is_multicast();
    let broadcast = address == IpAddr::V4(std::net::Ipv4Addr::BROADCAST);
    allowed == ExchangeAddresses::Any || !(ours || broadcast)
}
