//! The configuration as meant.

use std::{net::SocketAddr, num::NonZeroU32, path::PathBuf, time::Duration};

use super::{
    audit::AuditTrail,
    console::Console,
    directory::{DirectoryUrl, Filter},
    going_live::GoingLive,
    identity::Identity,
    mta_sts::MtaSts,
    network::Network,
    node::Node,
    quarantine::Quarantine,
    reader::Reader,
    resolver::Dns,
    signing::SigningKey,
    spool::Spool,
};
use crate::mail::{Address, Ciphers, Direction, Domain, NextHop, TlsRequirement};

/// The whole configuration.
#[derive(Clone, Debug)]
pub struct Config {
    pub node: Node,
    pub listeners: Vec<Listener>,
    pub routes: Vec<Route>,
    pub sending: Sending,
    pub signing: Vec<SigningKey>,
    /// Whose key seals mail of others that we have changed (RFC 8617); None for
    /// the nearest there is to the node's name, or a local domain's.
    pub seal_domain: Option<Domain>,
    pub retry: Retry,
    pub limits: Limits,
    pub reader: Reader,
    pub dns: Dns,
    pub mta_sts: MtaSts,
    /// None where other domains are not told of their TLS.
    pub tls_reports: Option<TlsReporting>,
    pub spool: Spool,
    /// Who knows which recipients exist; domains that stand in none are not
    /// asked about.
    pub recipients: Vec<RecipientSource>,
    pub blocklists: Vec<Blocklist>,
    pub going_live: GoingLive,
    pub quarantine: Quarantine,
    pub audit: AuditTrail,
    pub metrics: SocketAddr,
    /// None where the file has no `[console]`.
    pub console: Option<Console>,
    /// Every file and folder that it names.
    pub paths: Vec<PathBuf>,
}

/// What the sockets of the doors that are no listeners are handed down as.
pub const SOCKET_OF_METRICS: &str = "metrics";
pub const SOCKET_OF_CONSOLE: &str = "console";

#[derive(Clone, Debug)]
pub struct Listener {
    /// Unlike every other door's.
    pub name: String,
    pub address: SocketAddr,
    pub direction: Direction,
    pub protocol: ListenerProtocol,
    pub tls: ListenerTls,
    pub certificate: Option<CertificateFiles>,
    /// Other certificates, for clients that ask for one of their names (SNI).
    pub sni: Vec<CertificateFiles>,
    pub ciphers: Ciphers,
    /// PEM; whose certificates clients may show, beside those pinned by
    /// fingerprint.
    pub client_ca: Option<PathBuf>,
    /// Sending systems known by their certificates.
    pub certified: Vec<Certified>,
    /// Who may relay without authenticating.
    pub clients: Vec<Network>,
    /// Whose XCLIENT, and XFORWARD, is believed.
    pub xclient: Vec<Network>,
    /// Whose XFORWARD alone is.
    pub xforward: Vec<Network>,
    /// Old devices whose bare CR and LF are taken for line ends.
    pub normalise_line_ends: Vec<Network>,
    /// How long the greeting is held back for early talkers to show themselves.
    pub greeting_delay: Duration,
    pub messages_per_client: Option<Rate>,
    pub recipients_per_client: Option<Rate>,
    /// Octets.
    pub max_message_size: usize,
    pub proxy_protocol: ProxyProtocol,
    /// Who may speak the PROXY protocol; anybody who can connect where empty.
    pub proxies: Vec<Network>,
    /// A file of SASL users; AUTH is offered (under TLS) where it is named.
    pub users: Option<PathBuf>,
    /// Whether SPF, DKIM, DMARC and ARC are looked at.
    pub authenticate: SenderAuthentication,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenerProtocol {
    Smtp,
    Lmtp,
}

/// A sending system that shows a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// As logs and the audit trail have it.
    pub name: String,
    pub by: CertifiedBy,
    /// What it may send as; empty for the local domains.
    pub sender_domains: Vec<DomainPattern>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CertifiedBy {
    /// A DNS name or common name, in a certificate that `client_ca` has issued.
    Subject(String),
    /// SHA-256 of this very certificate, whoever has issued it.
    Fingerprint([u8; 32]),
}

/// So many in so long: `600/1m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub count: NonZeroU32,
    pub per: Duration,
}

