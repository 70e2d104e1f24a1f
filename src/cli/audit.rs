//! `postern audit`: what can be shown of deliveries, from the audit trail.

use std::{io::Write, path::PathBuf};

use clap::{Args, Subcommand};

use super::{
    control::{Control, asked},
    exit::Failure,
    story::Story,
};
use crate::{
    gateway::{Answer, Request, SendReport},
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

pub fn audit(arguments: AuditArguments, now: Timestamp) -> Result<(), Failure> {
    let AuditArguments { control: Control { control, json }, command } = arguments;
    match command {
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
