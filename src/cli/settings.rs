//! `postern settings [KEY]`: what a key of postern.toml or of the policies
//! means, what may be written there, and what holds without it.

use std::io::Write;

use clap::Args;

use super::{
    exit::Failure,
    manual::{Table, Without, show, tables},
    page::{Ink, Page, piece},
};
use crate::policy::did_you_mean;

#[derive(Debug, Args)]
pub struct SettingsArguments {
    /// A key or a table: `sessions`, `limits`, `limits.sessions`, `rule.when.level`; all are listed without it
    key: Option<String>,
}

pub fn settings(arguments: &SettingsArguments) -> Result<(), Failure> {
    let mut page = Page::standard_output();
    let tables = tables(|_| true);
    match &arguments.key {
        None => Ok(list(&mut page, &tables)?),
        Some(asked) => look_up(&mut page, &tables, asked),
    }
}

/// A line for each key, and what holds without it.
fn list<W: Write>(page: &mut Page<W>, tables: &[Table]) -> std::io::Result<()> {
    for table in tables {
        let title = if table.title.is_empty() { "" } else { table.title.as_str() };
        page.heading(table.file, title)?;
        for key in &table.keys {
            let without = match &key.without {
                Without::Nothing => piece(Ink::Strong, "required"),
                Without::Default(usual) => piece(Ink::Plain, usual),
                Without::Words(words) => piece(Ink::Quiet, words),
                Without::Keys => piece(Ink::Quiet, "a table of its own"),
            };
            page.item(&format!("  {:34} ", key.name), &[without])?;
        }
    }
    Ok(())
}

fn look_up<W: Write>(page: &mut Page<W>, tables: &[Table], asked: &str) -> Result<(), Failure> {
    let wanted = asked.replace(['[', ']'], "");
    let mut found = false;
    for table in tables {
        let path = table.path();
        let whole = path == wanted && !path.is_empty();
        let keys = table
            .keys
            .iter()
            .filter(|key| whole || key.name == wanted || path_of(&path, &key.name) == wanted);
        let mut blocks: Vec<_> = keys.map(|key| key.block()).collect();
        if blocks.is_empty() {
            continue;
        }
        blocks.insert(0, table.heading());
        blocks.insert(1, table.introduction());
        show(page, &blocks)?;
        found = true;
    }
    if found {
        return Ok(());
    }
    let names: Vec<String> = tables
        .iter()
        .flat_map(|table| {
            let keys = table.keys.iter();
            keys.flat_map(|key| [key.name.clone(), path_of(&table.path(), &key.name)])
        })
        .collect();
    let help = did_you_mean(&wanted, &names);
    let help = help.unwrap_or_else(|| "`postern settings` lists all of them".to_owned());
    Err(Failure::bad_data(format!("there is no key `{asked}`: {help}")))
}

fn path_of(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::page::Look;

    fn told(asked: &str) -> Result<String, String> {
        let mut out = Vec::new();
        let mut page = Page::new(&mut out, 80, Look::Plain);
        look_up(&mut page, &tables(|_| true), asked).map_err(|failure| format!("{failure:?}"))?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_key_is_found_by_its_name_its_path_or_its_table() {
        for asked in ["command_timeout", "limits.command_timeout", "[limits]", "limits"] {
            let told = told(asked).unwrap();
            assert!(told.contains("command_timeout") && told.contains("\"5m\""), "{told}");
        }
        assert!(!told("limits.command_timeout").unwrap().contains("stop_grace"));
        assert!(told("rule.when.level_above_clearance").unwrap().contains("not asked"));
    }

    #[test]
    fn a_key_that_is_misspelt_is_told_what_was_meant() {
        let refused = told("comand_timeout").unwrap_err();
        assert!(refused.contains("did you mean `command_timeout`?"), "{refused}");
    }
}
