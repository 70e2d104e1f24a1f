//! What the gateway tells of itself, and what has arrived at the stand-ins:
//! kept so that it can be waited for and told.

use std::{
    pin::pin,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::Notify;

use crate::mail::{
    Address, Attempt, Decision, Envelope, Event, Finding, MessageFacts, Observer, QueueId,
    TlsRequirement, TlsSession,
};

/// One run's memory.
#[derive(Default)]
pub(super) struct Watch {
    log: Mutex<Log>,
    changed: Notify,
}

/// Everything so far, each list in the order of things.
#[derive(Default)]
pub(super) struct Log {
    pub(super) decided: Vec<Decided>,
    pub(super) attempted: Vec<Attempted>,
    pub(super) arrived: Vec<Arrived>,
}

#[derive(Clone)]
pub(super) struct Decided {
    pub(super) id: QueueId,
    pub(super) facts: MessageFacts,
    pub(super) findings: Vec<Finding>,
    pub(super) decisions: Vec<(Address, Decision)>,
}

#[derive(Clone)]
pub(super) struct Attempted {
    pub(super) id: QueueId,
    pub(super) requirement: TlsRequirement,
    pub(super) attempt: Attempt,
}

/// A message that a stand-in has taken.
#[derive(Clone)]
pub(super) struct Arrived {
    /// The stand-in's name.
    pub(super) host: String,
    pub(super) envelope: Envelope,
    pub(super) content: Bytes,
    /// Of the session it came in on; none in clear.
    pub(super) tls: Option<TlsSession>,
}

impl Arrived {
    pub(super) fn is_for(&self, address: &Address) -> bool {
        self.envelope.recipients.iter().any(|recipient| recipient.address == *address)
    }
}

impl Watch {
    /// Waits until `look` sees what it looks for, for so long.
    pub(super) async fn until<T>(
        &self,
        patience: Duration,
        look: impl Fn(&Log) -> Option<T>,
    ) -> Option<T> {
        let looking = async {
            loop {
                let mut changed = pin!(self.changed.notified());
                // Before looking, so that nothing is missed between the two.
                changed.as_mut().enable();
                if let Some(seen) = look(&self.log()) {
                    return seen;
                }
                changed.await;
            }
        };
        tokio::time::timeout(patience, looking).await.ok()
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn arrived(&self, arrived: Arrived) {
        keep(&mut self.log().arrived, arrived);
        self.changed.notify_waiters();
    }
}

impl Observer for Watch {
    fn observe(&self, event: Event<'_>) {
        match event {
            Event::Decided(told) => {
                let decided = Decided {
                    id: told.id,
                    facts: told.facts.clone(),
                    findings: told.findings.to_vec(),
                    decisions: told.decisions.to_vec(),
                };
                keep(&mut self.log().decided, decided);
            }
            Event::Attempted { id, requirement, attempt, .. } => {
                let attempted = Attempted { id, requirement, attempt: attempt.clone() };
                keep(&mut self.log().attempted, attempted);
            }
            _ => return,
        }
        self.changed.notify_waiters();
    }
}

/// The demo may be left running (law 7): what comes after is not told.
fn keep<T>(list: &mut Vec<T>, item: T) {
    if list.len() < MOST {
        list.push(item);
    }
}

const MOST: usize = 1_000;
