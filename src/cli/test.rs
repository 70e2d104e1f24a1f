//! `postern test`: the officers' own cases, what they exercise, and the same
//! for the systems that run tests at every change.

mod coverage;
mod junit;
mod report;

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use clap::Args;

use self::report::Report;
use super::{documents::Documents, exit::Failure, files};
use crate::{
    classify::{Classification, TestRange},
    content::{Content, Extract},
    decide::decide,
    gateway::{Arriving, message_facts},
    mail::{MessageFacts, Timestamp},
    policy::{
        Case, Context, Coverage, MessageText, Policy, Subject, diagnostics::Diagnostics, read_cases,
    },
};

#[derive(Debug, Args)]
pub struct TestArguments {
    #[arg(long, value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
    /// Name the cases that are as expected, too
    #[arg(long, short)]
    verbose: bool,
    /// A line of JSON a case
    #[arg(long)]
    json: bool,
    /// Show of every rule in how many cases it matched, and in how many it decided
    #[arg(long)]
    coverage: bool,
    /// Write the outcome in the format of JUnit, which CI systems read
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

pub fn test(arguments: &TestArguments, now: Timestamp) -> Result<(), Failure> {
    let sources = files::sources(&arguments.policies)?;
    // Invented patients of the test range are whom cases are written about.
    let context =
        Context { today: now.date(), local_domains: &[], test_range: Some(TestRange::Count) };
    let policy = files::compiled(&sources, &context)?.fully_enforced();
    let (cases, diagnostics) = read_cases(&sources);
    if diagnostics.has_errors() {
        files::show(&diagnostics);
        return Err(Failure::bad_data(files::faults(&diagnostics)));
    }
    let mut report = Report::new(arguments);
    let mut coverage = Coverage::of(&policy);
    let mut outcomes = Vec::with_capacity(cases.len());
    let documents = Documents::new();
    for case in &cases {
        let started = Instant::now();
        let (facts, seen) = judged(&policy, case, &arguments.policies, &documents)?;
        let faults = case.check(&policy, &facts, decide);
        coverage.add(case, &facts, decide);
        report.case(&policy, case, &faults, seen.as_ref())?;
        outcomes.push(Outcome { case, faults, took: started.elapsed() });
    }
    report.coverage(&coverage)?;
    if let Some(path) = &arguments.junit {
        junit::write(path, &outcomes)?;
    }
    report.end()
}

/// One case, run.
struct Outcome<'a> {
    case: &'a Case,
    /// What is not as it expects; nothing if all is well.
    faults: Diagnostics,
    took: Duration,
}

/// What was read of a message and found in it.
struct Seen {
    classification: Classification,
    extract: Extract,
}

/// The facts of a case; of a message, also what they were worked out from.
fn judged(
    policy: &Policy,
    case: &Case,
    folder: &Path,
    documents: &Documents,
) -> Result<(MessageFacts, Option<Seen>), Failure> {
    let (text, from, direction) = match &case.subject {
        Subject::Facts(facts) => return Ok(((**facts).clone(), None)),
        Subject::Message { text, from, direction } => (text, from, *direction),
    };
    let octets = match text {
        MessageText::Beside(path) => files::message(&folder.join(path))?,
        MessageText::Inline(text) => files::with_crlf(text.clone().into_bytes()),
    };
    let content = Content::parse(octets);
    let arriving = Arriving::plainly(direction, from);
    let mut reader = documents.reader()?;
    let extract = content.extract(&mut reader);
    documents.were_read(&reader)?;
    let (facts, classification) = message_facts(policy, &content, &extract, &arriving);
    Ok((facts, Some(Seen { classification, extract })))
}
