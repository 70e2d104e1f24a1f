//! Checkpoints: what a segment holds, beside it and much shorter, so that
//! start-up reads neither its records nor its metas. Numbers are
//! little-endian.
//!
//! ```text
//! header       magic 8, version 4, sequence 4, mark 8, end 8, last commit 8
//! entries      in the order of the segment's
//!              kind 1, queue id 8, and
//!              of an accept: meta offset 4, octets 4, content offset 4, octets 4, CRC 4
//!              of an update: meta offset 4, octets 4
//!              of both:      octets of summary 4, a `Summary` in JSON
//! CRC          4, of everything before it
//! ```
//!
//! Beside a sealed segment its version is 2: the entries are one box, bound to
//! the header, under the segment's key.
//!
//! There is one for each segment and not one for all, for then the writer
//! never has to write down the whole queue at once, a checkpoint is never out
//! of date, and whatever happens to one costs the scan of one segment. It is
//! written when its segment is full, or at an orderly stop, and goes with it.
//!
//! Recovery believes it only if its CRC is right, its sequence and its mark
//! are those of the segment's header, and the segment is at least as long as
//! it says. What stands past `end` is scanned. Otherwise the segment is scanned
//! from its beginning: a checkpoint that is torn, lost, or of another version
//! costs time and nothing else, so nobody waits for its name to be durable.
//! An entry stands in it only when its commit is on disk, so none is void.
//!
//! Damage to a covered segment is not looked for at start: metas have their
//! own CRC and are checked when read, as contents are.

use std::io::IoSlice;

use super::{
    cipher::{At, Cipher},
    disk::{Disk, read_up_to, write_all},
    error::SpoolError,
    format::{Change, Content, Mark, Place, SegmentHeader, checked, take, take_u32, take_u64},
    recover::SEGMENT_SUFFIX,
};
use crate::mail::QueueId;

/// The entries of a segment, as they gather while it is written.
#[derive(Debug, Default)]
pub(super) struct Covered(Vec<u8>);

/// A segment that is not written to any more.
pub(super) struct Closed {
    pub(super) header: SegmentHeader,
    /// Where its last record ends.
    pub(super) end: u64,
    pub(super) last_commit: u64,
    pub(super) covered: Covered,
}

/// As it was read back.
pub(super) struct Checkpoint {
    pub(super) end: u64,
    pub(super) last_commit: u64,
    entries: Vec<u8>,
}

/// What an entry of a segment has changed, and what is said of the message.
pub(super) struct Entry<'a> {
    pub(super) change: Change,
    /// JSON; empty where there is none.
    pub(super) summary: &'a [u8],
}

