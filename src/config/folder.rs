//! Reading the officers' folder and postern.toml from disk, with errors that
//! name the place.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::git::commit_of;
use crate::policy::{Sources, diagnostics::SourceFile};

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{path}: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{path}: the file is larger than {MAX_FILE} octets")]
    TooLarge { path: PathBuf },
    #[error("{path}: the file is not UTF-8")]
    NotUtf8 { path: PathBuf },
    #[error("{path}: more than {MAX_DEPTH} folders deep")]
    TooDeep { path: PathBuf },
}

/// Where the trust anchors that policies name are kept: `certs`, beside them.
pub fn certificates_folder(policies: &Path) -> PathBuf {
    policies.with_file_name("certs")
}

/// Everything in the policy folder; hidden files (an editor's, git's) apart.
/// Of the certificates beside it, the names.
pub fn read_policies(folder: &Path) -> Result<Sources, ReadError> {
    let mut sources = Sources::new(&folder.to_string_lossy());
    add_folder(folder, "", MAX_DEPTH, &mut sources)?;
    add_certificates(&certificates_folder(folder), &mut sources)?;
    Ok(sources.from_commit(commit_of(folder)))
}

/// postern.toml, or another file of text.
pub fn read_file(path: &Path) -> Result<Arc<SourceFile>, ReadError> {
    let text =
        String::from_utf8(read(path)?).map_err(|_| ReadError::NotUtf8 { path: path.to_owned() })?;
    Ok(Arc::new(SourceFile { path: path.display().to_string(), text }))
}

/// Most have none of their own, and no such folder.
fn add_certificates(folder: &Path, sources: &mut Sources) -> Result<(), ReadError> {
    let unreadable = |source| ReadError::Unreadable { path: folder.to_owned(), source };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(unreadable)?,
    };
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        if entry.path().is_file() {
            sources.add_certificate(&entry.file_name().to_string_lossy());
        }
    }
    Ok(())
}

fn add_folder(
    folder: &Path,
    prefix: &str,
    depth: usize,
    sources: &mut Sources,
) -> Result<(), ReadError> {
    let unreadable = |source| ReadError::Unreadable { path: folder.to_owned(), source };
    if depth == 0 {
        return Err(ReadError::TooDeep { path: folder.to_owned() });
    }
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let path = format!("{prefix}{name}");
        if entry.path().is_dir() {
            add_folder(&entry.path(), &format!("{path}/"), depth - 1, sources)?;
        } else {
            sources.add(&path, &read(&entry.path())?);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<Vec<u8>, ReadError> {
    let unreadable = |source| ReadError::Unreadable { path: path.to_owned(), source };
    if std::fs::metadata(path).map_err(unreadable)?.len() > MAX_FILE {
        return Err(ReadError::TooLarge { path: path.to_owned() });
    }
    std::fs::read(path).map_err(unreadable)
}

const MAX_FILE: u64 = 16 << 20;
const MAX_DEPTH: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_below_the_folder_are_read_and_hidden_ones_left_out() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("terms")).unwrap();
        std::fs::write(folder.path().join("rules.toml"), "a").unwrap();
        std::fs::write(folder.path().join("terms/x.txt"), "b").unwrap();
        std::fs::write(folder.path().join(".rules.toml.swp"), [0xff]).unwrap();
        let sources = read_policies(folder.path()).unwrap();
        let paths: Vec<_> = sources.iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["rules.toml", "terms/x.txt"]);
    }

    #[test]
    fn the_certificates_beside_the_policies_are_known_by_name() {
        let root = tempfile::tempdir().unwrap();
        let policies = root.path().join("policies");
        std::fs::create_dir_all(&policies).unwrap();
        assert_eq!(read_policies(&policies).unwrap().certificates().count(), 0);
        std::fs::create_dir_all(root.path().join("certs/deeper")).unwrap();
        std::fs::write(root.path().join("certs/partner.pem"), "x").unwrap();
        let sources = read_policies(&policies).unwrap();
        assert_eq!(sources.certificates().collect::<Vec<_>>(), ["partner.pem"]);
    }

    #[test]
    fn a_missing_folder_is_named() {
        let error = read_policies(Path::new("/nonexistent/policies")).unwrap_err();
        assert!(error.to_string().starts_with("/nonexistent/policies: "), "{error}");
    }
}
