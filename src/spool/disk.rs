//! The file layer: all that the spool asks of a file system, and nothing
//! else, so that a test can fail each single call.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, IoSlice, Seek, SeekFrom, Write},
    os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::{
    errno::Errno,
    fcntl::{FallocateFlags, Flock, FlockArg, fallocate},
};

use super::{
    error::SpoolError,
    ground::{Ephemeral, Fleeting, fleeting},
};

/// One directory.
pub(super) trait Disk: Send + Sync {
    fn names(&self) -> io::Result<Vec<String>>;
    /// An empty file, also where there was one.
    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>>;
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    fn unlink(&self, name: &str) -> io::Result<()>;
    /// Makes names durable: created, renamed and unlinked ones.
    fn sync_names(&self) -> io::Result<()>;
}

/// One file. Only the spool's writer writes; anybody reads.
pub(super) trait DiskFile: Send + Sync {
    fn length(&self) -> io::Result<u64>;
    /// As much as there is, at most `buffer`; 0 at the end.
    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
    /// May write less than it was given.
    fn write(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize>;
    /// Reserves space: the file then reads as zeros up to `octets`.
    fn allocate(&self, octets: u64) -> io::Result<()>;
    fn truncate(&self, octets: u64) -> io::Result<()>;
    /// Makes contents and length durable.
    fn sync(&self) -> io::Result<()>;
    /// Makes octets durable that have replaced synced ones, which asks nothing
    /// of the file system's journal.
    fn sync_in_place(&self) -> io::Result<()>;
}

/// Everything, however often the system writes only part.
pub(super) fn write_all(
    file: &dyn DiskFile,
    mut slices: &mut [IoSlice<'_>],
    mut offset: u64,
) -> io::Result<()> {
    // Empty slices would look like a disk that takes nothing.
    IoSlice::advance_slices(&mut slices, 0);
    while !slices.is_empty() {
        match file.write(slices, offset) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => {
                offset = offset.saturating_add(written as u64);
                IoSlice::advance_slices(&mut slices, written);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Up to `length` octets; fewer only at the end of the file.
pub(super) fn read_up_to(file: &dyn DiskFile, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut octets = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = octets.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest, offset.saturating_add(filled as u64)) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    octets.truncate(filled);
    Ok(octets)
}

/// A real directory, locked as long as this lives.
pub(super) struct Directory {
    path: PathBuf,
    handle: File,
    _lock: Flock<File>,
}

impl Directory {
    /// Makes the directory (0700) where it does not exist, and locks it
    /// against a second gateway. Refuses one that does not last, unless it
    /// may be so.
    pub(super) fn open(path: &Path, ephemeral: Ephemeral) -> Result<Self, SpoolError> {
        let refused = |cause: io::Error| SpoolError::Directory {
            directory: path.to_owned(),
            cause: Arc::new(cause),
        };
        make_durably(path).map_err(refused)?;
        let fleeting = fleeting(path).map_err(|errno| refused(errno.into()))?;
        if let (Some(Fleeting { name, why }), Ephemeral::Refuse) = (fleeting, ephemeral) {
            let directory = path.to_owned();
            return Err(SpoolError::Ephemeral { directory, file_system: name, why });
        }
        fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(refused)?;
        let handle = File::open(path).map_err(refused)?;
        let lock = writable().create(true).open(path.join(LOCK)).map_err(refused)?;
        let lock = Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| {
            if errno == Errno::EWOULDBLOCK {
                SpoolError::InUse(path.to_owned())
            } else {
                refused(errno.into())
            }
        })?;
        Ok(Self { path: path.to_owned(), handle, _lock: lock })
    }
}

impl Disk for Directory {
    fn names(&self) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path)? {
            // No name of ours is anything but UTF-8.
            names.extend(entry?.file_name().into_string().ok());
        }
        Ok(names)
    }

    fn create(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = writable().create(true).truncate(true).open(self.path.join(name))?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile(writable().open(self.path.join(name))?)))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path.join(from), self.path.join(to))
    }

    fn unlink(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.handle.sync_all()
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn length(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn write(&self, slices: &[IoSlice<'_>], offset: u64) -> io::Result<usize> {
        let mut file = &self.0;
        file.seek(SeekFrom::Start(offset))?;
        file.write_vectored(slices)
    }

    fn allocate(&self, octets: u64) -> io::Result<()> {
        let length = octets.try_into().map_err(|_| io::Error::from(Errno::EFBIG))?;
        match fallocate(&self.0, FallocateFlags::empty(), 0, length) {
            // Slower there, and a full disk is noticed later, but as safe.
            Ok(()) | Err(Errno::EOPNOTSUPP) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    fn truncate(&self, octets: u64) -> io::Result<()> {
        self.0.set_len(octets)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()?;
        began_a_transaction(fallocate(&self.0, FallocateFlags::FALLOC_FL_KEEP_SIZE, 0, 1))
    }

    fn sync_in_place(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Whether a file system whose sync has returned no error can be believed.
/// ext4 whose journal is aborted while a sync waits for it leaves extents
/// unconverted or the transaction uncommitted, and answers 0: what was synced
/// is gone at the next mount. What begins a transaction after that fails, so
/// one is begun, which asks for a first octet that is there already.
fn began_a_transaction(allocated: nix::Result<()>) -> io::Result<()> {
    match allocated {
        Err(errno @ (Errno::EIO | Errno::EROFS | Errno::ESHUTDOWN)) => Err(errno.into()),
        // There is no such question to this file system, or it is full.
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A new directory is durable when its parent is synced; so is each above it.
fn make_durably(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|above| !above.exists()).collect();
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    for made in missing {
        match made.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all()?,
            _ => File::open(".")?.sync_all()?,
        }
    }
    Ok(())
}

fn writable() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).mode(0o600);
    options
}

pub(super) const LOCK: &str = "lock";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_owner_can_read_what_is_written() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("spool");
        let disk = Directory::open(&path, Ephemeral::Allow).unwrap();
        disk.create("a").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        assert_eq!(mode(&path.join("a")), 0o600);
        assert_eq!(mode(&path.join(LOCK)), 0o600);
    }

    #[test]
    fn a_directory_serves_one_gateway_at_a_time() {
        let path = tempfile::tempdir().unwrap();
        let first = Directory::open(path.path(), Ephemeral::Allow).unwrap();
        assert!(matches!(
            Directory::open(path.path(), Ephemeral::Allow),
            Err(SpoolError::InUse(_))
        ));
        drop(first);
        assert!(Directory::open(path.path(), Ephemeral::Allow).is_ok());
    }

    #[test]
    fn a_directory_in_memory_is_refused_unless_it_is_allowed() {
        let memory = tempfile::tempdir_in("/dev/shm");
        let Some(path) = memory.ok().filter(|path| fleeting(path.path()).unwrap().is_some()) else {
            // Not everywhere is there one; `ground` has the rule itself.
            return;
        };
        let spool = path.path().join("spool");
        let error = Directory::open(&spool, Ephemeral::Refuse).map(drop).unwrap_err();
        assert!(matches!(error, SpoolError::Ephemeral { file_system: "tmpfs", .. }), "{error}");
        assert!(error.to_string().contains("put [node] data_dir on a disk"), "{error}");
        assert!(Directory::open(&spool, Ephemeral::Allow).is_ok());
    }

    #[test]
    fn where_no_directory_can_be_made_the_reason_is_given() {
        let path = Path::new("/proc/no/spool");
        let error = Directory::open(path, Ephemeral::Allow).map(drop).unwrap_err();
        assert!(matches!(error, SpoolError::Directory { .. }), "{error}");
        let said = error.to_string();
        assert!(said.starts_with("/proc/no/spool cannot hold a spool: "), "{said}");
        assert!(said.contains("must be writable for the user"), "{said}");
    }

    #[test]
    fn a_sync_changes_nothing_and_is_believed_only_while_the_file_system_lives() {
        let path = tempfile::tempdir().unwrap();
        let file = Directory::open(path.path(), Ephemeral::Allow).unwrap().create("a").unwrap();
        file.sync().unwrap();
        assert_eq!(file.length().unwrap(), 0);
        write_all(&*file, &mut [IoSlice::new(b"abc")], 0).unwrap();
        file.sync().unwrap();
        write_all(&*file, &mut [IoSlice::new(b"B")], 1).unwrap();
        file.sync_in_place().unwrap();
        assert_eq!(read_up_to(&*file, 0, 100).unwrap(), b"aBc");
        for dead in [Errno::EIO, Errno::EROFS, Errno::ESHUTDOWN] {
            let error = began_a_transaction(Err(dead)).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(dead as i32));
        }
        for lives in [Ok(()), Err(Errno::EOPNOTSUPP), Err(Errno::ENOSPC), Err(Errno::EDQUOT)] {
            assert!(began_a_transaction(lives).is_ok());
        }
    }

    #[test]
    fn slices_arrive_in_order_at_their_offset() {
        let path = tempfile::tempdir().unwrap();
        let file = Directory::open(path.path(), Ephemeral::Allow).unwrap().create("a").unwrap();
        let parts: [&[u8]; 4] = [b"", b"ab", b"", b"cde"];
        let mut slices = parts.map(IoSlice::new);
        write_all(&*file, &mut slices, 3).unwrap();
        assert_eq!(read_up_to(&*file, 0, 100).unwrap(), b"\0\0\0abcde");
    }
}
