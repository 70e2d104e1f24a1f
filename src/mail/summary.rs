//! What a queue must know of every message to schedule it: so much less than
//! all, that a start need not read the rest.

use std::{
    collections::HashMap,
    mem::{Discriminant, discriminant},
};

use serde::{Deserialize, Serialize};

use super::{
    address::ReversePath,
    destination::Destination,
    message::{DelayNotice, QueuedMessage, QueuedRecipient, RecipientState, TlsNotice, Urgency},
    requests::Priority,
    time::Timestamp,
};

/// Made from a [`QueuedMessage`] alone, and anew with each change of it. It
/// holds what moments are counted from and not the moments that an operator's
/// settings make of them, for those may change between two starts.
///
/// It is kept on disk. One that lacks a field, be it an optional one, is not
/// believed, and the message itself is read in its stead: so a field can be
/// added at any time, and must have no default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub received_at: Timestamp,
    pub standing: Standing,
    pub reverse_path: ReversePath,
    pub priority: Priority,
    /// Octets as they will leave.
    pub size: u64,
    pub urgency: Urgency,
    pub delay_notice: DelayNotice,
    /// When it goes back if it was not delivered, where its sender has said so.
    #[serde(deserialize_with = "Option::deserialize")]
    pub returned_at: Option<Timestamp>,
    /// When its sender wants to be told if it was not delivered.
    #[serde(deserialize_with = "Option::deserialize")]
    pub noticed_at: Option<Timestamp>,
    /// Until when a person lets it go with less TLS.
    #[serde(deserialize_with = "Option::deserialize")]
    pub exempt_until: Option<Timestamp>,
    /// Who still waits for a copy; nobody does where there is none.
    pub lines: Vec<Line>,
}

/// Whether a message may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// When it is due.
    Free,
    /// Not before a person says so.
    Held,
    /// Not before the moment that its sender has asked for.
    Kept(Timestamp),
}

/// Those of a message who wait for a copy at one destination, and alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub destination: Destination,
    /// When the first of them is.
    pub due: Timestamp,
    pub tls: TlsWait,
}

/// Whether it is TLS that they wait for, and the first of them since when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TlsWait {
    No,
    /// And people are to hear of it.
    Untold(Timestamp),
    Told(Timestamp),
}

impl QueuedMessage {
    pub fn summary(&self) -> Summary {
        let released_at = self.released_at();
        let standing = match (self.is_held(), released_at > self.received_at) {
            (true, _) => Standing::Held,
            (false, true) => Standing::Kept(released_at),
            (false, false) => Standing::Free,
        };
        let exemption = self.recourse.exemption.as_ref();
        Summary {
            received_at: self.received_at,
            standing,
            reverse_path: self.reverse_path.clone(),
            priority: self.requests.priority.unwrap_or_default(),
            size: self.size,
            urgency: self.recourse.urgency,
            delay_notice: self.delay_notice,
            returned_at: self.requests.returned_at(self.received_at),
            noticed_at: self.requests.noticed_at(self.received_at),
            exempt_until: exemption.map(|exemption| exemption.until),
            lines: lines(self),
        }
    }
}

/// In the order of their first recipients.
fn lines(message: &QueuedMessage) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let mut places: HashMap<(Destination, Discriminant<TlsWait>), usize> = HashMap::new();
    for queued in &message.recipients {
        let RecipientState::Pending { next_attempt_at, .. } = queued.state else { continue };
        let destination = Destination::of(message, queued);
        let new = Line { destination, due: next_attempt_at, tls: TlsWait::of(queued) };
        let key = (new.destination.clone(), discriminant(&new.tls));
        match places.get(&key).and_then(|&place| lines.get_mut(place)) {
            Some(line) => line.join(&new),
            None => {
                places.insert(key, lines.len());
                lines.push(new);
            }
        }
    }
    lines
}

