//! Settlement: what one attempt, or a deadline, changes in a queued message.
//! Pure. What people are told of it is `news`.

use std::collections::{BTreeMap, BTreeSet};

use super::news::{News, Passed, Reported, UnmetNews, public_host, told_of};
use crate::{
    mail::{
        Address, Attempt, DelayNotice, EnhancedStatusCode, Evidence, Failure, FailureReason,
        Handover, Outcome, QueuedMessage, QueuedRecipient, RecipientState, Reply, Summary,
        Timestamp, TlsNotice, TlsWait, Unmet,
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

/// Applies an attempt.
pub(super) fn settle(
    message: QueuedMessage,
    attempt: &Attempt,
    retry: &RetrySchedule,
    now: Timestamp,
    jitter: Jitter,
) -> Settlement {
    let settling = Settling { deadlines: Deadlines::of(&message, retry, now), retry, now, jitter };
    let mut settlement = Settlement::unchanged(message);
    for (recipient, outcome) in &attempt.outcomes {
        settling.apply(&mut settlement, recipient, outcome, attempt.evidence_for(recipient));
    }
    settling.tell_of_unmet(&mut settlement);
    // Where nobody of the attempt waits, the others' own attempts will tell.
    if settlement.next_attempt_at.is_some() {
        settling.tell_of_delay(&mut settlement, attempt);
    }
    settling.look_no_later_than_deadline(&mut settlement);
    settlement
}

/// Gives up those whose copy is lost. Whatever else is due of the message is
/// not done, for that could send on what nobody has.
pub(super) fn settle_loss(
    message: QueuedMessage,
    lost: &Attempt,
    retry: &RetrySchedule,
    now: Timestamp,
) -> Settlement {
    let deadlines = Deadlines::of(&message, retry, now);
    let settling = Settling { deadlines, retry, now, jitter: Jitter::NONE };
    let mut settlement = Settlement::unchanged(message);
    for (recipient, outcome) in &lost.outcomes {
        settling.apply(&mut settlement, recipient, outcome, None);
    }
    settlement
}

/// Does what is due at a deadline of the message, without an attempt: tells
/// whoever must hear, and gives up what has expired of those who rest; who is
/// being tried just now is left to that attempt. Nothing is tried sooner or
/// later for it.
pub(super) fn settle_deadlines(
    message: QueuedMessage,
    rests: impl Fn(&QueuedRecipient) -> bool,
    retry: &RetrySchedule,
    now: Timestamp,
) -> Settlement {
    let deadlines = Deadlines::of(&message, retry, now);
    let settling = Settling { deadlines, retry, now, jitter: Jitter::NONE };
    let mut settlement = Settlement::unchanged(message);
    settling.expire(&mut settlement, rests);
    settling.tell_of_unmet(&mut settlement);
    settling.tell_of_delay(&mut settlement, &Attempt::default());
    settlement
}

/// The next moment at which something is due for a message that waits,
/// whatever the retry schedule says: it expires, or somebody must hear of it.
/// Past, where that has not been done yet.
pub(super) fn next_deadline(summary: &Summary, retry: &RetrySchedule) -> Option<Timestamp> {
    let Summary { delay_notice, urgency, lines, .. } = summary;
    let start = summary.starts_at()?;
    lines.first()?;
    let untold = lines.iter().filter_map(|line| match line.tls {
        TlsWait::Untold(since) => Some(retry.tls_notice_at(since, *urgency)),
        TlsWait::No | TlsWait::Told(_) => None,
    });
    [
        Some(retry.expires_at(start)),
        summary.returned_at,
        summary.noticed_at.filter(|_| *delay_notice != DelayNotice::Overdue),
        (*delay_notice == DelayNotice::Due).then(|| retry.delay_notice_at(start)),
        untold.min(),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// What time it is for a message.
struct Deadlines {
    /// What retries and expiry count from.
    start: Timestamp,
    expired: Due,
    late: Due,
    /// What the sender has been told once it hears that it is late.
    told: DelayNotice,
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
        }
    }
}

struct Settling<'a> {
    deadlines: Deadlines,
    retry: &'a RetrySchedule,
    now: Timestamp,
    jitter: Jitter,
}

impl Settlement {
    fn unchanged(message: QueuedMessage) -> Self {
        Self { message, news: News::default(), given_up: BTreeMap::new(), next_attempt_at: None }
    }
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
        let QueuedMessage { requests, recipients, .. } = message;
        let mut recipients = recipients.iter_mut();
        let Some((queued, attempts)) =
            recipients.find_map(|queued| is_awaited(queued, recipient).map(|n| (queued, n)))
        else {
            return;
        };
        match outcome {
            Outcome::Delivered(Handover { reply, to }) => {
                let told = Reported::of(queued, None, reply, evidence);
                match told_of(*to, queued.notify, requests) {
                    Some(Passed::Delivered) => news.delivered.push(told),
                    Some(Passed::Relayed) => news.relayed.push(told),
                    None => {}
                }
                queued.state = RecipientState::Delivered { at: self.now, reply: reply.clone() };
            }
            Outcome::Transient(failure) if self.deadlines.expired == Due::NotYet => {
                let attempts = attempts.saturating_add(1);
                let again =
                    self.retry.next_attempt(attempts, self.deadlines.start, self.now, self.jitter);
                *next_attempt_at = Some(next_attempt_at.map_or(again, |other| other.min(again)));
                if self.deadlines.late == Due::Now && queued.notify().delay {
                    let reason = Some(failure.reason);
                    news.delayed.push(Reported::of(queued, reason, &failure.reply, evidence));
                }
                let last = Some(failure.reply.to_string());
                queued.unmet = self.unmet(queued.unmet.take(), failure, evidence);
                queued.state = RecipientState::Pending { attempts, next_attempt_at: again, last };
            }
            Outcome::Transient(failure) | Outcome::Permanent(failure) => {
                let (reason, reply) = match outcome {
                    Outcome::Permanent(_) => (failure.reason, failure.reply.clone()),
                    _ => (FailureReason::Expired, expiry(&failure.reply.to_string())),
                };
                *given_up.entry(reason).or_default() += 1;
                if queued.notify().failure {
                    news.failed.push(Reported::of(queued, Some(reason), &reply, evidence));
                }
                queued.state = RecipientState::Failed { at: self.now, reply };
            }
        }
    }

    /// Whether a copy waits for TLS after this failure. It does from the
    /// first time on, whatever else goes wrong later, until a peer has
    /// answered over TLS that was good enough.
    fn unmet(
        &self,
        before: Option<Box<Unmet>>,
        failure: &Failure,
        evidence: Option<&Evidence>,
    ) -> Option<Box<Unmet>> {
        if failure.reason != FailureReason::Tls {
            let met = evidence.is_some_and(|seen| seen.tls.is_some() && seen.fault.is_none());
            return before.filter(|_| !met);
        }
        let (since, told) =
            before.map_or((self.now, TlsNotice::Due), |before| (before.since, before.told));
        Some(Box::new(Unmet {
            since,
            told,
            reply: failure.reply.clone(),
            host: evidence.and_then(public_host),
            fault: evidence.and_then(|seen| seen.fault),
        }))
    }

    fn look_no_later_than_deadline(&self, settlement: &mut Settlement) {
        let deadline = next_deadline(&settlement.message.summary(), self.retry);
        let Some(deadline) = deadline.filter(|&moment| moment > self.now) else { return };
        let next = settlement.next_attempt_at.iter_mut();
        let recipients = settlement.message.recipients.iter_mut();
        let recipients = recipients.filter_map(|queued| match &mut queued.state {
            RecipientState::Pending { next_attempt_at, .. } => Some(next_attempt_at),
            _ => None,
        });
        for moment in next.chain(recipients) {
            *moment = deadline.min(*moment);
        }
    }

    /// Gives up all who rest and have waited too long.
    fn expire(&self, settlement: &mut Settlement, rests: impl Fn(&QueuedRecipient) -> bool) {
        if self.deadlines.expired == Due::NotYet {
            return;
        }
        let Settlement { message, news, given_up, .. } = settlement;
        for queued in message.recipients.iter_mut().filter(|queued| rests(queued)) {
            let RecipientState::Pending { last, .. } = &queued.state else { continue };
            let reply = expiry(last.as_deref().unwrap_or(NOT_TRIED));
            *given_up.entry(FailureReason::Expired).or_default() += 1;
            if queued.notify().failure {
                let reason = Some(FailureReason::Expired);
                news.failed.push(Reported::of(queued, reason, &reply, None));
            }
            queued.state = RecipientState::Failed { at: self.now, reply };
        }
    }

    /// Of all who wait for TLS people hear together, and once.
    fn tell_of_unmet(&self, settlement: &mut Settlement) {
        let Settlement { message, news, .. } = settlement;
        let urgency = message.recourse.urgency;
        let owed = message.waiting_for_tls().any(|(_, unmet)| {
            unmet.told == TlsNotice::Due
                && self.retry.tls_notice_at(unmet.since, urgency) <= self.now
        });
        if !owed {
            return;
        }
        let fallback = message.recourse.fallback.clone();
        let mut told = UnmetNews { fallback, ..UnmetNews::default() };
        for queued in &mut message.recipients {
            let waits = matches!(queued.state, RecipientState::Pending { .. });
            let unmet = queued.unmet.as_deref_mut().filter(|_| waits);
            let Some(unmet) = unmet.filter(|unmet| unmet.told == TlsNotice::Due) else { continue };
            unmet.told = TlsNotice::Sent;
            let Some(reported) = Reported::of_unmet(queued) else { continue };
            if queued.notify().delay {
                told.sender.push(reported.clone());
            }
            told.officers.push(reported);
        }
        news.unmet = Some(told);
    }

    /// A message is told of as late once: those at other domains who still
    /// wait are told of with it. Of those who wait for TLS the sender has
    /// heard more than this would tell, but for that the time it set itself
    /// has passed.
    fn tell_of_delay(&self, settlement: &mut Settlement, attempt: &Attempt) {
        if self.deadlines.late == Due::NotYet {
            return;
        }
        let Settlement { message, news, .. } = settlement;
        let others = message.pending().filter_map(|queued| {
            let RecipientState::Pending { last, .. } = &queued.state else { return None };
            let tried = attempt.outcomes.iter().any(|(address, _)| *address == queued.address);
            let reply = || Reply::new(451, LATE, last.as_deref().unwrap_or(NOT_TRIED));
            let wanted = !tried && queued.notify().delay;
            wanted.then(|| Reported::of(queued, None, &reply(), None))
        });
        news.delayed.extend(others);
        let News { delayed, unmet, .. } = news;
        let heard: BTreeSet<&Address> = match self.deadlines.told {
            DelayNotice::Overdue => {
                let told_now = unmet.iter().flat_map(|unmet| &unmet.sender);
                told_now.map(|told| &told.recipient).collect()
            }
            _ => {
                let waiting = message.waiting_for_tls();
                let told = waiting.filter(|(_, unmet)| unmet.told == TlsNotice::Sent);
                told.map(|(queued, _)| &queued.address).collect()
            }
        };
        delayed.retain(|told| !heard.contains(&told.recipient));
        message.delay_notice = self.deadlines.told;
    }
}

