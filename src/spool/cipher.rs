//! What keeps a sealed segment from being read and changed: AES-256-GCM (NIST
//! SP 800-38D), under a key of the segment's own.
//!
//! GCM breaks where one nonce serves twice under one key, so here none can by
//! construction. Each segment has its own key, derived from the operator's and
//! 32 random octets in its header. Its nonces are places: that of a box is the
//! offset at which it stands, and boxes do not lie in one another, each having
//! a tag at least. A segment is only ever added to, by one process: what
//! failed to be written is not written there again (`writer`), and a start
//! writes to a new one. What recovery writes to an old one is octets that stand
//! there, or records of nothing, which are not sealed. The checkpoint of a
//! segment is made once, and has a nonce that is no place.
//!
//! A key for each stream, from a salt, and nonces that count within it is what
//! Tink's AES-GCM-HKDF does as well, and age. Nonces that count under one key
//! for all would repeat when a backup is put back (MongoDB has an option for
//! the keys to be changed then); a salt does not. Random nonces under one key
//! limit how much it may seal. A random key for each segment, wrapped under the
//! operator's as LUKS does, would let that one be exchanged without writing the
//! messages again. But whoever has had the old key and the disk has had the
//! segments' keys, and messages are short-lived: rotation writes again what is
//! left of them (`mover`). A mark of the last piece, as STREAM has it, would
//! say nothing: a log ends where it was cut.
//!
//! Not kept from anybody: lengths, queue ids (and so times of arrival), what
//! is an accept, an update and a removal, and which records have been. That is
//! what recovery needs to tell torn from whole, and `spool check` to verify
//! CRCs, without a key. Nor is kept from those who may write to the directory
//! that they remove files, cut them short, put back earlier ones, or add a
//! plain segment: for that there are the directory's permissions. And a machine
//! that is cloned while it runs has its segment written twice under one key:
//! stop the gateway before.

use std::{fmt, io, sync::Arc};

use aws_lc_rs::{
    aead::{Aad, LessSafeKey, NONCE_LEN, Nonce},
    rand,
};

use super::{
    error::SpoolError,
    key::{Key, KeyId, Keys},
};

/// How the octets of a segment stand on the disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Cipher {
    #[default]
    Plain,
    Sealed(Arc<SegmentKey>),
    /// Under a key that nobody has given.
    Locked(KeyId),
}

/// Where a box stands; never two at one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// Octets from the segment's beginning.
    Offset(u64),
    /// In the checkpoint beside the segment.
    Checkpoint,
}

pub(super) struct SegmentKey {
    pub(super) id: KeyId,
    pub(super) salt: Salt,
    key: LessSafeKey,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Salt(pub(super) [u8; 32]);

impl Cipher {
    /// Octets that sealing adds to anything.
    pub(super) const TAG: usize = 16;

    /// For a new segment.
    pub(super) fn new(keys: &Keys) -> Result<Self, SpoolError> {
        let Some(key) = keys.current() else { return Ok(Self::Plain) };
        let mut salt = [0; 32];
        rand::fill(&mut salt).map_err(|_| refused("no random octets are to be had"))?;
        let new = SegmentKey::derive(key, Salt(salt));
        new.map(|key| Self::Sealed(Arc::new(key))).ok_or_else(|| refused("no key could be derived"))
    }

    /// Of a segment whose header names this key and salt.
    pub(super) fn find(keys: &Keys, id: KeyId, salt: Salt) -> Option<Self> {
        match keys.find(id) {
            None => Some(Self::Locked(id)),
            Some(key) => SegmentKey::derive(key, salt).map(|key| Self::Sealed(Arc::new(key))),
        }
    }

    pub(super) fn key_id(&self) -> Option<KeyId> {
        match self {
            Self::Plain => None,
            Self::Sealed(key) => Some(key.id),
            Self::Locked(id) => Some(*id),
        }
    }

    /// What stands there, if nobody has changed it or `bound`.
    pub(super) fn open(&self, at: At, bound: &[u8], octets: Vec<u8>) -> Option<Vec<u8>> {
        match self {
            Self::Plain => Some(octets),
            Self::Sealed(key) => key.open(at, bound, octets),
            Self::Locked(_) => None,
        }
    }
}

impl SegmentKey {
    fn derive(key: &Key, salt: Salt) -> Option<Self> {
        Some(Self { id: key.id, salt, key: key.derive(&salt.0)? })
    }

