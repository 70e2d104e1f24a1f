//! Rules that can never match, in the simple cases: what they ask of the
//! level, the clearance and the destination does not go together for any
//! domain there is.

use crate::mail::{DestinationClass, Domain, Level};

use super::{
    condition::{ClearanceCondition, Condition, Presence},
    domains::{Destination, Domains, Standing},
    pattern::DomainPattern,
    rule::Rule,
};

/// Why the rule can never match, if that is so.
pub(super) fn why(rule: &Rule, domains: &Domains) -> Option<String> {
    let destinations = reachable(rule, domains);
    let possible = destinations.iter().any(|place| {
        Level::ALL
            .iter()
            .any(|&level| rule.conditions().all(|condition| may_hold(condition, *place, level)))
    });
    (!possible).then(|| "its level, clearance and destination exclude each other".to_owned())
}

/// What conditions can ask of a destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    class: DestinationClass,
    clearance: Level,
    retired: bool,
}

impl From<Destination<'_>> for Place {
    fn from(destination: Destination<'_>) -> Self {
        Self {
            class: destination.class,
            clearance: destination.clearance,
            retired: destination.is_retired(),
        }
    }
}

fn may_hold(condition: &Condition, place: Place, level: Level) -> bool {
    match condition {
        Condition::Level(range) => range.contains(u64::from(level.number())),
        Condition::Clearance(condition) => {
            (level > place.clearance) == (*condition == ClearanceCondition::Above)
        }
        Condition::DestinationClearance(range) => {
            range.contains(u64::from(place.clearance.number()))
        }
        Condition::Destination(classes) => classes.contains(&place.class),
        Condition::Retired(presence) => place.retired == (*presence == Presence::Present),
        _ => true,
    }
}

/// Every kind of destination the rule's own recipients can have.
fn reachable(rule: &Rule, domains: &Domains) -> Vec<Place> {
    let mut named: Option<Vec<Place>> = None;
    for condition in rule.conditions() {
        let places: Vec<Place> = match condition {
            Condition::RecipientDomain(patterns) => {
                patterns.iter().flat_map(|pattern| covered(pattern, domains)).collect()
            }
            Condition::Recipient(addresses) => addresses
                .iter()
                .map(|address| domains.destination(address.domain()).into())
                .collect(),
            _ => continue,
        };
        named = Some(match named {
            Some(before) => before.into_iter().filter(|place| places.contains(place)).collect(),
            None => places,
        });
    }
    named.unwrap_or_else(|| every(domains))
}

fn covered(pattern: &DomainPattern, domains: &Domains) -> Vec<Place> {
    let DomainPattern::Below(parent) = pattern else {
        return vec![domains.destination(pattern.domain()).into()];
    };
    let fresh: Result<Domain, _> = format!("{FRESH}.{parent}").parse();
    let entries = domains.iter().map(|entry| entry.name.domain()).filter(|d| d.is_below(parent));
    let local = domains.local_domains().iter().filter(|domain| domain.is_below(parent));
    let mut places: Vec<Place> =
        entries.chain(local).map(|domain| domains.destination(domain).into()).collect();
    places.extend(fresh.iter().map(|domain| Place::from(domains.destination(domain))));
    places.extend(below(domains, parent));
    places
}

/// What the wildcards below a domain give.
fn below(domains: &Domains, parent: &Domain) -> impl Iterator<Item = Place> {
    domains.iter().filter_map(move |entry| {
        let inside = entry.name.domain() == parent || entry.name.domain().is_below(parent);
        inside.then(|| of_standing(&entry.standing))
    })
}

/// Local and internet are there even where nothing names them: a policy is
/// checked without knowing who will run it.
fn every(domains: &Domains) -> Vec<Place> {
    let mut places = vec![
        Place {
            class: DestinationClass::Local,
            clearance: Level::SPECIALLY_PROTECTED,
            retired: false,
        },
        Place {
            class: DestinationClass::Internet,
            clearance: Level::CONTACT_DETAILS,
            retired: false,
        },
    ];
    for entry in domains.iter() {
        let place = of_standing(&entry.standing);
        if !places.contains(&place) {
            places.push(place);
        }
    }
    places
}

fn of_standing(standing: &Standing) -> Place {
    match standing {
        Standing::Approved { clearance, .. } => {
            Place { class: DestinationClass::Approved, clearance: *clearance, retired: false }
        }
        Standing::Retired(_) => Place {
            class: DestinationClass::Internet,
            clearance: Level::CONTACT_DETAILS,
            retired: true,
        },
    }
}

/// A label that no file is likely to name.
const FRESH: &str = "any-other-name";
