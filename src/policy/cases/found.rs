//! What a case expects of the message itself, whoever it goes to: its level,
//! what is found in it and what is not.

use std::fmt::Display;

use super::{Placed, placed};
use crate::{
    mail::{Kind, Level, MessageFacts, OpaqueReason},
    policy::{
        domains::read_level,
        when,
        written::{Fault, Table, Value},
    },
};

/// What is not named may be anything.
#[derive(Clone, Debug, Default)]
pub(super) struct Findings {
    level: Option<Placed<Level>>,
    found: Option<Placed<Vec<Kind>>>,
    not_found: Option<Placed<Vec<Kind>>>,
    opaque: Option<Placed<Vec<OpaqueReason>>>,
    marking: Option<Placed<String>>,
}

pub(super) const KEYS: [&str; 5] = ["level", "found", "not_found", "opaque", "marking"];

/// `None` where something of it is faulty.
pub(super) fn read(table: &Table<'_>) -> Option<Findings> {
    let kinds = |value: &Value<'_>| value.list(when::read_kind);
    let level = placed(table, "level", read_level);
    let found = placed(table, "found", kinds);
    let not_found = placed(table, "not_found", kinds);
    let opaque = placed(table, "opaque", |value| value.list(|reason| reason.choice(&when::OPAQUE)));
    let marking = placed(table, "marking", |value| value.sentence().map(str::to_owned));
    Some(Findings {
        level: level?,
        found: found?,
        not_found: not_found?,
        opaque: opaque?,
        marking: marking?,
    })
}

impl Findings {
    pub(super) fn is_empty(&self) -> bool {
        self.level.is_none()
            && self.found.is_none()
            && self.not_found.is_none()
            && self.opaque.is_none()
            && self.marking.is_none()
    }

    pub(super) fn faults(&self, message: &MessageFacts) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some((level, place)) = self.level.as_ref().filter(|(l, _)| *l != message.level) {
            let found = format!("level {}", message.level);
            faults.push(differs(&format!("level {level}"), &found).at(place.clone()));
        }
        let is_found = |kind: &&Kind| message.kinds.get(*kind).is_some_and(|count| *count > 0);
        if let Some((kinds, place)) = &self.found {
            let missing: Vec<Kind> = kinds.iter().filter(|kind| !is_found(kind)).copied().collect();
            let fault = differs(&listed(&missing), &listed(message.kinds.keys()));
            faults.extend((!missing.is_empty()).then(|| fault.at(place.clone())));
        }
        if let Some((kinds, place)) = &self.not_found {
            let there: Vec<Kind> = kinds.iter().filter(is_found).copied().collect();
            let fault = differs(&format!("no {}", listed(&there)), "it");
            faults.extend((!there.is_empty()).then(|| fault.at(place.clone())));
        }
        if let Some((reasons, place)) = &self.opaque {
            let missing: Vec<_> = reasons.iter().filter(|r| !message.opaque.contains(r)).collect();
            let expected = format!("a part that is {}", listed(&missing));
            let fault = differs(&expected, &listed(&message.opaque));
            faults.extend((!missing.is_empty()).then(|| fault.at(place.clone())));
        }
        if let Some((marking, place)) =
            self.marking.as_ref().filter(|(marking, _)| message.marking.as_ref() != Some(marking))
        {
            let found = message.marking.as_deref().unwrap_or("none");
            faults.push(differs(&format!("the marking “{marking}”"), found).at(place.clone()));
        }
        faults
    }
}

fn differs(expected: &str, found: &str) -> Fault {
    Fault::new("case-failed", format!("expected {expected}, found {found}"))
        .label(format!("found {found}"))
}

fn listed<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let names: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.join(", "),
    }
}
