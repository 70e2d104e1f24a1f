//! Recovery: from segment files to the index, at start.
//!
//! Believes the checkpoints beside the segments, and scans what they do not
//! cover. Reads headers and entries, not contents, but for those of the last commit,
//! which may be torn. Damage is isolated: what cannot be believed is reported
//! and skipped, and everything else is delivered. Refuses a segment of a later
//! format version, for skipping that would lose mail; and one sealed under a
//! key that is not given, before anything is changed on the disk.
//!
//! What is torn is told from what is whole by CRCs, and needs no key. With the
//! key, a record is believed only if its tag is right as well.

use std::{collections::BTreeMap, io, sync::Arc};

use super::{
    checkpoint::{Checkpoint, unlink_orphans},
    cipher::Cipher,
    damage::{Damage, DamageKind},
    disk::{Disk, DiskFile, read_up_to, write_all},
    error::SpoolError,
    format::{
        self, Change, Content, FIRST_RECORD, HEADER_COPY, HeaderFault, Mark, RecordHeader,
        SegmentHeader, VERSION,
    },
    index::Index,
    key::Keys,
};

/// What the disk held.
#[derive(Default)]
pub(super) struct Recovered {
    pub(super) index: Index,
    pub(super) last_id: u64,
    pub(super) last_commit: u64,
    pub(super) last_sequence: u32,
    pub(super) damage: Vec<Damage>,
    /// The segments whose checkpoint was believed.
    pub(super) covering: BTreeMap<u32, Covering>,
}

/// What a checkpoint covers of its segment.
pub(super) struct Covering {
    pub(super) header: SegmentHeader,
    pub(super) length: u64,
    pub(super) end: u64,
}

/// What becomes of segments under a key that is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stranger {
    Refused,
    /// What stands in them is known, and not what it says.
    LeftLocked,
}

