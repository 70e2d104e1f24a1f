//! The configuration as meant.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::network::Network;
use crate::mail::{Direction, Domain, NextHop, TlsRequirement};

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub node: Node,
    pub listeners: Vec<Listener>,
    pub routes: Vec<Route>,
    pub signing: Vec<SigningKey>,
    pub retry: Retry,
    pub limits: Limits,
    pub dns: Dns,
    pub metrics: SocketAddr,
    /// None where the file has no `[console]`.
    pub console: Option<SocketAddr>,
}

#[derive(Clone, Debug)]
pub struct Node {
    /// In the banner, EHLO, Received and Authentication-Results.
    pub name: Domain,
    pub data_dir: PathBuf,
    pub policies: PathBuf,
    /// The domains whose mailboxes stand behind this gateway.
    pub local_domains: Vec<Domain>,
    /// The Unix socket on which `postern queue` and the like talk to it.
    pub control_socket: PathBuf,
}

#[derive(Clone, Debug)]
pub struct Listener {
    pub name: String,
    pub address: SocketAddr,
    pub direction: Direction,
    pub tls: ListenerTls,
    pub certificate: Option<CertificateFiles>,
    /// Who may relay without authenticating.
    pub clients: Vec<Network>,
    /// Octets.
    pub max_message_size: usize,
    pub proxy_protocol: ProxyProtocol,
    /// A file of SASL users; AUTH is offered (under TLS) where it is named.
    pub users: Option<PathBuf>,
    /// Whether SPF, DKIM, DMARC and ARC are looked at.
    pub authenticate: SenderAuthentication,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SenderAuthentication {
    On,
    Off,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerTls {
    /// Never offered.
    None,
    /// STARTTLS offered.
    StartTls,
    /// STARTTLS offered, and nothing taken before it.
    Required,
    /// TLS from the first octet (RFC 8314).
    Implicit,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyProtocol {
    Off,
    /// Every connection starts with a v1 or v2 header.
    Required,
}

/// A chain and its key, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    pub chain: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Debug)]
pub struct Route {
    pub domain: RouteDomain,
    pub next_hop: NextHop,
    /// The least the operator asks for on this route; policy may ask for more.
    pub tls: TlsRequirement,
    /// The name the next hop's certificate must bear, where it is not the MX.
    pub tls_name: Option<Domain>,
    /// PEM; these and no others are trusted on this route.
    pub trust_anchors: Option<PathBuf>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteDomain {
    Exact(Domain),
    /// `.example.com`: everything below it.
    Below(Domain),
    Any,
}

#[derive(Clone, Debug)]
pub struct SigningKey {
    /// Which sender domain it signs for.
    pub domain: Domain,
    pub selector: Domain,
    /// PKCS#8 PEM, RSA or Ed25519.
    pub key: PathBuf,
}

#[derive(Clone, Debug)]
pub struct Retry {
    /// Waits before the second, third, … attempt; the last one repeats.
    pub delays: Vec<Duration>,
    /// When a message that could not be delivered is returned.
    pub expiry: Duration,
    /// When its sender is told that it is late.
    pub delay_notice: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub sessions: usize,
    pub sessions_per_client: usize,
    pub recipients: usize,
    /// Octets of message content held in memory by sessions, all together.
    pub memory: usize,
    pub deliveries: usize,
    pub deliveries_per_destination: usize,
    /// How long an orderly stop waits for transactions to end.
    pub stop_grace: Duration,
}

#[derive(Clone, Debug, Default)]
pub struct Dns {
    /// Empty for the system's own.
    pub servers: Vec<SocketAddr>,
}

impl RouteDomain {
    pub fn matches(&self, domain: &Domain) -> bool {
        match self {
            Self::Exact(exact) => exact == domain,
            Self::Below(parent) => domain.is_below(parent),
            Self::Any => true,
        }
    }

    /// Larger for the more specific of two that match.
    fn specificity(&self) -> usize {
        match self {
            Self::Exact(_) => usize::MAX,
            Self::Below(parent) => parent.as_str().len(),
            Self::Any => 0,
        }
    }
}

impl Config {
    /// The most specific route for a domain; none if the file has no `*`.
    pub fn route(&self, domain: &Domain) -> Option<&Route> {
        self.routes
            .iter()
            .filter(|route| route.domain.matches(domain))
            .max_by_key(|route| route.domain.specificity())
    }
}

/// As a route names it: `example.com`, `.example.com` or `*`.
impl std::str::FromStr for RouteDomain {
    type Err = crate::mail::DomainError;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        match written.strip_prefix('.') {
            Some(parent) => parent.parse().map(Self::Below),
            None if written == "*" => Ok(Self::Any),
            None => written.parse().map(Self::Exact),
        }
    }
}
