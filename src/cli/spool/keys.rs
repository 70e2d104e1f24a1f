//! The keys that a spool is sealed under: a new one made, which are in use, and
//! what stands under old ones written anew.

use std::{
    fs,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    cli::{exit::Failure, files},
    config::{Config, KeyFile},
    gateway::{credentials_directory, spool_keys},
    policy::{
        diagnostics::{Diagnostic, Severity, SourceFile},
        written::Fault,
    },
    spool::{self, Ephemeral, Inspection, KeyId, KeyUse, Keys, Settings, Spool, Stats},
};

/// What a key in use is to this postern.toml.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// New mail is sealed under it, or is plain.
    Current,
    Old,
    /// What is sealed under it cannot be read.
    NotGiven,
}

/// One line of a check.
pub(super) struct InUse {
    /// None for what is plain.
    pub(super) id: Option<KeyId>,
    pub(super) role: Role,
    pub(super) found: KeyUse,
}

/// Writes a new key to standard output, and its id beside it.
pub(super) fn make(out: &mut impl Write) -> Result<(), Failure> {
    let (key, id) = spool::new_key().map_err(Failure::unavailable)?;
    out.write_all(key.as_bytes())?;
    eprintln!("key {id}: keep a copy of it where the spool is not, and let nobody else read it");
    Ok(())
}

/// Those that postern.toml names; none without one.
pub(super) fn given(config: Option<&Path>) -> Result<Keys, Failure> {
    let Some(path) = config else { return Ok(Keys::default()) };
    let config = files::configuration(path)?;
    spool_keys(&config, credentials_directory().as_deref()).map_err(Failure::configuration)
}

/// Why the gateway could not read them. Credentials are there only where the
/// service manager has laid them out, which is not where a person checks.
pub(in crate::cli) fn fault(config: &Config) -> Option<Diagnostic> {
    let credentials = credentials_directory();
    let named = config.spool.key.iter().chain(&config.spool.old_keys);
    if credentials.is_none() && named.clone().any(|key| matches!(key, KeyFile::Credential(_))) {
        return None;
    }
    let error = spool_keys(config, credentials.as_deref()).err()?;
    let file = SourceFile { path: "postern.toml".to_owned(), text: String::new() };
    let fault = Fault::new("spool-key-unusable", error.to_string());
    let help = "Without it the gateway does not start.";
    Some(fault.help(help).of(&Arc::new(file), Severity::Error))
}

pub(super) fn in_use(inspection: &Inspection) -> Vec<InUse> {
    let keys = inspection.keys();
    let role = |id: Option<KeyId>| match id {
        id if id == keys.current_id() => Role::Current,
        Some(id) if !keys.knows(id) => Role::NotGiven,
        _ => Role::Old,
    };
    let uses = inspection.key_uses().into_iter();
    uses.map(|(id, found)| InUse { id, role: role(id), found }).collect()
}

/// Writes anew what is not sealed as new mail is. The gateway does it as well,
/// while it runs; this waits until it is done.
pub(super) fn rekey(config: &Path, out: &mut impl Write) -> Result<(), Failure> {
    let path = files::configuration(config)?.node.data_dir.join("spool");
    let keys = given(Some(config))?;
    // Also where there is none, or a gateway runs.
    drop(super::inspect(&path, &keys)?);
    check_owner(&path)?;
    let settings =
        Settings { ephemeral: Ephemeral::Allow, keys: keys.clone(), ..Settings::default() };
    let spool = Spool::open(&path, settings, |_, _| {}).map_err(Failure::unavailable)?;
    let moved = wait(&spool)?;
    drop(spool);
    writeln!(out, "{moved} octets were written anew")?;
    let inspection = super::inspect(&path, &keys)?;
    for line in in_use(&inspection) {
        writeln!(out, "{line}")?;
        if line.role != Role::Current {
            writeln!(out, "  they have damage, and stay: postern spool check says which")?;
        }
    }
    Ok(())
}

/// Until nothing is left to be moved; how many octets were.
fn wait(spool: &Spool) -> Result<u64, Failure> {
    let mut last = Stats::default();
    let mut since = Instant::now();
    loop {
        let stats = spool.stats();
        if stats.outdated_segments == 0 {
            return Ok(stats.octets_moved);
        }
        if stats != last {
            (last, since) = (stats, Instant::now());
        }
        if since.elapsed() > PATIENCE {
            let left = stats.outdated_segments;
            let why = if stats.full { "no space is left" } else { "the disk refuses" };
            return Err(Failure::unavailable(format!("{left} segments are as they were: {why}")));
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// What another user writes there, the gateway could not open.
fn check_owner(path: &Path) -> Result<(), Failure> {
    let owners = || -> io::Result<_> {
        Ok((fs::metadata(path)?.uid(), tempfile::tempfile_in(path)?.metadata()?.uid()))
    };
    let cause = |cause| Failure::no_input(format!("{}: {cause}", path.display()));
    let (owner, we) = owners().map_err(cause)?;
    if owner == we {
        return Ok(());
    }
    let path = path.display();
    Err(Failure::no_input(format!("{path} belongs to user {owner}: run this as that user")))
}

impl InUse {
    pub(super) fn as_json(&self) -> Value {
        json!({
            "key": self.id.map(|id| id.to_string()),
            "role": match self.role {
                Role::Current => "current",
                Role::Old => "old",
                Role::NotGiven => "not given",
            },
            "segments": self.found.segments,
            "messages": self.found.messages,
        })
    }
}

impl std::fmt::Display for InUse {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.id {
            Some(id) => write!(out, "key {id}")?,
            None => out.write_str("plain")?,
        }
        let KeyUse { segments, messages } = self.found;
        write!(out, ": {segments} segments, {messages} messages; ")?;
        out.write_str(match self.role {
            Role::Current => "new mail as well",
            Role::Old => "the gateway writes them anew",
            Role::NotGiven => "it is not given (--config)",
        })
    }
}

/// How long a disk may do nothing.
const PATIENCE: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
