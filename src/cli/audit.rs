//! `postern audit`: what can be shown of deliveries, from the audit trail.

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};

use super::{exit::Failure, story::Story};
use crate::{
    mail::{Address, QueueId, Timestamp},
    report::story::certify,
};

#[derive(Debug, Args)]
pub struct AuditArguments {
    /// The gateway's control socket
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        default_value = "/var/lib/postern/control.sock"
    )]
    control: PathBuf,
    /// Answer in JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Write the certificate of protection of a message, in the queue or long gone; the exit
    /// code is 0 only where every copy can be shown to have been protected as required
    Evidence {
        id: QueueId,
        /// For this recipient alone
        #[arg(long, value_name = "ADDRESS")]
        recipient: Option<Address>,
        /// Read the audit trail in this folder, and ask no gateway
        #[arg(long, value_name = "DIR")]
        audit: Option<PathBuf>,
    },
}

pub fn audit(arguments: AuditArguments, now: Timestamp) -> Result<(), Failure> {
    let AuditArguments { control, json, command } = arguments;
    let AuditCommand::Evidence { id, recipient, audit } = command;
    let story = Story::find(id, &control, audit.as_deref())?;
    let mut certificate =
        certify(id, &story.lines, story.queued.as_deref(), recipient.as_ref(), now);
    certificate.remarks = story.remarks;
    if let (true, Some(recipient)) = (certificate.recipients.is_empty(), &recipient) {
        return Err(Failure::no_input(format!("{id} was not for {recipient}")));
    }
    let mut out = std::io::stdout().lock();
    match json {
        true => writeln!(out, "{}", serde_json::json!(certificate))?,
        false => write!(out, "{}", certificate.page())?,
    }
    if certificate.is_proof() { Ok(()) } else { Err(Failure::silent(1)) }
}
