//! Terms: how soon a held message is to be judged, how long it is kept, and
//! whose word is enough.

use std::time::Duration;

use crate::mail::{HeldEntry, Level, QueuedMessage, Timestamp};

/// What operators have settled for quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Then a message goes back to its sender.
    pub expiry: Duration,
    /// Officers are told so long before.
    pub expiry_notice: Duration,
    /// By level, lowest first.
    pub judge_within: [Duration; Level::ALL.len()],
    /// From this level on it takes two people to let a message go; None where
    /// one is always enough.
    pub four_eyes: Option<Level>,
}

impl Terms {
    /// As a list shows it; None of a message that is not held.
    pub fn entry(&self, message: &QueuedMessage) -> Option<HeldEntry> {
        let hold = message.hold.as_ref()?;
        let mut kinds: Vec<_> = hold.findings.iter().map(|finding| finding.kind).collect();
        kinds.sort_unstable();
        kinds.dedup();
        Some(HeldEntry {
            id: message.id,
            received_at: message.received_at,
            direction: message.direction,
            sender: message.reverse_path.clone(),
            recipients: message.pending().map(|queued| queued.address.clone()).collect(),
            subject: hold.case.subject.clone(),
            size: message.size,
            level: message.level,
            rule: hold.rule.clone(),
            kinds,
            organisations: hold.case.organisations.clone(),
            due_at: message.received_at + self.judge_within(message.level),
            expires_at: self.expires_at(message),
            legal_hold: hold.case.legal_hold,
            proposal: hold.case.proposal.clone(),
            requests: hold.case.requests.clone(),
        })
    }

    /// When a held message goes back; never under a legal hold.
    pub fn expires_at(&self, message: &QueuedMessage) -> Option<Timestamp> {
        let case = &message.hold.as_ref()?.case;
        let term = message.received_at + self.expiry;
        let extended = case.extended_to.map_or(term, |until| until.max(term));
        (!case.legal_hold).then_some(extended)
    }

    pub fn needs_two(&self, level: Level) -> bool {
        self.four_eyes.is_some_and(|from| level >= from)
    }

    fn judge_within(&self, level: Level) -> Duration {
        let set = self.judge_within.get(usize::from(level.number()));
        set.copied().unwrap_or_default()
    }
}

impl Default for Terms {
    /// A working day has two halves; what is specially protected waits an hour.
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Self {
            expiry: hours(30 * 24),
            expiry_notice: hours(3 * 24),
            judge_within: [4, 4, 4, 4, 1].map(hours),
            four_eyes: Some(Level::SPECIALLY_PROTECTED),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quarantine::samples::held;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    #[test]
    fn what_is_most_sensitive_is_judged_first() {
        let terms = Terms::default();
        let due = |level| terms.entry(&held(1, level)).unwrap().due_at;
        assert!(due(Level::SPECIALLY_PROTECTED) < due(Level::CLINICAL));
        assert_eq!(terms.entry(&QueuedMessage { hold: None, ..held(1, Level::CLINICAL) }), None);
    }

    #[test]
    fn an_extension_lengthens_the_term_and_never_shortens_it() {
        let terms = Terms::default();
        let mut message = held(1, Level::CLINICAL);
        let term = message.received_at + 30 * DAY;
        for (until, expires) in [(DAY, term), (40 * DAY, message.received_at + 40 * DAY)] {
            let received_at = message.received_at;
            message.hold.as_mut().unwrap().case.extended_to = Some(received_at + until);
            assert_eq!(terms.expires_at(&message), Some(expires));
        }
    }

    #[test]
    fn it_takes_two_from_the_named_level_on_and_for_none_where_none_is_named() {
        let two = |four_eyes| {
            let terms = Terms { four_eyes, ..Terms::default() };
            Level::ALL.iter().filter(|level| terms.needs_two(**level)).count()
        };
        assert_eq!(two(Some(Level::CLINICAL)), 2, "that level, and the one above");
        assert_eq!((two(Some(Level::SPECIALLY_PROTECTED)), two(None)), (1, 0));
    }

    #[test]
    fn under_a_legal_hold_nothing_expires() {
        let mut message = held(1, Level::CLINICAL);
        message.hold.as_mut().unwrap().case.legal_hold = true;
        assert_eq!(Terms::default().expires_at(&message), None);
    }
}
