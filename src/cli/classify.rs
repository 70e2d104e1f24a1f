//! `postern classify`: findings and level of messages, a line a message.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use super::{documents::Documents, exit::Failure, files};
use crate::{classify::Classification, content::Content, gateway, mail::Timestamp};

#[derive(Debug, Args)]
pub struct ClassifyArguments {
    /// Messages, or folders of them (*.eml)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[arg(long, value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
    /// A line of JSON a message
    #[arg(long)]
    json: bool,
    /// Show values unmasked
    #[arg(long)]
    reveal: bool,
}

pub fn classify(arguments: &ClassifyArguments, now: Timestamp) -> Result<(), Failure> {
    let policy = files::policy(&arguments.policies, &[], now)?;
    let display = if arguments.reveal { Display::Revealed } else { Display::Masked };
    let documents = Documents::new();
    let mut out = std::io::stdout().lock();
    for path in files::messages(&arguments.paths)? {
        let content = Content::parse(files::message(&path)?);
        let mut reader = documents.reader()?;
        let extract = content.extract(&mut reader);
        documents.were_read(&reader)?;
        let classification = gateway::classify(&policy, &extract);
        if arguments.json {
            writeln!(out, "{}", as_json(&path, &classification, display))?;
        } else {
            show(&mut out, &path, &classification, display)?;
        }
    }
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Display {
    Masked,
    Revealed,
}

fn as_json(path: &Path, classification: &Classification, display: Display) -> serde_json::Value {
    let findings: Vec<_> = classification
        .findings
        .iter()
        .map(|found| {
            let value = match display {
                Display::Masked => found.finding.masked.as_str(),
                Display::Revealed => found.value.as_str(),
            };
            json!({
                "kind": found.finding.kind,
                "value": value,
                "part": found.finding.part,
                "line": found.finding.line,
                "confidence": found.finding.confidence,
                "why": found.finding.why,
            })
        })
        .collect();
    json!({
        "file": path,
        "level": classification.level,
        "findings": findings,
        "opaque": classification.is_opaque(),
        "opaque_parts": classification.opaque,
        "why": classification.why,
    })
}

fn show(
    out: &mut impl Write,
    path: &Path,
    classification: &Classification,
    display: Display,
) -> std::io::Result<()> {
    writeln!(out, "{}: level {}", path.display(), classification.level)?;
    for why in &classification.why {
        writeln!(out, "  {why}")?;
    }
    for found in &classification.findings {
        let finding = &found.finding;
        let value = match display {
            Display::Masked => finding.masked.as_str(),
            Display::Revealed => found.value.as_str(),
        };
        writeln!(
            out,
            "  {:22} {value:30} {:3} %  part {}, line {}: {}",
            finding.kind.name(),
            finding.confidence,
            finding.part,
            finding.line,
            finding.why
        )?;
    }
    for opaque in &classification.opaque {
        writeln!(out, "  opaque                 part {}: {}", opaque.part, opaque.reason)?;
    }
    Ok(())
}
