//! The format of a segment file: version 1, which is plain, and version 2,
//! which is sealed under a key. Numbers are little-endian.
//!
//! ```text
//! offset 0     segment header, 64 octets
//!              magic 8, version 4, sequence 4, mark 8, first commit 8,
//!              follows 8, last queue id 8, zero 12, CRC 4
//! offset 4096  the same header again: one bad sector must not cost a segment
//! offset 8192  records, one after the other; then zeros, preallocated
//!
//! record       header 32: mark 8, commit 8, octets of entries 4,
//!                         octets of contents 4, number of entries 4, CRC 4
//!              entries    kind 1, zero 3, octets of meta 4, queue id 8,
//!                         octets of content 4, CRC of content 4, CRC 4, meta
//!              contents   in the order of the entries
//! ```
//!
//! In version 2 the segment's header has 108 octets, and boxes take the place
//! of what is to be read by nobody else. A *box* is as long as what is in it,
//! and a tag of 16 octets (`cipher`); all lengths and CRCs are of boxes.
//!
//! ```text
//! segment header, 108 octets
//!              as above up to the last queue id, key id 8, salt 32,
//!              tag 16, over all before it, CRC 4
//! entry        meta is a box, bound to the entry's head but for its CRC
//! entries      end with a tag 16, over the record's header and the entries
//! contents     each is a box, bound to the queue id
//! ```
//!
//! So an entry cannot be moved to another place or message, and a record is
//! whole or damaged. A record of nothing has no tag: whoever could put one
//! there could as well put zeros.
//!
//! A *record* is one batch: all of its entries count, or none. A *commit* is
//! one fdatasync; its records bear its number. Numbers grow; the next commit
//! is begun only when the one before is on disk or has failed.
//!
//! CRCs are CRC-32 (IEEE). The header's covers the header before it; an
//! entry's its head before it and its meta, a `QueuedMessage` in JSON; content
//! has its own, held in the entry, so that start-up reads no content and an
//! update rewrites only meta.
//!
//! The *mark* is random for each segment. Content is chosen by strangers and
//! may imitate a record; after damage, recovery looks for the next record by
//! its mark, which a stranger cannot know.
//!
//! Where an id is accepted again, the message has moved: the newer copy counts,
//! in the order of segments and records, and it is the same message.
//!
//! What recovery believes: of each segment first its checkpoint, if it has a
//! good one (`checkpoint` says when it is); of what that does not cover, a
//! record whose header and entries have good CRCs, unless its commit is void.
//! Contents of the last commit are checked too, for
//! it may be torn; those of earlier ones were on disk before the next was
//! begun, and are checked when read. A commit is *void* when a segment's
//! header says that it follows an earlier one: numbers between `follows` and
//! `first commit` failed, and nobody was told otherwise.

use super::{
    cipher::{At, Cipher, Salt},
    error::SpoolError,
    key::{KeyId, Keys},
    sealing,
};
use crate::mail::QueueId;

/// The latest that this Postern reads.
pub(super) const VERSION: u32 = SEALED;
pub(super) const HEADER_COPY: u64 = 4096;
pub(super) const FIRST_RECORD: u64 = 8192;
/// Octets of one record: offsets within a segment fit in 32 bits.
pub(super) const MAX_RECORD: u64 = u32::MAX as u64 - FIRST_RECORD;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(pub(super) [u8; 8]);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) sequence: u32,
    pub(super) mark: Mark,
    /// The number of the first commit this segment can hold.
    pub(super) first_commit: u64,
    /// The last commit before it that succeeded.
    pub(super) follows: u64,
    /// Ids given out later are larger.
    pub(super) last_id: QueueId,
    pub(super) cipher: Cipher,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFault {
    Damaged,
    Version(u32),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct RecordHeader {
    pub(super) commit: u64,
    pub(super) entries: u32,
    pub(super) contents: u32,
    pub(super) count: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Accept = 1,
    Update = 2,
    Remove = 3,
}

/// Octets of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) segment: u32,
    pub(super) offset: u32,
    pub(super) length: u32,
}

