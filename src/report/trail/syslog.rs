//! An entry as a syslog message (RFC 5424), facility 13 (log audit), with its
//! fields as structured data.
//!
//! The identifier of those is `postern@32473`: the enterprise number that RFC
//! 5612 keeps for whoever has none.

use std::fmt::Write;

use serde_json::Value;

use super::{entry::Entry, weight::weight};

/// HOSTNAME: printable ASCII without spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host(String);

impl Host {
    /// What cannot stand there is left out.
    pub fn named(name: &str) -> Self {
        let name: String = name.chars().filter(char::is_ascii_graphic).take(255).collect();
        Self(if name.is_empty() { NIL.to_owned() } else { name })
    }
}

pub fn syslog(entry: &Entry, line: &Value, host: &Host) -> String {
    let priority = FACILITY * 8 + severity(weight(entry, line));
    let at = entry.moment().map_or_else(|| NIL.to_owned(), |at| at.rfc3339());
    let message_id: String = entry.event.chars().filter(char::is_ascii_graphic).take(32).collect();
    let message_id = if message_id.is_empty() { NIL.to_owned() } else { message_id };
    let Host(host) = host;
    let data = structured(entry, line);
    // With the mark that says UTF-8 (section 6.4).
    let words: String = entry.words.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("<{priority}>1 {at} {host} postern - {message_id} {data} \u{feff}{words}")
}

/// Section 6.2.1: from critical to informational.
fn severity(weight: u8) -> u8 {
    match weight {
        9.. => 2,
        7..=8 => 3,
        5..=6 => 4,
        3..=4 => 5,
        _ => 6,
    }
}

fn structured(entry: &Entry, line: &Value) -> String {
    let mut data = "[postern@32473".to_owned();
    let text = |path: &str| line.pointer(path).and_then(Value::as_str).map(str::to_owned);
    let seq = entry.seq.map(|seq| seq.to_string());
    let level = line.pointer("/facts/level").and_then(Value::as_u64).map(|level| level.to_string());
    let parameters = [
        ("seq", seq),
        ("event", Some(entry.event.clone())),
        ("kind", entry.kind.clone()),
        ("id", entry.id.clone()),
        ("by", entry.by.clone()),
        ("level", level),
        ("sender", text("/sender").or_else(|| text("/facts/reverse_path"))),
        ("rule", text("/recipients/0/rule")),
        ("disposition", text("/recipients/0/disposition")),
        ("recipient", text("/recipients/0/recipient")),
        ("outcome", text("/recipients/0/outcome")),
        ("policy", text("/policy")),
        ("client", text("/client").or_else(|| text("/from"))),
        ("prev", text("/prev")),
    ];
    for (name, value) in parameters {
        if let Some(value) = value {
            // Writing to a string does not fail.
            let _ = write!(data, " {name}=\"{}\"", escaped(&value));
        }
    }
    data.push(']');
    data
}

/// Section 6.3.3: quotation mark, backslash and closing bracket.
fn escaped(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        match character {
            '"' | '\\' | ']' => escaped.extend(['\\', character]),
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

const FACILITY: u8 = 13;
const NIL: &str = "-";
