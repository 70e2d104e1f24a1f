//! The whole of postern.toml, and its smaller tables.

use std::{net::SocketAddr, path::Path, path::PathBuf, sync::Arc, time::Duration};

use super::{
    fields::{domains, duration, optional, section, socket_address, socket_address_or},
    limits::{LIMITS, limits},
    listener::LISTENER,
    recipients::{BLOCKLIST, RECIPIENTS, blocklist},
};
use crate::{
    config::{Config, Dns, Limits, Node, Retry, Route, SigningKey, quantity::Span},
    mail::{NextHop, TlsRequirement},
    policy::{
        diagnostics::{Diagnostics, SourceFile},
        written::{Faults, Table, Value},
    },
};

impl Config {
    /// What a postern.toml means, and all that is wrong with it; no meaning
    /// where anything is. Relative paths count from the file's own folder.
    pub fn read(file: &Arc<SourceFile>) -> (Option<Self>, Diagnostics) {
        let faults = Faults::new(file);
        let root = faults.parse();
        let folder = Path::new(&file.path).parent().unwrap_or(Path::new(""));
        let config = Reader { folder }.config(&Table::root(&root, &faults, "postern.toml", KEYS));
        drop(root);
        let diagnostics = faults.into_diagnostics();
        (config.filter(|_| !diagnostics.has_errors()), diagnostics)
    }
}

pub(super) struct Reader<'a> {
    pub(super) folder: &'a Path,
}

impl Reader<'_> {
    fn config(&self, root: &Table<'_>) -> Option<Config> {
        let node = root.required("node").and_then(|value| self.node(&value));
        let listeners = root.tables("listener", "a listener", LISTENER);
        let routes = root.tables("route", "a route", ROUTE);
        let signing = root.value("signing").and_then(|value| value.table("[signing]", &["key"]));
        let signing = signing.map(|table| table.tables("key", "a signing key", SIGNING));
        let recipients = root.tables("recipients", "a source of recipients", RECIPIENTS);
        let blocklists = root.tables("blocklist", "a block list", BLOCKLIST);
        let recipients: Vec<_> = recipients.iter().map(|table| self.recipients(table)).collect();
        let blocklists: Vec<_> = blocklists.iter().map(blocklist).collect();
        let listeners: Vec<_> = listeners.iter().map(|table| self.listener(table)).collect();
        let routes: Vec<_> = routes.iter().map(|table| self.route(table)).collect();
        let signing: Vec<_> = signing.iter().flatten().map(|table| self.signing(table)).collect();
        if listeners.is_empty() {
            root.required("listener");
        }
        if !root.value("route").is_some_and(|value| value.is_array()) {
            root.required("route");
        }
        let retry = section(root, "retry", "[retry]", RETRY, Retry::default(), retry);
        let limits = section(root, "limits", "[limits]", LIMITS, Limits::default(), limits);
        let dns = section(root, "dns", "[dns]", DNS, Dns::default(), dns);
        let metrics = metrics(root);
        let console = console(root);
        let store = section(root, "spool", "[spool]", &["store"], (), |table, ()| {
            optional(table, "store", (), |value| value.choice(&[("embedded", ())]))
        });
        Some(Config {
            node: node?,
            listeners: listeners.into_iter().collect::<Option<_>>()?,
            routes: routes.into_iter().collect::<Option<_>>()?,
            signing: signing.into_iter().collect::<Option<_>>()?,
            retry: retry?,
            limits: limits?,
            dns: dns?,
            recipients: recipients.into_iter().collect::<Option<_>>()?,
            blocklists: blocklists.into_iter().collect::<Option<_>>()?,
            metrics: store.and(metrics)?,
            console: console?,
        })
    }

    fn node(&self, value: &Value<'_>) -> Option<Node> {
        let table = value.table("[node]", NODE)?;
        let name = table.required("name").and_then(|value| value.parsed("bad-domain"));
        let data_dir = table.required("data_dir").and_then(|value| self.path(&value));
        let policies = table.required("policies").and_then(|value| self.path(&value));
        let local_domains = optional(&table, "local_domains", Vec::new(), domains);
        let data_dir = data_dir?;
        let control_socket = data_dir.join("control.sock");
        let control_socket =
            optional(&table, "control_socket", control_socket, |value| self.path(value));
        let passage_key = data_dir.join("passage.key");
        let passage_key = optional(&table, "passage_key", passage_key, |value| self.path(value));
        Some(Node {
            name: name?,
            data_dir,
            policies: policies?,
            local_domains: local_domains?,
            control_socket: control_socket?,
            passage_key: passage_key?,
        })
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
            next_hop: self.rooted(next_hop?),
            tls: tls?,
            tls_name: tls_name?,
            trust_anchors: trust_anchors?,
        };
        if route.tls == TlsRequirement::None && !route.next_hop.is_local() {
            table.value("tls").map(|value| {
                let why = "only a next hop on this machine (loopback or maildir) may have `none`";
                value.invalid::<()>("tls-none-not-local", why)
            });
        }
        Some(route)
    }

    fn rooted(&self, next_hop: NextHop) -> NextHop {
        match next_hop {
            NextHop::Maildir(path) => NextHop::Maildir(self.folder.join(path)),
            other => other,
        }
    }

    fn signing(&self, table: &Table<'_>) -> Option<SigningKey> {
        let domain = table.required("domain").and_then(|value| value.parsed("bad-domain"));
        let selector = table.required("selector").and_then(|value| value.parsed("bad-selector"));
        let key = table.required("file").and_then(|value| self.path(&value));
        Some(SigningKey { domain: domain?, selector: selector?, key: key? })
    }

    pub(super) fn path(&self, value: &Value<'_>) -> Option<PathBuf> {
        value.sentence().map(|path| self.folder.join(path))
    }
}

