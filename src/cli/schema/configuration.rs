//! `postern.toml`.

use serde_json::Value;

use super::words::{any_of, choice, example, flag, number, table, tables, text, usual};
use crate::{
    config::KeyState,
    mail::{Ciphers, TlsRequirement},
};

pub(super) fn schema() -> Value {
    let address = |says, port: &'static str| {
        table(says, vec![("address", example("Address and port.", &[port]))], &[])
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
        ("tls_reports", tls_reports()),
        ("recipients", tables(&recipients())),
        ("blocklist", tables(&blocklist())),
        ("going_live", going_live()),
        ("quarantine", quarantine()),
        ("audit", audit()),
        ("spool", spool()),
        ("metrics", address("Where Prometheus reads.", "127.0.0.1:9464")),
        ("console", console()),
    ];
    table("The gateway.", keys, &["node", "listener", "route"])
}

fn console() -> Value {
    let networks = any_of(&example("The proxy that does TLS.", &["192.0.2.10"]));
    let keys = vec![
        ("address", example("Address and port.", &["127.0.0.1:8464"])),
        ("url", example("Where browsers find it.", &["https://console.example.nhs.uk"])),
        ("tls", choice("Who does TLS, if not the gateway.", ["terminated-elsewhere"])),
        ("proxies", networks),
        ("certificate", text("The chain, PEM.")),
        ("key", text("Its key, PEM.")),
        ("client_ca", text("Whose certificates may be shown to sign in, PEM.")),
        ("accounts", text("The file of accounts, written by postern account.")),
        (
            "second_factor",
            usual("Whether a password alone will do.", ["required", "optional"], "required"),
        ),
        ("session_idle", example("A session without a request ends.", &["30m"])),
        ("session_lifetime", example("Any session ends.", &["10h"])),
        ("lock_out_after", count()),
        ("lock_out_for", example("How long failures count.", &["15m"])),
    ];
    table("Where officers work, in a browser.", keys, &[])
}

fn node() -> Value {
    let keys = vec![
        ("name", text("In the banner, EHLO and Received.")),
        ("data_dir", text("Spool, quarantine, audit.")),
        ("policies", text("The officers' folder.")),
        ("local_domains", any_of(&text("A domain whose mailboxes stand behind it."))),
        ("control_socket", text("On which postern queue and the like talk to it.")),
        ("control_group", text("The group whose accounts may use that socket.")),
        ("passage_key", text("The secret that marks messages which have been through.")),
        ("user", text("Whom a gateway started as root becomes, once it has its sockets.")),
        (
            "confinement",
            choice(
                "Whether it gives up the files and system calls it has no need of.",
                ["best-effort", "required", "off"],
            ),
        ),
    ];
    table("This gateway.", keys, &["name", "data_dir", "policies"])
}

fn going_live() -> Value {
    let canary = vec![
        ("share", example("The share of senders it decides for.", &["10%"])),
        ("lasts", example("How long.", &["4h"])),
        ("least_messages", number("Fewer decide nothing.", 20, i64::MAX)),
        (
            "hold_rate",
            example("How much mail it may stop: beyond it, it is returned from.", &["1%..8%"]),
        ),
    ];
    let required = ["share", "lasts", "least_messages", "hold_rate"];
    let keys = vec![
        ("approval", usual("Who must agree.", ["none", "second officer"], "none")),
        ("keep", number("Versions that can be returned to.", 2, 10_000)),
        ("canary", table("A version is tried before it decides for everybody.", canary, &required)),
    ];
    table("How a version of the policies goes live.", keys, &[])
}

fn quarantine() -> Value {
    let time = |says, usual: &'static str| example(says, &[usual]);
    let within = vec![
        ("level_0", time("Of nothing personal.", "4h")),
        ("level_1", time("Of contact details.", "4h")),
        ("level_2", time("Of personal data.", "4h")),
        ("level_3", time("Of clinical information.", "4h")),
        ("level_4", time("Of what is specially protected.", "1h")),
    ];
    let keys = vec![
        ("expiry", time("Then a held message goes back to its sender.", "30d")),
        ("expiry_notice", time("Officers are told so long before.", "3d")),
        ("judge_within", table("How soon held mail is to be judged.", within, &[])),
        (
            "four_eyes",
            serde_json::json!({
                "description": "From this level on it takes two people to let a message go.",
                "anyOf": [
                    { "type": "integer", "minimum": 0, "maximum": 4 },
                    { "type": "string", "enum": ["never"] },
                ],
                "default": 4,
            }),
        ),
        ("portal", example("Where messages are redirected to.", &["smtp://portal.example:25"])),
        (
            "requests",
            example("Where senders reach the console.", &["https://console.example.nhs.uk"]),
        ),
    ];
    table("What becomes of held mail.", keys, &[])
}

