//! What people have called held in error: a sender who reported a false
//! positive, an officer who released a message as one.
//!
//! A report names the copy that was held; the decision is about the message it
//! was made of, which stands in the line of its acceptance. So the trail is
//! read three times: for reports, for acceptances, for decisions.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::mail::QueueId;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reported {
    copies: BTreeSet<QueueId>,
    messages: BTreeSet<QueueId>,
}

impl Reported {
    /// First, of every line.
    pub fn note_report(&mut self, line: &[u8]) {
        #[derive(Deserialize)]
        struct Line {
            event: String,
            id: Option<QueueId>,
            #[serde(default)]
            kind: Option<String>,
            #[serde(default)]
            false_positive: bool,
        }
        if memchr::memmem::find(line, b"false_positive").is_none() {
            return;
        }
        let Ok(Line { event, id: Some(id), kind, false_positive }) = serde_json::from_slice(line)
        else {
            return;
        };
        let by_sender = event == "deed" && kind.as_deref() == Some("false_positive_reported");
        let by_officer = event == "handled" && false_positive;
        if by_sender || by_officer {
            self.copies.insert(id);
        }
    }

    /// Then, of every line again.
    pub fn note_acceptance(&mut self, line: &[u8]) {
        #[derive(Deserialize)]
        struct Line {
            event: String,
            id: QueueId,
            copies: Vec<Copy>,
        }
        #[derive(Deserialize)]
        struct Copy {
            id: QueueId,
        }
        if self.copies.is_empty() || memchr::memmem::find(line, b"\"accepted\"").is_none() {
            return;
        }
        let Ok(Line { event, id, copies }) = serde_json::from_slice(line) else { return };
        if event == "accepted" && copies.iter().any(|copy| self.copies.contains(&copy.id)) {
            self.messages.insert(id);
        }
    }

    /// Whether a decision was about one of them.
    pub fn has(&self, decision: QueueId) -> bool {
        self.messages.contains(&decision) || self.copies.contains(&decision)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> QueueId {
        QueueId::from_bits(number)
    }

    #[test]
    fn a_report_about_a_copy_leads_to_the_decision_about_its_message() {
        let trail = [
            format!(
                "{{\"event\":\"accepted\",\"id\":\"{}\",\"copies\":[{{\"id\":\"{}\"}},{{\"id\":\"{}\"}}]}}",
                id(1),
                id(1),
                id(2)
            ),
            format!(
                "{{\"event\":\"accepted\",\"id\":\"{}\",\"copies\":[{{\"id\":\"{}\"}}]}}",
                id(3),
                id(3)
            ),
            format!(
                "{{\"event\":\"deed\",\"kind\":\"false_positive_reported\",\"id\":\"{}\"}}",
                id(2)
            ),
            format!(
                "{{\"event\":\"handled\",\"action\":\"release\",\"false_positive\":true,\"id\":\"{}\"}}",
                id(4)
            ),
            format!(
                "{{\"event\":\"handled\",\"action\":\"release\",\"false_positive\":false,\"id\":\"{}\"}}",
                id(5)
            ),
            format!(
                "{{\"event\":\"deed\",\"kind\":\"viewed\",\"words\":\"false_positive_reported\",\"id\":\"{}\"}}",
                id(6)
            ),
        ];
        let mut reported = Reported::default();
        trail.iter().for_each(|line| reported.note_report(line.as_bytes()));
        trail.iter().for_each(|line| reported.note_acceptance(line.as_bytes()));
        let found: Vec<u64> = (1..7).filter(|number| reported.has(id(*number))).collect();
        assert_eq!(found, [1, 2, 4]);
    }
}
