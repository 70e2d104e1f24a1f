//! Senders and recipients in words: by what officers call them, as far as that
//! says exactly who is meant, and by name for the rest.

use std::collections::{BTreeSet, HashMap};

use crate::mail::{Address, DestinationClass, Domain, Level, ReversePath};

use super::{
    super::super::{Policy, condition::Condition},
    super::{
        dimension::{Dimension, Fact},
        space::Space,
        values::{Place, places},
    },
    change::list,
};

/// Words, and the values that they stand for.
type Called = (String, Vec<bool>);

/// What officers call people and places, worked out once.
pub(super) struct Vocabulary<'a> {
    /// All that they have written.
    pub(super) conditions: Vec<&'a Condition>,
    recipients: (Vec<Called>, Vec<String>),
    senders: (Vec<Called>, Vec<String>),
}

impl<'a> Vocabulary<'a> {
    pub(super) fn of(space: &Space<'a>, conditions: Vec<&'a Condition>) -> Self {
        let recipients = recipients(space, &conditions);
        let senders = senders(space, &conditions);
        Self { conditions, recipients, senders }
    }

    /// Those of these values, in words.
    pub(super) fn recipients(&self, values: &[bool]) -> String {
        let (called, names) = &self.recipients;
        said(called, names, values, "anywhere")
    }

    pub(super) fn senders(&self, values: &[bool]) -> String {
        let (called, names) = &self.senders;
        said(called, names, values, "anybody")
    }
}

fn recipients<'a>(space: &Space<'a>, conditions: &[&'a Condition]) -> (Vec<Called>, Vec<String>) {
    let addresses: Vec<&Address> = facts(space, &Dimension::Recipient)
        .iter()
        .filter_map(|fact| match fact {
            Fact::Recipient(address) => Some(address),
            _ => None,
        })
        .collect();
    // An entry that is like no other goes by its name.
    let mut called: Vec<Called> = entries_alone(space.policies(), &addresses);
    for (policy, when) in space.policies().iter().rev().zip(["", " (as it was before)"]) {
        for (words, is) in kinds_of_place() {
            let inside: Vec<bool> = addresses.iter().map(|to| is(policy, to.domain())).collect();
            if inside.contains(&true) && !called.iter().any(|(_, known)| *known == inside) {
                called.push((format!("{words}{when}"), inside));
            }
        }
    }
    for condition in conditions {
        let words = match condition {
            Condition::RecipientDomain(patterns) => list(patterns.iter().map(ToString::to_string)),
            Condition::Recipient(named) => list(named.iter().map(ToString::to_string)),
            _ => continue,
        };
        called.push((words, space.holds(condition, &Dimension::Recipient)));
    }
    (called, addresses.iter().map(|address| name(address)).collect())
}

fn entries_alone(policies: &[&Policy], addresses: &[&Address]) -> Vec<Called> {
    let alone = known_alone(policies);
    let anybody = addresses.iter().enumerate().filter(|(_, address)| is_anybody(address));
    let entry = |(at, address): (usize, &&Address)| {
        let words = alone.get(&places(policies, address.domain()))?;
        Some((words.clone(), (0..addresses.len()).map(|place| place == at).collect()))
    };
    anybody.filter_map(entry).collect()
}

/// What is known of one entry and of no other place, with the entry in words.
fn known_alone(policies: &[&Policy]) -> HashMap<Vec<Place>, String> {
    let entries = policies.iter().flat_map(|policy| policy.domains().iter());
    let named: BTreeSet<String> = entries.map(|entry| entry.name.to_string()).collect();
    let mut known: HashMap<Vec<Place>, Vec<String>> = HashMap::new();
    for name in named {
        let (one, words) = match name.strip_prefix("*.") {
            Some(parent) => (format!("{ANY_LABEL}.{parent}"), format!("domains below {parent}")),
            None => (name.clone(), name),
        };
        let Ok(domain) = one.parse() else { continue };
        known.entry(places(policies, &domain)).or_default().push(words);
    }
    known.retain(|places, _| places.iter().any(is_of_an_entry));
    let only = |(places, words): (_, Vec<String>)| {
        let [words] = <[String; 1]>::try_from(words).ok()?;
        Some((places, words))
    };
    known.into_iter().filter_map(only).collect()
}

/// Not as everybody's mailboxes are, or ours.
fn is_of_an_entry((class, _, retired, ..): &Place) -> bool {
    *class == DestinationClass::Approved || *retired
}

fn senders<'a>(space: &Space<'a>, conditions: &[&'a Condition]) -> (Vec<Called>, Vec<String>) {
    let mut called: Vec<Called> = Vec::new();
    for policy in space.policies().iter().rev() {
        for organisation in policy.organisations() {
            let inside = space.holds(&organisation.scope, &Dimension::Sender);
            called.push((format!("{} ({})", organisation.name, organisation.ods), inside));
        }
    }
    for condition in conditions {
        let words = match condition {
            Condition::SenderDomain(patterns) => list(patterns.iter().map(ToString::to_string)),
            Condition::Sender(named) => list(named.iter().map(ToString::to_string)),
            _ => continue,
        };
        called.push((words, space.holds(condition, &Dimension::Sender)));
    }
    let names = facts(space, &Dimension::Sender).iter().map(|fact| match fact {
        Fact::Sender(ReversePath::Mailbox(address)) => name(address),
        _ => "nobody (reports)".to_owned(),
    });
    (called, names.collect())
}

