//! `postern.toml`.

use serde_json::Value;

use super::{
    keeping::{audit, console, quarantine},
    pace::{limits, reader, retry, sending},
    words::{
        Key, absent, any_of, any_span, choice, example, flag, holding, number, path, rate, size,
        span, table, tables, text, usual,
    },
};
use crate::{
    config::{Filter, GoingLive, KeyState, Listener, MtaSts, RecipientSource},
    mail::{Ciphers, TlsRequirement},
};

pub(super) fn schema() -> Value {
    let address = |says, usual: &'static str| {
        let address = holding(example("Address and port.", &[usual]), usual);
        table(says, vec![("address", address)], &[])
    };
    let keys = vec![
        ("node", node()),
        ("listener", tables(&listener())),
        ("route", tables(&route())),
        ("signing", signing()),
        ("sending", sending()),
        ("retry", retry()),
        ("limits", limits()),
        ("reader", reader()),
        ("dns", dns()),
        ("mta_sts", mta_sts()),
        ("tls_reports", absent(tls_reports(), "other domains are not told")),
        ("recipients", absent(tables(&recipients()), "nobody is asked whether they exist")),
        ("blocklist", absent(tables(&blocklist()), "no list is asked")),
        ("going_live", going_live()),
        ("quarantine", quarantine()),
        ("audit", audit()),
        ("spool", spool()),
        ("metrics", address("Where Prometheus reads.", "127.0.0.1:9464")),
        ("console", absent(console(), "there is none")),
    ];
    table("The gateway.", keys, &["node", "listener", "route"])
}

fn node() -> Value {
    let keys = vec![
        ("name", text("In the banner, EHLO and Received.")),
        ("data_dir", path("Spool, quarantine, audit.")),
        ("policies", path("The officers' folder.")),
        (
            "local_domains",
            absent(
                any_of(&text("A domain whose mailboxes stand behind it.")),
                "there is none, and inbound listeners take no mail",
            ),
        ),
        (
            "control_socket",
            absent(
                path("On which postern queue and the like talk to it."),
                "`control.sock` in data_dir",
            ),
        ),
        (
            "control_group",
            absent(
                text("The group whose accounts may use that socket: a name or a number."),
                "only root and the gateway's own account may",
            ),
        ),
        (
            "passage_key",
            absent(
                path(
                    "The secret that marks messages which have been through; made at the first \
                     start, and the same on all nodes of a group.",
                ),
                "`passage.key` in data_dir",
            ),
        ),
        (
            "user",
            absent(
                text("Whom a gateway started as root becomes, once it has its sockets."),
                "it stays who started it",
            ),
        ),
        (
            "confinement",
            usual(
                "Whether it gives up the files and system calls it has no need of.",
                ["best-effort", "required", "off"],
                "best-effort",
            ),
        ),
    ];
    table("This gateway.", keys, &["name", "data_dir", "policies"])
}

fn going_live() -> Value {
    let canary = vec![
        ("share", example("The share of senders it decides for.", &["10%"])),
        ("lasts", any_span("How long.")),
        ("least_messages", number("Fewer decide nothing.", 20, i64::MAX)),
        (
            "hold_rate",
            example("How much mail it may stop: beyond it, it is returned from.", &["1%..8%"]),
        ),
    ];
    let required = ["share", "lasts", "least_messages", "hold_rate"];
    let keys = vec![
        ("approval", usual("Who must agree.", ["none", "second officer"], "none")),
        (
            "keep",
            holding(
                number("Versions that can be returned to.", 2, 10_000),
                GoingLive::default().keep,
            ),
        ),
        (
            "canary",
            absent(
                table("A version is tried before it decides for everybody.", canary, &required),
                "a version that passes its checks decides for everybody at once",
            ),
        ),
    ];
    table("How a version of the policies goes live.", keys, &[])
}

