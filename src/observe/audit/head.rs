//! The head: which line is the last that is on disk, in a file of its own, so
//! that a trail cut short is known for one.
//!
//! Written when the trail is opened first, synced, and after each sync of the
//! trail, in place and in one write, not synced again: after a crash it may
//! name an earlier line, never a later one; and there is always one.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::Path,
};

use super::chain::Link;

pub(super) struct Head(File);

impl Head {
    /// Where there is none, it begins with what the trail was found to end
    /// with.
    pub(super) fn open(folder: &Path, end: Link) -> io::Result<Self> {
        let path = folder.join(FILE);
        let mut options = OpenOptions::new();
        options.create(true).truncate(false).write(true).mode(0o600);
        let head = Self(options.open(path)?);
        if head.0.metadata()?.len() == 0 {
            head.write(end)?;
            head.0.sync_all()?;
            File::open(folder)?.sync_all()?;
        }
        Ok(head)
    }

    pub(super) fn write(&self, link: Link) -> io::Result<()> {
        let mut record = serde_json::to_vec(&link)?;
        // Always as long, so that no rest of a longer one stays behind.
        record.resize(LENGTH - 1, b' ');
        record.push(b'\n');
        self.0.write_all_at(&record, 0)
    }
}

/// None where there is none.
pub(super) fn read(folder: &Path) -> io::Result<Option<Link>> {
    match std::fs::read(folder.join(FILE)) {
        Ok(record) if record.is_empty() => Ok(None),
        Ok(record) => Ok(Some(serde_json::from_slice(&record)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

pub(super) const FILE: &str = "audit.head";
/// A number and a digest, and room. Less than a sector: it is torn by nothing.
const LENGTH: usize = 160;

#[cfg(test)]
mod tests {
    use super::{super::chain::Digest, *};

    #[test]
    fn the_head_is_what_was_written_last() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path()).unwrap(), None);
        let head = Head::open(folder.path(), Link::START).unwrap();
        assert_eq!(read(folder.path()).unwrap(), Some(Link::START));
        for seq in [u64::MAX, 7] {
            let link = Link { seq, digest: Digest::of(b"x") };
            head.write(link).unwrap();
            assert_eq!(read(folder.path()).unwrap(), Some(link));
            Head::open(folder.path(), Link::START).unwrap();
            assert_eq!(read(folder.path()).unwrap(), Some(link));
        }
    }
}