impl Summary {
    /// What retries and expiry count from; nothing while a person holds it.
    pub fn starts_at(&self) -> Option<Timestamp> {
        match self.standing {
            Standing::Free => Some(self.received_at),
            Standing::Held => None,
            Standing::Kept(released_at) => Some(released_at),
        }
    }

    /// Where it is to go, and when the first there is due.
    pub fn destinations(&self) -> HashMap<&Destination, Timestamp> {
        let mut destinations = HashMap::new();
        for Line { destination, due, .. } in &self.lines {
            let first = destinations.entry(destination).or_insert(*due);
            *first = (*first).min(*due);
        }
        destinations
    }
}

impl Line {
    fn join(&mut self, other: &Self) {
        self.due = self.due.min(other.due);
        if let TlsWait::Untold(since) | TlsWait::Told(since) = &mut self.tls {
            *since = other.tls.since().map_or(*since, |other| other.min(*since));
        }
    }
}

impl TlsWait {
    fn of(queued: &QueuedRecipient) -> Self {
        match queued.unmet.as_deref().map(|unmet| (unmet.told, unmet.since)) {
            None => Self::No,
            Some((TlsNotice::Due, since)) => Self::Untold(since),
            Some((TlsNotice::Sent, since)) => Self::Told(since),
        }
    }

