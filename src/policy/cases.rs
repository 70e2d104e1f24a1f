//! `tests/`: the officers' own cases, each a message or just facts, and what
//! must happen to it.
//!
//! Owns reading the cases and comparing outcomes. What fails is told as a
//! diagnostic in the case's own file, at the line that expected otherwise.
//! Turning a message into facts is done by whoever runs the case.

use std::{ops::Range, sync::Arc};

use crate::mail::{
    Address, AuthenticationFacts, Decision, Direction, Disposition, Facts, Kind, Level,
    MessageFacts, Obligation, ReversePath, SecureTag, TlsRequirement,
};

use super::{
    Decide, Policy,
    condition::{Mechanism, VERDICTS},
    diagnostics::{Diagnostics, Severity, SourceFile},
    domains::read_level,
    protection::TLS,
    representatives::plain_message,
    settings::DISPOSITIONS,
    sources::Sources,
    when,
    written::{Fault, Faults, Table, Value},
};

/// One file of `tests/`.
#[derive(Clone, Debug)]
pub struct Case {
    pub name: String,
    pub subject: Subject,
    expectations: Vec<Expectation>,
    file: Arc<SourceFile>,
}

/// What is tried.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    Facts(Box<MessageFacts>),
    /// A message beside the case, by its path within the policy folder.
    Message {
        path: String,
        from: ReversePath,
        direction: Direction,
    },
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
        cases.extend(read_case(&faults));
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
        for expectation in &self.expectations {
            let facts = Facts { message, recipient: &expectation.to };
            let decision = decide(policy, facts);
            for fault in expectation.faults(&decision, message) {
                failed.push(fault.of(&self.file, Severity::Error));
            }
        }
        failed
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
        if let Some((name, place)) = &self.disclaimer
            && !has_disclaimer(decision, name)
        {
            differs(format!("the tag line `{name}`"), "none of that name".to_owned(), place);
        }
        faults
    }
}

fn has_disclaimer(decision: &Decision, name: &str) -> bool {
    decision.obligations.iter().any(|obligation| match obligation {
        Obligation::Disclaimer(disclaimer) => disclaimer.name == name,
        Obligation::Header { .. } | Obligation::Copy(_) => false,
    })
}

fn because(decision: &Decision) -> String {
    match &decision.decided_by {
        Some(rule) => format!("decided by the rule `{}`", rule.rule),
        None => "no rule decided: it is relayed".to_owned(),
    }
}

fn read_case(faults: &Faults) -> Option<Case> {
    let root = faults.parse();
    let root = Table::root(&root, faults, "a case", &CASE_KEYS);
    let name = root.required("name").and_then(|value| value.sentence());
    let from = root.required("from").and_then(|value| value.parsed::<ReversePath>("address"));
    let direction = match root.value("direction") {
        Some(value) => value.choice(&when::DIRECTIONS),
        None => Some(Direction::Outbound),
    };
    let tables = root.tables("expect", "an expectation", &EXPECT_KEYS);
    if tables.is_empty() {
        faults.error(
            Fault::new("case-expects-nothing", "this case expects nothing")
                .help("add `[[expect]]` with `to` and `then` under it"),
        );
    }
    let expectations: Vec<Option<Expectation>> = tables.iter().map(read_expectation).collect();
    let subject = read_subject(&root, from, direction);
    Some(Case {
        name: name?.to_owned(),
        subject: subject?,
        expectations: expectations.into_iter().collect::<Option<_>>()?,
        file: Arc::clone(faults.file()),
    })
}

