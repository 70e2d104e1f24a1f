//! The writer: one thread that makes batches durable, many by one fdatasync.
//!
//! New mail never waits for its group to grow: while one group is being synced
//! the next one gathers in the channel, so groups are as large as the load
//! wants. Bookkeeping, for which no client waits, rides with new mail that
//! comes within a moment, so that a busy spool syncs once for both.

use std::{
    collections::{BTreeSet, VecDeque},
    io::{self, IoSlice},
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    batch::{Encoded, Purpose},
    disk::{Disk, DiskFile, write_all},
    error::SpoolError,
    format::{self, FIRST_RECORD, HEADER_COPY, Mark, RecordHeader, SegmentHeader},
    recover::segment_name,
    store::{Settings, Shared, Standing},
};
/// A batch that waits for its fsync, and whoever waits for that.
pub(super) struct Request {
    pub(super) encoded: Encoded,
    pub(super) answer: oneshot::Sender<Result<Standing, SpoolError>>,
}

pub(super) struct Writer {
    disk: Arc<dyn Disk>,
    shared: Arc<Shared>,
    settings: Settings,
    active: Option<Active>,
    spare: Spare,
    /// The number of the last commit that was begun.
    begun: u64,
    /// The number of the last commit that succeeded.
    succeeded: u64,
    last_sequence: u32,
    /// Segments in which a commit has failed since the last that succeeded.
    doubtful: BTreeSet<u32>,
    /// Why no segment could be made, and until when not to try again.
    pause: Option<(Instant, SpoolError)>,
}

/// The segment that is written to.
struct Active {
    sequence: u32,
    file: Arc<dyn DiskFile>,
    mark: Mark,
    /// Where the next record goes.
    end: u64,
    /// Where it is full.
    limit: u64,
}

/// The next segment, preallocated.
enum Spare {
    Ready(Arc<dyn DiskFile>),
    Wanted,
    /// None could be made: new mail is refused.
    Impossible {
        retry_at: Instant,
        error: SpoolError,
    },
}

/// What is there for one commit, after the moment that bookkeeping waits.
fn gather(
    first: Request,
    requests: &mut mpsc::Receiver<Request>,
    moment: Duration,
) -> VecDeque<Request> {
    let came = Instant::now();
    let mut octets = first.encoded.length();
    let mut new_mail = first.encoded.purpose == Purpose::NewMail;
    let mut waiting = VecDeque::from([first]);
    while waiting.len() < GROUP_RECORDS && octets < GROUP_OCTETS {
        match requests.try_recv() {
            Ok(next) => {
                octets = octets.saturating_add(next.encoded.length());
                new_mail |= next.encoded.purpose == Purpose::NewMail;
                waiting.push_back(next);
            }
            Err(mpsc::error::TryRecvError::Empty) if !new_mail && came.elapsed() < moment => {
                std::thread::sleep(PAUSE);
            }
            Err(_) => break,
        }
    }
    waiting
}

