//! Batches: what shall become durable together.
//!
//! The types keep law 1: only an [`Acceptance`] can be committed for a
//! receipt, and only a message with its content makes one of a [`Batch`].
//! Everything is encoded here, on the caller's thread; the writer only writes.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    error::SpoolError,
    format::{self, Kind, MAX_RECORD, RecordHeader},
};
use crate::mail::{QueueId, QueuedMessage};

/// Changes to messages that are in the spool: recorded whole or not at all,
/// also across a crash. Changes to an id that the spool does not hold have no
/// effect.
#[derive(Debug, Default)]
#[must_use = "nothing is durable before it is recorded"]
pub struct Batch(Encoded);

/// A batch that accepts at least one message.
#[derive(Debug)]
#[must_use = "nothing is accepted before it is committed"]
pub struct Acceptance {
    pub(super) encoded: Encoded,
    pub(super) first: QueueId,
}

/// A record but for its header.
#[derive(Debug, Default)]
pub(super) struct Encoded {
    pub(super) entries: Vec<u8>,
    pub(super) contents: Vec<Bytes>,
    pub(super) count: u32,
    pub(super) accepted: Vec<QueueId>,
    /// Of each entry a `Summary` in JSON, or nothing.
    pub(super) summaries: Vec<Vec<u8>>,
    pub(super) purpose: Purpose,
    content_octets: u64,
    fault: Option<SpoolError>,
}

/// Whether a batch may use the reserve that is kept on a full disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Only accepts: the client can keep its message until there is space.
    #[default]
    NewMail,
    /// Records what has become of messages, and the notices that follow.
    Bookkeeping,
}

impl Batch {
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes a message with its content in.
    pub fn accept(self, message: &QueuedMessage, content: Bytes) -> Acceptance {
        Acceptance { encoded: self.0.accept(message, content), first: message.id }
    }

    /// Puts this in the place of what the spool knows beside the content.
    pub fn update(self, message: &QueuedMessage) -> Self {
        Self(self.0.update(message))
    }

    /// Forgets a message and its content.
    pub fn remove(self, id: QueueId) -> Self {
        Self(self.0.remove(id))
    }

    pub(super) fn into_encoded(self) -> Encoded {
        self.0
    }
}

impl Acceptance {
    /// Takes one more in: the receipt bears the first one's id.
    pub fn accept(self, message: &QueuedMessage, content: Bytes) -> Self {
        Self { encoded: self.encoded.accept(message, content), ..self }
    }

    pub fn update(self, message: &QueuedMessage) -> Self {
        Self { encoded: self.encoded.update(message), ..self }
    }

    pub fn remove(self, id: QueueId) -> Self {
        Self { encoded: self.encoded.remove(id), ..self }
    }
}

impl Encoded {
    /// The record's size, or why it cannot be one.
    pub(super) fn check(&self) -> Result<u64, SpoolError> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone());
        }
        let found = self.longest();
        if found > MAX_RECORD {
            return Err(SpoolError::TooLarge { limit: MAX_RECORD, found });
        }
        Ok(found)
    }

    /// Octets of the whole record.
    pub(super) fn length(&self) -> u64 {
        RecordHeader::LENGTH as u64 + self.entries.len() as u64 + self.content_octets
    }

    /// The header for a record that [`Encoded::check`] has let pass.
    pub(super) fn header(&self, commit: u64) -> RecordHeader {
        RecordHeader {
            commit,
            entries: u32::try_from(self.entries.len()).unwrap_or(u32::MAX),
            contents: u32::try_from(self.content_octets).unwrap_or(u32::MAX),
            count: self.count,
        }
    }

    fn accept(mut self, message: &QueuedMessage, content: Bytes) -> Self {
        self.write(Kind::Accept, message, &content);
        self.accepted.push(message.id);
        self.content_octets = self.content_octets.saturating_add(content.len() as u64);
        self.contents.push(content);
        self
    }

    fn update(mut self, message: &QueuedMessage) -> Self {
        self.purpose = Purpose::Bookkeeping;
        self.write(Kind::Update, message, b"");
        self
    }

    pub(super) fn remove(mut self, id: QueueId) -> Self {
        self.purpose = Purpose::Bookkeeping;
        format::write_entry(&mut self.entries, Kind::Remove, id, b"", b"");
        self.summaries.push(Vec::new());
        self.count = self.count.saturating_add(1);
        self
    }

    /// Writes a message that is in the spool once more, as it stands: what
    /// stood elsewhere is dead then.
    pub(super) fn carry(mut self, id: QueueId, meta: &[u8], content: Option<Bytes>) -> Self {
        self.purpose = Purpose::Bookkeeping;
        self.count = self.count.saturating_add(1);
        let message: Option<QueuedMessage> = serde_json::from_slice(meta).ok();
        self.summaries.push(message.as_ref().map(summary).unwrap_or_default());
        match content {
            None => format::write_entry(&mut self.entries, Kind::Update, id, meta, b""),
            Some(content) => {
                format::write_entry(&mut self.entries, Kind::Accept, id, meta, &content);
                self.content_octets = self.content_octets.saturating_add(content.len() as u64);
                self.contents.push(content);
            }
        }
        self
    }

    fn write(&mut self, kind: Kind, message: &QueuedMessage, content: &[u8]) {
        match serde_json::to_vec(message) {
            Ok(meta) => {
                format::write_entry(&mut self.entries, kind, message.id, &meta, content);
                self.summaries.push(summary(message));
                self.count = self.count.saturating_add(1);
            }
            Err(error) => self.fault = Some(SpoolError::Unwritable(Arc::new(error))),
        }
    }
}

/// Without one, the meta is read at the next start.
fn summary(message: &QueuedMessage) -> Vec<u8> {
    serde_json::to_vec(&message.summary()).unwrap_or_default()
}
