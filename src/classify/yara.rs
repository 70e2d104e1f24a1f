//! The officers' YARA rules over decoded parts.
//!
//! A scanner is dear to make (223 µs) and borrows its rules, so a few threads
//! of their own keep one each for as long as the policy lives; parts are
//! handed to them and answers taken back. A rule that runs out of time or
//! brings its scanner down makes the part opaque, never clean (law 3).

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
    time::Duration,
};

use yara_x::{Compiler, MetaValue, Rules, ScanError, Scanner};

use super::settings::{Fault, Place, SettingsError, YaraSource};
use crate::mail::{Kind, Level};

/// Compiled rules and the threads that run them. The threads end when this
/// is dropped and their last part is read.
pub(super) struct Yara {
    jobs: Sender<Job>,
}

/// A rule that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub rule: String,
    pub kind: Kind,
    /// The level it raises the message to.
    pub level: Option<Level>,
    pub description: String,
}

/// A part that the rules did not come to an end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unfinished;

type Answer = Result<Vec<Match>, Unfinished>;

struct Job {
    number: usize,
    content: Vec<u8>,
    answers: Sender<(usize, Answer)>,
}

impl Yara {
    /// None when there is no rule at all. Rules may not include files nor use
    /// modules' output of the outside; all faults are gathered.
    pub(super) fn new(sources: &[YaraSource]) -> Result<Option<Self>, Vec<SettingsError>> {
        let mut compiler = Compiler::new();
        compiler.enable_includes(false);
        let mut faults = Vec::new();
        for source in sources {
            compiler.new_namespace(&source.file);
            let before = compiler.errors().len();
            // The error is also among `errors()`, with those after it.
            let _ = compiler.add_source(source.text.as_str());
            for error in compiler.errors().iter().skip(before) {
                let span = error.labels().next().map_or(0..0, |label| label.span().range());
                let place = Place { file: Arc::clone(&source.file), span };
                faults.push(SettingsError { place, fault: Fault::Yara(error.title().to_owned()) });
            }
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let rules = compiler.build();
        let metadata_faults = metadata_faults(&rules, sources);
        if !metadata_faults.is_empty() {
            return Err(metadata_faults);
        }
        if rules.iter().len() == 0 {
            return Ok(None);
        }
        Ok(Some(Self { jobs: start_threads(&Arc::new(rules)) }))
    }

    /// What the rules say of each part, in the order of the parts.
    pub(super) fn scan<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Vec<Answer> {
        let (answers, answered) = channel();
        let mut gathered: Vec<Answer> = Vec::new();
        for (number, content) in parts.enumerate() {
            gathered.push(Err(Unfinished));
            let job = Job { number, content: content.to_vec(), answers: answers.clone() };
            if self.jobs.send(job).is_err() {
                return gathered;
            }
        }
        // So that the end of the last job ends the wait, however it ends.
        drop(answers);
        for (number, answer) in answered {
            if let Some(place) = gathered.get_mut(number) {
                *place = answer;
            }
        }
        gathered
    }
}

fn start_threads(rules: &Arc<Rules>) -> Sender<Job> {
    let (jobs, waiting) = channel();
    let waiting = Arc::new(Mutex::new(waiting));
    let count = thread::available_parallelism().map_or(1, usize::from);
    for _ in 0..count {
        let (rules, waiting) = (Arc::clone(rules), Arc::clone(&waiting));
        thread::spawn(move || {
            // A panic costs the part it fell on and the scanner, no more.
            while catch_unwind(AssertUnwindSafe(|| serve(&rules, &waiting))).is_err() {}
        });
    }
    jobs
}

/// Reads parts until there is nobody left to hand any in.
fn serve(rules: &Rules, waiting: &Mutex<Receiver<Job>>) {
    let mut scanner = Scanner::new(rules);
    scanner.set_timeout(TIMEOUT);
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        let answer = matches(&mut scanner, &job.content).map_err(|_| Unfinished);
        // Nobody waits any more: nothing is lost.
        let _ = job.answers.send((job.number, answer));
    }
}

