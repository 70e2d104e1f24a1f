//! Small things that outlive a restart: a JSON file each, in
//! `data_dir/console`, for nobody but us to read. A change is on disk, whole
//! and synced, before it counts; where the disk does not take it, it has not
//! happened.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use serde::{Serialize, de::DeserializeOwned};

pub(super) struct Kept<T> {
    path: PathBuf,
    state: Mutex<T>,
}

#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
pub struct NotKept {
    path: PathBuf,
    source: io::Error,
}

impl<T: Clone + Default + Serialize + DeserializeOwned> Kept<T> {
    /// With what an earlier run has left. What cannot be read is set aside,
    /// and `damaged` stands for it: mail does not wait for a console's file.
    pub(super) fn open(
        folder: &Path,
        file: &str,
        damaged: impl FnOnce() -> T,
    ) -> Result<Self, NotKept> {
        let path = folder.join(file);
        let not_kept = |source| NotKept { path: path.clone(), source };
        fs::create_dir_all(folder).map_err(not_kept)?;
        let state = match fs::read(&path) {
            Ok(octets) => serde_json::from_slice(&octets).unwrap_or_else(|error| {
                let shown = path.display();
                tracing::error!(%error, path = %shown, "what the console has kept is damaged");
                let _ = fs::rename(&path, path.with_extension("damaged"));
                damaged()
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => T::default(),
            Err(error) => return Err(not_kept(error)),
        };
        Ok(Self { path, state: Mutex::new(state) })
    }

    pub(super) fn read<R>(&self, look: impl FnOnce(&T) -> R) -> R {
        look(&self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is changed, or why not; then all is as it was. Blocks.
    pub(super) fn change<R, E: From<NotKept>>(
        &self,
        change: impl FnOnce(&mut T) -> Result<R, E>,
    ) -> Result<R, E> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = state.clone();
        let answer = change(&mut changed)?;
        let written = self.write(&changed);
        written.map_err(|source| NotKept { path: self.path.clone(), source })?;
        *state = changed;
        Ok(answer)
    }

    fn write(&self, state: &T) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&mut file, state)?;
        file.flush()?;
        file.as_file().sync_all()?;
        file.persist(&self.path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn open(folder: &Path) -> Kept<Vec<u8>> {
        Kept::open(folder, "numbers.json", || vec![99]).unwrap()
    }

    fn add(kept: &Kept<Vec<u8>>, number: u8) -> Result<(), NotKept> {
        kept.change(|numbers| {
            numbers.push(number);
            Ok(())
        })
    }

    #[test]
    fn a_change_is_there_after_a_restart_and_nobody_else_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        add(&open(folder.path()), 1).unwrap();
        let again = open(folder.path());
        add(&again, 2).unwrap();
        assert_eq!(open(folder.path()).read(Clone::clone), [1, 2]);
        let mode = fs::metadata(folder.path().join("numbers.json")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn what_the_disk_does_not_take_has_not_happened() {
        let folder = tempfile::tempdir().unwrap();
        let kept = open(&folder.path().join("gone"));
        add(&kept, 1).unwrap();
        fs::remove_dir_all(folder.path().join("gone")).unwrap();
        assert!(add(&kept, 2).is_err());
        assert_eq!(kept.read(Clone::clone), [1]);
    }

    #[test]
    fn a_damaged_file_is_set_aside_and_something_stands_for_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("numbers.json"), "[1,").unwrap();
        assert_eq!(open(folder.path()).read(Clone::clone), [99]);
        assert_eq!(fs::read(folder.path().join("numbers.damaged")).unwrap(), b"[1,");
    }
}
