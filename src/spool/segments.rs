//! The segments that the writer fills: the active one, and a spare that is
//! preallocated and named when it is needed.

use std::{
    io::{self, IoSlice},
    sync::{Arc, atomic::Ordering},
    time::Instant,
};

use super::{
    checkpoint::{Closed, Covered},
    cipher::Cipher,
    disk::{DiskFile, write_all},
    error::SpoolError,
    format::{FIRST_RECORD, HEADER_COPY, Mark, SegmentHeader},
    recover::segment_name,
    writer::Writer,
};

/// The segment that is written to.
pub(super) struct Active {
    pub(super) header: SegmentHeader,
    pub(super) file: Arc<dyn DiskFile>,
    /// Where the next record goes.
    pub(super) end: u64,
    /// Where it is full.
    pub(super) limit: u64,
    /// Up to where octets are on disk, zeros behind the last record included:
    /// past it, space is only reserved.
    pub(super) written: u64,
    /// None where its checkpoint would not be complete.
    pub(super) covered: Option<Covered>,
}

/// The next segment, preallocated.
pub(super) enum Spare {
    Ready(Arc<dyn DiskFile>),
    Wanted,
    /// None could be made: new mail is refused.
    Impossible {
        retry_at: Instant,
        error: SpoolError,
    },
}

impl Active {
    /// Zeros to be written behind small records that end at `end`. To write to
    /// reserved space changes what the file system must journal, to replace
    /// zeros does not: so only one commit in many waits for its journal too.
    /// Large ones wait longer for their octets than for a journal.
    pub(super) fn zeros_behind(&self, end: u64) -> &'static [u8] {
        let most = usize::try_from(self.limit / 8).unwrap_or(usize::MAX).min(ZEROS.len());
        let small = end.saturating_sub(self.end) <= SMALL.min(most as u64);
        if end <= self.written || !small {
            return &[];
        }
        let room = usize::try_from(self.limit.saturating_sub(end)).unwrap_or(usize::MAX);
        ZEROS.get(..most.min(room)).unwrap_or_default()
    }

    /// Makes what was written up to `end` durable.
    pub(super) fn sync(&mut self, end: u64) -> io::Result<()> {
        if end <= self.written {
            return self.file.sync_in_place();
        }
        self.file.sync()?;
        self.written = end;
        Ok(())
    }
}

impl Writer {
    /// Begins a new segment with room for a record of `octets`.
    pub(super) fn open_segment(&mut self, octets: u64) -> Result<(), SpoolError> {
        let size = self.settings.segment_size;
        let needed = FIRST_RECORD.saturating_add(octets);
        let (name, file, limit) = if needed > size {
            (LARGE, self.preallocate(LARGE, needed)?, needed)
        } else {
            match std::mem::replace(&mut self.spare, Spare::Wanted) {
                Spare::Ready(file) => (SPARE, file, size),
                Spare::Wanted | Spare::Impossible { .. } => {
                    (SPARE, self.preallocate(SPARE, size)?, size)
                }
            }
        };
        self.last_sequence = self.last_sequence.checked_add(1).ok_or_else(|| {
            SpoolError::io("make a new segment", io::Error::other("all numbers are used"))
        })?;
        let header = SegmentHeader {
            sequence: self.last_sequence,
            mark: random_mark()?,
            first_commit: self.begun + 1,
            follows: self.succeeded,
            last_id: self.shared.last_id(),
            cipher: Cipher::new(&self.settings.keys)?,
        };
        let octets = header.encode()?;
        let sequence = header.sequence;
        if let Err(cause) = self.install(name, &*file, sequence, &octets) {
            // Whichever of the two it is called now.
            let _ = self.disk.unlink(name);
            let _ = self.disk.unlink(&segment_name(sequence));
            return Err(SpoolError::io("make a new segment", cause));
        }
        let cipher = header.cipher.clone();
        let new = Active {
            header,
            file: Arc::clone(&file),
            end: FIRST_RECORD,
            limit,
            written: FIRST_RECORD,
            covered: Some(Covered::default()),
        };
        let old = self.active.replace(new);
        let mut index = self.shared.index();
        index.add_segment(sequence, file, limit, cipher);
        for &doubtful in &self.doubtful {
            index.guard(sequence, doubtful);
        }
        drop(index);
        // What is begun in the new segment and fails must stay void as well.
        if self.begun != self.succeeded {
            self.doubtful.insert(sequence);
        }
        if let Some(old) = old {
            self.retire(old);
        }
        Ok(())
    }

