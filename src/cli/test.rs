//! `postern test`: the officers' own cases.

use std::{
    io::{IsTerminal, Stdout, Write},
    path::{Path, PathBuf},
    time::Instant,
};

use clap::Args;
use serde_json::json;

use super::{
    check,
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
    mail::{MessageFacts, Timestamp},
    policy::{Case, Context, MessageText, Policy, Subject, diagnostics::Diagnostics, read_cases},
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
    let documents = Documents::new();
    for case in &cases {
        let (facts, seen) = judged(&policy, case, &arguments.policies, &documents)?;
        let faults = case.check(&policy, &facts, decide);
        report.case(&policy, case, &faults, seen.as_ref())?;
    }
    report.end()
}

/// What is said of the cases as they are run.
struct Report {
    page: Page<Stdout>,
    shown: Shown,
    cases: usize,
    failed: usize,
    started: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Failures,
    All,
    Json,
}

impl Report {
    fn new(arguments: &TestArguments) -> Self {
        let shown = match (arguments.json, arguments.verbose) {
            (true, _) => Shown::Json,
            (false, true) => Shown::All,
            (false, false) => Shown::Failures,
        };
        let page = Page::standard_output().within(COLUMNS);
        Self { page, shown, cases: 0, failed: 0, started: Instant::now() }
    }

    fn case(
        &mut self,
        policy: &Policy,
        case: &Case,
        faults: &Diagnostics,
        seen: Option<&Seen>,
    ) -> std::io::Result<()> {
        self.cases += 1;
        self.failed += usize::from(!faults.is_empty());
        match self.shown {
            Shown::Json => {
                let faults: Vec<_> = faults.iter().map(check::as_json).collect();
                let line =
                    json!({"case": case.name, "passed": faults.is_empty(), "faults": faults});
                self.page.as_it_is(&format!("{line}\n"))
            }
            Shown::Failures | Shown::All if !faults.is_empty() => {
                tell_failure(&mut self.page, policy, case, faults, seen)
            }
            Shown::All => self.page.row("ok", &[piece(Ink::Plain, case.name.as_str())]),
            Shown::Failures => Ok(()),
        }
    }

    fn end(mut self) -> Result<(), Failure> {
        let (cases, failed) = (self.cases, self.failed);
        if self.shown != Shown::Json {
            let took = format!("in {} ms", self.started.elapsed().as_millis());
            let verdict = match failed {
                0 => piece(Ink::Good, format!("{cases} cases, all as expected")),
                _ => piece(Ink::Bad, format!("{cases} cases, {failed} not as expected")),
            };
            self.page.text(&[verdict, piece(Ink::Quiet, took)])?;
        }
        match failed {
            0 => Ok(()),
            _ => Err(Failure::silent(1)),
        }
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
    let arriving = Arriving::plainly(direction, from);
    let mut reader = documents.reader()?;
    let extract = content.extract(&mut reader);
    documents.were_read(&reader)?;
    let (facts, classification) = message_facts(policy, &content, &extract, &arriving);
    Ok((facts, Some(Seen { classification, extract })))
}
