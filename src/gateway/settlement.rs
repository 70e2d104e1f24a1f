//! Settlement: what one attempt changes in a queued message. Pure.

use std::collections::BTreeMap;

use crate::{
    mail::{
        Address, Attempt, ByMode, ByTrace, DelayNotice, EnhancedStatusCode, Evidence,
        FailureReason, Handover, Notify, OriginalRecipient, Outcome, Promise, QueuedMessage,
        QueuedRecipient, RecipientState, Reply, Requests, Taker, Timestamp,
    },
    schedule::{Jitter, RetrySchedule},
};

/// A message after an attempt, and what follows from it.
#[derive(Debug, PartialEq)]
pub(super) struct Settlement {
    pub(super) message: QueuedMessage,
    pub(super) news: News,
    /// How many recipients were given up, and why.
    pub(super) given_up: BTreeMap<FailureReason, usize>,
    /// When to try the recipients of this attempt again, if any wait.
    pub(super) next_attempt_at: Option<Timestamp>,
}

/// What the sender is to be told: only what NOTIFY leaves of it (RFC 3461
/// section 5.2).
#[derive(Debug, Default, PartialEq)]
pub(super) struct News {
    pub(super) failed: Vec<Reported>,
    pub(super) delayed: Vec<Reported>,
    /// Passed on to somebody who may not tell the sender more.
    pub(super) relayed: Vec<Reported>,
    /// In their mailboxes.
    pub(super) delivered: Vec<Reported>,
}

/// A recipient in a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reported {
    pub(super) recipient: Address,
    pub(super) original: Option<OriginalRecipient>,
    /// None of a copy that went on.
    pub(super) reason: Option<FailureReason>,
    pub(super) reply: Reply,
    /// The host that gave the reply.
    pub(super) host: Option<String>,
}

/// Applies an attempt.
pub(super) fn settle(
    message: QueuedMessage,
    attempt: &Attempt,
    retry: &RetrySchedule,
    now: Timestamp,
    jitter: Jitter,
) -> Settlement {
    let settling = Settling { deadlines: Deadlines::of(&message, retry, now), retry, now, jitter };
    let mut settlement = Settlement {
        message,
        news: News::default(),
        given_up: BTreeMap::new(),
        next_attempt_at: None,
    };
    for (recipient, outcome) in &attempt.outcomes {
        settling.apply(&mut settlement, recipient, outcome, attempt.evidence_for(recipient));
    }
    if !settlement.news.delayed.is_empty() {
        settling.add_others_delayed(&mut settlement, attempt);
        settlement.message.delay_notice = settling.deadlines.told;
    }
    settlement
}

/// What time it is for a message.
struct Deadlines {
    /// What retries and expiry count from.
    start: Timestamp,
    expired: Due,
    late: Due,
    /// What the sender has been told once it hears that it is late.
    told: DelayNotice,
    /// The moment its sender has set, if it is still to come: it is looked at
    /// then, whatever the retry schedule says.
    next: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Now,
    NotYet,
}

impl Deadlines {
    fn of(message: &QueuedMessage, retry: &RetrySchedule, now: Timestamp) -> Self {
        let start = message.released_at();
        let due = |yes: bool| if yes { Due::Now } else { Due::NotYet };
        let returned_at = message.requests.returned_at(message.received_at);
        let noticed_at = message.requests.noticed_at(message.received_at);
        let passed = |moment: Option<Timestamp>| moment.is_some_and(|moment| moment <= now);
        let overdue = passed(noticed_at) && message.delay_notice != DelayNotice::Overdue;
        Self {
            start,
            expired: due(passed(returned_at) || retry.is_expired(start, now)),
            late: due(overdue || retry.owes_delay_notice(message.delay_notice, start, now)),
            told: if overdue { DelayNotice::Overdue } else { DelayNotice::Sent },
            next: returned_at.or(noticed_at).filter(|&moment| moment > now),
        }
    }
}

struct Settling<'a> {
    deadlines: Deadlines,
    retry: &'a RetrySchedule,
    now: Timestamp,
    jitter: Jitter,
}