/// A message's content, and its CRC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) place: Place,
    pub(super) crc: u32,
}

/// What an entry says of a message. `meta` is the place of the whole entry,
/// so that it can be checked when read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Accept { id: QueueId, meta: Place, content: Content },
    Update { id: QueueId, meta: Place },
    Remove { id: QueueId, segment: u32 },
}

impl SegmentHeader {
    /// Of the longest.
    pub(super) const LENGTH: usize = 108;

    pub(super) fn encode(&self) -> Result<Vec<u8>, SpoolError> {
        let mut octets = Vec::with_capacity(Self::LENGTH);
        octets.extend_from_slice(MAGIC);
        let version = if self.cipher == Cipher::Plain { PLAIN } else { SEALED };
        octets.extend_from_slice(&version.to_le_bytes());
        octets.extend_from_slice(&self.sequence.to_le_bytes());
        octets.extend_from_slice(&self.mark.0);
        octets.extend_from_slice(&self.first_commit.to_le_bytes());
        octets.extend_from_slice(&self.follows.to_le_bytes());
        octets.extend_from_slice(&self.last_id.to_bits().to_le_bytes());
        if let Cipher::Sealed(key) = &self.cipher {
            octets.extend_from_slice(&key.id.0);
            octets.extend_from_slice(&key.salt.0);
            let tag = key.seal(At::Offset(HEADER_TAG as u64), &octets, b"")?;
            octets.extend_from_slice(&tag);
        } else {
            octets.extend_from_slice(&[0; 12]);
        }
        octets.extend_from_slice(&crc32fast::hash(&octets).to_le_bytes());
        Ok(octets)
    }

    /// The header at the beginning of `octets`. Where it names a key that is
    /// not among `keys`, it is believed, and nothing more can be.
    pub(super) fn decode(octets: &[u8], keys: &Keys) -> Result<Self, HeaderFault> {
        let damaged = HeaderFault::Damaged;
        let mut rest = octets.strip_prefix(MAGIC).ok_or(damaged)?;
        let version = take_u32(&mut rest).ok_or(damaged)?;
        // A later version may have put its CRC elsewhere.
        let length = match version {
            PLAIN => PLAIN_LENGTH,
            SEALED => Self::LENGTH,
            version => return Err(HeaderFault::Version(version)),
        };
        checked(octets, length).ok_or(damaged)?;
        let mut fields = || {
            Some(Self {
                sequence: take_u32(&mut rest)?,
                mark: Mark(take(&mut rest)?),
                first_commit: take_u64(&mut rest)?,
                follows: take_u64(&mut rest)?,
                last_id: QueueId::from_bits(take_u64(&mut rest)?),
                cipher: if version == SEALED {
                    decode_cipher(octets, &mut rest, keys)?
                } else {
                    Cipher::Plain
                },
            })
        };
        fields().ok_or(damaged)
    }

    /// Whether this header says that a commit failed.
    pub(super) fn voids(&self, commit: u64) -> bool {
        self.follows < commit && commit < self.first_commit
    }
}

impl RecordHeader {
    pub(super) const LENGTH: usize = 32;

    pub(super) fn encode(&self, mark: Mark) -> Vec<u8> {
        let mut octets = Vec::with_capacity(Self::LENGTH);
        octets.extend_from_slice(&mark.0);
        octets.extend_from_slice(&self.commit.to_le_bytes());
        octets.extend_from_slice(&self.entries.to_le_bytes());
        octets.extend_from_slice(&self.contents.to_le_bytes());
        octets.extend_from_slice(&self.count.to_le_bytes());
        octets.extend_from_slice(&crc32fast::hash(&octets).to_le_bytes());
        octets
    }

