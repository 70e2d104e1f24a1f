//! People and places that stand for all there are, and a message of which
//! there is nothing to say.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::mail::{
    Address, Arrival, Direction, Domain, Level, MessageFacts, ReversePath, SecureTag, TlsVersion,
};

use super::super::time_window::plain_moment;

/// Somebody at each name and below it, somebody elsewhere, and those named.
pub(super) fn candidates(names: &BTreeSet<&Domain>, addresses: &[&Address]) -> Vec<Address> {
    let named: BTreeSet<&Domain> =
        names.iter().copied().chain(addresses.iter().map(|address| address.domain())).collect();
    let labels: HashSet<&str> = named.iter().flat_map(|name| name.as_str().split('.')).collect();
    let label = fresh("any", |label| labels.contains(label));
    let top = fresh("elsewhere", |label| labels.contains(label));
    let local_part = fresh("someone", |local| {
        addresses.iter().any(|address| address.local_part().eq_ignore_ascii_case(local))
    });
    // Should a wildcard be above the first, the second is below none.
    let elsewhere = [format!("{label}.example"), format!("{label}.{top}")].into_iter();
    let at = named.iter().map(|name| name.to_string());
    let below = named.iter().map(|name| format!("{label}.{name}"));
    let domains = elsewhere.chain(at).chain(below).filter_map(|domain| domain.parse().ok());
    domains
        .filter_map(|domain: Domain| Address::new(&local_part, domain).ok())
        .chain(addresses.iter().map(|&address| address.clone()))
        .collect()
}

/// A word that is not taken.
fn fresh(word: &str, taken: impl Fn(&str) -> bool) -> String {
    let numbered = (1..).map(|number: u32| format!("{word}{number}"));
    let mut words = std::iter::once(word.to_owned()).chain(numbered);
    words.find(|word| !taken(word)).unwrap_or_default()
}

/// A message of which there is nothing to say.
pub fn plain_message() -> MessageFacts {
    MessageFacts {
        direction: Direction::Outbound,
        reverse_path: ReversePath::Null,
        level: Level::NOTHING_PERSONAL,
        kinds: BTreeMap::new(),
        marking: None,
        secure_tag: SecureTag::Absent,
        opaque: Vec::new(),
        authentication: None,
        spoof: Vec::new(),
        arrival: Arrival::Tls,
        tls_version: Some(TlsVersion::Tls13),
        size: ORDINARY_SIZE,
        attachment_types: Some(BTreeSet::new()),
        visible_recipients: Some(0),
        received_at: Some(plain_moment()),
    }
}

/// Octets of a message of which nobody would say that it is large.
pub(super) const ORDINARY_SIZE: usize = 4096;