/// How many attempts a recipient has behind it, if it is this one and waits.
fn is_awaited(queued: &QueuedRecipient, address: &Address) -> Option<u32> {
    match queued.state {
        RecipientState::Pending { attempts, .. } if queued.address == *address => Some(attempts),
        _ => None,
    }
}

/// RFC 3463 has 4.4.7 for "delivery time expired", of class 5 once given up.
fn expiry(last: &str) -> Reply {
    let text = format!("waited too long; the last attempt came to: {last}");
    Reply::new(554, EnhancedStatusCode(5, 4, 7), text)
}

const LATE: EnhancedStatusCode = EnhancedStatusCode(4, 4, 7);
const NOT_TRIED: &str = "it waits for its turn";

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::mail::{
        AddressEncoding, Body, ByMode, ByTrace, DeliverBy, Direction, Level, Notify, Promise,
        QueueId, Release, Requests, ReversePath, Taker, TlsFault, TlsSession, Urgency,
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
            custody: Default::default(),
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
        assert_eq!(waits.next_attempt_at, Some(later(60)));
        let waits = settle(waits.message, &attempt, &retry(), later(60), Jitter::NONE);
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

    fn insecure() -> Outcome {
        let reply = Reply::new(451, EnhancedStatusCode(4, 7, 5), "the certificate has expired");
        Outcome::Transient(Failure { reason: FailureReason::Tls, reply })
    }

    /// Tried in clear or under TLS that was refused, or under good TLS.
    fn tried(outcomes: &[(&str, Outcome)], fault: Option<TlsFault>) -> Attempt {
        let tls = TlsSession { version: "TLSv1.3".into(), cipher: "x".into() };
        let host = Some("mx.x.example".to_owned());
        let evidence = Evidence { host, tls: Some(tls), fault, ..Evidence::default() };
        Attempt { tries: vec![evidence], ..attempt(outcomes) }
    }

    fn settled(message: QueuedMessage, attempt: &Attempt, after: u64) -> Settlement {
        let retry = retry().with_tls_notice(Duration::from_secs(15));
        settle(message, attempt, &retry, later(after), Jitter::NONE)
    }

    fn told_of_unmet(news: &News) -> Option<(Vec<String>, Vec<String>)> {
        let names = |told: &[Reported]| told.iter().map(|one| one.recipient.to_string()).collect();
        news.unmet.as_ref().map(|unmet| (names(&unmet.sender), names(&unmet.officers)))
    }

    fn list(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn of_tls_that_cannot_be_had_people_hear_once_and_no_later_than_the_time_set() {
        let attempt = tried(&[("a@x.example", insecure())], Some(TlsFault::CertificateExpired));
        let waits = settled(message(&["a@x.example"]), &attempt, 1);
        assert_eq!((&waits.news, waits.next_attempt_at), (&News::default(), Some(later(11))));
        let waits = settled(waits.message, &attempt, 11);
        assert_eq!(waits.news, News::default());
        // The schedule says 21; the notice is due 15 after the first failure.
        assert_eq!(waits.next_attempt_at, Some(later(16)));
        let due = settled(waits.message, &attempt, 16);
        let expected = (list(&["a@x.example"]), list(&["a@x.example"]));
        assert_eq!(told_of_unmet(&due.news), Some(expected));
        let told = &due.news.unmet.unwrap().sender[0];
        assert_eq!(told.fault, Some(TlsFault::CertificateExpired));
        assert_eq!(told.host.as_deref(), Some("mx.x.example"));
        assert_eq!(due.next_attempt_at, Some(later(26)));
        let again = settled(due.message, &attempt, 26);
        assert_eq!(again.news, News::default());
    }

    #[test]
    fn of_what_is_urgent_people_hear_at_once() {
        let mut message = message(&["a@x.example"]);
        message.recourse.urgency = Urgency::Urgent;
        message.recourse.fallback = Some("smtp://portal.example:25".parse().unwrap());
        let attempt = tried(&[("a@x.example", insecure())], None);
        let settlement = settled(message, &attempt, 1);
        let unmet = settlement.news.unmet.unwrap();
        assert_eq!(unmet.fallback, settlement.message.recourse.fallback);
        assert_eq!(unmet.sender.len(), 1);
    }

    #[test]
    fn officers_hear_of_what_the_sender_does_not_want_to() {
        let mut message = message(&["a@x.example", "b@x.example"]);
        message.recourse.urgency = Urgency::Urgent;
        message.recipients[0].notify = Some(Notify::NEVER);
        let outcomes = [("a@x.example", insecure()), ("b@x.example", insecure())];
        let news = settled(message, &tried(&outcomes, None), 1).news;
        let expected = (list(&["b@x.example"]), list(&["a@x.example", "b@x.example"]));
        assert_eq!(told_of_unmet(&news), Some(expected));
    }

    #[test]
    fn a_tls_notice_stands_for_the_delay_notice_but_not_for_a_time_that_was_set() {
        let attempt = tried(&[("a@x.example", insecure())], None);
        let told = settled(message(&["a@x.example", "b@y.example"]), &attempt, 1);
        let told = settled(told.message, &attempt, 16);
        assert!(told.news.unmet.is_some());
        let late = settled(told.message, &attempt, 60);
        let delayed: Vec<_> = late.news.delayed.iter().map(|told| &told.recipient).collect();
        assert_eq!(delayed, [&"b@y.example".parse::<Address>().unwrap()]);
        assert_eq!(late.message.delay_notice, DelayNotice::Sent);
        let mut message = late.message;
        message.requests = by(90, ByMode::Notify, ByTrace::No);
        let overdue = settled(message, &attempt, 90);
        assert_eq!(overdue.news.delayed.len(), 2);
    }

    #[test]
    fn both_due_at_once_make_one_notice() {
        let attempt = tried(&[("a@x.example", insecure())], None);
        let mut message = message(&["a@x.example"]);
        message.recourse.urgency = Urgency::Urgent;
        message.requests = by(60, ByMode::Notify, ByTrace::No);
        let settlement = settled(message, &attempt, 61);
        assert!(settlement.news.unmet.is_some());
        assert_eq!(settlement.news.delayed, []);
    }

    #[test]
    fn a_wait_for_tls_ends_when_a_peer_answers_over_good_tls_and_not_before() {
        let fails = tried(&[("a@x.example", insecure())], Some(TlsFault::CertificateExpired));
        let since = |settlement: &Settlement| {
            settlement.message.waiting_for_tls().map(|(_, unmet)| unmet.since).next()
        };
        let waits = settled(message(&["a@x.example"]), &fails, 1);
        assert_eq!(since(&waits), Some(later(1)));
        let unreachable = attempt(&[("a@x.example", busy())]);
        let waits = settled(waits.message, &unreachable, 2);
        assert_eq!(since(&waits), Some(later(1)));
        let broken = tried(&[("a@x.example", busy())], Some(TlsFault::ValidationFailure));
        let waits = settled(waits.message, &broken, 2);
        assert_eq!(since(&waits), Some(later(1)));
        let met = settled(waits.message.clone(), &tried(&[("a@x.example", busy())], None), 3);
        assert_eq!(since(&met), None);
        let gone = settled(waits.message, &attempt(&[("a@x.example", unknown())]), 3);
        assert_eq!(since(&gone), None);
    }

    #[test]
    fn deadlines_are_kept_without_an_attempt() {
        let attempt = tried(&[("a@x.example", insecure())], None);
        let retry = retry().with_tls_notice(Duration::from_secs(15));
        let message = settled(message(&["a@x.example", "b@y.example"]), &attempt, 1).message;
        assert_eq!(next_deadline(&message.summary(), &retry), Some(later(16)));
        let told = settle_deadlines(message, |_| true, &retry, later(16));
        assert!(told.news.unmet.is_some());
        assert_eq!(
            (told.next_attempt_at, next_deadline(&told.message.summary(), &retry)),
            (None, Some(later(60)))
        );
        let late = settle_deadlines(told.message, |_| true, &retry, later(60));
        assert_eq!(late.news.delayed.len(), 1);
        assert_eq!(next_deadline(&late.message.summary(), &retry), Some(later(600)));
        let only_a = |queued: &QueuedRecipient| queued.address.to_string() == "a@x.example";
        let over = settle_deadlines(late.message, only_a, &retry, later(600));
        assert_eq!(over.given_up, BTreeMap::from([(FailureReason::Expired, 1)]));
        assert!(over.news.failed[0].reply.text.contains("the certificate has expired"));
        let over = settle_deadlines(over.message, |_| true, &retry, later(600));
        assert_eq!(next_deadline(&over.message.summary(), &retry), None);
    }

    #[test]
    fn a_deadline_that_concerns_nobody_is_passed_all_the_same() {
        let mut message = message(&["a@x.example"]);
        message.recipients[0].notify = Some(Notify::NEVER);
        let late = settle_deadlines(message, |_| true, &retry(), later(60));
        assert_eq!(late.news, News::default());
        assert_eq!(next_deadline(&late.message.summary(), &retry()), Some(later(600)));
    }

    #[test]
    fn who_has_lost_a_copy_is_given_up_and_nobody_else_is_touched() {
        let mut message = message(&["a@x.example", "b@y.example"]);
        let unmet = Unmet {
            since: ARRIVAL,
            told: TlsNotice::Due,
            reply: Reply::plain(451, "no TLS"),
            host: None,
            fault: None,
        };
        message.recipients[1].unmet = Some(Box::new(unmet));
        message.recourse.fallback = Some("smtp://portal.example:25".parse().unwrap());
        let before = message.clone();
        let reply = Reply::new(554, EnhancedStatusCode(5, 3, 0), "damaged");
        let lost = Outcome::Permanent(Failure { reason: FailureReason::Damaged, reply });
        // Long after everything else was due.
        let settlement =
            settle_loss(message, &attempt(&[("a@x.example", lost)]), &retry(), later(5000));
        assert_eq!(settlement.given_up, BTreeMap::from([(FailureReason::Damaged, 1)]));
        let told: Vec<_> = settlement.news.failed.iter().map(|told| &told.recipient).collect();
        assert_eq!(told, [&before.recipients[0].address]);
        assert!(settlement.news.unmet.is_none() && settlement.news.delayed.is_empty());
        assert_eq!(settlement.message.recipients[1], before.recipients[1]);
    }
}