fn listener() -> Value {
    let network = |says| any_of(&example(says, &["10.0.0.0/8"]));
    let tls = ["none", "starttls", "required", "implicit"];
    let keys = vec![
        ("name", text("As logs and metrics have it.")),
        ("address", example("Address and port.", &["0.0.0.0:2525"])),
        (
            "direction",
            choice("outbound: from our mailboxes; inbound: from outside.", ["inbound", "outbound"]),
        ),
        ("protocol", usual("What is spoken.", ["smtp", "lmtp"], "smtp")),
        ("tls", usual("When TLS begins.", tls, "starttls")),
        ("certificate", text("The chain, PEM.")),
        ("key", text("Its key, PEM.")),
        ("sni", any_of(&pair())),
        ("ciphers", usual("Cipher suites.", Ciphers::ALL.map(Ciphers::name), "intermediate")),
        ("client_ca", text("Whose certificates clients may show, PEM.")),
        ("certified", tables(&certified())),
        ("clients", network("Who may relay without authenticating.")),
        ("xclient", network("Whose XCLIENT and XFORWARD is believed.")),
        ("xforward", network("Whose XFORWARD is believed.")),
        ("normalise_line_ends", network("Old devices whose bare CR and LF are line ends.")),
        ("greeting_delay", example("How long early talkers have to show themselves.", &["2s"])),
        ("messages_per_client", example("A rate.", &["600/m"])),
        ("recipients_per_client", example("A rate.", &["5000/h"])),
        ("max_message_size", example("The largest message.", &["50 MiB"])),
        ("proxy_protocol", usual("Whether a header comes first.", ["off", "required"], "off")),
        ("proxies", network("Who may speak the PROXY protocol.")),
        ("users", text("The file of users who may authenticate.")),
        ("authenticate", flag("Whether SPF, DKIM, DMARC and ARC are looked at.")),
    ];
    table("A door, and whom it opens to.", keys, &["name", "address", "direction"])
}

fn pair() -> Value {
    let keys = vec![("certificate", text("The chain, PEM.")), ("key", text("Its key, PEM."))];
    table("Another certificate, for clients that ask for its name.", keys, &["certificate", "key"])
}

fn certified() -> Value {
    let keys = vec![
        ("name", text("As logs and the audit trail have it.")),
        ("subject", text("A DNS name or common name, issued by client_ca.")),
        ("fingerprint", text("SHA-256 of its certificate.")),
        ("sender_domains", any_of(&text("What it may send as."))),
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
        ("tls_name", text("The name its certificate must bear, where it is not the MX.")),
        ("trust_anchors", text("These and no others are trusted, PEM.")),
        ("username", text("Of the smarthost.")),
        ("password_file", text("Of the smarthost.")),
        ("certificate", text("That we show, PEM.")),
        ("key", text("Its key, PEM.")),
    ];
    table("Where mail for a domain goes.", keys, &["domain", "next_hop"])
}

fn signing() -> Value {
    let states = KeyState::ALL.map(KeyState::name);
    let key = vec![
        ("domain", text("Whose mail it signs.")),
        ("selector", example("Under which its public half is published.", &["postern1"])),
        ("file", text("The private key, PEM.")),
        ("state", usual("Whether it signs.", states, KeyState::default().name())),
    ];
    let key = table("A key, one a domain and algorithm.", key, &["domain", "selector", "file"]);
    let keys = vec![
        ("key", tables(&key)),
        ("seal_domain", text("Whose key seals mail of others that we have changed.")),
    ];
    table("DKIM and ARC.", keys, &[])
}

fn sending() -> Value {
    let keys = vec![
        ("port", number("Of exchanges.", 1, 65_535)),
        (
            "exchange_addresses",
            usual("Which addresses are connected to.", ["remote", "any"], "remote"),
        ),
        ("idle", example("How long a connection waits for another message.", &["2s"])),
        ("messages_per_connection", count()),
    ];
    table("How mail goes out.", keys, &[])
}

fn retry() -> Value {
    let keys = vec![
        ("delays", any_of(&span())),
        ("trials", any_of(&span())),
        ("expiry", span()),
        ("delay_notice", span()),
        ("tls_notice", span()),
    ];
    table("When it is tried again, and returned.", keys, &[])
}

