//! Content coming in after DATA (RFC 5321 section 4.1.1.4): until when it is
//! waited for, and what is done about it once its end has come.

use std::time::Instant;

use bytes::BytesMut;

use super::{
    complaint::{Complaint, Refused},
    session::{Expected, Phase, Session, Step, Wait},
    settings::{Dialect, Limits},
    transaction::Transaction,
};
use crate::{
    mail::SessionEnd,
    smtp::{ContentLimits, ContentReader, Excess, LineEnds, Progress},
};

#[derive(Debug)]
pub(super) struct Incoming {
    transaction: Box<Transaction>,
    reader: ContentReader,
    /// Why it is read only to be dropped, where that is no limit of its own.
    refused: Option<Refused>,
}

impl Phase {
    pub(super) fn content(
        transaction: Box<Transaction>,
        limits: &Limits,
        line_ends: LineEnds,
    ) -> Self {
        let reader = ContentReader::new(limits.of_content()).with_line_ends(line_ends);
        Self::Content(Box::new(Incoming { transaction, reader, refused: None }))
    }
}

impl Limits {
    pub(super) fn of_content(&self) -> ContentLimits {
        ContentLimits { message: self.message, line: self.content_line }
    }
}

impl Session {
    /// There is no memory for the rest of the content that is coming in: it
    /// is read to its end and refused.
    pub fn refuse_content(&mut self, input: &mut BytesMut, refused: Refused) {
        match std::mem::take(&mut self.phase) {
            Phase::Content(mut incoming) => {
                incoming.reader.discard(input);
                incoming.refused.get_or_insert(refused);
                self.phase = Phase::Content(incoming);
            }
            Phase::Chunk(chunks) => self.refuse_chunk(*chunks, input, refused),
            phase => self.phase = phase,
        }
    }

    pub(super) fn content(
        &mut self,
        mut incoming: Box<Incoming>,
        input: &mut BytesMut,
        now: Instant,
    ) -> Option<Step> {
        let before = (incoming.reader.size(), input.len());
        match incoming.reader.receive(input) {
            Progress::Incomplete => {
                if (incoming.reader.size(), input.len()) != before {
                    self.waiting_since = None;
                }
                let wait = self.content_wait(&mut incoming.transaction.started, 0, now)?;
                self.phase = Phase::Content(incoming);
                Some(Step::Read(wait))
            }
            Progress::Complete(content) => {
                self.normalised += u64::from(incoming.reader.strays() > 0);
                self.tally.idle_commands = 0;
                Some(Step::Message(incoming.transaction, content))
            }
            Progress::Discarded(excess) => {
                let Incoming { transaction, refused, .. } = *incoming;
                let refused = refused.unwrap_or_else(|| match excess {
                    Excess::Line => self.content_line_too_long(),
                    Excess::Size | Excess::None => Complaint::TooLarge.refused(),
                });
                self.refuse_message(&transaction, &refused);
                self.resume(Phase::Idle(transaction.origin));
                None
            }
            Progress::Stray(stray) => {
                self.give_up(&Complaint::StrayInContent(stray), SessionEnd::Refused);
                None
            }
        }
    }

    pub(super) fn content_line_too_long(&self) -> Refused {
        Complaint::ContentLineTooLong(self.settings.limits.content_line).refused()
    }

    /// In place of the reply to the end of content, or of each of them.
    pub(super) fn refuse_message(&mut self, transaction: &Transaction, refused: &Refused) {
        for _ in 0..self.replies_to_content(transaction) {
            self.refuse(refused.clone());
        }
    }

    fn replies_to_content(&self, transaction: &Transaction) -> usize {
        match self.settings.dialect {
            Dialect::Smtp => 1,
            Dialect::Lmtp => transaction.taken.len(),
        }
    }

    /// Until when the next octets of content are waited for: none where it is
    /// over, and the session with it.
    pub(super) fn content_wait(
        &mut self,
        started: &mut Option<Instant>,
        held: usize,
        now: Instant,
    ) -> Option<Wait> {
        let timeouts = &self.settings.timeouts;
        let block_ends = *self.waiting_since.get_or_insert(now) + timeouts.content_block;
        let message_ends = *started.get_or_insert(now) + timeouts.message;
        let until = block_ends.min(message_ends);
        if now < until {
            return Some(Wait { until, expected: Expected::Content, held });
        }
        let complaint = match message_ends <= block_ends {
            true => Complaint::MessageDeadline,
            false => Complaint::ContentTimeout,
        };
        self.give_up(&complaint, SessionEnd::Timeout);
        None
    }
}
