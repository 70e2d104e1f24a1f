//! `postern rewrite`: messages as they would leave, or how they would differ.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use clap::Args;

use super::{
    difference::Difference,
    documents::Documents,
    exit::Failure,
    explain::{JourneyArguments, judged},
    files,
};
use crate::{
    config::{Confinement, Node},
    gateway::{Fate, Group, Workshop, signer},
    mail::{QueueId, Timestamp},
    policy::Policy,
    transform::{Rewritten, Signer},
};

#[derive(Debug, Args)]
pub struct RewriteArguments {
    /// Messages, or folders of them (*.eml); `-` for standard input
    #[arg(required = true, value_name = "FILE.eml")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    journey: JourneyArguments,
    /// postern.toml, for the node's name and its signing keys
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Show which octets change, and prove that all others stay
    #[arg(long, conflicts_with = "out")]
    diff: bool,
    /// Write each message there, under the name of its file
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

pub fn rewrite(arguments: RewriteArguments, now: Timestamp) -> Result<(), Failure> {
    let RewriteArguments { files, journey, config, diff, out } = arguments;
    let (node, signer) = identity(config.as_deref(), &journey)?;
    let policy = journey.folder.policy(&node.local_domains, now)?;
    let documents = Documents::new();
    let office = Office { node, signer, policy, documents, journey, now };
    let form = match (diff, out) {
        (true, _) => Form::Difference,
        (false, Some(folder)) => Form::Files(folder),
        (false, None) => Form::Message,
    };
    let mut refused = 0;
    for file in files::messages(&files)? {
        let octets = files::message(&file)?;
        match office.copies(octets.clone())? {
            Copies::Made(copies) => form.show(&file, &octets, &copies)?,
            Copies::Refused(reply) => {
                eprintln!("postern: {}: it would not leave: {reply}", file.display());
                refused += 1;
            }
        }
    }
    if refused == 0 { Ok(()) } else { Err(Failure::silent(1)) }
}

/// What is shown of a message.
enum Form {
    Message,
    Difference,
    /// A file each, in this folder.
    Files(PathBuf),
}

impl Form {
    fn show(&self, file: &Path, original: &Bytes, copies: &[Copy]) -> Result<(), Failure> {
        let mut out = std::io::stdout().lock();
        for (index, copy) in copies.iter().enumerate() {
            if copies.len() > 1 {
                eprintln!("postern: {}", copy.whose);
            }
            match self {
                Self::Message => out.write_all(copy.rewritten.message())?,
                Self::Difference => {
                    let difference = Difference::of(original, &copy.rewritten);
                    let difference = difference.map_err(Failure::negative)?;
                    write!(out, "{}: {difference}", file.display())?;
                }
                Self::Files(folder) => {
                    let path = folder.join(file_name(file, index));
                    std::fs::write(&path, copy.rewritten.message()).map_err(|error| {
                        Failure::cannot_create(format!("{}: {error}", path.display()))
                    })?;
                }
            }
        }
        Ok(())
    }
}

/// The name of a message's file for its first copy, then `NAME-2.eml`.
fn file_name(file: &Path, index: usize) -> String {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    match index {
        0 => format!("{stem}.eml"),
        _ => format!("{stem}-{}.eml", index + 1),
    }
}

/// What messages are rewritten with.
struct Office {
    node: Node,
    signer: Signer,
    policy: Policy,
    documents: Documents,
    journey: JourneyArguments,
    now: Timestamp,
}

enum Copies {
    /// One for each group of recipients who are treated alike.
    Made(Vec<Copy>),
    Refused(String),
}

struct Copy {
    /// What becomes of it, and whose it is.
    whose: String,
    rewritten: Rewritten,
}

impl Office {
    fn copies(&self, octets: Bytes) -> Result<Copies, Failure> {
        let submission = self.journey.submission(octets);
        let judgement = judged(&self.policy, &submission, &self.documents, self.now)?;
        let groups = match judgement.fate() {
            Fate::Taken(groups) => groups,
            Fate::Refused { reply, .. } => return Ok(Copies::Refused(reply.to_string())),
        };
        let id = QueueId::at(self.now.unix_milliseconds(), 0);
        let workshop = Workshop {
            node: &self.node,
            policy: &self.policy,
            signer: &self.signer,
            now: self.now,
            id,
            submission: &submission,
            authentication: None,
            judgement: &judgement,
            marking: None,
        };
        let copy = |group: &Group| {
            let rewritten = workshop.copy(id, group).map_err(Failure::configuration)?;
            Ok(Copy { whose: whose(group), rewritten })
        };
        groups.iter().map(copy).collect::<Result<_, _>>().map(Copies::Made)
    }
}

fn whose(group: &Group) -> String {
    let recipients: Vec<_> =
        group.recipients.iter().map(|(address, _)| address.to_string()).collect();
    format!("{} for {}", group.treatment.disposition, recipients.join(", "))
}

/// Who rewrites: as postern.toml has it, or nobody in particular, who signs
/// nothing.
fn identity(config: Option<&Path>, journey: &JourneyArguments) -> Result<(Node, Signer), Failure> {
    if let Some(path) = config {
        let config = files::configuration(path)?;
        let signer = signer(&config).map_err(Failure::configuration)?;
        return Ok((config.node, signer));
    }
    let node = Node {
        name: "localhost".parse().map_err(Failure::bad_data)?,
        data_dir: PathBuf::new(),
        policies: journey.folder.path(),
        local_domains: journey.local_domains.clone(),
        control_socket: PathBuf::new(),
        control_group: None,
        passage_key: PathBuf::new(),
        user: None,
        confinement: Confinement::Off,
    };
    Ok((node, Signer::default()))
}
