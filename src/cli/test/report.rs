//! What is said of the cases as they are run.

use std::{
    io::{IsTerminal, Stdout, Write},
    time::Instant,
};

use serde_json::json;

use super::{
    super::{
        check,
        classify::COLUMNS,
        exit::Failure,
        files,
        findings::{self, Display, Extent},
        page::{Ink, Page, piece},
    },
    Seen, TestArguments, coverage,
};
use crate::policy::{Case, Coverage, Policy, diagnostics::Diagnostics};

pub(super) struct Report {
    page: Page<Stdout>,
    shown: Shown,
    table: CoverageTable,
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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CoverageTable {
    LeftOut,
    Shown,
}

impl Report {
    pub(super) fn new(arguments: &TestArguments) -> Self {
        let shown = match (arguments.json, arguments.verbose) {
            (true, _) => Shown::Json,
            (false, true) => Shown::All,
            (false, false) => Shown::Failures,
        };
        let page = Page::standard_output().within(COLUMNS);
        let table = match arguments.coverage {
            true => CoverageTable::Shown,
            false => CoverageTable::LeftOut,
        };
        Self { page, shown, table, cases: 0, failed: 0, started: Instant::now() }
    }

    pub(super) fn case(
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

    /// What nobody exercises, and the whole table where it is asked for.
    pub(super) fn coverage(&mut self, coverage: &Coverage<'_>) -> std::io::Result<()> {
        match (self.shown, self.table) {
            (Shown::Json, CoverageTable::LeftOut) => Ok(()),
            (Shown::Json, CoverageTable::Shown) => {
                self.page.as_it_is(&format!("{}\n", coverage::as_json(coverage)))
            }
            (_, CoverageTable::Shown) => {
                coverage::table(&mut self.page, coverage)?;
                coverage::untried(&mut self.page, coverage)
            }
            (_, CoverageTable::LeftOut) => coverage::untried(&mut self.page, coverage),
        }
    }

    pub(super) fn end(mut self) -> Result<(), Failure> {
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
