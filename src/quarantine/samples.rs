//! Held messages for the tests of this room, and of those that show it.

use crate::mail::{
    Direction, Hold, Level, Protection, QueueId, QueuedMessage, QueuedRecipient, ReversePath,
    Timestamp,
};

pub(crate) const NOON: Timestamp = Timestamp::from_unix_milliseconds(1_795_348_800_000);

/// For `a@x.example` and `b@y.example`; a later number came a second later.
pub(crate) fn held(number: u64, level: Level) -> QueuedMessage {
    let received_at = NOON + std::time::Duration::from_secs(number);
    let recipient = |to: &str| {
        let to: crate::mail::Address = to.parse().unwrap();
        QueuedRecipient::new(to, Protection::default(), received_at)
    };
    QueuedMessage {
        id: QueueId::at(received_at.unix_milliseconds(), 0),
        received_at,
        direction: Direction::Outbound,
        reverse_path: ReversePath::Mailbox("dr@nhs.test.example".parse().unwrap()),
        body: Default::default(),
        encoding: Default::default(),
        requests: Default::default(),
        level,
        policy: "p".to_owned(),
        size: 10,
        redirect: None,
        hold: Some(Hold {
            rule: "patient data only goes where it is cleared to go".to_owned(),
            reason: "why".to_owned(),
            findings: Vec::new(),
            tell: Vec::new(),
            case: Default::default(),
        }),
        custody: Default::default(),
        recourse: Default::default(),
        delay_notice: Default::default(),
        recipients: ["a@x.example", "b@y.example"].map(recipient).to_vec(),
    }
}
