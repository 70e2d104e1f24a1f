//! Faults seeded into the policy as shipped: whatever weakens a rule that an
//! invariant rests on is found, with a message; and of the other rules it is
//! known that no invariant speaks of them.

use std::path::Path;

use postern::{
    decide::decide,
    policy::{Policy, ProofOutcome, Sources, prove},
};

use super::support::{compile, must_compile, read_folder};

/// What each rule of the national file that is enforced keeps, if anything.
const KEPT: [(&str, &[&str]); 14] = [
    (
        "patient data only goes where it is cleared to go",
        &["nothing above its destination's clearance is relayed"],
    ),
    (
        "level 3 and above travels under verified TLS",
        &["level 3 and above never leaves without verified TLS"],
    ),
    ("specially protected information is known to the officers", &[]),
    ("a list of patients waits for an officer", &["a list of patients never leaves on its own"]),
    (
        "what cannot be read does not go to the open internet",
        &["what cannot be read is never relayed to the open internet"],
    ),
    ("[secure] travels under verified TLS", &["[secure] is never relayed without verified TLS"]),
    (
        "[secure] does not go to the open internet",
        &["what is asked to be [secure] is never relayed to the open internet"],
    ),
    (
        "marked documents do not go to the open internet",
        &["marked documents are never relayed to the open internet"],
    ),
    ("nothing marked SECRET leaves by this service", &["nothing marked SECRET leaves"]),
    ("malware is refused", &["malware goes nowhere"]),
    (
        "retired domains are returned at once",
        &["nothing is sent to a domain that is no longer in use"],
    ),
    ("mail from outside has one author", &["no mail comes in whose author nobody can tell"]),
    ("mail that leaves the service carries the tag line", &[]),
    ("every message carries its level", &[]),
];

/// As shipped, without what is found in texts: it is not asked here, and takes
/// long to compile.
fn sources() -> Sources {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut sources = Sources::new("policies");
    for (path, file) in read_folder(&folder, "policies").iter() {
        let finds = ["classification", "detectors", "terms", "yara", "tests"];
        if finds.iter().all(|name| !path.starts_with(name)) {
            sources.add(path, file.text.as_bytes());
        }
    }
    sources.add("classification.toml", b"");
    sources
}

fn text(path: &str) -> String {
    sources().file(path).unwrap().text.clone()
}

fn with(path: &str, text: &str) -> Policy {
    let mut sources = sources();
    sources.add(path, text.as_bytes());
    must_compile(compile(&sources))
}

/// Invariants that are broken, each by a message that was decided.
fn broken(policy: &Policy) -> Vec<String> {
    let proofs = prove(policy, decide).into_iter();
    proofs
        .filter_map(|proof| match proof.outcome {
            ProofOutcome::Holds => None,
            ProofOutcome::Broken(example) => {
                assert!(!example.picture.is_empty());
                Some(proof.invariant)
            }
            ProofOutcome::NotShown => panic!("{} is not shown", proof.invariant),
        })
        .collect()
}

/// Where a rule stands, from its name to the next table.
fn rule(text: &str, name: &str) -> std::ops::Range<usize> {
    let named = text.find(&format!("= \"{name}\"\n")).unwrap_or_else(|| panic!("no {name}"));
    let start = text[..named].rfind("[[rule]]\n").unwrap();
    let end = text[named..].find("\n\n").map_or(text.len(), |end| named + end + 1);
    start..end
}

fn exemption(name: &str) -> String {
    format!(
        "\n[[exemption]]\nrules = [\"{name}\"]\nwhen = {{ size = \"<=25 MiB\" }}\n\
         owner = \"A. Officer\"\nreason = \"Agreed.\"\nexpires = 2027-01-31\n"
    )
}

/// The file with one rule weakened, in every way there is.
fn weakened(text: &str, name: &str) -> Vec<(&'static str, String)> {
    let place = rule(text, name);
    let own = &text[place.clone()];
    let instead = |own: &str| [&text[..place.start], own, &text[place.end..]].concat();
    let enforced = own.replace("mode    = \"enforce\"\n", "");
    let more_keys = |keys: &str| instead(&format!("{enforced}{keys}\n"));
    let spare = own.find("when").unwrap();
    let (head, when) = own.split_at(spare + own[spare..].find('{').unwrap() + 1);
    vec![
        ("removed", instead("")),
        ("expired", more_keys("expires = 2026-01-01")),
        ("observing", more_keys("mode = \"observe\"")),
        ("a canary", more_keys("canary = \"90%\"")),
        ("narrower", instead(&format!("{head} size = \">1 MiB\", {when}").replace(",  }", " }"))),
        ("exempt", format!("{text}{}", exemption(name))),
    ]
}

#[test]
fn every_rule_that_is_weakened_is_found_by_its_invariant_and_by_no_other() {
    let text = text("rules.toml");
    for (name, kept) in KEPT {
        for (how, weaker) in weakened(&text, name) {
            let found = broken(&with("rules.toml", &weaker));
            assert!(
                kept.iter().all(|one| found.iter().any(|f| f == one)),
                "{name} {how}: {found:?}"
            );
            assert!(!kept.is_empty() || found.is_empty(), "{name} {how}: {found:?}");
        }
    }
}

#[test]
fn every_enforced_rule_is_in_the_table_above() {
    let policy = must_compile(compile(&sources()));
    for rule in policy.rules() {
        let observes = rule.mode == postern::mail::Mode::Observe;
        let known = KEPT.iter().any(|(name, _)| *name == rule.name);
        assert!(known != (observes || rule.organisation.is_some()), "{}", rule.name);
    }
}

#[test]
fn a_rule_that_stops_in_silence_is_found() {
    let text = text("rules.toml");
    let silent = text.replace("tell    = [\"sender\", \"officers\"]\n", "");
    assert_eq!(
        broken(&with("rules.toml", &silent)),
        ["whatever is stopped has a reason and a way out"]
    );
    let curt = text.replace(" Ask your service desk to look at the computer it came from.", "");
    assert_ne!(curt, text);
    assert_eq!(
        broken(&with("rules.toml", &curt)),
        ["whatever is stopped has a reason and a way out"]
    );
}

#[test]
fn an_entry_that_asks_for_less_than_encryption_is_found() {
    let text = text("domains.toml");
    for tls in ["verified", "encrypted"] {
        let is_asked = |line: &&str| line.starts_with("tls ") && line.contains(tls);
        let line = text.lines().find(is_asked).unwrap();
        let weaker = text.replacen(line, "tls = \"opportunistic\"", 1);
        let found = broken(&with("domains.toml", &weaker));
        assert_eq!(found, ["mail to an approved domain is never relayed in clear"], "{tls}");
    }
}

/// What a domain is cleared for is the officers' to say; `postern diff` tells
/// them what they have said.
#[test]
fn no_invariant_speaks_of_what_an_entry_is_cleared_for_nor_of_a_wider_rule() {
    let domains = text("domains.toml");
    let is_three = |line: &&str| line.starts_with("clearance") && line.ends_with('3');
    let line = domains.lines().find(is_three).unwrap();
    let cleared = domains.replacen(line, "clearance = 4", 1);
    assert_ne!(cleared, domains);
    assert!(broken(&with("domains.toml", &cleared)).is_empty());
    let rules = text("rules.toml");
    let wider = rules.replace("destination = \"internet\", secure_tag", "secure_tag");
    assert_ne!(wider, rules);
    assert!(broken(&with("rules.toml", &wider)).is_empty());
}
