//! All facts there are, as far as policies can tell them apart.
//!
//! A decision depends on facts only through the answers to the conditions it
//! asks, what the destination's entry says, how far the rules are rolled out
//! to it, and the share of senders a canary takes. Each answer follows from
//! one dimension, or from a few in a way that `Shape` knows. So for each
//! dimension one value of each set of answers is enough, and the product of
//! the values stands for every combination of facts. What makes each list of
//! candidates complete is said in `dimension`.
//!
//! Three things depend on two dimensions and are kept so: level on clearance,
//! a verdict on whether it was asked for, and a share on the sender, where a
//! rule names that very sender; of all others there is one in every place.

use crate::mail::{Address, CanarySide, Facts, ReversePath};

use super::super::{
    Policy,
    canary::Canary,
    condition::{Asked, Condition, Conditions, Presence, Truth},
};
use super::{
    diagrams::{Diagrams, EVERYWHERE, NOWHERE, Region},
    dimension::{Copy, Dimension, Elsewhere, Fact, Shape},
    plain_message,
    values::{Values, asked_by, distinct, shares_of},
};

/// The values of each dimension, and the diagrams over them.
pub(in crate::policy) struct Space<'a> {
    policies: Vec<&'a Policy>,
    dimensions: Vec<(Dimension, Vec<Fact>)>,
    conditions: Vec<&'a Condition>,
    elsewhere: Elsewhere<'a>,
    /// Senders that are one address each, and not any at their domain.
    named: Vec<&'a Address>,
    pub(in crate::policy) diagrams: Diagrams,
    /// By policy; of the few that all rules ask.
    known: Vec<Vec<(&'a Condition, Answer)>>,
    nobody: Copy,
}

/// Where a condition holds, and where it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::policy) struct Answer {
    pub(in crate::policy) certain: Region,
    pub(in crate::policy) possible: Region,
}

