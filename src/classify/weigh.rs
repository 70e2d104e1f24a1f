//! What speaks for a candidate and against it: the words before and after,
//! the heading of its column, the numbers like it, the findings near it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
};

use super::{
    candidate::{Candidate, Reason},
    detect::{ContextRule, Detectors},
    lexicon::{Hit, Words},
    seek::Page,
    settings::{Company, Fellows, Position, Stands},
    table::{Tables, may_part_cells},
};
use crate::mail::Kind;

impl Detectors {
    pub(super) fn weigh_context(&self, page: &Page<'_>, candidates: &mut [Candidate]) {
        let (text, words) = (page.text, page.words);
        // The last candidate of each detector and what spoke of it.
        let mut spoken: BTreeMap<usize, (usize, Range<usize>, i32)> = BTreeMap::new();
        for candidate in candidates {
            let Some(detector) = self.detectors.get(candidate.detector) else { continue };
            if detector.reach == 0 {
                continue;
            }
            let heading = || {
                let (span, points) = self.heading(words, candidate, text, page.tables())?;
                Some((Reason::Heading(span.clone()), span, points))
            };
            let before = self
                .before(text, words, candidate, detector.reach)
                .map(|(span, points)| (Reason::Before(span.clone()), span, points));
            let label = match before {
                // A word of the cell beside it says less than its own heading.
                Some((_, ref span, _)) if may_part_cells(text, span.end..candidate.span.start) => {
                    heading().or(before)
                }
                Some(_) => before,
                None => heading().or_else(|| {
                    let (end, span, points) = spoken.get(&candidate.detector)?.clone();
                    (candidate.span.start.saturating_sub(end) <= LIST_GAP)
                        .then(|| (Reason::Follows(span.clone()), span, points))
                }),
            };
            if let Some((reason, span, points)) = label {
                candidate.add(reason, points);
                spoken.insert(candidate.detector, (candidate.span.end, span, points));
            }
            if let Some((span, points)) = self.after(words, candidate, detector.reach) {
                candidate.add(Reason::After(span), points);
            }
        }
    }

    /// The nearest word of this detector before the candidate; of two that end
    /// together the longer. One that speaks against it may speak of another
    /// number between the two.
    fn before(
        &self,
        text: &str,
        words: &Words,
        candidate: &Candidate,
        reach: usize,
    ) -> Option<(Range<usize>, i32)> {
        let start = candidate.span.start;
        let next = words.contexts.partition_point(|hit| hit.span.end <= start);
        let mut nearest: Option<(Range<usize>, i32)> = None;
        for hit in words.contexts.get(..next)?.iter().rev() {
            let gap = start - hit.span.end;
            if gap > reach || nearest.as_ref().is_some_and(|(span, _)| span.end > hit.span.end) {
                break;
            }
            let Some(rule) = self.rule(hit, candidate, Position::Before) else { continue };
            let longer = nearest.as_ref().is_none_or(|(span, _)| hit.span.start < span.start);
            if rule.points < 0 && has_number(text, hit.span.end..start) {
                continue;
            }
            if gap <= rule.within && longer {
                nearest = Some((hit.span.clone(), rule.points));
            }
        }
        nearest
    }

    fn after(
        &self,
        words: &Words,
        candidate: &Candidate,
        reach: usize,
    ) -> Option<(Range<usize>, i32)> {
        let end = candidate.span.end;
        let first = words.contexts.partition_point(|hit| hit.span.end <= end);
        words
            .contexts
            .get(first..)?
            .iter()
            .take_while(|hit| hit.span.end <= end + reach + LONGEST_WORD)
            .filter(|hit| hit.span.start >= end)
            .filter_map(|hit| {
                let rule = self.rule(hit, candidate, Position::After)?;
                (hit.span.start - end <= rule.within).then(|| (hit.span.clone(), rule.points))
            })
            .min_by_key(|(span, _)| span.start)
    }

    fn heading(
        &self,
        words: &Words,
        candidate: &Candidate,
        text: &str,
        tables: &Tables,
    ) -> Option<(Range<usize>, i32)> {
        let cell = tables.heading(text, candidate.span.start)?;
        let first = words.contexts.partition_point(|hit| hit.span.end <= cell.start);
        words
            .contexts
            .get(first..)?
            .iter()
            .take_while(|hit| hit.span.end <= cell.end)
            .filter(|hit| hit.span.start >= cell.start)
            .filter_map(|hit| {
                let rule = self.rule(hit, candidate, Position::Heading)?;
                Some((hit.span.clone(), rule.points))
            })
            .max_by_key(|(span, _)| span.len())
    }

