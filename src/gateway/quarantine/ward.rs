//! The ward: the catalogue of what is held, kept as the spool has it.

use std::{
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::{Notify, futures::Notified};

use crate::{
    mail::{QueueId, QueuedMessage, Timestamp},
    quarantine::{Catalogue, Listing, Terms},
    spool::Spool,
};

pub(in crate::gateway) struct Ward {
    catalogue: Mutex<Catalogue>,
    terms: Terms,
    /// Rung when everything that a start has found is known.
    completed: Notify,
    /// When the clock of the terms looks again, and what rings if it should
    /// sooner.
    looks_at: AtomicU64,
    sooner: Notify,
}

impl Ward {
    pub(in crate::gateway) fn new(terms: Terms) -> Self {
        Self {
            catalogue: Mutex::default(),
            terms,
            completed: Notify::new(),
            looks_at: AtomicU64::new(u64::MAX),
            sooner: Notify::new(),
        }
    }

    pub(in crate::gateway) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// That a message is held, of which more is told by [`Ward::note`] or read
    /// by [`Ward::read_all`].
    pub(in crate::gateway) fn expect(&self, id: QueueId) {
        self.catalogue().expect(id);
    }

    pub(in crate::gateway) fn forget(&self, id: QueueId) {
        self.catalogue().forget(id);
    }

    /// How a message stands in the spool from here on.
    pub(in crate::gateway) fn note(&self, message: &QueuedMessage) {
        let Some(entry) = self.terms.entry(message) else {
            self.forget(message.id);
            return;
        };
        let first = entry.expires_at.map_or(entry.due_at, |expires| expires.min(entry.due_at));
        self.catalogue().put(entry);
        if first.unix_milliseconds() < self.looks_at.load(Ordering::Relaxed) {
            self.sooner.notify_one();
        }
    }

    pub(in crate::gateway) fn len(&self) -> usize {
        self.catalogue().len()
    }

    #[cfg(test)]
    pub(super) fn find(&self, id: QueueId) -> Option<crate::mail::HeldEntry> {
        self.catalogue().find(id).cloned()
    }

    /// As far as it is known yet.
    pub(in crate::gateway) fn listing(&self) -> Listing {
        self.catalogue().listing()
    }

    /// Once it is all known.
    pub(in crate::gateway) async fn whole_listing(&self) -> Listing {
        loop {
            let completed = self.completed.notified();
            {
                let catalogue = self.catalogue();
                if catalogue.is_complete() {
                    return catalogue.listing();
                }
            }
            // Whoever has rung before this listened is heard a moment later.
            let _ = tokio::time::timeout(LISTEN, completed).await;
        }
    }

    /// Reads what a start has found, beside the mail. Blocks.
    pub(in crate::gateway) fn read_all(&self, spool: &Spool, stopping: impl Fn() -> bool) {
        loop {
            let unread = self.catalogue().unread(PIECE);
            if unread.is_empty() || stopping() {
                break;
            }
            for id in unread {
                match spool.message(id) {
                    Ok(Some(message)) => match self.terms.entry(&message) {
                        Some(entry) => self.catalogue().put_read(entry),
                        None => self.forget(id),
                    },
                    Ok(None) => self.forget(id),
                    Err(error) => {
                        tracing::error!(%id, %error, "a held message cannot be listed");
                        self.forget(id);
                    }
                }
            }
        }
        self.completed.notify_waiters();
    }

    /// Rung when something is due before then.
    pub(in crate::gateway) fn sooner_than(&self, moment: Timestamp) -> Notified<'_> {
        self.looks_at.store(moment.unix_milliseconds(), Ordering::Relaxed);
        self.sooner.notified()
    }

    /// A panic elsewhere leaves it whole: each change is one call.
    fn catalogue(&self) -> MutexGuard<'_, Catalogue> {
        self.catalogue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Messages whose ids are taken at once.
const PIECE: usize = 1000;
const LISTEN: Duration = Duration::from_millis(50);
