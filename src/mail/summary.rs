//! What a queue must know of every message to schedule it: so much less than
//! all, that a start need not read the rest.

use serde::{Deserialize, Serialize};

use super::{
    address::ReversePath,
    domain::Domain,
    message::{QueuedMessage, RecipientState},
    requests::Priority,
    time::Timestamp,
};

/// Made from a [`QueuedMessage`] alone, and anew with each change of it. It is
/// kept on disk: a field that earlier ones lack must be neither optional nor
/// have a default, for then the message itself is read in their stead.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub received_at: Timestamp,
    pub standing: Standing,
    pub reverse_path: ReversePath,
    pub priority: Priority,
    /// Octets as they will leave.
    pub size: u64,
    /// When it goes back if it was not delivered, where its sender has said so.
    pub returned_at: Option<Timestamp>,
    /// Where somebody still waits for a copy, and when the first of them is due.
    pub destinations: Vec<(Domain, Timestamp)>,
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

impl QueuedMessage {
    pub fn summary(&self) -> Summary {
        let released_at = self.released_at();
        let standing = match (self.is_held(), released_at > self.received_at) {
            (true, _) => Standing::Held,
            (false, true) => Standing::Kept(released_at),
            (false, false) => Standing::Free,
        };
        let mut destinations: Vec<(Domain, Timestamp)> = Vec::new();
        for recipient in self.pending() {
            let RecipientState::Pending { next_attempt_at, .. } = recipient.state else { continue };
            let domain = recipient.address.domain();
            match destinations.iter_mut().find(|(known, _)| known == domain) {
                Some((_, due)) => *due = next_attempt_at.min(*due),
                None => destinations.push((domain.clone(), next_attempt_at)),
            }
        }
        Summary {
            received_at: self.received_at,
            standing,
            reverse_path: self.reverse_path.clone(),
            priority: self.requests.priority.unwrap_or_default(),
            size: self.size,
            returned_at: self.requests.returned_at(self.received_at),
            destinations,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::mail::{
        Address, EnhancedStatusCode, Hold, Protection, QueuedRecipient, Release, Reply, Requests,
    };

    const MESSAGE: &str = r#"{"id":"01dcayhax6g00","received_at":1000,"direction":"outbound",
        "reverse_path":"dr@nhs.test.example","level":0,"policy":"p","size":312,"recipients":[]}"#;

    fn message(recipients: &[(&str, u64)]) -> QueuedMessage {
        let recipients = recipients.iter().map(|&(address, due)| {
            let due = Timestamp::from_unix_milliseconds(due);
            QueuedRecipient::new(address.parse::<Address>().unwrap(), Protection::default(), due)
        });
        let recipients = recipients.collect();
        QueuedMessage { recipients, ..serde_json::from_str(MESSAGE).unwrap() }
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
        let destinations = message.summary().destinations;
        let due: Vec<_> = destinations
            .iter()
            .map(|(domain, due)| (domain.as_str(), due.unix_milliseconds()))
            .collect();
        assert_eq!(due, [("x.example", 7), ("y.example", 8)]);
    }

    #[test]
    fn who_is_held_is_held_also_when_a_moment_was_asked_for() {
        let mut message = message(&[]);
        assert_eq!(message.summary().standing, Standing::Free);
        let release = Some(Release::After(Duration::from_secs(3)));
        message.requests = Requests { release, ..Requests::default() };
        let moment = Timestamp::from_unix_milliseconds(4000);
        assert_eq!(message.summary().standing, Standing::Kept(moment));
        message.hold = Some(Hold {
            rule: "r".to_owned(),
            reason: "why".to_owned(),
            findings: Vec::new(),
            tell: Vec::new(),
        });
        assert_eq!(message.summary().standing, Standing::Held);
    }

    #[test]
    fn a_summary_reads_back_and_one_that_lacks_something_does_not() {
        let summary = message(&[("a@x.example", 9)]).summary();
        let written = serde_json::to_string(&summary).unwrap();
        assert_eq!(serde_json::from_str::<Summary>(&written).unwrap(), summary);
        let lacking = written.replace("\"size\"", "\"sizes\"");
        assert!(serde_json::from_str::<Summary>(&lacking).is_err());
    }
}
