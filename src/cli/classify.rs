//! `postern classify`: findings and level of messages, a line a message.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use super::{
    documents::Documents,
    exit::Failure,
    files,
    findings::{self, Display, Extent},
    folder::Folder,
    page::{Ink, Page, piece},
};
use crate::{
    classify::{Classification, TestRange},
    content::{Content, Extract},
    gateway,
    mail::Timestamp,
    policy::Policy,
};

#[derive(Debug, Args)]
pub struct ClassifyArguments {
    /// Messages, or folders of them (*.eml)
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    folder: Folder,
    /// A line of JSON a message
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    view: View,
}

/// How findings are shown.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct View {
    /// Show values unmasked
    #[arg(long)]
    reveal: bool,
    /// Show every finding and reason, and what was weighed and left out
    #[arg(long)]
    all: bool,
    /// NHS numbers of the 999 test range [default: as classification.toml says]
    #[arg(long, value_enum)]
    pub(super) test_range: Option<Range>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Range {
    Ignore,
    Count,
}

impl View {
    pub(super) fn display(self) -> Display {
        if self.reveal { Display::Revealed } else { Display::Masked }
    }

    pub(super) fn extent(self) -> Extent {
        if self.all { Extent::All } else { Extent::FirstOfMany }
    }

    /// Only where all is asked for.
    pub(super) fn tell_left_out<W: Write>(
        self,
        page: &mut Page<W>,
        policy: &Policy,
        extract: &Extract,
    ) -> std::io::Result<()> {
        match self.extent() {
            Extent::FirstOfMany => Ok(()),
            Extent::All => {
                let left_out = policy.left_out(&extract.readings);
                findings::tell_left_out(page, &left_out, self.display())
            }
        }
    }

    pub(super) fn test_range(self) -> Option<TestRange> {
        self.test_range.map(|range| match range {
            Range::Ignore => TestRange::Ignore,
            Range::Count => TestRange::Count,
        })
    }
}

pub fn classify(arguments: &ClassifyArguments, now: Timestamp) -> Result<(), Failure> {
    let view = arguments.view;
    let policy = files::policy_with(&arguments.folder.path(), &[], view.test_range(), now)?;
    let documents = Documents::new();
    let mut out = std::io::stdout().lock();
    let mut page = Page::standard_output().within(COLUMNS);
    let messages = files::messages(&arguments.paths)?;
    for path in &messages {
        let content = Content::parse(files::message(path)?);
        let mut reader = documents.reader()?;
        let extract = content.extract(&mut reader);
        documents.were_read(&reader)?;
        let classification = gateway::classify(&policy, &extract);
        match messages.as_slice() {
            _ if arguments.json => {
                writeln!(out, "{}", as_json(path, &classification, view.display()))?;
            }
            [_] => {
                findings::tell(&mut page, &policy, &classification, view.display(), view.extent())?;
                view.tell_left_out(&mut page, &policy, &extract)?;
            }
            _ => summarise(&mut page, &policy, path, &classification)?,
        }
    }
    Ok(())
}

fn as_json(path: &Path, classification: &Classification, display: Display) -> serde_json::Value {
    let findings: Vec<_> = classification
        .findings
        .iter()
        .map(|found| {
            json!({
                "detector": found.finding.detector,
                "kind": found.finding.kind,
                "value": display.of(found),
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
        "test_numbers": classification.test_numbers,
        "why": classification.why,
    })
}

/// One of many: its level and what gives it.
fn summarise<W: Write>(
    page: &mut Page<W>,
    policy: &Policy,
    path: &Path,
    classification: &Classification,
) -> std::io::Result<()> {
    let level = classification.level;
    let why = classification.why.first();
    let why = why.map_or_else(|| policy.level_name(level).to_owned(), |why| why.reason());
    let mut pieces =
        vec![piece(Ink::Plain, path.display().to_string()), piece(Ink::Quiet, format!("– {why}"))];
    if let Some(opaque) = classification.opaque.first() {
        let unread = format!("– part {} could not be read: {}", opaque.part, opaque.reason);
        pieces.push(piece(Ink::Care, unread));
    }
    page.row(&format!("level {level}"), &pieces)
}

/// As wide as a letter: reasons are sentences.
pub(super) const COLUMNS: usize = 80;
