//! `postern audit checkpoint`: a signed statement of where the trail stands.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use crate::{
    cli::{control::asked, exit::Failure},
    gateway::{Answer, AuditAnswer, AuditRequest, Request},
    observe::{PublicKey, read_checkpoints},
};

#[derive(Debug, Args)]
pub(super) struct CheckpointArguments {
    /// Show the last one in this folder, and ask no gateway
    #[arg(long, value_name = "DIR")]
    audit: Option<PathBuf>,
    /// Show the key that verifies them, to be kept elsewhere too
    #[arg(long, requires = "audit")]
    public_key: bool,
}

pub(super) fn checkpoint(
    arguments: &CheckpointArguments,
    control: &Path,
    json: bool,
) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if let (Some(folder), true) = (&arguments.audit, arguments.public_key) {
        writeln!(out, "{}", PublicKey::beside(folder).map_err(Failure::no_input)?)?;
        return Ok(());
    }
    let checkpoint = match &arguments.audit {
        Some(folder) => {
            let (checkpoints, _) = read_checkpoints(folder).map_err(Failure::no_input)?;
            let last = checkpoints.into_iter().next_back();
            last.ok_or_else(|| Failure::no_input("the trail has not been signed for yet"))?
        }
        None => match asked(control, &Request::Audit(AuditRequest::Checkpoint))? {
            Answer::Audit(AuditAnswer::Checkpoint { checkpoint }) => checkpoint,
            _ => return Err(Failure::unavailable("the gateway gave another answer")),
        },
    };
    match json {
        true => writeln!(out, "{}", json!(checkpoint))?,
        false => write!(out, "{}", checkpoint.page())?,
    }
    Ok(())
}
