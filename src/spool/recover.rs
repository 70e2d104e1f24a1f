//! Recovery: from segment files to the index, at start.
//!
//! Reads headers and entries, not contents, but for those of the last commit,
//! which may be torn. Damage is isolated: what cannot be believed is reported
//! and skipped, and everything else is delivered. Refuses a segment of a later
//! format version, for skipping that would lose mail.

use std::{fmt, io, sync::Arc};

use super::{
    disk::{Disk, DiskFile, read_up_to, write_all},
    error::SpoolError,
    format::{
        self, Change, Content, FIRST_RECORD, HEADER_COPY, HeaderFault, Mark, RecordHeader,
        SegmentHeader, VERSION,
    },
    index::Index,
};
use crate::mail::QueueId;

/// A stretch of a segment that could not be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub segment: u32,
    /// In octets, from the segment's beginning.
    pub offset: u64,
    pub octets: u64,
    pub kind: DamageKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DamageKind {
    /// Part of the last commit before the gateway stopped: expected after a
    /// power failure, and never acknowledged.
    Torn,
    /// Written, and not what was written any more.
    Damaged,
    /// Neither header of a segment can be read: the whole segment is left
    /// alone.
    Header,
    /// A message's meta reads back, and means nothing to this Postern. The
    /// message stays in the spool and is not delivered.
    Meta(QueueId),
}

/// What the disk held.
#[derive(Default)]
pub(super) struct Recovered {
    pub(super) index: Index,
    pub(super) last_id: u64,
    pub(super) last_commit: u64,
    pub(super) last_sequence: u32,
    pub(super) damage: Vec<Damage>,
}

pub(super) fn recover(disk: &dyn Disk) -> Result<Recovered, SpoolError> {
    let mut recovered = Recovered::default();
    let segments = open_segments(disk, &mut recovered)?;
    for segment in &segments {
        let (file, octets) = (Arc::clone(&segment.file), segment.length);
        recovered.index.add_segment(segment.header.sequence, file, octets);
        recovered.last_id = recovered.last_id.max(segment.header.last_id.to_bits());
        // An empty segment's commits were void, and yet had numbers.
        recovered.last_commit =
            recovered.last_commit.max(segment.header.first_commit.saturating_sub(1));
    }
    let mut scan = Scan { segments: &segments, recovered: &mut recovered, pending: Vec::new() };
    for segment in &segments {
        scan.segment(segment);
    }
    scan.believe_last_commit()?;
    Ok(recovered)
}

pub(super) fn segment_name(sequence: u32) -> String {
    format!("{sequence:08x}{SEGMENT_SUFFIX}")
}

struct Opened {
    file: Arc<dyn DiskFile>,
    length: u64,
    header: SegmentHeader,
}

/// All segments whose header can be read, in order.
fn open_segments(disk: &dyn Disk, recovered: &mut Recovered) -> Result<Vec<Opened>, SpoolError> {
    let mut sequences: Vec<u32> = disk
        .names()
        .map_err(|cause| SpoolError::io("list its directory", cause))?
        .iter()
        .filter_map(|name| u32::from_str_radix(name.strip_suffix(SEGMENT_SUFFIX)?, 16).ok())
        .collect();
    sequences.sort_unstable();
    recovered.last_sequence = sequences.last().copied().unwrap_or(0);
    let mut segments = Vec::with_capacity(sequences.len());
    for sequence in sequences {
        let name = segment_name(sequence);
        let opened = disk.open(&name).and_then(|file| Ok((file.length()?, file)));
        let (length, file) = opened.map_err(|cause| SpoolError::io("open a segment", cause))?;
        match read_header(&*file) {
            Ok(header) if header.sequence == sequence => {
                segments.push(Opened { file, length, header });
            }
            Err(HeaderFault::Version(found)) => {
                return Err(SpoolError::Version { segment: name, found, known: VERSION });
            }
            // A sequence that is not its name's: copied there by somebody.
            Ok(_) | Err(HeaderFault::Damaged) => recovered.damage.push(Damage {
                segment: sequence,
                offset: 0,
                octets: length,
                kind: DamageKind::Header,
            }),
        }
    }
    Ok(segments)
}

