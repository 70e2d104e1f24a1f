//! What has become of each recipient's copy: by the queue where the message
//! is still in it, by the trail where it is gone.

use serde::Serialize;

use super::line::{Line, Told};
use crate::mail::{Address, QueueId, QueuedMessage, RecipientState};

/// One recipient's copy now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fate {
    pub recipient: Address,
    pub fate: FateKind,
    /// RFC 3339: since when, or when next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
    /// The reply that decided it, or who did and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FateKind {
    Delivered,
    /// Given up, and told to the sender if it wished to hear.
    GivenUp,
    /// Refused or given up by a person.
    TakenOut,
    Waiting,
    Held,
    /// Never taken: its sender's server has it.
    Refused,
    /// Not in the queue, and the trail does not say.
    Unknown,
}

impl FateKind {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::GivenUp => "given up",
            Self::TakenOut => "taken out of the queue",
            Self::Waiting => "waiting",
            Self::Held => "held",
            Self::Refused => "not taken",
            Self::Unknown => "unknown",
        }
    }
}

/// Of every recipient of the message, in their order.
pub fn fates(id: QueueId, lines: &[Line], queued: Option<&QueuedMessage>) -> Vec<Fate> {
    if let Some(message) = queued {
        let held = message.hold.as_ref().map(|hold| hold.rule.as_str());
        let recipients = message.recipients.iter();
        return recipients.map(|one| in_queue(&one.address, &one.state, held)).collect();
    }
    recipients(id, lines).into_iter().map(|recipient| in_trail(id, lines, recipient)).collect()
}

/// Whom the message was for.
pub(super) fn recipients(id: QueueId, lines: &[Line]) -> Vec<Address> {
    let copy = lines.iter().find_map(|line| match &line.told {
        Told::Accepted(acceptance) => acceptance.copies.iter().find(|copy| copy.id == id),
        _ => None,
    });
    if let Some(copy) = copy {
        return copy.recipients.clone();
    }
    let mut recipients = Vec::new();
    for line in lines.iter().filter(|line| line.told.id() == Some(id)) {
        let named: Vec<&Address> = match &line.told {
            Told::Attempt(attempt) => attempt.recipients.iter().map(|one| &one.recipient).collect(),
            Told::Decision(told) => told.recipients.iter().map(|one| &one.recipient).collect(),
            Told::Notice { to, .. } => vec![to],
            _ => Vec::new(),
        };
        for address in named {
            if !recipients.contains(address) {
                recipients.push(address.clone());
            }
        }
    }
    recipients
}

fn in_queue(recipient: &Address, state: &RecipientState, held: Option<&str>) -> Fate {
    let (fate, at, by) = match (state, held) {
        (RecipientState::Pending { .. }, Some(rule)) => {
            (FateKind::Held, None, Some(format!("rule: {rule}")))
        }
        (RecipientState::Pending { next_attempt_at, last, .. }, None) => {
            (FateKind::Waiting, Some(next_attempt_at.rfc3339()), last.clone())
        }
        (RecipientState::Delivered { at, reply }, _) => {
            (FateKind::Delivered, Some(at.rfc3339()), Some(reply.to_string()))
        }
        (RecipientState::Failed { at, reply }, _) => {
            (FateKind::GivenUp, Some(at.rfc3339()), Some(reply.to_string()))
        }
    };
    Fate { recipient: recipient.clone(), fate, at, by }
}

fn in_trail(id: QueueId, lines: &[Line], recipient: Address) -> Fate {
    let mut fate = Fate { fate: FateKind::Unknown, at: None, by: None, recipient };
    let taken = lines.iter().any(|line| matches!(line.told, Told::Accepted(_)));
    for line in lines {
        let became = match &line.told {
            Told::Decision(told) if told.id == id && !taken => {
                (FateKind::Refused, Some("refused or deferred by policy".to_owned()))
            }
            Told::Attempt(attempt) if attempt.id == id => {
                match attempt.outcome_for(&fate.recipient) {
                    Some(tried) if tried.is_delivered() => {
                        (FateKind::Delivered, Some(tried.reply.clone()))
                    }
                    Some(tried) if tried.outcome == "permanent" => {
                        (FateKind::GivenUp, Some(tried.reply.clone()))
                    }
                    _ => continue,
                }
            }
            Told::Settled(settled) if settled.id == id => {
                let of = |one: &&super::line::SettledRecipient| one.recipient == fate.recipient;
                match settled.recipients.iter().find(of) {
                    Some(one) if one.state == "given_up" => (FateKind::GivenUp, one.reply.clone()),
                    _ => continue,
                }
            }
            Told::Handled { id: of, action, by, reason }
                if *of == id && matches!(action.as_str(), "reject" | "bounce") =>
            {
                let settled = [FateKind::Delivered, FateKind::GivenUp].contains(&fate.fate);
                if settled {
                    continue;
                }
                let reason = reason.as_deref().unwrap_or("no reason given");
                (FateKind::TakenOut, Some(format!("{action} by {by}: {reason}")))
            }
            _ => continue,
        };
        let (kind, by) = became;
        fate = Fate { fate: kind, at: Some(line.at.clone()), by, ..fate };
    }
    fate
}
