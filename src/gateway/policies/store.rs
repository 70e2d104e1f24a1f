//! Versions kept with their files, in `data_dir/policies`: what a start falls
//! back upon, and what can be returned to.
//!
//! A version is a file named by its hash, and what is read back is believed
//! only if it has that hash still. The record of what is live, waits and was
//! done is one file beside them. Each is written whole, synced, and then
//! renamed into its place: a power cut leaves the one before.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::version::{Version, VersionName};
use crate::policy::Sources;

pub(super) struct Store {
    folder: PathBuf,
}

/// A version as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    version: Version,
    #[serde(default)]
    commit: Option<String>,
    /// Names of the trust anchors that stood beside it.
    #[serde(default)]
    certificates: Vec<String>,
    files: BTreeMap<String, String>,
    /// Messages of cases that are not UTF-8, in base64.
    #[serde(default)]
    mail: BTreeMap<String, String>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    #[error("{path}: {source}")]
    Disk { path: PathBuf, source: io::Error },
    #[error("{path} cannot be read: {why}")]
    Damaged { path: PathBuf, why: String },
    #[error("no version {0} is kept: `postern policy history` lists those that are")]
    Unknown(VersionName),
    #[error("several versions begin with {0}: write more of its digits")]
    Ambiguous(VersionName),
}

impl Store {
    /// Made where it is missing, for nobody but us to read.
    pub(super) fn open(data_dir: &Path) -> Result<Self, StoreError> {
        let folder = data_dir.join("policies");
        let versions = folder.join(VERSIONS);
        fs::create_dir_all(&versions).map_err(|source| StoreError::disk(&versions, source))?;
        Ok(Self { folder })
    }

    /// Durable when it returns.
    pub(super) fn keep(&self, version: &Version, sources: &Sources) -> Result<(), StoreError> {
        let kept = Kept {
            version: version.clone(),
            commit: sources.commit().map(str::to_owned),
            certificates: sources.certificates().map(str::to_owned).collect(),
            files: sources
                .iter()
                .map(|(path, file)| (path.to_owned(), file.text.clone()))
                .collect(),
            mail: sources
                .mail()
                .map(|(path, octets)| (path.to_owned(), STANDARD.encode(octets)))
                .collect(),
        };
        write(&self.path(version), &kept)
    }

    /// The files of a version, named `shown` in faults.
    pub(super) fn sources(&self, version: &Version) -> Result<Sources, StoreError> {
        let path = self.path(version);
        let kept: Kept = read(&path)?.ok_or_else(|| StoreError::Unknown(version.into()))?;
        let mut sources =
            Sources::new(&format!("version {}", version.short())).from_commit(kept.commit);
        for (path, text) in &kept.files {
            sources.add(path, text.as_bytes());
        }
        for (path, encoded) in &kept.mail {
            let octets = STANDARD.decode(encoded).map_err(|error| StoreError::Damaged {
                path: self.path(version),
                why: format!("{path}: {error}"),
            })?;
            sources.add(path, &octets);
        }
        for name in &kept.certificates {
            sources.add_certificate(name);
        }
        match Version::of(&sources) == *version {
            true => Ok(sources),
            false => {
                let why = "it is not what its name says: it was changed".to_owned();
                Err(StoreError::Damaged { path, why })
            }
        }
    }

    /// The one version that is meant, of those kept.
    pub(super) fn named(&self, name: &VersionName) -> Result<Version, StoreError> {
        let mut named = self.versions()?.into_iter().filter(|version| name.names(version));
        match (named.next(), named.next()) {
            (Some(version), None) => Ok(version),
            (None, _) => Err(StoreError::Unknown(name.clone())),
            (Some(_), Some(_)) => Err(StoreError::Ambiguous(name.clone())),
        }
    }

    /// Every version but these is given up.
    pub(super) fn keep_only(&self, wanted: &BTreeSet<Version>) -> Result<(), StoreError> {
        for version in self.versions()?.difference(wanted) {
            let path = self.path(version);
            fs::remove_file(&path).map_err(|source| StoreError::disk(&path, source))?;
        }
        Ok(())
    }

    /// None where nothing was ever recorded.
    pub(super) fn record<T: DeserializeOwned>(&self) -> Result<Option<T>, StoreError> {
        read(&self.folder.join(RECORD))
    }

    /// Durable when it returns.
    pub(super) fn set_record(&self, record: &impl Serialize) -> Result<(), StoreError> {
        write(&self.folder.join(RECORD), record)
    }

