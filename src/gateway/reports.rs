//! What the gateway writes to people: which report, to whom, as an entry of
//! the queue with the null reverse-path, so that no report is ever reported
//! on.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    alarms::Alarms,
    news::{News, Reported, UnmetNews},
    policies::Policies,
    queue::{Entry, Queue, now},
};
use crate::{
    config::Config,
    content::Content,
    mail::{
        Address, AddressEncoding, Body, DelayNotice, Direction, EnhancedStatusCode, Event,
        FailureReason, Level, NoticeKind, Observer, QueueId, QueuedMessage, QueuedRecipient,
        Recourse, Reply, Requests, ReversePath, Timestamp, Told,
    },
    policy::Policy,
    quarantine::RequestKey,
    report::{
        Action, Company, DeliveryReport, HeldMessage, PolicyNotice, ReportedRecipient, SenderTold,
        WaitingMessage, tell_officers, tell_officers_of_policy, tell_officers_of_waiting,
        tell_sender,
    },
    transform::{Edits, PassageKey, PassageMark, Signer, Trail, rewrite},
};

#[derive(Clone)]
pub(super) struct Reports {
    pub(super) config: Arc<Config>,
    pub(super) policies: Arc<Policies>,
    pub(super) queue: Arc<Queue>,
    pub(super) passage_key: Arc<PassageKey>,
    pub(super) signer: Arc<Signer>,
    pub(super) observer: Arc<dyn Observer>,
    pub(super) alarms: Arc<Alarms>,
    /// What senders ask for their messages with.
    pub(super) requests: Arc<RequestKey>,
}

impl Reports {
    /// What an attempt, or a deadline, leads to: a DSN for each kind of news,
    /// and a notice to the officers of what waits for TLS. No DSN to the null
    /// path, so that no report is reported on (RFC 3461 section 5.2).
    pub(super) fn delivery(
        &self,
        message: &QueuedMessage,
        content: &Bytes,
        news: &News,
        now: Timestamp,
    ) -> Vec<Entry> {
        let unmet = news.unmet.iter();
        let mut entries: Vec<Entry> =
            unmet.flat_map(|unmet| self.unmet(message, content, unmet, now)).collect();
        let Some(sender) = message.reverse_path.mailbox() else { return entries };
        let until = self.tried_until(message);
        let unmet = news.unmet.as_ref();
        let waiting = unmet.map_or_else(Vec::new, |unmet| unmet.sender.clone());
        let diverted = unmet.is_some_and(|unmet| unmet.fallback.is_some());
        // What waits for TLS is told of in words for our own people; a
        // stranger hears that it is late.
        let (late, waiting) = match message.direction {
            Direction::Inbound => ([news.delayed.clone(), waiting].concat(), Vec::new()),
            Direction::Outbound => (news.delayed.clone(), waiting),
        };
        let waits = if diverted { Action::Diverted(until) } else { Action::Waiting(until) };
        let kinds = [
            (Action::Failed, &news.failed),
            (Action::Delayed(until), &late),
            (waits, &waiting),
            (Action::Relayed, &news.relayed),
            (Action::Delivered, &news.delivered),
        ];
        let kinds = kinds.into_iter().filter(|(_, told)| !told.is_empty());
        entries.extend(kinds.map(|(action, told)| {
            let recipients = reported(told);
            let report = self.report(message, content, sender, &recipients, now);
            self.entry(kind(action), sender, report.write(action))
        }));
        entries
    }

    /// To the officers, of a message that waits for TLS. Their own notices are
    /// not told of: that would never end.
    fn unmet(
        &self,
        message: &QueuedMessage,
        content: &Bytes,
        unmet: &UnmetNews,
        now: Timestamp,
    ) -> Vec<Entry> {
        let policy = self.policies.live();
        let officers = policy.officers();
        let mut recipients = message.recipients.iter();
        let sender = message.reverse_path.mailbox();
        if sender.is_none() && recipients.all(|queued| officers.contains(&queued.address)) {
            return Vec::new();
        }
        let Some(company) = self.company(message, unmet, now) else { return Vec::new() };
        let since = message.waiting_for_tls().map(|(_, unmet)| unmet.since).min();
        let sender_told = match sender {
            Some(_) if !unmet.sender.is_empty() => SenderTold::Yes,
            _ => SenderTold::No,
        };
        let waiting = WaitingMessage {
            node: &self.config.node.name,
            at: now,
            id: message.id,
            sender: &message.reverse_path,
            sender_told,
            level: message.level,
            urgency: message.recourse.urgency,
            since: since.unwrap_or(now),
            until: self.tried_until(message),
            recipients: &reported(&unmet.officers),
            fallback: unmet.fallback.as_ref(),
            company,
            content,
        };
        let notices = officers.iter();
        notices
            .map(|to| {
                let notice = tell_officers_of_waiting(&waiting, to);
                self.entry(NoticeKind::WaitingOfficers, to, notice)
            })
            .collect()
    }

