//! What the gateway writes to people: which report, to whom, as an entry of
//! the queue with the null reverse-path, so that no report is ever reported
//! on.

use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;

use super::{
    queue::{Entry, Queue, now},
    settlement::Reported,
};
use crate::{
    config::Config,
    mail::{
        Address, AddressEncoding, Body, DelayNotice, Direction, EnhancedStatusCode, FailureReason,
        Level, QueuedMessage, QueuedRecipient, Reply, Requests, ReversePath, Timestamp, Told,
    },
    policy::Policy,
    report::{
        DeliveryReport, HeldMessage, ReportedRecipient, delayed, failed, tell_officers, tell_sender,
    },
};

#[derive(Clone)]
pub(super) struct Reports {
    pub(super) config: Arc<Config>,
    pub(super) policy: Arc<ArcSwap<Policy>>,
    pub(super) queue: Arc<Queue>,
}

impl Reports {
    /// DSNs after an attempt: one for what has failed, one for what is late.
    pub(super) fn delivery(
        &self,
        message: &QueuedMessage,
        content: &Bytes,
        given_up: &[Reported],
        late: &[Reported],
        now: Timestamp,
    ) -> Vec<Entry> {
        let Some(sender) = message.reverse_path.mailbox() else { return Vec::new() };
        let mut entries = Vec::new();
        if !given_up.is_empty() {
            let recipients = reported(given_up);
            let report = self.report(message, content, sender, &recipients, now);
            entries.push(self.entry(sender, failed(&report)));
        }
        if !late.is_empty() {
            let recipients = reported(late);
            let report = self.report(message, content, sender, &recipients, now);
            let until = message.received_at + self.config.retry.expiry;
            entries.push(self.entry(sender, delayed(&report, until)));
        }
        entries
    }

    /// A DSN for a message that policy or a person has refused after it was
    /// taken.
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
            .map(|queued| ReportedRecipient {
                address: &queued.address,
                reason: FailureReason::Policy,
                reply: &reply,
                host: None,
            })
            .collect();
        let report = self.report(message, content, sender, &recipients, now());
        Some(self.entry(sender, failed(&report)))
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
        message: &QueuedMessage,
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
            envelope_id: None,
            recipients,
            content,
        }
    }

    fn entry(&self, to: &Address, content: Bytes) -> Entry {
        let now = now();
        let policy = self.policy.load();
        let protection = policy.destination(to.domain()).protection();
        let message = QueuedMessage {
            id: self.queue.next_id(),
            received_at: now,
            direction: Direction::Outbound,
            reverse_path: ReversePath::Null,
            body: Body::default(),
            encoding: AddressEncoding::default(),
            requests: Requests::default(),
            level: Level::default(),
            policy: policy.version().to_owned(),
            size: content.len() as u64,
            redirect: None,
            hold: None,
            delay_notice: DelayNotice::Due,
            recipients: vec![QueuedRecipient::new(to.clone(), protection, now)],
        };
        (message, content)
    }
}

fn reported(recipients: &[Reported]) -> Vec<ReportedRecipient<'_>> {
    recipients
        .iter()
        .map(|reported| ReportedRecipient {
            address: &reported.recipient,
            reason: reported.reason,
            reply: &reported.reply,
            host: reported.host.as_deref(),
        })
        .collect()
}
