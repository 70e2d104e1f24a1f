//! Which rules can speak of a message at all, found without asking each.
//!
//! Rules of two hundred organisations stand in a policy, and a message is of
//! one. So the rules are kept by whose they are and by direction. What is left
//! out would have been silent: nothing else may depend on this.

use std::{collections::HashMap, iter::Peekable, sync::Arc};

use crate::mail::{Direction, Domain, MessageFacts};

use super::{condition::Condition, organisation::Organisation, pattern::DomainPattern, rule::Rule};

/// Places in the list of rules, each list in its order.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleIndex {
    national: ByDirection,
    /// By organisation, in the order of the policy.
    own: Vec<ByDirection>,
    senders: Owners,
}

#[derive(Clone, Debug, Default)]
struct ByDirection {
    inbound: Vec<usize>,
    outbound: Vec<usize>,
}

/// Organisations by the domains that are theirs.
#[derive(Clone, Debug, Default)]
struct Owners {
    exact: HashMap<Box<str>, Vec<usize>>,
    below: HashMap<Box<str>, Vec<usize>>,
}

impl RuleIndex {
    pub(super) fn new(rules: &[Rule], organisations: &[Arc<Organisation>]) -> Self {
        let mut index = Self {
            own: vec![ByDirection::default(); organisations.len()],
            senders: Owners::of(organisations),
            ..Self::default()
        };
        let places: HashMap<*const Organisation, usize> =
            organisations.iter().enumerate().map(|(at, one)| (Arc::as_ptr(one), at)).collect();
        for (place, rule) in rules.iter().enumerate() {
            let owner = rule.organisation.as_ref().and_then(|one| places.get(&Arc::as_ptr(one)));
            match owner.and_then(|&owner| index.own.get_mut(owner)) {
                Some(own) => own.add(place, rule),
                None => index.national.add(place, rule),
            }
        }
        index
    }

    /// In the order of the rules.
    pub(super) fn places(&self, message: &MessageFacts) -> impl Iterator<Item = usize> {
        let mut own: Vec<usize> = self
            .owners(message)
            .filter_map(|owner| self.own.get(owner))
            .flat_map(|rules| rules.of(message.direction))
            .copied()
            .collect();
        own.sort_unstable();
        let national = self.national.of(message.direction).iter().copied();
        merged(national.peekable(), own.into_iter().peekable())
    }

    /// The first organisation that a domain is of.
    pub(super) fn owner(&self, domain: &Domain) -> Option<usize> {
        self.senders.of_domain(domain).min()
    }

    fn owners(&self, message: &MessageFacts) -> impl Iterator<Item = usize> {
        message.reverse_path.domain().into_iter().flat_map(|domain| {
            // An organisation may have both a domain and what is below another.
            let mut owners: Vec<usize> = self.senders.of_domain(domain).collect();
            owners.sort_unstable();
            owners.dedup();
            owners
        })
    }
}

impl ByDirection {
    fn add(&mut self, place: usize, rule: &Rule) {
        let speaks_of = |direction| {
            rule.when.iter().all(|condition| *condition != Condition::Direction(direction))
        };
        if speaks_of(Direction::Outbound) {
            self.inbound.push(place);
        }
        if speaks_of(Direction::Inbound) {
            self.outbound.push(place);
        }
    }

    fn of(&self, direction: Direction) -> &[usize] {
        match direction {
            Direction::Inbound => &self.inbound,
            Direction::Outbound => &self.outbound,
        }
    }
}

impl Owners {
    fn of(organisations: &[Arc<Organisation>]) -> Self {
        let mut owners = Self::default();
        for (place, organisation) in organisations.iter().enumerate() {
            let Condition::SenderDomain(domains) = &organisation.scope else { continue };
            for pattern in domains {
                let by_name = match pattern {
                    DomainPattern::Exact(_) => &mut owners.exact,
                    DomainPattern::Below(_) => &mut owners.below,
                };
                by_name.entry(pattern.domain().as_str().into()).or_default().push(place);
            }
        }
        owners
    }

    fn of_domain(&self, domain: &Domain) -> impl Iterator<Item = usize> {
        let itself = self.exact.get(domain.as_str()).into_iter();
        let above = domain.ancestry().skip(1).filter_map(|parent| self.below.get(parent));
        itself.chain(above).flatten().copied()
    }
}

/// Two ascending lists as one.
fn merged(
    mut one: Peekable<impl Iterator<Item = usize>>,
    mut other: Peekable<impl Iterator<Item = usize>>,
) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || match (one.peek(), other.peek()) {
        (Some(first), Some(second)) if second < first => other.next(),
        (Some(_), _) => one.next(),
        (None, _) => other.next(),
    })
}
