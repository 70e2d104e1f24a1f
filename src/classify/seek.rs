//! Looking for candidates: each pattern where it can find something that will
//! be reported.
//!
//! Patterns of digits are tried where digits stand, those that need a word
//! around that word, the rest on the whole text; and none of a detector that
//! nothing in the text speaks for (`ceiling`).

use std::{cell::OnceCell, collections::BTreeMap, ops::Range};

use super::{
    candidate::{Candidate, Reason},
    ceiling::Chance,
    detect::{Compiled, Detectors, layout},
    lexicon::{Hit, Words},
    search::Match,
    settings::{Check, TestRange},
    surroundings::{Standing, standing},
    table::Tables,
};
use crate::mail::Kind;

/// A text with what is known of it.
pub(super) struct Page<'a> {
    pub text: &'a str,
    pub words: &'a Words,
    pub terms: &'a [(Kind, Hit)],
    test_range: TestRange,
    /// Found when they are first asked for.
    tables: OnceCell<Tables>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sought {
    /// What can be sure enough to report, and what that depends on.
    Sure,
    All,
}

/// What patterns find in a text.
#[derive(Default)]
pub(super) struct Seen {
    pub candidates: Vec<Candidate>,
    /// How many of each detector's fail their check digit.
    pub failed: BTreeMap<usize, usize>,
    /// Where numbers of the test range stand that are ignored.
    pub tests: Vec<usize>,
    /// By detector, how far it has looked.
    until: Vec<usize>,
}

impl<'a> Page<'a> {
    pub(super) fn new(
        text: &'a str,
        words: &'a Words,
        terms: &'a [(Kind, Hit)],
        test_range: TestRange,
    ) -> Self {
        Self { text, words, terms, test_range, tables: OnceCell::new() }
    }

    pub(super) fn tables(&self) -> &Tables {
        self.tables.get_or_init(|| Tables::of(self.text))
    }
}

impl Detectors {
    pub(super) fn candidates(&self, page: &Page<'_>, sought: Sought) -> Seen {
        let mut seen = Seen { until: vec![0; self.detectors.len()], ..Seen::default() };
        self.look_at_words(page, &mut seen);
        if sought == Sought::All {
            self.look_for(|_, _| true, page, &mut seen);
            return seen;
        }
        let chances = self.chances(page.words, || page.tables());
        let chance = |number: usize| chances.get(number).copied().unwrap_or(Chance::None);
        // Of health service numbers those count too that are none.
        let is_first = |number, detector: &Compiled| {
            chance(number) == Chance::Alone || detector.check == Check::HealthServiceNumber
        };
        self.look_for(is_first, page, &mut seen);
        let kinds: Vec<Kind> = self.kinds(page, &seen);
        let is_second = |number, detector: &Compiled| {
            let mut company = detector.company.iter().flat_map(|company| &company.kinds);
            !is_first(number, detector)
                && chance(number) == Chance::InCompany
                && company.any(|kind| kinds.contains(kind))
        };
        self.look_for(is_second, page, &mut seen);
        // What is a name is nothing that a number is called, sure or not.
        if seen.candidates.iter().any(|candidate| self.asks_for_names(candidate)) {
            let is_third = |number, detector: &Compiled| {
                detector.kind == Kind::PersonName
                    && !is_first(number, detector)
                    && !is_second(number, detector)
            };
            self.look_for(is_third, page, &mut seen);
        }
        seen
    }