    fn versions(&self) -> Result<BTreeSet<Version>, StoreError> {
        let folder = self.folder.join(VERSIONS);
        let entries = fs::read_dir(&folder).map_err(|source| StoreError::disk(&folder, source))?;
        let mut versions = BTreeSet::new();
        for entry in entries {
            let entry = entry.map_err(|source| StoreError::disk(&folder, source))?;
            let name = entry.file_name();
            let digits = name.to_str().and_then(|name| name.strip_suffix(ENDING));
            versions.extend(digits.and_then(|digits| Version::try_from(digits.to_owned()).ok()));
        }
        Ok(versions)
    }

    fn path(&self, version: &Version) -> PathBuf {
        self.folder.join(VERSIONS).join(format!("{version}{ENDING}"))
    }
}

impl StoreError {
    fn disk(path: &Path, source: io::Error) -> Self {
        Self::Disk { path: path.to_owned(), source }
    }
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let octets = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|source| StoreError::disk(path, source))?,
    };
    let damaged = |error: serde_json::Error| StoreError::Damaged {
        path: path.to_owned(),
        why: error.to_string(),
    };
    serde_json::from_slice(&octets).map(Some).map_err(damaged)
}

/// Whole or not at all, readable by us alone.
fn write(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = serde_json::to_vec(value).map_err(io::Error::other).and_then(|octets| {
        if fs::read(path).is_ok_and(|before| before == octets) {
            return Ok(());
        }
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&octets)?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    });
    written.map_err(|source| StoreError::disk(path, source))
}

const VERSIONS: &str = "versions";
const RECORD: &str = "record.json";
const ENDING: &str = ".json";

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(text: &str) -> Sources {
        let mut sources = Sources::new("policies").from_commit(Some("c".repeat(40)));
        sources.add("rules.toml", text.as_bytes());
        sources.add("tests/a.toml", b"case");
        sources.add("tests/a.eml", b"caf\xe9");
        sources.add_certificate("partner.pem");
        sources
    }

    #[test]
    fn a_version_is_read_back_as_it_was_with_its_cases_and_its_commit() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let sources = sources("a = 1\n");
        let version = Version::of(&sources);
        store.keep(&version, &sources).unwrap();
        let read = Store::open(folder.path()).unwrap().sources(&version).unwrap();
        assert_eq!(read.digest(), sources.digest());
        assert_eq!(read.file("tests/a.toml").unwrap().text, "case");
        assert_eq!(read.octets("tests/a.eml").as_deref(), Some(&b"caf\xe9"[..]));
        assert_eq!(read.commit(), sources.commit());
        assert_eq!(read.certificates().collect::<Vec<_>>(), ["partner.pem"]);
    }

    #[test]
    fn a_version_that_was_changed_on_disk_is_not_believed() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let sources = sources("then = \"hold\"\n");
        let version = Version::of(&sources);
        store.keep(&version, &sources).unwrap();
        let path = store.path(&version);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, text.replace("hold", "relay")).unwrap();
        assert!(matches!(store.sources(&version), Err(StoreError::Damaged { .. })));
        fs::write(&path, text.split_at(20).0).unwrap();
        assert!(matches!(store.sources(&version), Err(StoreError::Damaged { .. })), "torn");
        fs::write(&path, text).unwrap();
        assert!(store.sources(&version).is_ok());
    }

    #[test]
    fn a_name_that_two_versions_begin_with_names_neither() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let (one, other) = (format!("{}0", "ab".repeat(6)), format!("{}1", "ab".repeat(6)));
        for digits in [&one, &other] {
            let version = Version::try_from(format!("{digits:0<64}")).unwrap();
            fs::write(store.path(&version), "{}").unwrap();
        }
        let named = |digits: &str| store.named(&digits.parse().unwrap());
        assert!(matches!(named(&"ab".repeat(6)), Err(StoreError::Ambiguous(_))));
        assert!(named(&one).is_ok() && named(&other).is_ok());
        assert!(matches!(named("000000000000"), Err(StoreError::Unknown(_))));
    }

    #[test]
    fn what_is_no_longer_wanted_goes_and_what_is_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let kept: Vec<Version> = ["a", "b", "c"]
            .map(|text| {
                let sources = sources(text);
                let version = Version::of(&sources);
                store.keep(&version, &sources).unwrap();
                version
            })
            .to_vec();
        store.keep_only(&kept.iter().take(1).cloned().collect()).unwrap();
        assert!(store.sources(&kept[0]).is_ok() && store.sources(&kept[1]).is_err());
    }
}
