//! Which lines of the audit trail are wanted.

use serde_json::Value;

use super::entry::Entry;
use crate::mail::Timestamp;

/// What is absent asks for nothing. Words are compared without regard to case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailFilter {
    pub since: Option<Timestamp>,
    /// And before then.
    pub until: Option<Timestamp>,
    /// An event, a deed's kind, or both (`deed/viewed`).
    pub event: Option<String>,
    /// Of a message, its copies and notices.
    pub id: Option<String>,
    /// A person, as the trail calls them.
    pub by: Option<String>,
    pub sender: Option<String>,
    pub recipient: Option<String>,
    /// Of a sender, a recipient or a destination; its subdomains too.
    pub domain: Option<String>,
    /// That decided, or matched.
    pub rule: Option<String>,
    /// What became of any recipient's copy.
    pub disposition: Option<String>,
    /// The keyed hashes of an identifier: any of them.
    pub subjects: Vec<String>,
    /// Anywhere in the line.
    pub text: Option<String>,
}

impl TrailFilter {
    /// A line, and what it tells, if it is wanted.
    pub fn matched(&self, line: &[u8]) -> Option<(Entry, Value)> {
        if !self.may_match(line) {
            return None;
        }
        let value: Value = serde_json::from_slice(line).ok()?;
        let entry = Entry::of(&value);
        (value.is_object() && self.matches(&entry, &value)).then_some((entry, value))
    }

    /// What it asks for, for the record of the search. Nothing of a subject:
    /// the hash would do to find them again.
    pub fn words(&self) -> String {
        let moment = |moment: &Option<Timestamp>| moment.map(Timestamp::rfc3339);
        let asked = [
            ("since", moment(&self.since)),
            ("until", moment(&self.until)),
            ("event", self.event.clone()),
            ("id", self.id.clone()),
            ("by", self.by.clone()),
            ("sender", self.sender.clone()),
            ("recipient", self.recipient.clone()),
            ("domain", self.domain.clone()),
            ("rule", self.rule.clone()),
            ("disposition", self.disposition.clone()),
            // People paste what they look for: it may be an identifier.
            ("text", self.text.as_ref().map(|_| "(not recorded)".to_owned())),
        ];
        let asked =
            asked.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?)));
        let asked: Vec<_> = asked.collect();
        if asked.is_empty() { "everything".to_owned() } else { asked.join(", ") }
    }

    /// Cheap, so that most lines need not be read.
    fn may_match(&self, line: &[u8]) -> bool {
        let holds = |text: &str| memchr::memmem::find(line, text.as_bytes()).is_some();
        let id = self.id.as_ref().is_none_or(|id| holds(&format!("\"{id}\"")));
        let subject = self.subjects.is_empty() || self.subjects.iter().any(|hash| holds(hash));
        id && subject
    }

    fn matches(&self, entry: &Entry, line: &Value) -> bool {
        let is =
            |asked: &Option<String>, has: &dyn Fn(&str) -> bool| asked.as_deref().is_none_or(has);
        let event = |asked: &str| {
            let kind = entry.kind.as_deref().unwrap_or_default();
            [entry.event.as_str(), kind, &entry.name()].iter().any(|name| same(name, asked))
        };
        let found = |names: &'static [&'static str]| {
            move |asked: &str| any_text(line, names, &|text| same(text, asked))
        };
        let domain = |asked: &str| any_text(line, DOMAINS, &|text| is_of(text, asked));
        let in_time = || match (self.since, self.until, entry.moment()) {
            (None, None, _) => true,
            (since, until, Some(at)) => {
                since.is_none_or(|since| at >= since) && until.is_none_or(|until| at < until)
            }
            (_, _, None) => false,
        };
        let subject = || {
            let has = |text: &str| self.subjects.iter().any(|hash| hash == text);
            self.subjects.is_empty() || any_text(line, &["subject"], &has)
        };
        let text = |asked: &str| line.to_string().to_lowercase().contains(&asked.to_lowercase());
        in_time()
            && is(&self.event, &event)
            && is(&self.by, &found(&["by", "officer"]))
            && is(&self.sender, &found(SENDERS))
            && is(&self.recipient, &found(RECIPIENTS))
            && is(&self.domain, &domain)
            && is(&self.rule, &found(&["rule", "held_by"]))
            && is(&self.disposition, &found(&["disposition"]))
            && is(&self.text, &text)
            && subject()
    }
}

fn same(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// An address, a domain or one below it.
fn is_of(text: &str, domain: &str) -> bool {
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host).to_lowercase();
    let domain = domain.to_lowercase();
    host == domain || host.strip_suffix(&domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether any text under one of these names, at any depth, is wanted.
fn any_text(value: &Value, names: &[&str], wanted: &dyn Fn(&str) -> bool) -> bool {
    let is_wanted = |value: &Value| match value {
        Value::String(text) => wanted(text),
        Value::Array(items) => items.iter().filter_map(Value::as_str).any(wanted),
        _ => false,
    };
    match value {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            (names.contains(&name.as_str()) && is_wanted(value)) || any_text(value, names, wanted)
        }),
        Value::Array(items) => items.iter().any(|item| any_text(item, names, wanted)),
        _ => false,
    }
}

const SENDERS: &[&str] = &["reverse_path", "sender"];
const RECIPIENTS: &[&str] = &["recipient", "recipients", "to"];
const DOMAINS: &[&str] = &["reverse_path", "sender", "recipient", "recipients", "to", "domain"];
