//! A stopped spool, looked at and not touched.
//!
//! Recovery reads it as at a start; what it would mend (a torn commit struck
//! out, a tail cut off) is left for the next start. The lock is held
//! meanwhile, so that no gateway writes what is being read.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, IoSlice},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::{
    damage::{Damage, DamageKind},
    disk::{Disk, DiskFile, LOCK},
    error::SpoolError,
    index::KeyUse,
    key::{KeyId, Keys},
    recover::SEGMENT_SUFFIX,
    store::{Spool, Stats},
};
use crate::mail::{QueueId, QueuedMessage};

/// What stands in a spool on which no gateway runs.
pub struct Inspection {
    /// It has no writer: nothing can be recorded.
    spool: Spool,
    keys: Keys,
    /// Held as long as this lives.
    _disk: Onlooker,
}

impl Spool {
    /// Reads a stopped spool, its index checkpoint left aside. Refuses with
    /// [`SpoolError::InUse`] while a gateway runs, and with
    /// [`SpoolError::Missing`] where no gateway has ever run. Blocks.
    ///
    /// What is sealed under none of the keys is there, and gives
    /// [`SpoolError::UnknownKey`] when it is to be read; its CRCs are checked
    /// all the same.
    pub fn inspect(directory: &Path, keys: &Keys) -> Result<Inspection, SpoolError> {
        let disk = Onlooker::open(directory)?;
        let spool = Self::without_writer(&disk, keys)?;
        Ok(Inspection { spool, keys: keys.clone(), _disk: disk })
    }
}

impl Inspection {
    /// Every message's id, in the order of arrival.
    pub fn ids(&self) -> Vec<QueueId> {
        self.spool.ids()
    }

    /// As [`Spool::message`].
    pub fn message(&self, id: QueueId) -> Result<Option<QueuedMessage>, SpoolError> {
        self.spool.message(id)
    }

    /// As [`Spool::content`].
    pub fn content(&self, id: QueueId) -> Result<Option<Bytes>, SpoolError> {
        self.spool.content(id)
    }

    /// What it is looked at with.
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// As [`Spool::key_uses`].
    pub fn key_uses(&self) -> BTreeMap<Option<KeyId>, KeyUse> {
        self.spool.key_uses()
    }

    pub fn stats(&self) -> Stats {
        self.spool.stats()
    }

    /// Octets that are needed: contents and envelopes of live messages.
    pub fn live_octets(&self) -> u64 {
        let located = self.ids().into_iter().filter_map(|id| self.spool.located(id));
        located
            .map(|at| u64::from(at.meta.length).saturating_add(at.content.place.length.into()))
            .fold(0, u64::saturating_add)
    }

    /// What cannot be believed, envelopes of messages included; contents not.
    pub fn damage(&self) -> Vec<Damage> {
        self.spool.damage()
    }

    /// Reads every content: those that are not what was written.
    pub fn damaged_contents(&self) -> Vec<Damage> {
        let damaged = |id| match self.spool.check_content(id) {
            Ok(()) | Err(SpoolError::UnknownKey { .. }) => None,
            Err(_) => self.spool.located(id).map(|located| Damage {
                segment: located.content.place.segment,
                offset: located.content.place.offset.into(),
                octets: located.content.place.length.into(),
                kind: DamageKind::Content(id),
            }),
        };
        self.ids().into_iter().filter_map(damaged).collect()
    }
}

/// A directory that is only read. What recovery would mend seems to succeed.
struct Onlooker {
    path: PathBuf,
    /// None where nobody can write.
    _lock: Option<Flock<File>>,
}

impl Onlooker {
    fn open(path: &Path) -> Result<Self, SpoolError> {
        let refused = |cause| SpoolError::io("read its directory", cause);
        let entries = fs::read_dir(path).map_err(refused)?;
        let names = entries.collect::<Result<Vec<_>, _>>().map_err(refused)?;
        let ours = names.iter().filter_map(|entry| entry.file_name().into_string().ok());
        if !ours.into_iter().any(|name| name == LOCK || name.ends_with(SEGMENT_SUFFIX)) {
            return Err(SpoolError::Missing(path.to_owned()));
        }
        let file = match File::open(path.join(LOCK)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => create_lock(path),
            opened => opened.map(Some),
        };
        let lock = file.map_err(refused)?.map(|file| {
            Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| match errno {
                Errno::EWOULDBLOCK => SpoolError::InUse(path.to_owned()),
                errno => refused(errno.into()),
            })
        });
        Ok(Self { path: path.to_owned(), _lock: lock.transpose()? })
    }
}

/// A copy of a spool may come without its lock; none is needed where no
/// gateway could write either.
fn create_lock(path: &Path) -> io::Result<Option<File>> {
    match File::create(path.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => Ok(None),
        created => created.map(Some),
    }
}

impl Disk for Onlooker {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            names.extend(entry?.file_name().into_string().ok());
        }
        // Segments are all that is believed here.
        names.retain(|name| name.ends_with(SEGMENT_SUFFIX));
        Ok(names)
    }

    fn create(&self, _: &str) -> io::Result<Arc<dyn DiskFile>> {
        Err(Errno::EROFS.into())
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        if !name.ends_with(SEGMENT_SUFFIX) {
            return Err(Errno::ENOENT.into());
        }
        Ok(Arc::new(ReadFile(File::open(self.path.join(name))?)))
    }

    fn rename(&self, _: &str, _: &str) -> io::Result<()> {
        Err(Errno::EROFS.into())
    }

    fn unlink(&self, _: &str) -> io::Result<()> {
        Err(Errno::EROFS.into())
    }

    fn sync_names(&self) -> io::Result<()> {
        Ok(())
    }
}

struct ReadFile(File);

impl DiskFile for ReadFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    /// A torn commit is not struck out here, and not believed either.
    fn write(&self, slices: &[IoSlice<'_>], _: u64) -> io::Result<usize> {
        Ok(slices.iter().map(|slice| slice.len()).sum())
    }

    fn allocate(&self, _: u64) -> io::Result<()> {
        Err(Errno::EROFS.into())
    }

    /// A tail that is not cut off still counts.
    fn truncate(&self, _: u64) -> io::Result<()> {
        Err(Errno::EROFS.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn sync_in_place(&self) -> io::Result<()> {
        Ok(())
    }
}
