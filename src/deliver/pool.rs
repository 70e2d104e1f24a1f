//! Connections that wait a moment for the next message to the same place,
//! under the very same demand: nothing is borrowed across requirements.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use super::connection::{Connection, Means, Purpose};

#[derive(Clone)]
pub(super) struct Pool {
    idle: Arc<Mutex<Idle>>,
    lifetime: Duration,
    per_purpose: usize,
}

#[derive(Default)]
struct Idle {
    connections: HashMap<Purpose, Vec<(u64, Connection)>>,
    /// How many there are in all.
    count: usize,
    next_ticket: u64,
}

impl Pool {
    /// A lifetime of zero keeps nothing; more for one purpose than are used
    /// at once would serve nobody.
    pub(super) fn new(lifetime: Duration, per_purpose: usize) -> Self {
        Self { idle: Arc::default(), lifetime, per_purpose }
    }

    pub(super) fn take(&self, purpose: &Purpose) -> Option<Connection> {
        self.locked(|idle| {
            let waiting = idle.connections.get_mut(purpose)?;
            let (_, connection) = waiting.pop()?;
            if waiting.is_empty() {
                idle.connections.remove(purpose);
            }
            idle.count -= 1;
            Some(connection)
        })
    }

    /// Keeps a connection for its lifetime, then closes it.
    pub(super) fn put(&self, purpose: Purpose, connection: Connection, means: Arc<Means>) {
        let kept = if self.lifetime.is_zero() {
            Err(Box::new(connection))
        } else {
            self.locked(|idle| idle.keep(&purpose, connection, self.per_purpose))
        };
        let pool = self.clone();
        tokio::spawn(async move {
            let connection = match kept {
                Err(connection) => Some(*connection),
                Ok(ticket) => {
                    tokio::time::sleep(pool.lifetime).await;
                    pool.locked(|idle| idle.remove(&purpose, ticket))
                }
            };
            if let Some(connection) = connection {
                connection.close(&means).await;
            }
        });
    }

    fn locked<T>(&self, change: impl FnOnce(&mut Idle) -> T) -> T {
        change(&mut self.idle.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Idle {
    fn keep(
        &mut self,
        purpose: &Purpose,
        connection: Connection,
        at_most: usize,
    ) -> Result<u64, Box<Connection>> {
        let waiting = self.connections.get(purpose).map_or(0, Vec::len);
        if self.count >= IDLE || waiting >= at_most {
            return Err(Box::new(connection));
        }
        self.count += 1;
        self.next_ticket += 1;
        let ticket = self.next_ticket;
        self.connections.entry(purpose.clone()).or_default().push((ticket, connection));
        Ok(ticket)
    }

    fn remove(&mut self, purpose: &Purpose, ticket: u64) -> Option<Connection> {
        let waiting = self.connections.get_mut(purpose)?;
        let position = waiting.iter().position(|&(other, _)| other == ticket)?;
        let (_, connection) = waiting.swap_remove(position);
        if waiting.is_empty() {
            self.connections.remove(purpose);
        }
        self.count -= 1;
        Some(connection)
    }
}

const IDLE: usize = 256;
