//! What a client may ask for beside delivery: the parameters of MAIL and RCPT
//! that the queue keeps, for the next hop to have them or to be honoured here.
//! Wire forms (xtext, signs, dates) are `smtp`'s.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{message::Urgency, time::Timestamp};

/// The parameters of MAIL. Times that are not dates count from when the
/// message was received.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Requests {
    /// RET (RFC 3461 section 4.3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<Returned>,
    /// ENVID, decoded (RFC 3461 section 4.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub envelope_id: Option<Box<str>>,
    pub require_tls: RequireTls,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliver_by: Option<DeliverBy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
}

/// How much of a message its failure report should bring back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Returned {
    Full,
    Headers,
}

/// Whether no hop may take the message without verified TLS and this same
/// promise (RFC 8689).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequireTls {
    #[default]
    No,
    Yes,
}

/// MT-PRIORITY (RFC 6710): -9 to 9, larger goes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "i8", into = "i8")]
pub struct Priority(i8);

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a priority is a number from -9 to 9, found {0}")]
pub struct PriorityError(i8);

/// BY (RFC 2852).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliverBy {
    /// From when the message was received; with [`ByMode::Notify`] the time
    /// may have passed already.
    pub seconds: i64,
    pub mode: ByMode,
    pub trace: ByTrace,
}

/// What happens to a message that is not delivered by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByMode {
    /// It is returned.
    Return,
    /// Its sender is told, and it is tried further.
    Notify,
}

/// Whether each relay tells the sender that it has passed the message on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ByTrace {
    No,
    Yes,
}

/// HOLDFOR and HOLDUNTIL (RFC 4865): not to be sent on before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Release {
    After(Duration),
    At(Timestamp),
}

/// NOTIFY (RFC 3461 section 4.1): what the sender is told of; nothing at all
/// is NEVER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    pub success: bool,
    pub failure: bool,
    pub delay: bool,
}

/// ORCPT, decoded (RFC 3461 section 4.2): who the message was for before
/// anybody rewrote the address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OriginalRecipient {
    /// `rfc822`, `utf-8`, …
    pub address_type: Box<str>,
    pub address: Box<str>,
}

impl Requests {
    /// Whether its sender presses.
    pub fn urgency(&self) -> Urgency {
        match self.priority {
            Some(priority) if priority >= Priority::URGENT => Urgency::Urgent,
            _ => Urgency::Usual,
        }
    }

    /// When a message received then may first be sent on.
    pub fn released_at(&self, received_at: Timestamp) -> Timestamp {
        match self.release {
            None => received_at,
            Some(Release::After(hold)) => received_at + hold,
            Some(Release::At(moment)) => moment.max(received_at),
        }
    }

    /// When a message received then must be returned if it is not delivered
    /// by then.
    pub fn returned_at(&self, received_at: Timestamp) -> Option<Timestamp> {
        self.deadline(ByMode::Return, received_at)
    }

    /// When the sender of a message received then must be told if it is not
    /// delivered by then. A time that had passed before it came was told of
    /// by whoever had it then.
    pub fn noticed_at(&self, received_at: Timestamp) -> Option<Timestamp> {
        self.deadline(ByMode::Notify, received_at).filter(|&moment| moment > received_at)
    }

    fn deadline(&self, mode: ByMode, received_at: Timestamp) -> Option<Timestamp> {
        let by = self.deliver_by.filter(|by| by.mode == mode)?;
        Some(received_at + Duration::from_secs(u64::try_from(by.seconds).unwrap_or(0)))
    }

    /// What a message received then still asks for now: the time spent here
    /// is taken from its BY (RFC 2852 section 4.1).
    pub fn onward(&self, received_at: Timestamp, now: Timestamp) -> Self {
        let spent = now.saturating_since(received_at).as_secs();
        let spent = i64::try_from(spent).unwrap_or(i64::MAX);
        let deliver_by =
            self.deliver_by.map(|by| DeliverBy { seconds: by.seconds.saturating_sub(spent), ..by });
        Self { deliver_by, ..self.clone() }
    }
}

impl Priority {
    pub const NORMAL: Self = Self(0);
    /// What X.400 calls urgent, as RFC 6710 maps it.
    pub const URGENT: Self = Self(4);

    pub const fn value(self) -> i8 {
        self.0
    }
}

impl TryFrom<i8> for Priority {
    type Error = PriorityError;

    fn try_from(value: i8) -> Result<Self, PriorityError> {
        if (-9..=9).contains(&value) { Ok(Self(value)) } else { Err(PriorityError(value)) }
    }
}

impl From<Priority> for i8 {
    fn from(priority: Priority) -> Self {
        priority.0
    }
}

impl Notify {
    pub const NEVER: Self = Self { success: false, failure: false, delay: false };
    /// What holds where NOTIFY was not said; whether delays are told is the
    /// server's choice, and ours is to tell.
    pub const USUAL: Self = Self { success: false, failure: true, delay: true };
}

#[cfg(test)]
mod tests {
    use super::*;

    const ARRIVAL: Timestamp = Timestamp::from_unix_milliseconds(1_000_000);

    fn by(seconds: i64, mode: ByMode) -> Requests {
        let deliver_by = Some(DeliverBy { seconds, mode, trace: ByTrace::No });
        Requests { deliver_by, ..Requests::default() }
    }

    #[test]
    fn a_message_is_held_for_a_time_or_until_a_moment_and_never_before_it_came() {
        let released = |release| {
            Requests { release, ..Requests::default() }
                .released_at(ARRIVAL)
                .saturating_since(ARRIVAL)
                .as_secs()
        };
        assert_eq!(released(None), 0);
        assert_eq!(released(Some(Release::After(Duration::from_secs(90)))), 90);
        assert_eq!(released(Some(Release::At(ARRIVAL + Duration::from_secs(7)))), 7);
        assert_eq!(released(Some(Release::At(Timestamp::default()))), 0);
    }

    #[test]
    fn the_time_a_message_spends_here_is_taken_from_what_is_left() {
        let later = ARRIVAL + Duration::from_millis(40_900);
        let left = |seconds, mode| {
            by(seconds, mode).onward(ARRIVAL, later).deliver_by.map(|by| by.seconds)
        };
        assert_eq!(left(60, ByMode::Return), Some(20));
        assert_eq!(left(-5, ByMode::Notify), Some(-45));
        assert_eq!(Requests::default().onward(ARRIVAL, later), Requests::default());
    }

    #[test]
    fn a_deadline_belongs_to_its_mode_and_one_that_had_passed_was_told_of() {
        let minute = ARRIVAL + Duration::from_secs(60);
        assert_eq!(by(60, ByMode::Return).returned_at(ARRIVAL), Some(minute));
        assert_eq!(by(60, ByMode::Return).noticed_at(ARRIVAL), None);
        assert_eq!(by(60, ByMode::Notify).noticed_at(ARRIVAL), Some(minute));
        assert_eq!(by(-60, ByMode::Notify).noticed_at(ARRIVAL), None);
        assert_eq!(by(-60, ByMode::Return).returned_at(ARRIVAL), Some(ARRIVAL));
    }
}
