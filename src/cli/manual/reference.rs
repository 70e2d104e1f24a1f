//! Every setting and policy key, from the tables of `postern schema`, which
//! tests hold to the readers of the files: their names, their words, and what
//! holds where they are not written.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::text::{Block, Style, run, sentence};
use crate::cli::schema::{ABSENT, KINDS, Kind, UNIT};

/// A table of a file, and its keys.
pub(in crate::cli) struct Table {
    /// Of the file: `rules.toml`.
    pub(in crate::cli) file: &'static str,
    /// As it is written: `[limits]`, `[[rule]]`, `[[rule]] when`.
    pub(in crate::cli) title: String,
    says: String,
    pub(in crate::cli) keys: Vec<Key>,
}

pub(in crate::cli) struct Key {
    pub(in crate::cli) name: String,
    says: String,
    /// What may be written.
    form: String,
    pub(in crate::cli) without: Without,
}

/// What holds where it is not written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::cli) enum Without {
    /// It must be written.
    Nothing,
    /// A value, as a file would say it.
    Default(String),
    /// In words.
    Words(String),
    /// Its own keys say.
    Keys,
}

impl Table {
    pub(in crate::cli) fn heading(&self) -> Block {
        let text = match self.title.is_empty() {
            true => self.file.to_owned(),
            false => format!("{} in {}", self.title, self.file),
        };
        Block::Heading { level: 1, text }
    }

    /// `rule.when`.
    pub(in crate::cli) fn path(&self) -> String {
        self.title.replace(['[', ']'], "")
    }

    pub(in crate::cli) fn introduction(&self) -> Block {
        Block::Paragraph(sentence(&self.says))
    }
}

impl Key {
    #[cfg(test)]
    pub(super) fn is_table(&self) -> bool {
        self.form.contains("table")
    }

    pub(in crate::cli) fn block(&self) -> Block {
        let mut says = sentence(&format!("{} {}.", self.says, capital(&self.form)));
        match &self.without {
            Without::Nothing => says.push(run(Style::Plain, " Required.")),
            Without::Default(usual) => {
                says.push(run(Style::Plain, " Default: "));
                says.push(run(Style::Code, usual));
                says.push(run(Style::Plain, "."));
            }
            Without::Words(words) => says.extend(sentence(&format!(" Without it: {words}."))),
            Without::Keys => {}
        }
        Block::Term { term: vec![run(Style::Strong, &self.name)], says }
    }
}

pub(super) fn configuration() -> Vec<Block> {
    let how = "Relative paths count from the folder of the file. A key that nobody knows is a \
               fault: `postern check --config FILE` shows each with its line, and what to write \
               instead. `postern settings KEY` looks one up.";
    page(how, |kind| kind.name == "postern")
}

pub(super) fn policies() -> Vec<Block> {
    let how = "These files are in the folder that `policies` in `[node]` names. `postern check \
               --policies DIR` shows every fault of them, `postern settings KEY` looks a key up. \
               What may be one value or several is written `\"a\"` or `[\"a\", \"b\"]`.";
    page(how, |kind| kind.name != "postern")
}

fn page(how: &str, which: impl Fn(&Kind) -> bool) -> Vec<Block> {
    let mut blocks = vec![
        Block::Heading { level: 1, text: "Description".to_owned() },
        Block::Paragraph(sentence(how)),
    ];
    for table in tables(which) {
        blocks.extend([table.heading(), table.introduction()]);
        blocks.extend(table.keys.iter().map(Key::block));
    }
    blocks
}

/// In the order of the files; a table that stands in several places is told
/// at the first.
pub(in crate::cli) fn tables(which: impl Fn(&Kind) -> bool) -> Vec<Table> {
    let mut reading = Reading { tables: Vec::new(), told: BTreeMap::new() };
    // What rules may ask of a message is told where rules are told.
    let (rules, others): (Vec<_>, Vec<_>) =
        KINDS.iter().filter(|kind| which(kind)).partition(|kind| kind.name == "rules");
    for kind in rules.into_iter().chain(others) {
        reading.table(kind.files, "", &(kind.schema)());
    }
    reading.tables
}

struct Reading {
    tables: Vec<Table>,
    /// Tables by what they may have, and where that stands.
    told: BTreeMap<String, String>,
}

impl Reading {
    fn table(&mut self, file: &'static str, title: &str, schema: &Value) {
        let Some(properties) = schema.get("properties").and_then(Value::as_object) else { return };
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let place = if title.is_empty() { file.to_owned() } else { format!("{title} in {file}") };
        self.told.insert(what_it_has(schema), place);
        let at = self.tables.len();
        self.tables.push(Table {
            file,
            title: title.to_owned(),
            says: text(schema, "description"),
            keys: Vec::new(),
        });
        let keys = self.keys(file, title, properties, &required, schema);
        if let Some(table) = self.tables.get_mut(at) {
            table.keys = keys;
        }
    }