    fn rule(&self, hit: &Hit, candidate: &Candidate, position: Position) -> Option<&ContextRule> {
        self.contexts
            .get(hit.role)
            .filter(|rule| rule.detector == candidate.detector && rule.position == position)
    }

    /// By words on either side, each context once.
    pub(super) fn weigh_near(&self, words: &Words, candidates: &mut [Candidate]) {
        for candidate in candidates {
            let Some(detector) = self.detectors.get(candidate.detector) else { continue };
            if detector.near_reach == 0 {
                continue;
            }
            let (start, end) = (candidate.span.start, candidate.span.end);
            let from = start.saturating_sub(detector.near_reach);
            let first = words.contexts.partition_point(|hit| hit.span.end < from);
            let mut said: Vec<usize> = Vec::new();
            for hit in words.contexts.get(first..).unwrap_or_default() {
                if hit.span.end > end + detector.near_reach + LONGEST_WORD {
                    break;
                }
                let Some(rule) = self.rule(hit, candidate, Position::Near) else { continue };
                let gap =
                    hit.span.start.saturating_sub(end).max(start.saturating_sub(hit.span.end));
                if gap <= rule.within && !said.contains(&hit.role) {
                    said.push(hit.role);
                    candidate.add(Reason::Near(hit.span.clone()), rule.points);
                }
            }
        }
    }

    /// By the word directly before, unless another speaks loudly for it.
    pub(super) fn weigh_naming(
        &self,
        text: &str,
        terms: &[(Kind, Hit)],
        candidates: &mut [Candidate],
    ) {
        let is_name = |candidate: &&Candidate| candidate.kind == Kind::PersonName;
        let names: BTreeSet<usize> =
            candidates.iter().filter(is_name).map(|candidate| candidate.span.end).collect();
        let listed: BTreeSet<usize> = terms.iter().map(|(_, hit)| hit.span.end).collect();
        // The last that was named, and by what: “tickets 12, 13 to 15”.
        let mut last: BTreeMap<usize, (usize, Range<usize>)> = BTreeMap::new();
        for candidate in candidates.iter_mut() {
            let Some(detector) = self.detectors.get(candidate.detector) else { continue };
            let word = detector
                .names
                .naming(text, candidate.span.start)
                .filter(|word| !names.contains(&word.end) && !listed.contains(&word.end))
                .or_else(|| {
                    let (end, word) = last.get(&candidate.detector)?.clone();
                    (candidate.span.start.saturating_sub(end) <= RANGE_GAP).then_some(word)
                });
            if let Some(word) = word.filter(|_| candidate.spoken() < LOUD) {
                last.insert(candidate.detector, (candidate.span.end, word.clone()));
                candidate.add(Reason::Named(word), detector.names.points);
            }
        }
    }

    /// By whether anything stands beside it at all.
    pub(super) fn weigh_standing(&self, text: &str, candidates: &mut [Candidate]) {
        let mut is_one_line = None;
        for candidate in candidates {
            let Some(detector) = self.detectors.get(candidate.detector) else { continue };
            if detector.stands == Stands::default() || candidate.spoken() < 0 {
                continue;
            }
            let (before, after) = beside(text, &candidate.span);
            let one_line = *is_one_line.get_or_insert_with(|| !text.trim().contains('\n'));
            let points = match (is_mere_mark(before), is_mere_mark(after)) {
                (true, true) if one_line => detector.stands.fills_text,
                (true, true) => detector.stands.fills_line,
                (true, false) if one_line => detector.stands.opens_text,
                _ => 0,
            };
            candidate.add(Reason::Stands, points);
        }
    }

    /// By numbers of the test range near it; `tests` are where those stand, in
    /// order.
    pub(super) fn weigh_test_numbers(&self, tests: &[usize], candidates: &mut [Candidate]) {
        for candidate in candidates {
            let Some(detector) = self.detectors.get(candidate.detector) else { continue };
            let rule = detector.beside_test_number;
            let from = candidate.span.start.saturating_sub(rule.within);
            let next = tests.partition_point(|&start| start < from);
            let near = tests.get(next).is_some_and(|&at| at <= candidate.span.start + rule.within);
            if rule.points != 0 && near {
                candidate.add(Reason::TestNumber, rule.points);
            }
        }
    }