fn read_header(file: &dyn DiskFile) -> Result<SegmentHeader, HeaderFault> {
    let read = |offset| {
        let octets = read_up_to(file, offset, SegmentHeader::LENGTH).unwrap_or_default();
        SegmentHeader::decode(&octets)
    };
    read(0).or_else(|first| read(HEADER_COPY).map_err(|copy| first.max_version(copy)))
}

impl HeaderFault {
    /// A later version must not pass for damage.
    fn max_version(self, other: Self) -> Self {
        if self == Self::Damaged { other } else { self }
    }
}

/// One record whose header was good.
struct Record<'a> {
    segment: &'a Opened,
    offset: u64,
    header: RecordHeader,
    /// None if its entries are damaged.
    changes: Option<Vec<Change>>,
}

struct Scan<'a> {
    segments: &'a [Opened],
    recovered: &'a mut Recovered,
    /// The records of the highest commit so far: believed when there is a
    /// higher one, for that was begun only when this one was on disk.
    pending: Vec<Record<'a>>,
}

impl<'a> Scan<'a> {
    fn segment(&mut self, segment: &'a Opened) {
        let sequence = segment.header.sequence;
        let mut at = FIRST_RECORD;
        loop {
            if let Some(record) = segment.record(at) {
                at = at.saturating_add(record.header.length());
                self.record(record);
                continue;
            }
            let gap = segment.next_record(at);
            let kind = match (&gap.holds, gap.next) {
                (Holds::Zeros, None) => None,
                (Holds::Octets, None) => Some(DamageKind::Torn),
                (Holds::Unreadable, _) | (_, Some(_)) => Some(DamageKind::Damaged),
            };
            if let Some(kind) = kind {
                let octets = gap.next.unwrap_or(segment.length).saturating_sub(at);
                self.damage(Damage { segment: sequence, offset: at, octets, kind });
            }
            let Some(next) = gap.next else {
                // Gives the preallocated tail back; nothing depends on it. What
                // cannot be read today may hold mail, and stays.
                if at < segment.length
                    && gap.holds != Holds::Unreadable
                    && segment.file.truncate(at).is_ok()
                {
                    self.recovered.index.resize(sequence, at);
                }
                return;
            };
            at = next;
        }
    }

    fn record(&mut self, record: Record<'a>) {
        let commit = record.header.commit;
        self.recovered.last_commit = self.recovered.last_commit.max(commit);
        let mut void = false;
        for later in self.segments.iter().filter(|later| later.header.voids(commit)) {
            void = true;
            self.recovered.index.guard(later.header.sequence, record.segment.header.sequence);
        }
        if void {
            return;
        }
        if self.pending.first().is_some_and(|pending| pending.header.commit < commit) {
            for earlier in std::mem::take(&mut self.pending) {
                self.believe(&earlier, DamageKind::Damaged);
            }
        }
        self.pending.push(record);
    }

    /// The last commit may be torn: its contents are read, and a record whose
    /// contents are not whole is struck out, so that it stays unbelieved when
    /// it is no longer the last.
    fn believe_last_commit(mut self) -> Result<(), SpoolError> {
        for record in std::mem::take(&mut self.pending) {
            if record.is_whole() {
                self.believe(&record, DamageKind::Torn);
                continue;
            }
            let zeros = [0; RecordHeader::LENGTH];
            let file = &record.segment.file;
            write_all(&**file, &mut [io::IoSlice::new(&zeros)], record.offset)
                .and_then(|()| file.sync())
                .map_err(|cause| SpoolError::io("strike out a torn record", cause))?;
            self.damage(record.damage(DamageKind::Torn));
        }
        Ok(())
    }

    fn believe(&mut self, record: &Record<'_>, otherwise: DamageKind) {
        let Some(changes) = &record.changes else {
            return self.damage(record.damage(otherwise));
        };
        for change in changes {
            if let Change::Accept { id, .. } = change {
                self.recovered.last_id = self.recovered.last_id.max(id.to_bits());
            }
            self.recovered.index.apply(*change);
        }
    }

    /// A segment with damage is kept: a person may save from it what we cannot.
    fn damage(&mut self, damage: Damage) {
        if damage.kind == DamageKind::Damaged {
            self.recovered.index.pin(damage.segment);
        }
        self.recovered.damage.push(damage);
    }
}

