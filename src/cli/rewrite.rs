//! `postern rewrite`: the message as it would leave.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{
    exit::Failure,
    explain::{MessageArguments, judged},
    files,
};
use crate::{
    config::Node,
    gateway::{Fate, Workshop, signer},
    mail::{QueueId, Timestamp},
    transform::Signer,
};

#[derive(Debug, Args)]
pub struct RewriteArguments {
    #[command(flatten)]
    message: MessageArguments,
    /// postern.toml, for the node's name and its signing keys
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

pub fn rewrite(arguments: RewriteArguments, now: Timestamp) -> Result<(), Failure> {
    let RewriteArguments { message, config } = arguments;
    let (node, signer) = identity(config.as_deref(), &message)?;
    let policy = files::policy(&message.policies, &node.local_domains, now)?;
    let submission = message.submission()?;
    let judgement = judged(&policy, &submission)?;
    let groups = match judgement.fate() {
        Fate::Taken(groups) => groups,
        Fate::Refused { reply, .. } => {
            return Err(Failure::negative(format!("it would not leave: {reply}")));
        }
    };
    let workshop = Workshop {
        node: &node,
        policy: &policy,
        signer: &signer,
        now,
        submission: &submission,
        authentication: None,
        judgement: &judgement,
        marking: None,
    };
    let several = groups.len() > 1;
    let mut out = std::io::stdout().lock();
    for group in &groups {
        let id = QueueId::at(now.unix_milliseconds(), 0);
        let copy = workshop.copy(id, group).map_err(Failure::configuration)?;
        if several {
            let recipients: Vec<_> =
                group.recipients.iter().map(|(address, _)| address.to_string()).collect();
            eprintln!("postern: {} for {}", group.treatment.disposition, recipients.join(", "));
        }
        out.write_all(copy.message())?;
    }
    Ok(())
}

/// Who rewrites: as postern.toml has it, or nobody in particular, who signs
/// nothing.
fn identity(config: Option<&Path>, message: &MessageArguments) -> Result<(Node, Signer), Failure> {
    if let Some(path) = config {
        let config = files::configuration(path)?;
        let signer = signer(&config).map_err(Failure::configuration)?;
        return Ok((config.node, signer));
    }
    let node = Node {
        name: "localhost".parse().map_err(Failure::bad_data)?,
        data_dir: PathBuf::new(),
        policies: message.policies.clone(),
        local_domains: message.local_domains.clone(),
        control_socket: PathBuf::new(),
        passage_key: PathBuf::new(),
    };
    Ok((node, Signer::default()))
}