pub(super) fn recover(
    disk: &dyn Disk,
    keys: &Keys,
    stranger: Stranger,
) -> Result<Recovered, SpoolError> {
    let index = Index::new(keys.current_id());
    let mut recovered = Recovered { index, ..Recovered::default() };
    // A gateway that was killed may have unlinked and not synced: what is seen
    // now must not come back.
    disk.sync_names().map_err(|cause| SpoolError::io("sync its directory", cause))?;
    let segments = open_segments(disk, keys, stranger, &mut recovered)?;
    for segment in &segments {
        let (file, octets) = (Arc::clone(&segment.file), segment.length);
        let SegmentHeader { sequence, cipher, .. } = segment.header.clone();
        recovered.index.add_segment(sequence, file, octets, cipher);
        recovered.last_id = recovered.last_id.max(segment.header.last_id.to_bits());
        // An empty segment's commits were void, and yet had numbers.
        recovered.last_commit =
            recovered.last_commit.max(segment.header.first_commit.saturating_sub(1));
    }
    let mut scan = Scan {
        segments: &segments,
        recovered: &mut recovered,
        pending: Vec::new(),
        pending_commit: 0,
    };
    for segment in &segments {
        let from = scan.checkpoint(disk, segment).unwrap_or(FIRST_RECORD);
        scan.segment(segment, from);
    }
    scan.believe_last_commit()?;
    unlink_orphans(disk);
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
fn open_segments(
    disk: &dyn Disk,
    keys: &Keys,
    stranger: Stranger,
    recovered: &mut Recovered,
) -> Result<Vec<Opened>, SpoolError> {
    let mut sequences: Vec<u32> = disk
        .names()
        .map_err(|cause| SpoolError::io("list its directory", cause))?
        .iter()
        .filter_map(|name| {
            let sequence = u32::from_str_radix(name.strip_suffix(SEGMENT_SUFFIX)?, 16).ok()?;
            (segment_name(sequence) == *name).then_some(sequence)
        })
        .collect();
    sequences.sort_unstable();
    recovered.last_sequence = sequences.last().copied().unwrap_or(0);
    let mut segments = Vec::with_capacity(sequences.len());
    for sequence in sequences {
        let name = segment_name(sequence);
        // Nor may what an earlier run has cut off: a commit that failed, and
        // was on disk all the same.
        let opened = disk.open(&name).and_then(|file| file.sync().map(|()| file));
        let opened = opened.and_then(|file| Ok((file.length()?, file)));
        let (length, file) = opened.map_err(|cause| SpoolError::io("open a segment", cause))?;
        match read_header(&*file, keys) {
            Ok(SegmentHeader { cipher: Cipher::Locked(key), .. })
                if stranger == Stranger::Refused =>
            {
                return Err(SpoolError::UnknownKey { segment: name, key });
            }
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

fn read_header(file: &dyn DiskFile, keys: &Keys) -> Result<SegmentHeader, HeaderFault> {
    let read = |offset| {
        let octets = read_up_to(file, offset, SegmentHeader::LENGTH).unwrap_or_default();
        SegmentHeader::decode(&octets, keys)
    };
    read(0).or_else(|first| read(HEADER_COPY).map_err(|copy| first.max_version(copy)))
}

impl HeaderFault {
    /// A later version must not pass for damage.
    fn max_version(self, other: Self) -> Self {
        if self == Self::Damaged { other } else { self }
    }
}

/// One record whose header was good, or a stretch in which none was.
struct Stretch<'a> {
    segment: &'a Opened,
    offset: u64,
    octets: u64,
    holds: Held,
}

enum Held {
    Changes(Vec<Change>),
    /// A good header, and damaged entries.
    DamagedEntries,
    Octets,
    /// The disk did not say.
    Unreadable,
}

struct Scan<'a> {
    segments: &'a [Opened],
    recovered: &'a mut Recovered,
    /// What belongs to the highest commit so far: believed when there is a
    /// higher one, for that was begun only when this one was on disk.
    pending: Vec<Stretch<'a>>,
    pending_commit: u64,
}

impl<'a> Scan<'a> {
    /// Believes a segment's checkpoint, where there is one that can be; gives
    /// what it covers.
    fn checkpoint(&mut self, disk: &dyn Disk, segment: &'a Opened) -> Option<u64> {
        let Opened { header, length, .. } = segment;
        let checkpoint = Checkpoint::read(disk, header, *length)?;
        // What is not yet believed comes before this.
        if self.pending_commit >= checkpoint.last_commit {
            return None;
        }
        self.reach(checkpoint.last_commit);
        for entry in checkpoint.entries(header.sequence)? {
            self.apply(entry.change);
        }
        let covering = Covering { header: header.clone(), length: *length, end: checkpoint.end };
        self.recovered.covering.insert(header.sequence, covering);
        Some(checkpoint.end)
    }

    fn segment(&mut self, segment: &'a Opened, from: u64) {
        let mut at = from;
        let mut gap = None;
        loop {
            if let Some((header, record)) = segment.record(at) {
                at = at.saturating_add(record.octets);
                self.record(header.commit, gap.take(), record);
                continue;
            }
            let Some(next) = segment.next_record(at, &mut gap) else { break };
            at = next;
        }
        if let Some(tail) = gap.take() {
            let torn = matches!(tail.holds, Held::Octets);
            self.damage(&tail, if torn { DamageKind::Torn } else { DamageKind::Damaged });
            // What cannot be read today may hold mail, and stays.
            if !torn {
                return;
            }
        }
        // Gives the preallocated tail back; nothing depends on it.
        if at < segment.length && segment.file.truncate(at).is_ok() {
            self.recovered.index.resize(segment.header.sequence, at);
        }
    }

    /// A record, and what stands before it. That may have been the last of an
    /// earlier commit as well, but where power has failed it is likelier torn.
    fn record(&mut self, commit: u64, before: Option<Stretch<'a>>, record: Stretch<'a>) {
        self.recovered.last_commit = self.recovered.last_commit.max(commit);
        let holder = record.segment.header.sequence;
        let mut void = false;
        for later in self.segments.iter().filter(|later| later.header.voids(commit)) {
            void = true;
            self.recovered.index.guard(later.header.sequence, holder);
        }
        if void {
            if let Some(before) = before.filter(Stretch::is_torn) {
                // If this fails, the next start reports it once more.
                let _ = before.strike_out(commit);
                self.damage(&before, DamageKind::Torn);
            }
            return;
        }
        self.reach(commit);
        self.pending.extend(before);
        self.pending.push(record);
    }

    /// Commits before this one were on disk when it was begun.
    fn reach(&mut self, commit: u64) {
        self.recovered.last_commit = self.recovered.last_commit.max(commit);
        if self.pending_commit < commit {
            self.pending_commit = commit;
            for earlier in std::mem::take(&mut self.pending) {
                self.believe(&earlier);
            }
        }
    }

    /// The last commit may be torn: its contents are read, and what is not
    /// whole is struck out, so that it stays unbelieved, and is no damage,
    /// when it is no longer the last. What is whole is written once more: a
    /// gateway that was killed may have left it to the page cache, which shows
    /// it though the disk may have refused it.
    fn believe_last_commit(mut self) -> Result<(), SpoolError> {
        let pending = std::mem::take(&mut self.pending);
        for stretch in &pending {
            let torn = stretch.is_torn();
            let settled =
                if torn { stretch.strike_out(self.pending_commit) } else { stretch.write_again() };
            settled.map_err(|cause| SpoolError::io("settle its last commit", cause))?;
            if torn {
                self.damage(stretch, DamageKind::Torn);
            } else {
                self.believe(stretch);
            }
        }
        // One commit is in one segment.
        pending.last().map_or(Ok(()), |stretch| {
            let synced = stretch.segment.file.sync();
            synced.map_err(|cause| SpoolError::io("settle its last commit", cause))
        })
    }

    fn believe(&mut self, stretch: &Stretch<'_>) {
        let Held::Changes(changes) = &stretch.holds else {
            return self.damage(stretch, DamageKind::Damaged);
        };
        for change in changes {
            self.apply(*change);
        }
    }

    fn apply(&mut self, change: Change) {
        if let Change::Accept { id, .. } = change {
            self.recovered.last_id = self.recovered.last_id.max(id.to_bits());
        }
        self.recovered.index.apply(change);
    }

    /// A segment with damage is kept: a person may save from it what we cannot.
    fn damage(&mut self, stretch: &Stretch<'_>, kind: DamageKind) {
        let segment = stretch.segment.header.sequence;
        if kind == DamageKind::Damaged {
            self.recovered.index.pin(segment);
        }
        let Stretch { offset, octets, .. } = *stretch;
        self.recovered.damage.push(Damage { segment, offset, octets, kind });
    }
}

impl Stretch<'_> {
    fn is_torn(&self) -> bool {
        match &self.holds {
            Held::Changes(changes) => !changes.iter().all(|change| match change {
                Change::Accept { content, .. } => self.segment.content_is_whole(content),
                Change::Update { .. } | Change::Remove { .. } => true,
            }),
            Held::DamagedEntries | Held::Octets => true,
            Held::Unreadable => false,
        }
    }

    /// The same octets in the same place: cut off at any moment, it harms
    /// nothing.
    fn write_again(&self) -> io::Result<()> {
        let Ok(length) = usize::try_from(self.octets) else { return Ok(()) };
        let file = &*self.segment.file;
        match read_up_to(file, self.offset, length) {
            Ok(octets) => write_all(file, &mut [io::IoSlice::new(&octets)], self.offset),
            // Delivery will report what cannot be read.
            Err(_) => Ok(()),
        }
    }

    /// Makes of it a record of nothing.
    fn strike_out(&self, commit: u64) -> io::Result<()> {
        let rest = self.octets.checked_sub(RecordHeader::LENGTH as u64);
        let Some(contents) = rest.and_then(|rest| u32::try_from(rest).ok()) else {
            return Ok(());
        };
        let nothing = RecordHeader { commit, entries: 0, contents, count: 0 };
        let nothing = nothing.encode(self.segment.header.mark);
        write_all(&*self.segment.file, &mut [io::IoSlice::new(&nothing)], self.offset)
    }
}

impl Opened {
    /// The record that begins at `offset`, if one does and the file holds it
    /// to its end.
    fn record(&self, offset: u64) -> Option<(RecordHeader, Stretch<'_>)> {
        let first = self.read(offset, FIRST_READ);
        let header = RecordHeader::decode(self.header.mark, &first)?;
        let octets = header.length();
        if offset.checked_add(octets)? > self.length {
            return None;
        }
        let (start, length) = (RecordHeader::LENGTH, header.entries as usize);
        let read;
        let entries = match first.get(start..start.checked_add(length)?) {
            Some(entries) => entries,
            None => {
                read = self.read(offset.checked_add(start as u64)?, length);
                read.as_slice()
            }
        };
        let holds = format::read_changes(&self.header, offset, &header, entries)
            .map_or(Held::DamagedEntries, Held::Changes);
        Some((header, Stretch { segment: self, offset, octets, holds }))
    }

    /// Looks for the next record by the segment's mark. What is passed over,
    /// unless it is only zeros, becomes `gap`.
    fn next_record<'a>(&'a self, from: u64, gap: &mut Option<Stretch<'a>>) -> Option<u64> {
        let Mark(mark) = self.header.mark;
        let mut holds = None;
        let mut next = None;
        let mut at = from;
        while at < self.length && next.is_none() {
            let (length, chunk) = self.search_chunk(at);
            match &chunk {
                Err(_) => holds = Some(Held::Unreadable),
                Ok(octets) if octets.iter().any(|&octet| octet != 0) => {
                    holds.get_or_insert(Held::Octets);
                }
                Ok(_) => {}
            }
            let chunk = chunk.unwrap_or_default();
            next = memchr::memmem::find_iter(&chunk, &mark)
                .map(|place| at.saturating_add(place as u64))
                .find(|&offset| self.record(offset).is_some());
            // A mark may lie across two chunks.
            at = at.saturating_add(length.saturating_sub(mark.len() - 1).max(1) as u64);
        }
        // Zeros before a record are a write that did not arrive.
        let holds = if next.is_some() { holds.or(Some(Held::Octets)) } else { holds };
        let octets = next.unwrap_or(self.length).saturating_sub(from);
        *gap = holds.map(|holds| Stretch { segment: self, offset: from, octets, holds });
        next
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

pub(super) const SEGMENT_SUFFIX: &str = ".segment";
/// Holds a record's header and, for most messages, its entries.
const FIRST_READ: usize = 2048;
const SEARCH_READ: usize = 64 * 1024;
const SECTOR: usize = 4096;
