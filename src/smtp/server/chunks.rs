//! Content coming in with BDAT (RFC 3030 section 2), chunk after chunk.
//!
//! Whatever is wrong with a BDAT command, its octets are read first and
//! dropped, or they would be taken for commands. A message of which a chunk
//! has been refused is over: chunks that were sent along behind it find no
//! transaction.

use std::time::Instant;

use bytes::{Buf, BytesMut};

use super::{
    command::{Chunk, Last},
    complaint::{Complaint, Refused},
    session::{Phase, Session, Step},
    transaction::{Bringing, Transaction},
};
use crate::{
    mail::SessionEnd,
    smtp::{ChunkProgress, ChunkReader, Flaw},
};

/// A message that comes in chunks.
#[derive(Debug)]
pub(super) struct Chunks {
    pub(super) transaction: Box<Transaction>,
    reader: ChunkReader,
    /// The one that is coming in, or has come last.
    chunk: Chunk,
}

/// A chunk that is read only to be dropped.
#[derive(Debug)]
pub(super) struct Dropping {
    left: u64,
    started: Option<Instant>,
    reply: AfterDropping,
    then: Phase,
}

#[derive(Debug)]
enum AfterDropping {
    /// It should not have come.
    Complaint(Complaint),
    Refused(Refused),
    /// And nobody in the envelope gets it.
    RefusedForEach(Refused, Box<Transaction>),
}

impl Chunks {
    /// Octets of content outside the input.
    pub(super) fn held(&self) -> usize {
        self.reader.held()
    }
}

impl Session {
    pub(super) fn chunk(&mut self, chunk: Chunk) -> Option<Step> {
        match std::mem::take(&mut self.phase) {
            Phase::Envelope(transaction) if !transaction.envelope.recipients.is_empty() => {
                let mut reader = ChunkReader::new(self.settings.limits.of_content());
                match reader.begin(chunk.size) {
                    Ok(()) => return Some(Step::Content(transaction, Bringing::Chunk(chunk))),
                    Err(flaw) => self.drop_flawed(transaction, chunk, chunk.size, flaw),
                }
            }
            Phase::Chunked(mut chunks) => match chunks.reader.begin(chunk.size) {
                Ok(()) => {
                    chunks.chunk = chunk;
                    self.phase = Phase::Chunk(chunks);
                }
                Err(flaw) => self.drop_flawed(chunks.transaction, chunk, chunk.size, flaw),
            },
            phase => {
                let complaint = match self.tls_is_missing() {
                    true => Complaint::TlsFirst,
                    false => self.why_out_of_order(&phase),
                };
                self.drop_octets(chunk.size, AfterDropping::Complaint(complaint), phase);
            }
        }
        None
    }

    /// There is room for it.
    pub(super) fn take_chunks(&mut self, transaction: Box<Transaction>, chunk: Chunk) {
        let mut reader = ChunkReader::new(self.settings.limits.of_content());
        match reader.begin(chunk.size) {
            Ok(()) => self.resume(Phase::Chunk(Box::new(Chunks { transaction, reader, chunk }))),
            Err(flaw) => self.drop_flawed(transaction, chunk, chunk.size, flaw),
        }
    }

    /// There is none.
    pub(super) fn refuse_chunks(
        &mut self,
        transaction: Box<Transaction>,
        chunk: Chunk,
        refused: Refused,
    ) {
        self.drop_chunk(transaction, chunk, chunk.size, refused);
    }

    pub(super) fn refuse_chunk(&mut self, chunks: Chunks, input: &mut BytesMut, refused: Refused) {
        let Chunks { transaction, reader, chunk } = chunks;
        self.drop_chunk(transaction, chunk, reader.abandon(input), refused);
    }

    pub(super) fn chunk_octets(
        &mut self,
        mut chunks: Box<Chunks>,
        input: &mut BytesMut,
        now: Instant,
    ) -> Option<Step> {
        let before = chunks.reader.left();
        match chunks.reader.receive(input) {
            Ok(ChunkProgress::Incomplete) => {
                if chunks.reader.left() != before {
                    self.waiting_since = None;
                }
                let held = chunks.reader.held();
                let wait = self.content_wait(&mut chunks.transaction.started, held, now)?;
                self.phase = Phase::Chunk(chunks);
                Some(Step::Read(wait))
            }
            Ok(ChunkProgress::Complete) => self.chunk_complete(chunks),
            Err(Flaw::Stray(stray)) => {
                self.give_up(&Complaint::StrayInContent(stray), SessionEnd::Refused);
                None
            }
            Err(flaw) => {
                let Chunks { transaction, reader, chunk } = *chunks;
                self.drop_flawed(transaction, chunk, reader.abandon(input), flaw);
                None
            }
        }
    }

