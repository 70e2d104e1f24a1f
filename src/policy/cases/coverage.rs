//! What the cases exercise: which rules matched and decided in some of them,
//! which exemptions lifted something, which invariants were spoken of. What
//! nobody exercises may say anything, and nobody would notice.

use std::sync::Arc;

use super::Case;
use crate::{
    mail::{Facts, MessageFacts},
    policy::{
        Decide, Exemption, Policy, Verdict,
        condition::{Asked, Truth},
    },
};

/// How often each part of a policy was exercised; counted in cases.
pub struct Coverage<'p> {
    policy: &'p Policy,
    rules: Vec<RuleCoverage>,
    exemptions: Vec<(Arc<Exemption>, usize)>,
    invariants: Vec<usize>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleCoverage {
    /// In which it matched for somebody; also where it only observes.
    pub matched: usize,
    /// In which the outcome for somebody was its own.
    pub decided: usize,
}

/// Something that no case exercises.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Untried {
    pub what: &'static str,
    pub name: String,
    /// Whose it is, where it is not the nation's: an ODS code.
    pub organisation: Option<String>,
}

/// What one case has done, whoever it went to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    matched: bool,
    decided: bool,
}

impl<'p> Coverage<'p> {
    pub fn of(policy: &'p Policy) -> Self {
        let mut exemptions: Vec<(Arc<Exemption>, usize)> = Vec::new();
        for exemption in policy.rules().iter().flat_map(|rule| &rule.exemptions) {
            if !exemptions.iter().any(|(known, _)| Arc::ptr_eq(known, exemption)) {
                exemptions.push((Arc::clone(exemption), 0));
            }
        }
        Self {
            policy,
            rules: vec![RuleCoverage::default(); policy.rules().len()],
            exemptions,
            invariants: vec![0; policy.invariants().len()],
        }
    }

    /// Counts what a case exercises, for all its recipients.
    pub fn add(&mut self, case: &Case, message: &MessageFacts, decide: Decide) {
        let mut rules = vec![Seen::default(); self.rules.len()];
        let mut exemptions = vec![false; self.exemptions.len()];
        let mut invariants = vec![false; self.invariants.len()];
        for recipient in case.recipients() {
            let facts = Facts { message, recipient };
            let asked = Asked::new(facts, self.policy.destination(recipient.domain()));
            let decided_by = decide(self.policy, facts).decided_by.map(|rule| rule.rule);
            for (rule, seen) in self.policy.rules().iter().zip(&mut rules) {
                match rule.verdict(&asked) {
                    Verdict::Silent => {}
                    Verdict::Matched | Verdict::PerhapsMatched => seen.matched = true,
                    Verdict::Exempted(by) => {
                        let lifted = self.exemptions.iter().zip(&mut exemptions);
                        let mut this = lifted.filter(|((known, _), _)| std::ptr::eq(&**known, by));
                        if let Some((_, seen)) = this.next() {
                            *seen = true;
                        }
                    }
                }
                seen.decided |= decided_by.as_deref() == Some(rule.name.as_str());
            }
            for (invariant, seen) in self.policy.invariants().iter().zip(&mut invariants) {
                *seen |= invariant.when.truth(&asked) == Truth::True;
            }
        }
        for (rule, seen) in self.rules.iter_mut().zip(rules) {
            rule.matched += usize::from(seen.matched);
            rule.decided += usize::from(seen.decided);
        }
        for ((_, count), seen) in self.exemptions.iter_mut().zip(exemptions) {
            *count += usize::from(seen);
        }
        for (count, seen) in self.invariants.iter_mut().zip(invariants) {
            *count += usize::from(seen);
        }
    }

    /// Every rule by name, with whose it is and how often it was exercised.
    pub fn rules(&self) -> impl Iterator<Item = (&str, Option<&str>, RuleCoverage)> {
        let rules = self.policy.rules().iter().zip(&self.rules);
        rules.map(|(rule, coverage)| {
            let organisation = rule.organisation.as_ref().map(|owner| owner.ods.as_str());
            (rule.name.as_str(), organisation, *coverage)
        })
    }

    /// Rules first, then exemptions, then invariants.
    pub fn untried(&self) -> Vec<Untried> {
        let rules = self.rules().filter(|(_, _, coverage)| coverage.matched == 0);
        let rules = rules.map(|(name, organisation, _)| Untried {
            what: "rule",
            name: name.to_owned(),
            organisation: organisation.map(str::to_owned),
        });
        let exemptions = self.exemptions.iter().filter(|(_, count)| *count == 0);
        let exemptions = exemptions.map(|(exemption, _)| Untried {
            what: "exemption",
            name: format!("from {} until {}", exemption.rules.join(", "), exemption.expires),
            organisation: exemption.organisation.as_ref().map(|owner| owner.ods.clone()),
        });
        let invariants = self.policy.invariants().iter().zip(&self.invariants);
        let invariants = invariants.filter(|(_, count)| **count == 0);
        let invariants = invariants.map(|(invariant, _)| Untried {
            what: "invariant",
            name: invariant.name.clone(),
            organisation: None,
        });
        rules.chain(exemptions).chain(invariants).collect()
    }
}
