//! Where two policies differ, and how.

use crate::mail::{Disposition, Mode};

use super::{
    super::super::rule::Rule,
    super::{
        diagrams::{NOWHERE, Region},
        effect::Effect,
        space::Space,
    },
    outcomes::{Aspect, Fate, Side, Value, deeds_of, told_deed},
};

/// Which way something has changed. In the order in which it is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Turn {
    Tightening,
    Loosening,
    Other,
}

impl Turn {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tightening => "tightening",
            Self::Loosening => "loosening",
            Self::Other => "other",
        }
    }
}

/// One thing that is otherwise, and where.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) turn: Turn,
    pub(super) said: String,
    pub(super) region: Region,
    /// Where the rule that has changed matches too, but another does the same.
    pub(super) also: Region,
    /// How that is said.
    pub(super) unless: &'static str,
    /// Whom it concerns, where that is said best by what became of it before.
    pub(super) whom: Option<String>,
}

/// What makes two differences one change: what is now, or what was before.
#[derive(Clone, Debug, PartialEq)]
struct Key {
    aspect: Aspect,
    turn: Turn,
    value: Value,
}

struct Group {
    key: Key,
    /// The values on the other side.
    others: Vec<Value>,
    region: Region,
}

/// Every change, tightenings first.
pub(super) fn changes<'a>(space: &mut Space<'a>, old: &Side<'a>, new: &Side<'a>) -> Vec<Change> {
    let possible = space.possible();
    let touched = touched(space, old, new);
    let within = space.diagrams.both(possible, touched);
    let before = old.outcomes(space, within);
    let after = new.outcomes(space, within);
    let mut groups: Vec<Group> = Vec::new();
    for aspect in aspects(&before, &after) {
        let was = values(&before, &aspect, within);
        let is = values(&after, &aspect, within);
        for (old_value, old_region) in &was {
            for (new_value, new_region) in is.iter().filter(|(value, _)| value != old_value) {
                let region = space.diagrams.both(*old_region, *new_region);
                if region != NOWHERE {
                    group(space, &mut groups, &aspect, (old_value, new_value), region);
                }
            }
        }
    }
    let mut changes: Vec<Change> = Vec::new();
    for group in &groups {
        // That another rule says the same is no other outcome.
        let is_alike = |one: &&Group| {
            one.key.aspect == group.key.aspect
                && (one.key.turn != Turn::Other || group.key.turn == Turn::Other)
        };
        let alike = groups.iter().filter(is_alike);
        let changed = alike.map(|one| one.region).collect();
        let changed = space.diagrams.any(changed);
        let shifted = shifted(space, old, new, &group.key);
        let also = space.diagrams.without(shifted, changed);
        let gone = group.key.turn == Turn::Loosening || group.key.value == Value::NotDone;
        changes.push(Change {
            turn: group.key.turn,
            said: said(&group.key, &group.others),
            region: group.region,
            also,
            unless: if gone { STILL } else { ALREADY },
            whom: whom(&group.key, &group.others),
        });
    }
    changes.sort_by_key(|change| change.turn);
    changes
}

/// Where anything at all can differ: where a rule matches that does not match
/// so in the other policy and ask for the same, and where entries or the roll-out are others. Elsewhere the same
/// rules match and ask for the same, from the same beginning.
fn touched<'a>(space: &mut Space<'a>, old: &Side<'a>, new: &Side<'a>) -> Region {
    let mut regions = Vec::new();
    for (one, other) in [(old, new), (new, old)] {
        for (rule, effect) in one.rules() {
            let same = other.rules().find(|(known, _)| asks_the_same(rule, known));
            let there = same.map_or(Effect::NONE, |(_, there)| there);
            regions.push(space.diagrams.without(effect.certain, there.certain));
            regions.push(space.diagrams.without(effect.unsure, there.unsure));
        }
        let left = space.diagrams.without(one.rolled_out, other.rolled_out);
        regions.push(left);
    }
    let entries = space.recipients(|to| {
        let tls = |side: &Side<'_>| side.policy.destination(to.domain()).tls();
        tls(old) != tls(new)
    });
    regions.push(entries);
    space.diagrams.any(regions)
}

