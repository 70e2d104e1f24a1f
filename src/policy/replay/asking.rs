//! One recorded decision, asked again.

use std::fmt;

use serde::Serialize;

use super::report::{Outcome, ReplayReport};
use crate::{
    mail::{
        Arrival, DestinationClass, Facts, MessageFacts, Mode, RecordedDecision, RecordedOutcome,
    },
    policy::{
        Decide, Policy, Rule,
        condition::{Asked, Condition, Truth},
    },
};

/// Asks a policy about decisions that others have taken.
pub struct Replay<'a> {
    policy: &'a Policy,
    decide: Decide,
    report: ReplayReport,
}

/// Why a copy was not asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotAsked {
    /// Its recipient was one of ours, and is none of those named now.
    Local,
    /// A rule asks for this fact, and it was not recorded then.
    Fact(&'static str),
}

impl<'a> Replay<'a> {
    pub fn new(policy: &'a Policy, decide: Decide) -> Self {
        Self { policy, decide, report: ReplayReport::new(policy.version()) }
    }

    /// Decides anew for every recipient, and adds up what differs.
    pub fn ask(&mut self, recorded: &mut RecordedDecision) {
        let again = ask_again(self.policy, self.decide, recorded);
        let RecordedDecision { id, policy: version, facts, recipients } = recorded;
        let outcomes: Vec<Outcome<'_>> =
            recipients.iter().zip(again).map(|(before, after)| Outcome { before, after }).collect();
        let sender = || match self.policy.organisation(facts) {
            Some(organisation) => format!("{} ({})", organisation.name, organisation.ods),
            None => NO_ORGANISATION.to_owned(),
        };
        self.report.add(*id, version, facts.received_at, &outcomes, &sender);
    }

    pub fn finish(self) -> ReplayReport {
        self.report
    }
}

/// What a policy says now for each recipient, or why there is no saying. Whose
/// seals are believed is for it to say, so that fact is made anew.
pub fn ask_again(
    policy: &Policy,
    decide: Decide,
    recorded: &mut RecordedDecision,
) -> Vec<Result<RecordedOutcome, NotAsked>> {
    if let Some(found) = &mut recorded.facts.authentication {
        let trusted = found.trusted_arc(|sealer| policy.trusts_sealer(sealer));
        trusted.clone_into(&mut found.trusted_arc);
    }
    let message = &recorded.facts;
    let again = recorded.recipients.iter().map(|before| {
        let recipient = &before.recipient;
        not_asked(policy, message, before).map_or_else(
            || Ok(RecordedOutcome::of(recipient, &decide(policy, Facts { message, recipient }))),
            Err,
        )
    });
    again.collect()
}

fn not_asked(policy: &Policy, facts: &MessageFacts, before: &RecordedOutcome) -> Option<NotAsked> {
    let destination = policy.destination(before.recipient.domain());
    // Which domains are ours stands in postern.toml, not in the policy.
    if before.class == DestinationClass::Local && destination.class != DestinationClass::Local {
        return Some(NotAsked::Local);
    }
    if is_complete(facts) {
        return None;
    }
    let asked = Asked::new(Facts { message: facts, recipient: &before.recipient }, destination);
    let mut rules = policy.rules().iter().filter(|rule| rule.mode == Mode::Enforce);
    rules.find_map(|rule| lacking(rule, &asked)).map(NotAsked::Fact)
}

/// The fact that decides whether a rule applies, where it was not recorded.
fn lacking(rule: &Rule, asked: &Asked<'_>) -> Option<&'static str> {
    let of_rule = answer(rule.conditions(), asked);
    if of_rule == Answer::No {
        return None;
    }
    let lifted = || rule.exemptions.iter().map(|exemption| answer(exemption.conditions(), asked));
    if lifted().any(|answer| answer == Answer::Yes) {
        return None;
    }
    let answers = std::iter::once(of_rule).chain(lifted());
    answers.into_iter().find_map(|answer| match answer {
        Answer::Lacks(fact) => Some(fact),
        Answer::No | Answer::Yes | Answer::Unsure => None,
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    No,
    Yes,
    /// It could not be told then either: that is a fact too.
    Unsure,
    Lacks(&'static str),
}

fn answer<'c>(conditions: impl Iterator<Item = &'c Condition>, asked: &Asked<'_>) -> Answer {
    let mut answer = Answer::Yes;
    for condition in conditions {
        match condition.truth(asked) {
            Truth::False => return Answer::No,
            Truth::True => {}
            Truth::Unknown => match (unrecorded(condition), answer) {
                (Some(fact), _) => answer = Answer::Lacks(fact),
                (None, Answer::Yes) => answer = Answer::Unsure,
                (None, _) => {}
            },
        }
    }
    answer
}

/// Of facts that are always known when mail is decided, and came later than
/// the audit trail.
fn unrecorded(condition: &Condition) -> Option<&'static str> {
    match condition {
        Condition::TlsVersion(_) => Some("tls_version"),
        Condition::AttachmentTypes(_) => Some("attachment_types"),
        Condition::VisibleRecipients(_) => Some("visible_recipients"),
        Condition::Time(_) => Some("time"),
        _ => None,
    }
}

fn is_complete(facts: &MessageFacts) -> bool {
    (facts.tls_version.is_some() || facts.arrival == Arrival::Clear)
        && facts.attachment_types.is_some()
        && facts.visible_recipients.is_some()
        && facts.received_at.is_some()
}

impl fmt::Display for NotAsked {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => out.write_str(
                "their recipients were ours then: name our domains with --config or --local",
            ),
            Self::Fact(fact) => {
                write!(out, "a rule asks for `{fact}`, which was not recorded then")
            }
        }
    }
}

const NO_ORGANISATION: &str = "senders of no organisation with a file";
