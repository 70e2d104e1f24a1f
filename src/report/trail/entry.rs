//! A line of the audit trail in a sentence.

use serde::Serialize;
use serde_json::Value;

use crate::mail::Timestamp;

/// One line, for a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// None of lines of before the chain.
    pub seq: Option<u64>,
    /// RFC 3339.
    pub at: String,
    pub event: String,
    /// Of a deed its kind, of an act its name, of a step the step.
    pub kind: Option<String>,
    /// Of the message.
    pub id: Option<String>,
    /// Who did it.
    pub by: Option<String>,
    /// What happened.
    pub words: String,
}

impl Entry {
    /// Nothing where the line is no object of JSON.
    pub fn read(line: &[u8]) -> Option<Self> {
        let line: Value = serde_json::from_slice(line).ok()?;
        line.is_object().then(|| Self::of(&line))
    }

    pub fn of(line: &Value) -> Self {
        let text = |name: &str| line.get(name).and_then(Value::as_str);
        let owned = |name: &str| text(name).map(str::to_owned);
        let kind = ["kind", "action", "step", "what"].into_iter().find_map(owned);
        Self {
            seq: line.get("seq").and_then(Value::as_u64),
            at: owned("at").unwrap_or_default(),
            event: owned("event").unwrap_or_default(),
            kind,
            id: owned("id"),
            by: owned("by"),
            words: words(line),
        }
    }

    pub fn moment(&self) -> Option<Timestamp> {
        self.at.parse().ok()
    }

    /// `deed/viewed`, `handled/release`, `decision`.
    pub fn name(&self) -> String {
        match &self.kind {
            Some(kind) => format!("{}/{kind}", self.event),
            None => self.event.clone(),
        }
    }
}

fn words(line: &Value) -> String {
    let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
    let with_reason = |said: String| match text("reason") {
        "" => said,
        reason => format!("{said}: {reason}"),
    };
    match text("event") {
        "decision" => decided(line),
        "accepted" => {
            let copies = line.get("copies").and_then(Value::as_array).map_or(0, Vec::len);
            let (client, listener) = (text("client"), text("listener"));
            format!("taken from {client} on {listener}, {}", counted(copies, "copy", "copies"))
        }
        "attempt" => attempted(line),
        "settled" => each(line, |one| {
            let (recipient, state) = (one.get("recipient")?.as_str()?, one.get("state")?.as_str()?);
            Some(format!("{recipient}: {}", state.replace('_', " ")))
        }),
        "notice" => format!("a notice about {} to {}", text("about"), text("to")),
        "handled" => with_reason(text("action").replace('_', " ")),
        "redirected" => with_reason(format!("redirected to {}", text("to"))),
        "exempted" => with_reason(format!("TLS {} allowed until {}", text("tls"), text("until"))),
        "deed" => match text("words") {
            "" => text("kind").replace('_', " "),
            words => format!("{}: {words}", text("kind").replace('_', " ")),
        },
        "policy" => format!("version {} decides", text("version")),
        "policy_step" => with_reason(format!("version {}: {}", text("version"), text("step"))),
        "trail" => of_trail(line),
        _ => String::new(),
    }
}

fn decided(line: &Value) -> String {
    let level = line.pointer("/facts/level").and_then(Value::as_u64);
    let sender = line.pointer("/facts/reverse_path").and_then(Value::as_str).unwrap_or_default();
    let level = level.map(|level| format!("level {level}, ")).unwrap_or_default();
    let recipients = each(line, |one| {
        let (recipient, disposition) =
            (one.get("recipient")?.as_str()?, one.get("disposition")?.as_str()?);
        let rule = one.get("rule").and_then(Value::as_str);
        let rule = rule.map(|rule| format!(" by “{rule}”")).unwrap_or_default();
        Some(format!("{recipient}: {disposition}{rule}"))
    });
    format!("{level}from <{sender}>; {recipients}")
}

fn attempted(line: &Value) -> String {
    each(line, |one| {
        let (recipient, outcome) = (one.get("recipient")?.as_str()?, one.get("outcome")?.as_str()?);
        let reply = one.get("reply").and_then(Value::as_str).unwrap_or_default();
        Some(format!("{recipient}: {outcome}: {reply}"))
    })
}

fn of_trail(line: &Value) -> String {
    let number = |name: &str| line.get(name).and_then(Value::as_u64).unwrap_or(0);
    let what = line.get("what").and_then(Value::as_str).unwrap_or_default();
    match what {
        "begun" => "the chain begins".to_owned(),
        "recovered" => format!("a torn line of {} octets was set aside", number("octets")),
        "broken" if line.get("expected").is_some_and(Value::is_null) => {
            "the record of the last line was gone at the start".to_owned()
        }
        "broken" => "lines that were on disk were gone at the start".to_owned(),
        "gap" => format!("{} lines were lost: the disk did not take them", number("lines")),
        "retired" => {
            format!("entries up to {} were removed: their time was over", number("through"))
        }
        other => other.replace('_', " "),
    }
}

/// Of the line's recipients, a few.
fn each(line: &Value, words: impl Fn(&Value) -> Option<String>) -> String {
    let recipients = line.get("recipients").and_then(Value::as_array);
    let recipients = recipients.map(Vec::as_slice).unwrap_or_default();
    let mut said: Vec<_> = recipients.iter().take(TOLD).filter_map(words).collect();
    let more = recipients.len().saturating_sub(TOLD);
    said.extend((more > 0).then(|| format!("and {more} more")));
    said.join("; ")
}

fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// Recipients of one line.
const TOLD: usize = 5;