    /// By the numbers of its kind that stand in the same text: for one that no
    /// word speaks against, or against one that none speaks for.
    pub(super) fn weigh_fellows(
        &self,
        failed: &BTreeMap<usize, usize>,
        candidates: &mut [Candidate],
    ) {
        for (number, detector) in self.detectors.iter().enumerate() {
            if detector.fellows == Fellows::default() {
                continue;
            }
            let own = |candidate: &&mut Candidate| candidate.detector == number;
            let passed: BTreeSet<String> =
                candidates.iter_mut().filter(own).map(|candidate| candidate.key.clone()).collect();
            let failed = failed.get(&number).copied().unwrap_or(0);
            for candidate in candidates.iter_mut().filter(own) {
                let spoken = candidate.spoken();
                if failed == 0 && passed.len() > 1 && spoken >= 0 {
                    let fellows = detector.fellows;
                    let more = if passed.len() >= fellows.many { fellows.many_pass } else { 0 };
                    candidate.add(Reason::FellowsPass, fellows.all_pass + more);
                } else if failed >= passed.len() && spoken <= 0 {
                    candidate.add(Reason::FellowsFail, detector.fellows.others_fail);
                }
            }
        }
    }

    pub(super) fn weigh_company(&self, terms: &[(Kind, Hit)], candidates: &mut [Candidate]) {
        let mut places: BTreeMap<Kind, Vec<(usize, u32)>> = BTreeMap::new();
        for candidate in candidates.iter().filter(|candidate| candidate.points >= self.report_at) {
            places.entry(candidate.kind).or_default().push((candidate.span.start, u32::MAX));
        }
        for (kind, hit) in terms {
            let weight = self.term_weights.of(hit);
            places.entry(*kind).or_default().push((hit.span.start, weight));
        }
        places.values_mut().for_each(|starts| starts.sort_unstable());
        for candidate in candidates {
            let Some(detector) = self.detectors.get(candidate.detector) else { continue };
            for company in &detector.company {
                let near = |kind: &&Kind| {
                    let places = places.get(kind).map_or(&[][..], Vec::as_slice);
                    company.is_near(places, candidate.span.start)
                };
                if let Some(&kind) = company.kinds.iter().find(near) {
                    candidate.add(Reason::Company(kind), company.points);
                }
            }
        }
    }
}

impl Company {
    /// Whether another than the one at `start` begins near it; `places` are
    /// where each begins and what it weighs.
    fn is_near(&self, places: &[(usize, u32)], start: usize) -> bool {
        let from = places.partition_point(|(other, _)| *other < start.saturating_sub(self.within));
        places
            .get(from..)
            .unwrap_or_default()
            .iter()
            .take_while(|(other, _)| *other <= start + self.within)
            .any(|(other, weight)| *other != start && *weight >= self.weight)
    }
}

/// Whether a number long enough to be the one a word speaks of stands there.
fn has_number(text: &str, between: Range<usize>) -> bool {
    let octets = text.as_bytes().get(between).unwrap_or_default();
    octets.split(|octet| !octet.is_ascii_digit()).any(|digits| digits.len() >= LABELLED_DIGITS)
}

/// What stands on the same line before a value and after it, or so much of it
/// that it can be no mark of a list.
fn beside<'a>(text: &'a str, span: &Range<usize>) -> (&'a str, &'a str) {
    let from = text.floor_char_boundary(span.start.saturating_sub(LONGEST_MARK));
    let to = text.ceil_char_boundary(span.end + LONGEST_MARK);
    let before = text.get(from..span.start).unwrap_or_default();
    let after = text.get(span.end..to).unwrap_or_default();
    (before.rsplit('\n').next().unwrap_or_default(), after.split('\n').next().unwrap_or_default())
}

/// Nothing, the marks of a list, or its number: “3.”, “- ”, “> ”.
fn is_mere_mark(beside: &str) -> bool {
    let bare = beside.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    beside.len() < LONGEST_MARK
        && bare.len() <= 3
        && bare.bytes().all(|octet| octet.is_ascii_digit())
}

/// Points from which a word is a label that nothing between it and the number
/// takes away.
const LOUD: i32 = 50;
const LONGEST_MARK: usize = 12;
/// Octets between two numbers that one word names.
const RANGE_GAP: usize = 6;
/// Fewer may be a date, a section or a quantity.
const LABELLED_DIGITS: usize = 5;
/// Octets between two numbers of a list, with a name between them.
const LIST_GAP: usize = 60;
const LONGEST_WORD: usize = 48;