    /// None where no record of this segment begins.
    pub(super) fn decode(mark: Mark, octets: &[u8]) -> Option<Self> {
        let mut rest = octets.strip_prefix(&mark.0)?;
        checked(octets, Self::LENGTH)?;
        Some(Self {
            commit: take_u64(&mut rest)?,
            entries: take_u32(&mut rest)?,
            contents: take_u32(&mut rest)?,
            count: take_u32(&mut rest)?,
        })
    }

    /// Octets of the whole record.
    pub(super) fn length(&self) -> u64 {
        Self::LENGTH as u64 + u64::from(self.entries) + u64::from(self.contents)
    }
}

/// The cipher that a header speaks of. None if it is not as it was written.
fn decode_cipher(octets: &[u8], rest: &mut &[u8], keys: &Keys) -> Option<Cipher> {
    let (id, salt) = (KeyId(take(rest)?), Salt(take(rest)?));
    let cipher = Cipher::find(keys, id, salt)?;
    let tag: [u8; Cipher::TAG] = take(rest)?;
    if let Cipher::Sealed(_) = cipher {
        cipher.open(At::Offset(HEADER_TAG as u64), octets.get(..HEADER_TAG)?, tag.to_vec())?;
    }
    Some(cipher)
}

/// Appends one entry. `content` is what the message's content will be.
pub(super) fn write_entry(
    entries: &mut Vec<u8>,
    kind: Kind,
    id: QueueId,
    meta: &[u8],
    content: &[u8],
) {
    let head = entry_head(kind, id, meta.len(), content);
    push_entry(entries, &head, meta);
}

/// An entry's head but for its CRC.
pub(super) fn entry_head(kind: Kind, id: QueueId, meta_length: usize, content: &[u8]) -> Vec<u8> {
    let mut head = Vec::with_capacity(ENTRY_HEAD);
    // The caller has measured both against MAX_RECORD.
    let meta_length = u32::try_from(meta_length).unwrap_or(u32::MAX);
    let content_length = u32::try_from(content.len()).unwrap_or(u32::MAX);
    head.extend_from_slice(&[kind as u8, 0, 0, 0]);
    head.extend_from_slice(&meta_length.to_le_bytes());
    head.extend_from_slice(&id.to_bits().to_le_bytes());
    head.extend_from_slice(&content_length.to_le_bytes());
    head.extend_from_slice(&crc32fast::hash(content).to_le_bytes());
    head
}

pub(super) fn push_entry(entries: &mut Vec<u8>, head: &[u8], meta: &[u8]) {
    entries.extend_from_slice(head);
    entries.extend_from_slice(&entry_crc(head, meta).to_le_bytes());
    entries.extend_from_slice(meta);
}

/// What a record changes; none if an entry is damaged. The writer learns from
/// this what it has written, so that memory holds what recovery will find.
pub(super) fn read_changes(
    segment: &SegmentHeader,
    offset: u64,
    header: &RecordHeader,
    entries: &[u8],
) -> Option<Vec<Change>> {
    let mut entries = sealing::check_record(segment, offset, header, entries)?;
    let segment = segment.sequence;
    let entries_at = u32::try_from(offset).ok()?.checked_add(RecordHeader::LENGTH as u32)?;
    let mut content_at = entries_at.checked_add(header.entries)?;
    let mut entry_at = entries_at;
    let mut changes = Vec::new();
    for _ in 0..header.count {
        let entry = Entry::decode(entries)?;
        let meta = Place { segment, offset: entry_at, length: entry.length };
        let content = Place { segment, offset: content_at, length: entry.content_length };
        changes.push(match entry.kind {
            Kind::Accept => {
                let content = Content { place: content, crc: entry.content_crc };
                Change::Accept { id: entry.id, meta, content }
            }
            Kind::Update => Change::Update { id: entry.id, meta },
            Kind::Remove => Change::Remove { id: entry.id, segment },
        });
        content_at = content_at.checked_add(entry.content_length)?;
        entry_at = entry_at.checked_add(entry.length)?;
        entries = entries.get(entry.length as usize..)?;
    }
    entries.is_empty().then_some(changes)
}

