//! All facts there are, as far as a policy can tell them apart.
//!
//! A decision depends on facts only through the answers to the conditions it
//! asks, the clearance and TLS of the destination among them, and each
//! condition looks at one dimension (level and clearance are kept apart). So
//! for each dimension one representative of each set of answers is enough,
//! and the product of the representatives stands for every combination of
//! facts. What makes each list of candidates complete is said where it is made.

use std::collections::BTreeMap;

use crate::mail::{
    Address, Arrival, AuthenticationFacts, Direction, Kind, Level, MessageFacts, OpaqueReason,
    ReversePath, SecureTag, Spoof,
};

use super::super::{
    Policy,
    condition::{Condition, Conditions, Truth},
    rule::Rule,
};
use super::representatives::{Builder, plain_message, truth};

/// The representatives of each dimension, the plainest first.
#[derive(Clone, Debug)]
pub(super) struct Space {
    pub(super) directions: Vec<Direction>,
    pub(super) levels: Vec<Level>,
    pub(super) recipients: Vec<Address>,
    pub(super) senders: Vec<ReversePath>,
    pub(super) kinds: Vec<BTreeMap<Kind, usize>>,
    pub(super) markings: Vec<Option<String>>,
    pub(super) secure_tags: Vec<SecureTag>,
    pub(super) opaque: Vec<Vec<OpaqueReason>>,
    pub(super) sizes: Vec<usize>,
    pub(super) authentications: Vec<Option<AuthenticationFacts>>,
    pub(super) spoofs: Vec<Vec<Spoof>>,
    pub(super) arrivals: Vec<Arrival>,
}

/// One combination, and how far it is from the plainest.
#[derive(Clone, Debug)]
pub(super) struct Combination {
    pub(super) message: MessageFacts,
    pub(super) recipient: Address,
    pub(super) oddity: usize,
}

impl Space {
    /// What bears on an invariant: the facts it speaks of, told apart by the
    /// rules that can match on them and can change the outcome.
    pub(super) fn of(policy: &Policy, when: &Conditions) -> Self {
        let rules: Vec<&Rule> =
            policy.rules().iter().filter(|rule| rule.changes_outcome()).collect();
        let all: Vec<&Condition> = told_apart_by(&rules, when);
        let coarse = Builder { policy, conditions: &all, within: when }.build();
        let relevant: Vec<&Rule> =
            rules.into_iter().filter(|rule| coarse.may_match(policy, rule)).collect();
        let fewer = told_apart_by(&relevant, when);
        Builder { policy, conditions: &fewer, within: when }.build()
    }

    /// How many combinations there are.
    pub(super) fn size(&self) -> u64 {
        self.lengths().iter().fold(1, |product, &length| product.saturating_mul(length as u64))
    }

    /// Every combination, one after the other.
    pub(super) fn combinations(&self) -> impl Iterator<Item = Combination> {
        let lengths = self.lengths();
        let mut next = (self.size() > 0).then_some([0; DIMENSIONS]);
        std::iter::from_fn(move || {
            let current = next?;
            next = advance(current, &lengths);
            self.combination(&current)
        })
    }

    fn lengths(&self) -> [usize; DIMENSIONS] {
        [
            self.directions.len(),
            self.levels.len(),
            self.recipients.len(),
            self.senders.len(),
            self.kinds.len(),
            self.markings.len(),
            self.secure_tags.len(),
            self.opaque.len(),
            self.sizes.len(),
            self.authentications.len(),
            self.spoofs.len(),
            self.arrivals.len(),
        ]
    }

    fn combination(&self, at: &[usize; DIMENSIONS]) -> Option<Combination> {
        let [
            direction,
            level,
            to,
            from,
            kinds,
            marking,
            tag,
            opaque,
            size,
            verdicts,
            spoof,
            arrival,
        ] = *at;
        Some(Combination {
            message: MessageFacts {
                direction: *self.directions.get(direction)?,
                reverse_path: self.senders.get(from)?.clone(),
                level: *self.levels.get(level)?,
                kinds: self.kinds.get(kinds)?.clone(),
                marking: self.markings.get(marking)?.clone(),
                secure_tag: *self.secure_tags.get(tag)?,
                opaque: self.opaque.get(opaque)?.clone(),
                authentication: self.authentications.get(verdicts)?.clone(),
                spoof: self.spoofs.get(spoof)?.clone(),
                arrival: *self.arrivals.get(arrival)?,
                size: *self.sizes.get(size)?,
            },
            recipient: self.recipients.get(to)?.clone(),
            oddity: at.iter().filter(|&&index| index > 0).count(),
        })
    }