/// Who knows which recipients of some domains exist.
#[derive(Clone, Debug)]
pub struct RecipientSource {
    pub domains: Vec<Domain>,
    pub source: Source,
    /// How long an answer of yes is believed.
    pub cache: Duration,
    /// How long an answer of no is.
    pub refusal_cache: Duration,
}

#[derive(Clone, Debug)]
pub enum Source {
    /// An address a line.
    File(PathBuf),
    Directory(Directory),
    /// Whoever the route leads to is asked.
    NextHop,
}

/// An LDAP directory.
#[derive(Clone, Debug)]
pub struct Directory {
    pub url: DirectoryUrl,
    /// Whether an `ldap://` connection is put under TLS first.
    pub start_tls: DirectoryTls,
    pub base: String,
    pub filter: Filter,
    /// None to bind anonymously.
    pub bind: Option<DirectoryBind>,
    /// PEM; these and no others are trusted.
    pub trust_anchors: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryTls {
    AsTheUrlSays,
    StartTls,
}

#[derive(Clone, Debug)]
pub struct DirectoryBind {
    pub dn: String,
    pub password_file: PathBuf,
}

/// A DNS block list, asked about strangers.
#[derive(Clone, Debug)]
pub struct Blocklist {
    pub zone: Domain,
    /// The answers that mean *listed*.
    pub answers: Vec<Network>,
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
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CertificateFiles {
    pub chain: PathBuf,
    pub key: PathBuf,
}

#[derive(Clone, Debug)]
pub struct Route {
    pub domain: DomainPattern,
    pub next_hop: NextHop,
    /// The least the operator asks for on this route; policy may ask for more.
    pub tls: TlsRequirement,
    /// The name the next hop's certificate must bear, where it is not the MX.
    pub tls_name: Option<Domain>,
    /// PEM; these and no others are trusted on this route.
    pub trust_anchors: Option<PathBuf>,
    pub identity: Identity,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainPattern {
    Exact(Domain),
    /// `.example.com`: everything below it.
    Below(Domain),
    Any,
}

#[derive(Clone, Debug)]
pub struct Retry {
    /// Waits before the second, third, … attempt; the last one repeats.
    pub delays: Vec<Duration>,
    /// Waits before each trial of a destination that is dead; the last one
    /// repeats.
    pub trials: Vec<Duration>,
    /// When a message that could not be delivered is returned.
    pub expiry: Duration,
    /// When its sender is told that it is late.
    pub delay_notice: Duration,
    /// How long it may wait for TLS before its sender and the officers are
    /// told.
    pub tls_notice: Duration,
}

#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub sessions: usize,
    pub sessions_per_client: usize,
    pub recipients: usize,
    /// Octets of one line of content.
    pub content_line: usize,
    /// Octets of message content held in memory by sessions, all together.
    pub memory: usize,
    pub messages_per_session: usize,
    pub commands: usize,
    pub bad_commands: usize,
    /// Commands since the last message that have brought none nearer.
    pub idle_commands: usize,
    pub command_timeout: Duration,
    /// Between two pieces of content.
    pub content_timeout: Duration,
    /// For one message, from MAIL to the end of its content.
    pub message_deadline: Duration,
    /// In one session.
    pub authentication_failures: usize,
    /// What the answer to a failed authentication waits for.
    pub authentication_delay: Duration,
    /// So many failures shut a client out, over all its sessions.
    pub shut_out_after: usize,
    pub shut_out_for: Duration,
    /// How far ahead FUTURERELEASE may reach.
    pub future_release: Duration,
    /// How often a message may come through in one direction.
    pub passages: usize,
    pub deliveries: usize,
    /// At the most.
    pub deliveries_per_destination: usize,
    /// As long as nothing is known of it.
    pub initial_deliveries_per_destination: usize,
    /// How long an orderly stop waits for transactions to end.
    pub stop_grace: Duration,
}

/// Who tells other domains of their TLS (RFC 8460).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsReporting {
    pub organisation: String,
    pub contact: Address,
    /// Whom reports are from; a signing key is needed for its domain.
    pub from: Address,
    /// PEM; whom HTTPS receivers must be vouched for by; the system's own
    /// anchors where none is named.
    pub trust_anchors: Option<PathBuf>,
}

/// How mail goes out to the exchanges of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sending {
    /// Of exchanges: 25, but in labs and tests.
    pub port: u16,
    pub exchange_addresses: ExchangeAddresses,
    /// How long a connection waits for another message; zero keeps none.
    pub idle: Duration,
    /// How many messages one connection carries.
    pub messages_per_connection: usize,
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

impl Listener {
    /// One with nothing but what every listener has; no TLS, nobody relays.
    pub fn new(name: String, address: SocketAddr, direction: Direction) -> Self {
        Self {
            name,
            address,
            direction,
            protocol: ListenerProtocol::Smtp,
            tls: ListenerTls::None,
            certificate: None,
            sni: Vec::new(),
            ciphers: Ciphers::Intermediate,
            client_ca: None,
            certified: Vec::new(),
            clients: Vec::new(),
            xclient: Vec::new(),
            xforward: Vec::new(),
            normalise_line_ends: Vec::new(),
            greeting_delay: Duration::ZERO,
            messages_per_client: None,
            recipients_per_client: None,
            max_message_size: Self::MAX_MESSAGE_SIZE,
            proxy_protocol: ProxyProtocol::Off,
            proxies: Vec::new(),
            users: None,
            authenticate: match direction {
                Direction::Inbound => SenderAuthentication::On,
                Direction::Outbound => SenderAuthentication::Off,
            },
        }
    }
}

impl DomainPattern {
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

impl Directory {
    /// Whether all that is said to it goes under TLS.
    pub fn is_encrypted(&self) -> bool {
        self.url.is_ldaps() || self.start_tls == DirectoryTls::StartTls
    }
}

impl Config {
    /// A domain whose recipients the next hop is to know, and whose route
    /// names none: an exchange found by MX is not ours to question, and a
    /// folder has no answer.
    pub fn asks_nobody(&self) -> Option<&Domain> {
        let of_next_hop =
            self.recipients.iter().filter(|source| matches!(source.source, Source::NextHop));
        of_next_hop.flat_map(|source| &source.domains).find(|domain| {
            let next_hop = self.route(domain).map(|route| &route.next_hop);
            !matches!(next_hop, Some(NextHop::Smtp { .. } | NextHop::Lmtp { .. }))
        })
    }

    /// The most specific route for a domain; none if the file has no `*`.
    pub fn route(&self, domain: &Domain) -> Option<&Route> {
        self.routes
            .iter()
            .filter(|route| route.domain.matches(domain))
            .max_by_key(|route| route.domain.specificity())
    }
}

/// As it is written.
impl std::fmt::Display for DomainPattern {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(domain) => write!(out, "{domain}"),
            Self::Below(parent) => write!(out, ".{parent}"),
            Self::Any => out.write_str("*"),
        }
    }
}

/// `example.com`, `.example.com` or `*`.
impl std::str::FromStr for DomainPattern {
    type Err = crate::mail::DomainError;

    fn from_str(written: &str) -> Result<Self, Self::Err> {
        match written.strip_prefix('.') {
            Some(parent) => parent.parse().map(Self::Below),
            None if written == "*" => Ok(Self::Any),
            None => written.parse().map(Self::Exact),
        }
    }
}
