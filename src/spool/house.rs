//! What the writer does between commits, and nobody waits for.

use std::{
    io,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use super::{
    batch::{Encoded, Purpose},
    checkpoint::checkpoint_name,
    error::SpoolError,
    format::RecordHeader,
    recover::segment_name,
    writer::{Request, Writer},
};

impl Writer {
    /// What nobody waits for: taking back, unlinking, the next spare.
    pub(super) fn keep_house(&mut self) {
        self.take_back();
        self.tidy();
        self.write_checkpoints();
        self.find_spare();
        // One portion also where no moment is quiet; the rest when one is.
        self.move_portion();
    }

    /// Whether the disk has room, and has taken the last that was written.
    pub(super) fn is_well(&mut self) -> bool {
        let [full, failing] = [&self.shared.full, &self.shared.failing];
        let well = !full.load(Ordering::Relaxed) && !failing.load(Ordering::Relaxed);
        if well {
            self.next_trial = None;
        }
        well
    }

    /// Sees from time to time whether the trouble is over, with a record of
    /// nothing. Nobody else may: while the gateway says that it is not ready,
    /// mail goes elsewhere.
    pub(super) fn try_disk_again(&mut self) {
        let now = Instant::now();
        let wait = self.settings.retry_after.max(LEAST_WAIT);
        let trial = *self.next_trial.get_or_insert_with(|| now.checked_add(wait).unwrap_or(now));
        if now < trial {
            return;
        }
        self.next_trial = None;
        self.find_spare();
        if self.shared.failing.load(Ordering::Relaxed) {
            // Outcomes need no spare. Where it fails, the trouble goes on.
            let mut nothing = Encoded::default();
            nothing.purpose = Purpose::Bookkeeping;
            let _ = self.commit_own(nothing);
        }
    }

    /// Unlinks what nobody needs. Errors: it stays on disk, and is tried again
    /// with the next group.
    pub(super) fn tidy(&mut self) {
        if self.unlink_unneeded().is_err() {
            self.shared.index().look_again();
        }
    }

    /// Commits a batch of the spool's own, for which nobody waits.
    pub(super) fn commit_own(&mut self, encoded: Encoded) -> Result<(), SpoolError> {
        self.make_room(&encoded)?;
        let (answer, _) = oneshot::channel();
        self.write_or_give_up(&[Request { encoded, answer }])
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
        if self.commit_own(encoded).is_err() {
            self.shared.abandon(abandoned);
        }
    }

    /// Of the segments that are full and still needed. One that cannot be
    /// written costs a scan at the next start.
    fn write_checkpoints(&mut self) {
        for closed in std::mem::take(&mut self.closed) {
            if self.shared.index().holds_segment(closed.header.sequence) {
                let _ = closed.write(&*self.disk);
            }
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
                // Without its segment it means nothing; the next start tries
                // again.
                let _ = self.disk.unlink(&checkpoint_name(sequence));
            }
            self.disk.sync_names()?;
            let mut index = self.shared.index();
            let keys = index.keys();
            for sequence in unneeded {
                index.drop_segment(sequence);
            }
            for gone in keys.difference(&index.keys()) {
                match gone {
                    Some(key) => tracing::info!(%key, "nothing stands under this key any more"),
                    None => tracing::info!("nothing stands in plain any more"),
                }
            }
        }
    }

    /// A record of nothing, so that the last commit is not the last: damage to
    /// it can then be told from a torn write.
    pub(super) fn close(&mut self) {
        self.take_back();
        if self.room() >= RecordHeader::LENGTH as u64 {
            // Where it fails, the segment is given up.
            let _ = self.commit_own(Encoded::default());
        }
        if let Some(active) = self.active.take() {
            self.retire(active);
        }
        self.write_checkpoints();
    }
}

/// A disk in trouble is not asked more often.
const LEAST_WAIT: Duration = Duration::from_secs(1);
