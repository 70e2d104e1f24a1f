//! Schemas are held against the readers: both know the same keys and words.

mod defaults;

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use super::*;
use crate::{
    config::Config,
    policy::{
        Context, Policy,
        diagnostics::{Diagnostics, SourceFile},
        invariants, read_cases,
    },
};

/// From the root of a file to a place in it.
#[derive(Clone, Debug)]
enum Step {
    Key(String),
    Element,
}

/// What a schema says of a place: the keys of a table, or the words of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Known {
    Keys(BTreeSet<String>),
    Words(BTreeSet<String>),
}

const STRANGE: &str = "zzzzzzzzzzzz";

#[test]
fn every_key_and_word_of_a_schema_is_its_reader_s_and_the_other_way_round() {
    let mut held = 0;
    for kind in &KINDS {
        let mut places = Vec::new();
        gather(&(kind.schema)(), &mut Vec::new(), &mut places);
        assert!(!places.is_empty(), "{} says nothing", kind.name);
        for (path, known) in places {
            let text = document(&path, &known);
            let told = told(kind.name, &text);
            let read = known_by_the_reader(&told, &known);
            let read =
                read.unwrap_or_else(|| panic!("{}: no fault in {text}: {told:?}", kind.name));
            assert_eq!(known, read, "{}, schema and reader of: {text}", kind.name);
            held += 1;
        }
    }
    assert!(held > 150, "{held}");
}

/// Every table with a closed set of keys, and every choice, with its place.
fn gather(schema: &Value, path: &mut Vec<Step>, places: &mut Vec<(Vec<Step>, Known)>) {
    for shape in schema.get("anyOf").and_then(Value::as_array).into_iter().flatten() {
        // A list of what may also stand alone is read alike.
        if shape.get("minItems").is_none() {
            gather(shape, path, places);
        }
    }
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        let words = words.iter().filter_map(Value::as_str).map(str::to_owned).collect();
        places.push((path.clone(), Known::Words(words)));
    }
    if let Some(items) = schema.get("items") {
        path.push(Step::Element);
        gather(items, path, places);
        path.pop();
    }
    let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
    places.push((path.clone(), Known::Keys(properties.keys().cloned().collect())));
    for (key, value) in properties {
        path.push(Step::Key(key.clone()));
        gather(value, path, places);
        path.pop();
    }
}

/// A file that has nothing but what nobody knows, at one place.
fn document(path: &[Step], known: &Known) -> String {
    let mut text = match known {
        Known::Keys(_) if path.is_empty() => return format!("{STRANGE} = 1\n"),
        Known::Keys(_) => format!("{{ {STRANGE} = 1 }}"),
        Known::Words(_) => format!("\"{STRANGE}\""),
    };
    let mut steps = path.iter().rev().peekable();
    while let Some(step) = steps.next() {
        text = match step {
            Step::Element => format!("[{text}]"),
            Step::Key(key) if steps.peek().is_none() => format!("{key} = {text}\n"),
            Step::Key(key) => format!("{{ {key} = {text} }}"),
        };
    }
    text
}

fn told(kind: &str, text: &str) -> Diagnostics {
    let path = match kind {
        "policy" | "domains" | "rules" | "classification" => format!("{kind}.toml"),
        "organisation" => "organisations/ZZ1.toml".to_owned(),
        "detectors" | "terms" => format!("{kind}/a.toml"),
        "case" => "tests/a.toml".to_owned(),
        _ => {
            let file = SourceFile { path: "postern.toml".to_owned(), text: text.to_owned() };
            return Config::read(&Arc::new(file)).1;
        }
    };
    let mut sources = invariants::sound();
    sources.add(&path, text.as_bytes());
    let today = jiff::civil::date(2026, 11, 22);
    let context = Context { today, local_domains: &[], test_range: None };
    let mut told = Policy::compile(&sources, &context).1;
    told.extend(read_cases(&sources).1);
    told
}

/// What the fault of the strange key or word says that may stand there.
fn known_by_the_reader(told: &Diagnostics, known: &Known) -> Option<Known> {
    let codes: &[&str] = match known {
        Known::Keys(_) => &["unknown-key"],
        Known::Words(_) => &["unknown-value", "unknown-word"],
    };
    let fault =
        told.iter().find(|fault| codes.contains(&fault.code) && fault.message.contains(STRANGE))?;
    let help = fault.help.as_deref()?;
    let all = [" has ", "one of: ", "write one of "];
    let all = all.iter().find_map(|before| help.split_once(before))?.1;
    let all = all.split(", ").map(str::to_owned).collect();
    Some(match known {
        Known::Keys(_) => Known::Keys(all),
        Known::Words(_) => Known::Words(all),
    })
}

#[test]
fn the_shipped_schemas_are_those_of_this_program_and_every_shipped_file_names_its_own() {
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let bless = std::env::var_os("POSTERN_BLESS").is_some();
    for kind in &KINDS {
        let path = policies.join(".schemas").join(format!("{}.json", kind.name));
        if bless {
            fs::create_dir_all(policies.join(".schemas")).unwrap();
            fs::write(&path, written(kind)).unwrap();
        }
        let shipped = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(shipped, written(kind), "POSTERN_BLESS=1 writes {} anew", path.display());
        let Some((folder, _)) = kind.files.split_once("/*.toml") else {
            let file = policies.join(kind.files);
            if kind.name != "postern" {
                assert_begins(&file, &format!("#:schema .schemas/{}.json\n", kind.name));
            }
            continue;
        };
        for entry in fs::read_dir(policies.join(folder)).unwrap() {
            let file = entry.unwrap().path();
            if file.extension().is_some_and(|ending| ending == "toml") {
                assert_begins(&file, &format!("#:schema ../.schemas/{}.json\n", kind.name));
            }
        }
    }
}

fn assert_begins(file: &Path, line: &str) {
    let text = fs::read_to_string(file).unwrap();
    assert!(text.starts_with(line), "{} does not begin with {line}", file.display());
}

#[test]
fn a_kind_that_is_misspelt_is_told_what_was_meant() {
    assert!(named("rules").is_ok());
    let refused = format!("{:?}", named("rule").err().unwrap());
    assert!(refused.contains("did you mean `rules`?"), "{refused}");
}