    /// What else waits for the same domain, as far as officers have not heard.
    fn company(
        &self,
        message: &QueuedMessage,
        unmet: &UnmetNews,
        now: Timestamp,
    ) -> Option<Company> {
        let first = unmet.officers.first()?;
        self.alarms.tell(first.recipient.domain(), message.recourse.urgency, now)
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
                tls: queued.protection.tls,
                fault: None,
            })
            .collect();
        if recipients.is_empty() {
            return None;
        }
        let report = self.report(message, content, sender, &recipients, now());
        Some(self.entry(NoticeKind::Failed, sender, report.write(Action::Failed)))
    }

    /// Notices of a held message, to those whom the rule tells: the officers
    /// that the very policy names which holds it.
    pub(super) fn held(
        &self,
        policy: &Policy,
        message: &QueuedMessage,
        content: &Bytes,
    ) -> Vec<Entry> {
        let (Some(hold), Some(sender)) = (&message.hold, message.reverse_path.mailbox()) else {
            return Vec::new();
        };
        let recipients: Vec<_> =
            message.recipients.iter().map(|queued| queued.address.clone()).collect();
        let link = self.config.quarantine.requests.as_ref();
        let link = link.map(|url| format!("{url}/request/{}", self.requests.token(message.id)));
        let held = HeldMessage {
            node: &self.config.node.name,
            at: now(),
            id: message.id,
            received_at: message.received_at,
            sender,
            recipients: &recipients,
            level: message.level,
            hold,
            request_link: link.as_deref(),
            content,
        };
        let mut entries = Vec::new();
        // A stranger's reverse-path may be forged: only ours are told.
        if message.direction == Direction::Outbound && hold.tell.contains(&Told::Sender) {
            entries.push(self.entry(NoticeKind::Held, sender, tell_sender(&held)));
        }
        if hold.tell.contains(&Told::Officers) {
            for officers in policy.officers() {
                entries.push(self.entry(
                    NoticeKind::HeldOfficers,
                    officers,
                    tell_officers(&held, officers),
                ));
            }
        }
        entries
    }

    /// To the officers, of their own policy.
    pub(super) fn policy(&self, notice: &PolicyNotice) -> Vec<Entry> {
        self.to_officers(NoticeKind::Policy, notice)
    }

    /// To all whom the policy names as officers.
    pub(super) fn to_officers(&self, kind: NoticeKind, notice: &PolicyNotice) -> Vec<Entry> {
        let policy = self.policies.live();
        let node = &self.config.node.name;
        let each = policy.officers().iter().map(|to| {
            let token = self.queue.next_id().to_string();
            let content = tell_officers_of_policy(notice, node, &token, to);
            self.entry(kind, to, content)
        });
        each.collect()
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

    fn entry(&self, kind: NoticeKind, to: &Address, content: Bytes) -> Entry {
        self.observer.observe(Event::NoticeWritten { kind });
        let now = now();
        let id = self.queue.next_id();
        let content = self.finished(id, content);
        let policy = self.policies.live();
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
            custody: Default::default(),
            recourse: Recourse::default(),
            delay_notice: DelayNotice::Due,
            recipients: vec![QueuedRecipient::new(to.clone(), protection, now)],
        };
        (message, content)
    }

    /// Marked, since a report can come back as any other message can, and
    /// signed, for it bears the name of our own domain.
    fn finished(&self, id: QueueId, content: Bytes) -> Bytes {
        let content = Content::parse(content);
        let node = &self.config.node.name;
        let mark = PassageMark { node, way: Direction::Outbound, id, trail: Trail::default() };
        let prepend = vec![self.passage_key.field(&content, &mark)];
        let mut finished = rewrite(&content, &Edits { prepend, ..Edits::default() });
        let ours = std::iter::once(node).chain(&self.config.node.local_domains);
        let signed = ours.filter_map(|domain| self.signer.domain_for(domain)).next();
        if let Some(Err(error)) = signed.map(|domain| finished.sign(&self.signer, domain)) {
            // A report unsigned is better than none.
            tracing::error!(%id, %error, "a report could not be signed");
        }
        finished.into_bytes()
    }
}

const fn kind(action: Action) -> NoticeKind {
    match action {
        Action::Failed => NoticeKind::Failed,
        Action::Delayed(_) => NoticeKind::Delayed,
        Action::Waiting(_) => NoticeKind::Waiting,
        Action::Diverted(_) => NoticeKind::Diverted,
        Action::Relayed => NoticeKind::Relayed,
        Action::Delivered => NoticeKind::Delivered,
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
            tls: reported.tls,
            fault: reported.fault,
        })
        .collect()
}
