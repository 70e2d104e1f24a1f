//! All facts there are, as far as a policy can tell them apart.
//!
//! A decision depends on facts only through the answers to the conditions it
//! asks, the clearance and TLS of the destination among them, and each
//! condition looks at one dimension (level and clearance are kept apart). So
//! for each dimension one representative of each set of answers is enough,
//! and the product of the representatives stands for every combination of
//! facts. What makes each list of candidates complete is said where it is made.

use std::collections::{BTreeMap, BTreeSet};

use crate::mail::{
    Address, Arrival, AttachmentType, AuthenticationFacts, Direction, Kind, Level, MessageFacts,
    OpaqueReason, ReversePath, SecureTag, Spoof, Timestamp, TlsVersion,
};

use super::{
    Policy,
    condition::{Condition, Conditions, Truth},
    representatives::{Builder, plain_message, truth},
    rule::Rule,
};

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
    /// With the TLS it came in under.
    pub(super) arrivals: Vec<(Arrival, Option<TlsVersion>)>,
    pub(super) attachments: Vec<BTreeSet<AttachmentType>>,
    pub(super) visible: Vec<usize>,
    pub(super) moments: Vec<Timestamp>,
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
            self.attachments.len(),
            self.visible.len(),
            self.moments.len(),
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
            attached,
            visible,
            moment,
        ] = *at;
        let (arrival, tls_version) = *self.arrivals.get(arrival)?;
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
                arrival,
                tls_version,
                size: *self.sizes.get(size)?,
                attachment_types: Some(self.attachments.get(attached)?.clone()),
                visible_recipients: Some(*self.visible.get(visible)?),
                received_at: Some(*self.moments.get(moment)?),
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
        let plain = plain_message;
        match condition {
            Condition::Direction(_) => {
                each(&self.directions, |&direction| MessageFacts { direction, ..plain() })
            }
            Condition::Level(_) => each(&self.levels, |&level| MessageFacts { level, ..plain() }),
            Condition::Destination(_)
            | Condition::DestinationClearance(_)
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
            Condition::SenderDomain(_) | Condition::Sender(_) | Condition::Organisation(_) => {
                let sent =
                    |path: &ReversePath| MessageFacts { reverse_path: path.clone(), ..plain() };
                each(&self.senders, sent)
            }
            Condition::Kinds(_) | Condition::KindCount(..) => {
                each(&self.kinds, |kinds| MessageFacts { kinds: kinds.clone(), ..plain() })
            }
            Condition::Marking(_) => {
                each(&self.markings, |marking| MessageFacts { marking: marking.clone(), ..plain() })
            }
            Condition::SecureTag(_) => {
                each(&self.secure_tags, |&secure_tag| MessageFacts { secure_tag, ..plain() })
            }
            Condition::Opaque(_) => {
                each(&self.opaque, |opaque| MessageFacts { opaque: opaque.clone(), ..plain() })
            }
            Condition::Size(_) => each(&self.sizes, |&size| MessageFacts { size, ..plain() }),
            Condition::Authentication(..) => each(&self.authentications, |facts| MessageFacts {
                authentication: facts.clone(),
                ..plain()
            }),
            Condition::Spoof(_) => {
                each(&self.spoofs, |spoof| MessageFacts { spoof: spoof.clone(), ..plain() })
            }
            Condition::Arrival(_) | Condition::TlsVersion(_) => {
                each(&self.arrivals, |&(arrival, tls_version)| MessageFacts {
                    arrival,
                    tls_version,
                    ..plain()
                })
            }
            Condition::AttachmentTypes(_) => each(&self.attachments, |attached| MessageFacts {
                attachment_types: Some(attached.clone()),
                ..plain()
            }),
            Condition::VisibleRecipients(_) => each(&self.visible, |&seen| MessageFacts {
                visible_recipients: Some(seen),
                ..plain()
            }),
            Condition::Time(_) => {
                each(&self.moments, |&moment| MessageFacts { received_at: Some(moment), ..plain() })
            }
        }
    }
}

fn each<'a, T>(
    representatives: &[T],
    message: impl Fn(&T) -> MessageFacts,
) -> Vec<(Option<MessageFacts>, Option<&'a Address>)> {
    representatives.iter().map(|one| (Some(message(one)), None)).collect()
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

const DIMENSIONS: usize = 15;
