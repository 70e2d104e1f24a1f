//! An entry in the Common Event Format (ArcSight, version 0), as most SIEMs
//! read it. A line each.

use serde_json::Value;

use super::{entry::Entry, weight::weight};

pub fn cef(entry: &Entry, line: &Value) -> String {
    let name = entry.name();
    let head = ["Postern", "postern", env!("CARGO_PKG_VERSION"), &name, title(entry)];
    let head: Vec<_> = head.into_iter().map(in_head).collect();
    let fields: Vec<_> = fields(entry, line)
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| format!("{key}={}", in_extension(&value)))
        .collect();
    format!("CEF:0|{}|{}|{}", head.join("|"), weight(entry, line), fields.join(" "))
}

fn title(entry: &Entry) -> &'static str {
    match entry.event.as_str() {
        "decision" => "Message decided",
        "accepted" => "Message accepted",
        "attempt" => "Delivery attempted",
        "settled" => "Delivery settled",
        "notice" => "Notice sent",
        "handled" | "redirected" => "Message handled by a person",
        "exempted" => "Exemption granted",
        "deed" => "Deed of a person",
        "policy" | "policy_step" => "Policy changed",
        "trail" => "Audit trail",
        _ => "Event",
    }
}

/// Keys of CEF's dictionary, and ours where it has none.
fn fields(entry: &Entry, line: &Value) -> Vec<(&'static str, String)> {
    let text = |path: &str| line.pointer(path).and_then(Value::as_str).unwrap_or_default();
    let first = |name: &str| listed(line, name).into_iter().next().unwrap_or_default();
    let by = entry.by.clone().unwrap_or_default();
    let rt = entry.moment().map(|at| at.unix_milliseconds().to_string()).unwrap_or_default();
    let sender =
        if text("/sender").is_empty() { text("/facts/reverse_path") } else { text("/sender") };
    let address = if text("/from").is_empty() { text("/client") } else { text("/from") };
    // `src` is for IPv4 alone.
    let (v4, v6) = if address.contains(':') { ("", address) } else { (address, "") };
    let label = |value: &str, label: &str| {
        if value.is_empty() { String::new() } else { label.to_owned() }
    };
    let (id, rule) = (entry.id.clone().unwrap_or_default(), first("rule"));
    let level = line.pointer("/facts/level").and_then(Value::as_u64);
    let level = level.map(|level| level.to_string()).unwrap_or_default();
    let act = if first("disposition").is_empty() {
        entry.kind.clone().unwrap_or_default()
    } else {
        first("disposition")
    };
    vec![
        ("rt", rt),
        ("externalId", entry.seq.map(|seq| seq.to_string()).unwrap_or_default()),
        ("msg", entry.words.clone()),
        ("act", act),
        ("outcome", first("outcome")),
        ("reason", text("/reason").to_owned()),
        ("suser", if sender.is_empty() { by } else { sender.to_owned() }),
        ("duser", listed(line, "recipient").join(",")),
        ("src", v4.to_owned()),
        ("c6a2", v6.to_owned()),
        ("c6a2Label", label(v6, "Source IPv6 Address")),
        ("cs1Label", label(&id, "queueId")),
        ("cs1", id),
        ("cs2Label", label(&rule, "rule")),
        ("cs2", rule),
        ("cs3Label", label(text("/policy"), "policyVersion")),
        ("cs3", text("/policy").to_owned()),
        ("cn1Label", label(&level, "level")),
        ("cn1", level),
    ]
}

/// What recipients have under a name.
fn listed(line: &Value, name: &str) -> Vec<String> {
    let recipients = line.get("recipients").and_then(Value::as_array);
    let texts = recipients.into_iter().flatten().filter_map(|one| one.get(name)?.as_str());
    texts.take(LISTED).map(str::to_owned).collect()
}

/// A pipe ends a field of the head, and a line end the event.
fn in_head(text: &str) -> String {
    escaped(text, |character| matches!(character, '|'), " ")
}

/// An equals sign begins a field of the extension.
fn in_extension(text: &str) -> String {
    escaped(text, |character| matches!(character, '='), "\\n")
}

fn escaped(text: &str, special: impl Fn(char) -> bool, line_end: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => escaped.push_str(line_end),
            '\\' => escaped.push_str("\\\\"),
            other if special(other) => escaped.extend(['\\', other]),
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

const LISTED: usize = 20;
