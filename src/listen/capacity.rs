//! What all sessions together may cost (law 7): how many there are, how many
//! from one client, and the memory of the messages they are bringing.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::config::Limits;

/// Shared by all listeners.
#[derive(Debug)]
pub struct Capacity {
    sessions: Arc<Semaphore>,
    clients: Mutex<HashMap<IpAddr, usize>>,
    sessions_per_client: usize,
    memory: Arc<Semaphore>,
    memory_units: usize,
}

/// One session's place; given back when dropped.
#[derive(Debug)]
pub(super) struct SessionPlace(
    #[expect(dead_code, reason = "held, not read")] OwnedSemaphorePermit,
);

/// One client's session; given back when dropped.
#[derive(Debug)]
pub(super) struct ClientPlace {
    capacity: Arc<Capacity>,
    client: IpAddr,
}

/// Memory for one message; given back when dropped.
#[derive(Debug)]
pub(super) struct Memory {
    permit: OwnedSemaphorePermit,
}

impl Capacity {
    pub fn new(limits: &Limits) -> Arc<Self> {
        let memory_units = (limits.memory / MEMORY_UNIT).min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            sessions: Arc::new(Semaphore::new(limits.sessions.min(Semaphore::MAX_PERMITS))),
            clients: Mutex::default(),
            sessions_per_client: limits.sessions_per_client,
            memory: Arc::new(Semaphore::new(memory_units)),
            memory_units,
        })
    }

    /// Octets granted to messages that are coming in or being judged.
    pub fn memory_used(&self) -> usize {
        self.memory_units.saturating_sub(self.memory.available_permits()) * MEMORY_UNIT
    }

    pub(super) fn session(&self) -> Option<SessionPlace> {
        Arc::clone(&self.sessions).try_acquire_owned().ok().map(SessionPlace)
    }

    pub(super) fn client(self: &Arc<Self>, address: IpAddr) -> Option<ClientPlace> {
        let client = one_client(address);
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let sessions = clients.entry(client).or_default();
        if *sessions >= self.sessions_per_client {
            return None;
        }
        *sessions += 1;
        Some(ClientPlace { capacity: Arc::clone(self), client })
    }

    /// Waits a little for so many octets: a burst then slows its senders down
    /// instead of being refused. Whoever waits holds nothing others wait for.
    pub(super) async fn memory(&self, octets: usize) -> Option<Memory> {
        let acquired = Arc::clone(&self.memory).acquire_many_owned(units(octets));
        let permit = tokio::time::timeout(MEMORY_PATIENCE, acquired).await.ok()?.ok()?;
        Some(Memory { permit })
    }

    /// More for a message that is coming in: at once or not at all, since two
    /// half-received messages must not wait for each other.
    pub(super) fn extend(&self, memory: &mut Memory, octets: usize) -> Result<(), OutOfMemory> {
        let wanted = units(octets).saturating_sub(units(memory.octets()));
        let more = Arc::clone(&self.memory).try_acquire_many_owned(wanted);
        memory.permit.merge(more.map_err(|_| OutOfMemory)?);
        Ok(())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OutOfMemory;

impl Memory {
    pub(super) fn octets(&self) -> usize {
        self.permit.num_permits() * MEMORY_UNIT
    }
}

impl Drop for ClientPlace {
    fn drop(&mut self) {
        let mut clients = self.capacity.clients.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sessions) = clients.get_mut(&self.client) {
            *sessions -= 1;
            if *sessions == 0 {
                clients.remove(&self.client);
            }
        }
    }
}

/// One host of IPv6 has a whole /64 to call from.
pub(super) fn one_client(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))
        }
        address @ IpAddr::V4(_) => address,
    }
}

fn units(octets: usize) -> u32 {
    u32::try_from(octets.div_ceil(MEMORY_UNIT)).unwrap_or(u32::MAX)
}

const MEMORY_UNIT: usize = 1_024;
const MEMORY_PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn capacity(memory: usize) -> Arc<Capacity> {
        Capacity::new(&Limits { sessions: 2, sessions_per_client: 1, memory, ..Limits::default() })
    }

    #[test]
    fn a_place_that_is_given_up_can_be_taken_again() {
        let capacity = capacity(0);
        let (first, second) = (capacity.session(), capacity.session());
        assert!(first.is_some() && second.is_some() && capacity.session().is_none());
        drop(first);
        assert!(capacity.session().is_some());
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client() {
        let capacity = capacity(0);
        let place = capacity.client("2001:db8::1".parse().unwrap());
        assert!(place.is_some());
        assert!(capacity.client("2001:db8::2".parse().unwrap()).is_none());
        assert!(capacity.client("2001:db8:0:1::1".parse().unwrap()).is_some());
        drop(place);
        assert!(capacity.client("2001:db8::2".parse().unwrap()).is_some());
        assert!(capacity.clients.lock().unwrap().is_empty(), "a client was not forgotten");
    }

    #[tokio::test]
    async fn memory_is_granted_up_to_its_limit_and_comes_back() {
        let capacity = capacity(10 * MEMORY_UNIT);
        let mut memory = capacity.memory(1).await.unwrap();
        assert_eq!(memory.octets(), MEMORY_UNIT);
        assert_eq!(capacity.extend(&mut memory, 10 * MEMORY_UNIT), Ok(()));
        assert_eq!(capacity.extend(&mut memory, 10 * MEMORY_UNIT + 1), Err(OutOfMemory));
        assert_eq!(capacity.memory_used(), 10 * MEMORY_UNIT);
        drop(memory);
        assert_eq!(capacity.memory_used(), 0);
        assert!(capacity.memory(10 * MEMORY_UNIT).await.is_some());
    }
}
