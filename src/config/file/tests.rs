//! What operators write, what it means, and what they are told.

use std::{path::Path, sync::Arc, time::Duration};

use crate::{
    config::{
        CertifiedBy, Config, Dnssec, Ephemeral, KeyFile, ListenerProtocol, ListenerTls, Reader,
        ReaderConfinement, SenderAuthentication, Source, StsDiscovery,
    },
    mail::Ciphers,
    policy::diagnostics::{Diagnostics, Rendering, SourceFile},
};

fn read(text: &str) -> (Option<Config>, Diagnostics) {
    let path = "/etc/postern/postern.toml".to_owned();
    Config::read(&Arc::new(SourceFile { path, text: text.to_owned() }))
}

/// The least that there must be, with a table more: its meaning, or its faults.
pub(super) fn with_table(table: &str) -> Result<Config, String> {
    let (config, faults) = read(&format!("{LEAST}{table}"));
    config.ok_or_else(|| format!("{faults:?}"))
}

const LEAST: &str = "[node]\nname = \"mx1.example\"\ndata_dir = \"d\"\npolicies = \"p\"\n\
                     [[listener]]\nname = \"m\"\naddress = \"0.0.0.0:25\"\n\
                     direction = \"outbound\"\ntls = \"none\"\n\
                     [[route]]\ndomain = \"*\"\nnext_hop = \"mx\"\n";
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
fn names_are_proved_unless_it_is_written_otherwise() {
    let (config, _) = read(SMALL);
    let Config { dns, mta_sts, .. } = config.unwrap();
    assert_eq!((dns.dnssec, dns.trust_anchors), (Dnssec::Validate, None));
    assert_eq!((mta_sts.discovery, mta_sts.port), (StsDiscovery::On, 443));
    let (config, diagnostics) = read(&format!(
        "{SMALL}\n[dns]\ndnssec = \"off\"\ntrust_anchors = \"root.key\"\n\
         [mta_sts]\nenabled = false\nport = 8443\ntrust_anchors = \"ca.pem\"\n"
    ));
    assert!(diagnostics.is_empty(), "{}", diagnostics.render(Rendering::Plain));
    let Config { dns, mta_sts, .. } = config.unwrap();
    assert_eq!(dns.dnssec, Dnssec::Off);
    assert_eq!(dns.trust_anchors.unwrap(), Path::new("/etc/postern/root.key"));
    assert_eq!((mta_sts.discovery, mta_sts.port), (StsDiscovery::Off, 8443));
    assert_eq!(mta_sts.trust_anchors.unwrap(), Path::new("/etc/postern/ca.pem"));
    for wrong in
        ["[dns]\ndnssec = \"perhaps\"", "[mta_sts]\nenabled = \"on\"", "[mta_sts]\nport = 0"]
    {
        assert!(read(&format!("{SMALL}\n{wrong}\n")).0.is_none(), "{wrong} was accepted");
    }
}

#[test]
fn people_hear_of_want_of_tls_in_a_quarter_of_an_hour_or_when_the_file_says() {
    let notice = |text: &str| read(text).0.unwrap().retry.tls_notice.as_secs();
    assert_eq!(notice(SMALL), 15 * 60);
    assert_eq!(notice(&format!("{SMALL}\n[retry]\ntls_notice = \"2m\"\n")), 120);
    let (config, _) = read(&format!("{SMALL}\n[retry]\ntls_notice = \"soon\"\n"));
    assert!(config.is_none());
}

#[test]
fn a_spool_that_does_not_last_is_refused_unless_the_file_allows_it() {
    let ephemeral = |text: &str| {
        let (config, diagnostics) = read(&format!("{SMALL}{text}"));
        (config.map(|config| config.spool.ephemeral), diagnostics.render(Rendering::Plain))
    };
    assert_eq!(ephemeral("").0, Some(Ephemeral::Refuse));
    assert_eq!(ephemeral("[spool]\nstore = \"embedded\"").0, Some(Ephemeral::Refuse));
    assert_eq!(ephemeral("[spool]\nephemeral = \"refuse\"").0, Some(Ephemeral::Refuse));
    assert_eq!(ephemeral("[spool]\nephemeral = \"allow\"").0, Some(Ephemeral::Allow));
    let (config, told) = ephemeral("[spool]\nephemeral = \"yes\"");
    assert!(config.is_none() && told.contains("allow"), "{told}");
    let (config, told) = ephemeral("[spool]\nephemeral = true");
    assert!(config.is_none() && told.contains("ephemeral"), "{told}");
}

