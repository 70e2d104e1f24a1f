//! `postern account`: the file of those who sign in to the console.
//!
//! The file is replaced whole, and only by one that has no faults: a console
//! that reads it meanwhile, or a crash, sees the old one or the new one.
//! Comments, order, owner and mode stay.

mod enrolment;
mod written;

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser},
};
use serde_json::json;

use self::{
    enrolment::enrol,
    written::{NewAccount, WrittenAccounts},
};
use super::{
    exit::Failure,
    files,
    replace::{lock, replace},
    user::password,
};
use crate::{
    config::{ConsoleAccount, ConsoleAccounts, PasswordDigest, TotpSecret, is_account_name},
    mail::{Role, Scope},
    policy::diagnostics::SourceFile,
};

#[derive(Debug, Args)]
pub struct AccountArguments {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Add an account; the password is read from standard input, one line
    Add(AddArguments),
    /// Show who there is, and what they may do
    List {
        #[command(flatten)]
        file: AccountsFile,
        /// A line of JSON an account
        #[arg(long)]
        json: bool,
    },
    /// Take an account out; its sessions end
    Remove(Named),
    /// Give an account another password, read from standard input; its sessions end
    Password(Named),
    /// Give an account a new second factor, and show it to be scanned; the one before is void
    SecondFactor(Named),
    /// Say which user of the system they are: on the control socket they are this account
    UnixUser {
        #[command(flatten)]
        named: Named,
        /// By name or number; left out, they are nobody's
        user: Option<String>,
    },
    /// Let an account sign in no more until it is unlocked; its sessions end
    Lock(Named),
    /// Let a locked account sign in again
    Unlock(Named),
}

#[derive(Debug, Args)]
struct AddArguments {
    #[command(flatten)]
    named: Named,
    /// What they may do; may be repeated
    #[arg(long, value_name = "ROLE", required = true, value_parser = role_parser())]
    role: Vec<Role>,
    /// Whose messages they see; may be repeated [default: those of all]
    #[arg(long, value_name = "CODE")]
    organisation: Vec<String>,
    /// A name in client certificates that stand for them; may be repeated
    #[arg(long, value_name = "SUBJECT")]
    certificate: Vec<String>,
    /// They sign in by certificate only: no password is read
    #[arg(long, requires = "certificate", conflicts_with = "no_second_factor")]
    no_password: bool,
    /// Their user of the system, by name or number: on the control socket they are this account
    #[arg(long, value_name = "USER")]
    unix_user: Option<String>,
    /// A password alone, where `[console] second_factor` is optional
    #[arg(long)]
    no_second_factor: bool,
}

#[derive(Debug, Args)]
struct Named {
    name: String,
    #[command(flatten)]
    file: AccountsFile,
}

#[derive(Debug, Args)]
struct AccountsFile {
    /// The file that `[console]` names as `accounts`; made where it is missing
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
}

pub fn account(arguments: AccountArguments) -> Result<(), Failure> {
    match arguments.command {
        AccountCommand::Add(arguments) => add(&arguments),
        AccountCommand::List { file, json } => list(&file.file, json),
        AccountCommand::Remove(named) => named.change(|accounts, name| accounts.remove(name)),
        AccountCommand::Password(named) => {
            let digest = digest()?;
            named.change(|accounts, name| accounts.set(name, "password", digest.to_string()))
        }
        AccountCommand::SecondFactor(named) => {
            let secret = TotpSecret::random().map_err(Failure::unavailable)?;
            named.change(|accounts, name| accounts.set(name, "second_factor", secret.base32()))?;
            Ok(enrol(&mut io::stdout().lock(), &named.name, &secret)?)
        }
        AccountCommand::UnixUser { named, user } => named.change(|accounts, name| match user {
            Some(user) => accounts.set(name, "unix_user", user),
            None => accounts.unset(name, "unix_user"),
        }),
        AccountCommand::Lock(named) => {
            named.change(|accounts, name| accounts.set(name, "locked", true))
        }
        AccountCommand::Unlock(named) => {
            named.change(|accounts, name| accounts.unset(name, "locked"))
        }
    }
}

fn add(arguments: &AddArguments) -> Result<(), Failure> {
    let Named { name, file } = &arguments.named;
    if !is_account_name(name) {
        let why = "letters, digits and . _ - @ +, 64 at most";
        return Err(Failure::bad_data(format!("`{name}` cannot be an account's name: {why}")));
    }
    let password = if arguments.no_password { None } else { Some(digest()?) };
    let has_code = password.is_some() && !arguments.no_second_factor;
    let secret = has_code.then(TotpSecret::random).transpose().map_err(Failure::unavailable)?;
    let account = NewAccount {
        name,
        roles: &arguments.role,
        organisations: &arguments.organisation,
        certificates: &arguments.certificate,
        password: password.as_ref(),
        second_factor: secret.as_ref(),
        unix_user: arguments.unix_user.as_deref(),
    };
    let _lock = lock(&file.file)?;
    let (text, accounts) = read(&file.file)?;
    if accounts.get(name).is_some() {
        let path = file.file.display();
        return Err(Failure::bad_data(format!("{path}: `{name}` stands there already")));
    }
    let mut written = WrittenAccounts::parse(&text).map_err(Failure::bad_data)?;
    written.add(&account);
    replace_sound(&file.file, &written)?;
    match &secret {
        Some(secret) => Ok(enrol(&mut io::stdout().lock(), name, secret)?),
        None => Ok(()),
    }
}

