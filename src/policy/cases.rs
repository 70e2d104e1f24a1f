//! `tests/`: the officers' own cases, each a message or just facts, and what
//! must be found in it and happen to it. A file is one case, or has several,
//! each under its own `[[case]]`.
//!
//! Owns reading the cases and comparing outcomes. What fails is told as a
//! diagnostic in the case's own file, at the line that expected otherwise.
//! Turning a message into facts is done by whoever runs the case.

mod coverage;
mod found;

use std::{ops::Range, sync::Arc};

use crate::mail::{
    Address, AuthenticationFacts, Decision, Direction, Disposition, Facts, Kind, Level,
    MessageFacts, Notice, Obligation, ReversePath, SecureTag, TlsRequirement,
};

pub use self::coverage::{Coverage, RuleCoverage, Untried};

use super::{
    Decide, Policy,
    diagnostics::{Diagnostics, Severity, SourceFile},
    domains::read_level,
    mechanism::Mechanism,
    protection::{TLS, VERSIONS},
    reasoning::plain_message,
    settings::DISPOSITIONS,
    sources::Sources,
    time_window::read_moment,
    when,
    written::{Fault, Faults, Table, Value},
};

/// One case of a file of `tests/`.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub subject: Subject,
    findings: found::Findings,
    expectations: Vec<Expectation>,
    file: Arc<SourceFile>,
    /// Where it is named.
    place: Range<usize>,
}

/// What is tried.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    Facts(Box<MessageFacts>),
    Message { text: MessageText, from: ReversePath, direction: Direction },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MessageText {
    /// A file beside the case, by its path within the policy folder.
    Beside(String),
    /// In the case itself: header fields, an empty line, text.
    Inline(String),
}

/// What must happen to one recipient's copy; what is not named may be
/// anything.
#[derive(Clone, Debug)]
struct Expectation {
    to: Address,
    then: Option<Placed<Disposition>>,
    tls: Option<Placed<TlsRequirement>>,
    /// The rule that decides, or one that only adds: it must have matched.
    rule: Option<Placed<String>>,
    disclaimer: Option<Placed<String>>,
    banner: Option<Placed<String>>,
    level: Option<Placed<Level>>,
}

type Placed<T> = (T, Range<usize>);

/// Every case, in the order of file names, and what is wrong with them.
pub fn read_cases(sources: &Sources) -> (Vec<Case>, Diagnostics) {
    let mut cases = Vec::new();
    let mut diagnostics = Diagnostics::default();
    for (name, file) in sources.folder("tests") {
        if !name.ends_with(".toml") {
            continue;
        }
        let faults = Faults::new(file);
        cases.extend(read_file(&faults));
        diagnostics.extend(faults.into_diagnostics());
    }
    diagnostics.sort();
    (cases, diagnostics)
}

impl Case {
    /// Decides for every recipient and tells what is not as expected; nothing
    /// if all is well.
    pub fn check(&self, policy: &Policy, message: &MessageFacts, decide: Decide) -> Diagnostics {
        let mut failed = Diagnostics::default();
        for fault in self.findings.faults(message) {
            failed.push(fault.of(&self.file, Severity::Error));
        }
        for expectation in &self.expectations {
            let facts = Facts { message, recipient: &expectation.to };
            let decision = decide(policy, facts);
            for fault in expectation.faults(&decision, message) {
                failed.push(fault.of(&self.file, Severity::Error));
            }
        }
        failed
    }

    /// The file it stands in, as the reader knows it.
    pub fn path(&self) -> &str {
        &self.file.path
    }

    /// The line in which it is named, counted from 1.
    pub fn line(&self) -> usize {
        self.file.line(self.place.start)
    }

    pub fn recipients(&self) -> impl Iterator<Item = &Address> {
        self.expectations.iter().map(|expectation| &expectation.to)
    }
}

impl Expectation {
    fn faults(&self, decision: &Decision, message: &MessageFacts) -> Vec<Fault> {
        let mut faults = Vec::new();
        let because = because(decision);
        let mut differs = |expected: String, found: String, place: &Range<usize>| {
            faults.push(
                Fault::new(
                    "case-failed",
                    format!("{}: expected {expected}, found {found}", self.to),
                )
                .at(place.clone())
                .label(format!("found {found}"))
                .help(because.clone()),
            );
        };
        if let Some((level, place)) = self.level.as_ref().filter(|(l, _)| *l != message.level) {
            differs(format!("level {level}"), format!("level {}", message.level), place);
        }
        if let Some((then, place)) = self.then.as_ref().filter(|(t, _)| *t != decision.disposition)
        {
            differs(then.to_string(), decision.disposition.to_string(), place);
        }
        let tls = decision.protection.tls;
        if let Some((least, place)) = self.tls.as_ref().filter(|(least, _)| *least != tls) {
            differs(format!("TLS {least}"), format!("TLS {tls}"), place);
        }
        if let Some((rule, place)) = &self.rule
            && !decision.matched.iter().any(|matched| matched.rule == *rule)
        {
            differs(format!("the rule `{rule}`"), "that it did not match".to_owned(), place);
        }
        let notices = [(Notice::TagLine, &self.disclaimer), (Notice::Banner, &self.banner)];
        for (what, expected) in notices {
            if let Some((name, place)) = expected
                && !bears(decision, what, name)
            {
                differs(
                    format!("the {} `{name}`", what.name()),
                    "none of that name".to_owned(),
                    place,
                );
            }
        }
        faults
    }
}