fn limits() -> Value {
    let keys = vec![
        ("sessions", count()),
        ("sessions_per_client", count()),
        ("recipients", count()),
        ("content_line", size()),
        ("memory", size()),
        ("messages_per_session", count()),
        ("commands", count()),
        ("bad_commands", count()),
        ("idle_commands", count()),
        ("command_timeout", span()),
        ("content_timeout", span()),
        ("message_deadline", span()),
        ("authentication_failures", count()),
        ("authentication_delay", span()),
        ("shut_out_after", count()),
        ("shut_out_for", span()),
        ("future_release", span()),
        ("passages", count()),
        ("deliveries", count()),
        ("deliveries_per_destination", count()),
        ("initial_deliveries_per_destination", count()),
        ("stop_grace", span()),
    ];
    table("Nothing is unbounded.", keys, &[])
}

fn reader() -> Value {
    let keys = vec![
        ("processes", count()),
        ("documents", count()),
        ("patience", span()),
        ("deadline", span()),
        ("message_deadline", span()),
        ("memory", size()),
        ("unfolded", size()),
        ("text", size()),
        ("files", count()),
        ("depth", count()),
        ("confinement", choice("Whether it must be had.", ["required", "best-effort"])),
    ];
    table("The confined processes in which documents are read.", keys, &[])
}

fn dns() -> Value {
    let keys = vec![
        ("servers", any_of(&example("A resolver.", &["127.0.0.1:53"]))),
        ("dnssec", usual("Whether answers are validated.", ["validate", "off"], "validate")),
        ("trust_anchors", text("Of DNSSEC.")),
    ];
    table("How names are looked up.", keys, &[])
}

fn mta_sts() -> Value {
    let keys = vec![
        ("enabled", flag("Whether policies are looked for.")),
        ("port", number("Of policy hosts.", 1, 65_535)),
        ("trust_anchors", text("PEM.")),
    ];
    table("MTA-STS (RFC 8461).", keys, &[])
}

fn tls_reports() -> Value {
    let keys = vec![
        ("organisation", text("Who reports.")),
        ("contact", text("Whom receivers may ask.")),
        ("from", text("Whom reports are from; a signing key is needed for its domain.")),
        ("trust_anchors", text("PEM.")),
    ];
    table(
        "Other domains are told of their TLS (RFC 8460).",
        keys,
        &["organisation", "contact", "from"],
    )
}

fn audit() -> Value {
    let keys = vec![
        ("rotate_size", size()),
        ("rotate_every", span()),
        ("retention", span()),
        ("checkpoint_every", span()),
    ];
    table("How the audit trail is kept.", keys, &[])
}

fn recipients() -> Value {
    let source = ["ldaps://directory.example.nhs.uk", "file:recipients", "next_hop"];
    let keys = vec![
        ("domains", any_of(&text("Whose recipients it knows."))),
        ("source", example("Who knows them.", &source)),
        ("cache", span()),
        ("refusal_cache", span()),
        ("start_tls", flag("Whether an ldap:// connection is put under TLS first.")),
        ("base", text("Of the directory.")),
        ("filter", example("With {address}.", &["(mail={address})"])),
        ("bind_dn", text("Who asks the directory.")),
        ("bind_password_file", text("Their password.")),
        ("trust_anchors", text("PEM.")),
    ];
    table("Who may be written to from outside.", keys, &["domains", "source"])
}

fn blocklist() -> Value {
    let keys = vec![
        ("zone", example("The list.", &["zen.spamhaus.org"])),
        ("answers", any_of(&example("An answer that means listed.", &["127.0.0.2/31"]))),
    ];
    table("A DNS block list, asked about strangers.", keys, &["zone"])
}

fn spool() -> Value {
    let keys = vec![
        ("store", usual("What keeps it.", ["embedded"], "embedded")),
        (
            "ephemeral",
            choice("Whether it may be on a disk that is forgotten.", ["refuse", "allow"]),
        ),
        ("key", text("A path or a credential: what seals it.")),
        ("old_keys", any_of(&text("What sealed it before."))),
    ];
    table("The durable queue.", keys, &[])
}

fn span() -> Value {
    example("A duration: a number and a unit.", &["30s", "15m", "4h", "5d"])
}

fn size() -> Value {
    example("A size: a number and a unit.", &["512 KiB", "50 MiB"])
}

fn count() -> Value {
    number("A number from 1 up.", 1, i64::MAX)
}
