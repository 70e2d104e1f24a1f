//! What differs, added up.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use serde::Serialize;

use super::asking::NotAsked;
use crate::{
    mail::{
        Addition, DestinationClass, Disposition, QueueId, RecordedOutcome, Timestamp,
        TlsRequirement,
    },
    policy::Turn,
};

/// One copy, then and now.
pub(super) struct Outcome<'a> {
    pub(super) before: &'a RecordedOutcome,
    pub(super) after: Result<RecordedOutcome, NotAsked>,
}

/// What would change for whom. A message is held if any of its copies is.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ReplayReport {
    /// The policy that was asked.
    pub policy: String,
    pub messages: u64,
    pub copies: u64,
    /// Copies for which all stays as it was.
    pub unchanged: u64,
    /// When the first and the last of them were decided.
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
    /// By which policies, and how many messages.
    pub decided_by: BTreeMap<String, u64>,
    /// Messages about which all could be asked, and of those the held ones.
    pub asked: u64,
    pub held_before: u64,
    pub held_after: u64,
    #[serde(serialize_with = "as_list")]
    pub changes: BTreeMap<Change, Tally>,
    #[serde(serialize_with = "as_list")]
    pub not_asked: BTreeMap<NotAsked, u64>,
}

/// How copies would be treated otherwise, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    pub effect: Effect,
    pub cause: Cause,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    Disposition {
        from: Disposition,
        to: Disposition,
    },
    /// It goes on as before, under other TLS.
    Tls {
        from: TlsRequirement,
        to: TlsRequirement,
    },
    /// It is redirected as before, to another host.
    NextHop,
    /// It goes on as before, with this or without.
    Gains(Addition),
    Loses(Addition),
    /// It is stopped as before, for another reason.
    OtherRule,
}

/// The rule that says so: the one that decides now, or the one that decided
/// then and no longer does.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    Rule(String),
    NoLonger(String),
    /// Domains' entries, or several rules together.
    Policy,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Tally {
    pub copies: u64,
    pub messages: u64,
    /// Whose mail it is.
    pub organisations: BTreeMap<String, u64>,
    pub destinations: BTreeMap<DestinationClass, u64>,
    /// The first few.
    pub examples: Vec<QueueId>,
}

impl Effect {
    /// Whether more or less is let through by it.
    pub fn turn(&self) -> Turn {
        let of = |is_more: bool| if is_more { Turn::Tightening } else { Turn::Loosening };
        match self {
            Self::Disposition { from, to } => of(to > from),
            Self::Tls { from, to } => of(to > from),
            Self::NextHop | Self::Gains(_) | Self::Loses(_) | Self::OtherRule => Turn::Other,
        }
    }
}

impl fmt::Display for Effect {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disposition { from, to } => {
                write!(out, "{} instead of {}", done(*to), done(*from))
            }
            Self::Tls { from, to } => write!(out, "TLS {to} instead of {from}"),
            Self::NextHop => out.write_str("redirected to another host"),
            Self::Gains(addition) => {
                let (what, which) = addition.words();
                write!(out, "with a change more ({}: {which})", what.to_lowercase())
            }
            Self::Loses(addition) => {
                let (what, which) = addition.words();
                write!(out, "with a change less ({}: {which})", what.to_lowercase())
            }
            Self::OtherRule => out.write_str("stopped as before, by another rule"),
        }
    }
}

const fn done(disposition: Disposition) -> &'static str {
    match disposition {
        Disposition::Relay => "relayed",
        Disposition::Redirect => "redirected",
        Disposition::Defer => "deferred",
        Disposition::Hold => "held",
        Disposition::Reject => "rejected",
    }
}

impl ReplayReport {
    pub(super) fn new(policy: &str) -> Self {
        Self { policy: policy.to_owned(), ..Self::default() }
    }

