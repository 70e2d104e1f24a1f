//! Proving: that no combination of facts breaks an invariant, or which does.
//!
//! Over `space`, which is complete, and by counterexamples: from the region of
//! what an invariant speaks of, the plainest combination is decided by the same
//! function that decides real mail. If it breaks the invariant it is the
//! plainest that does, for the region holds all that could. If not, then
//! because of a rule; all that this rule keeps from breaking it is taken out,
//! and the next is tried. Each rule is taken out at most once, so this ends:
//! with a message that was decided and did break it, or with an empty region.
//!
//! Roll-out is left aside, since an observing policy breaks every invariant by
//! intent; rules that observe by themselves count for nothing, as in real mail,
//! and a canary is both: there are senders within its share and beyond it.

use std::collections::HashMap;

use crate::mail::{Address, Decision, Disposition, Facts, MessageFacts};

use super::super::{
    Invariant, Policy,
    condition::{Asked, Truth},
    rule::{Rule, Verdict},
    settings::Lacking,
};
use super::{
    diagrams::{EVERYWHERE, NOWHERE, Region},
    dimension::Copy,
    effect::Effect,
    near::{Near, near},
    picture::picture,
    space::Space,
};

/// The function that decides. Handed in, since it stands above this room.
pub type Decide = fn(&Policy, Facts<'_>) -> Decision;

/// What became of one invariant.
#[derive(Clone, Debug)]
pub struct Proof {
    pub invariant: String,
    /// How many combinations stand for all that it speaks of.
    pub combinations: u64,
    pub outcome: ProofOutcome,
}

#[derive(Clone, Debug)]
pub enum ProofOutcome {
    Holds,
    Broken(Box<Counterexample>),
    /// More than can be reasoned about: nothing is shown.
    NotShown,
}

/// The plainest message that breaks an invariant, as it was decided.
#[derive(Clone, Debug)]
pub struct Counterexample {
    pub message: MessageFacts,
    pub recipient: Address,
    pub decision: Decision,
    /// The message in a sentence.
    pub picture: String,
    /// Rules that would have kept it from breaking, but for one thing.
    pub near: Vec<Near>,
}

/// Every invariant of the policy, in the order of the file.
pub fn prove(policy: &Policy, decide: Decide) -> Vec<Proof> {
    let policy = policy.clone().fully_enforced().with_one_local_domain();
    let invariants = policy.invariants();
    let Some(space) = Space::of(&[&policy], invariants.iter().map(|one| &one.when)) else {
        return Vec::new();
    };
    let mut prover = Prover { policy: &policy, space, effects: HashMap::new(), decide };
    invariants.iter().map(|invariant| prover.prove(invariant)).collect()
}

struct Prover<'a> {
    policy: &'a Policy,
    space: Space<'a>,
    /// By the rule's place.
    effects: HashMap<usize, Effect>,
    decide: Decide,
}

/// What breaks an invariant is sought for each outcome that it forbids.
#[derive(Clone, Copy, Debug)]
struct Hunt {
    region: Region,
    /// What must come of it, if that matters.
    disposition: Option<Disposition>,
}

impl<'a> Prover<'a> {
    fn prove(&mut self, invariant: &'a Invariant) -> Proof {
        let spoken_of = self.space.answer(0, invariant.when.iter()).possible;
        let possible = self.space.possible();
        let spoken_of = self.space.diagrams.both(spoken_of, possible);
        let combinations = self.space.diagrams.count(spoken_of);
        let outcome = self.search(invariant, spoken_of).unwrap_or(ProofOutcome::NotShown);
        Proof { invariant: invariant.name.clone(), combinations, outcome }
    }

    /// None where nothing can be shown.
    fn search(&mut self, invariant: &Invariant, spoken_of: Region) -> Option<ProofOutcome> {
        let mut plainest: Option<(usize, Copy, Decision)> = None;
        for hunt in self.hunts(invariant, spoken_of) {
            let Some(found) = self.hunt(invariant, hunt)? else { continue };
            if plainest.as_ref().is_none_or(|(least, ..)| found.0 < *least) {
                plainest = Some(found);
            }
        }
        let outcome = plainest.map(|(_, copy, decision)| {
            let near = near(self.policy, invariant, &copy);
            let picture = picture(&copy.message, &copy.recipient);
            let Copy { message, recipient } = copy;
            let example = Counterexample { message, recipient, decision, picture, near };
            ProofOutcome::Broken(Box::new(example))
        });
        Some(outcome.unwrap_or(ProofOutcome::Holds))
    }

