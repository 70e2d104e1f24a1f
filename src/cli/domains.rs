//! `postern domains`: the approved domains as a person keeps them. Works on the
//! files; what a gateway makes of a change, it says when it is told to reload.

mod due;
mod entries;
mod import;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::{exit::Failure, files};
use crate::{
    mail::{Domain, Timestamp},
    policy::{Context, Policy, Sources},
};

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

/// Where the policies are.
#[derive(Debug, Args)]
struct Folder {
    #[arg(long, value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
}

pub fn domains(arguments: DomainsArguments, now: Timestamp) -> Result<(), Failure> {
    match arguments.command {
        DomainsCommand::List(arguments) => entries::list(&arguments, now),
        DomainsCommand::Show(arguments) => entries::show(&arguments, now),
        DomainsCommand::Import(arguments) => import::import(&arguments, now),
        DomainsCommand::Expiring(arguments) => due::expiring(&arguments, now),
    }
}

impl Folder {
    fn path(&self) -> &Path {
        &self.policies
    }

    fn sources(&self) -> Result<Sources, Failure> {
        files::sources(&self.policies)
    }

    fn policy(&self, local_domains: &[Domain], now: Timestamp) -> Result<Policy, Failure> {
        let context = Context { today: now.date(), local_domains, test_range: None };
        files::compiled(&self.sources()?, &context)
    }
}
