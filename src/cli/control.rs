//! The control socket of a running gateway, as commands ask it.

use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Failure;
use crate::gateway::{Answer, Request, ask_telling};

/// Whom a command asks, and how it tells the answer.
#[derive(Debug, Args)]
pub(super) struct Control {
    /// The gateway's control socket
    #[arg(long, global = true, value_name = "PATH", default_value = SOCKET)]
    pub(super) control: PathBuf,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// The gateway's answer to one request; a refusal is a failure.
pub(super) fn asked(control: &Path, request: &Request) -> Result<Answer, Failure> {
    asked_telling(control, request, |_, _| {})
}

/// Likewise, and hears how many messages of how many an act has reached.
pub(super) fn asked_telling(
    control: &Path,
    request: &Request,
    progress: impl FnMut(usize, usize),
) -> Result<Answer, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Failure::unavailable)?;
    match runtime.block_on(ask_telling(control, request, progress)).map_err(Failure::unavailable)? {
        Answer::Refused { why } => Err(Failure::negative(why)),
        answer => Ok(answer),
    }
}

/// Where it is if nobody says otherwise.
pub(super) const SOCKET: &str = "/var/lib/postern/control.sock";
