//! Files that a command writes in the place of others: whole or not at all, as
//! private as they were, and never two commands at once.

use std::{
    fs::{File, OpenOptions, Permissions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown},
    path::{Path, PathBuf},
};

use super::exit::Failure;

/// Two commands at once must not lose what one of them has done. The folder
/// is locked, since the file itself is replaced.
pub(super) fn lock(path: &Path) -> Result<File, Failure> {
    let folder = folder_of(path);
    let locked = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
    locked.map_err(|error| Failure::cannot_create(format!("{}: {error}", folder.display())))
}

pub(super) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    // A link stays one: what it leads to is replaced.
    let path = &path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let replaced = write_beside(path, text).and_then(|new| {
        std::fs::rename(&new, path).inspect_err(|_| _ = std::fs::remove_file(&new))?;
        File::open(folder_of(path))?.sync_all()
    });
    replaced.map_err(|error| Failure::cannot_create(format!("{}: {error}", path.display())))
}

/// On disk under a name of its own, with the owner and mode of the file it
/// will take the place of: the gateway must be able to read it, others not.
fn write_beside(path: &Path, text: &str) -> io::Result<PathBuf> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder_of(path).join(format!(".{name}.{}.new", std::process::id()));
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
    let written = (|| {
        if let Ok(before) = std::fs::metadata(path) {
            let own = file.metadata()?;
            if (own.uid(), own.gid()) != (before.uid(), before.gid()) {
                fchown(&file, Some(before.uid()), Some(before.gid()))?;
            }
            file.set_permissions(Permissions::from_mode(before.mode() & 0o777))?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()
    })();
    written.inspect_err(|_| _ = std::fs::remove_file(&new))?;
    Ok(new)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn a_file_is_replaced_whole_and_stays_as_private_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        replace(&path, "one\n").unwrap();
        assert_eq!(mode(&path), 0o600, "a new one is nobody else's");
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        replace(&link, "two\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two\n");
        assert_eq!(mode(&path), 0o640);
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2, "something is left over");
    }
}
