//! Where commands have the trail from: a running gateway, which puts on record
//! that it is read and says where it stands; or a folder, with no gateway at
//! all.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::{
    cli::{control::asked, exit::Failure},
    gateway::{Answer, AuditAccess, AuditAnswer, AuditRequest, Request},
    observe::AuditSettings,
};

#[derive(Debug, Args)]
pub(super) struct Reach {
    /// Read the audit trail in this folder, and ask no gateway
    #[arg(long, value_name = "DIR")]
    audit: Option<PathBuf>,
}

/// A trail that may be read now.
pub(super) struct Reached {
    pub(super) folder: PathBuf,
    /// Of the gateway that writes it.
    pub(super) node: Option<String>,
    pub(super) data_dir: Option<PathBuf>,
}

impl Reach {
    /// `words` say what is looked for, and stand in the trail.
    pub(super) fn reach(
        &self,
        control: &Path,
        what: AuditAccess,
        words: String,
    ) -> Result<Reached, Failure> {
        if let Some(folder) = &self.audit {
            return Ok(Reached { folder: folder.clone(), node: None, data_dir: None });
        }
        let request = Request::Audit(AuditRequest::Access { what, words });
        match asked(control, &request)? {
            Answer::Audit(AuditAnswer::Stands { data_dir, node }) => Ok(Reached {
                folder: AuditSettings::folder_in(&data_dir),
                node: Some(node),
                data_dir: Some(data_dir),
            }),
            _ => Err(Failure::unavailable("the gateway gave another answer")),
        }
    }
}
