//! What differs outside the reach of facts: names, people, entries, invariants
//! and whole files.

use std::collections::BTreeMap;

use crate::mail::Level;

use super::super::super::{DomainEntry, Policy, Rule, Sources};

/// One line each.
pub(super) fn outside(
    (old, old_sources): (&Policy, &Sources),
    (new, new_sources): (&Policy, &Sources),
) -> Vec<String> {
    let mut lines = settings(old, new);
    lines.extend(invariants(old, new));
    lines.extend(rules(old, new));
    lines.extend(organisations(old, new));
    lines.extend(domains(old, new));
    lines.extend(files(old_sources, new_sources));
    lines
}

fn settings(old: &Policy, new: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    for level in Level::ALL {
        let (was, is) = (old.level_name(level), new.level_name(level));
        if was != is {
            lines.push(format!("level {level} is called \"{is}\", and was \"{was}\""));
        }
    }
    if old.officers() != new.officers() {
        let people = new.officers().iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        lines.push(match people.is_empty() {
            true => "no officers are named any longer".to_owned(),
            false => format!("the officers who are told are {people}"),
        });
    }
    if old.trusted_sealers() != new.trusted_sealers() {
        lines.push("whose ARC seals are believed (trusted_sealers) has changed".to_owned());
    }
    if old.default_organisation() != new.default_organisation() {
        lines.push(format!("`{{organisation}}` stands for \"{}\"", new.default_organisation()));
    }
    if old.rollout() != new.rollout() {
        lines.push("how far the rules are rolled out ([rollout]) has changed".to_owned());
    }
    lines
}

fn invariants(old: &Policy, new: &Policy) -> Vec<String> {
    let of = |policy: &Policy| -> BTreeMap<String, _> {
        policy.invariants().iter().map(|one| (one.name.clone(), one.clone())).collect()
    };
    named("the invariant", &of(old), &of(new))
}

/// What of a rule no decision on facts shows.
fn rules(old: &Policy, new: &Policy) -> Vec<String> {
    let words = |rule: &Rule| {
        let exemptions: Vec<String> = rule
            .exemptions
            .iter()
            .map(|one| format!("{} {} {}", one.owner, one.reason, one.expires))
            .collect();
        (rule.reason.to_string(), rule.owner.clone(), rule.severity, exemptions)
    };
    let of = |policy: &Policy| -> BTreeMap<String, _> {
        policy.rules().iter().map(|rule| (rule.name.clone(), words(rule))).collect()
    };
    let (was, is) = (of(old), of(new));
    let mut lines = Vec::new();
    for (name, words) in &is {
        match was.get(name) {
            None => lines.push(format!("the rule `{name}` is new")),
            Some(before) if before.0 != words.0 => {
                lines.push(format!("the reason that `{name}` gives is \"{}\"", words.0));
            }
            Some(before) if before != words => {
                lines.push(format!("the owner, severity or exemptions of `{name}` have changed"));
            }
            Some(_) => {}
        }
    }
    let gone = was.keys().filter(|name| !is.contains_key(*name));
    lines.extend(gone.map(|name| format!("the rule `{name}` is gone")));
    lines
}

fn organisations(old: &Policy, new: &Policy) -> Vec<String> {
    let of = |policy: &Policy| -> BTreeMap<String, _> {
        policy.organisations().map(|one| (one.ods.clone(), one.clone())).collect()
    };
    named("the organisation", &of(old), &of(new))
}

fn domains(old: &Policy, new: &Policy) -> Vec<String> {
    let of = |policy: &Policy| -> BTreeMap<String, DomainEntry> {
        policy.domains().iter().map(|entry| (entry.name.to_string(), entry.clone())).collect()
    };
    let (was, is) = (of(old), of(new));
    let lines = named("the entry of", &was, &is);
    let all = lines.len();
    let more = all.checked_sub(MOST_NAMED).filter(|more| *more > 0);
    let more = more.map(|more| format!("{more} more entries of domains.toml differ"));
    lines.into_iter().take(MOST_NAMED).chain(more).collect()
}

/// By file: what is found in texts is not a matter of facts.
fn files(old: &Sources, new: &Sources) -> Vec<String> {
    let of = |sources: &Sources| -> BTreeMap<String, String> {
        let finds = ["classification", "detectors/", "terms/", "yara/", "disclaimers/"];
        sources
            .iter()
            .filter(|(path, _)| finds.iter().any(|start| path.starts_with(start)))
            .map(|(path, file)| (path.to_owned(), file.text.clone()))
            .collect()
    };
    named("the file", &of(old), &of(new))
}

fn named<T: PartialEq>(
    what: &str,
    was: &BTreeMap<String, T>,
    is: &BTreeMap<String, T>,
) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, value) in is {
        match was.get(name) {
            None => lines.push(format!("{what} `{name}` is new")),
            Some(before) if before != value => lines.push(format!("{what} `{name}` has changed")),
            Some(_) => {}
        }
    }
    let gone = was.keys().filter(|name| !is.contains_key(*name));
    lines.extend(gone.map(|name| format!("{what} `{name}` is gone")));
    lines
}

/// Entries that are named before they are counted.
const MOST_NAMED: usize = 20;