    /// The box that shall stand there: `octets`, not to be read without the
    /// key, then a tag. It opens nowhere else, and only where `bound` is the
    /// same.
    pub(super) fn seal(&self, at: At, bound: &[u8], octets: &[u8]) -> Result<Vec<u8>, SpoolError> {
        let mut sealed = Vec::with_capacity(octets.len().saturating_add(Cipher::TAG));
        sealed.extend_from_slice(octets);
        let done = self.key.seal_in_place_append_tag(at.nonce(), Aad::from(bound), &mut sealed);
        done.map(|()| sealed).map_err(|_| refused("it is too long"))
    }

    fn open(&self, at: At, bound: &[u8], mut octets: Vec<u8>) -> Option<Vec<u8>> {
        let opened = self.key.open_in_place(at.nonce(), Aad::from(bound), &mut octets);
        let length = opened.ok()?.len();
        octets.truncate(length);
        Some(octets)
    }
}

impl At {
    fn nonce(self) -> Nonce {
        let (offset, of) = match self {
            Self::Offset(offset) => (offset, 0_u32),
            Self::Checkpoint => (0, 1),
        };
        let mut nonce = [0; NONCE_LEN];
        let octets = offset.to_be_bytes().into_iter().chain(of.to_be_bytes());
        nonce.iter_mut().zip(octets).for_each(|(nonce, octet)| *nonce = octet);
        Nonce::assume_unique_for_key(nonce)
    }
}

fn refused(why: &'static str) -> SpoolError {
    SpoolError::io("seal what it writes", io::Error::other(why))
}

impl PartialEq for SegmentKey {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.salt) == (other.id, other.salt)
    }
}

impl Eq for SegmentKey {}

impl fmt::Debug for SegmentKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SegmentKey").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment_key(keys: &Keys) -> Arc<SegmentKey> {
        let Cipher::Sealed(key) = Cipher::new(keys).unwrap() else { panic!("nothing is sealed") };
        key
    }

    #[test]
    fn a_box_opens_where_it_was_sealed_and_nowhere_else() {
        let keys = Keys::of(&[[7; 32]]);
        let key = segment_key(&keys);
        let sealed = key.seal(At::Offset(8224), b"of one", b"the rota").unwrap();
        assert_eq!(sealed.len(), b"the rota".len() + Cipher::TAG);
        let cipher = Cipher::find(&keys, key.id, key.salt).unwrap();
        let open = |at, bound: &[u8]| cipher.open(at, bound, sealed.clone());
        assert_eq!(open(At::Offset(8224), b"of one").unwrap(), b"the rota");
        assert_eq!(open(At::Offset(8225), b"of one"), None);
        assert_eq!(open(At::Checkpoint, b"of one"), None);
        assert_eq!(open(At::Offset(8224), b"of two"), None);
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(cipher.open(At::Offset(8224), b"of one", changed), None, "bit {bit}");
        }
        for length in 0..sealed.len() {
            assert_eq!(cipher.open(At::Offset(8224), b"of one", sealed[..length].to_vec()), None);
        }
    }

    #[test]
    fn each_segment_has_a_key_of_its_own() {
        let keys = Keys::of(&[[7; 32]]);
        let (one, other) = (segment_key(&keys), segment_key(&keys));
        assert_ne!(one.salt, other.salt);
        let sealed = one.seal(At::Offset(0), b"", b"the rota").unwrap();
        assert_ne!(other.seal(At::Offset(0), b"", b"the rota").unwrap(), sealed);
        assert_eq!(other.open(At::Offset(0), b"", sealed), None);
    }

    #[test]
    fn no_two_places_have_one_nonce() {
        let offsets = [0, 1, 255, 256, u64::from(u32::MAX), 1 << 32, u64::MAX];
        let places = offsets.map(At::Offset).into_iter().chain([At::Checkpoint]);
        let nonces: std::collections::BTreeSet<[u8; NONCE_LEN]> =
            places.map(|at| *at.nonce().as_ref()).collect();
        assert_eq!(nonces.len(), offsets.len() + 1);
    }

    #[test]
    fn what_is_sealed_under_a_key_that_nobody_has_given_stays_locked() {
        let key = segment_key(&Keys::of(&[[7; 32]]));
        let sealed = key.seal(At::Offset(0), b"", b"the rota").unwrap();
        let cipher = Cipher::find(&Keys::of(&[[8; 32]]), key.id, key.salt).unwrap();
        assert_eq!(cipher, Cipher::Locked(key.id));
        assert_eq!(cipher.open(At::Offset(0), b"", sealed), None);
    }
}
