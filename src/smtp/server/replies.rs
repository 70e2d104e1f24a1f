//! Replies on their way to the client, and what a session counts to know when
//! it has said enough.

use super::{
    complaint::{Complaint, Refused},
    session::{Phase, Session},
};
use crate::mail::{QueueId, SessionEnd};

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    /// Lines of any kind.
    pub(super) commands: usize,
    /// MAIL, taken or not.
    pub(super) messages: usize,
    pub(super) bad_commands: usize,
    pub(super) idle_commands: usize,
    pub(super) authentication_failures: usize,
}

impl Session {
    pub(super) fn reply(&mut self, line: &str) {
        self.output.extend_from_slice(line.as_bytes());
        self.output.extend_from_slice(b"\r\n");
    }

    pub(super) fn reply_queued(&mut self, id: QueueId) {
        self.reply(&format!("250 2.0.0 queued as {id}"));
    }

    /// To a command that brings no message nearer: a client may send many of
    /// them, but not for ever.
    pub(super) fn idle_reply(&mut self, line: &str) {
        self.tally.idle_commands += 1;
        if self.tally.idle_commands > self.settings.limits.idle_commands {
            return self.too_many(&Complaint::TooManyIdleCommands);
        }
        self.reply(line);
    }

    pub(super) fn refuse(&mut self, refused: Refused) {
        refused.reply.write_to(&mut self.output);
        self.refused.push_back(refused);
    }

    /// Refuses a command that should not have come, or not like this.
    pub(super) fn complain(&mut self, complaint: &Complaint) {
        self.tally.bad_commands += 1;
        if self.tally.bad_commands > self.settings.limits.bad_commands {
            return self.too_many(&Complaint::TooManyBadCommands);
        }
        self.refuse(complaint.refused());
    }

    pub(super) fn count_authentication_failure(&mut self) {
        self.tally.authentication_failures += 1;
        if self.tally.authentication_failures >= self.settings.limits.authentication_failures {
            self.too_many(&Complaint::TooManyAuthenticationFailures);
        }
    }

    /// A limit of the session's has been reached.
    pub(super) fn too_many(&mut self, complaint: &Complaint) {
        self.give_up(complaint, SessionEnd::Refused);
    }

    /// The last reply of this session.
    pub(super) fn give_up(&mut self, complaint: &Complaint, end: SessionEnd) {
        self.refuse(complaint.refused());
        self.phase = Phase::Over(end);
    }
}