fn bears(decision: &Decision, what: Notice, name: &str) -> bool {
    decision.obligations.iter().any(|obligation| match obligation {
        Obligation::Disclaimer(disclaimer) => what == Notice::TagLine && disclaimer.name == name,
        Obligation::Banner(banner) => what == Notice::Banner && banner.name == name,
        _ => false,
    })
}

fn because(decision: &Decision) -> String {
    match &decision.decided_by {
        Some(rule) => format!("decided by the rule `{}`", rule.rule),
        None => "no rule decided: it is relayed".to_owned(),
    }
}

/// A file is one case, or has several; what stands above them holds for all.
fn read_file(faults: &Faults) -> Vec<Case> {
    let root = faults.parse();
    let keys: Vec<&str> = CASE_KEYS.iter().chain(&found::KEYS).chain(&["case"]).copied().collect();
    let root = Table::root(&root, faults, "a case", &keys);
    if root.value("case").is_none() {
        return read_case(&root, &root).into_iter().collect();
    }
    for value in root.values().filter(|value| !["case", "from", "direction"].contains(&value.key()))
    {
        faults.error(
            Fault::new("case-several", format!("`{}` belongs to one case", value.key()))
                .at(value.span())
                .help("put it under the `[[case]]` that it is about"),
        );
    }
    let keys: Vec<&str> = CASE_KEYS.iter().chain(&found::KEYS).copied().collect();
    let cases = root.tables("case", "a case", &keys);
    cases.iter().filter_map(|case| read_case(case, &root)).collect()
}

/// `shared` says what the case does not.
fn read_case(table: &Table<'_>, shared: &Table<'_>) -> Option<Case> {
    let name = table.required("name").and_then(|value| value.sentence());
    let from = table.value("from").or_else(|| shared.value("from"));
    let from = from
        .or_else(|| table.required("from"))
        .and_then(|value| value.parsed::<ReversePath>("address"));
    let direction = match table.value("direction").or_else(|| shared.value("direction")) {
        Some(value) => value.choice(&when::DIRECTIONS),
        None => Some(Direction::Outbound),
    };
    let findings = found::read(table);
    let tables = table.tables("expect", "an expectation", &EXPECT_KEYS);
    if tables.is_empty() && findings.as_ref().is_some_and(found::Findings::is_empty) {
        table.faults().error(
            Fault::new("case-expects-nothing", "this case expects nothing")
                .at(table.span())
                .help("add `level = 3`, or `[[expect]]` with `to` and `then` under it"),
        );
    }
    let expectations: Vec<Option<Expectation>> = tables.iter().map(read_expectation).collect();
    let subject = read_subject(table, from, direction);
    Some(Case {
        name: name?.to_owned(),
        subject: subject?,
        findings: findings?,
        expectations: expectations.into_iter().collect::<Option<_>>()?,
        file: Arc::clone(table.faults().file()),
        place: table.value("name").map_or(table.span(), |name| name.span()),
    })
}

fn read_subject(
    table: &Table<'_>,
    from: Option<ReversePath>,
    direction: Option<Direction>,
) -> Option<Subject> {
    let text = match (table.value("facts"), table.value("message"), table.value("mail")) {
        (Some(facts), None, None) => {
            let facts = read_facts(&facts);
            return Some(Subject::Facts(Box::new(MessageFacts {
                reverse_path: from?,
                direction: direction?,
                ..facts?
            })));
        }
        (None, Some(message), None) => {
            let name = message.sentence()?;
            if name.contains('/') {
                return message.invalid("case-message", "the message stands beside the case");
            }
            MessageText::Beside(format!("tests/{name}"))
        }
        (None, None, Some(mail)) => MessageText::Inline(mail.sentence()?.to_owned()),
        _ => {
            table.faults().error(
                Fault::new("case-subject", "a case has one of `facts`, `message` and `mail`")
                    .at(table.span())
                    .help(
                        "write `facts = { level = 3 }`, `message = \"name.eml\"` or `mail = '…'`",
                    ),
            );
            return None;
        }
    };
    Some(Subject::Message { text, from: from?, direction: direction? })
}

