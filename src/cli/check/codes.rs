//! Every code that a fault or a warning may have, with a sentence and an
//! example that gives it: what `postern check --codes` and `--explain` show.
//! A test writes each example into a sound policy, so that all of this is true
//! and complete.

mod classification;
mod configuration;
mod console;
mod disclaimers;
mod domains;
mod files;
mod rules;

use std::io::{self, Write};

use super::super::{
    exit::Failure,
    page::{Ink, Page, piece},
};
use crate::policy::did_you_mean;

/// A code, and what it means.
#[derive(Clone, Copy, Debug)]
pub(super) struct Code {
    pub code: &'static str,
    /// What is wrong, and why that matters: a sentence or two.
    pub says: &'static str,
    pub example: Example,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Example {
    /// What gives the fault when it is written in that file, and what does not.
    Written { file: &'static str, wrong: &'static str, right: &'static str },
    /// What no line of a file shows: when it is told, and what helps. Tested
    /// in that source file.
    #[cfg_attr(not(test), expect(dead_code, reason = "only a test asks where it is tested"))]
    Situation { when: &'static str, then: &'static str, tested: &'static str },
}

const fn written(
    code: &'static str,
    says: &'static str,
    file: &'static str,
    [wrong, right]: [&'static str; 2],
) -> Code {
    Code { code, says, example: Example::Written { file, wrong, right } }
}

const fn situation(
    code: &'static str,
    says: &'static str,
    [when, then]: [&'static str; 2],
    tested: &'static str,
) -> Code {
    Code { code, says, example: Example::Situation { when, then, tested } }
}

/// All of them, by the files they are told of.
pub(super) fn all() -> impl Iterator<Item = &'static Code> {
    let tables: [&[Code]; 7] = [
        files::CODES,
        rules::CODES,
        domains::CODES,
        disclaimers::CODES,
        classification::CODES,
        configuration::CODES,
        console::CODES,
    ];
    tables.into_iter().flatten()
}

/// A line for each.
pub(super) fn list<W: Write>(page: &mut Page<W>) -> io::Result<()> {
    let mut codes: Vec<&Code> = all().collect();
    codes.sort_by_key(|code| code.code);
    let first = |says: &'static str| says.split_once(". ").map_or(says, |(first, _)| first);
    let rows: Vec<_> = codes
        .iter()
        .map(|code| {
            vec![
                piece(Ink::Strong, code.code),
                piece(Ink::Plain, first(code.says).trim_end_matches('.')),
            ]
        })
        .collect();
    page.table(&["code", "says"], &rows)?;
    page.empty_line()?;
    page.text(&[piece(Ink::Quiet, "`postern check --explain CODE` shows an example of each.")])
}

/// One of them, with its example.
pub(super) fn explain<W: Write>(page: &mut Page<W>, asked: &str) -> Result<(), Failure> {
    let Some(code) = all().find(|code| code.code == asked) else {
        let names: Vec<&str> = all().map(|code| code.code).collect();
        let help = did_you_mean(asked, &names);
        let help = help.unwrap_or_else(|| "`postern check --codes` lists them".to_owned());
        return Err(Failure::bad_data(format!("there is no code `{asked}`: {help}")));
    };
    page.heading("", code.code)?;
    page.text(&[piece(Ink::Plain, code.says)])?;
    page.empty_line()?;
    match code.example {
        Example::Written { file, wrong, right } => {
            page.text(&[piece(Ink::Bad, format!("Wrong, in {file}:"))])?;
            indented(page, wrong)?;
            page.empty_line()?;
            page.text(&[piece(Ink::Good, "Right:")])?;
            indented(page, right)?;
        }
        Example::Situation { when, then, .. } => {
            page.row("Told", &[piece(Ink::Plain, when)])?;
            page.row("Then", &[piece(Ink::Plain, then)])?;
        }
    }
    Ok(())
}

fn indented<W: Write>(page: &mut Page<W>, text: &str) -> io::Result<()> {
    for line in text.lines() {
        page.as_it_is(format!("    {line}").trim_end())?;
        page.as_it_is("\n")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
