//! Proving: that no combination of facts breaks an invariant, or which does.
//!
//! By enumeration over `space`, which is complete; each combination is decided
//! by the same function that decides real mail. Roll-out is left aside, since
//! an observing policy breaks every invariant by intent; rules that observe
//! by themselves count for nothing, as in real mail.

use crate::mail::{Address, Decision, Facts, MessageFacts};

use super::super::{
    Invariant, Policy,
    condition::{Asked, Truth},
};
use super::space::{Combination, Space};

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
    /// More combinations than can be tried: nothing is shown.
    TooMany,
}

/// The plainest message that breaks an invariant.
#[derive(Clone, Debug)]
pub struct Counterexample {
    pub message: MessageFacts,
    pub recipient: Address,
    pub decision: Decision,
}

/// Every invariant of the policy, in the order of the file.
pub fn prove(policy: &Policy, decide: Decide) -> Vec<Proof> {
    let policy = policy.clone().fully_enforced();
    policy.invariants().iter().map(|invariant| prove_one(&policy, invariant, decide)).collect()
}

fn prove_one(policy: &Policy, invariant: &Invariant, decide: Decide) -> Proof {
    let space = Space::of(policy, &invariant.when);
    let combinations = space.size();
    let outcome = if combinations > MOST_COMBINATIONS {
        ProofOutcome::TooMany
    } else {
        search(policy, invariant, &space, decide)
    };
    Proof { invariant: invariant.name.clone(), combinations, outcome }
}

fn search(policy: &Policy, invariant: &Invariant, space: &Space, decide: Decide) -> ProofOutcome {
    let mut plainest: Option<(usize, Counterexample)> = None;
    for Combination { message, recipient, oddity } in space.combinations() {
        if plainest.as_ref().is_some_and(|(least, _)| *least <= oddity) {
            continue;
        }
        let facts = Facts { message: &message, recipient: &recipient };
        let asked = Asked::new(facts, policy.destination(recipient.domain()));
        if invariant.when.truth(&asked) == Truth::False {
            continue;
        }
        let decision = decide(policy, facts);
        if invariant.is_broken_by(&decision) {
            plainest = Some((oddity, Counterexample { message, recipient, decision }));
        }
    }
    match plainest {
        Some((_, counterexample)) => ProofOutcome::Broken(Box::new(counterexample)),
        None => ProofOutcome::Holds,
    }
}

impl Invariant {
    /// Whether an outcome is one that must never be.
    pub fn is_broken_by(&self, decision: &Decision) -> bool {
        let disposition =
            self.dispositions.is_empty() || self.dispositions.contains(&decision.disposition);
        disposition && self.tls_below.is_none_or(|least| decision.protection.tls < least)
    }
}

impl Proof {
    pub fn holds(&self) -> bool {
        matches!(self.outcome, ProofOutcome::Holds)
    }
}

/// Some seconds' worth.
const MOST_COMBINATIONS: u64 = 2_000_000;