    /// To relay a copy takes nothing; for every other outcome a rule has to
    /// ask, so that it is sought where one does.
    fn hunts(&mut self, invariant: &Invariant, spoken_of: Region) -> Vec<Hunt> {
        let policy = self.policy;
        let region = match invariant.tls_below {
            None => spoken_of,
            Some(least) => {
                let weaker =
                    self.space.recipients(|to| policy.destination(to.domain()).tls() < least);
                self.space.diagrams.both(spoken_of, weaker)
            }
        };
        let mut hunts = Vec::new();
        if invariant.dispositions.is_empty() {
            hunts.push(Hunt { region, disposition: None });
        }
        for &disposition in &invariant.dispositions {
            if disposition == Disposition::Relay {
                hunts.push(Hunt { region, disposition: Some(disposition) });
                continue;
            }
            for place in 0..policy.rules().len() {
                let asks = self.asks(place, disposition);
                let region = self.space.diagrams.both(region, asks);
                if region != NOWHERE {
                    hunts.push(Hunt { region, disposition: Some(disposition) });
                }
            }
        }
        hunts
    }

    /// The plainest that breaks the invariant, and how far it is from plain.
    fn hunt(
        &mut self,
        invariant: &Invariant,
        mut hunt: Hunt,
    ) -> Option<Option<(usize, Copy, Decision)>> {
        loop {
            if self.space.diagrams.is_exhausted() {
                return None;
            }
            let Some(at) = self.space.diagrams.plainest(hunt.region) else { return Some(None) };
            let copy = self.space.copy(&at)?;
            let facts = Facts { message: &copy.message, recipient: &copy.recipient };
            let decision = (self.decide)(self.policy, facts);
            let as_sought = hunt.disposition.is_none_or(|sought| decision.disposition == sought);
            if as_sought && invariant.is_broken_by(self.policy, &decision) {
                let odd = at.iter().filter(|&&value| value > 0).count();
                return Some(Some((odd, copy, decision)));
            }
            let keeps = self.keeps(invariant, hunt, &copy, &decision);
            let rest = self.space.diagrams.without(hunt.region, keeps);
            // Should diagrams and decisions ever disagree, nothing is shown.
            if rest == hunt.region {
                return None;
            }
            hunt.region = rest;
        }
    }

    /// All that is kept from breaking the invariant as this copy is: by one rule
    /// that asks for more, or for enough TLS, the widest of those that match;
    /// or by the rules that give the reason and tell people.
    fn keeps(
        &mut self,
        invariant: &Invariant,
        hunt: Hunt,
        copy: &Copy,
        decision: &Decision,
    ) -> Region {
        let matching = self.matching(copy);
        if let Some(sought) = hunt.disposition.filter(|sought| decision.disposition != *sought) {
            let Some(above) = next_above(sought) else { return NOWHERE };
            return self.first_with(&matching, hunt.region, |space, rule, effect| {
                effect.asks(space, rule, above)
            });
        }
        if let Some(least) = invariant.tls_below.filter(|least| decision.protection.tls >= *least) {
            return self.first_with(&matching, hunt.region, |space, rule, effect| {
                let enough = rule.tls.is_some_and(|tls| tls >= least);
                if enough { effect.matched(space) } else { NOWHERE }
            });
        }
        let mut keeps = EVERYWHERE;
        for lacking in &invariant.lacking {
            let people = *lacking == Lacking::WayOut && decision.disposition == Disposition::Hold;
            let has = self.first_with(&matching, hunt.region, |space, rule, effect| {
                let decides = decision.decided_by.as_ref().is_some_and(|one| one.rule == rule.name);
                match people {
                    true if !rule.tell.is_empty() => effect.matched(space),
                    false if decides => effect.asks(space, rule, decision.disposition),
                    _ => NOWHERE,
                }
            });
            keeps = self.space.diagrams.both(keeps, has);
        }
        keeps
    }

