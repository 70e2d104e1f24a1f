//! Settlement: what one attempt changes in a queued message. Pure.

use crate::{
    mail::{
        Address, Attempt, DelayNotice, EnhancedStatusCode, FailureReason, Outcome, QueuedMessage,
        RecipientState, Reply, Timestamp,
    },
    schedule::{Jitter, RetrySchedule},
};

/// A message after an attempt, and what follows from it.
#[derive(Debug, PartialEq)]
pub(super) struct Settlement {
    pub(super) message: QueuedMessage,
    /// To be reported to the sender as failed for good.
    pub(super) failed: Vec<Reported>,
    /// To be reported to the sender as late.
    pub(super) delayed: Vec<Reported>,
    /// When to try the recipients of this attempt again, if any wait.
    pub(super) next_attempt_at: Option<Timestamp>,
}

/// A recipient in a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reported {
    pub(super) recipient: Address,
    pub(super) reason: FailureReason,
    pub(super) reply: Reply,
    /// The host that gave the reply.
    pub(super) host: Option<String>,
}

/// Applies an attempt.
pub(super) fn settle(
    mut message: QueuedMessage,
    attempt: &Attempt,
    retry: &RetrySchedule,
    now: Timestamp,
    jitter: Jitter,
) -> Settlement {
    let received_at = message.received_at;
    let expired = retry.is_expired(received_at, now);
    let late = retry.owes_delay_notice(message.delay_notice, received_at, now);
    let (mut failed, mut delayed) = (Vec::new(), Vec::new());
    let mut next_attempt_at = None;
    for (recipient, outcome) in &attempt.outcomes {
        let Some(queued) =
            message.recipients.iter_mut().find(|queued| queued.address == *recipient)
        else {
            continue;
        };
        let RecipientState::Pending { attempts, .. } = queued.state else { continue };
        let reported = |reason, reply: &Reply| Reported {
            recipient: recipient.clone(),
            reason,
            reply: reply.clone(),
            host: attempt.evidence.host.clone(),
        };
        queued.state = match outcome {
            Outcome::Delivered(reply) => {
                RecipientState::Delivered { at: now, reply: reply.clone() }
            }
            Outcome::Permanent(failure) => {
                failed.push(reported(failure.reason, &failure.reply));
                RecipientState::Failed { at: now, reply: failure.reply.clone() }
            }
            Outcome::Transient(failure) if expired => {
                let reply = expiry(&failure.reply);
                failed.push(reported(FailureReason::Expired, &reply));
                RecipientState::Failed { at: now, reply }
            }
            Outcome::Transient(failure) => {
                let attempts = attempts.saturating_add(1);
                let again = retry.next_attempt(attempts, received_at, now, jitter);
                next_attempt_at = Some(again);
                if late {
                    delayed.push(reported(failure.reason, &failure.reply));
                }
                RecipientState::Pending {
                    attempts,
                    next_attempt_at: again,
                    last: Some(failure.reply.to_string()),
                }
            }
        };
    }
    if !delayed.is_empty() {
        message.delay_notice = DelayNotice::Sent;
    }
    Settlement { message, failed, delayed, next_attempt_at }
}

/// RFC 3463 has 4.4.7 for "delivery time expired", of class 5 once given up.
fn expiry(last: &Reply) -> Reply {
    let text = format!("waited too long; the last attempt came to: {last}");
    Reply::new(554, EnhancedStatusCode(5, 4, 7), text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::mail::{
        AddressEncoding, Body, Direction, Evidence, Failure, Level, QueueId, QueuedRecipient,
        ReversePath,
    };

    const ARRIVAL: Timestamp = Timestamp::from_unix_milliseconds(1_000_000);

    fn retry() -> RetrySchedule {
        let seconds = Duration::from_secs;
        RetrySchedule::new(vec![seconds(10)], seconds(600), seconds(60)).unwrap()
    }

    fn message(recipients: &[&str]) -> QueuedMessage {
        let pending = |address: &str| {
            let address: Address = address.parse().unwrap();
            QueuedRecipient::new(address, Default::default(), ARRIVAL)
        };
        QueuedMessage {
            id: QueueId::from_bits(1),
            received_at: ARRIVAL,
            direction: Direction::Outbound,
            reverse_path: ReversePath::Null,
            body: Body::default(),
            encoding: AddressEncoding::default(),
            requests: Default::default(),
            level: Level::default(),
            policy: String::new(),
            size: 0,
            redirect: None,
            hold: None,
            delay_notice: DelayNotice::Due,
            recipients: recipients.iter().map(|address| pending(address)).collect(),
        }
    }

    fn attempt(outcomes: &[(&str, Outcome)]) -> Attempt {
        let outcomes = outcomes
            .iter()
            .map(|(address, outcome)| (address.parse().unwrap(), outcome.clone()))
            .collect();
        Attempt { outcomes, evidence: Evidence::default() }
    }

    fn later(seconds: u64) -> Timestamp {
        ARRIVAL + Duration::from_secs(seconds)
    }

    fn busy() -> Outcome {
        let reply = Reply::new(451, EnhancedStatusCode(4, 3, 0), "busy");
        Outcome::Transient(Failure { reason: FailureReason::Peer, reply })
    }

    fn unknown() -> Outcome {
        let reply = Reply::new(550, EnhancedStatusCode(5, 1, 1), "unknown");
        Outcome::Permanent(Failure { reason: FailureReason::Peer, reply })
    }

    #[test]
    fn each_recipient_goes_its_own_way() {
        let delivered = Outcome::Delivered(Reply::new(250, EnhancedStatusCode(2, 0, 0), "ok"));
        let outcomes =
            [("a@x.example", delivered), ("b@x.example", busy()), ("c@x.example", unknown())];
        let settlement = settle(
            message(&["a@x.example", "b@x.example", "c@x.example", "d@y.example"]),
            &attempt(&outcomes),
            &retry(),
            later(1),
            Jitter::NONE,
        );
        assert_eq!(settlement.failed.len(), 1);
        assert_eq!(settlement.failed[0].recipient.to_string(), "c@x.example");
        assert_eq!(settlement.next_attempt_at, Some(later(11)));
        let pending: Vec<_> =
            settlement.message.pending().map(|queued| queued.address.to_string()).collect();
        assert_eq!(pending, ["b@x.example", "d@y.example"]);
    }

    #[test]
    fn a_late_message_is_announced_once() {
        let outcomes = [("b@x.example", busy())];
        let first = settle(
            message(&["b@x.example"]),
            &attempt(&outcomes),
            &retry(),
            later(61),
            Jitter::NONE,
        );
        assert_eq!(first.delayed.len(), 1);
        let second = settle(first.message, &attempt(&outcomes), &retry(), later(71), Jitter::NONE);
        assert!(second.delayed.is_empty());
    }

    #[test]
    fn what_has_waited_too_long_is_returned_with_the_last_cause() {
        let outcomes = [("b@x.example", busy())];
        let settlement = settle(
            message(&["b@x.example"]),
            &attempt(&outcomes),
            &retry(),
            later(600),
            Jitter::NONE,
        );
        assert_eq!(settlement.next_attempt_at, None);
        assert_eq!(settlement.failed[0].reason, FailureReason::Expired);
        assert!(settlement.failed[0].reply.text.contains("busy"));
    }
}
