//! The whole of postern.toml, and its smaller tables.

use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};

use super::{
    audit::{AUDIT, audit},
    doors::refuse_taken_addresses,
    fields::{Reader, count, domains, duration, optional, section, socket_address},
    going_live::{GOING_LIVE, going_live},
    identity::refuse_identity_in_clear,
    limits::{LIMITS, limits},
    listener::LISTENER,
    names::{DNS, MTA_STS},
    quarantine::{QUARANTINE, quarantine},
    reader::{READER, reader},
    recipients::{BLOCKLIST, RECIPIENTS, blocklist},
};
use crate::{
    config::{
        self, AuditTrail, Config, Confinement, Dns, Ephemeral, ExchangeAddresses, GoingLive,
        KeyState, Limits, MtaSts, Node, Quarantine, Retry, Route, Sending, SigningKey, Spool,
        quantity::Span,
    },
    mail::{Domain, NextHop, TlsRequirement},
    policy::{
        diagnostics::{Diagnostics, SourceFile},
        written::{Faults, Retiring, Table, Value},
    },
};

impl Config {
    /// What a postern.toml means, and all that is wrong with it; no meaning
    /// where anything is. Relative paths count from the file's own folder.
    pub fn read(file: &Arc<SourceFile>) -> (Option<Self>, Diagnostics) {
        let faults = Faults::new(file);
        let root = faults.parse();
        let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        let reader = Reader::of(folder);
        let config = reader.config(&Table::root(&root, &faults, "postern.toml", KEYS));
        drop(root);
        let paths = reader.into_named();
        let config = config.map(|config| Self { paths, ..config });
        let diagnostics = faults.into_diagnostics();
        (config.filter(|_| !diagnostics.has_errors()), diagnostics)
    }
}

