//! `postern reader`: what the gateway starts to have documents read. Nobody
//! runs it by hand, so help does not show it.

use std::time::Duration;

use clap::Args;

use super::exit::Failure;
use crate::reader::{Confinement, Terms, attend};

#[derive(Debug, Args)]
pub struct ReaderArguments {
    /// Octets of memory beside the program's
    #[arg(long)]
    memory: u64,
    #[arg(long)]
    processor_seconds: u64,
    #[arg(long)]
    confinement: Confinement,
}

pub fn reader(arguments: &ReaderArguments) -> Result<(), Failure> {
    let terms = Terms {
        memory: arguments.memory,
        processor_time: Duration::from_secs(arguments.processor_seconds),
        confinement: arguments.confinement,
    };
    attend(&terms).map_err(Failure::unavailable)
}