/// The meta of one entry as it was read back from a place, if it is what was
/// written.
pub(super) fn read_meta(
    cipher: &Cipher,
    place: Place,
    entry: &[u8],
    id: QueueId,
) -> Option<Vec<u8>> {
    let decoded = Entry::decode(entry)?;
    let at = At::Offset(u64::from(place.offset).checked_add(ENTRY_HEAD as u64)?);
    let meta = cipher.open(at, decoded.head, decoded.meta.to_vec())?;
    (decoded.id == id).then_some(meta)
}

pub(super) struct Entry<'a> {
    /// But for its CRC.
    head: &'a [u8],
    pub(super) kind: Kind,
    pub(super) id: QueueId,
    pub(super) meta: &'a [u8],
    content_length: u32,
    content_crc: u32,
    /// Octets of head and meta.
    pub(super) length: u32,
}

impl<'a> Entry<'a> {
    /// The entry at the beginning of `octets`.
    pub(super) fn decode(octets: &'a [u8]) -> Option<Self> {
        let (head, mut rest) = octets.split_at_checked(ENTRY_HEAD - CRC)?;
        let crc = take_u32(&mut rest)?;
        let mut fields = head;
        let [kind, ..]: [u8; 4] = take(&mut fields)?;
        let meta_length = take_u32(&mut fields)?;
        let meta = rest.get(..meta_length as usize)?;
        if entry_crc(head, meta) != crc {
            return None;
        }
        Some(Self {
            head,
            kind: Kind::of(kind)?,
            id: QueueId::from_bits(take_u64(&mut fields)?),
            meta,
            content_length: take_u32(&mut fields)?,
            content_crc: take_u32(&mut fields)?,
            length: meta_length.checked_add(ENTRY_HEAD as u32)?,
        })
    }
}

impl Kind {
    fn of(octet: u8) -> Option<Self> {
        match octet {
            1 => Some(Self::Accept),
            2 => Some(Self::Update),
            3 => Some(Self::Remove),
            _ => None,
        }
    }
}

fn entry_crc(head: &[u8], meta: &[u8]) -> u32 {
    let mut crc = crc32fast::Hasher::new();
    crc.update(head);
    crc.update(meta);
    crc.finalize()
}

/// The first `length` octets, if the CRC at their end is right.
pub(super) fn checked(octets: &[u8], length: usize) -> Option<()> {
    let (covered, mut crc) = octets.get(..length)?.split_at_checked(length.checked_sub(CRC)?)?;
    (take_u32(&mut crc)? == crc32fast::hash(covered)).then_some(())
}

pub(super) fn take<const N: usize>(octets: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = octets.split_first_chunk::<N>()?;
    *octets = rest;
    Some(*taken)
}

pub(super) fn take_u32(octets: &mut &[u8]) -> Option<u32> {
    take(octets).map(u32::from_le_bytes)
}

pub(super) fn take_u64(octets: &mut &[u8]) -> Option<u64> {
    take(octets).map(u64::from_le_bytes)
}

