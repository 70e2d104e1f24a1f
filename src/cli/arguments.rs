//! The command line: what may be written, and which command it calls.

use std::{process::ExitCode, time::SystemTime};

use clap::{Parser, Subcommand};

use super::{
    queue::{QueueArguments, queue},
    user::{UserArguments, user},
};

/// A secure-mail gateway and policy relay for mail that can carry patient data
#[derive(Debug, Parser)]
#[command(name = "postern", version, about, disable_help_subcommand = true)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List, show, release, reject, retry and return messages of the running gateway
    Queue(QueueArguments),
    /// Keep the file of users who may authenticate
    User(UserArguments),
}

/// The whole program: reads the arguments, runs the command, gives the code
/// to leave with.
pub fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Queue(arguments) => queue(arguments, SystemTime::now().into()),
        Command::User(arguments) => user(arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
