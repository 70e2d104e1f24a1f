//! Guessing is made slow, and nobody is kept out of their own account by
//! somebody who only knows its name.
//!
//! Failures are counted three ways. For an account and a network together: a
//! few, and that network gets no further with that account. For a network: a
//! multiple of it, and it gets nowhere. For an account from wherever it has
//! not signed in before: likewise, and only where it has signed in before does
//! anybody get on. Names that do not exist are counted as others are, so that
//! a lock-out tells nobody which do.

use std::net::{IpAddr, Ipv6Addr};

use moka::sync::Cache;

use crate::config::LockOut;

/// All failures that still count.
#[derive(Debug)]
pub(super) struct Guesses {
    after: usize,
    failures: Cache<Key, usize>,
    /// Where accounts have signed in before.
    known: Cache<(String, Network), ()>,
}

/// What one person sits in: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(Option<IpAddr>);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Both(String, Network),
    Network(Network),
    Strangers(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Open,
    /// Not before a while has passed.
    Shut,
}

impl Guesses {
    pub(super) fn new(settings: LockOut) -> Self {
        let failures = Cache::builder().max_capacity(REMEMBERED).time_to_live(settings.period);
        let known = Cache::builder().max_capacity(REMEMBERED);
        Self { after: settings.after, failures: failures.build(), known: known.build() }
    }

    /// Whether a password may be tried at all.
    pub(super) fn admit(&self, name: &str, network: Network) -> Admission {
        let has = |key: Key, limit: usize| self.failures.get(&key).unwrap_or_default() >= limit;
        let many = self.after.saturating_mul(MANY);
        let is_shut = has(Key::Both(name.to_owned(), network), self.after)
            || has(Key::Network(network), many)
            || has(Key::Strangers(name.to_owned()), many) && !self.is_known(name, network);
        if is_shut { Admission::Shut } else { Admission::Open }
    }

    /// One more; what follows from it.
    pub(super) fn failed(&self, name: &str, network: Network) -> Admission {
        self.count(Key::Both(name.to_owned(), network));
        self.count(Key::Network(network));
        if !self.is_known(name, network) {
            self.count(Key::Strangers(name.to_owned()));
        }
        self.admit(name, network)
    }

    pub(super) fn succeeded(&self, name: &str, network: Network) {
        self.failures.invalidate(&Key::Both(name.to_owned(), network));
        self.known.insert((name.to_owned(), network), ());
    }

    fn is_known(&self, name: &str, network: Network) -> bool {
        self.known.contains_key(&(name.to_owned(), network))
    }

    fn count(&self, key: Key) {
        let more = |entry: Option<moka::Entry<Key, usize>>| {
            entry.map_or(1, |entry| entry.into_value().saturating_add(1))
        };
        self.failures.entry(key).and_upsert_with(more);
    }
}

impl Network {
    pub(super) fn of(address: Option<IpAddr>) -> Self {
        Self(address.map(|address| match address.to_canonical() {
            IpAddr::V6(address) => {
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
            }
            address => address,
        }))
    }
}

/// Many officers may sit behind one address.
const MANY: usize = 10;
const REMEMBERED: u64 = 20_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn guesses() -> Guesses {
        Guesses::new(LockOut { after: 3, period: Duration::from_secs(900) })
    }

    fn network(written: &str) -> Network {
        Network::of(Some(written.parse().unwrap()))
    }

    #[test]
    fn a_few_failures_shut_a_network_out_of_an_account_and_leave_others_in() {
        let guesses = guesses();
        let (here, there) = (network("192.0.2.1"), network("192.0.2.2"));
        for expected in [Admission::Open, Admission::Open, Admission::Shut] {
            assert_eq!(guesses.failed("jane", here), expected);
        }
        assert_eq!(guesses.admit("jane", here), Admission::Shut);
        assert_eq!(guesses.admit("jane", there), Admission::Open);
        assert_eq!(guesses.admit("joe", here), Admission::Open);
    }

    #[test]
    fn a_success_forgives_what_failed_before_it() {
        let guesses = guesses();
        let here = network("192.0.2.1");
        guesses.failed("jane", here);
        guesses.failed("jane", here);
        guesses.succeeded("jane", here);
        assert_eq!(guesses.failed("jane", here), Admission::Open);
    }

    #[test]
    fn a_network_that_tries_many_names_gets_nowhere() {
        let guesses = guesses();
        let here = network("2001:db8::1");
        for number in 0..30 {
            guesses.failed(&format!("name{number}"), here);
        }
        let neighbour = network("2001:db8::ffff:2");
        assert_eq!(guesses.admit("jane", neighbour), Admission::Shut, "one network");
        assert_eq!(guesses.admit("jane", network("2001:db8:0:1::1")), Admission::Open);
    }

    #[test]
    fn the_whole_world_cannot_keep_an_officer_from_where_they_sit() {
        let guesses = guesses();
        let desk = network("10.1.2.3");
        guesses.succeeded("jane", desk);
        for number in 0..30 {
            guesses.failed("jane", network(&format!("198.51.100.{number}")));
        }
        assert_eq!(guesses.admit("jane", network("203.0.113.1")), Admission::Shut);
        assert_eq!(guesses.admit("jane", desk), Admission::Open);
    }
}