#[test]
fn the_spool_is_sealed_under_a_key_where_one_is_named() {
    let spool = |text: &str| {
        let (config, diagnostics) = read(&format!("{SMALL}{text}"));
        (config.map(|config| config.spool), diagnostics.render(Rendering::Plain))
    };
    let plain = spool("").0.unwrap();
    assert_eq!((plain.key, plain.old_keys), (None, vec![]));
    let text = "[spool]\nkey = \"spool-2026\"\nold_keys = [\"./spool-2025.key\"]";
    let sealed = spool(text).0.unwrap();
    assert_eq!(sealed.key, Some(KeyFile::Credential("spool-2026".to_owned())));
    assert_eq!(sealed.old_keys, [KeyFile::File("/etc/postern/./spool-2025.key".into())]);
    let none = spool("[spool]\nkey = \"spool-2026\"\nold_keys = []").0.unwrap();
    assert_eq!((none.key.is_some(), none.old_keys), (true, vec![]));
    for wrong in ["key = \"\"", "key = [\"a\"]", "old_keys = 1", "old_keys = [\"..\"]"] {
        let (spool, told) = spool(&format!("[spool]\n{wrong}"));
        assert!(spool.is_none() && told.contains("key"), "{wrong}: {told}");
    }
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
    for expected in ["unknown-key", "missing-key", "wrong-type", "unknown-value", "bad-network"] {
        assert!(codes.contains(&expected), "{expected} not in {codes:?}");
    }
}

#[test]
fn no_two_doors_have_one_name() {
    let more = |name: &str| {
        let listener = format!(
            "[[listener]]\nname = \"{name}\"\naddress = \"127.0.0.1:0\"\n\
             direction = \"inbound\"\ntls = \"none\"\n"
        );
        let (config, diagnostics) = read(&format!("{SMALL}\n{listener}"));
        let codes: Vec<_> = diagnostics.iter().map(|found| found.code).collect();
        (config.is_some(), codes)
    };
    assert_eq!(more("outside"), (true, vec![]));
    for taken in ["mailboxes", " mailboxes ", "metrics", "console"] {
        assert_eq!(more(taken), (false, vec!["listener-name-taken"]), "{taken}");
    }
}

#[test]
fn no_two_routes_are_for_one_domain() {
    let more = |domain: &str| {
        let route = format!("[[route]]\ndomain = \"{domain}\"\nnext_hop = \"mx\"\n");
        let text = format!("{SMALL}\n{route}");
        let (config, told) = read(&text);
        let underlined = |span| text.get::<std::ops::Range<usize>>(span).unwrap().to_owned();
        let told = told.iter().map(|one| (one.code, underlined(one.span.clone().unwrap())));
        (config.is_some(), told.collect::<Vec<_>>())
    };
    for taken in ["*", ".gov.example", "a.gov.example", "A.GOV.example"] {
        let told = vec![("route-twice", format!("\"{taken}\""))];
        assert_eq!(more(taken), (false, told));
    }
    for free in ["gov.example", ".a.gov.example"] {
        assert_eq!(more(free), (true, vec![]), "{free}");
    }
}

#[test]
fn clear_text_is_allowed_to_this_machine_only() {
    let remote = SMALL.replace("127.0.0.1:12600", "192.0.2.1:25").replace("verified", "none");
    let (config, diagnostics) = read(&remote);
    assert!(config.is_none());
    assert_eq!(diagnostics.iter().next().unwrap().code, "tls-none-not-local");
}