    /// Writes both headers, and only then gives the file its name.
    fn install(
        &self,
        name: &str,
        file: &dyn DiskFile,
        sequence: u32,
        header: &[u8],
    ) -> io::Result<()> {
        write_all(file, &mut [IoSlice::new(header)], 0)?;
        write_all(file, &mut [IoSlice::new(header)], HEADER_COPY)?;
        file.sync()?;
        self.disk.rename(name, &segment_name(sequence))?;
        self.disk.sync_names()
    }

    fn preallocate(&self, name: &str, octets: u64) -> Result<Arc<dyn DiskFile>, SpoolError> {
        let make = || {
            let file = self.disk.create(name)?;
            file.allocate(octets)?;
            Ok(file)
        };
        make().map_err(|cause| {
            let _ = self.disk.unlink(name);
            SpoolError::io("make a new segment", cause)
        })
    }

    /// Nothing more is written to it: what is good in it is on disk.
    pub(super) fn retire(&mut self, segment: Active) {
        self.trim(&segment);
        let Active { header, end, covered, .. } = segment;
        let covered = covered.filter(|covered| !covered.is_empty());
        self.closed.extend(covered.map(|covered| Closed {
            header,
            end,
            last_commit: self.succeeded,
            covered,
        }));
    }

    /// After a write or sync that failed: nothing more goes there. Cutting the
    /// failed records off may fail too; the next segment's header voids them.
    pub(super) fn give_up_segment(&mut self) {
        if let Some(active) = self.active.take() {
            self.doubtful.insert(active.header.sequence);
            self.trim(&active);
        }
    }

    /// Gives back what is preallocated past the last good record.
    pub(super) fn trim(&self, segment: &Active) {
        if segment.file.truncate(segment.end).is_ok() {
            self.shared.index().resize(segment.header.sequence, segment.end);
        }
    }

    pub(super) fn find_spare(&mut self) {
        match &self.spare {
            Spare::Ready(_) => return,
            Spare::Impossible { retry_at, .. } if Instant::now() < *retry_at => return,
            Spare::Wanted | Spare::Impossible { .. } => {}
        }
        let size = self.settings.segment_size;
        // One that an earlier run has left, perhaps on a disk now full.
        let left = self.disk.open(SPARE).ok().filter(|file| {
            file.length().is_ok_and(|length| length == size) && file.allocate(size).is_ok()
        });
        self.spare = match left.map_or_else(|| self.preallocate(SPARE, size), Ok) {
            Ok(file) => Spare::Ready(file),
            Err(error) => Spare::Impossible { retry_at: self.settings.retry_at(), error },
        };
        self.shared.full.store(self.spare.is_impossible(), Ordering::Relaxed);
    }
}

impl Spare {
    pub(super) fn is_impossible(&self) -> bool {
        matches!(self, Self::Impossible { .. })
    }
}

fn random_mark() -> Result<Mark, SpoolError> {
    let mut mark = [0; 8];
    aws_lc_rs::rand::fill(&mut mark).map_err(|_| {
        SpoolError::io("make a new segment", io::Error::other("no random octets are to be had"))
    })?;
    Ok(Mark(mark))
}

static ZEROS: [u8; 256 * 1024] = [0; _];
/// Octets of a commit that are written in less time than a journal.
const SMALL: u64 = 32 * 1024;

/// How a segment is called before it is one.
const SPARE: &str = "spare";
const LARGE: &str = "large";
