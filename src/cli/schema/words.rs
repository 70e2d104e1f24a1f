//! The words that schemas are written in.
//!
//! Beside JSON Schema's own there are two, which editors pass over and the
//! manual tells: what holds where an optional key is not written and no value
//! stands for it (`ABSENT`), and how a text is to be written (`UNIT`).

use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::config::{Size, Span};

/// A key, and what may stand there.
pub(super) type Key = (&'static str, Value);

/// A table with these keys and no others.
pub(super) fn table(says: &str, keys: Vec<Key>, required: &[&str]) -> Value {
    let properties: Map<String, Value> =
        keys.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    let mut table = json!({
        "type": "object",
        "description": says,
        "properties": properties,
        "additionalProperties": false,
    });
    if let (Some(table), false) = (table.as_object_mut(), required.is_empty()) {
        table.insert("required".to_owned(), json!(required));
    }
    table
}

/// Tables, each under its own `[[key]]`.
pub(super) fn tables(table: &Value) -> Value {
    let says = table.get("description").cloned().unwrap_or_default();
    json!({ "type": "array", "description": says, "items": table })
}

/// A table whose keys are the writer's own.
pub(super) fn open_table(says: &str, value: &Value) -> Value {
    json!({ "type": "object", "description": says, "additionalProperties": value })
}

pub(super) fn text(says: &str) -> Value {
    json!({ "type": "string", "description": says, "minLength": 1 })
}

pub(super) fn example(says: &str, examples: &[&str]) -> Value {
    json!({ "type": "string", "description": says, "minLength": 1, "examples": examples })
}

pub(super) fn choice<'w>(says: &str, words: impl IntoIterator<Item = &'w str>) -> Value {
    let words: Vec<&str> = words.into_iter().collect();
    json!({ "type": "string", "description": says, "enum": words })
}

/// A choice that stands for one of its words where it is not written.
pub(super) fn usual<'w>(
    says: &str,
    words: impl IntoIterator<Item = &'w str>,
    usual: &str,
) -> Value {
    holding(choice(says, words), usual)
}

/// What holds where nothing is written, as a file would say it.
pub(super) fn holding(value: Value, usual: impl Into<Value>) -> Value {
    with(value, "default", usual.into())
}

/// What holds where nothing is written and no value would say it, in words.
/// Of a table it is said of all its keys that say nothing themselves.
pub(super) fn absent(value: Value, says: &str) -> Value {
    with(value, ABSENT, json!(says))
}

/// A duration.
pub(super) fn span(says: &str, usual: Duration) -> Value {
    holding(any_span(says), Span(usual).to_string())
}

pub(super) fn any_span(says: &str) -> Value {
    let value = example(says, &["30s", "15m", "4h", "5d"]);
    with(value, UNIT, json!("a duration: a number and s, m, h or d"))
}

/// Octets.
pub(super) fn size(says: &str, usual: usize) -> Value {
    let value = example(says, &["512 KiB", "50 MiB"]);
    let unit = "a size: a number and B, KiB, MiB, GiB, kB, MB or GB";
    holding(with(value, UNIT, json!(unit)), Size(usual).to_string())
}

/// So many.
pub(super) fn count(says: &str, usual: usize) -> Value {
    holding(number(says, 1, i64::MAX), usual)
}

/// So many in so long.
pub(super) fn rate(says: &str) -> Value {
    let value = example(says, &["600/m", "5000/h"]);
    with(value, UNIT, json!("a rate: a number, / and s, m, h or d"))
}

/// A file or folder; relative ones count from where postern.toml stands.
pub(super) fn path(says: &str) -> Value {
    with(text(says), UNIT, json!("a path, from the file's own folder where it is relative"))
}

pub(super) fn flag(says: &str) -> Value {
    json!({ "type": "boolean", "description": says })
}

pub(super) fn number(says: &str, least: i64, most: i64) -> Value {
    json!({ "type": "integer", "description": says, "minimum": least, "maximum": most })
}

pub(super) fn level(says: &str) -> Value {
    number(says, 0, 4)
}

/// A day, without quotes.
pub(super) fn day(says: &str) -> Value {
    json!({ "type": "string", "format": "date", "description": says })
}

/// One, or a list of them.
pub(super) fn any_of(value: &Value) -> Value {
    let says = value.get("description").cloned().unwrap_or_default();
    let list = json!({ "type": "array", "items": value, "minItems": 1 });
    json!({ "description": says, "anyOf": [value, list] })
}

/// Any of several shapes.
pub(super) fn either<const N: usize>(says: &str, shapes: [Value; N]) -> Value {
    json!({ "description": says, "anyOf": Vec::from(shapes) })
}

/// A number, or a range in quotes.
pub(super) fn range(says: &str, examples: &[&str]) -> Value {
    let number = json!({ "type": "integer", "minimum": 0 });
    let text = json!({ "type": "string", "examples": examples });
    either(says, [number, text])
}

pub(super) fn with(mut value: Value, key: &str, what: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.insert(key.to_owned(), what);
    }
    value
}

pub(in crate::cli) const ABSENT: &str = "x-absent";
pub(in crate::cli) const UNIT: &str = "x-unit";