/// All that a listener can have.
const DOOR: &str = r#"
    protocol = "lmtp"
    sni = [{ certificate = "certs/other.pem", key = "certs/other.key" }]
    ciphers = "ncsc"
    client_ca = "certs/clients.pem"
    xclient = ["127.0.0.1"]
    xforward = ["10.0.0.1"]
    normalise_line_ends = ["10.1.2.0/24"]
    greeting_delay = "2s"
    messages_per_client = "600/m"
    recipients_per_client = "5000/h"
    proxies = ["10.9.0.0/16"]

    [[listener.certified]]
    name = "pathology"
    subject = "path.example.nhs.uk"
    sender_domains = ["path.example.nhs.uk", ".lab.example"]

    [[listener.certified]]
    name = "scanner"
    fingerprint = "00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"

    [[recipients]]
    domains = ["example.nhs.uk"]
    source = "ldaps://directory.example.nhs.uk"
    base = "ou=people,dc=example"
    bind_dn = "cn=postern"
    bind_password_file = "directory.password"
    refusal_cache = "1m"

    [[recipients]]
    domains = ["b.example"]
    source = "file:recipients"

    [[blocklist]]
    zone = "bl.example"

    [limits]
    bad_commands = 5
    command_timeout = "1m"
"#;

fn with_door() -> String {
    SMALL.replace("clients = [\"10.0.0.0/8\"]", &format!("clients = [\"10.0.0.0/8\"]{DOOR}"))
}

#[test]
fn a_door_is_what_is_written_of_it() {
    let (config, diagnostics) = read(&with_door());
    assert!(diagnostics.is_empty(), "{}", diagnostics.render(Rendering::Plain));
    let config = config.unwrap();
    let door = &config.listeners[0];
    assert_eq!((door.protocol, door.ciphers), (ListenerProtocol::Lmtp, Ciphers::Ncsc));
    assert_eq!(door.sni[0].chain, Path::new("/etc/postern/certs/other.pem"));
    assert_eq!(door.greeting_delay, Duration::from_secs(2));
    assert_eq!(door.messages_per_client.unwrap().count.get(), 600);
    assert_eq!(door.certified[0].by, CertifiedBy::Subject("path.example.nhs.uk".to_owned()));
    assert!(door.certified[0].sender_domains[1].matches(&"a.lab.example".parse().unwrap()));
    let CertifiedBy::Fingerprint(octets) = &door.certified[1].by else { panic!("by subject") };
    assert_eq!(octets[..3], [0x00, 0x11, 0x22]);
    let Source::Directory(directory) = &config.recipients[0].source else { panic!("no directory") };
    assert!(directory.filter.to_string().contains("{address}"));
    assert_eq!(config.recipients[0].refusal_cache, Duration::from_secs(60));
    assert!(
        matches!(&config.recipients[1].source, Source::File(path) if path.ends_with("recipients"))
    );
    assert!(config.blocklists[0].answers[0].contains("127.0.0.2".parse().unwrap()));
    assert_eq!((config.limits.bad_commands, config.limits.commands), (5, 10_000));
}

#[test]
fn what_a_door_cannot_have_is_named() {
    for (written, instead, code) in [
        ("protocol = \"lmtp\"", "protocol = \"pop3\"", "unknown-value"),
        ("600/m", "600", "bad-rate"),
        ("client_ca = \"certs/clients.pem\"", "", "subject-without-ca"),
        ("00:11:22:33", "00:11:22", "wrong-type"),
        ("subject = \"path", "fingerprint = \"00\"\nsubject = \"path", "subject-and-fingerprint"),
        ("source = \"file:recipients\"", "source = \"postgres\"", "wrong-type"),
        ("source = \"file:recipients\"", "source = \"file:r\"\nbase = \"x\"", "not-a-directory"),
        ("base = \"ou=people,dc=example\"", "", "missing-key"),
        ("base = ", "filter = \"(mail=*)\"\nbase = ", "bad-filter"),
        ("ldaps://", "ldaps://ldap@", "bad-directory"),
        ("ldaps://", "ldap://", "password-in-clear"),
        ("bad_commands = 5", "bad_commands = 0", "wrong-type"),
    ] {
        let text = with_door();
        assert!(text.contains(written), "{written}");
        let (config, diagnostics) = read(&text.replace(written, instead));
        let codes: Vec<_> = diagnostics.iter().map(|found| found.code).collect();
        assert!(config.is_none() && codes.contains(&code), "{instead}: {codes:?}");
    }
}

/// SMALL with lines for its first route, which leads to a smarthost.
fn with_smarthost(lines: &str) -> (Option<Config>, Vec<String>) {
    let route = format!("next_hop = \"smtp://mail.provider.example:587\"\n{lines}");
    let (config, diagnostics) = read(&SMALL.replace("next_hop = \"mx\"", &route));
    (config, diagnostics.iter().map(|fault| fault.code.to_owned()).collect())
}

