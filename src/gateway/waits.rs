//! Waits: which messages wait for TLS that cannot be had, and which a person
//! has let go with less. Kept beside the schedule, so that a scrape reads no
//! disk.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    mail::{DestinationClass, Domain, QueueId, QueuedMessage, Timestamp},
    observe::TlsWaits,
};

#[derive(Default)]
pub(super) struct Waits(Mutex<BTreeMap<QueueId, Wait>>);

struct Wait {
    /// Whose TLS is waited for, each once.
    domains: Vec<Domain>,
    since: Option<Timestamp>,
    exempt_until: Option<Timestamp>,
}

impl Waits {
    /// As the message stands now.
    pub(super) fn note(&self, message: &QueuedMessage) {
        let mut domains: Vec<Domain> = Vec::new();
        for (queued, _) in message.waiting_for_tls() {
            if !domains.contains(queued.address.domain()) {
                domains.push(queued.address.domain().clone());
            }
        }
        let since = message.waiting_for_tls().map(|(_, unmet)| unmet.since).min();
        let exempt_until = message.recourse.exemption.as_ref().map(|exemption| exemption.until);
        let waits =
            (since.is_some() || exempt_until.is_some()) && message.pending().next().is_some();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match waits {
            true => all.insert(message.id, Wait { domains, since, exempt_until }),
            false => all.remove(&message.id),
        };
    }

    pub(super) fn forget(&self, id: QueueId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// As it stands now; a message that waits for several classes counts in
    /// each.
    pub(super) fn state(
        &self,
        class: impl Fn(&Domain) -> DestinationClass,
        now: Timestamp,
    ) -> TlsWaits {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut messages = DestinationClass::ALL.map(|class| (class, 0));
        for wait in all.values() {
            let classes: Vec<_> = wait.domains.iter().map(&class).collect();
            for (class, count) in &mut messages {
                *count += usize::from(classes.contains(class));
            }
        }
        let oldest = all.values().filter_map(|wait| wait.since).min();
        let exemptions = all.values().filter_map(|wait| wait.exempt_until);
        TlsWaits {
            messages,
            oldest: oldest.map(|since| now.saturating_since(since)).unwrap_or_default(),
            exemptions: exemptions.filter(|until| *until > now).count(),
        }
    }
}