fn matches(scanner: &mut Scanner<'_>, content: &[u8]) -> Result<Vec<Match>, ScanError> {
    let results = scanner.scan(content)?;
    let found = results.matching_rules().map(|rule| described(&rule));
    Ok(found.collect())
}

fn described(rule: &yara_x::Rule<'_, '_>) -> Match {
    let mut found = Match {
        rule: rule.identifier().to_owned(),
        kind: Kind::Yara,
        level: None,
        description: String::new(),
    };
    for (name, value) in rule.metadata() {
        match (name, value) {
            ("kind", MetaValue::String(kind)) => {
                found.kind = Kind::named(kind).unwrap_or(Kind::Yara)
            }
            ("level", MetaValue::Integer(level)) => {
                found.level =
                    u8::try_from(level).ok().and_then(|level| Level::try_from(level).ok());
            }
            ("description", MetaValue::String(text)) => found.description = text.to_owned(),
            _ => {}
        }
    }
    found
}

/// Levels and kinds that do not exist: they would otherwise be silently none.
fn metadata_faults(rules: &Rules, sources: &[YaraSource]) -> Vec<SettingsError> {
    let mut faults = Vec::new();
    for rule in rules.iter() {
        for (name, value) in rule.metadata() {
            let fault = match (name, value) {
                ("kind", MetaValue::String(kind)) if Kind::named(kind).is_some() => continue,
                ("level", MetaValue::Integer(0..=4)) => continue,
                ("kind", _) => "its kind is none that Postern knows",
                ("level", _) => "its level is not a number from 0 to 4",
                _ => continue,
            };
            let source = sources.iter().find(|source| *source.file == *rule.namespace());
            let at = source.and_then(|source| source.text.find(rule.identifier())).unwrap_or(0);
            faults.push(SettingsError {
                place: Place {
                    file: rule.namespace().into(),
                    span: at..at + rule.identifier().len(),
                },
                fault: Fault::Yara(format!("rule “{}”: {fault}", rule.identifier())),
            });
        }
    }
    faults
}

/// yara-x counts in whole seconds and can be a few early.
const TIMEOUT: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> YaraSource {
        YaraSource { file: "test.yar".into(), text: text.to_owned() }
    }

    #[test]
    fn a_rule_says_its_kind_level_and_description() {
        let rules = source(
            r#"rule board_paper { meta: kind = "protective_marking" level = 2 description = "a board paper" strings: $a = "BOARD" condition: $a }"#,
        );
        let yara = Yara::new(&[rules]).unwrap().unwrap();
        let answers = yara.scan([&b"for the BOARD only"[..], b"nothing"].into_iter());
        assert_eq!(
            answers,
            [
                Ok(vec![Match {
                    rule: "board_paper".to_owned(),
                    kind: Kind::ProtectiveMarking,
                    level: Some(Level::PERSONAL),
                    description: "a board paper".to_owned(),
                }]),
                Ok(vec![])
            ]
        );
    }

    #[test]
    fn many_parts_from_many_threads_get_their_own_answers() {
        let rules = source(r#"rule a { strings: $a = "needle" condition: $a }"#);
        let yara = Yara::new(&[rules]).unwrap().unwrap();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let answers = yara.scan([&b"needle"[..], b"hay", b"needle"].into_iter());
                    let counts: Vec<_> =
                        answers.iter().map(|a| a.as_ref().unwrap().len()).collect();
                    assert_eq!(counts, [1, 0, 1]);
                });
            }
        });
    }

    #[test]
    fn a_faulty_rule_is_refused_where_it_stands() {
        let faults = Yara::new(&[source("rule a { condition: nothing_such }")]).err().unwrap();
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].place.span, 20..32);
        assert!(Yara::new(&[source("rule a { meta: level = 9 condition: true }")]).is_err());
        assert!(Yara::new(&[source(r#"rule a { meta: kind = "x" condition: true }"#)]).is_err());
    }

    #[test]
    fn no_rules_are_no_threads() {
        assert!(Yara::new(&[]).unwrap().is_none());
    }
}