fn listener() -> Value {
    let tls = ["none", "starttls", "required", "implicit"];
    let mut keys = vec![
        ("name", text("As logs and metrics have it.")),
        ("address", example("Address and port.", &["0.0.0.0:2525"])),
        (
            "direction",
            choice("outbound: from our mailboxes; inbound: from outside.", ["inbound", "outbound"]),
        ),
        ("protocol", usual("What is spoken.", ["smtp", "lmtp"], "smtp")),
        ("tls", usual("When TLS begins.", tls, "starttls")),
        ("certificate", absent(path("The chain, PEM."), "needed, unless `tls` is none")),
        ("key", absent(path("Its key, PEM."), "needed, unless `tls` is none")),
        ("sni", absent(any_of(&pair()), "there is no other certificate")),
        ("ciphers", usual("Cipher suites.", Ciphers::ALL.map(Ciphers::name), "intermediate")),
        (
            "client_ca",
            absent(
                path("Whose certificates clients may show, PEM."),
                "only those named by fingerprint",
            ),
        ),
        ("certified", tables(&certified())),
        ("users", absent(path("The file of users who may authenticate."), "AUTH is not offered")),
        (
            "authenticate",
            absent(
                flag("Whether SPF, DKIM, DMARC and ARC are looked at."),
                "true where mail comes in, false where it goes out",
            ),
        ),
    ];
    keys.extend(clients());
    table("A door, and whom it opens to.", keys, &["name", "address", "direction"])
}

/// Whom a listener believes what, and how much of it.
fn clients() -> Vec<Key> {
    let network = |says, without| absent(any_of(&example(says, &["10.0.0.0/8"])), without);
    let nobody = "nobody's";
    let greeting = "How long the greeting is held back for early talkers to show themselves.";
    vec![
        ("clients", network("Who may relay without authenticating.", "nobody")),
        ("xclient", network("Whose XCLIENT and XFORWARD is believed.", nobody)),
        ("xforward", network("Whose XFORWARD is believed.", nobody)),
        ("normalise_line_ends", network("Old devices whose bare CR and LF are line ends.", nobody)),
        ("greeting_delay", absent(any_span(greeting), "it is not held back")),
        ("messages_per_client", absent(rate("What one client may send."), "as much as it will")),
        ("recipients_per_client", absent(rate("And to how many."), "as many as it will")),
        ("max_message_size", size("The largest message.", Listener::MAX_MESSAGE_SIZE)),
        ("proxy_protocol", usual("Whether a header comes first.", ["off", "required"], "off")),
        (
            "proxies",
            network("Who may speak the PROXY protocol.", "whoever can connect, where it is on"),
        ),
    ]
}

fn pair() -> Value {
    let keys = vec![("certificate", path("The chain, PEM.")), ("key", path("Its key, PEM."))];
    table("Another certificate, for clients that ask for its name.", keys, &["certificate", "key"])
}

fn certified() -> Value {
    let keys = vec![
        ("name", text("As logs and the audit trail have it.")),
        (
            "subject",
            absent(
                text("A DNS name or common name, issued by client_ca."),
                "`fingerprint` says which",
            ),
        ),
        (
            "fingerprint",
            absent(text("SHA-256 of its certificate, in hexadecimal."), "`subject` says which"),
        ),
        ("sender_domains", absent(any_of(&text("What it may send as.")), "as local_domains")),
    ];
    table("A sending system known by its certificate.", keys, &["name"])
}

fn route() -> Value {
    let keys = vec![
        ("domain", example("The most specific wins.", &["example.com", ".example.com", "*"])),
        (
            "next_hop",
            example("Where it goes.", &["mx", "smtp://host:25", "lmtp://host:24", "maildir:PATH"]),
        ),
        (
            "tls",
            usual(
                "The least it needs.",
                TlsRequirement::ALL.map(TlsRequirement::name),
                "opportunistic",
            ),
        ),
        (
            "tls_name",
            absent(text("The name its certificate must bear."), "that of the MX, or of the host"),
        ),
        (
            "trust_anchors",
            absent(path("These and no others are trusted, PEM."), "the system's own"),
        ),
        ("username", absent(text("Our account at the smarthost."), SHOWN)),
        ("password_file", absent(path("Its password, on the first line."), SHOWN)),
        ("certificate", absent(path("That we show, PEM."), SHOWN)),
        ("key", absent(path("Its key, PEM."), SHOWN)),
    ];
    table("Where mail for a domain goes.", keys, &["domain", "next_hop"])
}