    fn chunk_complete(&mut self, chunks: Box<Chunks>) -> Option<Step> {
        if chunks.chunk.last == Last::No {
            self.reply(&format!("250 2.0.0 {} octets received", chunks.chunk.size));
            self.resume(Phase::Chunked(chunks));
            return None;
        }
        let Chunks { transaction, reader, chunk } = *chunks;
        match reader.finish() {
            Ok(content) => {
                self.tally.idle_commands = 0;
                Some(Step::Message(transaction, content))
            }
            Err(Flaw::Stray(stray)) => {
                self.give_up(&Complaint::StrayInContent(stray), SessionEnd::Refused);
                None
            }
            Err(flaw) => {
                self.drop_flawed(transaction, chunk, 0, flaw);
                None
            }
        }
    }

    fn drop_flawed(&mut self, transaction: Box<Transaction>, chunk: Chunk, left: u64, flaw: Flaw) {
        let refused = match flaw {
            Flaw::LineTooLong => self.content_line_too_long(),
            Flaw::TooLarge => Complaint::TooLarge.refused(),
            Flaw::Stray(stray) => Complaint::StrayInContent(stray).refused(),
        };
        self.drop_chunk(transaction, chunk, left, refused);
    }

    /// The last chunk answers for the message, and over LMTP to each of its
    /// recipients.
    fn drop_chunk(
        &mut self,
        transaction: Box<Transaction>,
        chunk: Chunk,
        left: u64,
        refused: Refused,
    ) {
        let then = Phase::Idle(transaction.origin.clone());
        let reply = match chunk.last {
            Last::No => AfterDropping::Refused(refused),
            Last::Yes => AfterDropping::RefusedForEach(refused, transaction),
        };
        self.drop_octets(left, reply, then);
    }

    fn drop_octets(&mut self, left: u64, reply: AfterDropping, then: Phase) {
        self.resume(Phase::Dropping(Box::new(Dropping { left, started: None, reply, then })));
    }

    pub(super) fn dropped_octets(
        &mut self,
        mut dropping: Box<Dropping>,
        input: &mut BytesMut,
        now: Instant,
    ) -> Option<Step> {
        let come = usize::try_from(dropping.left).unwrap_or(usize::MAX).min(input.len());
        input.advance(come);
        dropping.left -= come as u64;
        if dropping.left > 0 {
            if come > 0 {
                self.waiting_since = None;
            }
            // The time of a message that stays open passes meanwhile.
            let Dropping { started, then, .. } = &mut *dropping;
            let started = then.transaction().map_or(started, |open| &mut open.started);
            let wait = self.content_wait(started, 0, now)?;
            self.phase = Phase::Dropping(dropping);
            return Some(Step::Read(wait));
        }
        let Dropping { reply, then, .. } = *dropping;
        self.resume(then);
        match reply {
            AfterDropping::Complaint(complaint) => self.complain(&complaint),
            AfterDropping::Refused(refused) => self.refuse(refused),
            AfterDropping::RefusedForEach(refused, transaction) => {
                self.refuse_message(&transaction, &refused);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{
        mail::Direction,
        smtp::server::{Action, Peer, Relaying, Settings},
    };

    /// What the session says it holds while it waits for more of this.
    fn held_after(client: &str) -> usize {
        let settings =
            Settings::new("mx1.test.example".parse().unwrap(), "test", Direction::Outbound);
        let address = std::net::IpAddr::from([192, 0, 2, 1]);
        let peer = Peer { relaying: Relaying::Permitted, ..Peer::at(address) };
        let mut session = Session::new(Arc::new(settings), peer);
        let (mut input, now) = (BytesMut::new(), Instant::now());
        // Nothing before the greeting.
        assert!(matches!(session.next(&mut input, now), Action::Read(_)));
        input.extend_from_slice(client.as_bytes());
        loop {
            match session.next(&mut input, now) {
                Action::Read(wait) => return wait.held,
                Action::Mail(question) => question.answer(Ok(())),
                Action::Recipient(question) => question.answer(Ok(())),
                Action::Content(question) => question.proceed(),
                _ => panic!("{}", String::from_utf8_lossy(&session.take_output())),
            }
        }
    }

    #[test]
    fn what_earlier_chunks_brought_is_held_while_the_next_is_waited_for() {
        let envelope = "EHLO x\r\nMAIL FROM:<a@x.example>\r\nRCPT TO:<b@y.example>\r\n";
        for (chunks, held) in [("", 0), ("BDAT 3\r\none", 3), ("BDAT 3\r\noneBDAT 5\r\nseven", 8)] {
            assert_eq!(held_after(&format!("{envelope}{chunks}")), held, "{chunks:?}");
        }
    }
}
