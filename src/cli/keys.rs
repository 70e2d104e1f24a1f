//! `postern keys`: the keys that sign mail, from the first to the next.

use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::{ArgGroup, Args, Subcommand};
use serde_json::json;

use super::{exit::Failure, files};
use crate::{
    config::{Config, KeyState},
    gateway::{KeyStanding, NewKey, key_standings, new_signing_key, signing_key},
    mail::Domain,
    policy::{
        diagnostics::{Diagnostics, Severity, SourceFile},
        written::Fault,
    },
    transform::SigningKey,
};

/// The steps of a rotation: no signature is ever made that somebody could not
/// verify.
const ROTATION: &str = "\
A key is changed without a gap like this:
  1. postern keys make DOMAIN SELECTOR   with a selector never used before
  2. publish the record it prints; name the key in postern.toml with
     state = \"waiting\"
  3. postern keys list                   until DNS has it, and a day more
  4. state = \"active\" for the new key (while both are active both sign),
     state = \"retired\" for the old one; restart the gateway
  5. a week later, when no mail signed with the old key is on its way any more,
     take out its record and its [[signing.key]], and destroy its file";

#[derive(Debug, Args)]
#[command(after_help = ROTATION)]
pub struct KeysArguments {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a private key, and print the DNS record that publishes it
    Make(MakeArguments),
    /// Show each key, its state, and whether DNS publishes it; 1 where a person must see to one
    #[command(after_help = ROTATION)]
    List {
        #[arg(long, value_name = "FILE", default_value = "/etc/postern/postern.toml")]
        config: PathBuf,
        /// A line of JSON a key
        #[arg(long)]
        json: bool,
    },
    /// Print the DNS record of a key
    Record {
        domain: Domain,
        selector: Domain,
        #[arg(long, value_name = "FILE", default_value = "/etc/postern/postern.toml")]
        config: PathBuf,
    },
}

#[derive(Debug, Args)]
#[command(after_help = ROTATION, group = ArgGroup::new("algorithm"))]
struct MakeArguments {
    /// The domain of the authors whose mail it signs
    domain: Domain,
    /// Names this key among the domain's, such as 2027a
    selector: Domain,
    /// RSA of 2048 bits, which every verifier knows [default]
    #[arg(long, group = "algorithm")]
    rsa: bool,
    /// Ed25519 (RFC 8463), to sign beside an RSA key
    #[arg(long, group = "algorithm")]
    ed25519: bool,
    /// Where to; never overwritten [default: DOMAIN.SELECTOR.key]
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
}

pub fn keys(arguments: KeysArguments) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match arguments.command {
        KeysCommand::Make(arguments) => make(arguments, &mut out),
        KeysCommand::List { config, json } => list(&files::configuration(&config)?, json, &mut out),
        KeysCommand::Record { domain, selector, config } => {
            let config = files::configuration(&config)?;
            let named =
                |key: &&crate::config::SigningKey| key.domain == domain && key.selector == selector;
            let key = config.signing.iter().find(named).ok_or_else(|| {
                Failure::bad_data(format!("no [[signing.key]] is {selector} of {domain}"))
            })?;
            let key = signing_key(key).map_err(Failure::configuration)?;
            writeln!(out, "{}", zone_line(&key.record_name(), key.record()))?;
            Ok(())
        }
    }
}

fn make(arguments: MakeArguments, out: &mut impl Write) -> Result<(), Failure> {
    let MakeArguments { domain, selector, ed25519, file, .. } = arguments;
    let kind = if ed25519 { NewKey::Ed25519 } else { NewKey::Rsa };
    let pem = new_signing_key(kind).map_err(Failure::unavailable)?;
    let key = SigningKey::from_pem(domain.clone(), selector.as_str(), pem.as_bytes())
        .map_err(Failure::bad_data)?;
    let path = file.unwrap_or_else(|| PathBuf::from(format!("{domain}.{selector}.key")));
    write_secret(&path, &pem)?;
    writeln!(out, "{}", zone_line(&key.record_name(), key.record()))?;
    eprintln!(
        "The key is in {file}. Publish the record above, then write in postern.toml\n\n    \
         [[signing.key]]\n    domain = \"{domain}\"\n    selector = \"{selector}\"\n    \
         file = \"{file}\"\n    state = \"waiting\"\n\n\
         and ask `postern keys list` whether DNS has it, before the key becomes \"active\".",
        file = path.display(),
    );
    Ok(())
}

/// For its owner alone, and on disk before anybody is told of it.
fn write_secret(path: &Path, pem: &str) -> Result<(), Failure> {
    let write = || {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(pem.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Failure::cannot_create(format!(
            "{} is there already, and a key is never overwritten: what it has signed would no \
             longer verify",
            path.display()
        )),
        _ => Failure::cannot_create(format!("{}: {error}", path.display())),
    })
}

/// As a zone file has it; each string of a TXT record has at most 255 octets
/// (RFC 1035 section 3.3.14).
fn zone_line(name: &str, record: &str) -> String {
    let mut strings = Vec::new();
    let mut rest = record;
    while !rest.is_empty() {
        let (string, more) = rest.split_at_checked(STRING).unwrap_or((rest, ""));
        strings.push(format!("\"{string}\""));
        rest = more;
    }
    match strings.as_slice() {
        [one] => format!("{name}. IN TXT {one}"),
        several => format!("{name}. IN TXT (\n    {} )", several.join("\n    ")),
    }
}