    /// Adds one message; `sender` says whose it is.
    pub(super) fn add(
        &mut self,
        id: QueueId,
        version: &str,
        at: Option<Timestamp>,
        outcomes: &[Outcome<'_>],
        sender: &dyn Fn() -> String,
    ) {
        self.messages += 1;
        self.copies += outcomes.len() as u64;
        self.from = self.from.into_iter().chain(at).min();
        self.to = self.to.into_iter().chain(at).max();
        add_one(&mut self.decided_by, version);
        self.add_held(outcomes);
        let mut told: BTreeSet<Change> = BTreeSet::new();
        for outcome in outcomes {
            let after = match &outcome.after {
                Ok(after) => after,
                Err(why) => {
                    *self.not_asked.entry(*why).or_default() += 1;
                    continue;
                }
            };
            let changes = changes(outcome.before, after);
            self.unchanged += u64::from(changes.is_empty());
            for change in changes {
                let is_full = self.changes.len() >= MOST_NAMES;
                let change = match is_full && !self.changes.contains_key(&change) {
                    true => Change { cause: Cause::Policy, ..change },
                    false => change,
                };
                let tally = self.changes.entry(change.clone()).or_default();
                tally.add_copy(after.class, sender);
                if told.insert(change) {
                    tally.add_message(id);
                }
            }
        }
    }

    fn add_held(&mut self, outcomes: &[Outcome<'_>]) {
        let (mut before_held, mut after_held) = (false, false);
        for outcome in outcomes {
            let Outcome { before, after: Ok(after) } = outcome else { return };
            before_held |= before.disposition == Disposition::Hold;
            after_held |= after.disposition == Disposition::Hold;
        }
        self.asked += 1;
        self.held_before += u64::from(before_held);
        self.held_after += u64::from(after_held);
    }
}

impl Tally {
    fn add_copy(&mut self, class: DestinationClass, sender: &dyn Fn() -> String) {
        self.copies += 1;
        *self.destinations.entry(class).or_default() += 1;
        add_one(&mut self.organisations, &sender());
    }

    fn add_message(&mut self, id: QueueId) {
        self.messages += 1;
        if self.examples.len() < EXAMPLES {
            self.examples.push(id);
        }
    }
}

/// Nothing that is written by others may make a map grow without end.
fn add_one(counts: &mut BTreeMap<String, u64>, name: &str) {
    if let Some(count) = counts.get_mut(name) {
        *count += 1;
    } else {
        let name = if counts.len() < MOST_NAMES { name } else { "others" };
        *counts.entry(name.to_owned()).or_default() += 1;
    }
}

fn changes(before: &RecordedOutcome, after: &RecordedOutcome) -> Vec<Change> {
    let (from, to) = (before.disposition, after.disposition);
    if from != to {
        let cause = match to > from {
            true => Cause::of(after.rule.as_deref()),
            false => before.rule.clone().map_or(Cause::Policy, Cause::NoLonger),
        };
        return vec![Change { effect: Effect::Disposition { from, to }, cause }];
    }
    if !after.goes_on() {
        let other = before.rule != after.rule;
        let cause = Cause::of(after.rule.as_deref());
        return other.then_some(Change { effect: Effect::OtherRule, cause }).into_iter().collect();
    }
    let mut effects = Vec::new();
    if before.tls != after.tls {
        effects.push(Effect::Tls { from: before.tls, to: after.tls });
    }
    if before.redirect != after.redirect {
        effects.push(Effect::NextHop);
    }
    effects.extend(additions(before, after));
    effects.into_iter().map(|effect| Change { effect, cause: Cause::Policy }).collect()
}

fn additions(before: &RecordedOutcome, after: &RecordedOutcome) -> Vec<Effect> {
    // Older lines do not say what was added.
    let (Some(before), Some(after)) = (&before.adds, &after.adds) else { return Vec::new() };
    let set = |adds: &[Addition]| adds.iter().map(in_general).collect::<BTreeSet<_>>();
    let (before, after) = (set(before), set(after));
    let gained = after.difference(&before).cloned().map(Effect::Gains);
    gained.chain(before.difference(&after).cloned().map(Effect::Loses)).collect()
}

/// A field has another value for every message: its name is enough.
fn in_general(addition: &Addition) -> Addition {
    match addition {
        Addition::Header(field) => {
            Addition::Header(field.split(':').next().unwrap_or_default().to_owned())
        }
        other => other.clone(),
    }
}

impl Cause {
    fn of(rule: Option<&str>) -> Self {
        rule.map_or(Self::Policy, |rule| Self::Rule(rule.to_owned()))
    }
}

/// Maps whose keys are no strings are lists in JSON.
fn as_list<K: Serialize, V: Serialize, S: serde::Serializer>(
    map: &BTreeMap<K, V>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    #[derive(Serialize)]
    struct Entry<'a, K, V> {
        what: &'a K,
        count: &'a V,
    }
    serializer.collect_seq(map.iter().map(|(what, count)| Entry { what, count }))
}

const EXAMPLES: usize = 3;
const MOST_NAMES: usize = 1000;
