//! `postern test`: the officers' own cases, what they exercise, and the same
//! for the systems that run tests at every change.

mod coverage;
mod junit;
mod report;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Args;

use self::report::Report;
use super::{documents::Documents, exit::Failure, files, folder::Folder};
use crate::{
    decide::decide,
    gateway::{Seen, case_context, judge_case},
    mail::{MessageFacts, Timestamp},
    policy::{Case, Coverage, Policy, Sources, diagnostics::Diagnostics, read_cases},
};

#[derive(Debug, Args)]
pub struct TestArguments {
    #[command(flatten)]
    folder: Folder,
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
    let sources = arguments.folder.sources()?;
    let policy = files::compiled(&sources, &case_context(now.date()))?.fully_enforced();
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
        let (facts, seen) = judged(&policy, case, &sources, &documents)?;
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

/// The facts of a case; of a message, also what they were worked out from.
fn judged(
    policy: &Policy,
    case: &Case,
    sources: &Sources,
    documents: &Documents,
) -> Result<(MessageFacts, Option<Seen>), Failure> {
    let mut reader = documents.reader()?;
    let judged = judge_case(policy, case, sources, &mut reader).map_err(Failure::no_input)?;
    documents.were_read(&reader)?;
    Ok(judged)
}
