//! `postern spool`: a stopped spool, checked and exported. Nothing in it is
//! changed; what can be mended, the gateway mends at its next start. Only
//! `rekey` writes.

mod keys;

use std::{
    fs::{self, DirBuilder, File},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use clap::{Args, Subcommand};
use serde_json::{Value, json};
use tempfile::NamedTempFile;

use super::exit::Failure;
use crate::{
    mail::{QueueId, QueuedMessage},
    spool::{Damage, DamageKind, Inspection, Keys, Spool, SpoolError},
};
use keys::{InUse, Role};

pub(super) use keys::fault as key_fault;

#[derive(Debug, Args)]
pub struct SpoolArguments {
    #[command(subcommand)]
    command: SpoolCommand,
}

#[derive(Debug, Subcommand)]
enum SpoolCommand {
    /// Verify and summarise the spool of a stopped gateway; 65 where it is damaged
    Check {
        /// The spool: `spool` in the gateway's data_dir
        directory: PathBuf,
        /// postern.toml, for the keys in [spool]; without them only checksums of what is sealed are checked
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Answer in JSON
        #[arg(long)]
        json: bool,
    },
    /// Write messages as they would leave (.eml), each with its envelope (.json)
    Export {
        /// The spool: `spool` in the gateway's data_dir
        directory: PathBuf,
        /// postern.toml, for the keys in [spool]
        #[arg(long, value_name = "FILE")]
        config: Option<PathBuf>,
        /// Where to; made where it is missing, and no file in it is overwritten
        #[arg(long, value_name = "FOLDER")]
        to: PathBuf,
        /// Which messages [default: all]
        ids: Vec<QueueId>,
    },
    /// Make a new key for [spool], in base64
    Key,
    /// Write a stopped spool anew under [spool] key, so that no old key is needed
    Rekey {
        #[arg(long, value_name = "FILE", default_value = "/etc/postern/postern.toml")]
        config: PathBuf,
    },
}

pub fn spool(arguments: SpoolArguments) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match arguments.command {
        SpoolCommand::Check { directory, config, json } => {
            let keys = keys::given(config.as_deref())?;
            let report = Report::of(&inspect(&directory, &keys)?);
            if json {
                writeln!(out, "{}", report.as_json())?;
            } else {
                report.show(&directory, &mut out)?;
            }
            match report.is_sound() {
                true => Ok(()),
                false => Err(Failure::silent(BAD_DATA)),
            }
        }
        SpoolCommand::Export { directory, config, to, ids } => {
            let keys = keys::given(config.as_deref())?;
            let inspection = inspect(&directory, &keys)?;
            let ids = if ids.is_empty() { inspection.ids() } else { ids };
            export(&inspection, &to, &ids, &mut out)
        }
        SpoolCommand::Key => keys::make(&mut out),
        SpoolCommand::Rekey { config } => keys::rekey(&config, &mut out),
    }
}

fn inspect(directory: &Path, keys: &Keys) -> Result<Inspection, Failure> {
    Spool::inspect(directory, keys).map_err(|error| match &error {
        SpoolError::InUse(_) => {
            Failure::unavailable(format!("{error}: stop it first, or ask it: postern queue"))
        }
        SpoolError::Missing(_) if directory.join("spool").is_dir() => {
            Failure::no_input(format!("{error}: is {} meant?", directory.join("spool").display()))
        }
        SpoolError::Version { .. } => Failure::bad_data(error),
        SpoolError::Missing(_) => Failure::no_input(error),
        _ => Failure::no_input(format!("{}: {error}", directory.display())),
    })
}

/// What a check has found.
struct Report {
    segments: usize,
    messages: usize,
    held: usize,
    oldest: Option<QueuedMessage>,
    octets_on_disk: u64,
    octets_live: u64,
    keys: Vec<InUse>,
    damage: Vec<Damage>,
}

impl Report {
    /// Reads everything: envelopes, and contents, one at a time.
    fn of(inspection: &Inspection) -> Self {
        let mut damage = inspection.damage();
        damage.extend(inspection.damaged_contents());
        damage.sort_by_key(|damage| (damage.segment, damage.offset));
        let mut held = 0;
        let mut oldest: Option<QueuedMessage> = None;
        // One that cannot be read is in `damage`.
        let read = |id| inspection.message(id).ok().flatten();
        for message in inspection.ids().into_iter().filter_map(read) {
            held += usize::from(message.is_held());
            if oldest.as_ref().is_none_or(|oldest| message.received_at < oldest.received_at) {
                oldest = Some(message);
            }
        }
        let stats = inspection.stats();
        Self {
            segments: stats.segments,
            messages: stats.messages,
            held,
            oldest,
            octets_on_disk: stats.octets_on_disk,
            octets_live: inspection.live_octets(),
            keys: keys::in_use(inspection),
            damage,
        }
    }

    /// A commit that was never finished is what a power failure leaves.
    fn is_sound(&self) -> bool {
        self.damage.iter().all(|damage| damage.kind.is_expected())
    }

    fn octets_dead(&self) -> u64 {
        self.octets_on_disk.saturating_sub(self.octets_live)
    }

