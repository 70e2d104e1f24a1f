//! Rules that nearly kept a message from breaking an invariant: where whoever
//! reads a counterexample looks first.

use crate::mail::{CanarySide, Disposition, Facts, Mode};

use super::super::{
    Invariant, Policy,
    condition::{Asked, Condition, Truth},
    rule::{Rule, Verdict},
};
use super::{dimension::Copy, words::key};

/// A rule, and the one thing for which it did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Near {
    pub rule: String,
    /// Goes on from the rule's name: `only observes`.
    pub why: String,
}

/// The nearest first.
pub(super) fn near(policy: &Policy, invariant: &Invariant, copy: &Copy) -> Vec<Near> {
    let destination = policy.destination(copy.recipient.domain());
    let facts = Facts { message: &copy.message, recipient: &copy.recipient };
    let asked = Asked::new(facts, destination);
    let rules = policy.rules().iter().filter(|rule| would_keep(rule, invariant));
    let mut near: Vec<(usize, Near)> = rules
        .filter_map(|rule| {
            let (distance, why) = missed(rule, &asked)?;
            Some((distance, Near { rule: rule.name.clone(), why }))
        })
        .collect();
    near.sort_by_key(|(distance, _)| *distance);
    near.into_iter().map(|(_, near)| near).take(MOST_TOLD).collect()
}

/// Whether the invariant would hold of what the rule matches.
fn would_keep(rule: &Rule, invariant: &Invariant) -> bool {
    let least = invariant.dispositions.iter().min().copied().unwrap_or(Disposition::Reject);
    let stops = |then: Disposition| then > least && !invariant.dispositions.contains(&then);
    let enough = |least| rule.tls.is_some_and(|tls| tls >= least);
    rule.then.is_some_and(stops) || invariant.tls_below.is_some_and(enough)
}

/// Why a rule has no effect, if only one thing keeps it, and how far it is.
fn missed(rule: &Rule, asked: &Asked<'_>) -> Option<(usize, String)> {
    match rule.verdict(asked) {
        Verdict::Matched | Verdict::PerhapsMatched => match rule.mode_for(asked.message) {
            (Mode::Observe, Some(CanarySide::Beyond)) => {
                let share = rule.canary.map(|canary| canary.to_string()).unwrap_or_default();
                Some((0, format!("is tried on {share} of senders, and this is none of them")))
            }
            (Mode::Observe, _) => Some((0, "matches, but only observes".to_owned())),
            (Mode::Enforce, _) => None,
        },
        Verdict::Exempted(exemption) => {
            let (owner, last) = (&exemption.owner, exemption.expires);
            Some((1, format!("is lifted until {last} by an exemption of {owner}")))
        }
        Verdict::Silent => {
            let mut failing =
                rule.conditions().filter(|condition| condition.truth(asked) == Truth::False);
            match (failing.next(), failing.next()) {
                (Some(only), None) => Some((2, narrower(rule, only))),
                _ => None,
            }
        }
    }
}

fn narrower(rule: &Rule, condition: &Condition) -> String {
    match &rule.organisation {
        Some(owner) if owner.scope == *condition => {
            format!("is for what {} sends only", owner.name)
        }
        _ => format!("would match, but for its `{}`", key(condition)),
    }
}

const MOST_TOLD: usize = 3;
