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
    let mut near: Vec<(isize, Near)> = rules
        .filter_map(|rule| {
            let (distance, why) = missed(rule, invariant, &asked)?;
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

/// Why a rule has no effect, if little keeps it from it, and how far it is.
fn missed(rule: &Rule, invariant: &Invariant, asked: &Asked<'_>) -> Option<(isize, String)> {
    match rule.verdict(asked) {
        Verdict::Matched | Verdict::PerhapsMatched => match rule.mode_for(asked.message) {
            (Mode::Observe, Some(CanarySide::Beyond)) => {
                let share = rule.canary.map(|canary| canary.to_string()).unwrap_or_default();
                Some((MATCHES, format!("is tried on {share} of senders, and this is none of them")))
            }
            (Mode::Observe, _) => Some((MATCHES, "matches, but only observes".to_owned())),
            (Mode::Enforce, _) => None,
        },
        Verdict::Exempted(exemption) => {
            let (owner, last) = (&exemption.owner, exemption.expires);
            Some((MATCHES + 1, format!("is lifted until {last} by an exemption of {owner}")))
        }
        Verdict::Silent if rule.mode == Mode::Observe => None,
        Verdict::Silent => {
            let failing: Vec<&Condition> =
                rule.conditions().filter(|one| one.truth(asked) == Truth::False).collect();
            if failing.len() > MOST_FAILING {
                return None;
            }
            let spoken_of = |one: &&Condition| invariant.when.iter().any(|i| key(i) == key(one));
            let shared = isize::try_from(rule.conditions().filter(spoken_of).count()).ok()?;
            let distance = isize::try_from(failing.len()).ok()? - shared;
            Some((distance, narrower(rule, &failing)))
        }
    }
}

fn narrower(rule: &Rule, failing: &[&Condition]) -> String {
    if let (Some(owner), [only]) = (&rule.organisation, failing)
        && owner.scope == **only
    {
        return format!("is for what {} sends only", owner.name);
    }
    let keys: Vec<String> = failing.iter().map(|one| format!("`{}`", key(one))).collect();
    format!("would match, but for its {}", keys.join(" and "))
}

/// Nearer than all that do not match.
const MATCHES: isize = isize::MIN;

const MOST_FAILING: usize = 2;

const MOST_TOLD: usize = 3;
