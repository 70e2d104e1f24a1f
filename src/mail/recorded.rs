//! Decisions as the audit trail has them: with all that led to them, so that
//! they can be explained long after and asked again under other policies.
//!
//! No content: findings are masked and stand beside (law 6). Addresses are
//! whole, as everywhere in the trail, so that rules about addresses can be
//! asked again too. What an older version did not record is absent.

use serde::{Deserialize, Serialize};

use super::{
    address::Address,
    decision::{Decision, DestinationClass, Mode, RuleMatch},
    disposition::{Disposition, NextHop, Told},
    facts::MessageFacts,
    level::Level,
    message::Urgency,
    obligation::{Choice, Obligation},
    protection::TlsRequirement,
    queue_id::QueueId,
    time::Timestamp,
};

/// What a line of the trail says of one message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedDecision {
    pub id: QueueId,
    /// Which policy decided.
    pub policy: String,
    pub facts: MessageFacts,
    pub recipients: Vec<RecordedOutcome>,
}

/// What was decided of one recipient's copy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecordedOutcome {
    pub recipient: Address,
    pub disposition: Disposition,
    /// The rule whose disposition it is.
    pub rule: Option<String>,
    /// Rules that would have decided, had they not only observed.
    #[serde(default)]
    pub observed: Vec<String>,
    pub tls: TlsRequirement,
    #[serde(default)]
    pub redirect: Option<NextHop>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fallback: Option<NextHop>,
    #[serde(default, skip_serializing_if = "is_usual")]
    pub urgency: Urgency,
    pub class: DestinationClass,
    pub clearance: Level,
    /// Every rule that matched, with what it said then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matched: Option<Vec<RuleMatch>>,
    /// What was done to the copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub adds: Option<Vec<Addition>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tell: Vec<Told>,
    /// Where more than one wording was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<Choice>,
}

/// An obligation in a word: texts by their names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addition {
    Disclaimer(String),
    Banner(String),
    /// The classes of mail, as policies have them.
    Wrap(Vec<String>),
    TagSubject(String),
    StripSubject(String),
    /// `Name: value`.
    Header(String),
    RemoveHeaders(String),
    Copy(String),
}

/// Why a line of the trail is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("it is damaged: {0}")]
    Damaged(String),
    #[error("a later Postern wrote it, in version {0}")]
    Later(u32),
}

impl RecordedDecision {
    /// Of a line of the trail; nothing where it tells of something else.
    pub fn read(line: &[u8]) -> Result<Option<Self>, RecordError> {
        if memchr::memmem::find(line, EVENT).is_none() {
            return match line.trim_ascii() {
                [] | [b'{', .., b'}'] => Ok(None),
                _ => Err(RecordError::Damaged("no object of JSON".to_owned())),
            };
        }
        let read: Line = match serde_json::from_slice(line) {
            Ok(read) => read,
            Err(error) => return Head::of(line, &error),
        };
        let Line { v, event, at, id, policy, mut facts, recipients } = read;
        match event.as_str() {
            "decision" if v > VERSION => return Err(RecordError::Later(v)),
            "decision" => {}
            _ => return Ok(None),
        }
        // A line is written as soon as it is decided.
        let told = at.and_then(|at| at.parse::<Timestamp>().ok());
        facts.received_at = facts.received_at.or(told);
        Ok(Some(Self { id, policy, facts, recipients }))
    }
}

#[derive(Deserialize)]
struct Line {
    v: u32,
    event: String,
    at: Option<String>,
    id: QueueId,
    policy: String,
    facts: MessageFacts,
    recipients: Vec<RecordedOutcome>,
}

/// What tells whether the rest should have been understood.
#[derive(Deserialize)]
struct Head {
    v: u32,
    event: String,
}

impl Head {
    fn of(line: &[u8], error: &serde_json::Error) -> Result<Option<RecordedDecision>, RecordError> {
        match serde_json::from_slice(line) {
            Ok(Self { event, .. }) if event != "decision" => Ok(None),
            Ok(Self { v, .. }) if v > VERSION => Err(RecordError::Later(v)),
            _ => Err(RecordError::Damaged(error.to_string())),
        }
    }
}

impl RecordedOutcome {
    pub fn of(recipient: &Address, decision: &Decision) -> Self {
        let observed = decision.matched.iter().filter(|matched| matched.mode == Mode::Observe);
        let contested = decision.choices.iter().filter(|choice| !choice.gave_way.is_empty());
        Self {
            recipient: recipient.clone(),
            disposition: decision.disposition,
            rule: decision.decided_by.as_ref().map(|matched| matched.rule.clone()),
            observed: observed.map(|matched| matched.rule.clone()).collect(),
            tls: decision.protection.tls,
            redirect: decision.redirect.clone(),
            fallback: decision.fallback.clone(),
            urgency: decision.urgency,
            class: decision.destination.class,
            clearance: decision.destination.clearance,
            matched: Some(decision.matched.clone()),
            adds: Some(decision.obligations.iter().map(Addition::of).collect()),
            tell: decision.tell.clone(),
            choices: contested.cloned().collect(),
        }
    }