/// Facts in the words of conditions, each of them one value; what is not
/// named is as in a plain message.
fn read_facts(value: &Value<'_>) -> Option<MessageFacts> {
    let table = value.table("facts", &FACT_KEYS)?;
    let mut facts = plain_message();
    let mut faulty = false;
    for key in FACT_KEYS {
        let Some(value) = table.value(key) else { continue };
        faulty |= read_fact(key, &value, &mut facts).is_none();
    }
    (!faulty).then_some(facts)
}

fn read_fact(key: &str, value: &Value<'_>, facts: &mut MessageFacts) -> Option<()> {
    match key {
        "level" => facts.level = read_level(value)?,
        "kinds" if value.is_table() => {
            let counts = value.table("a list of kinds", &Kind::ALL.map(Kind::name))?;
            for count in counts.values() {
                facts.kinds.insert(Kind::named(count.key())?, read_number(&count)?);
            }
        }
        "kinds" => {
            let kinds = value.list(when::read_kind)?;
            facts.kinds = kinds.into_iter().map(|kind| (kind, 1)).collect();
        }
        "marking" => facts.marking = Some(value.sentence()?.to_owned()),
        "secure_tag" => facts.secure_tag = value.either(SecureTag::Present, SecureTag::Absent)?,
        "opaque" => facts.opaque = value.list(|reason| reason.choice(&when::OPAQUE))?,
        "size" => facts.size = read_number(value)?,
        "authentication" => facts.authentication = Some(read_authentication(value)?),
        "spoof" => facts.spoof = value.list(when::read_spoof)?,
        "arrival" => facts.arrival = value.choice(&when::ARRIVALS)?,
        "tls_version" => facts.tls_version = Some(value.choice(&VERSIONS)?),
        "attachment_types" => {
            let named = value.list(when::read_attachment_type)?;
            facts.attachment_types = Some(named.into_iter().collect());
        }
        "visible_recipients" => facts.visible_recipients = Some(read_number(value)?),
        "time" => facts.received_at = Some(read_moment(value)?),
        _ => {}
    }
    Some(())
}

fn read_number(value: &Value<'_>) -> Option<usize> {
    let number = value.integer()?;
    usize::try_from(number).ok().or_else(|| value.expected("0 or more"))
}

fn read_authentication(value: &Value<'_>) -> Option<AuthenticationFacts> {
    let table = value.table("authentication", &Mechanism::ALL.map(|(name, _)| name))?;
    let mut facts = AuthenticationFacts::default();
    let mut faulty = false;
    for (name, mechanism) in Mechanism::ALL {
        let verdict = match table.value(name) {
            Some(value) => when::read_verdict(mechanism, &value),
            None => mechanism.words().first().map(|&word| word.to_owned()),
        };
        match verdict {
            Some(verdict) => mechanism.set(&mut facts, &verdict),
            None => faulty = true,
        }
    }
    (!faulty).then_some(facts)
}

fn read_expectation(table: &Table<'_>) -> Option<Expectation> {
    let to = table.required("to").and_then(|value| value.parsed("address"));
    let then = placed(table, "then", |value| value.choice(&DISPOSITIONS));
    let tls = placed(table, "tls", |value| value.choice(&TLS));
    let text = |value: &Value<'_>| value.sentence().map(str::to_owned);
    let rule = placed(table, "rule", text);
    let disclaimer = placed(table, "disclaimer", text);
    let banner = placed(table, "banner", text);
    let level = placed(table, "level", read_level);
    Some(Expectation {
        to: to?,
        then: then?,
        tls: tls?,
        rule: rule?,
        disclaimer: disclaimer?,
        banner: banner?,
        level: level?,
    })
}

/// `Some(None)` where the key is not there, `None` where it is faulty.
fn placed<'a, T>(
    table: &Table<'a>,
    key: &str,
    read: impl FnOnce(&Value<'a>) -> Option<T>,
) -> Option<Option<Placed<T>>> {
    match table.value(key) {
        None => Some(None),
        Some(value) => read(&value).map(|read| Some((read, value.span()))),
    }
}

const CASE_KEYS: [&str; 7] = ["name", "from", "direction", "facts", "message", "mail", "expect"];

const EXPECT_KEYS: [&str; 7] = ["to", "then", "tls", "rule", "disclaimer", "banner", "level"];

const FACT_KEYS: [&str; 13] = [
    "level",
    "kinds",
    "marking",
    "secure_tag",
    "opaque",
    "size",
    "authentication",
    "spoof",
    "arrival",
    "tls_version",
    "attachment_types",
    "visible_recipients",
    "time",
];

#[cfg(test)]
mod tests;