/// Whether two rules do the same where they match, in the same place of the
/// order of rules.
fn asks_the_same(one: &Rule, other: &Rule) -> bool {
    let text = |rule: &Rule| {
        let name = |text: &Option<_>| {
            text.as_ref()
                .map(|text: &std::sync::Arc<super::super::super::TagLine>| text.name().to_owned())
        };
        (name(&rule.disclaimer), name(&rule.banner))
    };
    one.name == other.name
        && (one.then, one.tls, one.urgency) == (other.then, other.tls, other.urgency)
        && (&one.redirect_to, &one.fallback) == (&other.redirect_to, &other.fallback)
        && (&one.tell, one.specificity()) == (&other.tell, other.specificity())
        && text(one) == text(other)
        && one.wrapped == other.wrapped
        && deeds_of(one) == deeds_of(other)
}

fn aspects(before: &[(Aspect, Value, Region)], after: &[(Aspect, Value, Region)]) -> Vec<Aspect> {
    let mut aspects: Vec<Aspect> =
        before.iter().chain(after).map(|(aspect, ..)| aspect.clone()).collect();
    aspects.sort();
    aspects.dedup();
    aspects
}

fn values(
    outcomes: &[(Aspect, Value, Region)],
    aspect: &Aspect,
    within: Region,
) -> Vec<(Value, Region)> {
    let own = outcomes.iter().filter(|(one, ..)| one == aspect);
    let mut values: Vec<(Value, Region)> =
        own.map(|(_, value, region)| (value.clone(), *region)).collect();
    if values.is_empty() {
        let least = match aspect {
            Aspect::Deed(_) => Value::NotDone,
            _ => Value::Named(None),
        };
        values.push((least, within));
    }
    values
}

fn group(
    space: &mut Space<'_>,
    groups: &mut Vec<Group>,
    aspect: &Aspect,
    (old, new): (&Value, &Value),
    region: Region,
) {
    let turn = turn(old, new);
    let (kept, other) = match turn {
        Turn::Loosening => (old, new),
        _ => (new, old),
    };
    let key = Key { aspect: aspect.clone(), turn, value: kept.clone() };
    match groups.iter_mut().find(|group| group.key == key && is_alike(&group.others, kept, other)) {
        Some(group) => {
            group.region = space.diagrams.either(group.region, region);
            if !group.others.contains(other) {
                group.others.push(other.clone());
            }
        }
        None => groups.push(Group { key, others: vec![other.clone()], region }),
    }
}

/// Whether a further value goes into the same sentence: not one that differs
/// in the rule alone beside one that differs in the outcome.
fn is_alike(others: &[Value], kept: &Value, other: &Value) -> bool {
    let same_outcome = |value: &Value| match (value, kept) {
        (Value::Fate(one), Value::Fate(kept)) => one.disposition == kept.disposition,
        _ => false,
    };
    others.iter().all(|known| same_outcome(known) == same_outcome(other))
}

fn turn(old: &Value, new: &Value) -> Turn {
    let (was, is) = match (old, new) {
        (Value::Fate(old), Value::Fate(new)) => {
            (old.disposition as usize, new.disposition as usize)
        }
        (Value::Tls(old), Value::Tls(new)) => (*old as usize, *new as usize),
        _ => return Turn::Other,
    };
    match is.cmp(&was) {
        std::cmp::Ordering::Greater => Turn::Tightening,
        std::cmp::Ordering::Less => Turn::Loosening,
        std::cmp::Ordering::Equal => Turn::Other,
    }
}

/// Where a rule that asks for this matches and did not, or did and does not.
fn shifted<'a>(space: &mut Space<'a>, old: &Side<'a>, new: &Side<'a>, key: &Key) -> Region {
    let gone = key.turn == Turn::Loosening || key.value == Value::NotDone;
    let (with, without) = if gone { (old, new) } else { (new, old) };
    let asks = |rule: &Rule| match (&key.aspect, &key.value) {
        (Aspect::Fate, Value::Fate(Fate { rule: Some(name), .. })) => {
            key.turn != Turn::Other && rule.name == *name
        }
        (Aspect::Tls, Value::Tls(tls)) => rule.tls == Some(*tls),
        (Aspect::Deed(deed), _) => {
            deeds_of(rule).contains(deed) || rule.tell.iter().any(|told| told_deed(*told) == deed)
        }
        _ => false,
    };
    let mut shifted = Vec::new();
    for (rule, effect) in with.rules().filter(|(rule, _)| asks(rule)) {
        let here = reach(space, with, rule, effect);
        let before = without
            .rules()
            .filter(|(known, _)| known.name == rule.name && known.then == rule.then && asks(known));
        let there: Vec<Region> =
            before.map(|(known, effect)| reach(space, without, known, effect)).collect();
        let there = space.diagrams.any(there);
        shifted.push(space.diagrams.without(here, there));
    }
    let possible = space.possible();
    let shifted = space.diagrams.any(shifted);
    space.diagrams.both(shifted, possible)
}

