//! How the gateway does: what `/readyz`, `/metrics` and the console ask.

use std::{sync::Arc, time::Instant};

use tokio_util::sync::CancellationToken;

use super::{
    history::History,
    keeper::Keeper,
    partners::Partners,
    policies::GoingLive,
    queue::{Queue, now},
};
use crate::{
    listen::{Capacity, ShutOut},
    observe::{
        ContentMemory, Door, PartnerTally, PolicyState, Probes, QueueState, SpoolState, TlsWaits,
    },
    quarantine::HeldTally,
    reader::Pool,
};

pub(super) struct State {
    pub(super) node: String,
    pub(super) policy: Arc<GoingLive>,
    pub(super) queue: Arc<Queue>,
    pub(super) keeper: Arc<Keeper>,
    pub(super) history: Arc<History>,
    pub(super) shut_out: Arc<ShutOut>,
    pub(super) capacity: Arc<Capacity>,
    pub(super) memory_limit: usize,
    pub(super) readers: Pool,
    pub(super) partners: Arc<Partners>,
    pub(super) stopping: CancellationToken,
}

impl Probes for State {
    fn queue(&self) -> QueueState {
        self.queue.state()
    }

    fn spool(&self) -> SpoolState {
        self.queue.spool_state()
    }

    fn quarantine(&self) -> HeldTally {
        self.queue.lines().ward().listing().tally(now())
    }

    fn tls_waits(&self) -> TlsWaits {
        let policy = self.policy.policies().live();
        self.queue.lines().waits().state(|domain| policy.destination(domain).class, now())
    }

    fn clients_shut_out(&self) -> usize {
        self.shut_out.clients(Instant::now())
    }

    fn reader_processes(&self) -> usize {
        self.readers.processes()
    }

    fn partners(&self) -> PartnerTally {
        self.partners.tally()
    }

    fn content_memory(&self) -> ContentMemory {
        ContentMemory { used: self.capacity.memory_used(), limit: self.memory_limit }
    }

    fn policy(&self) -> PolicyState {
        self.policy.metrics()
    }

    fn unready(&self) -> Option<String> {
        if self.stopping.is_cancelled() {
            return Some("stopping".to_owned());
        }
        let why = match self.spool().door {
            Door::Full => "the spool is full: new mail is refused",
            Door::Failing => "the spool's disk fails: new mail is refused while it does",
            Door::Open => return None,
        };
        Some(why.to_owned())
    }
}
