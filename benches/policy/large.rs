//! A large policy: everything in it follows from a number, so that it is the
//! same on every machine.

use std::{collections::BTreeSet, fmt::Write as _};

use jiff::civil::date;
use postern::{
    mail::{
        Address, Arrival, AuthenticationFacts, Direction, Kind, Level, MessageFacts, OpaqueReason,
        SecureTag, TlsVersion,
    },
    policy::{Context, Policy, Sources},
};

pub const DOMAINS: usize = 10_000;
pub const ORGANISATIONS: usize = 200;
pub const RULES: usize = 500;

/// Of which two in each organisation's own file.
const NATIONAL: usize = RULES - 2 * ORGANISATIONS;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    None,
    /// A few rules, an exemption and some domains are others.
    Some,
}

pub fn sources(change: Change) -> Sources {
    let mut sources = Sources::new("large");
    let mut add = |path: &str, text: &str| sources.add(path, text.as_bytes());
    add("policy.toml", &settings());
    add("classification.toml", "");
    add("domains.toml", &domains(change));
    add("rules.toml", &national(change));
    add("disclaimers/tag.txt", "Confidential.\n");
    add("disclaimers/tag.html", "<p lang=\"en\">Confidential.</p>\n");
    for number in 0..ORGANISATIONS {
        add(&format!("organisations/X{number:03}.toml"), &organisation(number, change));
    }
    sources
}

pub fn policy(sources: &Sources) -> Policy {
    check(sources).expect("the large policy is sound")
}

pub fn check(sources: &Sources) -> Option<Policy> {
    let local = ["mytrust.nhs.test.example".parse().expect("a domain")];
    let context = Context { today: date(2026, 11, 22), local_domains: &local, test_range: None };
    Policy::compile(sources, &context).0
}

fn settings() -> String {
    let shipped = include_str!("../../policies/policy.toml");
    shipped.to_owned()
}

fn domains(change: Change) -> String {
    let mut text = String::new();
    for number in 0..DOMAINS {
        let clearance = 1 + number % 4;
        let clearance = if change == Change::Some && number % 1000 == 7 { 1 } else { clearance };
        let tls = ["encrypted", "verified", "dane"][number % 3];
        let wildcard = if number.is_multiple_of(5) { "*." } else { "" };
        let _ = writeln!(
            text,
            "[[domain]]\nname = \"{wildcard}d{number}.partners.example\"\nclearance = {clearance}\n\
             tls = \"{tls}\"\nvouched_by = [\"mta-sts\"]\nowner = \"A. Officer\"\n\
             evidence = \"seen\"\nreview = 2027-01-01\n"
        );
    }
    text
}

/// What the shipped policy asks, and rules such as grow beside it.
fn national(change: Change) -> String {
    let mut text = include_str!("../../policies/rules.toml").replace("= \"nhs\"", "= \"tag\"");
    let shipped = text.matches("\n[[rule]]").count();
    for number in 0..NATIONAL - shipped {
        let _ = writeln!(text, "[[rule]]\nname = \"national {number}\"\n{}", rule(number, change));
    }
    text
}

fn organisation(number: usize, change: Change) -> String {
    let mut text = format!(
        "ods = \"X{number:03}\"\nname = \"Trust {number}\"\n\
         sender_domains = [\"trust{number}.nhs.test.example\", \"*.trust{number}.nhs.test.example\"]\n"
    );
    for own in 0..2 {
        let seed = number * 7 + own * 3 + 11;
        let _ = writeln!(text, "[[rule]]\nname = \"own {number} {own}\"\n{}", rule(seed, change));
    }
    if number.is_multiple_of(4) {
        let _ = writeln!(
            text,
            "[[exemption]]\nrules = [\"own {number} 0\"]\nowner = \"A. Officer\"\n\
             when = {{ sender = \"imaging@trust{number}.nhs.test.example\", size = \"<10 MiB\" }}\n\
             reason = \"Agreed.\"\nexpires = 2027-01-31\n"
        );
    }
    text
}