    pub fn since(self) -> Option<Timestamp> {
        match self {
            Self::No => None,
            Self::Untold(since) | Self::Told(since) => Some(since),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::mail::{
        Address, DeliverBy, EnhancedStatusCode, Exemption, Hold, Protection, Release, Reply,
        Requests, RequireTls, TlsRequirement, Unmet, Way,
        requests::{ByMode, ByTrace},
    };

    const MESSAGE: &str = r#"{"id":"01dcayhax6g00","received_at":1000,"direction":"outbound",
        "reverse_path":"dr@nhs.test.example","level":0,"policy":"p","size":312,"recipients":[]}"#;

    fn at(milliseconds: u64) -> Timestamp {
        Timestamp::from_unix_milliseconds(milliseconds)
    }

    fn message(recipients: &[(&str, u64)]) -> QueuedMessage {
        let recipients = recipients.iter().map(|&(address, due)| {
            let address = address.parse::<Address>().unwrap();
            QueuedRecipient::new(address, Protection::default(), at(due))
        });
        let recipients = recipients.collect();
        QueuedMessage { recipients, ..serde_json::from_str(MESSAGE).unwrap() }
    }

    fn unmet(since: u64, told: TlsNotice) -> Option<Box<Unmet>> {
        let reply = Reply::new(451, EnhancedStatusCode(4, 7, 5), "no TLS");
        Some(Box::new(Unmet { since: at(since), told, reply, host: None, fault: None }))
    }

    #[test]
    fn a_domain_counts_once_and_is_due_with_its_first_recipient() {
        let mut message = message(&[
            ("a@x.example", 9),
            ("b@y.example", 8),
            ("c@x.example", 7),
            ("d@z.example", 1),
        ]);
        let reply = Reply::new(250, EnhancedStatusCode(2, 0, 0), "taken");
        message.recipients[3].state = RecipientState::Delivered { at: message.received_at, reply };
        let lines = message.summary().lines;
        let due: Vec<_> = lines
            .iter()
            .map(|line| (line.destination.domain.as_str(), line.due.unix_milliseconds()))
            .collect();
        assert_eq!(due, [("x.example", 7), ("y.example", 8)]);
    }

    #[test]
    fn one_domain_is_two_destinations_where_tls_is_needed_by_some() {
        let mut message = message(&[("a@x.example", 9), ("b@x.example", 8), ("c@x.example", 7)]);
        for index in [1, 2] {
            message.recipients[index].protection.tls = TlsRequirement::Verified;
        }
        let ways = |message: &QueuedMessage| {
            let summary = message.summary();
            let destinations = summary.destinations();
            let mut ways: Vec<_> = destinations
                .into_iter()
                .map(|(destination, due)| (due.unix_milliseconds(), destination.way))
                .collect();
            ways.sort_by_key(|(due, _)| *due);
            ways
        };
        assert_eq!(ways(&message), [(7, Way::Protected), (9, Way::Usual)]);
        message.redirect = Some("smtp://portal.example:25".parse().unwrap());
        assert_eq!(ways(&message), [(7, Way::Redirected)]);
    }

    #[test]
    fn who_waits_for_tls_stands_apart_and_the_first_of_them_counts() {
        let mut message = message(&[("x@x.example", 9); 5]);
        let waits = [(40, TlsNotice::Due), (30, TlsNotice::Due), (20, TlsNotice::Sent)];
        for (index, (since, told)) in waits.into_iter().enumerate() {
            message.recipients[index].unmet = unmet(since, told);
        }
        message.recipients[3].unmet = unmet(10, TlsNotice::Due);
        let reply = Reply::new(250, EnhancedStatusCode(2, 0, 0), "taken");
        message.recipients[3].state = RecipientState::Delivered { at: at(50), reply };
        let summary = message.summary();
        let tls: Vec<_> = summary.lines.iter().map(|line| line.tls).collect();
        assert_eq!(tls, [TlsWait::Untold(at(30)), TlsWait::Told(at(20)), TlsWait::No]);
        assert_eq!(summary.destinations().len(), 1);
    }

    #[test]
    fn who_is_held_is_held_also_when_a_moment_was_asked_for() {
        let mut message = message(&[]);
        assert_eq!(message.summary().standing, Standing::Free);
        assert_eq!(message.summary().starts_at(), Some(at(1000)));
        let release = Some(Release::After(Duration::from_secs(3)));
        message.requests = Requests { release, ..Requests::default() };
        assert_eq!(message.summary().standing, Standing::Kept(at(4000)));
        assert_eq!(message.summary().starts_at(), Some(at(4000)));
        message.hold = Some(Hold {
            rule: "r".to_owned(),
            reason: "why".to_owned(),
            findings: Vec::new(),
            tell: Vec::new(),
            case: Default::default(),
        });
        assert_eq!(message.summary().standing, Standing::Held);
        assert_eq!(message.summary().starts_at(), None);
    }

    /// One of which no field is what it would be by default.
    fn full() -> Summary {
        let mut message = message(&[("a@x.example", 9), ("b@y.example", 9)]);
        message.recipients[0].unmet = unmet(1100, TlsNotice::Sent);
        let seconds = 90;
        let by = DeliverBy { seconds, mode: ByMode::Notify, trace: ByTrace::No };
        message.requests =
            Requests { deliver_by: Some(by), require_tls: RequireTls::Yes, ..Requests::default() };
        message.delay_notice = DelayNotice::Sent;
        message.recourse.urgency = Urgency::Urgent;
        message.recourse.exemption = Some(Exemption {
            tls: TlsRequirement::Encrypted,
            by: "root".to_owned(),
            reason: "agreed".to_owned(),
            until: at(7000),
        });
        message.summary()
    }

    #[test]
    fn what_was_promised_to_whom_is_in_it() {
        let summary = full();
        assert_eq!((summary.noticed_at, summary.returned_at), (Some(at(91_000)), None));
        assert_eq!(summary.exempt_until, Some(at(7000)));
        assert_eq!(summary.delay_notice, DelayNotice::Sent);
        assert_eq!(summary.urgency, Urgency::Urgent);
    }

    #[test]
    fn a_summary_reads_back_and_one_that_lacks_any_field_does_not() {
        let summary = full();
        let written = serde_json::to_value(&summary).unwrap();
        assert_eq!(serde_json::from_value::<Summary>(written.clone()).unwrap(), summary);
        let fields: Vec<String> = written.as_object().unwrap().keys().cloned().collect();
        assert_eq!(fields.len(), 11);
        for field in fields {
            let mut lacking = written.clone();
            lacking.as_object_mut().unwrap().remove(&field);
            assert!(serde_json::from_value::<Summary>(lacking).is_err(), "{field}");
        }
    }
}
