//! `postern user`: the file of SASL users.

use std::{
    fs::OpenOptions,
    io::{BufRead, IsTerminal, Write},
    os::unix::fs::OpenOptionsExt,
    path::PathBuf,
};

use clap::{Args, Subcommand};

use super::exit::Failure;
use crate::config::{Users, Verifier};

#[derive(Debug, Args)]
pub struct UserArguments {
    #[command(subcommand)]
    command: UserCommand,
}

#[derive(Debug, Subcommand)]
enum UserCommand {
    /// Add a user; the password is read from standard input, one line
    Add {
        name: String,
        /// The file that listeners name as `users`; made where it is missing
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
}

pub fn user(arguments: UserArguments) -> Result<(), Failure> {
    let UserCommand::Add { name, file } = arguments.command;
    if name.is_empty() || name.contains([':', '#']) || name.chars().any(char::is_control) {
        return Err(Failure::bad_data(format!("`{name}` cannot be a user name: no `:` or `#`")));
    }
    let verifier = Verifier::new(&password()?).map_err(Failure::unavailable)?;
    let existing = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(Failure::no_input(format!("{}: {error}", file.display()))),
    };
    let added = format!("{name}:{verifier}\n");
    // Parsing the whole finds a name that stands there already.
    format!("{existing}{added}")
        .parse::<Users>()
        .map_err(|error| Failure::bad_data(format!("{}: {error}", file.display())))?;
    let separator = if existing.is_empty() || existing.ends_with('\n') { "" } else { "\n" };
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&file)
        .and_then(|mut file| write!(file, "{separator}{added}"))
        .map_err(|error| Failure::cannot_create(format!("{}: {error}", file.display())))
}

fn password() -> Result<String, Failure> {
    let input = std::io::stdin();
    if input.is_terminal() {
        eprint!("Password (it will be shown): ");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line).map_err(Failure::no_input)?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::no_input("a password is expected on standard input")),
        password => Ok(password.to_owned()),
    }
}