const MAGIC: &[u8; 8] = b"postern\x1a";
const PLAIN: u32 = 1;
const SEALED: u32 = 2;
const CRC: usize = 4;
/// Of a version 1 header.
const PLAIN_LENGTH: usize = 64;
/// Where the tag stands in a version 2 header.
const HEADER_TAG: usize = SegmentHeader::LENGTH - CRC - Cipher::TAG;
pub(super) const ENTRY_HEAD: usize = 28;

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: Mark = Mark(*b"notknown");

    fn id(bits: u64) -> QueueId {
        QueueId::from_bits(bits)
    }

    fn header() -> SegmentHeader {
        let cipher = Cipher::Plain;
        SegmentHeader {
            sequence: 7,
            mark: MARK,
            first_commit: 9,
            follows: 6,
            last_id: id(5),
            cipher,
        }
    }

    #[test]
    fn a_segment_header_reads_back_and_any_flipped_bit_is_noticed() {
        let keys = Keys::of(&[[7; 32]]);
        let sealed = SegmentHeader { cipher: Cipher::new(&keys).unwrap(), ..header() };
        for (header, length) in [(header(), PLAIN_LENGTH), (sealed, SegmentHeader::LENGTH)] {
            let octets = header.encode().unwrap();
            assert_eq!(octets.len(), length);
            assert_eq!(SegmentHeader::decode(&octets, &keys), Ok(header));
            for bit in 0..octets.len() * 8 {
                let mut damaged = octets.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let decoded = SegmentHeader::decode(&damaged, &keys);
                assert!(decoded.is_err(), "bit {bit} went unnoticed");
            }
        }
    }

    #[test]
    fn a_sealed_header_that_somebody_has_changed_is_damaged_though_its_crc_is_right() {
        let keys = Keys::of(&[[7; 32]]);
        let sealed = SegmentHeader { cipher: Cipher::new(&keys).unwrap(), ..header() };
        let octets = sealed.encode().unwrap();
        for at in 12..HEADER_TAG + Cipher::TAG {
            let mut changed = octets.clone();
            changed[at] ^= 0x55;
            let crc = changed.len() - CRC;
            let right = crc32fast::hash(&changed[..crc]);
            changed[crc..].copy_from_slice(&right.to_le_bytes());
            let locked = (48..56).contains(&at);
            let decoded = SegmentHeader::decode(&changed, &keys).map(|header| header.cipher);
            match decoded {
                // Another key's id: there is no telling.
                Ok(Cipher::Locked(_)) => assert!(locked, "octet {at}"),
                decoded => assert!(!locked && decoded == Err(HeaderFault::Damaged), "octet {at}"),
            }
        }
    }

    #[test]
    fn a_header_of_a_later_version_is_no_damage() {
        let mut octets = header().encode().unwrap();
        octets[8] = 3;
        let decoded = SegmentHeader::decode(&octets, &Keys::default());
        assert_eq!(decoded, Err(HeaderFault::Version(3)));
    }

    #[test]
    fn only_commits_between_the_last_good_and_the_first_own_are_void() {
        let void: Vec<u64> = (0..12).filter(|&commit| header().voids(commit)).collect();
        assert_eq!(void, [7, 8]);
    }

    #[test]
    fn a_record_of_another_segment_is_not_believed() {
        let record = RecordHeader { commit: 1, entries: 2, contents: 3, count: 4 };
        let octets = record.encode(MARK);
        assert_eq!(RecordHeader::decode(MARK, &octets), Some(record));
        assert_eq!(RecordHeader::decode(Mark(*b"another!"), &octets), None);
    }

    #[test]
    fn entries_read_back_with_their_places_and_any_flipped_bit_is_noticed() {
        let mut entries = Vec::new();
        write_entry(&mut entries, Kind::Remove, id(1), b"", b"");
        write_entry(&mut entries, Kind::Accept, id(2), b"{}", b"content");
        let length = entries.len() as u32;
        let segment = header();
        let header = RecordHeader { commit: 1, entries: length, contents: 7, count: 2 };

        let changes = read_changes(&segment, 8192, &header, &entries).unwrap();
        let meta = Place { segment: 7, offset: 8192 + 32 + 28, length: 30 };
        let place = Place { segment: 7, offset: 8192 + 32 + length, length: 7 };
        let content = Content { place, crc: crc32fast::hash(b"content") };
        let expected =
            [Change::Remove { id: id(1), segment: 7 }, Change::Accept { id: id(2), meta, content }];
        assert_eq!(changes, expected);
        let read = |id| read_meta(&Cipher::Plain, meta, &entries[28..], id);
        assert_eq!((read(id(2)), read(id(3))), (Some(b"{}".to_vec()), None));

        for bit in 0..entries.len() * 8 {
            let mut damaged = entries.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read_changes(&segment, 8192, &header, &damaged), None, "bit {bit}");
        }
    }
}
