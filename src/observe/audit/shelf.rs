//! The shelf: files that were rotated. They are packed, kept for as long as
//! `[audit] retention` says, and then removed, but never under a legal hold.

use std::{
    fs::{self, File},
    io::{self, BufWriter},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};

use super::{
    chain::Place,
    legal_hold::LegalHold,
    reading::{FILE, files, first_line},
};

/// Sorts by name as by number.
pub(super) fn name(first: u64, last: u64) -> String {
    format!("{FILE}-{first:012}-{last:012}")
}

/// The file that was rotated last; what others have rotated too.
pub(super) fn newest(folder: &Path) -> io::Result<Option<PathBuf>> {
    let mut files = files(folder)?;
    files.retain(|path| !path.ends_with(FILE));
    Ok(files.pop())
}

/// Held by who packs or removes, and shared by who reads: a file does not go
/// away between listing and opening it. None where there is no lock to take,
/// in a copy of the folder.
pub(super) fn hold_still(folder: &Path) -> Option<File> {
    let lock = File::open(folder.join(LOCK)).ok()?;
    lock.lock_shared().ok().map(|()| lock)
}

/// None while somebody reads: then later.
pub(super) fn rearrange(folder: &Path) -> Option<File> {
    let lock = File::create(folder.join(LOCK)).ok()?;
    lock.try_lock().ok().map(|()| lock)
}

/// Packs every file of ours that is not, one after the other. What a crash
/// has left half packed is packed anew.
pub(super) fn pack_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default();
        if name.as_encoded_bytes().starts_with(HALF_PACKED.as_bytes()) {
            fs::remove_file(&path)?;
        }
        if is_plain(&path) {
            pack(folder, &path)?;
        }
    }
    Ok(())
}

/// Under a name of ours, and not compressed.
fn is_plain(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix(FILE).and_then(|rest| rest.strip_prefix('-')).is_some_and(|numbers| {
        numbers.split('-').count() == 2
            && numbers.bytes().all(|octet| octet.is_ascii_digit() || octet == b'-')
    })
}

fn pack(folder: &Path, path: &Path) -> io::Result<()> {
    let mut plain = File::open(path)?;
    let written = plain.metadata()?.modified()?;
    let packed = tempfile::Builder::new().prefix(HALF_PACKED).tempfile_in(folder)?;
    let mut encoder = GzEncoder::new(BufWriter::new(packed.as_file()), Compression::default());
    io::copy(&mut plain, &mut encoder)?;
    encoder.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
    // The time of its last line: retention counts from it.
    packed.as_file().set_modified(written)?;
    packed.as_file().sync_all()?;
    let _lock = loop {
        match rearrange(folder) {
            Some(lock) => break lock,
            None => std::thread::sleep(PATIENCE),
        }
    };
    let to = path.with_file_name(format!("{}.gz", path.file_name().unwrap_or_default().display()));
    packed.persist(to)?;
    fs::remove_file(path)?;
    File::open(folder)?.sync_all()
}

/// Files whose time is over.
pub(super) struct Outdated {
    pub(super) files: Vec<PathBuf>,
    /// What the chain is to say of them before they go.
    pub(super) line: Value,
    _lock: File,
}

/// The oldest files, as far as all of them are out of time; none under a
/// legal hold, and none while somebody reads.
pub(super) fn outdated(
    folder: &Path,
    retention: Duration,
    now: SystemTime,
) -> io::Result<Option<Outdated>> {
    if LegalHold::on(folder)?.is_some() {
        return Ok(None);
    }
    let Some(lock) = rearrange(folder) else { return Ok(None) };
    let all = files(folder)?;
    let mut old = Vec::new();
    for path in all.iter().filter(|path| !path.ends_with(FILE)) {
        let age = now.duration_since(fs::metadata(path)?.modified()?).unwrap_or_default();
        if age < retention {
            break;
        }
        old.push(path.clone());
    }
    if old.is_empty() {
        return Ok(None);
    }
    let next = all.iter().find(|path| !old.contains(path));
    let stays = next.map(|path| first_line(path)).transpose()?.flatten();
    let stays = stays.and_then(|line| Place::of(&line));
    let names: Vec<_> =
        old.iter().map(|path| path.file_name().unwrap_or_default().to_string_lossy()).collect();
    let line = json!({
        "event": "trail", "what": "retired", "files": names,
        // Of the first line that stays: what it says of the last that goes.
        "through": stays.map(|place| place.seq - 1), "digest": stays.map(|place| place.prev),
    });
    Ok(Some(Outdated { files: old, line, _lock: lock }))
}

const LOCK: &str = "audit.shelf";
const HALF_PACKED: &str = "packing-";
const PATIENCE: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_we_have_rotated_is_packed() {
        assert!(is_plain(Path::new(&format!("/x/{}", name(1, 4711)))));
        for other in [FILE, "audit.jsonl-20261122", "audit.jsonl.1", "audit.jsonl-1-2.gz", "x-1-2"]
        {
            assert!(!is_plain(Path::new(other)), "{other}");
        }
    }

    #[test]
    fn a_packed_file_has_the_same_lines_and_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name(1, 2));
        fs::write(&path, "one\ntwo\n").unwrap();
        let then = SystemTime::now() - Duration::from_secs(3600);
        File::open(&path).unwrap().set_modified(then).unwrap();
        pack_all(folder.path()).unwrap();
        assert!(!path.exists());
        let [packed] = files(folder.path()).unwrap().try_into().unwrap();
        let mut lines = Vec::new();
        super::super::reading::whole_lines(&packed, &mut |line| lines.push(line.to_vec())).unwrap();
        assert_eq!(lines, [b"one", b"two"]);
        assert_eq!(fs::metadata(&packed).unwrap().modified().unwrap(), then);
    }

    #[test]
    fn no_file_goes_away_from_under_a_reader() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(name(1, 1)), "one\n").unwrap();
        drop(rearrange(folder.path()).unwrap());
        let reading = hold_still(folder.path()).unwrap();
        let now = SystemTime::now() + Duration::from_secs(10);
        assert!(outdated(folder.path(), Duration::from_secs(1), now).unwrap().is_none());
        drop(reading);
        let found = outdated(folder.path(), Duration::from_secs(1), now).unwrap().unwrap();
        assert_eq!(found.files.len(), 1);
    }
}