impl Writer {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        shared: Arc<Shared>,
        settings: Settings,
        last_commit: u64,
        last_sequence: u32,
    ) -> Self {
        let mut writer = Self {
            disk,
            shared,
            settings,
            active: None,
            spare: Spare::Wanted,
            begun: last_commit,
            succeeded: last_commit,
            last_sequence,
            doubtful: BTreeSet::new(),
            pause: None,
        };
        writer.find_spare();
        writer
    }

    /// Until every sender is gone and every batch is answered.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.blocking_recv() {
            self.commit(gather(first, &mut requests, self.settings.bookkeeping_waits));
            self.keep_house();
        }
        self.close();
    }

    fn commit(&mut self, mut waiting: VecDeque<Request>) {
        // Nobody will hear that these were accepted: do not accept them.
        waiting.retain(|request| {
            request.encoded.purpose == Purpose::Bookkeeping || !request.answer.is_closed()
        });
        while let Some(first) = waiting.pop_front() {
            if let Err(error) = self.make_room(&first.encoded) {
                answer(first, Err(error));
                continue;
            }
            let mut room = self.room().saturating_sub(first.encoded.length());
            let mut group = vec![first];
            while let Some(next) = waiting.pop_front_if(|next| {
                let purpose = next.encoded.purpose;
                next.encoded.length() <= room
                    && (purpose == Purpose::Bookkeeping || !self.spare.is_impossible())
            }) {
                room -= next.encoded.length();
                group.push(next);
            }
            self.commit_group(group);
        }
    }

    fn commit_group(&mut self, group: Vec<Request>) {
        match self.write_or_give_up(&group) {
            Ok(()) => {
                for request in group {
                    let standing = Standing::new(&self.shared, &request.encoded);
                    answer(request, Ok(standing));
                }
            }
            Err(error) => {
                for request in group {
                    answer(request, Err(error.clone()));
                }
            }
        }
    }

    fn write_or_give_up(&mut self, group: &[Request]) -> Result<(), SpoolError> {
        let written = self.write_group(group);
        if written.is_err() {
            self.give_up_segment();
        }
        written
    }

    /// Writes the group, syncs it, and only then lets the index know.
    fn write_group(&mut self, group: &[Request]) -> Result<(), SpoolError> {
        let Some(active) = &mut self.active else { return Err(SpoolError::Closed) };
        self.begun += 1;
        let headers: Vec<RecordHeader> =
            group.iter().map(|request| request.encoded.header(self.begun)).collect();
        let written: Vec<Vec<u8>> =
            headers.iter().map(|header| header.encode(active.mark)).collect();
        let mut slices = Vec::with_capacity(group.len() * 3);
        for (header, request) in written.iter().zip(group) {
            slices.push(IoSlice::new(header));
            slices.push(IoSlice::new(&request.encoded.entries));
            slices.extend(request.encoded.contents.iter().map(|content| IoSlice::new(content)));
        }
        write_all(&*active.file, &mut slices, active.end)
            .map_err(|cause| SpoolError::io("write to its segment", cause))?;
        active.file.sync().map_err(|cause| SpoolError::io("sync its segment", cause))?;

        self.succeeded = self.begun;
        self.doubtful.clear();
        self.shared.commits.fetch_add(group.len() as u64, Ordering::Relaxed);
        self.shared.syncs.fetch_add(1, Ordering::Relaxed);
        let mut index = self.shared.index();
        for (header, request) in headers.iter().zip(group) {
            let entries = &request.encoded.entries;
            let changes = format::read_changes(active.sequence, active.end, header, entries);
            for change in changes.into_iter().flatten() {
                index.apply(change);
            }
            active.end += header.length();
        }
        Ok(())
    }

    /// Whether the batch may be written, and a segment to write it to.
    fn make_room(&mut self, encoded: &Encoded) -> Result<(), SpoolError> {
        if encoded.purpose == Purpose::NewMail {
            self.find_spare();
            if let Spare::Impossible { error, .. } = &self.spare {
                return Err(error.clone());
            }
        }
        if encoded.length() <= self.room() {
            return Ok(());
        }
        if let Some((until, error)) = &self.pause
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        self.pause = None;
        let opened = self.open_segment(encoded.length());
        opened.inspect_err(|error| self.pause = Some((self.settings.retry_at(), error.clone())))
    }

    fn room(&self) -> u64 {
        self.active.as_ref().map_or(0, |active| active.limit.saturating_sub(active.end))
    }

    /// Begins a new segment with room for a record of `octets`.
    fn open_segment(&mut self, octets: u64) -> Result<(), SpoolError> {
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
        };
        if let Err(cause) = self.install(name, &*file, &header) {
            // Whichever of the two it is called now.
            let _ = self.disk.unlink(name);
            let _ = self.disk.unlink(&segment_name(header.sequence));
            return Err(SpoolError::io("make a new segment", cause));
        }
        let new = Active {
            sequence: header.sequence,
            file: Arc::clone(&file),
            mark: header.mark,
            end: FIRST_RECORD,
            limit,
        };
        let old = self.active.replace(new);
        let mut index = self.shared.index();
        index.add_segment(header.sequence, file, limit);
        for &doubtful in &self.doubtful {
            index.guard(header.sequence, doubtful);
        }
        drop(index);
        // What is begun in the new segment and fails must stay void as well.
        if self.begun != self.succeeded {
            self.doubtful.insert(header.sequence);
        }
        if let Some(old) = old {
            self.trim(&old);
        }
        Ok(())
    }

    /// Writes both headers, and only then gives the file its name.
    fn install(&self, name: &str, file: &dyn DiskFile, header: &SegmentHeader) -> io::Result<()> {
        let octets = header.encode();
        write_all(file, &mut [IoSlice::new(&octets)], 0)?;
        write_all(file, &mut [IoSlice::new(&octets)], HEADER_COPY)?;
        file.sync()?;
        self.disk.rename(name, &segment_name(header.sequence))?;
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

    /// After a write or sync that failed: nothing more goes there. Cutting the
    /// failed records off may fail too; the next segment's header voids them.
    fn give_up_segment(&mut self) {
        if let Some(active) = self.active.take() {
            self.doubtful.insert(active.sequence);
            self.trim(&active);
        }
    }

    /// Gives back what is preallocated past the last good record.
    fn trim(&self, segment: &Active) {
        if segment.file.truncate(segment.end).is_ok() {
            self.shared.index().resize(segment.sequence, segment.end);
        }
    }

    /// What nobody waits for: taking back, unlinking, the next spare.
    fn keep_house(&mut self) {
        self.take_back();
        // Errors: it stays on disk, and is tried again with the next group.
        if self.unlink_unneeded().is_err() {
            self.shared.index().look_again();
        }
        self.find_spare();
    }

    /// Removes what was accepted for a waiter who has gone since: no client
    /// got a 250 for it, and nobody would schedule it.
    fn take_back(&mut self) {
        let abandoned = self.shared.take_abandoned();
        if abandoned.is_empty() {
            return;
        }
        let mut encoded = Encoded::default();
        for &id in &abandoned {
            encoded = encoded.remove(id);
        }
        let (answer, _) = oneshot::channel();
        let request = Request { encoded, answer };
        let taken =
            self.make_room(&request.encoded).is_ok() && self.write_or_give_up(&[request]).is_ok();
        if !taken {
            self.shared.abandon(abandoned);
        }
    }

    /// A guard goes only when what it guards is durably gone.
    fn unlink_unneeded(&mut self) -> io::Result<()> {
        loop {
            let unneeded = self.shared.index().unneeded();
            if unneeded.is_empty() {
                return Ok(());
            }
            for &sequence in &unneeded {
                match self.disk.unlink(&segment_name(sequence)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            self.disk.sync_names()?;
            let mut index = self.shared.index();
            for sequence in unneeded {
                index.drop_segment(sequence);
            }
        }
    }

    fn find_spare(&mut self) {
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

    /// A record of nothing, so that the last commit is not the last: damage to
    /// it can then be told from a torn write.
    fn close(&mut self) {
        self.take_back();
        if self.room() < RecordHeader::LENGTH as u64 {
            return;
        }
        let (answer, _) = oneshot::channel();
        let nothing = Request { encoded: Encoded::default(), answer };
        if self.write_or_give_up(&[nothing]).is_ok()
            && let Some(active) = self.active.take()
        {
            self.trim(&active);
        }
    }
}

impl Spare {
    fn is_impossible(&self) -> bool {
        matches!(self, Self::Impossible { .. })
    }
}

fn answer(request: Request, result: Result<Standing, SpoolError>) {
    // A waiter who has gone leaves the standing here, which takes it back.
    drop(request.answer.send(result));
}

fn random_mark() -> Result<Mark, SpoolError> {
    let mut mark = [0; 8];
    aws_lc_rs::rand::fill(&mut mark).map_err(|_| {
        SpoolError::io("make a new segment", io::Error::other("no random octets are to be had"))
    })?;
    Ok(Mark(mark))
}

/// How a segment is called before it is one.
const SPARE: &str = "spare";
const LARGE: &str = "large";
/// Bounds how long a batch waits for those written with it.
const GROUP_RECORDS: usize = 512;
const GROUP_OCTETS: u64 = 16 * 1024 * 1024;
/// How often bookkeeping that waits looks for new mail to ride with.
const PAUSE: Duration = Duration::from_millis(1);
