//! Candidates, and how sure we are of each.
//!
//! A detector's pattern finds candidates; its check drops those that cannot
//! be what they look like; then points are added and taken away: for how it is
//! laid out, what stands directly beside it, the nearest words before and
//! after, the heading of its column, and the findings in its company. What is
//! left is a confidence from 0 to 100. All points are the officers'.

use std::ops::Range;

use super::{
    candidate::Candidate,
    ceiling::Ceiling,
    dates::Date,
    digits::Digits,
    lexicon::{Hit, Words},
    naming::Names,
    numbers::{self, HealthServiceNumber},
    search::Search,
    seek::{Page, Seen, Sought},
    settings::{Check, Company, Detector, Fellows, Position, Stands, TestNumber, TestRange},
    surroundings::{Standing, standing},
    weights::TermWeights,
};
use crate::mail::Kind;

/// All detectors, compiled.
pub(super) struct Detectors {
    pub(super) detectors: Vec<Compiled>,
    /// Those whose patterns are tried on whole texts.
    pub(super) everywhere: Vec<usize>,
    /// Those whose patterns are tried where digits stand.
    pub(super) by_digits: Vec<usize>,
    pub(super) digits: Digits,
    /// By number of [`super::lexicon::Role::Context`].
    pub(super) contexts: Vec<ContextRule>,
    pub(super) term_weights: TermWeights,
    pub(super) report_at: i32,
}

pub(super) struct Compiled {
    pub name: String,
    pub(super) kind: Kind,
    pub(super) pattern: Search,
    /// Whether the pattern is tried only where a listed word stands.
    starts_at_word: bool,
    pub(super) check: Check,
    pub(super) base: i32,
    pub(super) shapes: Vec<(Vec<u8>, i32)>,
    pub(super) beside_digits: i32,
    pub(super) ceiling: Ceiling,
    /// How far its contexts reach.
    pub(super) reach: usize,
    pub(super) company: Vec<Company>,
    pub(super) fellows: Fellows,
    /// How far its contexts reach that count on either side.
    pub(super) near_reach: usize,
    pub(super) stands: Stands,
    pub(super) names: Names,
    pub(super) beside_test_number: TestNumber,
}

/// One context of one detector.
#[derive(Clone, Copy, Debug)]
pub(super) struct ContextRule {
    pub detector: usize,
    pub position: Position,
    pub within: usize,
    pub points: i32,
}

impl Compiled {
    pub(super) fn new(detector: &Detector, pattern: Search) -> Self {
        Self {
            name: detector.name.clone(),
            kind: detector.kind,
            pattern,
            starts_at_word: !detector.starts_with.is_empty(),
            check: detector.check,
            base: detector.base,
            shapes: detector
                .shapes
                .iter()
                .map(|shape| (layout(shape.like.bytes()).collect(), shape.points))
                .collect(),
            beside_digits: detector.beside_digits,
            ceiling: Ceiling::of(detector),
            reach: reach(detector, |position| position != Position::Near),
            near_reach: reach(detector, |position| position == Position::Near),
            stands: detector.stands,
            names: Names::new(&detector.named),
            beside_test_number: detector.beside_test_number,
            company: detector.company.clone(),
            fellows: detector.fellows,
        }
    }

    /// Kind and key of a value that passes the check.
    pub(super) fn check(&self, value: &str, test_range: TestRange) -> Option<(Kind, String)> {
        let key = match self.check {
            Check::None => value.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase(),
            Check::HealthServiceNumber => {
                let digits = numbers::digits(value);
                return match (HealthServiceNumber::of(&digits)?, test_range) {
                    (HealthServiceNumber::NhsTestRange, TestRange::Ignore) => None,
                    (number, _) => Some((number.kind(), digits)),
                };
            }
            Check::NationalInsuranceNumber => {
                let capitals = numbers::capitals(value);
                numbers::is_national_insurance_number(&capitals).then_some(capitals)?
            }
            Check::Postcode => numbers::postcode(value)?,
            Check::Telephone => numbers::telephone(value)?,
            Check::Date => Date::read(value)?.to_string(),
            Check::SnomedCt => numbers::is_snomed_ct(value).then(|| value.to_owned())?,
            Check::Icd10 => numbers::icd10(value)?,
        };
        Some((self.kind, key))
    }