    fn show(&self, directory: &Path, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "{}", directory.display())?;
        writeln!(out, "  segments  {}, {} octets", self.segments, self.octets_on_disk)?;
        writeln!(out, "  octets    {} live, {} dead", self.octets_live, self.octets_dead())?;
        writeln!(out, "  messages  {}, {} of them held", self.messages, self.held)?;
        if let Some(QueuedMessage { id, received_at, .. }) = &self.oldest {
            writeln!(out, "  oldest    {id}, received {received_at}")?;
        }
        if self.keys.iter().any(|key| key.id.is_some() || key.role == Role::Old) {
            for key in &self.keys {
                writeln!(out, "  {key}")?;
            }
        }
        for damage in &self.damage {
            writeln!(out, "\n{damage}\n  {}", advice(damage))?;
        }
        match self.damage.len() {
            0 if self.keys.iter().any(|key| key.role == Role::NotGiven) => writeln!(
                out,
                "no damage: what is sealed under keys that are not given was not opened, and its \
                 checksums are right"
            ),
            0 => writeln!(out, "no damage: every envelope and every content is as it was written"),
            found => writeln!(out, "\n{found} damaged"),
        }
    }

    fn as_json(&self) -> Value {
        let oldest = self.oldest.as_ref().map(
            |message| json!({ "id": message.id, "received_at": message.received_at.to_string() }),
        );
        json!({
            "segments": self.segments,
            "octets": {
                "disk": self.octets_on_disk,
                "live": self.octets_live,
                "dead": self.octets_dead(),
            },
            "messages": self.messages,
            "held": self.held,
            "oldest": oldest,
            "keys": self.keys.iter().map(InUse::as_json).collect::<Vec<_>>(),
            "sound": self.is_sound(),
            "damage": self.damage.iter().map(damage_as_json).collect::<Vec<_>>(),
        })
    }
}

fn damage_as_json(damage: &Damage) -> Value {
    let (kind, message) = match damage.kind {
        DamageKind::Torn => ("torn", None),
        DamageKind::Damaged => ("record", None),
        DamageKind::Header => ("header", None),
        DamageKind::Meta(id) => ("envelope", Some(id)),
        DamageKind::Content(id) => ("content", Some(id)),
    };
    json!({
        "file": damage.file(),
        "offset": damage.offset,
        "octets": damage.octets,
        "kind": kind,
        "message": message,
        "advice": advice(damage),
    })
}

/// What to do about it.
fn advice(damage: &Damage) -> String {
    let file = damage.file();
    match damage.kind {
        DamageKind::Torn => {
            "Nothing is lost: no client was told that it is safe. The next start strikes it out."
                .to_owned()
        }
        DamageKind::Damaged => format!(
            "What stood there is lost to Postern: new messages, or what became of older ones. \
             Keep a copy of {file}, which Postern never removes; the audit log names what was \
             accepted and delivered at that time."
        ),
        DamageKind::Header => format!(
            "No message in it is delivered, and Postern leaves it alone. Put an undamaged copy \
             of {file} in its place, if there is one."
        ),
        DamageKind::Meta(id) => format!(
            "Nobody can be told from it whom the message is for. Save its content with \
             `postern spool export … {id}`; the audit log has its envelope."
        ),
        DamageKind::Content(id) => format!(
            "It cannot be delivered. Its envelope is whole: `postern spool export … {id}` \
             writes it, so that its sender can be asked for it again."
        ),
    }
}

fn export(
    inspection: &Inspection,
    folder: &Path,
    ids: &[QueueId],
    out: &mut impl Write,
) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| Failure::cannot_create(format!("{}: {error}", folder.display())))?;
    let mut whole = 0;
    for &id in ids {
        match export_one(inspection, folder, id) {
            Ok(()) => whole += 1,
            Err(why) => writeln!(out, "{id}: {why}")?,
        }
    }
    File::open(folder)?.sync_all()?;
    writeln!(out, "{whole} of {} messages are whole in {}", ids.len(), folder.display())?;
    match whole == ids.len() {
        true => Ok(()),
        false => Err(Failure::silent(BAD_DATA)),
    }
}

/// Both files, or as many as can be read; why not both.
fn export_one(inspection: &Inspection, folder: &Path, id: QueueId) -> Result<(), String> {
    let content = inspection.content(id).map(|content| content.map(|octets| octets.to_vec()));
    let content = keep(folder, &format!("{id}.eml"), content);
    let envelope = inspection.message(id).map(|message| {
        // It was read from JSON.
        message.and_then(|message| serde_json::to_vec_pretty(&message).ok())
    });
    let envelope = keep(folder, &format!("{id}.json"), envelope);
    match (content, envelope) {
        (Ok(()), Ok(())) => Ok(()),
        (Err(content), Ok(())) => Err(format!("no content: {content}")),
        (Ok(()), Err(envelope)) => Err(format!("no envelope: {envelope}")),
        (Err(content), Err(_)) => Err(content),
    }
}

/// Writes a file that is there whole or not at all. One with the same octets
/// may be there: an export that was broken off is gone on with.
fn keep(
    folder: &Path,
    name: &str,
    octets: Result<Option<Vec<u8>>, SpoolError>,
) -> Result<(), String> {
    let octets = octets.map_err(|error| error.to_string())?.ok_or("not in the spool")?;
    let path = folder.join(name);
    let write = || {
        let mut file = NamedTempFile::with_prefix_in(".export-", folder)?;
        file.write_all(&octets)?;
        file.as_file().sync_all()?;
        match file.persist_noclobber(&path) {
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            persisted => persisted.map(|_| true).map_err(io::Error::from),
        }
    };
    match write() {
        Ok(true) => Ok(()),
        Ok(false) if fs::read(&path).is_ok_and(|there| there == octets) => Ok(()),
        Ok(false) => Err(format!("{} is something else, and stays", path.display())),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// EX_DATAERR
const BAD_DATA: u8 = 65;

#[cfg(test)]
mod tests;
