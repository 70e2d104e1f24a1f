//! `postern manual`: all that is to be read, from one source, on the terminal
//! and as man pages.
//!
//! A page is text in `manual/*.md`, or is made of what the program itself
//! knows: its commands (clap), its settings (the tables of `postern schema`)
//! and its metrics (the registry). What is made cannot tell what is not so.

mod commands;
mod man_page;
mod metrics;
mod pages;
mod reference;
mod screen;
mod text;

use std::{io::Write, path::Path};

use clap::Args;

use self::{
    pages::{PAGES, Page as ManualPage},
    text::Block,
};
pub(super) use self::{
    reference::{Table, Without, tables},
    screen::show,
};
use super::{
    exit::Failure,
    page::{Ink, Page, piece},
};
use crate::policy::did_you_mean;

#[derive(Debug, Args)]
pub struct ManualArguments {
    /// The page, such as `officers`; all of them are listed without it
    page: Option<String>,
    /// One section of it, by its heading, such as the name of an alert
    #[arg(requires = "page")]
    section: Option<String>,
    /// Write all of them, and one a command, as man pages in DIR/man1, man5 and man7
    #[arg(long, value_name = "DIR", conflicts_with = "page")]
    out: Option<std::path::PathBuf>,
}

pub fn manual(arguments: &ManualArguments) -> Result<(), Failure> {
    if let Some(folder) = &arguments.out {
        return write_all(folder);
    }
    let mut page = Page::standard_output();
    let Some(name) = &arguments.page else { return Ok(list(&mut page)?) };
    let blocks = named(name)?.blocks();
    let blocks = match &arguments.section {
        None => blocks,
        Some(heading) => section(blocks, heading)?,
    };
    Ok(show(&mut page.within(READABLE), &blocks)?)
}

/// Every man page: where it stands below the folder, and its text.
fn man_pages() -> Vec<(String, String)> {
    let of_texts = PAGES.iter().map(|page| (page.file(), man_page::written(page)));
    commands::man_pages().into_iter().chain(of_texts).collect()
}

fn write_all(folder: &Path) -> Result<(), Failure> {
    for (path, text) in man_pages() {
        let path = folder.join(path);
        let written = path
            .parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, text));
        written.map_err(|error| Failure::cannot_create(format!("{}: {error}", path.display())))?;
    }
    Ok(())
}

fn named(name: &str) -> Result<&'static ManualPage, Failure> {
    PAGES.iter().find(|page| page.name == name || page.man_name() == name).ok_or_else(|| {
        let names: Vec<_> = PAGES.iter().map(|page| page.name).collect();
        let help = did_you_mean(name, &names).unwrap_or_else(|| names.join(", "));
        Failure::bad_data(format!("the manual has no page `{name}`: {help}"))
    })
}

/// From its heading to the next that is as high.
fn section(blocks: Vec<Block>, wanted: &str) -> Result<Vec<Block>, Failure> {
    let mut headings = Vec::new();
    let mut found = Vec::new();
    let mut within = None;
    for block in blocks {
        if let Block::Heading { level, text } = &block {
            match within {
                Some(top) if *level <= top => break,
                None if text.eq_ignore_ascii_case(wanted) => within = Some(*level),
                _ => headings.push(text.clone()),
            }
        }
        if within.is_some() {
            found.push(block);
        }
    }
    match within {
        Some(_) => Ok(found),
        None => {
            let help = did_you_mean(wanted, &headings);
            let help = help.unwrap_or_else(|| "see the page without it".to_owned());
            Err(Failure::bad_data(format!("it has no section `{wanted}`: {help}")))
        }
    }
}

fn list<W: Write>(page: &mut Page<W>) -> std::io::Result<()> {
    let rows: Vec<_> = PAGES
        .iter()
        .map(|of| vec![piece(Ink::Strong, of.name), piece(Ink::Plain, of.about)])
        .collect();
    page.table(&["page", "about"], &rows)?;
    page.empty_line()?;
    let advice = "`postern manual PAGE` shows one, `postern manual PAGE HEADING` a section of it; \
                  `man postern-PAGE` is the same where the man pages are installed. \
                  `postern COMMAND --help` tells of a command.";
    page.text(&[piece(Ink::Quiet, advice)])
}

/// Columns of text that is read from beginning to end.
const READABLE: usize = 88;

#[cfg(test)]
mod tests;
