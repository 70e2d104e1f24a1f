//! `[spool]`: what the spool may stand on, and where its keys are kept.

use std::path::{Path, PathBuf};

/// `[spool]`: the directory `spool` in the node's `data_dir`.
#[derive(Clone, Debug, Default)]
pub struct Spool {
    pub ephemeral: Ephemeral,
    /// What it is sealed under; plain without one.
    pub key: Option<KeyFile>,
    /// What it may have been sealed under before.
    pub old_keys: Vec<KeyFile>,
}

/// Whether the spool may stand on a file system that does not outlive the
/// machine's next start, or its container.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ephemeral {
    #[default]
    Refuse,
    Allow,
}

/// A file with a key in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyFile {
    File(PathBuf),
    /// Written without a slash: a credential of the service's
    /// (`LoadCredential=` and `LoadCredentialEncrypted=` in systemd.exec(5)).
    Credential(String),
}

impl KeyFile {
    /// `folder` is where relative paths count from. An empty name is none.
    pub fn read(written: &str, folder: &Path) -> Option<Self> {
        match written {
            "" | "." | ".." => None,
            path if path.contains('/') => Some(Self::File(folder.join(path))),
            name => Some(Self::Credential(name.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_a_slash_is_a_path_and_what_has_none_a_credential() {
        let read = |written| KeyFile::read(written, Path::new("/etc/postern"));
        let file = |path: &str| Some(KeyFile::File(path.into()));
        assert_eq!(read("/run/spool.key"), file("/run/spool.key"));
        assert_eq!(read("./spool.key"), file("/etc/postern/./spool.key"));
        assert_eq!(read("keys/spool"), file("/etc/postern/keys/spool"));
        assert_eq!(read("spool.key"), Some(KeyFile::Credential("spool.key".to_owned())));
        assert_eq!((read(""), read(".."), read(".")), (None, None, None));
    }
}
