//! The words that schemas are written in.

use serde_json::{Map, Value, json};

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
    with(choice(says, words), "default", json!(usual))
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