impl Reader<'_> {
    fn config(&self, root: &Table<'_>) -> Option<Config> {
        root.warn_of(RETIRING);
        let node = root.required("node").and_then(|value| self.node(&value));
        let doors = root.tables("listener", "a listener", LISTENER);
        let routes = root.tables("route", "a route", ROUTE);
        let signing = root.value("signing").and_then(|value| value.table("[signing]", SIGNING));
        let seal_domain = signing.as_ref().and_then(seal_domain);
        let signing = signing.map(|table| table.tables("key", "a signing key", SIGNING_KEY));
        let recipients = root.tables("recipients", "a source of recipients", RECIPIENTS);
        let blocklists = root.tables("blocklist", "a block list", BLOCKLIST);
        let recipients: Vec<_> = recipients.iter().map(|table| self.recipients(table)).collect();
        let blocklists: Vec<_> = blocklists.iter().map(blocklist).collect();
        let listeners = self.listeners(&doors);
        let routes = self.routes(&routes);
        let signing: Vec<_> = signing.iter().flatten().map(|table| self.signing(table)).collect();
        if listeners.is_empty() {
            root.required("listener");
        }
        if !root.value("route").is_some_and(|value| value.is_array()) {
            root.required("route");
        }
        let spool =
            section(root, "spool", "[spool]", SPOOL, Spool::default(), |table| self.spool(table));
        let retry = section(root, "retry", "[retry]", RETRY, Retry::default(), retry);
        let limits = section(root, "limits", "[limits]", LIMITS, Limits::default(), limits);
        let absent = config::Reader::default();
        let reader = section(root, "reader", "[reader]", READER, absent, reader);
        let sending = section(root, "sending", "[sending]", SENDING, Sending::default(), sending);
        let dns = section(root, "dns", "[dns]", DNS, Dns::default(), |table| self.dns(table));
        let mta_sts = section(root, "mta_sts", "[mta_sts]", MTA_STS, MtaSts::default(), |table| {
            self.mta_sts(table)
        });
        let usual = GoingLive::default();
        let going_live = section(root, "going_live", "[going_live]", GOING_LIVE, usual, going_live);
        let usual = Quarantine::default();
        let quarantine = section(root, "quarantine", "[quarantine]", QUARANTINE, usual, quarantine);
        let trail = section(root, "audit", "[audit]", AUDIT, AuditTrail::default(), audit);
        let (metrics, console) = (metrics(root), self.console(root));
        refuse_taken_addresses(root, doors.iter().zip(&listeners), metrics, console.as_ref());
        let signing: Vec<SigningKey> = signing.into_iter().collect::<Option<_>>()?;
        let tls_reports = self.tls_reports(root, &signing);
        Some(Config {
            node: node?,
            listeners,
            routes: routes?,
            signing,
            seal_domain,
            tls_reports,
            sending,
            retry,
            limits,
            reader,
            dns,
            mta_sts,
            spool,
            recipients: recipients.into_iter().collect::<Option<_>>()?,
            blocklists: blocklists.into_iter().collect::<Option<_>>()?,
            going_live,
            quarantine,
            audit: trail,
            metrics,
            console,
            paths: Vec::new(),
        })
    }

    fn spool(&self, table: &Table<'_>) -> Spool {
        optional(table, "store", (), |value| value.choice(&[("embedded", ())]));
        let ephemeral = [("refuse", Ephemeral::Refuse), ("allow", Ephemeral::Allow)];
        Spool {
            ephemeral: optional(table, "ephemeral", Ephemeral::default(), |value| {
                value.choice(&ephemeral)
            }),
            key: optional(table, "key", None, |value| self.key_file(value).map(Some)),
            old_keys: optional(table, "old_keys", Vec::new(), |value| {
                // None is the usual state, between two changes of keys.
                value.one_or_many().iter().map(|value| self.key_file(value)).collect()
            }),
        }
    }

    fn node(&self, value: &Value<'_>) -> Option<Node> {
        let table = value.table("[node]", NODE)?;
        let name = table.required("name").and_then(|value| value.parsed("bad-domain"));
        let data_dir = table.required("data_dir").and_then(|value| self.path(&value));
        let policies = table.required("policies").and_then(|value| self.path(&value));
        let local_domains = optional(&table, "local_domains", Vec::new(), domains);
        let user = optional(&table, "user", None, |value| {
            value.sentence().map(|name| Some(name.to_owned()))
        });
        let confinement = optional(&table, "confinement", Confinement::default(), |value| {
            value.choice(&[
                ("required", Confinement::Required),
                ("best-effort", Confinement::BestEffort),
                ("off", Confinement::Off),
            ])
        });
        let data_dir = data_dir?;
        let control_socket = data_dir.join("control.sock");
        let control_socket =
            optional(&table, "control_socket", control_socket, |value| self.path(value));
        let control_group = optional(&table, "control_group", None, |value| {
            value.sentence().map(|name| Some(name.to_owned()))
        });
        let passage_key = data_dir.join("passage.key");
        let passage_key = optional(&table, "passage_key", passage_key, |value| self.path(value));
        Some(Node {
            name: name?,
            data_dir,
            policies: policies?,
            local_domains,
            control_socket,
            control_group,
            passage_key,
            user,
            confinement,
        })
    }

    /// Of two for one domain nobody could say which is meant, and mail would
    /// leave by the one that asks for less.
    fn routes(&self, tables: &[Table<'_>]) -> Option<Vec<Route>> {
        let routes: Vec<_> = tables.iter().map(|table| self.route(table)).collect();
        let domains = routes.iter().map(|route| route.as_ref().map(|route| &route.domain));
        let domains: Vec<_> = domains.collect();
        for (nth, (table, domain)) in tables.iter().zip(&domains).enumerate() {
            let (Some(domain), Some(value)) = (domain, table.value("domain")) else { continue };
            if domains.iter().take(nth).flatten().any(|known| known == domain) {
                let fault = value.fault("route-twice", format!("`{domain}` has a route already"));
                let fault = fault.label("a second route");
                table.faults().error(fault.help("take one of the two out"));
            }
        }
        routes.into_iter().collect()
    }

    fn route(&self, table: &Table<'_>) -> Option<Route> {
        let domain = table.required("domain").and_then(|value| value.parsed("bad-domain"));
        let next_hop = table.required("next_hop").and_then(|value| value.parsed("bad-next-hop"));
        let tls = optional(table, "tls", TlsRequirement::default(), |value| {
            value.choice(&TlsRequirement::ALL.map(|tls| (tls.name(), tls)))
        });
        let tls_name =
            optional(table, "tls_name", None, |value| value.parsed("bad-domain").map(Some));
        let trust_anchors =
            optional(table, "trust_anchors", None, |value| self.path(value).map(Some));
        let route = Route {
            domain: domain?,
            next_hop: self.next_hop(next_hop?),
            tls,
            tls_name,
            trust_anchors,
            identity: self.identity(table),
        };
        refuse_identity_in_clear(table, &route);
        if route.tls == TlsRequirement::None && !route.next_hop.is_local() {
            table.value("tls").map(|value| {
                let why = "only a next hop on this machine (loopback or maildir) may have `none`";
                value.invalid::<()>("tls-none-not-local", why)
            });
        }
        Some(route)
    }

    fn next_hop(&self, next_hop: NextHop) -> NextHop {
        match next_hop {
            NextHop::Maildir(path) => NextHop::Maildir(self.rooted(path)),
            other => other,
        }
    }

    fn signing(&self, table: &Table<'_>) -> Option<SigningKey> {
        let domain = table.required("domain").and_then(|value| value.parsed("bad-domain"));
        let selector = table.required("selector").and_then(|value| value.parsed("bad-selector"));
        let key = table.required("file").and_then(|value| self.path(&value));
        let state = optional(table, "state", KeyState::default(), |value| {
            value.choice(&KeyState::ALL.map(|state| (state.name(), state)))
        });
        Some(SigningKey { domain: domain?, selector: selector?, key: key?, state })
    }
}

