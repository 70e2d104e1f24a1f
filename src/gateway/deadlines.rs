//! Deadlines: what is due for a message though nobody tries it, since its
//! destination is dead or others go first. It expires, its sender hears that
//! it is late, people hear that it waits for TLS, in time all the same.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{dispatch::Dispatcher, queue::now, settlement::settle_deadlines};
use crate::{
    mail::{
        Destination, FailureReason, QueueId, QueuedMessage, QueuedRecipient, RecipientState, Reply,
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
                id = self.queue.lines().next_look() => id,
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
        let claimed = self.queue.lines().claim(id);
        if let Err(error) = self.do_what_is_due(id, &claimed).await {
            let destinations: Vec<_> = claimed.iter().map(|(one, _)| one.clone()).collect();
            self.spool_failed(id, &destinations, error).await;
        }
        for (destination, due) in claimed {
            self.queue.job_done((id, destination), Some(due), Verdict::Nothing).await;
        }
        // Where something is due still, not at once again.
        self.queue.lines().look_again(id);
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
            .filter_map(|(one, _)| Some((one.clone(), self.queue.lines().trouble(one)?)))
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
        self.record(&message, &content, settle).await.map(drop)
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        gateway::settlement::next_deadline,
        mail::{
            Direction, EnhancedStatusCode, Failure, Level, Protection, Requests, ReversePath,
            TlsRequirement, Way,
        },
        schedule::RetrySchedule,
    };

    const ARRIVAL: Timestamp = Timestamp::from_unix_milliseconds(2_000_000);

    fn message() -> QueuedMessage {
        let verified = Protection { tls: TlsRequirement::Verified, ..Protection::default() };
        let recipients = [("a@x.example", verified.clone()), ("b@y.example", verified)];
        QueuedMessage {
            id: QueueId::from_bits(7),
            received_at: ARRIVAL,
            direction: Direction::Outbound,
            reverse_path: ReversePath::Mailbox("s@nhs.test.example".parse().unwrap()),
            body: Default::default(),
            encoding: Default::default(),
            requests: Requests::default(),
            level: Level::default(),
            policy: String::new(),
            size: 3,
            redirect: None,
            hold: None,
            custody: Default::default(),
            recourse: Default::default(),
            delay_notice: Default::default(),
            recipients: recipients
                .map(|(to, protection)| {
                    let to: crate::mail::Address = to.parse().unwrap();
                    QueuedRecipient::new(to, protection, ARRIVAL)
                })
                .to_vec(),
        }
    }

    fn trouble(reason: FailureReason) -> Vec<(Destination, Trouble)> {
        let reply = Reply::new(451, EnhancedStatusCode(4, 7, 5), "no STARTTLS");
        let last = Failure { reason, reply };
        let destination = Destination { domain: "x.example".parse().unwrap(), way: Way::Protected };
        vec![(destination, Trouble { since: ARRIVAL, last })]
    }

    fn after(seconds: u64) -> Timestamp {
        ARRIVAL + Duration::from_secs(seconds)
    }

    fn retry() -> RetrySchedule {
        let seconds = Duration::from_secs;
        RetrySchedule::new(vec![seconds(10)], seconds(600), seconds(60))
            .unwrap()
            .with_tls_notice(seconds(30))
    }

    fn rests(queued: &QueuedRecipient) -> bool {
        queued.address.to_string() == "a@x.example"
    }

    #[test]
    fn who_waits_for_tls_without_being_tried_is_told_of_in_time() {
        let mut message = message();
        note_trouble(&mut message, &trouble(FailureReason::Tls), after(1));
        assert_eq!(next_deadline(&message.summary(), &retry()), Some(after(31)));
        let early = settle_deadlines(message.clone(), rests, &retry(), after(30));
        assert!(early.news.unmet.is_none());
        let told = settle_deadlines(message, rests, &retry(), after(31)).news.unmet.unwrap();
        assert_eq!(told.sender.len(), 1);
        let text = told.sender[0].reply.to_string();
        assert!(text.contains("not tried again: x.example has failed since"), "{text}");
        assert!(text.contains("no STARTTLS"), "{text}");
    }

    #[test]
    fn nobody_else_waits_for_tls_and_no_attempt_is_counted() {
        let mut message = message();
        let before = message.clone();
        note_trouble(&mut message, &trouble(FailureReason::Connect), after(1));
        assert!(message.recipients.iter().all(|queued| queued.unmet.is_none()));
        let RecipientState::Pending { attempts, next_attempt_at, last } =
            &message.recipients[0].state
        else {
            panic!("{message:?}")
        };
        assert_eq!((*attempts, *next_attempt_at), (0, ARRIVAL));
        assert!(last.as_deref().is_some_and(|last| last.contains("not tried again")));
        assert_eq!(message.recipients[1], before.recipients[1]);
        let late = settle_deadlines(message, rests, &retry(), after(60));
        assert_eq!(late.news.delayed.len(), 2);
    }

    #[test]
    fn what_expires_behind_a_dead_destination_is_returned_with_its_cause() {
        let mut message = message();
        note_trouble(&mut message, &trouble(FailureReason::Connect), after(600));
        let settlement = settle_deadlines(message, rests, &retry(), after(600));
        assert_eq!(settlement.news.failed.len(), 1);
        let text = settlement.news.failed[0].reply.to_string();
        assert!(text.contains("x.example has failed since"), "{text}");
        // Whoever is being tried just now is left to that attempt.
        assert_eq!(settlement.message.pending().count(), 1);
    }
}
