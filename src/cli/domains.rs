//! `postern domains`: the approved domains as a person keeps them. Works on the
//! files; what a gateway makes of a change, it says when it is told to reload.

mod due;
mod entries;
mod import;

use clap::{Args, Subcommand};

use super::exit::Failure;
use crate::mail::Timestamp;

#[derive(Debug, Args)]
pub struct DomainsArguments {
    #[command(subcommand)]
    command: DomainsCommand,
}

#[derive(Debug, Subcommand)]
enum DomainsCommand {
    /// Every entry of domains.toml: what may be sent there, how protected, until when
    List(entries::ListArguments),
    /// Which entry counts for a domain, and why
    Show(entries::ShowArguments),
    /// Compare the published list of accredited organisations with domains.toml, and write it in
    Import(import::ImportArguments),
    /// Entries to be reviewed, and rules and exemptions that end, soonest first
    Expiring(due::ExpiringArguments),
}

pub fn domains(arguments: DomainsArguments, now: Timestamp) -> Result<(), Failure> {
    match arguments.command {
        DomainsCommand::List(arguments) => entries::list(&arguments, now),
        DomainsCommand::Show(arguments) => entries::show(&arguments, now),
        DomainsCommand::Import(arguments) => import::import(&arguments, now),
        DomainsCommand::Expiring(arguments) => due::expiring(&arguments, now),
    }
}
