//! Reading a message back: what it says of itself, and its content, each with
//! its own CRC and, where it is sealed, its own tag. Other octets than those
//! that were written are never given.

use std::sync::Arc;

use bytes::Bytes;

use super::{
    cipher::Cipher,
    damage::{Damage, DamageKind},
    disk::read_up_to,
    error::SpoolError,
    format::{self, Content, Place},
    index::Located,
    recover::segment_name,
    sealing,
    store::Shared,
};
use crate::mail::{QueueId, QueuedMessage};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Meta,
    Content,
}

/// The contents of a message. Here alone they are cut apart, so that nothing
/// but the copy can ever leave.
pub(super) struct Kept {
    pub(super) copy: Bytes,
    pub(super) original: Option<Bytes>,
}

impl Kept {
    pub(super) fn of(message: &QueuedMessage, mut octets: Bytes) -> Result<Self, SpoolError> {
        let Some(ends) = message.custody.copy_ends else {
            return Ok(Self { copy: octets, original: None });
        };
        let ends = usize::try_from(ends).ok().filter(|&ends| ends <= octets.len());
        let ends = ends.ok_or(SpoolError::Damaged(message.id))?;
        let original = octets.split_off(ends);
        Ok(Self { copy: octets, original: Some(original) })
    }
}

impl Shared {
    pub(super) fn message(&self, id: QueueId) -> Result<Option<QueuedMessage>, SpoolError> {
        let Some(meta) = self.meta(id)? else { return Ok(None) };
        serde_json::from_slice(&meta).map(Some).map_err(|_| SpoolError::Damaged(id))
    }

    /// What the spool knows of a message beside its content, as written.
    pub(super) fn meta(&self, id: QueueId) -> Result<Option<Vec<u8>>, SpoolError> {
        let Some((entry, located, cipher)) = self.read(id, Part::Meta)? else { return Ok(None) };
        unlocked(&cipher, located.meta)?;
        let meta = format::read_meta(&cipher, located.meta, &entry, id);
        meta.map(Some).ok_or(SpoolError::Damaged(id))
    }

    /// A message's contents as they were written, checked.
    pub(super) fn content(&self, id: QueueId) -> Result<Option<Bytes>, SpoolError> {
        let Some((octets, located, cipher)) = self.read(id, Part::Content)? else {
            return Ok(None);
        };
        let Content { place, crc } = located.content;
        if crc32fast::hash(&octets) != crc {
            return Err(SpoolError::Damaged(id));
        }
        unlocked(&cipher, place)?;
        let octets = sealing::open_content(&cipher, place.offset, id, octets);
        octets.map(|octets| Some(octets.into())).ok_or(SpoolError::Damaged(id))
    }

    /// Reports what reading a message has come to, where that is damage. A
    /// disk that did not answer may answer later: that is none yet.
    pub(super) fn note(&self, error: &SpoolError, id: QueueId, part: Part) {
        let located = self.index().find(id);
        if let (SpoolError::Damaged(_), Some(located)) = (error, located) {
            self.report(part.damage(id, &located));
        }
    }

    /// Damage that is found in what had been believed, once. Its segment stays
    /// as long as the gateway runs, whatever becomes of the message: a person
    /// may still save from it what we cannot.
    pub(super) fn report(&self, damage: Damage) {
        self.index().pin(damage.segment);
        let mut known = self.damage();
        if !known.contains(&damage) {
            tracing::error!(%damage, "damage was found in the spool");
            known.push(damage);
        }
    }

    /// One of a message's places, as it stands on disk, and how it is sealed.
    fn read(
        &self,
        id: QueueId,
        part: Part,
    ) -> Result<Option<(Vec<u8>, Located, Cipher)>, SpoolError> {
        let index = self.index();
        let Some(located) = index.find(id) else { return Ok(None) };
        let place = part.place(&located);
        let (file, cipher) = index.file(place).ok_or(SpoolError::Damaged(id))?;
        // The open file outlives its name: reading needs no lock.
        drop(index);
        let length = place.length as usize;
        let octets = read_up_to(&*file, u64::from(place.offset), length)
            .map_err(|cause| SpoolError::Unread { id, cause: Arc::new(cause) })?;
        if octets.len() != length {
            return Err(SpoolError::Damaged(id));
        }
        Ok(Some((octets, located, cipher)))
    }
}

/// What stands there can be read, its key being known.
fn unlocked(cipher: &Cipher, place: Place) -> Result<(), SpoolError> {
    match cipher {
        Cipher::Locked(key) => {
            Err(SpoolError::UnknownKey { segment: segment_name(place.segment), key: *key })
        }
        Cipher::Plain | Cipher::Sealed(_) => Ok(()),
    }
}

impl Part {
    fn place(self, located: &Located) -> Place {
        match self {
            Self::Meta => located.meta,
            Self::Content => located.content.place,
        }
    }

    /// That this part of a message is not as it was written, or cannot be read.
    pub(super) fn damage(self, id: QueueId, located: &Located) -> Damage {
        let place = self.place(located);
        let kind = match self {
            Self::Meta => DamageKind::Meta(id),
            Self::Content => DamageKind::Content(id),
        };
        Damage {
            segment: place.segment,
            offset: place.offset.into(),
            octets: place.length.into(),
            kind,
        }
    }
}
