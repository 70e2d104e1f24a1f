//! Which policies a command asks.

use std::path::{Path, PathBuf};

use clap::Args;

use super::{exit::Failure, files};
use crate::{
    mail::{Domain, Timestamp},
    policy::{Policy, Sources},
};

/// A clone has them here, and officers a copy that they work on.
const HERE: &str = "policies";
const INSTALLED: &str = "/etc/postern/policies";

#[derive(Clone, Debug, Args)]
pub(super) struct Folder {
    /// The policy folder [default: `policies` here, or else /etc/postern/policies]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
}

impl Folder {
    pub(super) fn at(policies: Option<PathBuf>) -> Self {
        Self { policies }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.policies.clone().unwrap_or_else(usual)
    }

    pub(super) fn sources(&self) -> Result<Sources, Failure> {
        files::sources(&self.path())
    }

    pub(super) fn policy(
        &self,
        local_domains: &[Domain],
        now: Timestamp,
    ) -> Result<Policy, Failure> {
        files::policy(&self.path(), local_domains, now)
    }
}

/// postern.toml of this machine's own gateway, unless policies are here to work
/// on.
pub(super) fn installed_configuration() -> Option<PathBuf> {
    let installed = Path::new("/etc/postern/postern.toml");
    (!Path::new(HERE).is_dir() && installed.exists()).then(|| installed.to_owned())
}

/// Where none is, the one here is missed.
pub(super) fn usual() -> PathBuf {
    present().unwrap_or_else(|| HERE.into())
}

pub(super) fn present() -> Option<PathBuf> {
    first_of(&[Path::new(HERE), Path::new(INSTALLED)])
}

fn first_of(folders: &[&Path]) -> Option<PathBuf> {
    folders.iter().find(|folder| folder.is_dir()).map(|folder| folder.to_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_here_goes_before_the_installed_one() {
        let home = tempfile::tempdir().unwrap();
        let [here, installed] = ["here", "installed"].map(|name| home.path().join(name));
        let choice = || first_of(&[&here, &installed]);
        assert_eq!(choice(), None);
        std::fs::create_dir(&installed).unwrap();
        assert_eq!(choice().as_ref(), Some(&installed));
        std::fs::create_dir(&here).unwrap();
        assert_eq!(choice().as_ref(), Some(&here));
    }
}