impl Settling<'_> {
    /// What becomes of one recipient.
    fn apply(
        &self,
        settlement: &mut Settlement,
        recipient: &Address,
        outcome: &Outcome,
        evidence: Option<&Evidence>,
    ) {
        let Settlement { message, news, given_up, next_attempt_at } = settlement;
        let requests = &message.requests;
        let mut recipients = message.recipients.iter_mut();
        let Some((queued, attempts)) =
            recipients.find_map(|queued| is_awaited(queued, recipient).map(|n| (queued, n)))
        else {
            return;
        };
        let reported = |queued: &QueuedRecipient, reason, reply: &Reply| Reported {
            recipient: queued.address.clone(),
            original: queued.original.clone(),
            reason,
            reply: reply.clone(),
            host: evidence.and_then(public_host),
        };
        queued.state = match outcome {
            Outcome::Delivered(Handover { reply, to }) => {
                match told_of(*to, queued.notify, requests) {
                    Some(Passed::Delivered) => news.delivered.push(reported(queued, None, reply)),
                    Some(Passed::Relayed) => news.relayed.push(reported(queued, None, reply)),
                    None => {}
                }
                RecipientState::Delivered { at: self.now, reply: reply.clone() }
            }
            Outcome::Transient(failure) if self.deadlines.expired == Due::NotYet => {
                let attempts = attempts.saturating_add(1);
                let again = self.again(attempts);
                *next_attempt_at = Some(again);
                if self.deadlines.late == Due::Now && queued.notify().delay {
                    news.delayed.push(reported(queued, Some(failure.reason), &failure.reply));
                }
                let last = Some(failure.reply.to_string());
                RecipientState::Pending { attempts, next_attempt_at: again, last }
            }
            Outcome::Transient(failure) | Outcome::Permanent(failure) => {
                let (reason, reply) = match outcome {
                    Outcome::Permanent(_) => (failure.reason, failure.reply.clone()),
                    _ => (FailureReason::Expired, expiry(&failure.reply)),
                };
                *given_up.entry(reason).or_default() += 1;
                if queued.notify().failure {
                    news.failed.push(reported(queued, Some(reason), &reply));
                }
                RecipientState::Failed { at: self.now, reply }
            }
        };
    }

    fn again(&self, attempts: u32) -> Timestamp {
        let Deadlines { start, next, .. } = self.deadlines;
        let again = self.retry.next_attempt(attempts, start, self.now, self.jitter);
        next.map_or(again, |deadline| again.min(deadline))
    }

    /// A message is told of as late once: those at other domains who still
    /// wait are told of with it.
    fn add_others_delayed(&self, settlement: &mut Settlement, attempt: &Attempt) {
        let others = settlement.message.recipients.iter().filter_map(|queued| {
            let RecipientState::Pending { last, .. } = &queued.state else { return None };
            let tried = attempt.outcomes.iter().any(|(address, _)| *address == queued.address);
            (!tried && queued.notify().delay).then(|| Reported {
                recipient: queued.address.clone(),
                original: queued.original.clone(),
                reason: None,
                reply: Reply::new(451, LATE, last.as_deref().unwrap_or("it waits for its turn")),
                host: None,
            })
        });
        settlement.news.delayed.extend(others);
    }
}

/// How many attempts a recipient has behind it, if it is this one and waits.
fn is_awaited(queued: &QueuedRecipient, address: &Address) -> Option<u32> {
    match queued.state {
        RecipientState::Pending { attempts, .. } if queued.address == *address => Some(attempts),
        _ => None,
    }
}

/// What a sender is told of a copy that went on.
enum Passed {
    Delivered,
    Relayed,
}

/// Whether a sender must hear from us of a copy that went on: who has it may
/// not tell (RFC 3461 sections 5.2.1 to 5.2.3), or every relay was asked to
/// (RFC 2852 section 4.1.5).
fn told_of(to: Taker, notify: Option<Notify>, requests: &Requests) -> Option<Passed> {
    let success = notify.is_some_and(|notify| notify.success);
    let Taker::Relay { dsn, deliver_by } = to else {
        return success.then_some(Passed::Delivered);
    };
    let unobserved = success && dsn == Promise::Absent;
    let timed = requests.deliver_by.is_some_and(|by| {
        by.trace == ByTrace::Yes || by.mode == ByMode::Notify && deliver_by == Promise::Absent
    });
    (unobserved || timed && notify != Some(Notify::NEVER)).then_some(Passed::Relayed)
}

/// The host, where it was one: a directory of ours is nobody's business.
fn public_host(evidence: &Evidence) -> Option<String> {
    evidence.host.clone().filter(|host| !host.starts_with("maildir:"))
}

