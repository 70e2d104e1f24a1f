//! `postern diff`: held against every combination of facts, decided by both
//! policies; and read aloud.

use std::path::Path;

use postern::{
    decide::decide,
    mail::{Decision, Obligation},
    policy::{Policy, Sources, Turn, differences},
};
use proptest::prelude::*;

use super::{
    random::{changed, facts},
    support::{DOMAINS, POLICY, compile, must_compile, read_folder, with_files},
};

/// Everything in which two decisions can differ, as far as `diff` tells it.
fn outcome(decision: &Decision) -> String {
    let mut obligations: Vec<String> = decision
        .obligations
        .iter()
        .map(|obligation| match obligation {
            Obligation::Disclaimer(text) => format!("tag line {}", text.name),
            Obligation::Banner(text) => format!("banner {}", text.name),
            other => format!("{other:?}"),
        })
        .collect();
    obligations.sort();
    format!(
        "{:?}",
        (
            decision.disposition,
            decision.protection.tls,
            &decision.redirect,
            &decision.fallback,
            decision.urgency,
            obligations,
            &decision.tell,
            decision.decided_by.as_ref().map(|rule| &rule.rule),
        )
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever is decided in another way is told of; and whatever is told has
    /// a message that is.
    #[test]
    fn every_difference_is_told_and_nothing_else((before, after) in changed()) {
        let (old, new) = (before.policy(""), after.policy(""));
        let none = Sources::new("");
        let told = differences((&old, &none), (&new, &none), decide).unwrap();
        prop_assert!(told.complete);
        let mut missed = Vec::new();
        before.each(|message, recipient| {
            let facts = facts(message, recipient);
            let (was, is) = (outcome(&decide(&old, facts)), outcome(&decide(&new, facts)));
            if was != is && told.about(facts).next().is_none() {
                missed.push(format!("{message:?} to {recipient}: {was}, {is}"));
            }
        });
        prop_assert!(missed.is_empty(), "not told: {}", missed.join("\n"));
        for sentence in &told.sentences {
            let Some(example) = &sentence.example else {
                prop_assert!(false, "no message for {}", sentence.scope);
                continue;
            };
            let facts = facts(&example.message, &example.recipient);
            let (was, is) = (decide(&old, facts), decide(&new, facts));
            prop_assert_ne!(outcome(&was), outcome(&is), "{}: {:?}", sentence.scope, sentence.changes);
            prop_assert!(
                told.about(facts).any(|one| one.scope == sentence.scope),
                "{} is not about {}",
                sentence.scope,
                example.picture
            );
            match sentence.turn {
                Turn::Tightening => prop_assert!(
                    is.disposition > was.disposition || is.protection.tls > was.protection.tls
                ),
                Turn::Loosening => prop_assert!(
                    is.disposition < was.disposition || is.protection.tls < was.protection.tls
                ),
                Turn::Other => {}
            }
        }
    }
}

/// Turn, whom, what; and the lines beside them.
fn told(old: &Policy, new: &Policy) -> Vec<String> {
    let none = Sources::new("");
    let told = differences((old, &none), (new, &none), decide).unwrap();
    assert!(told.complete);
    let sentence = |one: &postern::policy::Sentence| {
        format!("{}: {}: {}", one.turn.name(), one.scope, one.changes.join("; "))
    };
    told.sentences.iter().map(sentence).chain(told.outside.iter().cloned()).collect()
}

fn with(rules: &str) -> Policy {
    must_compile(with_files(&[("rules.toml", rules)]))
}

const ABOVE: &str = "[[rule]]\nname = \"cleared\"\nwhen = { direction = \"outbound\", level_above_clearance = true }\nthen = \"hold\"\ntell = [\"sender\"]\nreason = \"Found. Ring us.\"\n";
const SEALED: &str = "[[rule]]\nname = \"sealed\"\nwhen = { direction = \"outbound\", destination = \"internet\", opaque = [\"encrypted\", \"damaged\"] }\nthen = \"hold\"\ntell = [\"sender\"]\nreason = \"Found. Ring us.\"\n";

#[test]
fn a_new_rule_is_one_sentence_also_where_another_did_the_same() {
    let said = told(&with(ABOVE), &with(&format!("{ABOVE}{SEALED}")));
    assert_eq!(
        said,
        [
            "tightening: Outbound messages to the open internet with a damaged part or with an \
             encrypted part: relayed before, held now by the rule `sealed` (where no other rule \
             said so already); the sender told now (where no other rule said so already)",
            "other: Messages that were held by the rule `cleared`: held now by the rule `sealed`, \
             which gives its own reason",
            "the rule `sealed` is new",
        ]
    );
}

#[test]
fn a_rule_that_is_gone_and_one_that_only_observes_are_looser() {
    let looser = "loosening: Outbound messages above the clearance of where they go: held before \
                  by the rule `cleared`, relayed now; the sender told before, and no longer";
    assert_eq!(told(&with(ABOVE), &with("")), [looser, "the rule `cleared` is gone"]);
    let observing = ABOVE.replace("tell", "mode = \"observe\"\ntell");
    assert_eq!(told(&with(ABOVE), &with(&observing)), [looser]);
}

#[test]
fn a_domain_that_is_cleared_for_more_is_told_as_what_it_lets_through() {
    let domains = DOMAINS.replacen("clearance = 3", "clearance = 4", 1);
    let new = must_compile(with_files(&[("rules.toml", ABOVE), ("domains.toml", &domains)]));
    assert_eq!(
        told(&with(ABOVE), &new),
        [
            "loosening: Outbound messages of level 4 to partner.example: held before by the rule \
             `cleared`, relayed now; the sender told before, and no longer",
            "the entry of `partner.example` has changed",
        ]
    );
}

#[test]
fn a_domain_that_is_new_is_named_and_not_only_something_like_it() {
    let entry = "[[domain]]\nname = \"charity.example\"\nclearance = 2\ntls = \"verified\"\n\
                 vouched_by = [\"mta-sts\"]\nowner = \"A. Officer\"\nevidence = \"seen\"\n\
                 review = 2027-01-01\n";
    let domains = format!("{DOMAINS}{entry}");
    let new = must_compile(with_files(&[("rules.toml", ABOVE), ("domains.toml", &domains)]));
    let said = told(&with(ABOVE), &new);
    assert!(
        said.iter().any(|sentence| sentence.starts_with(
            "loosening: Outbound messages of level 2 to charity.example: held before"
        )),
        "{said:#?}"
    );
    assert!(!said.concat().contains("such as charity"), "{said:#?}");
}

#[test]
fn what_is_said_does_not_depend_on_facts_is_told_beside_it() {
    let settings = POLICY.replace("\"clinical\"", "\"clinical data\"")
        + "[[invariant]]\nname = \"i\"\nnever = { level = 4, disposition = \"relay\" }\n";
    let rules = ABOVE.replace("Ring us", "Write to us");
    let new = must_compile(with_files(&[("policy.toml", &settings), ("rules.toml", &rules)]));
    assert_eq!(
        told(&with(ABOVE), &new),
        [
            "level 3 is called \"clinical data\", and was \"clinical\"",
            "the invariant `i` is new",
            "the reason that `cleared` gives is \"Found. Write to us.\"",
        ]
    );
    assert!(told(&with(ABOVE), &with(ABOVE)).is_empty());
}

#[test]
fn the_shipped_policy_does_not_differ_from_itself_and_files_are_told_by_name() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut sources = read_folder(&folder, "policies");
    let old = must_compile(compile(&sources));
    let before = sources.clone();
    let same = differences((&old, &before), (&old, &before), decide).unwrap();
    assert!(same.is_empty() && same.complete);
    let text = sources.file("yara/malware.yar").unwrap().text.clone();
    sources.add("yara/malware.yar", format!("{text}\n").as_bytes());
    let told = differences((&old, &before), (&old, &sources), decide).unwrap();
    assert_eq!(told.outside, ["the file `yara/malware.yar` has changed"]);
}
