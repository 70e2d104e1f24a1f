//! How much an entry matters to who watches: 0 to 10, as CEF has it.

use serde_json::Value;

use super::entry::Entry;

pub(super) fn weight(entry: &Entry, line: &Value) -> u8 {
    let kind = entry.kind.as_deref().unwrap_or_default();
    match (entry.event.as_str(), kind) {
        ("trail", "broken" | "gap") => 10,
        ("trail", "recovered") => 6,
        ("deed", "locked_out") => 7,
        ("deed", "denied" | "revealed" | "exported" | "subject_searched") => 6,
        ("deed", "sign_in_failed" | "legal_hold_lifted" | "audit_exported" | "account_changed") => {
            5
        }
        ("deed", _) | ("policy" | "policy_step" | "handled" | "redirected" | "trail", _) => 4,
        ("exempted", _) => 6,
        ("decision", _) => decided(line),
        ("attempt", _) => attempted(line),
        _ => 1,
    }
}

fn decided(line: &Value) -> u8 {
    let is_high = line.pointer("/facts/level").and_then(Value::as_u64).unwrap_or(0) >= 4;
    let each = of_each(line, "disposition", |disposition| match disposition {
        "hold" | "reject" if is_high => 7,
        "hold" | "reject" => 5,
        "redirect" | "defer" => 3,
        _ => 1,
    });
    each.unwrap_or(1)
}

fn attempted(line: &Value) -> u8 {
    let each = of_each(line, "outcome", |outcome| match outcome {
        "delivered" => 1,
        "transient" => 3,
        _ => 4,
    });
    each.unwrap_or(1)
}

/// The most of what recipients have.
fn of_each(line: &Value, name: &str, weight: impl Fn(&str) -> u8) -> Option<u8> {
    let recipients = line.get("recipients")?.as_array()?;
    recipients.iter().filter_map(|one| Some(weight(one.get(name)?.as_str()?))).max()
}
