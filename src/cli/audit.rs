//! `postern audit`: the audit trail verified, searched, exported and signed
//! for, and what can be shown of deliveries.

mod checkpoint;
mod export;
mod reach;
mod search;
mod subject;
mod verification;

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};

use self::{
    checkpoint::{CheckpointArguments, checkpoint},
    export::{ExportArguments, export},
    search::{SearchArguments, search},
    subject::{SubjectArguments, subject},
    verification::{VerifyArguments, verify},
};
use super::{
    control::{Control, asked},
    exit::Failure,
    story::Story,
};
use crate::{
    gateway::{Answer, AuditRequest, Request, SendReport},
    mail::{Address, Domain, QueueId, Timestamp},
    report::story::certify,
};

#[derive(Debug, Args)]
pub struct AuditArguments {
    #[command(flatten)]
    control: Control,
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    /// Walk the whole trail along its chain; the exit code is 0 only where nothing was changed,
    /// taken out, moved, put in or cut off
    Verify(VerifyArguments),
    /// Show entries of the trail
    Search(Box<SearchArguments>),
    /// Write entries of the trail for another program: JSON lines, CEF or syslog
    Export(ExportArguments),
    /// Find a person's messages by an identifier, which is read from standard input and stored
    /// nowhere
    Subject(SubjectArguments),
    /// Sign for the trail as it stands now, on a page to print, mail or keep elsewhere
    Checkpoint(CheckpointArguments),
    /// Keep the whole trail, whatever its time
    #[command(subcommand)]
    LegalHold(LegalHoldCommand),
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
    /// Show what a domain would be told today of the TLS to its servers (RFC 8460), as JSON
    TlsReport {
        domain: Domain,
        /// Send it now to whom the domain names, and count from nothing again
        #[arg(long)]
        now: bool,
    },
}

#[derive(Debug, Subcommand)]
enum LegalHoldCommand {
    /// From now on no file of the trail is removed
    Set {
        /// Stands in the trail
        #[arg(long)]
        reason: String,
    },
    /// Files whose time is over may go again
    Lift {
        /// Stands in the trail
        #[arg(long)]
        reason: String,
    },
}

pub fn audit(arguments: AuditArguments, now: Timestamp) -> Result<(), Failure> {
    let AuditArguments { control: Control { control, json }, command } = arguments;
    match command {
        AuditCommand::Verify(arguments) => verify(&arguments, &control, json),
        AuditCommand::Search(arguments) => search(&arguments, &control, json, now),
        AuditCommand::Export(arguments) => export(&arguments, &control, now),
        AuditCommand::Subject(arguments) => subject(&arguments, &control, json),
        AuditCommand::Checkpoint(arguments) => checkpoint(&arguments, &control, json),
        AuditCommand::LegalHold(command) => {
            let request = match command {
                LegalHoldCommand::Set { reason } => AuditRequest::SetLegalHold { reason },
                LegalHoldCommand::Lift { reason } => AuditRequest::LiftLegalHold { reason },
            };
            asked(&control, &Request::Audit(request)).map(|_| ())
        }
        AuditCommand::Evidence { id, recipient, audit } => {
            let story = Story::find(id, &control, audit.as_deref())?;
            evidence(id, story, recipient.as_ref(), json, now)
        }
        AuditCommand::TlsReport { domain, now } => {
            let send = if now { SendReport::Now } else { SendReport::AtItsTime };
            tls_report(&asked(&control, &Request::TlsReport { domain, send })?)
        }
    }
}

fn evidence(
    id: QueueId,
    story: Story,
    recipient: Option<&Address>,
    json: bool,
    now: Timestamp,
) -> Result<(), Failure> {
    let mut certificate = certify(id, &story.lines, story.queued.as_deref(), recipient, now);
    certificate.remarks = story.remarks;
    if let (true, Some(recipient)) = (certificate.recipients.is_empty(), recipient) {
        return Err(Failure::no_input(format!("{id} was not for {recipient}")));
    }
    let mut out = std::io::stdout().lock();
    match json {
        true => writeln!(out, "{}", serde_json::json!(certificate))?,
        false => write!(out, "{}", certificate.page())?,
    }
    if certificate.is_proof() { Ok(()) } else { Err(Failure::silent(1)) }
}

/// The report on standard output, for programs; where it went on the other.
fn tls_report(answer: &Answer) -> Result<(), Failure> {
    let Answer::Report { report, sent } = answer else {
        return Err(Failure::unavailable("the gateway gave another answer"));
    };
    writeln!(std::io::stdout().lock(), "{report}")?;
    sent.iter().for_each(|to| eprintln!("sent to {to}"));
    Ok(())
}