impl Covered {
    pub(super) fn note(&mut self, change: &Change, summary: &[u8]) {
        let Self(octets) = self;
        let (kind, id, meta) = match change {
            Change::Accept { id, meta, .. } => (ACCEPT, id, Some(meta)),
            Change::Update { id, meta } => (UPDATE, id, Some(meta)),
            Change::Remove { id, .. } => (REMOVE, id, None),
        };
        octets.push(kind);
        octets.extend_from_slice(&id.to_bits().to_le_bytes());
        let mut number = |number: u32| octets.extend_from_slice(&number.to_le_bytes());
        let Some(meta) = meta else { return };
        number(meta.offset);
        number(meta.length);
        if let Change::Accept { content, .. } = change {
            number(content.place.offset);
            number(content.place.length);
            number(content.crc);
        }
        // A summary is shorter than the meta, which a segment holds.
        number(u32::try_from(summary.len()).unwrap_or(u32::MAX));
        octets.extend_from_slice(summary);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Closed {
    /// Writes the checkpoint of a segment, whole or not at all. There is no
    /// other: its nonce serves once.
    pub(super) fn write(self, disk: &dyn Disk) -> Result<(), SpoolError> {
        let octets = self.encode()?;
        let write = || {
            let file = disk.create(UNFINISHED)?;
            write_all(&*file, &mut [IoSlice::new(&octets)], 0)?;
            file.sync()?;
            disk.rename(UNFINISHED, &checkpoint_name(self.header.sequence))
        };
        // On a full disk its octets are wanted for other things.
        let written = write().inspect_err(|_| drop(disk.unlink(UNFINISHED)));
        written.map_err(|cause| SpoolError::io("write a checkpoint", cause))
    }

    fn encode(&self) -> Result<Vec<u8>, SpoolError> {
        let Covered(entries) = &self.covered;
        let mut octets = Vec::with_capacity(entries.len() + 64);
        octets.extend_from_slice(MAGIC);
        octets.extend_from_slice(&version(&self.header.cipher).to_le_bytes());
        octets.extend_from_slice(&self.header.sequence.to_le_bytes());
        octets.extend_from_slice(&self.header.mark.0);
        octets.extend_from_slice(&self.end.to_le_bytes());
        octets.extend_from_slice(&self.last_commit.to_le_bytes());
        match &self.header.cipher {
            Cipher::Sealed(key) => {
                let sealed = key.seal(At::Checkpoint, &octets, entries)?;
                octets.extend_from_slice(&sealed);
            }
            Cipher::Plain | Cipher::Locked(_) => octets.extend_from_slice(entries),
        }
        octets.extend_from_slice(&crc32fast::hash(&octets).to_le_bytes());
        Ok(octets)
    }
}

impl Checkpoint {
    /// The checkpoint of a segment, if it has one that can be believed.
    pub(super) fn read(disk: &dyn Disk, header: &SegmentHeader, length: u64) -> Option<Self> {
        let file = disk.open(&checkpoint_name(header.sequence)).ok()?;
        let octets = usize::try_from(file.length().ok()?).ok()?;
        let checkpoint = Self::decode(&read_up_to(&*file, 0, octets).ok()?, header)?;
        let whole = checkpoint.end <= length && checkpoint.entries(header.sequence).is_some();
        whole.then_some(checkpoint)
    }

    fn decode(octets: &[u8], header: &SegmentHeader) -> Option<Self> {
        checked(octets, octets.len())?;
        let mut rest = octets.strip_prefix(MAGIC)?;
        let ours = take_u32(&mut rest)? == version(&header.cipher)
            && take_u32(&mut rest)? == header.sequence
            && Mark(take(&mut rest)?) == header.mark;
        let (end, last_commit) = (take_u64(&mut rest)?, take_u64(&mut rest)?);
        if !ours {
            return None;
        }
        let (head, entries) = octets.split_at_checked(HEADER)?;
        let (entries, _crc) = entries.split_at_checked(entries.len().checked_sub(CRC)?)?;
        let entries = header.cipher.open(At::Checkpoint, head, entries.to_vec())?;
        Some(Self { end, last_commit, entries })
    }

    /// In the order in which they were written.
    pub(super) fn entries(&self, segment: u32) -> Option<Vec<Entry<'_>>> {
        let mut rest = self.entries.as_slice();
        let mut entries = Vec::new();
        while !rest.is_empty() {
            entries.push(Entry::take(segment, &mut rest)?);
        }
        Some(entries)
    }
}

impl<'a> Entry<'a> {
    fn take(segment: u32, rest: &mut &'a [u8]) -> Option<Self> {
        let [kind] = take(rest)?;
        let id = QueueId::from_bits(take_u64(rest)?);
        let place = |rest: &mut &'a [u8]| {
            Some(Place { segment, offset: take_u32(rest)?, length: take_u32(rest)? })
        };
        let change = match kind {
            ACCEPT => {
                let meta = place(rest)?;
                let content = Content { place: place(rest)?, crc: take_u32(rest)? };
                Change::Accept { id, meta, content }
            }
            UPDATE => Change::Update { id, meta: place(rest)? },
            REMOVE => return Some(Self { change: Change::Remove { id, segment }, summary: b"" }),
            _ => return None,
        };
        let length = take_u32(rest)? as usize;
        let (summary, after) = rest.split_at_checked(length)?;
        *rest = after;
        Some(Self { change, summary })
    }
}

/// An older Postern scans what it does not understand.
fn version(cipher: &Cipher) -> u32 {
    if *cipher == Cipher::Plain { 1 } else { 2 }
}

pub(super) fn checkpoint_name(sequence: u32) -> String {
    format!("{sequence:08x}{SUFFIX}")
}