fn reach(space: &mut Space<'_>, side: &Side<'_>, rule: &Rule, effect: Effect) -> Region {
    let matched = effect.matched(space);
    let stops =
        rule.mode == Mode::Enforce && rule.then.is_some_and(|then| then > Disposition::Relay);
    if stops || rule.tls.is_some() {
        return space.diagrams.both(matched, side.rolled_out);
    }
    matched
}

/// `relayed before, held now by the rule …`.
fn said(key: &Key, others: &[Value]) -> String {
    match (&key.aspect, &key.value, key.turn) {
        (_, Value::Fate(fate), Turn::Tightening) => {
            format!("{} before, {} now{}", outcomes(others), outcome(fate), by(fate))
        }
        (_, Value::Fate(fate), Turn::Loosening) => {
            format!("{} before{}, {} now", outcome(fate), by(fate), outcomes(others))
        }
        (_, Value::Fate(fate), Turn::Other) => {
            format!("{} now{}, which gives its own reason", outcome(fate), by(fate))
        }
        (_, Value::Tls(tls), Turn::Loosening) => {
            format!("{tls} TLS asked for before, {} now", levels(others))
        }
        (_, Value::Tls(tls), _) => {
            format!("{tls} TLS asked for now, {} before", levels(others))
        }
        (Aspect::Deed(deed), Value::Done, _) => format!("{deed} now"),
        (Aspect::Deed(deed), _, _) => format!("{deed} before, and no longer"),
        (aspect, value, _) => {
            let what = match aspect {
                Aspect::Fallback => "the fallback",
                Aspect::Banner => "the banner",
                _ => "the tag line",
            };
            format!(
                "{what} is {} now, and was {} before",
                named(value),
                list(others.iter().map(named))
            )
        }
    }
}

/// What is stopped as before, but by another rule, is known by the one before:
/// any other words would be as many as the rules.
fn whom(key: &Key, others: &[Value]) -> Option<String> {
    if !matches!((&key.value, key.turn), (Value::Fate(_), Turn::Other)) {
        return None;
    }
    let before = others.iter().filter_map(|other| match other {
        Value::Fate(fate) => Some(format!("{}{}", outcome(fate), by(fate))),
        _ => None,
    });
    Some(format!("Messages that were {}", list(before)))
}

fn outcome(fate: &Fate) -> String {
    match (fate.disposition, &fate.redirect) {
        (Disposition::Relay, _) => "relayed".to_owned(),
        (Disposition::Redirect, Some(next_hop)) => format!("redirected to {next_hop}"),
        (Disposition::Redirect, None) => "redirected".to_owned(),
        (Disposition::Defer, _) => "deferred".to_owned(),
        (Disposition::Hold, _) => "held".to_owned(),
        (Disposition::Reject, _) => "rejected".to_owned(),
    }
}

fn by(fate: &Fate) -> String {
    fate.rule
        .as_ref()
        .map_or_else(|| " by no rule".to_owned(), |rule| format!(" by the rule `{rule}`"))
}

fn outcomes(values: &[Value]) -> String {
    list(values.iter().map(|value| match value {
        Value::Fate(fate) => outcome(fate),
        _ => String::new(),
    }))
}

fn levels(values: &[Value]) -> String {
    list(values.iter().map(|value| match value {
        Value::Tls(tls) => tls.to_string(),
        _ => String::new(),
    }))
}

fn named(value: &Value) -> String {
    match value {
        Value::Named(Some(name)) => format!("`{name}`"),
        _ => "none".to_owned(),
    }
}

/// `a, b or c`, each once.
pub(super) fn list(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    words.sort();
    words.dedup();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

const ALREADY: &str = " (where no other rule said so already)";
const STILL: &str = " (where no other rule says so still)";
