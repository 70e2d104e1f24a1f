//! What the gateway writes to people: which report, to whom, as an entry of
//! the queue with the null reverse-path, so that no report is ever reported
//! on.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;

use super::{
    queue::{Entry, Queue, now},
    settlement::{News, Reported},
};
use crate::{
    config::Config,
    content::Content,
    mail::{
        Address, AddressEncoding, Body, DelayNotice, Direction, EnhancedStatusCode, Event,
        FailureReason, Level, Observer, QueueId, QueuedMessage, QueuedRecipient, Recourse, Reply,
        Requests, ReversePath, Timestamp, Told,
    },
    policy::Policy,
    report::{Action, DeliveryReport, HeldMessage, ReportedRecipient, tell_officers, tell_sender},
    transform::{Edits, PassageKey, PassageMark, Trail, rewrite},
};

#[derive(Clone)]
pub(super) struct Reports {
    pub(super) config: Arc<Config>,
    pub(super) policy: Arc<ArcSwap<Policy>>,
    pub(super) queue: Arc<Queue>,
    pub(super) passage_key: Arc<PassageKey>,
}

impl Reports {
    /// DSNs after an attempt: one for each kind of news. None to the null
    /// path, so that no report is reported on (RFC 3461 section 5.2).
    pub(super) fn delivery(
        &self,
        message: &QueuedMessage,
        content: &Bytes,
        news: &News,
        now: Timestamp,
    ) -> Vec<Entry> {
        let Some(sender) = message.reverse_path.mailbox() else { return Vec::new() };
        let until = self.tried_until(message);
        let kinds = [
            (Action::Failed, &news.failed),
            (Action::Delayed(until), &news.delayed),
            (Action::Relayed, &news.relayed),
            (Action::Delivered, &news.delivered),
        ];
        let kinds = kinds.into_iter().filter(|(_, told)| !told.is_empty());
        kinds
            .map(|(action, told)| {
                let recipients = reported(told);
                let report = self.report(message, content, sender, &recipients, now);
                self.entry(sender, report.write(action))
            })
            .collect()
    }

    fn tried_until(&self, message: &QueuedMessage) -> Timestamp {
        let expiry = message.released_at() + self.config.retry.expiry;
        let returned_at = message.requests.returned_at(message.received_at);
        returned_at.map_or(expiry, |moment| moment.min(expiry))
    }

    /// A DSN for a message that policy or a person has refused after it was
    /// taken, to whoever wants to hear of failures.
    pub(super) fn rejected(
        &self,
        message: &QueuedMessage,
        content: &Bytes,
        reason: &str,
    ) -> Option<Entry> {
        let sender = message.reverse_path.mailbox()?;
        let reply = Reply::new(550, EnhancedStatusCode(5, 7, 1), reason);
        let recipients: Vec<_> = message
            .pending()
            .filter(|queued| queued.notify().failure)
            .map(|queued| ReportedRecipient {
                address: &queued.address,
                original: queued.original.as_ref(),
                reason: Some(FailureReason::Policy),
                reply: &reply,
                host: None,
            })
            .collect();
        if recipients.is_empty() {
            return None;
        }
        let report = self.report(message, content, sender, &recipients, now());
        Some(self.entry(sender, report.write(Action::Failed)))
    }

    /// Notices of a held message, to those whom the rule tells.
    pub(super) fn held(&self, message: &QueuedMessage, content: &Bytes) -> Vec<Entry> {
        let (Some(hold), Some(sender)) = (&message.hold, message.reverse_path.mailbox()) else {
            return Vec::new();
        };
        let recipients: Vec<_> =
            message.recipients.iter().map(|queued| queued.address.clone()).collect();
        let held = HeldMessage {
            node: &self.config.node.name,
            at: now(),
            id: message.id,
            received_at: message.received_at,
            sender,
            recipients: &recipients,
            level: message.level,
            hold,
            content,
        };
        let mut entries = Vec::new();
        // A stranger's reverse-path may be forged: only ours are told.
        if message.direction == Direction::Outbound && hold.tell.contains(&Told::Sender) {
            entries.push(self.entry(sender, tell_sender(&held)));
        }
        if hold.tell.contains(&Told::Officers) {
            for officers in self.policy.load().officers() {
                entries.push(self.entry(officers, tell_officers(&held, officers)));
            }
        }
        entries
    }

    fn report<'a>(
        &'a self,
        message: &'a QueuedMessage,
        content: &'a Bytes,
        to: &'a Address,
        recipients: &'a [ReportedRecipient<'a>],
        at: Timestamp,
    ) -> DeliveryReport<'a> {
        DeliveryReport {
            node: &self.config.node.name,
            at,
            id: message.id,
            received_at: message.received_at,
            to,
            envelope_id: message.requests.envelope_id.as_deref(),
            recipients,
            content,
        }
    }

    fn entry(&self, to: &Address, content: Bytes) -> Entry {
        let now = now();
        let id = self.queue.next_id();
        let content = self.marked(id, content);
        let policy = self.policy.load();
        let protection = policy.destination(to.domain()).protection();
        // What RFC 6531 asks for an address beyond ASCII; the fields of a
        // report to it are not ASCII either.
        let (body, encoding) = match to.needs_smtputf8() {
            true => (Body::EightBitMime, AddressEncoding::Utf8),
            false => (Body::SevenBit, AddressEncoding::Ascii),
        };
        let message = QueuedMessage {
            id,
            received_at: now,
            direction: Direction::Outbound,
            reverse_path: ReversePath::Null,
            body,
            encoding,
            requests: Requests::default(),
            level: Level::default(),
            policy: policy.version().to_owned(),
            size: content.len() as u64,
            redirect: None,
            hold: None,
            recourse: Recourse::default(),
            delay_notice: DelayNotice::Due,
            recipients: vec![QueuedRecipient::new(to.clone(), protection, now)],
        };
        (message, content)
    }

    /// A report can come back as any other message can.
    fn marked(&self, id: QueueId, content: Bytes) -> Bytes {
        let content = Content::parse(content);
        let node = &self.config.node.name;
        let mark = PassageMark { node, way: Direction::Outbound, id, trail: Trail::default() };
        let prepend = vec![self.passage_key.field(&content, &mark)];
        rewrite(&content, &Edits { prepend, ..Edits::default() }).into_bytes()
    }
}

/// The notices about to be committed, and to whom they go.
pub(super) fn addressees(notices: &[Entry]) -> Vec<(QueueId, Address)> {
    let addressed = notices.iter().flat_map(|(notice, _)| {
        notice.recipients.iter().map(|queued| (notice.id, queued.address.clone()))
    });
    addressed.collect()
}

/// Once they are committed.
pub(super) fn tell_notices(
    observer: &dyn Observer,
    about: QueueId,
    notices: &[(QueueId, Address)],
) {
    for (id, to) in notices {
        observer.observe(Event::Noticed { about, id: *id, to });
    }
}

fn reported(recipients: &[Reported]) -> Vec<ReportedRecipient<'_>> {
    recipients
        .iter()
        .map(|reported| ReportedRecipient {
            address: &reported.recipient,
            original: reported.original.as_ref(),
            reason: reported.reason,
            reply: &reported.reply,
            host: reported.host.as_deref(),
        })
        .collect()
}