    /// Whether it was on its way with that.
    pub fn goes_on(&self) -> bool {
        matches!(self.disposition, Disposition::Relay | Disposition::Redirect)
    }
}

impl Addition {
    pub fn of(obligation: &Obligation) -> Self {
        match obligation {
            Obligation::Disclaimer(disclaimer) => Self::Disclaimer(disclaimer.name.clone()),
            Obligation::Banner(banner) => Self::Banner(banner.name.clone()),
            Obligation::Wrap(classes) => {
                Self::Wrap(classes.iter().map(|class| class.name().to_owned()).collect())
            }
            Obligation::TagSubject(tag) => Self::TagSubject(tag.clone()),
            Obligation::StripSubject(tag) => Self::StripSubject(tag.clone()),
            Obligation::Header { name, value } => Self::Header(format!("{name}: {value}")),
            Obligation::RemoveHeaders(names) => Self::RemoveHeaders(names.to_string()),
            Obligation::Copy(archive) => Self::Copy(archive.to_string()),
        }
    }

    /// What it is, and what of it.
    pub fn words(&self) -> (&'static str, String) {
        match self {
            Self::Disclaimer(name) => ("Tag line", name.clone()),
            Self::Banner(name) => ("Banner", name.clone()),
            Self::Wrap(classes) => ("Wrapped", format!("if it is {}", classes.join(" or "))),
            Self::TagSubject(tag) => ("Subject", format!("{tag} in front")),
            Self::StripSubject(tag) => ("Subject", format!("without {tag}")),
            Self::Header(field) => ("Header", field.clone()),
            Self::RemoveHeaders(names) => ("Header", format!("without {names}")),
            Self::Copy(archive) => ("Copy to", archive.clone()),
        }
    }
}

fn is_usual(urgency: &Urgency) -> bool {
    *urgency == Urgency::Usual
}

/// Of the shape of lines (`observe::lines`).
const VERSION: u32 = 1;
const EVENT: &[u8] = b"\"decision\"";

#[cfg(test)]
mod tests {
    use super::*;

    /// As the first version of the trail had it.
    const FIRST: &str = r#"{"at":"2026-11-22T17:12:05.123Z","event":"decision","id":"01dcayhax6g00",
        "v":1,"listener":"mailboxes","client":"127.0.0.1","policy":"3f2a","findings":[],
        "facts":{"direction":"outbound","reverse_path":"dr@nhs.test.example","level":3,"kinds":{},
        "marking":null,"secure_tag":"absent","opaque":[],"authentication":null,"arrival":"tls",
        "size":312},"recipients":[{"recipient":"a@gov.test.example","disposition":"relay",
        "rule":null,"observed":[],"tls":"verified","redirect":null,"class":"approved",
        "clearance":4}]}"#;

    fn read(line: &str) -> Result<Option<RecordedDecision>, RecordError> {
        RecordedDecision::read(line.as_bytes())
    }

    #[test]
    fn a_line_of_an_older_version_lacks_what_it_did_not_know() {
        let old = read(FIRST).unwrap().unwrap();
        assert_eq!(old.facts.attachment_types, None);
        assert_eq!((&old.recipients[0].matched, &old.recipients[0].adds), (&None, &None));
        let at = "2026-11-22T17:12:05.123Z".parse().unwrap();
        assert_eq!(old.facts.received_at, Some(at));
    }

    #[test]
    fn what_is_no_decision_is_passed_over_and_what_is_damaged_is_told() {
        assert_eq!(read(""), Ok(None));
        assert_eq!(read(r#"{"event":"accepted","v":1}"#), Ok(None));
        assert_eq!(read(r#"{"event":"handled","v":1,"action":"decision"}"#), Ok(None));
        assert_eq!(read(&FIRST.replace("\"v\":1", "\"v\":2")), Err(RecordError::Later(2)));
        for cut in [FIRST.strip_suffix('}').unwrap(), FIRST.strip_prefix('{').unwrap(), "x"] {
            assert!(matches!(read(cut), Err(RecordError::Damaged(_))), "{cut}");
        }
        let unknown = FIRST.replace("\"outbound\"", "\"sideways\"");
        assert!(matches!(read(&unknown), Err(RecordError::Damaged(_))));
    }
}