fn seal_domain(table: &Table<'_>) -> Option<Domain> {
    optional(table, "seal_domain", None, |value| value.parsed("bad-domain").map(Some))
}

fn retry(table: &Table<'_>) -> Retry {
    let absent = Retry::default();
    let spans = |value: &Value<'_>| {
        value.list(|value| value.parsed("bad-duration").map(|Span(delay)| delay))
    };
    let delays = optional(table, "delays", absent.delays, spans);
    // Whoever retries soon wants to know soon that a destination is back.
    let trials = delays.iter().map(|&delay| delay.min(LONGEST_REST)).collect();
    Retry {
        trials: optional(table, "trials", trials, spans),
        delays,
        expiry: duration(table, "expiry", absent.expiry),
        delay_notice: duration(table, "delay_notice", absent.delay_notice),
        tls_notice: duration(table, "tls_notice", absent.tls_notice),
    }
}

fn sending(table: &Table<'_>) -> Sending {
    let absent = Sending::default();
    let addresses = [("remote", ExchangeAddresses::Remote), ("any", ExchangeAddresses::Any)];
    Sending {
        port: optional(table, "port", absent.port, port),
        exchange_addresses: optional(
            table,
            "exchange_addresses",
            absent.exchange_addresses,
            |value| value.choice(&addresses),
        ),
        idle: optional(table, "idle", absent.idle, idle),
        messages_per_connection: count(
            table,
            "messages_per_connection",
            absent.messages_per_connection,
        ),
    }
}

/// The one time here that may be none: no connection waits then.
fn idle(value: &Value<'_>) -> Option<Duration> {
    match value.string()? {
        "0s" => Some(Duration::ZERO),
        _ => value.parsed("bad-duration").map(|Span(time)| time),
    }
}

pub(super) fn port(value: &Value<'_>) -> Option<u16> {
    let number = value.integer()?;
    let port = u16::try_from(number).ok().filter(|port| *port > 0);
    port.or_else(|| value.invalid("bad-port", format!("a port is 1 to 65535, found {number}")))
}

fn metrics(root: &Table<'_>) -> SocketAddr {
    let usual = SocketAddr::from(([127, 0, 0, 1], 9464));
    section(root, "metrics", "[metrics]", &["address"], usual, |table| {
        optional(table, "address", usual, socket_address)
    })
}

const KEYS: &[&str] = &[
    "node",
    "listener",
    "route",
    "signing",
    "sending",
    "retry",
    "limits",
    "reader",
    "dns",
    "mta_sts",
    "tls_reports",
    "recipients",
    "blocklist",
    "going_live",
    "quarantine",
    "audit",
    "spool",
    "metrics",
    "console",
];
/// Whoever retires a key of this file, or by the same call one of a table,
/// names it for one minor version before it goes; of none is that true today.
const RETIRING: &[Retiring] = &[];
const NODE: &[&str] = &[
    "name",
    "data_dir",
    "policies",
    "local_domains",
    "control_socket",
    "control_group",
    "passage_key",
    "user",
    "confinement",
];
const ROUTE: &[&str] = &[
    "domain",
    "next_hop",
    "tls",
    "tls_name",
    "trust_anchors",
    "username",
    "password_file",
    "certificate",
    "key",
];
const SIGNING: &[&str] = &["key", "seal_domain"];
const SIGNING_KEY: &[&str] = &["domain", "selector", "file", "state"];
const RETRY: &[&str] = &["delays", "trials", "expiry", "delay_notice", "tls_notice"];
const SENDING: &[&str] = &["port", "exchange_addresses", "idle", "messages_per_connection"];
const SPOOL: &[&str] = &["store", "ephemeral", "key", "old_keys"];

/// Of a dead destination, where the file does not say.
const LONGEST_REST: Duration = Duration::from_secs(15 * 60);

impl Default for Sending {
    /// Idle no longer than others' servers like, who count us among their
    /// sessions.
    fn default() -> Self {
        Self {
            port: 25,
            exchange_addresses: ExchangeAddresses::Remote,
            idle: Duration::from_secs(2),
            messages_per_connection: 100,
        }
    }
}

impl Default for Retry {
    /// Minutes at first, then half an hour: a busy peer is soon served, a dead
    /// one costs little.
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            delays: [1, 3, 5, 10, 15, 30].map(minutes).to_vec(),
            trials: [1, 3, 5, 10, 15].map(minutes).to_vec(),
            expiry: minutes(5 * 24 * 60),
            delay_notice: minutes(15),
            tls_notice: minutes(15),
        }
    }
}
