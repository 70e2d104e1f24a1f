//! `postern test`: the officers' own cases.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
};

use clap::Args;

use super::{documents::Documents, exit::Failure, files};
use crate::{
    classify::TestRange,
    content::Content,
    decide::decide,
    gateway::{Arriving, message_facts},
    mail::{Arrival, MessageFacts, Timestamp},
    policy::{Case, Context, Policy, Subject, diagnostics::Diagnostics, read_cases},
};

#[derive(Debug, Args)]
pub struct TestArguments {
    #[arg(long, value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
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
    let mut out = std::io::stdout().lock();
    let mut failed = Diagnostics::default();
    let mut passed = 0;
    let documents = Documents::new();
    for case in &cases {
        let facts = facts(&policy, case, &arguments.policies, &documents)?;
        let faults = case.check(&policy, &facts, decide);
        let verdict = if faults.is_empty() { "ok  " } else { "FAIL" };
        passed += usize::from(faults.is_empty());
        writeln!(out, "{verdict}  {}", case.name)?;
        failed.extend(faults);
    }
    write!(out, "{}", failed.render(files::rendering(out.is_terminal())))?;
    writeln!(out, "{passed} passed, {} failed", cases.len() - passed)?;
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure::silent(1)),
    }
}

fn facts(
    policy: &Policy,
    case: &Case,
    folder: &Path,
    documents: &Documents,
) -> Result<MessageFacts, Failure> {
    match &case.subject {
        Subject::Facts(facts) => Ok((**facts).clone()),
        Subject::Message { path, from, direction } => {
            let content = Content::parse(files::message(&folder.join(path))?);
            let arriving = Arriving {
                direction: *direction,
                reverse_path: from,
                arrival: Arrival::Tls,
                authentication: None,
            };
            let mut reader = documents.reader()?;
            let (facts, _) = message_facts(policy, &content, &arriving, &mut reader);
            documents.were_read(&reader)?;
            Ok(facts)
        }
    }
}
