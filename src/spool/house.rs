//! What the writer does between commits, and nobody waits for.

use std::io;

use tokio::sync::oneshot;

use super::{
    batch::Encoded,
    format::RecordHeader,
    recover::segment_name,
    writer::{Request, Writer},
};

impl Writer {
    /// What nobody waits for: taking back, unlinking, the next spare.
    pub(super) fn keep_house(&mut self) {
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

    /// A record of nothing, so that the last commit is not the last: damage to
    /// it can then be told from a torn write.
    pub(super) fn close(&mut self) {
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
