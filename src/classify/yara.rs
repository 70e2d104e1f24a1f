//! The officers' YARA rules over decoded parts.
//!
//! A scanner is dear to make (223 µs) and cannot leave its thread, so each
//! thread that classifies keeps the last one it used, for as long as it sees
//! the same rules. A part on which the rules run out of time, or bring the
//! scanner down, is opaque, never clean (law 3).

use std::{
    cell::RefCell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use self_cell::self_cell;
use yara_x::{Compiler, MetaValue, Rules, ScanError, Scanner};

use super::settings::{Fault, Place, SettingsError, YaraSource};
use crate::mail::{Kind, Level};

/// Compiled rules, shared by all threads.
pub(super) struct Yara(Arc<Rules>);

self_cell!(
    /// A scanner with the rules it borrows.
    struct Bench {
        owner: Arc<Rules>,
        #[not_covariant]
        dependent: Scanner,
    }
);

thread_local! {
    static BENCH: RefCell<Option<Bench>> = const { RefCell::new(None) };
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

impl Yara {
    /// None when there is no rule at all. Rules may not include files nor use
    /// modules' output of the outside; all faults are gathered.
    pub(super) fn new(sources: &[YaraSource]) -> Result<Option<Self>, Vec<SettingsError>> {
        // Even no rules are compiled to machine code, which takes a while.
        if sources.is_empty() {
            return Ok(None);
        }
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
        Ok(Some(Self(Arc::new(rules))))
    }

    /// What the rules say of a part. Takes seconds at worst.
    pub(super) fn scan(&self, content: &[u8]) -> Answer {
        // Taken out while it is used: after a panic it is not put back.
        let kept = BENCH.take().filter(|bench| Arc::ptr_eq(bench.borrow_owner(), &self.0));
        let mut bench = kept.unwrap_or_else(|| self.bench());
        let scanned = catch_unwind(AssertUnwindSafe(|| {
            let answer = bench.with_dependent_mut(|_, scanner| matches(scanner, content));
            (bench, answer)
        }));
        let (bench, answer) = scanned.map_err(|_| Unfinished)?;
        BENCH.set(Some(bench));
        answer.map_err(|_| Unfinished)
    }

    fn bench(&self) -> Bench {
        Bench::new(Arc::clone(&self.0), |rules| {
            let mut scanner = Scanner::new(rules);
            scanner.set_timeout(TIMEOUT);
            scanner
        })
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
                found.kind = Kind::named(kind).unwrap_or(Kind::Yara);
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
        assert_eq!(yara.scan(b"nothing"), Ok(vec![]));
        assert_eq!(
            yara.scan(b"for the BOARD only"),
            Ok(vec![Match {
                rule: "board_paper".to_owned(),
                kind: Kind::ProtectiveMarking,
                level: Some(Level::PERSONAL),
                description: "a board paper".to_owned(),
            }])
        );
    }

    #[test]
    fn a_scanner_is_not_used_for_other_rules_than_its_own() {
        let yara = |word| {
            let rules =
                source(&format!("rule {word} {{ strings: $a = \"{word}\" condition: $a }}"));
            Yara::new(&[rules]).unwrap().unwrap()
        };
        let (one, other) = (yara("one"), yara("other"));
        for _ in 0..2 {
            assert_eq!(one.scan(b"one").unwrap().len(), 1);
            assert_eq!(other.scan(b"one").unwrap().len(), 0);
            assert_eq!(other.scan(b"other").unwrap().len(), 1);
        }
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
    fn no_rules_are_no_scanner() {
        assert!(Yara::new(&[]).unwrap().is_none());
        assert!(Yara::new(&[source("")]).unwrap().is_none());
    }
}
