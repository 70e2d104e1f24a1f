//! `postern schema`: what editors need to complete the names of keys and values,
//! show what they mean, and underline what is none, while a file is written: a
//! JSON Schema (draft 7, which Taplo and Tombi read) for each kind of file.
//!
//! Written by hand for its descriptions, and held to the readers by a test that
//! writes an unknown key into every table and an unknown word at every choice,
//! and reads in the fault which of them the reader knows.

mod case;
mod classification;
mod condition;
mod configuration;
mod domains;
mod keeping;
mod organisation;
mod pace;
mod policy;
mod rules;
mod words;

use std::{io::Write, path::PathBuf};

use clap::Args;
use serde_json::{Value, json};

pub(super) use words::{ABSENT, UNIT};

use super::{
    exit::Failure,
    page::{Ink, Page, piece},
};
use crate::policy::did_you_mean;

#[derive(Debug, Args)]
pub struct SchemaArguments {
    /// The kind of file; all of them are listed without it
    kind: Option<String>,
    /// Write the schemas as KIND.json in this folder [usual: policies/.schemas]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// A kind of file, and what it is made of.
pub(super) struct Kind {
    pub(super) name: &'static str,
    /// Of the policy folder; postern.toml stands elsewhere.
    pub(super) files: &'static str,
    pub(super) schema: fn() -> Value,
}

pub fn schema(arguments: &SchemaArguments) -> Result<(), Failure> {
    let kinds = match &arguments.kind {
        None => KINDS.iter().collect(),
        Some(name) => vec![named(name)?],
    };
    match (&arguments.out, &arguments.kind) {
        (Some(folder), _) => {
            let cannot = |error| Failure::cannot_create(format!("{}: {error}", folder.display()));
            std::fs::create_dir_all(folder).map_err(cannot)?;
            for kind in kinds {
                let path = folder.join(format!("{}.json", kind.name));
                std::fs::write(path, written(kind)).map_err(cannot)?;
            }
            Ok(())
        }
        (None, Some(_)) => {
            let mut out = std::io::stdout().lock();
            for kind in kinds {
                write!(out, "{}", written(kind))?;
            }
            Ok(())
        }
        (None, None) => Ok(list(&mut Page::standard_output())?),
    }
}

fn named(name: &str) -> Result<&'static Kind, Failure> {
    KINDS.iter().find(|kind| kind.name == name).ok_or_else(|| {
        let names = KINDS.map(|kind| kind.name);
        let help = did_you_mean(name, &names).unwrap_or_else(|| names.join(", "));
        Failure::bad_data(format!("there is no kind of file `{name}`: {help}"))
    })
}

fn list<W: Write>(page: &mut Page<W>) -> std::io::Result<()> {
    let rows: Vec<_> = KINDS
        .iter()
        .map(|kind| vec![piece(Ink::Strong, kind.name), piece(Ink::Plain, kind.files)])
        .collect();
    page.table(&["kind", "of"], &rows)?;
    page.empty_line()?;
    let advice = "Written by `postern schema --out policies/.schemas`, they are found by the first \
                  line of a file, such as `#:schema .schemas/rules.json`, in an editor with Even \
                  Better TOML or Tombi.";
    page.text(&[piece(Ink::Quiet, advice)])
}

/// As it stands in its file.
fn written(kind: &Kind) -> String {
    let mut schema = (kind.schema)();
    if let Some(root) = schema.as_object_mut() {
        root.insert("$schema".to_owned(), json!("http://json-schema.org/draft-07/schema#"));
        root.insert("title".to_owned(), json!(kind.files));
    }
    format!("{schema:#}\n")
}

pub(super) const KINDS: [Kind; 9] = [
    Kind { name: "policy", files: "policy.toml", schema: policy::schema },
    Kind { name: "domains", files: "domains.toml", schema: domains::schema },
    Kind { name: "rules", files: "rules.toml", schema: rules::schema },
    Kind { name: "organisation", files: "organisations/*.toml", schema: organisation::schema },
    Kind {
        name: "classification",
        files: "classification.toml",
        schema: classification::classification,
    },
    Kind { name: "detectors", files: "detectors/*.toml", schema: classification::detectors },
    Kind { name: "terms", files: "terms/*.toml", schema: classification::terms },
    Kind { name: "case", files: "tests/*.toml", schema: case::schema },
    Kind { name: "postern", files: "postern.toml", schema: configuration::schema },
];

#[cfg(test)]
mod tests;
