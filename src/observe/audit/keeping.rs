//! Keeping the files, between two groups of lines: checkpoints, rotation,
//! packing, and the end of their time.

use std::{
    fs::File,
    io,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant, SystemTime},
};

use tracing::{info, warn};

use super::{
    checkpoint::Checkpoint,
    shelf,
    writer::{Writer, now},
};

impl Writer {
    /// Signs for the last line on disk, where that is not done yet.
    pub(super) fn sign(&mut self) -> io::Result<Option<Checkpoint>> {
        let link = self.file.link();
        self.signed_at = Instant::now();
        if link.seq == 0 {
            return Ok(None);
        }
        let checkpoint = self.signatory.sign(link, now())?;
        self.signed = link;
        Ok(Some(checkpoint))
    }

    pub(super) fn keep_files(&mut self) {
        let kept = self.sign_in_time().and_then(|()| self.rotate()).and_then(|()| self.retire());
        if let Err(error) = kept {
            warn!(%error, "the audit trail's files could not be kept as [audit] says");
        }
    }

    fn sign_in_time(&mut self) -> io::Result<()> {
        let lines = self.file.link().seq.saturating_sub(self.signed.seq);
        let is_time = self.signed_at.elapsed() >= self.settings.keeping.checkpoint_every;
        if lines >= SIGNED_LINES || (lines > 0 && is_time) {
            self.sign()?;
        }
        Ok(())
    }

    fn rotate(&mut self) -> io::Result<()> {
        let keeping = &self.settings.keeping;
        if !self.file.is_full(keeping.rotate_size as u64, keeping.rotate_every, now()) {
            return Ok(());
        }
        // Who reads has the files stand still; then a little later.
        let Some(lock) = shelf::rearrange(&self.settings.folder()) else { return Ok(()) };
        self.sign()?;
        self.file.rotate(now())?;
        drop(lock);
        self.looked_at_shelf = None;
        Ok(())
    }

    /// Once in a while, and whenever a file has come on the shelf.
    fn retire(&mut self) -> io::Result<()> {
        if self.looked_at_shelf.is_some_and(|then| then.elapsed() < SHELF) {
            return Ok(());
        }
        self.looked_at_shelf = Some(Instant::now());
        self.pack();
        let (folder, retention) = (self.settings.folder(), self.settings.keeping.retention);
        let Some(outdated) = shelf::outdated(&folder, retention, SystemTime::now())? else {
            return Ok(());
        };
        self.note(outdated.line.clone());
        self.write();
        if self.failing.is_some() {
            // What goes has to be on record first.
            return Ok(());
        }
        for path in &outdated.files {
            std::fs::remove_file(path)?;
            info!(path = %path.display(), "a file of the audit trail has been kept for its time");
        }
        File::open(folder)?.sync_all()
    }

    /// On a thread of its own: lines do not wait for it.
    fn pack(&self) {
        if self.is_packing.swap(true, Ordering::AcqRel) {
            return;
        }
        let (folder, is_packing) = (self.settings.folder(), Arc::clone(&self.is_packing));
        let packing = std::thread::Builder::new().name("audit-pack".to_owned()).spawn(move || {
            if let Err(error) = shelf::pack_all(&folder) {
                warn!(%error, "a file of the audit trail could not be compressed; it stays as it is");
            }
            is_packing.store(false, Ordering::Release);
        });
        if packing.is_err() {
            self.is_packing.store(false, Ordering::Release);
        }
    }
}

/// How many lines may stand behind the last checkpoint.
const SIGNED_LINES: u64 = 10_000;
const SHELF: Duration = Duration::from_secs(3600);