    /// Whether it is a number of no person's.
    pub(super) fn is_test_number(&self, value: &str) -> bool {
        self.check == Check::HealthServiceNumber
            && HealthServiceNumber::of(&numbers::digits(value))
                == Some(HealthServiceNumber::NhsTestRange)
    }

    /// Whether something is a number by itself and has the wrong check digit.
    pub(super) fn fails(&self, text: &str, span: &Range<usize>) -> bool {
        let value = text.get(span.clone()).unwrap_or_default();
        self.check == Check::HealthServiceNumber
            && standing(text, span) != Standing::InsideToken
            && HealthServiceNumber::of(&numbers::digits(value)).is_none()
    }
}

impl Detectors {
    pub(super) fn new(
        detectors: Vec<Compiled>,
        contexts: Vec<ContextRule>,
        term_weights: TermWeights,
        report_at: u8,
    ) -> Self {
        let (mut everywhere, mut by_digits, mut needs) = (Vec::new(), Vec::new(), Vec::new());
        for (number, detector) in detectors.iter().enumerate() {
            match &detector.pattern.needs {
                _ if detector.starts_at_word => {}
                Some(needed) if needs.len() < Digits::MOST => {
                    by_digits.push(number);
                    needs.push(needed.clone());
                }
                _ => everywhere.push(number),
            }
        }
        let digits = Digits::new(needs);
        let report_at = i32::from(report_at);
        Self { detectors, everywhere, by_digits, digits, contexts, term_weights, report_at }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.detectors.iter().map(|detector| detector.name.as_str())
    }

    /// Everything sure enough to report, in the order it stands, and how many
    /// numbers of the test range were ignored.
    pub(super) fn findings(
        &self,
        text: &str,
        words: &Words,
        terms: &[(Kind, Hit)],
        test_range: TestRange,
    ) -> (Vec<Candidate>, usize) {
        let (mut candidates, tests) = self.weighed(text, words, terms, Sought::Sure, test_range);
        candidates.retain(|candidate| candidate.points >= self.report_at);
        (surest(candidates), tests)
    }

    /// What is not sure enough, and no part of what is.
    pub(super) fn left_out(
        &self,
        text: &str,
        words: &Words,
        terms: &[(Kind, Hit)],
        test_range: TestRange,
    ) -> Vec<Candidate> {
        let (candidates, _) = self.weighed(text, words, terms, Sought::All, test_range);
        let is_sure = |candidate: &Candidate| candidate.points >= self.report_at;
        surest(candidates).into_iter().filter(|candidate| !is_sure(candidate)).collect()
    }

    /// Every candidate with its points, in the order they stand.
    fn weighed(
        &self,
        text: &str,
        words: &Words,
        terms: &[(Kind, Hit)],
        sought: Sought,
        test_range: TestRange,
    ) -> (Vec<Candidate>, usize) {
        let page = Page::new(text, words, terms, test_range);
        let Seen { mut candidates, failed, mut tests, .. } = self.candidates(&page, sought);
        // Several detectors may have found the same one.
        tests.sort_unstable();
        tests.dedup();
        candidates.sort_by_key(|candidate| (candidate.span.start, candidate.detector));
        self.weigh_context(&page, &mut candidates);
        self.weigh_near(words, &mut candidates);
        self.weigh_naming(text, terms, &mut candidates);
        self.weigh_standing(text, &mut candidates);
        self.weigh_test_numbers(&tests, &mut candidates);
        self.weigh_fellows(&failed, &mut candidates);
        self.weigh_company(terms, &mut candidates);
        (candidates, tests.len())
    }
}

