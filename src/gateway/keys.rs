//! The spool's keys, from where postern.toml says that they are kept.

use std::path::{Path, PathBuf};

use super::parts::{StartError, part};
use crate::{
    config::{self, Config},
    spool::{KeyFile, Keys},
};

/// Reads them. `credentials` is the directory that the service manager has
/// laid credentials out in for this process, as [`credentials_directory`]
/// gives it.
pub fn spool_keys(config: &Config, credentials: Option<&Path>) -> Result<Keys, StartError> {
    let file = |file: &config::KeyFile| match (file, credentials) {
        (config::KeyFile::File(path), _) => Ok(KeyFile::File(path.clone())),
        (config::KeyFile::Credential(name), Some(folder)) => {
            Ok(KeyFile::Credential(folder.join(name)))
        }
        (config::KeyFile::Credential(name), None) => Err(part(
            "[spool] key",
            format!(
                "`{name}` is a credential, for it has no slash, and $CREDENTIALS_DIRECTORY is \
                 not set: have the service manager load it (LoadCredential=), or give a path"
            ),
        )),
    };
    let current = config.spool.key.as_ref().map(file).transpose()?;
    let old = config.spool.old_keys.iter().map(file).collect::<Result<Vec<_>, _>>()?;
    Keys::read(current.as_ref(), &old).map_err(|cause| part("[spool] key", cause))
}

pub fn credentials_directory() -> Option<PathBuf> {
    std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

    use super::*;
    use crate::policy::diagnostics::SourceFile;

    fn config(folder: &Path, spool: &str) -> Config {
        let text = format!(
            "[node]\nname = \"mx1.example.nhs.uk\"\ndata_dir = \"data\"\npolicies = \"policies\"\n\
             [[listener]]\nname = \"in\"\naddress = \"127.0.0.1:0\"\ndirection = \"inbound\"\n\
             tls = \"none\"\n[[route]]\ndomain = \"*\"\nnext_hop = \"mx\"\n[spool]\n{spool}\n"
        );
        let path = folder.join("postern.toml").display().to_string();
        let (config, faults) = Config::read(&Arc::new(SourceFile { path, text }));
        config.unwrap_or_else(|| panic!("{faults:?}"))
    }

    fn key_file(path: &Path, octet: u8, mode: u32) {
        fs::write(path, [octet; 32]).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn keys_are_read_from_files_and_from_credentials() {
        let folder = tempfile::tempdir().unwrap();
        let credentials = tempfile::tempdir().unwrap();
        key_file(&folder.path().join("new.key"), 7, 0o600);
        // As systemd shows a credential whose reader is let in by an ACL.
        key_file(&credentials.path().join("old"), 8, 0o440);
        let config = config(folder.path(), "key = \"./new.key\"\nold_keys = [\"old\"]");
        let keys = spool_keys(&config, Some(credentials.path())).unwrap();
        assert!(keys.current_id().is_some());
        let error = spool_keys(&config, None).unwrap_err().to_string();
        assert!(error.contains("`old` is a credential"), "{error}");

        key_file(&folder.path().join("new.key"), 7, 0o640);
        let error = spool_keys(&config, Some(credentials.path())).unwrap_err().to_string();
        assert!(error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn without_keys_nothing_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let keys = spool_keys(&config(folder.path(), ""), None).unwrap();
        assert_eq!(keys.current_id(), None);
    }
}
