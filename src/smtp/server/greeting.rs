//! The greeting, and those who talk before it (RFC 5321 section 3.1).
//!
//! A client has to wait for the 220. One that does not has not read what this
//! server is, and never will: it fires off a list. Nothing it says is looked
//! at.

use std::time::Instant;

use bytes::BytesMut;

use super::{
    complaint::Complaint,
    session::{Expected, Phase, Running, Session, Step, Wait},
    settings::Dialect,
};
use crate::mail::SessionEnd;

impl Session {
    /// Holds the greeting back for its time. Where the operator gives it none,
    /// nobody is looked at: there are clients that talk first and mean well.
    pub(super) fn await_greeting(&mut self, input: &mut BytesMut, now: Instant) -> Option<Step> {
        let held_back = !self.settings.timeouts.greeting.is_zero();
        if held_back && !input.is_empty() {
            input.clear();
            self.give_up(&Complaint::EarlyTalker, SessionEnd::Refused);
            return None;
        }
        if self.running == Running::Stopping {
            self.give_up(&Complaint::Stopping, SessionEnd::Stopping);
            return None;
        }
        let until = *self.waiting_since.get_or_insert(now) + self.settings.timeouts.greeting;
        if now < until {
            self.phase = Phase::Connected;
            return Some(Step::Read(Wait { until, expected: Expected::Command, held: 0 }));
        }
        self.greet();
        None
    }

    pub(super) fn greet(&mut self) {
        let protocol = match self.settings.dialect {
            Dialect::Smtp => "ESMTP",
            Dialect::Lmtp => "LMTP",
        };
        let greeting = format!("220 {} {protocol} Postern", self.settings.node);
        self.reply(&greeting);
        self.resume(Phase::Anonymous);
    }
}
