//! Diversion: what waits of a message goes another way than its route, by
//! policy's fallback or by a person's word. Pure.
//!
//! The requirement goes with it unlowered (law 2); only the names, anchors and
//! keys by which it was to be proved stay behind, with the domain they are of.

use super::news::UnmetNews;
use crate::mail::{
    Address, NextHop, QueueId, QueuedMessage, QueuedRecipient, RecipientState, Recourse, Timestamp,
};

/// What goes another way.
#[derive(Debug, PartialEq)]
pub(super) struct Diverted {
    pub(super) to: NextHop,
    pub(super) recipients: usize,
    /// The part that was taken out, where others of the message wait for
    /// something else.
    pub(super) part: Option<QueuedMessage>,
}

/// Sends those of whom people now hear that they wait for TLS where policy
/// says, if it does.
pub(super) fn fall_back(
    message: &mut QueuedMessage,
    news: &UnmetNews,
    id: impl FnOnce() -> QueueId,
    now: Timestamp,
) -> Option<Diverted> {
    let to = news.fallback.clone()?;
    let waits: Vec<&Address> = news.officers.iter().map(|told| &told.recipient).collect();
    let chosen = |queued: &QueuedRecipient| is_pending(queued) && waits.contains(&&queued.address);
    let recipients = message.recipients.iter().filter(|queued| chosen(queued)).count();
    if message.pending().count() == recipients {
        divert(message, &to, now);
        return Some(Diverted { to, recipients, part: None });
    }
    let mut part = message.part(id());
    for queued in std::mem::take(&mut message.recipients) {
        let side = if chosen(&queued) { &mut part.recipients } else { &mut message.recipients };
        side.push(queued);
    }
    divert(&mut part, &to, now);
    Some(Diverted { to, recipients, part: Some(part) })
}

/// Sends all that waits of a message to another next hop, now.
pub(super) fn divert(message: &mut QueuedMessage, to: &NextHop, now: Timestamp) {
    message.redirect = Some(to.clone());
    let urgency = message.recourse.urgency;
    // What a person has allowed was for the way it leaves.
    message.recourse = Recourse { urgency, ..Recourse::default() };
    for queued in message.recipients.iter_mut().filter(|queued| is_pending(queued)) {
        queued.protection = queued.protection.clone().towards(to);
        queued.unmet = None;
        queued.state = RecipientState::Pending { attempts: 0, next_attempt_at: now, last: None };
    }
}

fn is_pending(queued: &QueuedRecipient) -> bool {
    matches!(queued.state, RecipientState::Pending { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gateway::news::Reported,
        mail::{Exemption, MxName, Protection, Reply, TlsNotice, TlsRequirement, Unmet, Urgency},
    };

    const NOW: Timestamp = Timestamp::from_unix_milliseconds(2_000_000);

    fn message(recipients: &[&str]) -> QueuedMessage {
        let protection = Protection {
            tls: TlsRequirement::Verified,
            mx_names: vec!["*.x.example".parse().unwrap()],
            ..Protection::default()
        };
        let exemption = Exemption {
            tls: TlsRequirement::Encrypted,
            by: "root".to_owned(),
            reason: "agreed".to_owned(),
            until: NOW,
        };
        let recourse = Recourse {
            urgency: Urgency::Urgent,
            fallback: Some(portal()),
            exemption: Some(exemption),
        };
        QueuedMessage {
            id: QueueId::from_bits(1),
            received_at: Timestamp::default(),
            direction: crate::mail::Direction::Outbound,
            reverse_path: crate::mail::ReversePath::Null,
            body: Default::default(),
            encoding: Default::default(),
            requests: Default::default(),
            level: Default::default(),
            policy: String::new(),
            size: 0,
            redirect: None,
            hold: None,
            custody: Default::default(),
            recourse,
            delay_notice: Default::default(),
            recipients: recipients
                .iter()
                .map(|to| {
                    let to: Address = to.parse().unwrap();
                    QueuedRecipient::new(to, protection.clone(), Timestamp::default())
                })
                .collect(),
        }
    }

    fn portal() -> NextHop {
        "smtp://portal.example:25".parse().unwrap()
    }

    fn waits(message: &mut QueuedMessage, index: usize) -> Reported {
        let reply = Reply::plain(451, "no TLS");
        let unmet = Unmet {
            since: Timestamp::default(),
            told: TlsNotice::Sent,
            reply: reply.clone(),
            host: None,
            fault: None,
        };
        message.recipients[index].unmet = Some(Box::new(unmet));
        Reported {
            recipient: message.recipients[index].address.clone(),
            original: None,
            reason: None,
            reply,
            host: None,
            tls: TlsRequirement::Verified,
            fault: None,
        }
    }

    fn news(officers: Vec<Reported>) -> UnmetNews {
        UnmetNews { officers, sender: Vec::new(), fallback: Some(portal()) }
    }

    #[test]
    fn what_goes_another_way_keeps_its_requirement_and_no_leave_and_no_name_of_the_old() {
        let mut message = message(&["a@x.example"]);
        let told = waits(&mut message, 0);
        let diverted =
            fall_back(&mut message, &news(vec![told]), || QueueId::from_bits(9), NOW).unwrap();
        assert_eq!((diverted.recipients, diverted.part), (1, None));
        assert_eq!(message.redirect, Some(portal()));
        let only_urgent = Recourse { urgency: Urgency::Urgent, ..Recourse::default() };
        assert_eq!(message.recourse, only_urgent);
        let [queued] = message.recipients.as_slice() else { panic!("{message:?}") };
        assert_eq!(queued.protection.tls, TlsRequirement::Verified);
        assert_eq!(queued.protection.mx_names, ["portal.example".parse::<MxName>().unwrap()]);
        assert_eq!(queued.unmet, None);
        let due = RecipientState::Pending { attempts: 0, next_attempt_at: NOW, last: None };
        assert_eq!(queued.state, due);
    }

    #[test]
    fn who_waits_for_something_else_stays_behind() {
        let mut message = message(&["a@x.example", "b@y.example", "c@y.example"]);
        let reply = Reply::plain(250, "ok");
        message.recipients[2].state = RecipientState::Delivered { at: NOW, reply };
        let told = waits(&mut message, 0);
        let id = QueueId::from_bits(2);
        let diverted = fall_back(&mut message, &news(vec![told]), || id, NOW).unwrap();
        let part = diverted.part.unwrap();
        let names = |message: &QueuedMessage| {
            message.recipients.iter().map(|one| one.address.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(names(&message), ["b@y.example", "c@y.example"]);
        assert_eq!((part.id, names(&part)), (id, vec!["a@x.example".to_owned()]));
        assert_eq!((message.redirect, part.redirect), (None, Some(portal())));
        assert!(message.recourse.fallback.is_some(), "b may have to go that way later");
    }

    #[test]
    fn without_a_fallback_it_waits() {
        let mut message = message(&["a@x.example"]);
        let told = waits(&mut message, 0);
        let nowhere = UnmetNews { fallback: None, ..news(vec![told]) };
        let before = message.clone();
        assert_eq!(fall_back(&mut message, &nowhere, || QueueId::from_bits(9), NOW), None);
        assert_eq!(message, before);
    }
}
