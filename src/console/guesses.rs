//! Guessing is made slow, and nobody is kept out of their own account by
//! somebody who only knows its name.
//!
//! Failures are counted three ways. For an account and a network together: a
//! few, and that network gets no further with that account. For a network: a
//! multiple of it, and it gets nowhere. For an account from wherever it has
//! not signed in before: likewise, and only where it has signed in before does
//! anybody get on. Names that do not exist are counted as others are, so that
//! a lock-out tells nobody which do.

use std::{
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

use moka::{Entry, ops::compute::Op, sync::Cache};

use crate::config::{LockOut, is_account_name};

/// All failures that still count.
#[derive(Debug)]
pub(super) struct Guesses {
    after: usize,
    period: Duration,
    failures: Cache<Key, Failures>,
    /// Where accounts have signed in before.
    known: Cache<(String, Network), ()>,
}

/// What one person sits in: an IPv4 address, or an IPv6 network of 64 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Network(Option<IpAddr>);

/// Whose account somebody wants to be in, as failures are counted: whatever
/// can be nobody's name is one name, so that nothing long is remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claimed<'a>(&'a str);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Both(String, Network),
    Network(Network),
    Strangers(String),
}

/// Within one period, whenever the last of them was: the slips of a busy
/// house must not add up over a day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Failures {
    count: usize,
    since: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Admission {
    Open,
    /// Not before a while has passed.
    Shut,
}

impl Guesses {
    pub(super) fn new(settings: LockOut) -> Self {
        let LockOut { after, period } = settings;
        // The pause begins anew with the last failure that is counted.
        let remembered = period.saturating_mul(2);
        let failures = Cache::builder().max_capacity(REMEMBERED).time_to_live(remembered);
        let known = Cache::builder().max_capacity(REMEMBERED);
        Self { after, period, failures: failures.build(), known: known.build() }
    }

    /// How long nobody gets in after too many failures.
    pub(super) fn pause(&self) -> Duration {
        self.period
    }

    /// Whether a password may be tried. If so it counts as a failure until it
    /// has proved right: of a hundred tries at once no more are looked at than
    /// of a hundred in a row.
    pub(super) fn attempt(&self, name: Claimed<'_>, network: Network, now: Instant) -> Admission {
        if self.state(name, network, now) == Admission::Shut {
            return Admission::Shut;
        }
        for (key, limit) in self.keys(name, network) {
            self.count(key, limit, now);
        }
        Admission::Open
    }

    /// Whether another would be let in.
    pub(super) fn state(&self, name: Claimed<'_>, network: Network, now: Instant) -> Admission {
        let is_over = |(key, limit): (Key, usize)| {
            self.failures
                .get(&key)
                .is_some_and(|failures| failures.count >= limit && !self.is_past(failures, now))
        };
        match self.keys(name, network).any(is_over) {
            true => Admission::Shut,
            false => Admission::Open,
        }
    }

    /// It was right: what was counted for it is forgiven, and all that this
    /// network got wrong with this account before.
    pub(super) fn succeeded(&self, name: Claimed<'_>, network: Network) {
        for (key, _) in self.keys(name, network) {
            match key {
                Key::Both(..) => self.failures.invalidate(&key),
                Key::Network(_) | Key::Strangers(_) => self.forgive_one(key),
            }
        }
        self.known.insert((name.0.to_owned(), network), ());
    }

    /// What is counted of an attempt, each with how many are too many.
    fn keys(&self, name: Claimed<'_>, network: Network) -> impl Iterator<Item = (Key, usize)> {
        let many = self.after.saturating_mul(MANY);
        let is_stranger = !self.known.contains_key(&(name.0.to_owned(), network));
        let stranger = is_stranger.then(|| (Key::Strangers(name.0.to_owned()), many));
        let both = (Key::Both(name.0.to_owned(), network), self.after);
        [both, (Key::Network(network), many)].into_iter().chain(stranger)
    }

    fn count(&self, key: Key, limit: usize, now: Instant) {
        self.failures.entry(key).and_upsert_with(|before: Option<Entry<Key, Failures>>| {
            let before = before.map(Entry::into_value).filter(|before| !self.is_past(*before, now));
            let count = before.map_or(0, |before| before.count).saturating_add(1);
            let since = before.filter(|_| count != limit).map_or(now, |before| before.since);
            Failures { count, since }
        });
    }

    fn forgive_one(&self, key: Key) {
        self.failures.entry(key).and_compute_with(|before| match before.map(Entry::into_value) {
            Some(Failures { count: count @ 2.., since }) => {
                Op::Put(Failures { count: count - 1, since })
            }
            Some(_) => Op::Remove,
            None => Op::Nop,
        });
    }

    fn is_past(&self, failures: Failures, now: Instant) -> bool {
        now.saturating_duration_since(failures.since) >= self.period
    }
}

