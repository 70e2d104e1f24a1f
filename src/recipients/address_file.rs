//! A file of recipients, kept current: read again when it has changed. What
//! cannot be read changes nothing.

use std::{
    fs::Metadata,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use arc_swap::ArcSwap;
use tokio::sync::Mutex;

use super::{address_list::AddressList, prober::Found};
use crate::{config::read_file, mail::Address, policy::diagnostics::Diagnostics};

pub(super) struct AddressFile {
    path: PathBuf,
    list: ArcSwap<AddressList>,
    looked: Mutex<Looked>,
}

/// When the file was last looked at, and what it looked like. None: it was
/// not there.
struct Looked {
    at: Instant,
    version: Option<Version>,
}

/// Anything by which an editor, a copy or a rename shows.
type Version = (Option<SystemTime>, u64, u64);

impl AddressFile {
    /// Reads the file, which has to be right at the start; the error names
    /// file and line.
    pub(super) fn open(path: &Path) -> Result<Self, String> {
        let version = version(path);
        let list = read(path)?;
        Ok(Self {
            path: path.to_owned(),
            list: ArcSwap::from_pointee(list),
            looked: Mutex::new(Looked { at: Instant::now(), version }),
        })
    }

    pub(super) async fn find(&self, address: &Address) -> Found {
        self.look_again().await;
        if self.list.load().contains(address) { Found::Known } else { Found::Unknown }
    }

    /// At most once in `INTERVAL`, by one session; the others use what there
    /// is.
    async fn look_again(&self) {
        let Ok(mut looked) = self.looked.try_lock() else { return };
        if looked.at.elapsed() < INTERVAL {
            return;
        }
        looked.at = Instant::now();
        let (path, before) = (self.path.clone(), looked.version);
        let read = tokio::task::spawn_blocking(move || {
            let version = version(&path);
            (version != before).then(|| (version, read(&path)))
        });
        let Ok(Some((version, list))) = read.await else { return };
        // A version that is wrong is told of once.
        looked.version = version;
        let path = self.path.display();
        match list {
            Ok(list) => {
                tracing::info!(%path, entries = list.len(), "recipients read again");
                self.list.store(Arc::new(list));
            }
            Err(error) => {
                tracing::error!(%error, "recipients not read again; those before stay");
            }
        }
    }
}

fn version(path: &Path) -> Option<Version> {
    let seen = |file: Metadata| (file.modified().ok(), file.len(), file.ino());
    std::fs::metadata(path).ok().map(seen)
}

fn read(path: &Path) -> Result<AddressList, String> {
    let file = read_file(path).map_err(|error| error.to_string())?;
    AddressList::read(&file).map_err(|faults| shown(&faults))
}

/// The first fault, with file and line, and how many there are.
fn shown(faults: &Diagnostics) -> String {
    let Some(first) = faults.iter().next() else { return String::new() };
    let more = match faults.errors() {
        0 | 1 => String::new(),
        errors => format!(" (the first of {errors} faults)"),
    };
    format!("{}:{}: {}: {}{more}", first.file.path, first.line(), first.message, first.label)
}

const INTERVAL: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits out the interval, and asks for the address.
    async fn later(file: &AddressFile, address: &str) -> Found {
        file.looked.lock().await.at -= INTERVAL;
        file.find(&address.parse().unwrap()).await
    }

    #[tokio::test]
    async fn a_changed_file_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipients");
        std::fs::write(&path, "ann@nhs.example\n").unwrap();
        let file = AddressFile::open(&path).unwrap();
        assert_eq!(later(&file, "bob@nhs.example").await, Found::Unknown);
        std::fs::write(&path, "ann@nhs.example\nbob@nhs.example\n").unwrap();
        assert_eq!(later(&file, "bob@nhs.example").await, Found::Known);
    }

    #[tokio::test]
    async fn what_cannot_be_read_again_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipients");
        std::fs::write(&path, "ann@nhs.example\n").unwrap();
        let file = AddressFile::open(&path).unwrap();
        std::fs::write(&path, "bob@nhs.example\nnobody in particular\n").unwrap();
        assert_eq!(later(&file, "ann@nhs.example").await, Found::Known);
        assert_eq!(later(&file, "bob@nhs.example").await, Found::Unknown);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(later(&file, "ann@nhs.example").await, Found::Known);
        std::fs::write(&path, "bob@nhs.example\n").unwrap();
        assert_eq!(later(&file, "bob@nhs.example").await, Found::Known);
        assert_eq!(later(&file, "ann@nhs.example").await, Found::Unknown);
    }

    #[test]
    fn a_file_that_is_wrong_at_the_start_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("recipients");
        std::fs::write(&path, "ann@nhs.example\nann\n@\n").unwrap();
        let error = AddressFile::open(&path).err().unwrap();
        assert!(error.starts_with(&format!("{}:2: ", path.display())), "{error}");
        assert!(error.ends_with("(the first of 2 faults)"), "{error}");
        let missing = AddressFile::open(&folder.path().join("none")).err().unwrap();
        assert!(missing.contains("none: "), "{missing}");
    }
}