    fn kinds(&self, page: &Page<'_>, seen: &Seen) -> Vec<Kind> {
        let found = seen.candidates.iter().map(|candidate| candidate.kind);
        let mut kinds: Vec<Kind> = found.chain(page.terms.iter().map(|(kind, _)| *kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    fn asks_for_names(&self, candidate: &Candidate) -> bool {
        let detector = self.detectors.get(candidate.detector);
        detector.is_some_and(|detector| detector.names.points != 0)
    }

    /// At the words that patterns begin with.
    fn look_at_words(&self, page: &Page<'_>, seen: &mut Seen) {
        for start in &page.words.starts {
            let Some(detector) = self.detectors.get(start.role) else { continue };
            let Some(piece) = piece(page.text, start.span.start) else { continue };
            let Some(found) = detector.pattern.at_start(piece) else { continue };
            let span = found.value.start + start.span.start..found.value.end + start.span.start;
            seen.candidates.extend(candidate(start.role, detector, page, span));
        }
    }

    /// Looks for what the detectors of a sort find, but for those that begin
    /// with a word.
    fn look_for(
        &self,
        is_sought: impl Fn(usize, &Compiled) -> bool,
        page: &Page<'_>,
        seen: &mut Seen,
    ) {
        let is_sought = |number: usize| {
            self.detectors.get(number).is_some_and(|detector| is_sought(number, detector))
        };
        for &number in self.everywhere.iter().filter(|&&number| is_sought(number)) {
            let Some(detector) = self.detectors.get(number) else { continue };
            for stretch in detector.pattern.stretches(page.text) {
                self.look(number, page, stretch, seen);
            }
        }
        let by_digits = self.by_digits.iter().enumerate();
        let sought = by_digits.map(|(at, &number)| u64::from(is_sought(number)) << at).sum();
        if sought == 0 {
            return;
        }
        self.digits.islands(page.text, sought, |at, island| {
            if let Some(&number) = self.by_digits.get(at) {
                self.look(number, page, island, seen);
            }
        });
    }

    /// Looks for what a detector finds in a stretch of the text. Stretches
    /// rise.
    fn look(&self, number: usize, page: &Page<'_>, stretch: Range<usize>, seen: &mut Seen) {
        let Some(detector) = self.detectors.get(number) else { return };
        let text = page.text;
        let mut from = stretch.start.max(seen.until.get(number).copied().unwrap_or(0));
        while let Some(Match { span, value }) =
            detector.pattern.within(text, from..stretch.end.max(from))
        {
            from = span.end;
            if let Some(candidate) = candidate(number, detector, page, value.clone()) {
                seen.candidates.push(candidate);
                continue;
            }
            // What is refused may have swallowed the beginning of what is
            // not: a code at a line's end and a number on the next line.
            from = past_run(text, span.start);
            if detector.fails(text, &value) {
                *seen.failed.entry(number).or_insert(0) += 1;
            } else if text.get(value.clone()).is_some_and(|it| detector.is_test_number(it)) {
                seen.tests.push(value.start);
            }
        }
        if let Some(until) = seen.until.get_mut(number) {
            *until = from;
        }
    }
}

fn candidate(
    number: usize,
    detector: &Compiled,
    page: &Page<'_>,
    span: Range<usize>,
) -> Option<Candidate> {
    let standing = match detector.check {
        Check::None => Standing::Alone,
        _ => standing(page.text, &span),
    };
    let beside = match standing {
        Standing::InsideToken => return None,
        Standing::BesideDigits => detector.beside_digits,
        Standing::Alone => 0,
    };
    let value = page.text.get(span.clone())?;
    let (kind, key) = detector.check(value, page.test_range)?;
    let mut candidate = Candidate::new(number, kind, span, key);
    let reason = match detector.check {
        Check::None => Reason::Pattern,
        _ => Reason::Check,
    };
    candidate.add(reason, detector.base);
    candidate.add(Reason::BesideDigits, beside);
    let fits = |like: &&(Vec<u8>, i32)| like.0.iter().copied().eq(layout(value.bytes()));
    if let Some((_, points)) = detector.shapes.iter().find(fits) {
        candidate.add(Reason::Layout, *points);
    }
    Some(candidate)
}

/// The end of the run of ASCII letters and digits at `at`, at least one
/// character on.
fn past_run(text: &str, at: usize) -> usize {
    let rest = text.as_bytes().get(at..).unwrap_or_default();
    let run = rest.iter().take_while(|octet| octet.is_ascii_alphanumeric()).count();
    text.ceil_char_boundary(at + run.max(1))
}

/// So much of the text as a pattern that starts at a word may read.
fn piece(text: &str, from: usize) -> Option<&str> {
    let to = text.floor_char_boundary(from + LONGEST_PIECE);
    text.get(from..to)
}

const LONGEST_PIECE: usize = 160;
