//! Losses: what becomes of a message that the spool cannot give back as it
//! was written, since the disk has changed its octets or gives none.
//!
//! It is returned to its sender without its content (5.3.0), and leaves the
//! queue. To try it again would never end; to hold it for a person would let
//! its sender believe that it is on its way until one looks. Its sender alone
//! has it whole still, and can send it again at once. What is left of it stays
//! on disk as long as the gateway runs, and the log says where.
//!
//! A disk that does not answer may do so later: that is waited for, and the
//! message is lost when it expires. Where not even the envelope can be read,
//! nobody can be told but operators: it is taken out of the lines and stays in
//! the spool, for `postern spool check` to show and the next start to try.

use bytes::Bytes;

use super::{
    dispatch::{Dispatcher, PAUSE},
    queue::now,
    settlement::settle_loss,
};
use crate::{
    mail::{
        Attempt, Destination, EnhancedStatusCode, Event, Failure, FailureReason, Observer, Outcome,
        QueueId, QueuedMessage, Reply, Timestamp,
    },
    spool::SpoolError,
};

impl Dispatcher {
    /// After a failure of the spool: when those at these destinations are to
    /// be tried again. None where they wait no longer.
    pub(super) async fn spool_failed(
        &self,
        id: QueueId,
        destinations: &[Destination],
        error: SpoolError,
    ) -> Option<Timestamp> {
        tell(&*self.observer, &error);
        // What was delivered may be known to nobody but us, and go twice,
        // which is better than not at all.
        let later = Some(now() + PAUSE);
        if destinations.is_empty() || !error.is_of_reading() {
            return later;
        }
        match self.give_up(id, destinations, &error).await {
            Ok(again) => again,
            Err(error) => {
                tell(&*self.observer, &error);
                later
            }
        }
    }

    async fn give_up(
        &self,
        id: QueueId,
        destinations: &[Destination],
        error: &SpoolError,
    ) -> Result<Option<Timestamp>, SpoolError> {
        let message = match self.queue.spool().message(id) {
            Ok(Some(message)) if !message.is_held() => message,
            Ok(_) => return Ok(None),
            Err(error) => return Ok(self.give_up_unknown(id, &error)),
        };
        if !error.is_final() && !self.retry.is_expired(message.released_at(), now()) {
            return Ok(Some(now() + PAUSE));
        }
        let lost = lost(&message, destinations);
        let settle = |message| settle_loss(message, &lost, &self.retry, now());
        self.record(&message, &Bytes::new(), settle).await
    }

    /// Of a message whose envelope cannot be read: an id tells when it came.
    fn give_up_unknown(&self, id: QueueId, error: &SpoolError) -> Option<Timestamp> {
        let came = Timestamp::from_unix_milliseconds(id.unix_milliseconds());
        if !error.is_final() && !self.retry.is_expired(came, now()) {
            return Some(now() + PAUSE);
        }
        tracing::error!(%id, %error, "a message cannot be delivered, nor its sender be told");
        self.queue.lines().strike(id);
        None
    }
}

/// To everybody who waits at these destinations, for good.
fn lost(message: &QueuedMessage, destinations: &[Destination]) -> Attempt {
    let reply = Reply::new(554, SYSTEM_FAULT, "the message was damaged where it was stored");
    let outcome = Outcome::Permanent(Failure { reason: FailureReason::Damaged, reply });
    let ours = message
        .pending()
        .filter(|queued| destinations.iter().any(|one| one.is_of(message, queued)));
    let outcomes = ours.map(|queued| (queued.address.clone(), outcome.clone())).collect();
    Attempt { outcomes, tries: Vec::new() }
}

/// That the spool has failed, and at what.
pub(super) fn tell(observer: &dyn Observer, error: &SpoolError) {
    let during = if error.is_of_reading() { "read" } else { "record" };
    observer.observe(Event::SpoolFailed { during, error: &error.to_string() });
}

/// RFC 3463 section 3.4: the mail system's own, and nothing more can be said.
const SYSTEM_FAULT: EnhancedStatusCode = EnhancedStatusCode(5, 3, 0);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Address, Protection, QueuedRecipient, RecipientState, Way};

    const MESSAGE: &str = r#"{"id":"01dcayhax6g00","received_at":1000,"direction":"outbound",
        "reverse_path":"dr@nhs.test.example","level":0,"policy":"p","size":312,"recipients":[]}"#;

    #[test]
    fn all_who_wait_at_the_destination_are_told_of_and_nobody_else() {
        let due = Timestamp::from_unix_milliseconds(1000);
        let recipients = ["a@x.example", "b@y.example", "c@x.example", "d@x.example"].map(|to| {
            let to: Address = to.parse().unwrap();
            QueuedRecipient::new(to, Protection::default(), due)
        });
        let mut message: QueuedMessage = serde_json::from_str(MESSAGE).unwrap();
        message.recipients = recipients.to_vec();
        let reply = Reply::plain(250, "ok");
        message.recipients[2].state = RecipientState::Delivered { at: due, reply };
        let destination = Destination { domain: "x.example".parse().unwrap(), way: Way::Usual };
        let lost = lost(&message, &[destination]);
        let told: Vec<_> = lost.outcomes.iter().map(|(to, _)| to.to_string()).collect();
        assert_eq!(told, ["a@x.example", "d@x.example"]);
        let Outcome::Permanent(failure) = &lost.outcomes[0].1 else { panic!("{lost:?}") };
        assert_eq!(
            failure.reply.to_string(),
            "554 5.3.0 the message was damaged where it was stored"
        );
    }
}
