//! Rules and exemptions that do nothing: warned of when a policy is checked,
//! for whoever wrote them thinks that they do.
//!
//! A rule that can never match, for any facts; one that asks for nothing that
//! another does not ask for wherever it matches; an exemption that never lifts
//! a rule where it would match. Roll-out and dates are left aside: what does
//! nothing today for their sake may tomorrow.

use std::sync::Arc;

use crate::mail::{Disposition, Mode};

use super::super::{
    Policy,
    condition::Condition,
    rule::{Exemption, Rule},
};
use super::{
    diagrams::{NOWHERE, Region},
    effect::Effect,
    space::Space,
    words::key,
};

/// What does nothing, and why.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Doubt {
    pub(in crate::policy) about: About,
    pub(in crate::policy) why: Why,
}

/// What a doubt is about.
#[derive(Clone, Debug)]
pub(in crate::policy) enum About {
    /// By its name.
    Rule(String),
    Exemption(Arc<Exemption>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::policy) enum Why {
    /// These keys exclude each other.
    Never(Vec<&'static str>),
    /// Exemptions lift it wherever it matches.
    AlwaysExempt,
    /// This rule asks for as much.
    Shadowed(String),
    LiftsNothing,
}

/// In the order of the rules. None are found in a policy that is too large to
/// be reasoned about: a warning that is missed harms less than a false one.
pub(in crate::policy) fn doubts(policy: &Policy) -> Vec<Doubt> {
    let policy = policy.clone().with_one_local_domain();
    let Some(mut space) = Space::of(&[&policy], []) else { return Vec::new() };
    let possible = space.possible();
    let mut doubts = Vec::new();
    let mut acting: Vec<Acting<'_>> = Vec::new();
    for rule in policy.rules() {
        let effect = Effect::asked(&mut space, 0, rule).within(&mut space, possible);
        let matched = effect.matched(&mut space);
        let why = match matched {
            NOWHERE => Some(why_never(&mut space, rule, possible)),
            _ => None,
        };
        if let Some(why) = why {
            doubts.push(Doubt { about: About::Rule(rule.name.clone()), why });
        } else if rule.mode == Mode::Enforce {
            let plainest = space.diagrams.plainest(matched).unwrap_or_default();
            acting.push(Acting { rule, effect, matched, plainest });
        }
    }
    for (place, acts) in acting.iter().enumerate() {
        let others = acting.iter().enumerate().filter(|(other, _)| *other != place);
        let shadow = others.into_iter().find(|(other, over)| {
            asks_as_much(over.rule, acts.rule, *other < place) && covers(&mut space, over, acts)
        });
        if let Some((_, over)) = shadow {
            let why = Why::Shadowed(over.rule.name.clone());
            doubts.push(Doubt { about: About::Rule(acts.rule.name.clone()), why });
        }
    }
    doubts.extend(idle_exemptions(&mut space, &policy, possible));
    if space.diagrams.is_exhausted() { Vec::new() } else { doubts }
}

/// A rule that is enforced, and where.
struct Acting<'a> {
    rule: &'a Rule,
    effect: Effect,
    matched: Region,
    /// One combination that it matches.
    plainest: Vec<usize>,
}

/// A smallest set of conditions that already exclude each other.
fn why_never<'a>(space: &mut Space<'a>, rule: &'a Rule, possible: Region) -> Why {
    let mut needed: Vec<&'a Condition> = rule.conditions().collect();
    let mut may_match = |conditions: &[&'a Condition]| {
        let when = space.answer(0, conditions.iter().copied()).possible;
        space.diagrams.both(when, possible) != NOWHERE
    };
    if may_match(&needed) {
        return Why::AlwaysExempt;
    }
    let mut place = 0;
    while place < needed.len() {
        let mut fewer = needed.clone();
        fewer.remove(place);
        match may_match(&fewer) {
            true => place += 1,
            false => needed = fewer,
        }
    }
    let scope = rule.organisation.as_ref().map(|owner| &owner.scope);
    let name = |condition: &&'a Condition| match scope {
        Some(scope) if std::ptr::eq(scope, *condition) => "sender_domains",
        _ => key(condition),
    };
    Why::Never(needed.iter().map(name).collect())
}

/// Whether the one rule leaves nothing for the other to ask for.
fn asks_as_much(over: &Rule, rule: &Rule, is_before: bool) -> bool {
    let adds_nothing = rule.adds_nothing();
    let asks = rule.then.is_some() || rule.tls.is_some() || !rule.tell.is_empty();
    // Of rules that ask for the same the first gives its reason.
    let decides = match (over.then, rule.then) {
        (_, None) => false,
        (Some(over), Some(then)) => over < then || (over == then && !is_before),
        (None, Some(_)) => true,
    };
    let stops = |rule: &Rule| rule.then.is_some_and(|then| then > Disposition::Relay);
    // While a policy is rolled out, who stops nothing tells nobody.
    let tells = rule.tell.iter().any(|told| !over.tell.contains(told))
        || (!rule.tell.is_empty() && stops(over) && !stops(rule));
    over.canary.is_none() && asks && adds_nothing && !decides && !tells && rule.tls <= over.tls
}

fn covers(space: &mut Space<'_>, over: &Acting<'_>, acts: &Acting<'_>) -> bool {
    // One look is enough for nearly all.
    space.diagrams.contains(over.matched, &acts.plainest)
        && space.diagrams.is_within(acts.effect.certain, over.effect.certain)
        && space.diagrams.is_within(acts.effect.unsure, over.matched)
}

fn idle_exemptions<'a>(space: &mut Space<'a>, policy: &'a Policy, possible: Region) -> Vec<Doubt> {
    let mut exemptions: Vec<(&'a Arc<Exemption>, bool)> = Vec::new();
    for rule in policy.rules() {
        for exemption in &rule.exemptions {
            let matches = space.answer(0, rule.conditions()).possible;
            let lifted = space.answer(0, exemption.conditions()).certain;
            let lifted = space.diagrams.both(matches, lifted);
            let lifts = space.diagrams.both(lifted, possible) != NOWHERE;
            match exemptions.iter_mut().find(|(known, _)| Arc::ptr_eq(known, exemption)) {
                Some((_, known)) => *known |= lifts,
                None => exemptions.push((exemption, lifts)),
            }
        }
    }
    let idle = exemptions.into_iter().filter(|(_, lifts)| !lifts);
    idle.map(|(one, _)| Doubt { about: About::Exemption(Arc::clone(one)), why: Why::LiftsNothing })
        .collect()
}