fn retry(table: &Table<'_>, absent: Retry) -> Option<Retry> {
    let delays = optional(table, "delays", absent.delays, |value| {
        value.list(|value| value.parsed("bad-duration").map(|Span(delay)| delay))
    });
    let expiry = duration(table, "expiry", absent.expiry);
    let delay_notice = duration(table, "delay_notice", absent.delay_notice);
    Some(Retry { delays: delays?, expiry: expiry?, delay_notice: delay_notice? })
}

fn dns(table: &Table<'_>, absent: Dns) -> Option<Dns> {
    let servers = optional(table, "servers", absent.servers, |value| {
        value.list(|value| socket_address_or(value, 53))
    });
    Some(Dns { servers: servers? })
}

fn metrics(root: &Table<'_>) -> Option<SocketAddr> {
    let absent = SocketAddr::from(([127, 0, 0, 1], 9464));
    section(root, "metrics", "[metrics]", &["address"], absent, |table, absent| {
        optional(table, "address", absent, socket_address)
    })
}

fn console(root: &Table<'_>) -> Option<Option<SocketAddr>> {
    section(root, "console", "[console]", &["address"], None, |table, _| {
        let usual = SocketAddr::from(([127, 0, 0, 1], 8464));
        optional(table, "address", usual, socket_address).map(Some)
    })
}

const KEYS: &[&str] = &[
    "node",
    "listener",
    "route",
    "signing",
    "retry",
    "limits",
    "dns",
    "recipients",
    "blocklist",
    "spool",
    "metrics",
    "console",
];
const NODE: &[&str] =
    &["name", "data_dir", "policies", "local_domains", "control_socket", "passage_key"];
const ROUTE: &[&str] = &["domain", "next_hop", "tls", "tls_name", "trust_anchors"];
const SIGNING: &[&str] = &["domain", "selector", "file"];
const RETRY: &[&str] = &["delays", "expiry", "delay_notice"];
const DNS: &[&str] = &["servers"];

impl Default for Retry {
    /// Minutes at first, then half an hour: a busy peer is soon served, a dead
    /// one costs little.
    fn default() -> Self {
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        Self {
            delays: [1, 3, 5, 10, 15, 30].map(minutes).to_vec(),
            expiry: minutes(5 * 24 * 60),
            delay_notice: minutes(15),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{ListenerTls, SenderAuthentication};
    use crate::policy::diagnostics::Rendering;

    fn read(text: &str) -> (Option<Config>, Diagnostics) {
        let path = "/etc/postern/postern.toml".to_owned();
        Config::read(&Arc::new(SourceFile { path, text: text.to_owned() }))
    }

    const SMALL: &str = r#"
        [node]
        name = "mx1.example.nhs.uk"
        data_dir = "/var/lib/postern"
        policies = "policies"

        [[listener]]
        name = "mailboxes"
        address = "0.0.0.0:2525"
        direction = "outbound"
        certificate = "certs/mx1.pem"
        key = "certs/mx1.key"
        clients = ["10.0.0.0/8"]

        [[route]]
        domain = "*"
        next_hop = "mx"

        [[route]]
        domain = ".gov.example"
        next_hop = "smtp://127.0.0.1:12600"
        tls = "verified"

        [[route]]
        domain = "a.gov.example"
        next_hop = "maildir:mail"
    "#;

    #[test]
    fn what_is_not_written_has_a_sensible_meaning() {
        let (config, diagnostics) = read(SMALL);
        assert!(diagnostics.is_empty(), "{}", diagnostics.render(Rendering::Plain));
        let config = config.unwrap();
        assert_eq!(config.listeners[0].tls, ListenerTls::StartTls);
        assert_eq!(config.listeners[0].authenticate, SenderAuthentication::Off);
        assert_eq!(config.node.policies, Path::new("/etc/postern/policies"));
        assert_eq!(config.node.control_socket, Path::new("/var/lib/postern/control.sock"));
    }

    #[test]
    fn the_most_specific_route_wins() {
        let (config, _) = read(SMALL);
        let config = config.unwrap();
        let next_hop =
            |domain: &str| config.route(&domain.parse().unwrap()).unwrap().next_hop.to_string();
        assert_eq!(next_hop("gov.example"), "mx");
        assert_eq!(next_hop("b.gov.example"), "smtp://127.0.0.1:12600");
        assert_eq!(next_hop("a.gov.example"), "maildir:/etc/postern/mail");
    }

    #[test]
    fn all_faults_of_the_file_are_named_at_once() {
        let text = SMALL
            .replace("name = \"mailboxes\"", "nane = \"mailboxes\"")
            .replace("\"0.0.0.0:2525\"", "\"2525\"")
            .replace("tls = \"verified\"", "tls = \"verifeid\"")
            .replace("\"10.0.0.0/8\"", "\"10.0.0.0/80\"");
        let (config, diagnostics) = read(&text);
        assert!(config.is_none());
        let codes: Vec<_> = diagnostics.iter().map(|found| found.code).collect();
        for expected in ["unknown-key", "missing-key", "wrong-type", "unknown-value", "bad-network"]
        {
            assert!(codes.contains(&expected), "{expected} not in {codes:?}");
        }
    }

    #[test]
    fn clear_text_is_allowed_to_this_machine_only() {
        let remote = SMALL.replace("127.0.0.1:12600", "192.0.2.1:25").replace("verified", "none");
        let (config, diagnostics) = read(&remote);
        assert!(config.is_none());
        assert_eq!(diagnostics.iter().next().unwrap().code, "tls-none-not-local");
    }
}
