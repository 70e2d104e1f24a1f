//! `postern audit verify`: whether the trail is as it was written.

use std::{
    fs,
    io::{Read, Write},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use super::reach::Reach;
use crate::{
    cli::exit::Failure,
    gateway::AuditAccess,
    observe::{self, Anchors, Checkpoint, CheckpointError, PublicKey, Verification},
};

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    #[command(flatten)]
    reach: Reach,
    /// Checkpoints that were kept elsewhere, as `postern audit checkpoint` has shown them; `-` for
    /// standard input
    #[arg(long, value_name = "FILE")]
    against: Vec<PathBuf>,
    /// The public key that was kept elsewhere, instead of the one beside the trail
    #[arg(long, value_name = "BASE64")]
    public_key: Option<PublicKey>,
}

pub(super) fn verify(
    arguments: &VerifyArguments,
    control: &Path,
    json: bool,
) -> Result<(), Failure> {
    let mut anchors = Anchors { checkpoints: Vec::new(), key: arguments.public_key.clone() };
    for path in &arguments.against {
        anchors.checkpoints.extend(checkpoints(path)?);
    }
    let words = match anchors.checkpoints.len() {
        0 => String::new(),
        kept => format!("against {kept} kept elsewhere"),
    };
    let trail = arguments.reach.reach(control, AuditAccess::Verify, words)?;
    let verified = observe::verify(&trail.folder, &anchors).map_err(Failure::no_input)?;
    let mut out = std::io::stdout().lock();
    match json {
        true => writeln!(out, "{}", as_json(&verified))?,
        false => tell(&mut out, &verified)?,
    }
    if verified.is_intact() { Ok(()) } else { Err(Failure::silent(1)) }
}

fn checkpoints(path: &Path) -> Result<Vec<Checkpoint>, Failure> {
    let text = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(path)
    };
    let text = text.map_err(|error| Failure::no_input(format!("{}: {error}", path.display())))?;
    match Checkpoint::read_all(&text) {
        found if found.is_empty() => {
            Err(Failure::bad_data(format!("{}: {}", path.display(), CheckpointError::NoneFound)))
        }
        found => Ok(found),
    }
}

fn tell(out: &mut impl Write, verified: &Verification) -> std::io::Result<()> {
    for fault in &verified.faults {
        writeln!(out, "{fault}")?;
    }
    if verified.more_faults > 0 {
        writeln!(out, "and {} faults more", verified.more_faults)?;
    }
    let Verification { files, entries, before_chain, retired, checkpoints, anchors, .. } = verified;
    if *before_chain > 0 {
        writeln!(out, "{before_chain} lines are of versions without a chain, and before it")?;
    }
    if *retired > 0 {
        writeln!(out, "entries 1 to {retired} were removed when their time was over")?;
    }
    let Some((first, last)) = verified.first.zip(verified.last) else {
        return writeln!(out, "There is no chain here to verify.");
    };
    let verdict = match verified.faults.len() {
        0 => "The trail is whole",
        _ => "The trail is NOT whole",
    };
    writeln!(
        out,
        "{verdict}: {entries} entries, {first} to {}, in {files} files; {checkpoints} checkpoints \
         beside it, {anchors} from elsewhere.",
        last.seq
    )?;
    writeln!(out, "Last digest: {}", last.digest)
}

fn as_json(verified: &Verification) -> serde_json::Value {
    let mut answer = json!(verified);
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("intact".to_owned(), verified.is_intact().into());
        let words: Vec<_> = verified.faults.iter().map(ToString::to_string).collect();
        answer.insert("words".to_owned(), json!(words));
    }
    answer
}
