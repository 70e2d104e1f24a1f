//! `postern user`: the file of SASL users.
//!
//! The file is replaced whole: a gateway that reads it meanwhile, or a crash,
//! sees the old one or the new one. Comments, order, owner and mode stay.

use std::{
    io::{self, BufRead, IsTerminal, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    exit::Failure,
    files,
    replace::{lock, replace},
};
use crate::{
    config::{DomainPattern, User, Users, Verifier, is_user_name, user_named_on},
    policy::diagnostics::SourceFile,
};

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
        /// May send from this domain (example.com, .example.com for all below it, * for any);
        /// may be repeated [default: the local domains of the node]
        #[arg(long, value_name = "DOMAIN")]
        sender_domain: Vec<DomainPattern>,
    },
    /// Show who there is, and what they may send from
    List {
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
        /// A line of JSON a user
        #[arg(long)]
        json: bool,
    },
    /// Take a user out
    Remove {
        name: String,
        #[arg(long, value_name = "FILE")]
        file: PathBuf,
    },
}

pub fn user(arguments: UserArguments) -> Result<(), Failure> {
    match arguments.command {
        UserCommand::Add { name, file, sender_domain } => add(&name, &file, sender_domain),
        UserCommand::List { file, json } => list(&file, json),
        UserCommand::Remove { name, file } => remove(&name, &file),
    }
}

fn add(name: &str, path: &Path, sender_domains: Vec<DomainPattern>) -> Result<(), Failure> {
    if !is_user_name(name) {
        let why = "no `:`, no control characters, no `#` or space first";
        return Err(Failure::bad_data(format!("`{name}` cannot be a user name: {why}")));
    }
    let verifier = Verifier::new(&password()?).map_err(Failure::unavailable)?;
    let _lock = lock(path)?;
    let (text, users) = read(path)?;
    if users.get(name).is_some() {
        return Err(Failure::bad_data(format!(
            "{}: `{name}` stands there already",
            path.display()
        )));
    }
    let separator = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let user = User { verifier, sender_domains };
    replace(path, &format!("{text}{separator}{name}:{user}\n"))
}

fn list(path: &Path, as_json: bool) -> Result<(), Failure> {
    let (text, users) = existing(path)?;
    let mut out = io::stdout().lock();
    for name in text.lines().filter_map(user_named_on) {
        let Some(user) = users.get(name) else { continue };
        let domains: Vec<_> = user.sender_domains.iter().map(ToString::to_string).collect();
        match as_json {
            true => writeln!(out, "{}", json!({ "name": name, "sender_domains": domains }))?,
            false if domains.is_empty() => writeln!(out, "{name}\tlocal domains")?,
            false => writeln!(out, "{name}\t{}", domains.join(" "))?,
        }
    }
    Ok(())
}

fn remove(name: &str, path: &Path) -> Result<(), Failure> {
    let _lock = lock(path)?;
    let (text, users) = existing(path)?;
    if users.get(name).is_none() {
        return Err(Failure::bad_data(format!("{}: there is no `{name}`", path.display())));
    }
    let others = text.split_inclusive('\n').filter(|line| user_named_on(line) != Some(name));
    replace(path, &others.collect::<String>())
}

/// The file's text and its users; nobody where it is missing. A file with
/// faults is left to a person.
fn read(path: &Path) -> Result<(String, Users), Failure> {
    match existing(path) {
        Err(_) if !path.exists() => Ok((String::new(), Users::default())),
        read => read,
    }
}

fn existing(path: &Path) -> Result<(String, Users), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::no_input(format!("{}: {error}", path.display())))?;
    let file = Arc::new(SourceFile { path: path.display().to_string(), text: text.clone() });
    let (users, diagnostics) = Users::read(&file);
    files::show(&diagnostics);
    let users = users.ok_or_else(|| Failure::bad_data(files::faults(&diagnostics)))?;
    Ok((text, users))
}

/// A line of standard input.
pub(super) fn password() -> Result<String, Failure> {
    let input = io::stdin();
    if input.is_terminal() {
        eprint!("Password (it will be shown): ");
    }
    let mut line = String::new();
    input.lock().read_line(&mut line).map_err(Failure::no_input)?;
    match line.trim_end_matches(['\r', '\n']) {
        "" => Err(Failure::no_input("a password is expected on standard input")),
        password if password.chars().any(char::is_control) => {
            // No client may send them (RFC 4013 section 2.3).
            Err(Failure::bad_data("a password has no control characters"))
        }
        password => Ok(password.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removing_a_user_leaves_everything_else_as_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users");
        let verifier = Verifier::new("wisteria").unwrap();
        let text = format!("# ward 7\na:{verifier}\n\n  b:{verifier} sender-domains=*\n# b: gone");
        std::fs::write(&path, &text).unwrap();
        remove("b", &path).unwrap();
        let left = std::fs::read_to_string(&path).unwrap();
        assert_eq!(left, format!("# ward 7\na:{verifier}\n\n# b: gone"));
        assert!(remove("b", &path).is_err());
        std::fs::write(&path, "fault\n").unwrap();
        assert!(remove("a", &path).is_err(), "a file with faults is not rewritten");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "fault\n");
    }
}