fn list(path: &Path, as_json: bool) -> Result<(), Failure> {
    let (_, accounts) = existing(path)?;
    let mut out = io::stdout().lock();
    for account in accounts.iter() {
        match as_json {
            true => writeln!(out, "{}", in_json(account))?,
            false => writeln!(out, "{}", in_words(account))?,
        }
    }
    Ok(())
}

fn in_json(account: &ConsoleAccount) -> serde_json::Value {
    json!({
        "name": account.name,
        "roles": account.roles.iter().map(|role| role.name()).collect::<Vec<_>>(),
        "organisations": match &account.scope {
            Scope::Everybody => None,
            Scope::Organisations(names) => Some(names),
        },
        "password": account.password.is_some(),
        "second_factor": account.second_factor.is_some(),
        "certificates": account.certificates,
        "unix_user": account.unix_user,
        "locked": account.is_locked(),
    })
}

fn in_words(account: &ConsoleAccount) -> String {
    let roles: Vec<_> = account.roles.iter().map(|role| role.name()).collect();
    let scope = match &account.scope {
        Scope::Everybody => "all organisations".to_owned(),
        Scope::Organisations(names) => names.join(" "),
    };
    let ways = [
        ("password", account.password.is_some()),
        ("code", account.second_factor.is_some()),
        ("certificate", !account.certificates.is_empty()),
    ];
    let ways: Vec<_> = ways.iter().filter(|(_, has)| *has).map(|(way, _)| *way).collect();
    let user = account.unix_user.iter().map(|user| format!("\tuser {user}")).collect::<String>();
    let locked = if account.is_locked() { "\tlocked" } else { "" };
    format!("{}\t{}\t{scope}\t{}{user}{locked}", account.name, roles.join(" "), ways.join(" "))
}

impl Named {
    /// Changes what is written of an account that is there.
    fn change(&self, change: impl FnOnce(&mut WrittenAccounts, &str)) -> Result<(), Failure> {
        let path = &self.file.file;
        let _lock = lock(path)?;
        let (text, accounts) = existing(path)?;
        if accounts.get(&self.name).is_none() {
            let message = format!("{}: there is no `{}`", path.display(), self.name);
            return Err(Failure::bad_data(message));
        }
        let mut written = WrittenAccounts::parse(&text).map_err(Failure::bad_data)?;
        change(&mut written, &self.name);
        replace_sound(path, &written)
    }
}

/// What has faults would end the console: it never takes the file's place.
fn replace_sound(path: &Path, written: &WrittenAccounts) -> Result<(), Failure> {
    let text = written.to_string();
    understood(path, &text)?;
    replace(path, &text)
}

/// The file's text and its accounts; nobody where it is missing. A file with
/// faults is left to a person.
fn read(path: &Path) -> Result<(String, ConsoleAccounts), Failure> {
    match existing(path) {
        Err(_) if !path.exists() => Ok((String::new(), ConsoleAccounts::default())),
        read => read,
    }
}

fn existing(path: &Path) -> Result<(String, ConsoleAccounts), Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::no_input(format!("{}: {error}", path.display())))?;
    let accounts = understood(path, &text)?;
    Ok((text, accounts))
}

fn understood(path: &Path, text: &str) -> Result<ConsoleAccounts, Failure> {
    let file = SourceFile { path: path.display().to_string(), text: text.to_owned() };
    let (accounts, diagnostics) = ConsoleAccounts::read(&Arc::new(file));
    files::show(&diagnostics);
    accounts.ok_or_else(|| Failure::bad_data(files::faults(&diagnostics)))
}

fn role_parser() -> impl TypedValueParser<Value = Role> {
    let named = |name: String| Role::named(&name).ok_or("no role");
    PossibleValuesParser::new(Role::ALL.map(Role::name)).try_map(named)
}

fn digest() -> Result<PasswordDigest, Failure> {
    PasswordDigest::new(&password()?).map_err(Failure::bad_data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, path: &Path) -> Named {
        Named { name: name.to_owned(), file: AccountsFile { file: path.to_owned() } }
    }

    #[test]
    fn a_change_leaves_everything_else_as_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.toml");
        let text = "# who looks after mail\n\n[[account]]\nname = \"jane\" # the lead\n\
                    roles = [\"officer\"]\ncertificates = [\"jane\"]\n\n# leaves in June\n\
                    [[account]]\nname = \"joe\"\nroles = [\"auditor\"]\ncertificates = [\"joe\"]\n";
        std::fs::write(&path, text).unwrap();
        let lock = |accounts: &mut WrittenAccounts, name: &str| accounts.set(name, "locked", true);
        named("joe", &path).change(lock).unwrap();
        let locked = std::fs::read_to_string(&path).unwrap();
        assert_eq!(locked, format!("{text}locked = true\n"));
        named("joe", &path).change(|accounts, name| accounts.unset(name, "locked")).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        named("joe", &path).change(|accounts, name| accounts.remove(name)).unwrap();
        let left = std::fs::read_to_string(&path).unwrap();
        assert_eq!(left, text.split_once("\n# leaves").unwrap().0);
        assert!(named("joe", &path).change(lock).is_err());
    }

    #[test]
    fn a_file_with_faults_is_not_rewritten_and_none_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("accounts.toml");
        std::fs::write(&path, "fault\n").unwrap();
        let remove = |accounts: &mut WrittenAccounts, name: &str| accounts.remove(name);
        assert!(named("jane", &path).change(remove).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "fault\n");
        let sound = "[[account]]\nname = \"jane\"\nroles = [\"officer\"]\n";
        std::fs::write(&path, sound).unwrap();
        let spoil = |accounts: &mut WrittenAccounts, name: &str| {
            accounts.set(name, "password", "in clear");
        };
        assert!(named("jane", &path).change(spoil).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), sound);
    }
}