    /// Places of the rules that match, the widest first.
    fn matching(&self, copy: &Copy) -> Vec<usize> {
        let destination = self.policy.destination(copy.recipient.domain());
        let facts = Facts { message: &copy.message, recipient: &copy.recipient };
        let asked = Asked::new(facts, destination);
        let matches = |rule: &Rule| {
            matches!(rule.verdict(&asked), Verdict::Matched | Verdict::PerhapsMatched)
        };
        let rules = self.policy.rules().iter().enumerate();
        let mut matching: Vec<(usize, &Rule)> = rules.filter(|(_, rule)| matches(rule)).collect();
        matching.sort_by_key(|(_, rule)| rule.specificity());
        matching.into_iter().map(|(place, _)| place).collect()
    }

    /// What the first of these rules does that does any of it in a region.
    fn first_with(
        &mut self,
        places: &[usize],
        region: Region,
        does: impl Fn(&mut Space<'a>, &'a Rule, Effect) -> Region,
    ) -> Region {
        for &place in places {
            let Some(rule) = self.policy.rules().get(place) else { continue };
            let effect = self.effect(place);
            let done = does(&mut self.space, rule, effect);
            if self.space.diagrams.both(region, done) != NOWHERE {
                return done;
            }
        }
        NOWHERE
    }

    fn asks(&mut self, place: usize, disposition: Disposition) -> Region {
        let Some(rule) = self.policy.rules().get(place) else { return NOWHERE };
        let effect = self.effect(place);
        let least = effect.asks(&mut self.space, rule, disposition);
        match next_above(disposition) {
            None => least,
            Some(above) => {
                let more = effect.asks(&mut self.space, rule, above);
                self.space.diagrams.without(least, more)
            }
        }
    }

    fn effect(&mut self, place: usize) -> Effect {
        if let Some(effect) = self.effects.get(&place) {
            return *effect;
        }
        let Some(rule) = self.policy.rules().get(place) else {
            return Effect { certain: NOWHERE, unsure: NOWHERE };
        };
        let effect = Effect::enforced(&mut self.space, 0, rule);
        self.effects.insert(place, effect);
        effect
    }
}

fn next_above(disposition: Disposition) -> Option<Disposition> {
    Disposition::ALL.into_iter().find(|one| *one > disposition)
}

impl Proof {
    pub fn holds(&self) -> bool {
        matches!(self.outcome, ProofOutcome::Holds)
    }
}

impl Policy {
    /// Whether an invariant is about these facts. What cannot be evaluated
    /// counts (law 3).
    pub fn speaks_of(&self, invariant: &Invariant, facts: Facts<'_>) -> bool {
        let destination = self.destination(facts.recipient.domain());
        invariant.when.truth(&Asked::new(facts, destination)) != Truth::False
    }
}

impl Invariant {
    /// Whether an outcome is one that must never be.
    pub fn is_broken_by(&self, policy: &Policy, decision: &Decision) -> bool {
        let disposition =
            self.dispositions.is_empty() || self.dispositions.contains(&decision.disposition);
        let lacks = |lacking: &Lacking| lacking.is_so_of(policy, decision);
        disposition
            && self.tls_below.is_none_or(|least| decision.protection.tls < least)
            && (self.lacking.is_empty() || self.lacking.iter().any(lacks))
    }
}

impl Lacking {
    /// A reason is the sentence of the rule that decides. A way out of a hold
    /// is a person who hears of it and can release; of a refusal, a further
    /// sentence, which says what to do.
    fn is_so_of(self, policy: &Policy, decision: &Decision) -> bool {
        let decides = decision.decided_by.as_ref();
        let sentences = decides
            .and_then(|decides| policy.rules().iter().find(|rule| rule.name == decides.rule))
            .map_or(0, |rule| sentences(&rule.reason.fill_with(|_| "X".into())));
        match (self, decision.disposition) {
            (_, Disposition::Relay | Disposition::Redirect) => false,
            (Self::Reason, _) => sentences == 0,
            (Self::WayOut, Disposition::Hold) => decision.tell.is_empty(),
            (Self::WayOut, Disposition::Defer | Disposition::Reject) => sentences < 2,
        }
    }
}

fn sentences(text: &str) -> usize {
    let ends = |word: &&str| word.ends_with(['.', '!', '?']);
    let words = text.split_whitespace().filter(ends).count();
    let unended = text.trim_end().chars().next_back().is_some_and(|last| !".!?".contains(last));
    words + usize::from(unended)
}