impl<'a> Space<'a> {
    /// What these policies tell apart, and these further conditions. None only
    /// if a plain address could not be written.
    pub(in crate::policy) fn of(
        policies: &[&'a Policy],
        further: impl IntoIterator<Item = &'a Conditions>,
    ) -> Option<Self> {
        let further = further.into_iter().flat_map(Conditions::iter);
        let conditions =
            distinct(policies.iter().flat_map(|policy| asked_by(policy)).chain(further));
        let nobody =
            Copy { message: plain_message(), recipient: "someone@any.example".parse().ok()? };
        let elsewhere = Elsewhere {
            domains: policies.iter().flat_map(|policy| policy.domains().names()).collect(),
            shares: policies.iter().flat_map(|policy| shares_of(policy)).collect(),
        };
        let values =
            Values { policies, conditions: &conditions, elsewhere: &elsewhere, nobody: &nobody };
        let dimensions = values.all();
        let lengths = dimensions.iter().map(|(_, values)| values.len()).collect();
        Some(Self {
            policies: policies.to_vec(),
            dimensions,
            named: values.named_senders(),
            conditions,
            elsewhere,
            diagrams: Diagrams::new(lengths),
            known: vec![Vec::new(); policies.len()],
            nobody,
        })
    }

    pub(in crate::policy) fn dimensions(&self) -> &[(Dimension, Vec<Fact>)] {
        &self.dimensions
    }

    pub(in crate::policy) fn policies(&self) -> &[&'a Policy] {
        &self.policies
    }

    /// For which values of a dimension a condition holds, if nothing else is
    /// to be said of a message.
    pub(in crate::policy) fn holds(
        &self,
        condition: &Condition,
        dimension: &Dimension,
    ) -> Vec<bool> {
        let values = self.place(dimension).and_then(|place| self.dimensions.get(place));
        let facts = values.map(|(_, facts)| facts.as_slice()).unwrap_or_default();
        let holds = |fact: &Fact| {
            let mut copy = self.nobody.clone();
            fact.put(&mut copy);
            let policy = self.policies.last();
            policy.is_some_and(|policy| truth(policy, condition, &copy) == Truth::True)
        };
        facts.iter().map(holds).collect()
    }

    /// The combination that a copy is; none only of facts that cannot be.
    pub(in crate::policy) fn locate(&self, copy: &Copy) -> Option<Vec<usize>> {
        let values = Values {
            policies: &self.policies,
            conditions: &self.conditions,
            elsewhere: &self.elsewhere,
            nobody: &self.nobody,
        };
        let place = |(dimension, facts): &(Dimension, Vec<Fact>)| {
            values.like(dimension, facts, &dimension.of(copy))
        };
        self.dimensions.iter().map(place).collect()
    }

    /// Where all of these hold, and where they may, in the n-th policy.
    pub(in crate::policy) fn answer(
        &mut self,
        policy: usize,
        conditions: impl IntoIterator<Item = &'a Condition>,
    ) -> Answer {
        let mut all = Answer { certain: EVERYWHERE, possible: EVERYWHERE };
        for condition in conditions {
            let one = self.answer_to(policy, condition);
            all.certain = self.diagrams.both(all.certain, one.certain);
            all.possible = self.diagrams.both(all.possible, one.possible);
        }
        all
    }

    /// Where a recipient answers so.
    pub(in crate::policy) fn recipients(&mut self, is: impl Fn(&Address) -> bool) -> Region {
        self.values_where(&Dimension::Recipient, |fact| match fact {
            Fact::Recipient(recipient) => is(recipient),
            _ => false,
        })
    }

    /// Where the sender is in a rule's share.
    pub(in crate::policy) fn share(&mut self, rule: &str, canary: Canary) -> Region {
        self.values_where(&Dimension::Share(rule.to_owned()), |fact| match fact {
            Fact::Share(place) => canary.side_at(*place) == CanarySide::Within,
            _ => false,
        })
    }

    fn values_where(&mut self, dimension: &Dimension, is: impl Fn(&Fact) -> bool) -> Region {
        let Some(place) = self.place(dimension) else { return NOWHERE };
        let values = self.dimensions.get(place).map(|(_, values)| values.as_slice());
        let inside: Vec<bool> = values.unwrap_or_default().iter().map(is).collect();
        self.diagrams.only(place, &inside)
    }

    /// What there can be, each once: a sender whom a rule names stands in one
    /// place of each queue, and what was not checked has no verdict.
    pub(in crate::policy) fn possible(&mut self) -> Region {
        let mut possible = self.checked();
        let Some(senders) = self.place(&Dimension::Sender) else { return possible };
        let paths = self.dimensions.get(senders).map(|(_, paths)| paths.clone());
        let paths = paths.unwrap_or_default();
        for (rule, _) in self.elsewhere.shares.clone() {
            let branches = paths.iter().map(|fact| self.standing(rule, fact)).collect();
            let here = self.diagrams.branch(senders, branches);
            possible = self.diagrams.both(possible, here);
        }
        possible
    }

    /// Where there is no verdict, or a check.
    fn checked(&mut self) -> Region {
        let mut checked = EVERYWHERE;
        let verdicts: Vec<(usize, usize)> = self
            .dimensions
            .iter()
            .enumerate()
            .filter(|(_, (dimension, _))| matches!(dimension, Dimension::Verdict(_)))
            .map(|(place, (_, values))| (place, values.len()))
            .collect();
        let present = self.values_where(&Dimension::Authenticated, |fact| {
            matches!(fact, Fact::Authenticated(Presence::Present))
        });
        for (place, length) in verdicts {
            let first: Vec<bool> = (0..length).map(|value| value == 0).collect();
            let first = self.diagrams.only(place, &first);
            let either = self.diagrams.either(present, first);
            checked = self.diagrams.both(checked, either);
        }
        checked
    }

    /// Where a sender can stand in the queue for a rule.
    fn standing(&mut self, rule: &str, sender: &Fact) -> Region {
        let Fact::Sender(path) = sender else { return EVERYWHERE };
        if !self.is_named(path) {
            return EVERYWHERE;
        }
        let stands = Canary::place(rule, path);
        let own: Vec<Canary> = self
            .elsewhere
            .shares
            .iter()
            .filter(|(name, _)| *name == rule)
            .map(|(_, one)| *one)
            .collect();
        self.values_where(&Dimension::Share(rule.to_owned()), |fact| match fact {
            Fact::Share(place) => {
                own.iter().all(|canary| canary.side_at(*place) == canary.side_at(stands))
            }
            _ => false,
        })
    }

    /// A copy of which all of this is so; none if nobody could be found who
    /// stands in these places of the queues.
    pub(in crate::policy) fn copy(&self, at: &[usize]) -> Option<Copy> {
        let mut copy = self.nobody.clone();
        let mut places: Vec<(&str, u16)> = Vec::new();
        for ((dimension, values), &value) in self.dimensions.iter().zip(at) {
            let fact = values.get(value)?;
            fact.put(&mut copy);
            if let (Dimension::Share(rule), Fact::Share(place)) = (dimension, fact) {
                places.push((rule, *place));
            }
        }
        let stands = |path: &ReversePath| {
            places
                .iter()
                .all(|(rule, place)| self.same_side(rule, *place, Canary::place(rule, path)))
        };
        if !stands(&copy.message.reverse_path) {
            let asked = copy
                .message
                .reverse_path
                .mailbox()
                .filter(|_| !self.is_named(&copy.message.reverse_path))?;
            let others = (1..MOST_TRIED).filter_map(|number| {
                let local_part = format!("{}{number}", asked.local_part());
                Address::new(&local_part, asked.domain().clone()).ok().map(ReversePath::Mailbox)
            });
            copy.message.reverse_path = others.into_iter().find(stands)?;
        }
        Some(copy)
    }

    /// Whether no share of the rule parts two places.
    fn same_side(&self, rule: &str, one: u16, other: u16) -> bool {
        let mut own = self.elsewhere.shares.iter().filter(|(name, _)| *name == rule);
        own.all(|(_, canary)| canary.side_at(one) == canary.side_at(other))
    }

    fn is_named(&self, path: &ReversePath) -> bool {
        path.mailbox().is_some_and(|address| self.named.contains(&address))
    }

    pub(in crate::policy) fn place(&self, dimension: &Dimension) -> Option<usize> {
        self.dimensions.binary_search_by(|(one, _)| one.cmp(dimension)).ok()
    }

    fn answer_to(&mut self, policy: usize, condition: &'a Condition) -> Answer {
        let known = self.known.get(policy).into_iter().flatten();
        if let Some((_, answer)) = known.into_iter().find(|(one, _)| *one == condition) {
            return *answer;
        }
        let answer = self.work_out(policy, condition);
        if let Some(known) = self.known.get_mut(policy) {
            known.push((condition, answer));
        }
        answer
    }

    fn work_out(&mut self, policy: usize, condition: &Condition) -> Answer {
        match Shape::of(condition) {
            Shape::One(dimension) => self.along(policy, condition, &dimension),
            Shape::AnyOf(dimensions) => {
                let answers = self.along_each(policy, condition, &dimensions);
                let certain = answers.iter().map(|answer| answer.certain).collect();
                let possible = answers.iter().map(|answer| answer.possible).collect();
                Answer {
                    certain: self.diagrams.any(certain),
                    possible: self.diagrams.any(possible),
                }
            }
            Shape::EachOf(dimensions) => {
                let mut all = Answer { certain: EVERYWHERE, possible: EVERYWHERE };
                for answer in self.along_each(policy, condition, &dimensions) {
                    all.certain = self.diagrams.both(all.certain, answer.certain);
                    all.possible = self.diagrams.both(all.possible, answer.possible);
                }
                all
            }
            Shape::Both(first, second) => self.along_both(policy, condition, &first, &second),
        }
    }

    fn along_each(
        &mut self,
        policy: usize,
        condition: &Condition,
        dimensions: &[Dimension],
    ) -> Vec<Answer> {
        dimensions.iter().map(|one| self.along(policy, condition, one)).collect()
    }

    /// What one dimension says, where the others say nothing.
    fn along(&mut self, policy: usize, condition: &Condition, dimension: &Dimension) -> Answer {
        let nobody = self.nobody.clone();
        self.along_from(policy, condition, dimension, &nobody)
    }

    fn along_from(
        &mut self,
        policy: usize,
        condition: &Condition,
        dimension: &Dimension,
        from: &Copy,
    ) -> Answer {
        let (Some(place), Some(policy)) = (self.place(dimension), self.policies.get(policy)) else {
            return Answer { certain: NOWHERE, possible: NOWHERE };
        };
        let values = self.dimensions.get(place).map(|(_, values)| values.as_slice());
        let truths: Vec<Truth> = values
            .unwrap_or_default()
            .iter()
            .map(|fact| {
                let mut copy = from.clone();
                fact.put(&mut copy);
                truth(policy, condition, &copy)
            })
            .collect();
        let mut only = |is: fn(&Truth) -> bool| {
            let inside: Vec<bool> = truths.iter().map(is).collect();
            self.diagrams.only(place, &inside)
        };
        Answer {
            certain: only(|truth| *truth == Truth::True),
            possible: only(|truth| *truth != Truth::False),
        }
    }

    fn along_both(
        &mut self,
        policy: usize,
        condition: &Condition,
        first: &Dimension,
        second: &Dimension,
    ) -> Answer {
        let Some(place) = self.place(first) else {
            return Answer { certain: NOWHERE, possible: NOWHERE };
        };
        let values = self.dimensions.get(place).map(|(_, values)| values.clone());
        let answers: Vec<Answer> = values
            .iter()
            .flatten()
            .map(|fact| {
                let mut copy = self.nobody.clone();
                fact.put(&mut copy);
                self.along_from(policy, condition, second, &copy)
            })
            .collect();
        let certain = answers.iter().map(|answer| answer.certain).collect();
        let possible = answers.iter().map(|answer| answer.possible).collect();
        Answer {
            certain: self.diagrams.branch(place, certain),
            possible: self.diagrams.branch(place, possible),
        }
    }
}

fn truth(policy: &Policy, condition: &Condition, copy: &Copy) -> Truth {
    let facts = Facts { message: &copy.message, recipient: &copy.recipient };
    condition.truth(&Asked::new(facts, policy.destination(copy.recipient.domain())))
}

/// How many senders are looked at for one who stands in certain places.
const MOST_TRIED: u32 = 1_000_000;
