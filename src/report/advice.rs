//! What a report says to people: what happened, and what they can do.

use super::{
    dsn::{Action, ReportedRecipient},
    writing::printable,
};
use crate::mail::{EnhancedStatusCode, FailureReason, Severity};

impl ReportedRecipient<'_> {
    /// What happened to one recipient's copy, and what its sender can do.
    pub(super) fn words(&self, action: Action) -> Vec<String> {
        match (action, self.reason) {
            (Action::Delivered, _) => vec!["It is in the mailbox.".to_owned()],
            (Action::Waiting(_) | Action::Diverted(_), _) => {
                self.plainly().map(str::to_owned).into()
            }
            (Action::Relayed, _) => {
                vec![format!("{} took it: {}", self.there(), printable(&self.reply.to_string()))]
            }
            (_, Some(reason)) => {
                vec![self.why(reason), String::new(), self.advice(action, reason).to_owned()]
            }
            (_, None) => vec![format!("It waits: {}", printable(&self.reply.text))],
        }
    }

    /// What happened, in a sentence.
    fn why(&self, reason: FailureReason) -> String {
        let host = self.there();
        let said = printable(&self.reply.to_string());
        match (reason, self.reply.severity()) {
            (FailureReason::Peer, Severity::Permanent) => format!("{host} refused it: {said}"),
            (FailureReason::Peer, _) => format!("{host} would not take it yet: {said}"),
            (FailureReason::Tls, _) => {
                format!(
                    "A connection to {host} as secure as this message needs could not be made, so \
                     nothing was sent: {said}"
                )
            }
            (FailureReason::Authentication, _) => {
                format!("This gateway could not show {host} who it is: {said}")
            }
            (FailureReason::Dns, _) => format!("The way to {host} could not be found: {said}"),
            (FailureReason::Connect | FailureReason::Connection, _) => {
                format!("{host} could not be reached: {said}")
            }
            (FailureReason::Extension, _) => {
                format!("{host} cannot carry this kind of message: {said}")
            }
            (FailureReason::NoRoute, _) => format!("This gateway knows no way there: {said}"),
            (FailureReason::Policy, _) => format!("It may not be sent there: {said}"),
            (FailureReason::Store, _) => format!("It could not be stored: {said}"),
            (FailureReason::Damaged, _) => {
                format!("A fault of this gateway's disk has destroyed it while it waited: {said}")
            }
            (FailureReason::Expired, _) => {
                format!("It was tried for as long as is allowed. The last answer was: {said}")
            }
        }
    }

    fn there(&self) -> String {
        let unnamed = || format!("the mail system of {}", self.address.domain());
        self.host.map_or_else(unnamed, printable)
    }

    /// What its sender can do.
    fn advice(&self, action: Action, reason: FailureReason) -> &'static str {
        let EnhancedStatusCode(_, subject, detail) = self.reply.status();
        match (action, reason, subject, detail) {
            (_, FailureReason::Tls, ..) => {
                "It was not sent unprotected, and will not be. If the matter is urgent, reach the \
                 recipient another way, and tell your service desk the reference below."
            }
            (_, FailureReason::Authentication, ..) => {
                "It is not your mistake, and the service desk must mend it: tell them the reference \
                 below. If the matter is urgent, reach the recipient another way."
            }
            (_, FailureReason::Damaged, ..) => {
                "Send the message again now. The mistake is this gateway's and not yours."
            }
            (Action::Delayed(_), ..) => {
                "You need do nothing. If the matter is urgent, reach the recipient another way."
            }
            (_, FailureReason::Peer | FailureReason::Dns, 1, _) => {
                "Check the address for mistakes, letter by letter. If it was wrong, send the \
                 message again to the right one."
            }
            (_, _, 2, 2) => {
                "The recipient's mailbox is full. Tell them another way, and send the message \
                 again when they have made room."
            }
            (_, _, 2 | 3, 3 | 4) => {
                "The message is too large for the recipient. Send less at a time, or share the \
                 files another approved way."
            }
            (_, FailureReason::Extension | FailureReason::Expired, 4, 7) => {
                "It could not be delivered in the time allowed. If it still matters, send it again \
                 or reach the recipient another way."
            }
            (_, FailureReason::Extension, 7, _) => {
                "You asked that every mail system on its way protect it, and the recipient's does \
                 not promise to. Ask your service desk how it may be sent, or reach the recipient \
                 another way."
            }
            (_, _, 7, _) => {
                "The recipient's organisation does not accept this message. Ask the recipient, by \
                 telephone for example, what their organisation allows."
            }
            (_, FailureReason::Extension, 6, _) => {
                "Send it again as plain text in the English alphabet, or ask your service desk."
            }
            _ => {
                "Send the message again later. If it fails again, tell your service desk the \
                 reference below."
            }
        }
    }
}