fn reach(detector: &Detector, counts: impl Fn(Position) -> bool) -> usize {
    let contexts = detector.context.iter().filter(|context| counts(context.position));
    contexts.map(|context| context.within).max().unwrap_or(0)
}

/// What stands in the layout of a value: 0 for digits, A for letters.
pub(super) fn layout(octets: impl Iterator<Item = u8>) -> impl Iterator<Item = u8> {
    octets.map(|octet| match octet {
        b'0'..=b'9' => b'0',
        b'a'..=b'z' | b'A'..=b'Z' => b'A',
        other => other,
    })
}

/// Of candidates that overlap, the surest: a number is one thing only.
fn surest(candidates: Vec<Candidate>) -> Vec<Candidate> {
    let mut kept: Vec<Candidate> = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        match kept.last_mut() {
            Some(last) if candidate.span.start < last.span.end => {
                if candidate.points > last.points {
                    *last = candidate;
                }
            }
            _ => kept.push(candidate),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::{
        super::{
            compile::compile,
            settings::{Context, Detector, Naming, Pattern, Place, Settings},
        },
        *,
    };

    fn place() -> Place {
        Place { file: "".into(), span: 0..0 }
    }

    fn context(word: &str, position: Position, points: i32) -> Context {
        Context { words: vec![word.to_owned()], position, within: 20, points }
    }

    fn detector(name: &str, pattern: &str, base: i32, context: Vec<Context>) -> Detector {
        Detector {
            name: name.to_owned(),
            kind: Kind::HospitalNumber,
            pattern: Pattern { text: pattern.to_owned(), place: place() },
            check: Check::None,
            starts_with: Vec::new(),
            base,
            shapes: Vec::new(),
            beside_digits: 0,
            context,
            company: Vec::new(),
            fellows: Fellows::default(),
            stands: Stands::default(),
            named: Naming::default(),
            beside_test_number: TestNumber::default(),
            examples: Vec::new(),
            place: place(),
        }
    }

    fn found(detectors: Vec<Detector>, text: &str) -> Vec<(&str, u8)> {
        let compiled = compile(&Settings { detectors, ..Settings::default() }).ok().unwrap();
        let words = compiled.lexicon.read(text);
        let (candidates, _) = compiled.detectors.findings(text, &words, &[], TestRange::Count);
        let shown = |candidate: Candidate| {
            (text.get(candidate.span.clone()).unwrap(), candidate.confidence())
        };
        candidates.into_iter().map(shown).collect()
    }

    fn numbered() -> Detector {
        let contexts = vec![
            context("hospital no", Position::Before, 60),
            context("order", Position::Before, -60),
            context("hospital no", Position::Heading, 60),
            context("on the ward", Position::After, 60),
        ];
        detector("number", "[0-9]{6}", 0, contexts)
    }

    #[test]
    fn of_the_words_before_only_the_nearest_counts() {
        assert_eq!(found(vec![numbered()], "order, hospital no 123456"), [("123456", 60)]);
        assert!(found(vec![numbered()], "hospital no, order 123456").is_empty());
        assert_eq!(found(vec![numbered()], "123456 on the ward"), [("123456", 60)]);
    }

    #[test]
    fn a_word_against_it_speaks_of_the_number_between_them() {
        assert_eq!(found(vec![told(50)], "order 48213, 123456"), [("123456", 50)]);
        assert!(found(vec![told(50)], "order, 4th, 123456").is_empty());
    }

    fn told(base: i32) -> Detector {
        Detector { base, ..numbered() }
    }

    #[test]
    fn numbers_that_all_pass_vouch_for_each_other_and_those_that_fail_speak_against() {
        let fellows = Fellows { all_pass: 25, others_fail: -40, many_pass: 30, many: 3 };
        let number = || Detector {
            kind: Kind::NhsNumber,
            check: Check::HealthServiceNumber,
            fellows,
            ..detector("number", "[0-9]{10}", 30, vec![context("nhs", Position::Before, 60)])
        };
        let sure = |text: &str| found(vec![number()], text).len();
        assert_eq!(sure("9990000018, 9990000026"), 2);
        assert_eq!(found(vec![number()], "9990000018 9990000026 9990000034").len(), 3);
        assert_eq!(sure("9990000018, 9990000018"), 0);
        assert_eq!(sure("9990000018, 9990000026, 9990000027"), 0);
        assert_eq!(sure("nhs 9990000018; 1700000001; 1700000002"), 1);
    }

    #[test]
    fn a_number_called_something_else_is_that() {
        let named = || Detector {
            named: Naming { points: -40, unless: vec!["about".to_owned()] },
            ..told(50)
        };
        assert!(found(vec![named()], "leaflet 123456").is_empty());
        assert!(found(vec![named()], "leaflets 123456 to 123457").is_empty());
        assert_eq!(found(vec![named()], "ring about 123456").len(), 1);
        assert_eq!(found(vec![named()], "hospital no leaflet 123456").len(), 1);
    }

    #[test]
    fn a_word_near_it_counts_once_whatever_stands_nearer() {
        let person = || Context {
            words: vec!["she".to_owned(), "her".to_owned()],
            ..context("", Position::Near, 30)
        };
        let near = || Detector {
            context: vec![person(), context("order", Position::Before, -60)],
            ..told(30)
        };
        assert_eq!(found(vec![near()], "123456, she and her"), [("123456", 60)]);
        assert_eq!(found(vec![near()], "her 123456"), [("123456", 60)]);
        assert!(found(vec![near()], "her order 123456").is_empty());
        assert!(found(vec![near()], "123456 of a time long ago when she").is_empty());
    }

    #[test]
    fn what_stands_alone_counts_for_more() {
        let stands = Stands { fills_text: 40, fills_line: 30, opens_text: 20 };
        let alone = || Detector { stands, ..told(30) };
        assert_eq!(found(vec![alone()], " 123456 "), [("123456", 70)]);
        assert_eq!(found(vec![alone()], "Hello\n2. 123456\n"), [("123456", 60)]);
        assert_eq!(found(vec![alone()], "123456 hello"), [("123456", 50)]);
        assert!(found(vec![alone()], "hello 123456").is_empty());
        assert!(found(vec![alone()], "123456 hello\nto you").is_empty());
    }

    #[test]
    fn what_stands_beside_a_test_number_is_a_test_patients() {
        let beside_test_number = TestNumber { within: 20, points: -40 };
        let number = Detector {
            check: Check::HealthServiceNumber,
            ..detector("n", "[0-9]{10}", 60, vec![])
        };
        let compiled = compile(&Settings {
            detectors: vec![number, Detector { beside_test_number, ..told(60) }],
            ..Settings::default()
        });
        let detectors = compiled.ok().unwrap().detectors;
        let count =
            |text: &str, range| detectors.findings(text, &Words::default(), &[], range).0.len();
        assert_eq!(count("A123456 9990000018", TestRange::Ignore), 0);
        assert_eq!(count("A123456", TestRange::Ignore), 1);
        assert_eq!(count("A123456 9990000018", TestRange::Count), 2);
    }

    #[test]
    fn a_word_too_far_away_says_nothing() {
        assert!(found(vec![numbered()], "hospital no of the one we saw then: 123456").is_empty());
    }

    #[test]
    fn what_was_said_of_the_first_of_a_list_holds_for_the_rest() {
        let text = "hospital no 123456 (Jane Example), 123457 (John Example), 123458";
        assert_eq!(found(vec![numbered()], text).len(), 3);
    }

    #[test]
    fn a_heading_speaks_for_its_column_alone() {
        let text = "ward,hospital no,x\nabcdefghijklmnopqrstuvwxyz,123456,123457\n";
        let numbers = found(vec![numbered()], text);
        assert_eq!(numbers.first(), Some(&("123456", 60)));
    }

    #[test]
    fn of_two_that_overlap_the_surer_stays() {
        let detectors =
            vec![detector("a", "[0-9]{6}", 50, vec![]), detector("b", "[0-9]{6}", 70, vec![])];
        assert_eq!(found(detectors, "123456"), [("123456", 70)]);
    }

    #[test]
    fn the_value_is_what_the_pattern_names_so() {
        let detector = detector("a", "no (?P<value>[0-9]+)", 50, vec![]);
        assert_eq!(found(vec![detector], "no 12, no 34"), [("12", 50), ("34", 50)]);
    }

    /// One of each sort: what speaks for itself, what only a word, a heading or
    /// company speaks for, and names, which tell what a number is not called.
    fn of_each_sort() -> Vec<Detector> {
        let named = Naming { points: -40, unless: Vec::new() };
        let heading = vec![context("patient", Position::Heading, 65)];
        let name = Detector {
            kind: Kind::PersonName,
            ..detector("name", "[A-Z][a-z]+ [A-Z][a-z]+", 0, heading)
        };
        let near = vec![context("detained", Position::Near, 45)];
        let company = Company { kinds: vec![Kind::NhsNumber], weight: 0, within: 40, points: 50 };
        let code = detector("code", "[A-Z][0-9]{2}", 10, near);
        let code = Detector { kind: Kind::Icd10, company: vec![company], ..code };
        let sure = Detector {
            kind: Kind::NhsNumber,
            check: Check::HealthServiceNumber,
            ..detector("sure", "[0-9]{10}", 60, Vec::new())
        };
        let told = Detector { name: "told".to_owned(), named, ..told(50) };
        vec![numbered(), told, name, code, sure]
    }

    #[test]
    fn what_nothing_speaks_for_is_not_looked_for() {
        let compiled = compile(&Settings { detectors: of_each_sort(), ..Settings::default() });
        let compiled = compiled.ok().unwrap();
        let looked_for = |text: &str| {
            let words = compiled.lexicon.read(text);
            let page = Page::new(text, &words, &[], TestRange::Count);
            let seen = compiled.detectors.candidates(&page, Sought::Sure);
            seen.candidates.iter().map(|it| it.detector).collect::<BTreeSet<_>>()
        };
        assert!(looked_for("Ann Example, E11").is_empty());
        assert_eq!(looked_for("Ann Example, E11, detained"), [3].into());
        assert_eq!(looked_for("E11, 9990000018"), [1, 3, 4].into());
        assert_eq!(looked_for("The patient is Ann Example"), [].into());
        assert_eq!(looked_for("patient\tbed\nAnn Example\t7"), [2].into());
        assert_eq!(looked_for("Ann Example 1234567"), [1, 2].into());
        assert_eq!(looked_for("order 123456"), [1].into());
    }

    proptest! {
        #[test]
        fn what_is_not_looked_for_would_not_be_reported(
            text in "(?:order |patient|hospital no |on the ward|detained| E11|Ann Example|123456|9990000018|9990000019|[a-c ,\t\n]){0,30}",
        ) {
            let compiled = compile(&Settings { detectors: of_each_sort(), ..Settings::default() });
            let compiled = compiled.ok().unwrap();
            let (detectors, words) = (&compiled.detectors, compiled.lexicon.read(&text));
            let reported = |sought| {
                let (mut found, tests) =
                    detectors.weighed(&text, &words, &[], sought, TestRange::Ignore);
                found.retain(|candidate| candidate.points >= detectors.report_at);
                let all = surest(found).into_iter();
                let shown: Vec<_> = all.map(|it| (it.span.clone(), it.why(&text))).collect();
                (shown, tests)
            };
            prop_assert_eq!(reported(Sought::Sure), reported(Sought::All));
        }
    }
}