fn list(config: &Config, as_json: bool, out: &mut impl Write) -> Result<(), Failure> {
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::unavailable)?;
    let standings = runtime.block_on(key_standings(config)).map_err(Failure::unavailable)?;
    if standings.is_empty() && !as_json {
        writeln!(out, "no [[signing.key]]: mail is not signed (postern keys make)")?;
    }
    for standing in &standings {
        match as_json {
            true => writeln!(out, "{}", in_json(standing))?,
            false => writeln!(out, "{}", in_words(standing))?,
        }
    }
    match standings.iter().all(|standing| standing.fault().is_none()) {
        true => Ok(()),
        false => Err(Failure::silent(1)),
    }
}

fn in_words(standing: &KeyStanding) -> String {
    let key = &standing.key;
    let (state, mark) = (key.state.name(), if standing.fault().is_some() { "! " } else { "  " });
    let (algorithm, dns) = match (&standing.read, &standing.publication) {
        (Ok(read), Some(publication)) => (read.algorithm().to_string(), publication.to_string()),
        (Err(why), _) => ("unreadable".to_owned(), why.clone()),
        (Ok(read), None) => (read.algorithm().to_string(), String::new()),
    };
    format!("{mark}{}  {}  {algorithm}  {state}  {dns}", key.domain, key.selector)
}

fn in_json(standing: &KeyStanding) -> serde_json::Value {
    let key = &standing.key;
    json!({
        "domain": key.domain,
        "selector": key.selector,
        "algorithm": standing.read.as_ref().ok().map(|read| read.algorithm().to_string()),
        "state": key.state.name(),
        "dns": standing.publication.as_ref().map(crate::authenticate::Publication::name),
        "fault": standing.fault(),
    })
}

/// What `postern check` says of the keys; the DNS is not asked.
pub(super) fn faults(config: &Config) -> Diagnostics {
    let mut faults = Diagnostics::default();
    for key in config.signing.iter().filter(|key| key.state != KeyState::Retired) {
        let mut add = |fault: Fault, severity| {
            // PEM says nothing to a person: there is no text to underline.
            let file = SourceFile { path: key.key.display().to_string(), text: String::new() };
            faults.push(fault.of(&Arc::new(file), severity));
        };
        if let Err(error) = signing_key(key) {
            let (severity, help) = match key.state {
                KeyState::Active => (Severity::Error, "Without it the gateway does not start."),
                _ => (Severity::Warning, "It cannot become active like this."),
            };
            add(Fault::new("signing-key-unusable", error.to_string()).help(help), severity);
        }
        if fs::metadata(&key.key).is_ok_and(|file| file.permissions().mode() & 0o077 != 0) {
            let file = key.key.display();
            let message = format!("others than its owner may read the signing key {file}");
            let help = format!("Who reads it can sign as {}: chmod 600 {file}", key.domain);
            add(Fault::new("signing-key-readable", message).help(help), Severity::Warning);
        }
    }
    faults
}

const STRING: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_split_where_a_string_of_the_dns_ends() {
        assert_eq!(
            zone_line("s._domainkey.x.example", "v=DKIM1"),
            "s._domainkey.x.example. IN TXT \"v=DKIM1\""
        );
        let record = "x".repeat(600);
        let line = zone_line("n", &record);
        let strings: Vec<&str> = line.split('"').skip(1).step_by(2).collect();
        assert_eq!(strings.iter().map(|string| string.len()).collect::<Vec<_>>(), [255, 255, 90]);
        assert_eq!(strings.concat(), record);
    }

    #[test]
    fn a_key_is_for_its_owner_alone_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.key");
        write_secret(&path, "one").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(write_secret(&path, "two").is_err());
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
    }

    #[test]
    fn a_key_that_is_missing_is_an_error_and_one_that_others_read_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.key");
        let text = format!(
            "[node]\nname = \"mx1.example.nhs.uk\"\ndata_dir = \"data\"\npolicies = \"policies\"\n\
             [[listener]]\nname = \"in\"\naddress = \"127.0.0.1:0\"\ndirection = \"inbound\"\n\
             tls = \"none\"\n[[route]]\ndomain = \"*\"\nnext_hop = \"mx\"\n\
             [[signing.key]]\ndomain = \"x.example\"\nselector = \"s\"\nfile = \"{}\"\n",
            path.display()
        );
        let source = SourceFile { path: "postern.toml".to_owned(), text };
        let (config, _) = Config::read(&Arc::new(source));
        let config = config.unwrap();
        let codes = || faults(&config).iter().map(|fault| fault.code).collect::<Vec<_>>();
        assert_eq!(codes(), ["signing-key-unusable"]);
        write_secret(&path, &new_signing_key(NewKey::Ed25519).unwrap()).unwrap();
        assert_eq!(codes(), [""; 0]);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        assert_eq!(codes(), ["signing-key-readable"]);
    }
}