impl<'a> Claimed<'a> {
    pub(super) fn of(name: &'a str) -> Self {
        Self(if is_account_name(name) { name } else { "" })
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
    use super::*;

    const PERIOD: Duration = Duration::from_secs(900);

    /// A clock that stands, and whoever tries at it.
    struct Door {
        guesses: Guesses,
        now: Instant,
    }

    impl Door {
        fn new() -> Self {
            let guesses = Guesses::new(LockOut { after: 3, period: PERIOD });
            Self { guesses, now: Instant::now() }
        }

        fn attempt(&self, name: &str, from: &str) -> Admission {
            self.guesses.attempt(Claimed::of(name), network(from), self.now)
        }

        fn state(&self, name: &str, from: &str) -> Admission {
            self.guesses.state(Claimed::of(name), network(from), self.now)
        }

        fn sign_in(&self, name: &str, from: &str) {
            assert_eq!(self.attempt(name, from), Admission::Open, "{name} from {from}");
            self.guesses.succeeded(Claimed::of(name), network(from));
        }
    }

    fn network(written: &str) -> Network {
        Network::of(Some(written.parse().unwrap()))
    }

    #[test]
    fn a_few_failures_shut_a_network_out_of_an_account_and_leave_others_in() {
        let mut door = Door::new();
        for expected in [Admission::Open, Admission::Open, Admission::Open, Admission::Shut] {
            assert_eq!(door.attempt("jane", "192.0.2.1"), expected);
        }
        assert_eq!(door.state("jane", "192.0.2.2"), Admission::Open);
        assert_eq!(door.state("joe", "192.0.2.1"), Admission::Open);
        door.now += PERIOD;
        assert_eq!(door.state("jane", "192.0.2.1"), Admission::Open, "for a while only");
    }

    #[test]
    fn the_pause_begins_with_the_last_failure_that_is_counted() {
        let mut door = Door::new();
        for _ in 0..3 {
            assert_eq!(door.attempt("jane", "192.0.2.1"), Admission::Open);
            door.now += PERIOD / 3;
        }
        // Two thirds of it are left, though the first failure is a period old.
        assert_eq!(door.state("jane", "192.0.2.1"), Admission::Shut);
        door.now += PERIOD / 3;
        assert_eq!(door.state("jane", "192.0.2.1"), Admission::Shut);
        door.now += PERIOD / 3;
        assert_eq!(door.state("jane", "192.0.2.1"), Admission::Open);
    }

    #[test]
    fn tries_at_once_are_as_few_as_tries_in_a_row() {
        let door = Door::new();
        let open = (0..100).filter(|_| door.attempt("jane", "192.0.2.1") == Admission::Open);
        assert_eq!(open.count(), 3);
    }

    #[test]
    fn a_success_forgives_what_failed_before_it() {
        let door = Door::new();
        door.attempt("jane", "192.0.2.1");
        door.attempt("jane", "192.0.2.1");
        door.sign_in("jane", "192.0.2.1");
        door.attempt("jane", "192.0.2.1");
        door.attempt("jane", "192.0.2.1");
        assert_eq!(door.state("jane", "192.0.2.1"), Admission::Open);
    }

    #[test]
    fn a_network_that_tries_many_names_gets_nowhere() {
        let door = Door::new();
        for number in 0..30 {
            door.attempt(&format!("name{number}"), "2001:db8::1");
        }
        assert_eq!(door.state("jane", "2001:db8::ffff:2"), Admission::Shut, "one network");
        assert_eq!(door.state("jane", "2001:db8:0:1::1"), Admission::Open);
    }

    #[test]
    fn a_house_behind_one_address_is_not_shut_out_by_its_sign_ins_nor_by_a_days_slips() {
        let mut door = Door::new();
        for number in 0..100 {
            door.sign_in(&format!("officer{number}"), "192.0.2.1");
        }
        for number in 0..100 {
            door.attempt(&format!("officer{number}"), "192.0.2.1");
            door.now += Duration::from_secs(60);
        }
        assert_eq!(door.state("jane", "192.0.2.1"), Admission::Open);
    }

    #[test]
    fn the_whole_world_cannot_keep_an_officer_from_where_they_sit() {
        let door = Door::new();
        door.sign_in("jane", "10.1.2.3");
        for number in 0..30 {
            door.attempt("jane", &format!("198.51.100.{number}"));
        }
        assert_eq!(door.state("jane", "203.0.113.1"), Admission::Shut);
        assert_eq!(door.state("jane", "10.1.2.3"), Admission::Open);
    }

    #[test]
    fn what_can_be_nobodys_name_is_not_remembered_as_one() {
        assert_eq!(Claimed::of(&"x".repeat(1 << 20)), Claimed::of("a password, perhaps"));
        assert_ne!(Claimed::of("jane"), Claimed::of("joe"));
    }
}
