//! Where the trail stands, and how it is kept.

use std::path::{Path, PathBuf};

use crate::config::{AuditTrail, Config};

#[derive(Clone, Debug)]
pub struct AuditSettings {
    /// In checkpoints.
    pub node: String,
    /// Its secrets stand here, and the trail in `audit` below.
    pub data_dir: PathBuf,
    pub keeping: AuditTrail,
}

impl AuditSettings {
    pub fn of(config: &Config) -> Self {
        Self {
            node: config.node.name.to_string(),
            data_dir: config.node.data_dir.clone(),
            keeping: config.audit,
        }
    }

    pub fn folder(&self) -> PathBuf {
        Self::folder_in(&self.data_dir)
    }

    pub fn folder_in(data_dir: &Path) -> PathBuf {
        data_dir.join("audit")
    }
}
