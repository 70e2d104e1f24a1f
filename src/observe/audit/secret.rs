//! Secrets of the trail: files of mode 0600, made at the first start.

use std::{
    fs,
    io::{self, Write},
    path::Path,
};

use crate::mail::SubjectKey;

/// The key under which identifiers are hashed, made where there is none yet.
pub fn subject_key(data_dir: &Path) -> io::Result<SubjectKey> {
    let secret = read_or_make(&data_dir.join(SUBJECTS), || random(SubjectKey::OCTETS))?;
    SubjectKey::new(&secret).map_err(io::Error::other)
}

pub(super) fn random(octets: usize) -> io::Result<Vec<u8>> {
    let mut secret = vec![0; octets];
    aws_lc_rs::rand::fill(&mut secret).map_err(io::Error::other)?;
    Ok(secret)
}

/// Whole or not at all, readable by us alone; one that somebody else has made
/// meanwhile stays.
pub(super) fn read_or_make(
    path: &Path,
    make: impl FnOnce() -> io::Result<Vec<u8>>,
) -> io::Result<Vec<u8>> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        read => return read,
    }
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(&make()?)?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => return Err(error.error),
        _ => fs::File::open(folder)?.sync_all()?,
    }
    fs::read(path)
}

const SUBJECTS: &str = "audit-subjects.key";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_secret_is_made_once_and_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let made = read_or_make(&path, || random(32)).unwrap();
        assert_eq!(made.len(), 32);
        assert_eq!(read_or_make(&path, || random(32)).unwrap(), made);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