    fn keys(
        &mut self,
        file: &'static str,
        title: &str,
        properties: &Map<String, Value>,
        required: &[&str],
        table: &Value,
    ) -> Vec<Key> {
        let mut keys = Vec::new();
        for (name, value) in properties {
            let below = below(value);
            let form = match below {
                None => form(value),
                Some((inner, shape)) => {
                    let title = shape.title(title, name);
                    match self.told.get(&what_it_has(inner)) {
                        Some(place) => format!("{}, as {place}", form(value)),
                        None => {
                            self.table(file, &title, inner);
                            form(value)
                        }
                    }
                }
            };
            let plain_table = below.is_some_and(|(_, shape)| shape != Shape::Inline);
            let without = match (required.contains(&name.as_str()), value.get("default")) {
                (true, _) => Without::Nothing,
                (false, Some(usual)) => Without::Default(written(usual)),
                (false, None) => match value.get(ABSENT) {
                    Some(_) => Without::Words(text(value, ABSENT)),
                    None if plain_table => Without::Keys,
                    None => match table.get(ABSENT) {
                        Some(_) => Without::Words(text(table, ABSENT)),
                        None => Without::Keys,
                    },
                },
            };
            keys.push(Key { name: name.clone(), says: text(value, "description"), form, without });
        }
        keys
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// `[key]`
    Table,
    /// `[[key]]`
    Tables,
    /// `key = { … }`, or a list of them
    Inline,
}

impl Shape {
    fn title(self, outer: &str, name: &str) -> String {
        let outer = outer.replace(['[', ']'], "");
        let path = if outer.is_empty() { name.to_owned() } else { format!("{outer}.{name}") };
        match self {
            Self::Table => format!("[{path}]"),
            Self::Tables => format!("[[{path}]]"),
            Self::Inline => path,
        }
    }
}

/// Tables that have the same keys are one, whatever they are called.
fn what_it_has(table: &Value) -> String {
    table.get("properties").map(Value::to_string).unwrap_or_default()
}

/// The table that a key may hold.
fn below(value: &Value) -> Option<(&Value, Shape)> {
    let has_keys = |value: &Value| value.get("properties").is_some();
    if has_keys(value) {
        return Some((value, Shape::Table));
    }
    if let Some(items) = value.get("items").filter(|items| has_keys(items)) {
        return Some((items, Shape::Tables));
    }
    let shapes = value.get("anyOf").and_then(Value::as_array)?;
    shapes.iter().find(|shape| has_keys(shape)).map(|table| (table, Shape::Inline))
}

/// What may be written, in words.
fn form(value: &Value) -> String {
    if value.get(UNIT).is_some() {
        let several = if value.get("anyOf").is_some() { ", or a list of them" } else { "" };
        return format!("{}{several}", text(value, UNIT));
    }
    if let Some(words) = value.get("enum").and_then(Value::as_array) {
        let words: Vec<_> = words.iter().map(|word| format!("`{}`", bare(word))).collect();
        return format!("one of {}", words.join(", "));
    }
    if let Some(shapes) = value.get("anyOf").and_then(Value::as_array) {
        return shapes_form(shapes);
    }
    match value.get("type").and_then(Value::as_str) {
        Some("boolean") => "`true` or `false`".to_owned(),
        Some("integer") => integer_form(value),
        Some("array") if value["items"].get("properties").is_some() => {
            "tables, each under its own heading".to_owned()
        }
        Some("array") => format!("a list of {}s", form(&value["items"])),
        Some("object") => "a table".to_owned(),
        _ if value.get("format").is_some() => "a day, such as `2027-03-31`".to_owned(),
        _ => text_form(value),
    }
}

fn shapes_form(shapes: &[Value]) -> String {
    match shapes {
        [one, list] if list.get("minItems").is_some() => format!("{}, or a list", form(one)),
        _ => shapes.iter().map(form).collect::<Vec<_>>().join("; or "),
    }
}

fn integer_form(value: &Value) -> String {
    let end = |key| value.get(key).and_then(Value::as_i64);
    match (end("minimum"), end("maximum")) {
        (Some(least), Some(most)) if most < i64::MAX => format!("a number, {least} to {most}"),
        (Some(least), _) => format!("a number from {least} up"),
        _ => "a number".to_owned(),
    }
}

fn text_form(value: &Value) -> String {
    let examples = value.get("examples").and_then(Value::as_array).into_iter().flatten();
    let examples: Vec<_> = examples.map(|example| format!("`{}`", bare(example))).collect();
    match examples.as_slice() {
        [] => "text".to_owned(),
        examples => format!("text, such as {}", examples.join(", ")),
    }
}

/// As TOML has it.
fn written(value: &Value) -> String {
    match value {
        Value::Array(values) => {
            format!("[{}]", values.iter().map(written).collect::<Vec<_>>().join(", "))
        }
        other => other.to_string(),
    }
}

fn bare(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn text(value: &Value, key: &str) -> String {
    value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