/// Unlinks the checkpoints whose segments are gone, which a crash has left.
/// What cannot be unlinked now stays for the next start.
pub(super) fn unlink_orphans(disk: &dyn Disk) {
    let names = disk.names().unwrap_or_default();
    for name in &names {
        let Some(stem) = name.strip_suffix(SUFFIX) else { continue };
        if !names.contains(&format!("{stem}{SEGMENT_SUFFIX}")) {
            let _ = disk.unlink(name);
        }
    }
}

const MAGIC: &[u8; 8] = b"postern\x1c";
const CRC: usize = 4;
const HEADER: usize = 40;
const SUFFIX: &str = ".checkpoint";
/// How one is called before it is whole.
const UNFINISHED: &str = "checkpoint";
const ACCEPT: u8 = 1;
const UPDATE: u8 = 2;
const REMOVE: u8 = 3;

#[cfg(test)]
mod tests {
    use super::{
        super::{key::Keys, recover::segment_name},
        *,
    };

    const MARK: Mark = Mark(*b"notknown");

    fn header() -> SegmentHeader {
        let last_id = QueueId::from_bits(5);
        let cipher = Cipher::Plain;
        SegmentHeader { sequence: 7, mark: MARK, first_commit: 9, follows: 6, last_id, cipher }
    }

    fn sealed_header() -> SegmentHeader {
        SegmentHeader { cipher: Cipher::new(&Keys::of(&[[7; 32]])).unwrap(), ..header() }
    }

    fn changes() -> Vec<(Change, &'static [u8])> {
        let id = QueueId::from_bits;
        let place = |offset, length| Place { segment: 7, offset, length };
        let content = Content { place: place(8400, 11), crc: 99 };
        vec![
            (Change::Accept { id: id(1), meta: place(8224, 40), content }, b"{}"),
            (Change::Update { id: id(1), meta: place(8500, 41) }, b""),
            (Change::Remove { id: id(1), segment: 7 }, b""),
        ]
    }

    fn written(header: &SegmentHeader) -> Vec<u8> {
        let mut covered = Covered::default();
        for (change, summary) in &changes() {
            covered.note(change, summary);
        }
        let header = header.clone();
        Closed { header, end: 8600, last_commit: 12, covered }.encode().unwrap()
    }

    #[test]
    fn a_checkpoint_reads_back_and_any_flipped_bit_is_noticed() {
        for header in [header(), sealed_header()] {
            let written = written(&header);
            let read = Checkpoint::decode(&written, &header).unwrap();
            assert_eq!((read.end, read.last_commit), (8600, 12));
            let entries = read.entries(7).unwrap();
            let entries: Vec<_> =
                entries.iter().map(|entry| (entry.change, entry.summary)).collect();
            assert_eq!(entries, changes());
            for bit in 0..written.len() * 8 {
                let mut damaged = written.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let decoded = Checkpoint::decode(&damaged, &header);
                assert!(decoded.is_none(), "bit {bit} went unnoticed");
            }
        }
    }

    #[test]
    fn a_sealed_checkpoint_that_somebody_has_changed_is_not_believed_though_its_crc_is_right() {
        let header = sealed_header();
        let written = written(&header);
        for at in 24..written.len() - CRC {
            let mut changed = written[..written.len() - CRC].to_vec();
            changed[at] ^= 0x55;
            changed.extend_from_slice(&crc32fast::hash(&changed).to_le_bytes());
            assert!(Checkpoint::decode(&changed, &header).is_none(), "octet {at}");
        }
        assert!(Checkpoint::decode(&written, &sealed_header()).is_none(), "of another salt");
    }

    #[test]
    fn a_checkpoint_of_another_segment_or_cut_short_is_not_believed() {
        let other = SegmentHeader { mark: Mark(*b"another!"), ..header() };
        let written = written(&header());
        assert!(Checkpoint::decode(&written, &other).is_none());
        let next = SegmentHeader { sequence: 8, ..header() };
        assert!(Checkpoint::decode(&written, &next).is_none());
        for length in 0..written.len() {
            assert!(Checkpoint::decode(&written[..length], &header()).is_none());
        }
    }

    #[test]
    fn segments_and_checkpoints_are_called_alike() {
        assert_eq!(checkpoint_name(0x1f), "0000001f.checkpoint");
        assert_eq!(segment_name(0x1f), "0000001f.segment");
    }
}
