//! The writer: one thread that makes batches durable, many by one fdatasync.
//!
//! New mail never waits for its group to grow: while one group is being synced
//! the next one gathers in the channel, so groups are as large as the load
//! wants. Bookkeeping, for which no client waits, rides with new mail that
//! comes within a moment, so that a busy spool syncs once for both.

use std::{
    collections::{BTreeSet, VecDeque},
    io::IoSlice,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};

use super::{
    batch::{Encoded, Purpose},
    checkpoint::Closed,
    cipher::Cipher,
    disk::{Disk, write_all},
    error::SpoolError,
    format,
    mover::{Mover, Progress},
    sealing::Record,
    segments::{Active, Spare},
    store::{Settings, Shared, Standing},
};

/// A batch that waits for its fsync, and whoever waits for that.
pub(super) struct Request {
    pub(super) encoded: Encoded,
    pub(super) answer: oneshot::Sender<Result<Standing, SpoolError>>,
}

pub(super) struct Writer {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) shared: Arc<Shared>,
    pub(super) settings: Settings,
    pub(super) active: Option<Active>,
    pub(super) spare: Spare,
    /// The number of the last commit that was begun.
    pub(super) begun: u64,
    /// The number of the last commit that succeeded.
    pub(super) succeeded: u64,
    pub(super) last_sequence: u32,
    /// Segments in which a commit has failed since the last that succeeded.
    pub(super) doubtful: BTreeSet<u32>,
    pub(super) mover: Mover,
    /// Segments that are full, and wait for their checkpoint.
    pub(super) closed: Vec<Closed>,
    /// Why no segment could be made, and until when not to try again.
    pub(super) pause: Option<(Instant, SpoolError)>,
    /// When to look again whether a disk in trouble has recovered.
    pub(super) next_trial: Option<Instant>,
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
            mover: Mover::default(),
            closed: Vec::new(),
            pause: None,
            next_trial: None,
        };
        writer.find_spare();
        writer
    }

    /// Until every sender is gone and every batch is answered.
    pub(super) fn run(mut self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = self.next(&mut requests) {
            self.commit(gather(first, &mut requests, self.settings.bookkeeping_waits));
            self.keep_house();
        }
        self.close();
    }

    /// The next batch; moves messages as long as there is none, and looks after
    /// a disk that is full or has failed. None when every sender is gone.
    fn next(&mut self, requests: &mut mpsc::Receiver<Request>) -> Option<Request> {
        let mut nap = PAUSE;
        loop {
            match requests.try_recv() {
                Ok(request) => return Some(request),
                Err(mpsc::error::TryRecvError::Disconnected) => return None,
                Err(mpsc::error::TryRecvError::Empty) => match self.move_portion() {
                    Progress::More => {}
                    Progress::Rest if self.is_well() => return requests.blocking_recv(),
                    Progress::Rest => {
                        std::thread::sleep(nap);
                        nap = nap.saturating_mul(2).min(LONGEST_NAP);
                        self.try_disk_again();
                    }
                },
            }
        }
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
            let cipher = self.cipher();
            let mut room = self.room().saturating_sub(first.encoded.length_in(&cipher));
            let mut group = vec![first];
            while let Some(next) = waiting.pop_front_if(|next| {
                let purpose = next.encoded.purpose;
                next.encoded.length_in(&cipher) <= room
                    && (purpose == Purpose::Bookkeeping || !self.spare.is_impossible())
            }) {
                room -= next.encoded.length_in(&cipher);
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

    pub(super) fn write_or_give_up(&mut self, group: &[Request]) -> Result<(), SpoolError> {
        let written = self.write_group(group);
        self.shared.failing.store(written.is_err(), Ordering::Relaxed);
        if written.is_err() {
            self.shared.failures.fetch_add(1, Ordering::Relaxed);
            self.give_up_segment();
        }
        written
    }

    /// Writes the group, syncs it, and only then lets the index know.
    fn write_group(&mut self, group: &[Request]) -> Result<(), SpoolError> {
        let Some(active) = &mut self.active else { return Err(SpoolError::Closed) };
        self.begun += 1;
        let mut records = Vec::with_capacity(group.len());
        let mut end = active.end;
        for Request { encoded, .. } in group {
            let record = Record::new(encoded, self.begun, &active.header, end)?;
            end = end.saturating_add(record.header.length());
            records.push(record);
        }
        let mut slices = Vec::with_capacity(group.len() * 3);
        for record in &records {
            slices.push(IoSlice::new(&record.head));
            slices.push(IoSlice::new(&record.entries));
            slices.extend(record.contents.iter().map(|content| IoSlice::new(content)));
        }
        let zeros = active.zeros_behind(end);
        slices.push(IoSlice::new(zeros));
        write_all(&*active.file, &mut slices, active.end)
            .map_err(|cause| SpoolError::io("write to its segment", cause))?;
        let written = end.saturating_add(zeros.len() as u64);
        active.sync(written).map_err(|cause| SpoolError::io("sync its segment", cause))?;

        self.succeeded = self.begun;
        self.doubtful.clear();
        self.shared.commits.fetch_add(group.len() as u64, Ordering::Relaxed);
        self.shared.syncs.fetch_add(1, Ordering::Relaxed);
        let mut index = self.shared.index();
        for (Record { header, entries, .. }, request) in records.iter().zip(group) {
            let changes = format::read_changes(&active.header, active.end, header, entries);
            if changes.is_none() {
                active.covered = None;
            }
            let changes = changes.unwrap_or_default();
            for (change, summary) in changes.into_iter().zip(&request.encoded.summaries) {
                index.apply(change);
                if let Some(covered) = &mut active.covered {
                    covered.note(&change, summary);
                }
            }
            active.end += header.length();
        }
        Ok(())
    }

    /// Whether the batch may be written, and a segment to write it to.
    pub(super) fn make_room(&mut self, encoded: &Encoded) -> Result<(), SpoolError> {
        if encoded.purpose == Purpose::NewMail {
            self.find_spare();
            if let Spare::Impossible { error, .. } = &self.spare {
                return Err(error.clone());
            }
        }
        let length = encoded.length_in(&self.cipher());
        if length <= self.room() {
            return Ok(());
        }
        if let Some((until, error)) = &self.pause
            && Instant::now() < *until
        {
            return Err(error.clone());
        }
        self.pause = None;
        let needed = match self.settings.keys.current_id() {
            None => encoded.length(),
            Some(_) => encoded.longest(),
        };
        let opened = self.open_segment(needed);
        opened.inspect_err(|error| {
            self.shared.failing.store(true, Ordering::Relaxed);
            self.pause = Some((self.settings.retry_at(), error.clone()));
        })
    }

    /// Of what it writes.
    fn cipher(&self) -> Cipher {
        self.active.as_ref().map(|active| active.header.cipher.clone()).unwrap_or_default()
    }

    pub(super) fn room(&self) -> u64 {
        self.active.as_ref().map_or(0, |active| active.limit.saturating_sub(active.end))
    }
}

fn answer(request: Request, result: Result<Standing, SpoolError>) {
    // A waiter who has gone leaves the standing here, which takes it back.
    drop(request.answer.send(result));
}

/// Bounds how long a batch waits for those written with it.
const GROUP_RECORDS: usize = 512;
const GROUP_OCTETS: u64 = 16 * 1024 * 1024;
/// How often bookkeeping that waits looks for new mail to ride with.
const PAUSE: Duration = Duration::from_millis(1);
/// How long a batch may wait more for a disk that is in trouble.
const LONGEST_NAP: Duration = Duration::from_millis(50);
