//! Clients that guess passwords: how often each has failed of late, over all
//! its sessions and listeners, and who is shut out for it.
//!
//! A client is an address, or a /64 of IPv6, wherever it stands: in a network
//! that may relay, behind NAT, on loopback. So many failures within
//! `shut_out_for` of the first shut it out for as long. A success clears
//! nothing: whoever has one good account could else guess at all the others
//! for ever, by logging in between.
//!
//! The table is bounded (law 7): where it is full, the client that would be
//! forgotten first is forgotten now. Whoever can fill it from as many networks
//! is not held back by shutting one of them out.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::capacity::one_client;
use crate::{
    config::Limits,
    mail::{EnhancedStatusCode, Refusal, Reply},
    smtp::server::Refused,
};

/// Shared by all listeners.
#[derive(Debug)]
pub struct ShutOut {
    after: usize,
    within: Duration,
    delay: Duration,
    ledger: Mutex<Ledger>,
}

#[derive(Debug, Default)]
struct Ledger {
    clients: HashMap<IpAddr, Record>,
    /// The same, by when they are forgotten.
    ends: BTreeSet<(Instant, IpAddr)>,
    shut_out: usize,
}

#[derive(Clone, Copy, Debug)]
struct Record {
    failures: usize,
    forgotten: Instant,
    standing: Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Counted,
    ShutOut,
}

impl ShutOut {
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            after: limits.shut_out_after,
            within: limits.shut_out_for,
            delay: limits.authentication_delay,
            ledger: Mutex::default(),
        })
    }

    /// How many clients are shut out now.
    pub fn clients(&self, now: Instant) -> usize {
        self.with(now, |ledger| ledger.shut_out)
    }

    /// What the answer to a failed authentication waits for.
    pub(super) fn delay(&self) -> Duration {
        self.delay
    }

    /// Whether this client is shut out.
    pub(super) fn holds(&self, client: IpAddr, now: Instant) -> bool {
        let client = one_client(client);
        let standing =
            self.with(now, |ledger| ledger.clients.get(&client).map(|record| record.standing));
        standing == Some(Standing::ShutOut)
    }

    /// One more failure. Those of a client that is shut out already, in
    /// sessions it still has, count for nothing.
    pub(super) fn count(&self, client: IpAddr, now: Instant) {
        let client = one_client(client);
        let end = now + self.within;
        self.with(now, |ledger| {
            let record = ledger.remove(client).unwrap_or(Record {
                failures: 0,
                forgotten: end,
                standing: Standing::Counted,
            });
            let failures = record.failures + 1;
            let record = match record.standing {
                Standing::ShutOut => record,
                Standing::Counted if failures >= self.after => {
                    Record { failures, forgotten: end, standing: Standing::ShutOut }
                }
                Standing::Counted => Record { failures, ..record },
            };
            ledger.insert(client, record);
        });
    }

    fn with<T>(&self, now: Instant, act: impl FnOnce(&mut Ledger) -> T) -> T {
        let mut ledger = self.ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.forget(now);
        act(&mut ledger)
    }
}

impl Ledger {
    fn insert(&mut self, client: IpAddr, record: Record) {
        while self.clients.len() >= MOST_CLIENTS {
            let Some(&(_, first)) = self.ends.first() else { return };
            self.remove(first);
        }
        self.ends.insert((record.forgotten, client));
        self.shut_out += usize::from(record.standing == Standing::ShutOut);
        self.clients.insert(client, record);
    }

    fn remove(&mut self, client: IpAddr) -> Option<Record> {
        let record = self.clients.remove(&client)?;
        self.ends.remove(&(record.forgotten, client));
        self.shut_out -= usize::from(record.standing == Standing::ShutOut);
        Some(record)
    }

    fn forget(&mut self, now: Instant) {
        while let Some(&(end, client)) = self.ends.first()
            && end <= now
        {
            self.remove(client);
        }
    }
}

/// 421 for a new connection, 454 for AUTH in one that is open (RFC 4954
/// section 4.7.2 has it for what may be tried again later).
pub(super) fn shut_out_now(code: u16) -> Refused {
    let text = "too many failures to authenticate from your address; try again later";
    Refused { reason: Refusal::ShutOut, reply: Reply::new(code, EnhancedStatusCode(4, 7, 0), text) }
}

/// About 2 MB.
const MOST_CLIENTS: usize = 16_384;

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn shut_out() -> Arc<ShutOut> {
        let limits = Limits { shut_out_after: 3, shut_out_for: 15 * MINUTE, ..Limits::default() };
        ShutOut::new(&limits)
    }

    fn address(written: &str) -> IpAddr {
        written.parse().unwrap()
    }

    #[test]
    fn so_many_failures_shut_a_client_out_for_so_long() {
        let (shut_out, start) = (shut_out(), Instant::now());
        let at = |minutes: u32| start + minutes * MINUTE;
        let (guesser, other) = (address("192.0.2.7"), address("192.0.2.8"));
        shut_out.count(guesser, at(0));
        shut_out.count(guesser, at(0));
        assert!(!shut_out.holds(guesser, at(0)));
        shut_out.count(guesser, at(14));
        assert!(shut_out.holds(guesser, at(14)) && !shut_out.holds(other, at(14)));
        assert_eq!(shut_out.clients(at(14)), 1);
        // Failures in sessions that are still open do not make it longer.
        shut_out.count(guesser, at(28));
        assert!(shut_out.holds(guesser, at(28)));
        assert!(!shut_out.holds(guesser, at(29)));
        assert_eq!(shut_out.clients(at(29)), 0);
        shut_out.count(guesser, at(29));
        assert!(!shut_out.holds(guesser, at(29)), "it starts again at none");
    }

    #[test]
    fn failures_now_and_then_do_not_add_up() {
        let (shut_out, start) = (shut_out(), Instant::now());
        let forgetful = address("192.0.2.7");
        for time in 0..10 {
            shut_out.count(forgetful, start + time * 8 * MINUTE);
            assert!(!shut_out.holds(forgetful, start + time * 8 * MINUTE));
        }
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let (shut_out, now) = (shut_out(), Instant::now());
        for host in 1..=3 {
            shut_out.count(address(&format!("2001:db8::{host}")), now);
        }
        assert!(shut_out.holds(address("2001:db8::ffff"), now));
        assert!(!shut_out.holds(address("2001:db8:0:1::1"), now));
        for _ in 0..3 {
            shut_out.count(address("::ffff:192.0.2.7"), now);
        }
        assert!(shut_out.holds(address("192.0.2.7"), now));
    }

    #[test]
    fn the_table_is_bounded() {
        let (shut_out, now) = (shut_out(), Instant::now());
        for number in 0..MOST_CLIENTS + 100 {
            let client = u32::try_from(number).unwrap().to_be_bytes();
            shut_out.count(IpAddr::from(client), now);
        }
        let ledger = shut_out.ledger.lock().unwrap();
        assert_eq!((ledger.clients.len(), ledger.ends.len()), (MOST_CLIENTS, MOST_CLIENTS));
    }
}