    /// Whether no single condition of the rule fails everywhere.
    fn may_match(&self, policy: &Policy, rule: &Rule) -> bool {
        let plain = plain_message();
        rule.conditions().all(|condition| {
            self.along(condition).into_iter().any(|(message, recipient)| {
                let message = message.as_ref().unwrap_or(&plain);
                let Some(recipient) = recipient.or(self.recipients.first()) else { return false };
                truth(policy, condition, message, recipient) != Truth::False
            })
        })
    }

    /// The representatives on which a condition can differ. Level with
    /// clearance counts as possible everywhere.
    fn along(&self, condition: &Condition) -> Vec<(Option<MessageFacts>, Option<&Address>)> {
        let message = |message: MessageFacts| (Some(message), None);
        let plain = plain_message;
        match condition {
            Condition::Direction(_) => self
                .directions
                .iter()
                .map(|&direction| message(MessageFacts { direction, ..plain() }))
                .collect(),
            Condition::Level(_) => self
                .levels
                .iter()
                .map(|&level| message(MessageFacts { level, ..plain() }))
                .collect(),
            Condition::Destination(_)
            | Condition::Retired(_)
            | Condition::RecipientDomain(_)
            | Condition::Recipient(_) => {
                self.recipients.iter().map(|recipient| (None, Some(recipient))).collect()
            }
            Condition::Clearance(_) => self
                .levels
                .iter()
                .flat_map(|&level| {
                    self.recipients.iter().map(move |recipient| {
                        (Some(MessageFacts { level, ..plain_message() }), Some(recipient))
                    })
                })
                .collect(),
            Condition::SenderDomain(_) | Condition::Sender(_) => self
                .senders
                .iter()
                .map(|path| message(MessageFacts { reverse_path: path.clone(), ..plain() }))
                .collect(),
            Condition::Kinds(_) | Condition::KindCount(..) => self
                .kinds
                .iter()
                .map(|kinds| message(MessageFacts { kinds: kinds.clone(), ..plain() }))
                .collect(),
            Condition::Marking(_) => self
                .markings
                .iter()
                .map(|marking| message(MessageFacts { marking: marking.clone(), ..plain() }))
                .collect(),
            Condition::SecureTag(_) => self
                .secure_tags
                .iter()
                .map(|&secure_tag| message(MessageFacts { secure_tag, ..plain() }))
                .collect(),
            Condition::Opaque(_) => self
                .opaque
                .iter()
                .map(|opaque| message(MessageFacts { opaque: opaque.clone(), ..plain() }))
                .collect(),
            Condition::Size(_) => {
                self.sizes.iter().map(|&size| message(MessageFacts { size, ..plain() })).collect()
            }
            Condition::Authentication(..) => self
                .authentications
                .iter()
                .map(|facts| message(MessageFacts { authentication: facts.clone(), ..plain() }))
                .collect(),
            Condition::Spoof(_) => self
                .spoofs
                .iter()
                .map(|spoof| message(MessageFacts { spoof: spoof.clone(), ..plain() }))
                .collect(),
            Condition::Arrival(_) => self
                .arrivals
                .iter()
                .map(|&arrival| message(MessageFacts { arrival, ..plain() }))
                .collect(),
        }
    }
}

/// The next combination of indices, or none after the last.
fn advance(
    mut at: [usize; DIMENSIONS],
    lengths: &[usize; DIMENSIONS],
) -> Option<[usize; DIMENSIONS]> {
    for (index, &length) in at.iter_mut().zip(lengths) {
        *index += 1;
        if *index < length {
            return Some(at);
        }
        *index = 0;
    }
    None
}

fn told_apart_by<'a>(rules: &[&'a Rule], when: &'a Conditions) -> Vec<&'a Condition> {
    let own = rules.iter().flat_map(|rule| rule.conditions());
    let lifted = rules
        .iter()
        .flat_map(|rule| rule.exemptions.iter().flat_map(|exemption| exemption.conditions()));
    own.chain(lifted).chain(when.iter()).collect()
}

const DIMENSIONS: usize = 12;