fn signing() -> Value {
    let states = KeyState::ALL.map(KeyState::name);
    let key = vec![
        ("domain", text("Whose mail it signs.")),
        ("selector", example("Under which its public half is published.", &["postern1"])),
        ("file", path("The private key, PEM.")),
        ("state", usual("Whether it signs.", states, KeyState::default().name())),
    ];
    let key = table("A key, one a domain and algorithm.", key, &["domain", "selector", "file"]);
    let keys = vec![
        ("key", tables(&key)),
        (
            "seal_domain",
            absent(
                text("Whose key seals mail of others that we have changed (ARC)."),
                "the nearest to the node's name, or a local domain's",
            ),
        ),
    ];
    table("DKIM and ARC.", keys, &[])
}

fn dns() -> Value {
    let keys = vec![
        (
            "servers",
            absent(
                any_of(&example("A resolver; port 53 where none is written.", &["127.0.0.1:53"])),
                "the system's own",
            ),
        ),
        ("dnssec", usual("Whether answers are validated.", ["validate", "off"], "validate")),
        (
            "trust_anchors",
            absent(path("DNSKEY records of the root, as in a zone file."), "as built in"),
        ),
    ];
    table("How names are looked up.", keys, &[])
}

fn mta_sts() -> Value {
    let held = MtaSts::default();
    let keys = vec![
        ("enabled", holding(flag("Whether policies are looked for."), true)),
        ("port", holding(number("Of policy hosts.", 1, 65_535), held.port)),
        (
            "trust_anchors",
            absent(path("Whom policy hosts are certified by, PEM."), "the system's own"),
        ),
    ];
    table("MTA-STS (RFC 8461).", keys, &[])
}

fn tls_reports() -> Value {
    let keys = vec![
        ("organisation", text("Who reports.")),
        ("contact", text("Whom receivers may ask.")),
        ("from", text("Whom reports are from; a signing key is needed for its domain.")),
        (
            "trust_anchors",
            absent(path("Whom receivers over HTTPS are certified by, PEM."), "the system's own"),
        ),
    ];
    table(
        "Other domains are told of their TLS (RFC 8460).",
        keys,
        &["organisation", "contact", "from"],
    )
}

fn recipients() -> Value {
    let source = ["ldaps://directory.example.nhs.uk", "file:recipients", "next_hop"];
    let keys = vec![
        ("domains", any_of(&text("Whose recipients it knows."))),
        ("source", example("Who knows them.", &source)),
        ("cache", span("How long a yes counts.", RecipientSource::CACHE)),
        ("refusal_cache", span("How long a no counts.", RecipientSource::REFUSAL_CACHE)),
        (
            "start_tls",
            holding(flag("Whether an ldap:// connection is put under TLS first."), false),
        ),
        ("base", absent(text("Where the directory is searched from."), "a directory needs it")),
        (
            "filter",
            holding(
                example("With {address}.", &["(mail={address})"]),
                Filter::default().to_string(),
            ),
        ),
        ("bind_dn", absent(text("Who asks the directory."), "nobody in particular")),
        ("bind_password_file", absent(path("Their password."), "`bind_dn` needs it")),
        (
            "trust_anchors",
            absent(path("Whom the directory is certified by, PEM."), "the system's own"),
        ),
    ];
    table("Who may be written to from outside.", keys, &["domains", "source"])
}

fn blocklist() -> Value {
    let keys = vec![
        ("zone", example("The list.", &["zen.spamhaus.org"])),
        (
            "answers",
            holding(
                any_of(&example("An answer that means listed.", &["127.0.0.2/31"])),
                "127.0.0.0/8",
            ),
        ),
    ];
    table("A DNS block list, asked about strangers.", keys, &["zone"])
}

fn spool() -> Value {
    let keys = vec![
        ("store", usual("What keeps it.", ["embedded"], "embedded")),
        (
            "ephemeral",
            usual("Whether it may be on a disk that is forgotten.", ["refuse", "allow"], "refuse"),
        ),
        (
            "key",
            absent(
                text("What seals it: a path, or without a slash a systemd credential."),
                "it is not sealed",
            ),
        ),
        ("old_keys", absent(any_of(&text("What sealed it before: read only.")), "there is none")),
    ];
    table("The durable queue.", keys, &[])
}

const SHOWN: &str = "we show none";
