//! Waits: which messages wait for TLS that cannot be had, and which a person
//! has let go with less. Kept beside the schedule, so that a scrape reads no
//! disk.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    mail::{DestinationClass, Domain, Line, QueueId, Summary, Timestamp, TlsWait},
    observe::TlsWaits,
};

#[derive(Default)]
pub(super) struct Waits(Mutex<BTreeMap<QueueId, Wait>>);

struct Wait {
    /// Whose TLS is waited for, each once.
    domains: Vec<Domain>,
    since: Option<Timestamp>,
    exempt_until: Option<Timestamp>,
}

impl Waits {
    /// As the message stands now.
    pub(super) fn note(&self, id: QueueId, summary: &Summary) {
        let Summary { exempt_until, lines, .. } = summary;
        let mut domains: Vec<Domain> = Vec::new();
        for Line { destination, tls, .. } in lines {
            if *tls != TlsWait::No && !domains.contains(&destination.domain) {
                domains.push(destination.domain.clone());
            }
        }
        let since = lines.iter().filter_map(|line| line.tls.since()).min();
        let waits = (since.is_some() || exempt_until.is_some()) && !lines.is_empty();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match waits {
            true => all.insert(id, Wait { domains, since, exempt_until: *exempt_until }),
            false => all.remove(&id),
        };
    }

    pub(super) fn forget(&self, id: QueueId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }

    /// As it stands now; a message that waits for several classes counts in
    /// each.
    pub(super) fn state(
        &self,
        class: impl Fn(&Domain) -> DestinationClass,
        now: Timestamp,
    ) -> TlsWaits {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut messages = DestinationClass::ALL.map(|class| (class, 0));
        for wait in all.values() {
            let classes: Vec<_> = wait.domains.iter().map(&class).collect();
            for (class, count) in &mut messages {
                *count += usize::from(classes.contains(class));
            }
        }
        let oldest = all.values().filter_map(|wait| wait.since).min();
        let exemptions = all.values().filter_map(|wait| wait.exempt_until);
        TlsWaits {
            messages,
            oldest: oldest.map(|since| now.saturating_since(since)).unwrap_or_default(),
            exemptions: exemptions.filter(|until| *until > now).count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::mail::{
        Direction, Exemption, Protection, QueuedMessage, QueuedRecipient, RecipientState, Reply,
        ReversePath, TlsNotice, TlsRequirement, Unmet,
    };

    fn moment(seconds: u64) -> Timestamp {
        Timestamp::from_unix_milliseconds(0) + Duration::from_secs(seconds)
    }

    /// Waits for the TLS of each domain since then.
    fn message(id: u64, waits: &[(&str, u64)]) -> QueuedMessage {
        let recipients = waits.iter().map(|(to, since)| {
            let to: crate::mail::Address = to.parse().unwrap();
            let unmet = Unmet {
                since: moment(*since),
                told: TlsNotice::Due,
                reply: Reply::plain(451, "no TLS"),
                host: None,
                fault: None,
            };
            let queued = QueuedRecipient::new(to, Protection::default(), moment(0));
            QueuedRecipient { unmet: Some(Box::new(unmet)), ..queued }
        });
        QueuedMessage {
            id: QueueId::from_bits(id),
            received_at: moment(0),
            direction: Direction::Outbound,
            reverse_path: ReversePath::Null,
            body: Default::default(),
            encoding: Default::default(),
            requests: Default::default(),
            level: Default::default(),
            policy: String::new(),
            size: 0,
            redirect: None,
            hold: None,
            custody: Default::default(),
            recourse: Default::default(),
            delay_notice: Default::default(),
            recipients: recipients.collect(),
        }
    }

    fn note(waits: &Waits, message: &QueuedMessage) {
        waits.note(message.id, &message.summary());
    }

    fn state(waits: &Waits) -> ([usize; 3], u64, usize) {
        let class = |domain: &Domain| match domain.as_str() {
            "gov.example" => DestinationClass::Approved,
            _ => DestinationClass::Internet,
        };
        let TlsWaits { messages, oldest, exemptions } = waits.state(class, moment(100));
        (messages.map(|(_, count)| count), oldest.as_secs(), exemptions)
    }

    #[test]
    fn messages_count_once_in_each_class_they_wait_for() {
        let waits = Waits::default();
        note(&waits, &message(1, &[("a@gov.example", 90), ("b@gov.example", 90)]));
        note(&waits, &message(2, &[("a@gov.example", 70), ("b@x.example", 80)]));
        note(&waits, &message(3, &[]));
        assert_eq!(state(&waits), ([0, 2, 1], 30, 0));
        waits.forget(QueueId::from_bits(2));
        assert_eq!(state(&waits), ([0, 1, 0], 10, 0));
        let mut first = message(1, &[("a@gov.example", 90)]);
        let reply = Reply::plain(250, "ok");
        first.recipients[0].state = RecipientState::Delivered { at: moment(99), reply };
        note(&waits, &first);
        assert_eq!(state(&waits), ([0, 0, 0], 0, 0));
    }

    #[test]
    fn an_exemption_counts_until_its_end() {
        let waits = Waits::default();
        for (id, until) in [(1, 101), (2, 100)] {
            let mut message = message(id, &[("a@gov.example", 90)]);
            message.recourse.exemption = Some(Exemption {
                tls: TlsRequirement::Encrypted,
                by: "root".to_owned(),
                reason: "agreed".to_owned(),
                until: moment(until),
            });
            note(&waits, &message);
        }
        assert_eq!(state(&waits), ([0, 2, 0], 10, 1));
    }
}
