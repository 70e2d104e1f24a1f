//! `postern test`: the officers' own cases.

use std::{
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;

use super::{
    classify::COLUMNS,
    documents::Documents,
    exit::Failure,
    files,
    findings::{self, Display, Extent},
    page::{Ink, Page, piece},
};
use crate::{
    classify::{Classification, TestRange},
    content::{Content, Extract},
    decide::decide,
    gateway::{Arriving, message_facts},
    mail::{Arrival, MessageFacts, Timestamp},
    policy::{Case, Context, MessageText, Policy, Subject, diagnostics::Diagnostics, read_cases},
};

#[derive(Debug, Args)]
pub struct TestArguments {
    #[arg(long, value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
    /// Name the cases that are as expected, too
    #[arg(long, short)]
    verbose: bool,
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
    let mut page = Page::standard_output().within(COLUMNS);
    let started = Instant::now();
    let mut failed = 0;
    let documents = Documents::new();
    for case in &cases {
        let (facts, seen) = judged(&policy, case, &arguments.policies, &documents)?;
        let faults = case.check(&policy, &facts, decide);
        match (faults.is_empty(), arguments.verbose) {
            (true, false) => {}
            (true, true) => page.row("ok", &[piece(Ink::Plain, case.name.as_str())])?,
            (false, _) => {
                failed += 1;
                tell_failure(&mut page, &policy, case, &faults, seen.as_ref())?;
            }
        }
    }
    let took = format!("in {} ms", started.elapsed().as_millis());
    let verdict = match failed {
        0 => piece(Ink::Good, format!("{} cases, all as expected", cases.len())),
        _ => piece(Ink::Bad, format!("{} cases, {failed} not as expected", cases.len())),
    };
    page.text(&[verdict, piece(Ink::Quiet, took)])?;
    match failed {
        0 => Ok(()),
        _ => Err(Failure::silent(1)),
    }
}

/// What was expected, line by line of the case's file, and what was found.
fn tell_failure<W: Write>(
    page: &mut Page<W>,
    policy: &Policy,
    case: &Case,
    faults: &Diagnostics,
    seen: Option<&Seen>,
) -> std::io::Result<()> {
    page.heading("", &case.name)?;
    page.as_it_is(&faults.render(files::rendering(std::io::stdout().is_terminal())))?;
    if let Some(Seen { classification, extract }) = seen {
        // Cases are about invented people.
        findings::tell(page, policy, classification, Display::Revealed, Extent::FirstOfMany)?;
        let left_out = policy.left_out(&extract.readings);
        findings::tell_left_out(page, &left_out, Display::Revealed)?;
        page.empty_line()?;
    }
    Ok(())
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
    let arriving =
        Arriving { direction, reverse_path: from, arrival: Arrival::Tls, authentication: None };
    let mut reader = documents.reader()?;
    let extract = content.extract(&mut reader);
    documents.were_read(&reader)?;
    let (facts, classification) = message_facts(policy, &content, &extract, &arriving);
    Ok((facts, Some(Seen { classification, extract })))
}