fn facts<'s>(space: &'s Space<'_>, dimension: &Dimension) -> &'s [Fact] {
    let place = space.place(dimension).and_then(|place| space.dimensions().get(place));
    place.map(|(_, facts)| facts.as_slice()).unwrap_or_default()
}

type IsPlace = Box<dyn Fn(&Policy, &Domain) -> bool>;

/// The widest first.
fn kinds_of_place() -> Vec<(String, IsPlace)> {
    let class = |words: &str, class: DestinationClass| -> (String, IsPlace) {
        (words.to_owned(), Box::new(move |policy, to| policy.destination(to).class == class))
    };
    let mut kinds: Vec<(String, IsPlace)> = vec![
        (
            "addresses outside".to_owned(),
            Box::new(|policy, to| policy.destination(to).class != DestinationClass::Local),
        ),
        class("the open internet", DestinationClass::Internet),
        (
            "the open internet, but for domains no longer in use".to_owned(),
            Box::new(|policy, to| {
                let place = policy.destination(to);
                place.class == DestinationClass::Internet && !place.is_retired()
            }),
        ),
        class("approved domains", DestinationClass::Approved),
        class("our own mailboxes", DestinationClass::Local),
        (
            "domains no longer in use".to_owned(),
            Box::new(|policy, to| policy.destination(to).is_retired()),
        ),
        (
            "domains to which rules are rolled out".to_owned(),
            Box::new(|policy, to| policy.rollout().enforces(to)),
        ),
    ];
    for clearance in Level::ALL {
        let cleared = move |policy: &Policy, to: &Domain| {
            let place = policy.destination(to);
            place.class == DestinationClass::Approved && place.clearance == clearance
        };
        let words = format!("approved domains cleared for level {clearance}");
        kinds.push((words.clone(), Box::new(cleared)));
        for tls in crate::mail::TlsRequirement::ALL {
            let words = format!("{words} under {tls} TLS");
            let cleared = move |policy: &Policy, to: &Domain| {
                cleared(policy, to) && policy.destination(to).tls() == tls
            };
            kinds.push((words, Box::new(cleared)));
        }
    }
    kinds
}

/// One word for all, or for all others; else few words, then names.
fn said(called: &[Called], names: &[String], values: &[bool], everybody: &str) -> String {
    let contrary: Vec<bool> = values.iter().map(|inside| !inside).collect();
    let exactly = |wanted: &[bool]| {
        called.iter().find(|(_, inside)| inside == wanted).map(|(words, _)| words.clone())
    };
    if let Some(words) = exactly(values) {
        return words;
    }
    if let Some(words) = exactly(&contrary) {
        return format!("{everybody} but {words}");
    }
    let (own, others) = (pieces(called, names, values), pieces(called, names, &contrary));
    if others.len() < own.len() {
        return format!("{everybody} but {}", shortened(others));
    }
    shortened(own)
}

/// Words that together are all of the values and nothing else.
fn pieces(called: &[Called], names: &[String], values: &[bool]) -> Vec<String> {
    let mut rest = values.to_vec();
    let mut pieces = Vec::new();
    let is_within = |(_, inside): &&Called| {
        inside.iter().zip(values).all(|(inside, wanted)| !inside || *wanted)
    };
    loop {
        let gain = |(_, inside): &Called| {
            inside.iter().zip(&rest).filter(|(inside, rest)| **inside && **rest).count()
        };
        let best = called.iter().filter(is_within).max_by_key(|one| gain(one));
        let Some((words, inside)) = best.filter(|one| gain(one) > 0) else { break };
        for (rest, inside) in rest.iter_mut().zip(inside) {
            *rest &= !inside;
        }
        pieces.push(words.clone());
    }
    let left = names.iter().zip(rest).filter(|(_, rest)| *rest).map(|(name, _)| name.clone());
    pieces.extend(left);
    pieces
}

fn shortened(mut pieces: Vec<String>) -> String {
    let all = pieces.len();
    if all > MOST_NAMED {
        pieces.truncate(MOST_NAMED);
        pieces.push(format!("{} more", all - MOST_NAMED));
    }
    list(pieces.into_iter())
}

/// A representative by what it stands for.
fn name(address: &Address) -> String {
    let domain = address.domain().as_str();
    let anybody = is_anybody(address);
    match (anybody, domain.split_once('.')) {
        (true, Some((label, "example"))) if label.starts_with("any") => {
            "domains that no file names".to_owned()
        }
        (true, Some((label, _))) if label.starts_with("any") && domain.contains("elsewhere") => {
            "domains that no file names".to_owned()
        }
        (true, Some((label, parent))) if label.starts_with("any") => {
            format!("domains such as those below {parent}")
        }
        (true, _) => format!("domains such as {domain}"),
        (false, _) => address.to_string(),
    }
}

fn is_anybody(address: &Address) -> bool {
    address.local_part().starts_with("someone")
}

const MOST_NAMED: usize = 8;
/// A label that no file is likely to name.
const ANY_LABEL: &str = "any-other-name";