#[test]
fn a_smarthost_may_have_a_login_and_a_certificate() {
    let (config, faults) = with_smarthost(
        "tls = \"encrypted\"\nusername = \"hospital\"\npassword_file = \"p\"\n\
         certificate = \"c.pem\"\nkey = \"c.key\"",
    );
    assert_eq!(faults, [""; 0]);
    let identity = config.unwrap().routes[0].identity.clone();
    assert_eq!(identity.login.unwrap().password_file, Path::new("/etc/postern/p"));
    assert_eq!(identity.certificate.unwrap().key, Path::new("/etc/postern/c.key"));
}

#[test]
fn credentials_are_never_shown_in_clear_nor_to_hosts_that_dns_has_named() {
    let login = "username = \"hospital\"\npassword_file = \"p\"";
    let certificate = "certificate = \"c.pem\"\nkey = \"c.key\"";
    for identity in [login, certificate] {
        assert_eq!(with_smarthost(identity).1, ["route-login-in-clear"]);
        let opportunistic = format!("tls = \"opportunistic\"\n{identity}");
        assert_eq!(with_smarthost(&opportunistic).1, ["route-login-in-clear"]);
        let exchanges = format!("next_hop = \"mx\"\ntls = \"encrypted\"\n{identity}");
        let (_, faults) = read(&SMALL.replace("next_hop = \"mx\"", &exchanges));
        let codes: Vec<_> = faults.iter().map(|fault| fault.code).collect();
        assert_eq!(codes, ["route-login-next-hop"]);
    }
}

#[test]
fn half_an_identity_is_none() {
    for half in ["username = \"a\"", "password_file = \"p\"", "certificate = \"c\"", "key = \"k\""]
    {
        let (config, faults) = with_smarthost(&format!("tls = \"encrypted\"\n{half}"));
        assert!(config.is_none() && faults.len() == 1, "{half}: {faults:?}");
    }
}

#[test]
fn readers_of_documents_have_limits_that_fit_together() {
    let reader = |written: &str| read(&format!("{SMALL}\n[reader]\n{written}\n"));
    assert_eq!(read(SMALL).0.unwrap().reader, Reader::default());
    assert_eq!(reader("").0.unwrap().reader, Reader::default());
    let (config, diagnostics) = reader(
        "processes = 3\ndocuments = 50\npatience = \"5s\"\ndeadline = \"2s\"\n\
         message_deadline = \"9s\"\nmemory = \"164 MiB\"\nunfolded = \"80 MiB\"\n\
         text = \"20 MiB\"\nfiles = 100\ndepth = 3\nconfinement = \"best-effort\"",
    );
    assert!(diagnostics.is_empty(), "{}", diagnostics.render(Rendering::Plain));
    let seconds = Duration::from_secs;
    let expected = Reader {
        processes: 3,
        documents: 50,
        patience: seconds(5),
        deadline: seconds(2),
        message_deadline: seconds(9),
        memory: 164 << 20,
        unfolded: 80 << 20,
        text: 20 << 20,
        files: 100,
        depth: 3,
        confinement: ReaderConfinement::BestEffort,
    };
    assert_eq!(config.unwrap().reader, expected);
    for (wrong, told) in [
        (
            "memory = \"383 MiB\"",
            "`memory` must hold `unfolded`, `text` and 64 MiB to work in: 384",
        ),
        ("unfolded = \"1 GiB\"", "1152 MiB at least"),
        ("message_deadline = \"271s\"", "RFC 5321 section 4.5.3.2.6"),
        ("patience = \"271s\"", "5 minutes at most"),
        ("processes = 0", "from 1 up"),
        ("confinement = \"none\"", "best-effort"),
        ("timeout = \"1s\"", "timeout"),
    ] {
        let (config, diagnostics) = reader(wrong);
        let shown = diagnostics.render(Rendering::Plain);
        assert!(config.is_none() && shown.contains(told), "{wrong}: {shown}");
    }
    assert!(reader("memory = \"384 MiB\"\nmessage_deadline = \"270s\"").0.is_some());
}