fn rule(seed: usize, change: Change) -> String {
    let place = match seed % 6 {
        0 => "destination = \"internet\"".to_owned(),
        1 => "destination = [\"approved\", \"internet\"]".to_owned(),
        2 => format!("recipient_domain = \"d{}.partners.example\"", seed * 13 % DOMAINS),
        3 => format!("recipient_domain = [\"*.d{}.partners.example\"]", seed * 17 % DOMAINS),
        4 => format!("recipient = \"clerk@d{}.partners.example\"", seed * 19 % DOMAINS),
        _ => "level_above_clearance = false".to_owned(),
    };
    let what = match seed % 11 {
        0 => "kinds = [\"nhs_number\", \"chi_number\"]".to_owned(),
        1 => format!("kinds = {{ nhs_number = \">={}\" }}", 2 + seed % 20),
        2 => "opaque = [\"encrypted\", \"unreadable\"]".to_owned(),
        3 => format!("size = \">{} MiB\"", 1 + seed % 30),
        4 => "marking = \"OFFICIAL-SENSITIVE\"".to_owned(),
        5 => "secure_tag = false, level = \">=3\"".to_owned(),
        6 => "level = \"2..3\"".to_owned(),
        7 => "kinds = [\"clinical_term\"], opaque = true".to_owned(),
        8 => "arrival = \"clear\"".to_owned(),
        9 => "kinds = { date_of_birth = \">=5\", person_name = \">=5\" }".to_owned(),
        _ => "level = 4".to_owned(),
    };
    let then = match seed % 7 {
        0 | 1 => "then = \"hold\"\ntell = [\"sender\", \"officers\"]",
        2 => "tls = \"verified\"",
        3 => "then = \"redirect\"\nredirect_to = \"smtp://portal.example:25\"\ntls = \"verified\"",
        4 => "tell = [\"officers\"]",
        5 => "then = \"hold\"\ntell = [\"officers\"]\nmode = \"observe\"",
        _ => "add_headers = { X-Seen = \"{rule}\" }",
    };
    let changed = change == Change::Some && seed % 97 == 5;
    let more = if changed { "canary = \"10%\"\n" } else { "" };
    let more = if then.contains("observe") { "" } else { more };
    format!(
        "when = {{ direction = \"outbound\", {place}, {what} }}\n{then}\n{more}\
         reason = \"Found something. Ring us about it.\"\n"
    )
}

/// Messages of many senders to many places.
pub fn copies() -> Vec<(MessageFacts, Address)> {
    (0..997).map(copy).collect()
}

fn copy(number: usize) -> (MessageFacts, Address) {
    let inbound = number.is_multiple_of(5);
    let sender = format!("ward{number}@trust{}.nhs.test.example", number % ORGANISATIONS);
    let recipient = match number % 3 {
        0 => format!("clerk@d{}.partners.example", number * 31 % DOMAINS),
        1 => "ward@mytrust.nhs.test.example".to_owned(),
        _ => "someone@webmail.example".to_owned(),
    };
    let passed = AuthenticationFacts { dmarc: "pass".to_owned(), ..AuthenticationFacts::default() };
    let message = MessageFacts {
        direction: if inbound { Direction::Inbound } else { Direction::Outbound },
        reverse_path: sender.parse().expect("an address"),
        level: Level::ALL[number % Level::ALL.len()],
        kinds: [(Kind::NhsNumber, number % 4), (Kind::ClinicalTerm, number % 7)]
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect(),
        marking: number.is_multiple_of(9).then(|| "OFFICIAL-SENSITIVE".to_owned()),
        secure_tag: if number.is_multiple_of(4) { SecureTag::Present } else { SecureTag::Absent },
        opaque: if number.is_multiple_of(8) { vec![OpaqueReason::Encrypted] } else { Vec::new() },
        authentication: inbound.then_some(passed),
        spoof: Vec::new(),
        arrival: Arrival::Tls,
        tls_version: Some(TlsVersion::Tls13),
        size: number * 40_000,
        attachment_types: Some(BTreeSet::new()),
        visible_recipients: Some(number % 30),
        received_at: None,
    };
    (message, recipient.parse().expect("an address"))
}
