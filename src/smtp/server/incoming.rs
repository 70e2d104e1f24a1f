//! Content coming in after DATA (RFC 5321 section 4.1.1.4): until when it is
//! waited for, and what is done about it once its end has come.

use std::time::Instant;

use bytes::BytesMut;

use super::{
    complaint::{Complaint, Refused},
    session::{Expected, Phase, Session, Step, Wait},
    transaction::Transaction,
};
use crate::{
    mail::SessionEnd,
    smtp::{ContentReader, Progress},
};

#[derive(Debug)]
pub(super) struct Incoming {
    transaction: Box<Transaction>,
    reader: ContentReader,
    started: Option<Instant>,
    /// Why it is read only to be dropped, where that is not its size.
    refused: Option<Refused>,
}

impl Phase {
    pub(super) fn content(transaction: Box<Transaction>, limit: usize) -> Self {
        let reader = ContentReader::new(limit);
        Self::Content(Box::new(Incoming { transaction, reader, started: None, refused: None }))
    }
}

impl Session {
    /// There is no memory for the rest of the content that is coming in: it
    /// is read to its end and refused.
    pub fn refuse_content(&mut self, input: &mut BytesMut, refused: Refused) {
        if let Phase::Content(incoming) = &mut self.phase {
            incoming.reader.discard(input);
            incoming.refused.get_or_insert(refused);
        }
    }

    pub(super) fn content(
        &mut self,
        mut incoming: Box<Incoming>,
        input: &mut BytesMut,
        now: Instant,
    ) -> Option<Step> {
        let before = input.len();
        let size_before = incoming.reader.size();
        match incoming.reader.receive(input) {
            Progress::Incomplete => {
                if incoming.reader.size() != size_before || input.len() != before {
                    self.waiting_since = None;
                }
                let wait = self.content_wait(&mut incoming, now);
                if now >= wait.until {
                    self.give_up(&Complaint::ContentTimeout, SessionEnd::Timeout);
                    return None;
                }
                self.phase = Phase::Content(incoming);
                Some(Step::Read(wait))
            }
            Progress::Complete(content) => {
                self.tally.idle_commands = 0;
                Some(Step::Message(incoming.transaction, content))
            }
            Progress::Discarded => {
                self.refuse(incoming.refused.unwrap_or_else(|| Complaint::TooLarge.refused()));
                self.resume(Phase::Idle(incoming.transaction.origin));
                None
            }
            Progress::Stray(stray) => {
                self.give_up(&Complaint::StrayInContent(stray), SessionEnd::Refused);
                None
            }
        }
    }

    fn content_wait(&mut self, incoming: &mut Incoming, now: Instant) -> Wait {
        let timeouts = &self.settings.timeouts;
        let block_ends = *self.waiting_since.get_or_insert(now) + timeouts.content_block;
        let message_ends = *incoming.started.get_or_insert(now) + timeouts.message;
        Wait { until: block_ends.min(message_ends), expected: Expected::Content }
    }
}