/// RFC 3463 has 4.4.7 for "delivery time expired", of class 5 once given up.
fn expiry(last: &Reply) -> Reply {
    let text = format!("waited too long; the last attempt came to: {last}");
    Reply::new(554, EnhancedStatusCode(5, 4, 7), text)
}

const LATE: EnhancedStatusCode = EnhancedStatusCode(4, 4, 7);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::mail::{
        AddressEncoding, Body, DeliverBy, Direction, Failure, Level, QueueId, Release, ReversePath,
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
            recourse: Default::default(),
            delay_notice: DelayNotice::Due,
            recipients: recipients.iter().map(|address| pending(address)).collect(),
        }
    }

    fn attempt(outcomes: &[(&str, Outcome)]) -> Attempt {
        let outcomes = outcomes
            .iter()
            .map(|(address, outcome)| (address.parse().unwrap(), outcome.clone()))
            .collect();
        Attempt { outcomes, tries: Vec::new() }
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
        let delivered = taken_by(Taker::Mailbox);
        let outcomes =
            [("a@x.example", delivered), ("b@x.example", busy()), ("c@x.example", unknown())];
        let settlement = settle(
            message(&["a@x.example", "b@x.example", "c@x.example", "d@y.example"]),
            &attempt(&outcomes),
            &retry(),
            later(1),
            Jitter::NONE,
        );
        assert_eq!(settlement.given_up, BTreeMap::from([(FailureReason::Peer, 1)]));
        assert_eq!(settlement.news.failed.len(), 1);
        assert_eq!(settlement.news.failed[0].recipient.to_string(), "c@x.example");
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
        assert_eq!(first.news.delayed.len(), 1);
        let second = settle(first.message, &attempt(&outcomes), &retry(), later(71), Jitter::NONE);
        assert!(second.news.delayed.is_empty());
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
        assert_eq!(settlement.news.failed[0].reason, Some(FailureReason::Expired));
        assert!(settlement.news.failed[0].reply.text.contains("busy"));
    }

    fn taken_by(to: Taker) -> Outcome {
        let reply = Reply::new(250, EnhancedStatusCode(2, 0, 0), "ok");
        Outcome::Delivered(Handover { reply, to })
    }

    fn relayed(dsn: Promise, deliver_by: Promise) -> Outcome {
        taken_by(Taker::Relay { dsn, deliver_by })
    }

    const SUCCESS: Notify = Notify { success: true, failure: false, delay: false };

    /// The news of one recipient, who asked for that notice.
    fn news_of(
        notify: Option<Notify>,
        requests: &Requests,
        outcome: Outcome,
        after: u64,
    ) -> Vec<&'static str> {
        let mut message = message(&["a@x.example"]);
        message.recipients[0].notify = notify;
        message.requests = requests.clone();
        let attempt = attempt(&[("a@x.example", outcome)]);
        let news = settle(message, &attempt, &retry(), later(after), Jitter::NONE).news;
        let kinds = [
            ("failed", news.failed),
            ("delayed", news.delayed),
            ("relayed", news.relayed),
            ("delivered", news.delivered),
        ];
        kinds.into_iter().filter(|(_, told)| !told.is_empty()).map(|(kind, _)| kind).collect()
    }

    fn by(seconds: i64, mode: ByMode, trace: ByTrace) -> Requests {
        let deliver_by = Some(DeliverBy { seconds, mode, trace });
        Requests { deliver_by, ..Requests::default() }
    }

    #[test]
    fn a_sender_hears_of_what_it_asked_to_hear_of_and_of_nothing_else() {
        use Promise::{Absent, Made};
        let failure = Notify { success: false, failure: true, delay: false };
        let delay = Notify { success: false, failure: false, delay: true };
        let never = Some(Notify::NEVER);
        type Case = (Option<Notify>, fn() -> Outcome, u64, &'static [&'static str]);
        let cases: [Case; 16] = [
            (None, unknown, 1, &["failed"]),
            (never, unknown, 1, &[]),
            (Some(SUCCESS), unknown, 1, &[]),
            (Some(failure), unknown, 1, &["failed"]),
            (None, busy, 61, &["delayed"]),
            (never, busy, 61, &[]),
            (Some(failure), busy, 61, &[]),
            (Some(delay), busy, 61, &["delayed"]),
            (None, busy, 600, &["failed"]),
            (Some(delay), busy, 600, &[]),
            (None, || taken_by(Taker::Mailbox), 1, &[]),
            (Some(SUCCESS), || taken_by(Taker::Mailbox), 1, &["delivered"]),
            (Some(SUCCESS), || relayed(Absent, Absent), 1, &["relayed"]),
            (Some(SUCCESS), || relayed(Made, Absent), 1, &[]),
            (Some(failure), || relayed(Absent, Absent), 1, &[]),
            (never, || relayed(Absent, Absent), 1, &[]),
        ];
        for (notify, outcome, after, expected) in cases {
            let told = news_of(notify, &Requests::default(), outcome(), after);
            assert_eq!(told, expected, "{notify:?} {:?} after {after}", outcome());
        }
    }

    #[test]
    fn who_asked_for_a_time_hears_where_nobody_minds_it_and_of_every_relay_if_so_asked() {
        use Promise::{Absent, Made};
        let notice = by(300, ByMode::Notify, ByTrace::No);
        let trace = by(300, ByMode::Return, ByTrace::Yes);
        assert_eq!(news_of(None, &notice, relayed(Made, Absent), 1), ["relayed"]);
        assert_eq!(news_of(None, &notice, relayed(Made, Made), 1), [""; 0]);
        assert_eq!(news_of(None, &trace, relayed(Made, Made), 1), ["relayed"]);
        assert_eq!(news_of(Some(Notify::NEVER), &trace, relayed(Made, Made), 1), [""; 0]);
        assert_eq!(news_of(None, &trace, taken_by(Taker::Mailbox), 1), [""; 0]);
    }

    #[test]
    fn what_must_be_returned_in_time_is_returned_then_and_looked_at_just_then() {
        let requests = by(65, ByMode::Return, ByTrace::No);
        let mut message = message(&["a@x.example"]);
        message.requests = requests.clone();
        let attempt = attempt(&[("a@x.example", busy())]);
        let waits = settle(message, &attempt, &retry(), later(58), Jitter::NONE);
        assert_eq!(waits.next_attempt_at, Some(later(65)));
        let back = settle(waits.message, &attempt, &retry(), later(65), Jitter::NONE);
        assert_eq!(back.next_attempt_at, None);
        assert_eq!(back.news.failed[0].reply.status(), EnhancedStatusCode(5, 4, 7));
        assert_eq!(news_of(None, &requests, busy(), 64), ["delayed"]);
    }

    #[test]
    fn whose_time_has_passed_is_told_once_though_told_before_that_it_is_late() {
        let mut message = message(&["a@x.example", "b@y.example", "c@y.example"]);
        message.requests = by(90, ByMode::Notify, ByTrace::No);
        message.recipients[2].notify = Some(Notify::NEVER);
        let attempt = attempt(&[("a@x.example", busy())]);
        let late = settle(message, &attempt, &retry(), later(61), Jitter::NONE);
        assert_eq!(late.message.delay_notice, DelayNotice::Sent);
        let waits = settle(late.message, &attempt, &retry(), later(85), Jitter::NONE);
        assert_eq!((waits.news, waits.next_attempt_at), (News::default(), Some(later(90))));
        let overdue = settle(waits.message, &attempt, &retry(), later(90), Jitter::NONE);
        let told: Vec<_> =
            overdue.news.delayed.iter().map(|told| told.recipient.to_string()).collect();
        assert_eq!(told, ["a@x.example", "b@y.example"]);
        assert_eq!(overdue.next_attempt_at, Some(later(100)));
        let again = settle(overdue.message, &attempt, &retry(), later(100), Jitter::NONE);
        assert_eq!(again.news, News::default());
    }

    #[test]
    fn what_was_to_be_held_is_late_and_expires_from_its_release_on() {
        let release = Some(Release::After(Duration::from_secs(1000)));
        let held = Requests { release, ..Requests::default() };
        assert_eq!(news_of(None, &held, busy(), 1059), [""; 0]);
        assert_eq!(news_of(None, &held, busy(), 1061), ["delayed"]);
        assert_eq!(news_of(None, &held, busy(), 1600), ["failed"]);
    }

    #[test]
    fn a_directory_of_ours_is_not_told() {
        let evidence = |host: &str| Evidence { host: Some(host.to_owned()), ..Evidence::default() };
        assert_eq!(public_host(&evidence("maildir:/var/mail/x")), None);
        assert_eq!(public_host(&evidence("mx.x.example")).as_deref(), Some("mx.x.example"));
    }
}