fn read_subject(
    root: &Table<'_>,
    from: Option<ReversePath>,
    direction: Option<Direction>,
) -> Option<Subject> {
    match (root.value("facts"), root.value("message")) {
        (Some(facts), None) => {
            let facts = read_facts(&facts);
            Some(Subject::Facts(Box::new(MessageFacts {
                reverse_path: from?,
                direction: direction?,
                ..facts?
            })))
        }
        (None, Some(message)) => {
            let name = message.sentence()?;
            if name.contains('/') {
                return message.invalid("case-message", "the message stands beside the case");
            }
            let path = format!("tests/{name}");
            Some(Subject::Message { path, from: from?, direction: direction? })
        }
        _ => {
            root.faults().error(
                Fault::new("case-subject", "a case has either `facts` or a `message`")
                    .help("write `facts = { level = 3 }`, or `message = \"name.eml\"`"),
            );
            None
        }
    }
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
        "arrival" => facts.arrival = value.choice(&when::ARRIVALS)?,
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
    let verdict = |key: &str| match table.value(key) {
        Some(value) => value.choice(&VERDICTS.map(|word| (word, word))).map(str::to_owned),
        None => Some("none".to_owned()),
    };
    let (spf, dkim) = (verdict("spf"), verdict("dkim"));
    let (dmarc, arc) = (verdict("dmarc"), verdict("arc"));
    Some(AuthenticationFacts { spf: spf?, dkim: dkim?, dmarc: dmarc?, arc: arc? })
}

fn read_expectation(table: &Table<'_>) -> Option<Expectation> {
    let to = table.required("to").and_then(|value| value.parsed("address"));
    let then = placed(table, "then", |value| value.choice(&DISPOSITIONS));
    let tls = placed(table, "tls", |value| value.choice(&TLS));
    let text = |value: &Value<'_>| value.sentence().map(str::to_owned);
    let rule = placed(table, "rule", text);
    let disclaimer = placed(table, "disclaimer", text);
    let level = placed(table, "level", read_level);
    Some(Expectation {
        to: to?,
        then: then?,
        tls: tls?,
        rule: rule?,
        disclaimer: disclaimer?,
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

const CASE_KEYS: [&str; 6] = ["name", "from", "direction", "facts", "message", "expect"];

const EXPECT_KEYS: [&str; 6] = ["to", "then", "tls", "rule", "disclaimer", "level"];

const FACT_KEYS: [&str; 8] =
    ["level", "kinds", "marking", "secure_tag", "opaque", "size", "authentication", "arrival"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<Case>, Vec<String>) {
        let mut sources = Sources::new("");
        sources.add("tests/x.toml", text.as_bytes());
        let (cases, diagnostics) = read_cases(&sources);
        (cases, diagnostics.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_case_names_its_message_or_its_facts() {
        let head = "name = \"n\"\nfrom = \"a@x.example\"\n";
        let expect = "[[expect]]\nto = \"b@y.example\"\nthen = \"relay\"\n";
        let (cases, told) = read(&format!("{head}message = \"m.eml\"\n{expect}"));
        assert!(told.is_empty(), "{told:?}");
        assert!(
            matches!(&cases[0].subject, Subject::Message { path, .. } if path == "tests/m.eml")
        );
        let (cases, told) = read(&format!("{head}facts = {{ level = 3, size = 7 }}\n{expect}"));
        assert!(told.is_empty(), "{told:?}");
        assert!(matches!(&cases[0].subject, Subject::Facts(facts) if facts.size == 7));
        let (cases, told) = read(&format!("{head}{expect}"));
        assert!(cases.is_empty() && told[0].contains("case-subject"), "{told:?}");
    }

    #[test]
    fn a_case_that_expects_nothing_is_refused() {
        let (_, told) = read("name = \"n\"\nfrom = \"\"\nfacts = {}\n");
        assert!(told[0].contains("case-expects-nothing"), "{told:?}");
    }

    #[test]
    fn every_fault_of_a_case_is_told() {
        let (cases, told) = read(
            "name = \"n\"\nfrom = \"a\"\nfacts = { level = 9, opaque = [\"x\"] }\n\
             [[expect]]\nto = \"b\"\nthen = \"hodl\"\n",
        );
        assert!(cases.is_empty());
        assert_eq!(told.len(), 5, "{told:#?}");
    }
}
