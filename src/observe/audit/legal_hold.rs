//! A legal hold: while it is set, no file of the trail is removed.

use std::{fs, io, path::Path};

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LegalHold {
    pub by: String,
    pub reason: String,
    /// RFC 3339.
    pub at: String,
}

impl LegalHold {
    /// What is set on the trail in a folder. One that cannot be read is an
    /// error, and never none.
    pub fn on(folder: &Path) -> io::Result<Option<Self>> {
        match fs::read(folder.join(FILE)) {
            Ok(written) => Ok(Some(serde_json::from_slice(&written)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whole or not at all, and on disk.
    pub(super) fn set(&self, folder: &Path) -> io::Result<()> {
        let file = tempfile::NamedTempFile::new_in(folder)?;
        serde_json::to_writer(&file, self)?;
        file.as_file().sync_all()?;
        file.persist(folder.join(FILE))?;
        fs::File::open(folder)?.sync_all()
    }

    pub(super) fn lift(folder: &Path) -> io::Result<()> {
        match fs::remove_file(folder.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }
}

const FILE: &str = "legal-hold.json";
