//! Deadlines: what is due for a message though nobody tries it, since its
//! destination is dead or others go first. It expires, its sender hears that
//! it is late, people hear that it waits for TLS, in time all the same.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    destination::Destination, dispatch::Dispatcher, queue::now, settlement::settle_deadlines,
};
use crate::{
    mail::{
        Event, FailureReason, QueueId, QueuedMessage, QueuedRecipient, RecipientState, Reply,
        Timestamp, TlsNotice, Unmet,
    },
    schedule::{Trouble, Verdict},
    spool::SpoolError,
};

impl Dispatcher {
    /// Runs until `stop`; looks under way are left to `tasks`.
    pub(super) async fn keep_deadlines(
        self: Arc<Self>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) {
        let looks = Arc::new(Semaphore::new(LOOKS));
        loop {
            let id = tokio::select! {
                () = stop.cancelled() => return,
                id = self.queue.next_look() => id,
            };
            let Ok(permit) = Arc::clone(&looks).acquire_owned().await else { return };
            let dispatcher = Arc::clone(&self);
            tasks.spawn(async move {
                dispatcher.look_at(id).await;
                drop(permit);
            });
        }
    }

    /// Does what is due for those of its recipients whom nobody is trying just
    /// now. Meanwhile nobody begins to.
    async fn look_at(&self, id: QueueId) {
        let claimed = self.queue.claim(id);
        if let Err(error) = self.do_what_is_due(id, &claimed).await {
            let text = error.to_string();
            self.observer.observe(Event::SpoolFailed { during: "record", error: &text });
        }
        for (destination, due) in claimed {
            self.queue.job_done((id, destination), Some(due), Verdict::Nothing).await;
        }
        // Where something is due still, not at once again.
        self.queue.look_again(id, now() + PAUSE);
    }

    async fn do_what_is_due(
        &self,
        id: QueueId,
        claimed: &[(Destination, Timestamp)],
    ) -> Result<(), SpoolError> {
        let Some((message, content)) = self.queue.spool().load(id).await? else {
            return Ok(());
        };
        if message.is_held() || claimed.is_empty() {
            return Ok(());
        }
        let troubles: Vec<_> = claimed
            .iter()
            .filter_map(|(one, _)| Some((one.clone(), self.queue.trouble(one)?)))
            .collect();
        let settle = |mut message: QueuedMessage| {
            let now = now();
            note_trouble(&mut message, &troubles, now);
            let ours: Vec<_> = message
                .recipients
                .iter()
                .filter(|queued| claimed.iter().any(|(one, _)| one.is_of(&message, queued)))
                .map(|queued| queued.address.clone())
                .collect();
            let rests = |queued: &QueuedRecipient| ours.contains(&queued.address);
            settle_deadlines(message, rests, &self.retry, now)
        };
        self.record(id, &content, settle).await.map(drop)
    }
}

/// What a message has to do with the destinations that have failed: nobody
/// tries it again for now, and who waits for TLS has waited since.
fn note_trouble(message: &mut QueuedMessage, troubles: &[(Destination, Trouble)], now: Timestamp) {
    let of = |message: &QueuedMessage, queued: &QueuedRecipient| {
        let trouble = troubles.iter().find(|(destination, _)| destination.is_of(message, queued));
        trouble.map(|(destination, trouble)| (destination.clone(), trouble.clone()))
    };
    let found: Vec<_> = message.recipients.iter().map(|queued| of(message, queued)).collect();
    for (queued, found) in message.recipients.iter_mut().zip(found) {
        let (RecipientState::Pending { last, .. }, Some((destination, trouble))) =
            (&mut queued.state, found)
        else {
            continue;
        };
        let Trouble { since, last: failure } = trouble;
        let domain = destination.domain;
        let text = format!("not tried again: {domain} has failed since {since}: {}", failure.reply);
        let reply = Reply::new(451, failure.reply.status(), text);
        *last = Some(reply.to_string());
        if failure.reason == FailureReason::Tls && queued.unmet.is_none() {
            let (told, host, fault) = (TlsNotice::Due, None, None);
            queued.unmet = Some(Box::new(Unmet { since: now, told, reply, host, fault }));
        }
    }
}

/// Messages looked at at once.
const LOOKS: usize = 16;
/// How long one rests that is being tried just now, or for which something is
/// due still.
const PAUSE: Duration = Duration::from_secs(60);
