//! Choosing the values of each dimension: of the candidates, the first of
//! those that nothing in the policies tells apart.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::mail::{Address, CanarySide, DestinationClass, Domain, Facts, Level, TlsRequirement};

use super::super::{
    Policy,
    canary::Canary,
    condition::{Asked, Condition, Presence, Truth},
};
use super::dimension::{Copy, Dimension, Elsewhere, Fact, Shape};

/// What goes into choosing the values of each dimension.
pub(super) struct Values<'s, 'a> {
    pub(super) policies: &'s [&'a Policy],
    pub(super) conditions: &'s [&'a Condition],
    pub(super) elsewhere: &'s Elsewhere<'a>,
    pub(super) nobody: &'s Copy,
}

/// What a policy knows of a recipient: the class, the clearance, whether the
/// domain is retired, the TLS its entry asks for, whether rules are enforced.
pub(super) type Place = (DestinationClass, Level, bool, TlsRequirement, bool);

/// Everything by which a value can be told from another.
#[derive(PartialEq, Eq, Hash)]
struct Mark {
    answers: Vec<Truth>,
    places: Vec<Place>,
    shares: Vec<CanarySide>,
}

impl<'a> Values<'_, 'a> {
    /// In the order of asking.
    pub(super) fn all(&self) -> Vec<(Dimension, Vec<Fact>)> {
        let mut concerned: BTreeMap<Dimension, Vec<&Condition>> = BTreeMap::new();
        for dimension in
            [Dimension::Direction, Dimension::Sender, Dimension::Recipient, Dimension::Level]
        {
            concerned.entry(dimension).or_default();
        }
        for (rule, _) in &self.elsewhere.shares {
            concerned.entry(Dimension::Share((*rule).to_owned())).or_default();
        }
        for condition in self.conditions {
            for dimension in Shape::of(condition).dimensions() {
                concerned.entry(dimension.clone()).or_default().push(condition);
            }
        }
        let values = |(dimension, conditions): (Dimension, Vec<&Condition>)| {
            let values = self.told_apart(&dimension, &conditions);
            (dimension, values)
        };
        concerned.into_iter().map(values).collect()
    }

    /// The first candidate of each set of answers.
    fn told_apart(&self, dimension: &Dimension, conditions: &[&Condition]) -> Vec<Fact> {
        let named = self.named_senders();
        let mut seen: HashSet<Mark> = HashSet::new();
        let mut all = dimension.candidates(conditions, self.elsewhere);
        all.retain(|fact| {
            is_always_apart(dimension)
                || seen.insert(self.mark(dimension, conditions, fact, &named))
        });
        all
    }

    /// Which of the values of a dimension a fact cannot be told from.
    pub(super) fn like(
        &self,
        dimension: &Dimension,
        values: &[Fact],
        fact: &Fact,
    ) -> Option<usize> {
        if is_always_apart(dimension) {
            return values.iter().position(|value| value == fact);
        }
        let concerns = |one: &&&Condition| Shape::of(one).dimensions().contains(&dimension);
        let own: Vec<&Condition> = self.conditions.iter().filter(concerns).copied().collect();
        let named = self.named_senders();
        let mark = self.mark(dimension, &own, fact, &named);
        values.iter().position(|value| self.mark(dimension, &own, value, &named) == mark)
    }

    fn mark(
        &self,
        dimension: &Dimension,
        conditions: &[&Condition],
        fact: &Fact,
        named: &[&Address],
    ) -> Mark {
        let mut copy = self.nobody.clone();
        if matches!(dimension, Dimension::Verdict(_)) {
            Fact::Authenticated(Presence::Present).put(&mut copy);
        }
        fact.put(&mut copy);
        let asked = conditions.iter().filter(|one| !is_of_destination(one));
        // What these ask, no policy knows better than another.
        let answers = self.policies.first().map(|policy| {
            let facts = Facts { message: &copy.message, recipient: &copy.recipient };
            let place = Asked::new(facts, policy.destination(copy.recipient.domain()));
            asked.map(|condition| condition.truth(&place)).collect()
        });
        Mark {
            answers: answers.unwrap_or_default(),
            places: self.places(fact),
            shares: self.sides(dimension, fact, named),
        }
    }

    /// What each policy knows of a recipient.
    fn places(&self, fact: &Fact) -> Vec<Place> {
        let Fact::Recipient(recipient) = fact else { return Vec::new() };
        places(self.policies, recipient.domain())
    }

    /// On which sides of the shares a place is, or a sender who is one.
    fn sides(&self, dimension: &Dimension, fact: &Fact, named: &[&Address]) -> Vec<CanarySide> {
        let shares = self.elsewhere.shares.iter();
        match (dimension, fact) {
            (Dimension::Share(rule), Fact::Share(place)) => shares
                .filter(|(name, _)| name == rule)
                .map(|(_, canary)| canary.side_at(*place))
                .collect(),
            (_, Fact::Sender(path)) if path.mailbox().is_some_and(|one| named.contains(&one)) => {
                shares.map(|(rule, canary)| canary.side(rule, path)).collect()
            }
            _ => Vec::new(),
        }
    }

    pub(super) fn named_senders(&self) -> Vec<&'a Address> {
        let named = self.conditions.iter().filter_map(|condition| match condition {
            Condition::Sender(named) => Some(named),
            _ => None,
        });
        named.flatten().collect()
    }
}

/// What each policy knows of a domain.
pub(super) fn places(policies: &[&Policy], domain: &Domain) -> Vec<Place> {
    let place = |policy: &&Policy| {
        let place = policy.destination(domain);
        let enforced = policy.rollout().enforces(domain);
        (place.class, place.clearance, place.is_retired(), place.tls(), enforced)
    };
    policies.iter().map(place).collect()
}

/// Each level is compared with each clearance, and each verdict waits for
/// whether it was asked for.
fn is_always_apart(dimension: &Dimension) -> bool {
    matches!(dimension, Dimension::Level | Dimension::Authenticated)
}

/// What a mark has in `places`.
fn is_of_destination(condition: &Condition) -> bool {
    matches!(condition, Condition::Destination(_) | Condition::Retired(_) | Condition::Clearance(_))
}

pub(super) fn asked_by(policy: &Policy) -> impl Iterator<Item = &Condition> {
    policy.rules().iter().flat_map(|rule| {
        let lifted = rule.exemptions.iter().flat_map(|exemption| exemption.conditions());
        rule.conditions().chain(lifted)
    })
}

pub(super) fn shares_of(policy: &Policy) -> impl Iterator<Item = (&str, Canary)> {
    policy.rules().iter().filter_map(|rule| Some((rule.name.as_str(), rule.canary?)))
}

pub(super) fn distinct<'a>(conditions: impl Iterator<Item = &'a Condition>) -> Vec<&'a Condition> {
    let mut by_shape: HashMap<Vec<Dimension>, Vec<&'a Condition>> = HashMap::new();
    let mut distinct = Vec::new();
    for condition in conditions {
        let dimensions = Shape::of(condition).dimensions().into_iter().cloned().collect();
        let alike = by_shape.entry(dimensions).or_default();
        if !alike.contains(&condition) {
            alike.push(condition);
            distinct.push(condition);
        }
    }
    distinct
}