impl Record<'_> {
    fn is_whole(&self) -> bool {
        self.changes.iter().flatten().all(|change| match change {
            Change::Accept { content, .. } => self.segment.content_is_whole(content),
            Change::Update { .. } | Change::Remove { .. } => true,
        })
    }

    fn damage(&self, kind: DamageKind) -> Damage {
        Damage {
            segment: self.segment.header.sequence,
            offset: self.offset,
            octets: self.header.length(),
            kind,
        }
    }
}

/// What stands between a place without a record and the next record.
struct Gap {
    next: Option<u64>,
    holds: Holds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Holds {
    /// As preallocated.
    Zeros,
    Octets,
    /// The disk did not say.
    Unreadable,
}

impl Opened {
    /// The record that begins at `offset`, if one does and the file holds it
    /// to its end.
    fn record(&self, offset: u64) -> Option<Record<'_>> {
        let first = self.read(offset, FIRST_READ);
        let header = RecordHeader::decode(self.header.mark, &first)?;
        if offset.checked_add(header.length())? > self.length {
            return None;
        }
        let (start, length) = (RecordHeader::LENGTH, header.entries as usize);
        let sequence = self.header.sequence;
        let changes = match first.get(start..start.checked_add(length)?) {
            Some(entries) => format::read_changes(sequence, offset, &header, entries),
            None => {
                let entries = self.read(offset.checked_add(start as u64)?, length);
                format::read_changes(sequence, offset, &header, &entries)
            }
        };
        Some(Record { segment: self, offset, header, changes })
    }

    /// Looks for the next record by the segment's mark.
    fn next_record(&self, from: u64) -> Gap {
        let Mark(mark) = self.header.mark;
        let mut gap = Gap { next: None, holds: Holds::Zeros };
        let mut at = from;
        while at < self.length {
            let (length, chunk) = self.search_chunk(at);
            match &chunk {
                Err(_) => gap.holds = Holds::Unreadable,
                Ok(octets) if octets.iter().any(|&octet| octet != 0) => {
                    gap.holds = gap.holds.max(Holds::Octets);
                }
                Ok(_) => {}
            }
            let chunk = chunk.unwrap_or_default();
            let places = memchr::memmem::find_iter(&chunk, &mark);
            gap.next = places
                .map(|place| at.saturating_add(place as u64))
                .find(|&offset| self.record(offset).is_some());
            if gap.next.is_some() {
                break;
            }
            // A mark may lie across two chunks.
            at = at.saturating_add(length.saturating_sub(mark.len() - 1).max(1) as u64);
        }
        gap
    }

    /// Octets asked for and found. Where a sector among many cannot be read,
    /// those before it still count.
    fn search_chunk(&self, at: u64) -> (usize, io::Result<Vec<u8>>) {
        let file = &*self.file;
        if let Ok(chunk) = read_up_to(file, at, SEARCH_READ) {
            return (SEARCH_READ, Ok(chunk));
        }
        let length = SECTOR - (at % SECTOR as u64) as usize;
        (length, read_up_to(file, at, length))
    }

    /// Content that cannot be read is not torn: it is damaged, and reading it
    /// for delivery will say so.
    fn content_is_whole(&self, content: &Content) -> bool {
        let (offset, length) = (content.place.offset.into(), content.place.length as usize);
        read_up_to(&*self.file, offset, length).map_or(true, |octets| {
            octets.len() == length && crc32fast::hash(&octets) == content.crc
        })
    }

    /// A sector that cannot be read is damage like any other.
    fn read(&self, offset: u64, length: usize) -> Vec<u8> {
        read_up_to(&*self.file, offset, length).unwrap_or_default()
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { segment, offset, octets, kind } = self;
        let name = segment_name(*segment);
        write!(out, "{name}: {octets} octets from {offset} ")?;
        match kind {
            DamageKind::Torn => out.write_str("belong to a commit that was never finished"),
            DamageKind::Damaged => out.write_str("are damaged"),
            DamageKind::Header => out.write_str("cannot be read: both headers are damaged"),
            DamageKind::Meta(id) => write!(out, "are no envelope for message {id}"),
        }
    }
}

const SEGMENT_SUFFIX: &str = ".segment";
/// Holds a record's header and, for most messages, its entries.
const FIRST_READ: usize = 2048;
const SEARCH_READ: usize = 64 * 1024;
const SECTOR: usize = 4096;
