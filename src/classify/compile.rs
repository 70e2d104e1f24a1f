//! Settings compiled: every fault found and said at once.

use std::collections::BTreeSet;

use super::{
    detect::{Compiled as CompiledDetector, ContextRule, Detectors},
    level::Combinations,
    lexicon::{Hit, Lexicon, LexiconBuilder, Role},
    normalise::Stream,
    search::Search,
    settings::{Example, Expectation, Fault, Pattern, Place, Settings, SettingsError, TestRange},
    slips::Slips,
    terms::Terms,
    weights::TermWeights,
    yara::Yara,
};
use crate::mail::Kind;

/// All that the classifier runs on.
pub(super) struct Compiled {
    pub test_range: TestRange,
    pub bulk: usize,
    pub lexicon: Lexicon,
    pub terms: Terms,
    pub detectors: Detectors,
    pub combinations: Combinations,
    pub yara: Option<Yara>,
    /// Names of detectors, then of lists: an item's source counts along here.
    sources: Vec<String>,
    first_list: usize,
    pub weights: TermWeights,
}

impl Compiled {
    pub(super) fn list_source(&self, list: usize) -> usize {
        self.first_list + list
    }

    pub(super) fn source_name(&self, source: usize) -> &str {
        self.sources.get(source).map_or("", String::as_str)
    }

    /// The first thing the detector of this number finds in a text.
    fn found_by_detector(&self, number: usize, text: &str) -> Option<String> {
        let stream = Stream::of(text);
        let words = self.lexicon.read(&stream.text);
        let terms = self.terms.counting(&stream.text, &words);
        let (found, _) = self.detectors.findings(&stream.text, &words, &terms, TestRange::Count);
        let own = found.into_iter().find(|candidate| candidate.detector == number)?;
        stream.text.get(own.span).map(str::to_owned)
    }

    /// The first of the terms of the list of this number that counts in a
    /// text; of a list without a kind, the first that stands there.
    fn found_by_list(&self, number: usize, kind: Option<Kind>, text: &str) -> Option<String> {
        let stream = Stream::of(text);
        let words = self.lexicon.read(&stream.text);
        let is_own = |hit: &&Hit| hit.role == number;
        let span = match kind {
            Some(_) => {
                let counting = self.terms.counting(&stream.text, &words);
                counting.iter().map(|(_, hit)| hit).find(is_own)?.span.clone()
            }
            None => words.terms.iter().find(is_own)?.span.clone(),
        };
        stream.text.get(span).map(str::to_owned)
    }
}

pub(super) fn compile(settings: &Settings) -> Result<Compiled, Vec<SettingsError>> {
    let mut faults = names_used_twice(settings);
    faults.extend(names_without_meaning(settings));
    let patterns: Vec<Option<Search>> = settings
        .detectors
        .iter()
        .map(|detector| {
            let compiled = pattern(&detector.pattern);
            compiled.map_err(|fault| faults.push(at(&detector.pattern.place, fault))).ok()
        })
        .collect();
    let yara = Yara::new(&settings.yara).unwrap_or_else(|errors| {
        faults.extend(errors);
        None
    });
    let (lexicon, contexts) = lexicon(settings);
    let lexicon = match &settings.slips {
        Some(slips) => lexicon.with_slips(Slips::new(slips, &settings.lists, &settings.ordinary)),
        None => lexicon,
    };
    if !faults.is_empty() {
        return Err(faults);
    }
    let detectors = detectors(settings, patterns.into_iter().flatten(), contexts);
    let sources: Vec<String> = detectors
        .names()
        .chain(settings.lists.iter().map(|list| list.name.as_str()))
        .map(str::to_owned)
        .collect();
    let compiled = Compiled {
        test_range: settings.test_range,
        bulk: settings.weighing.bulk,
        lexicon,
        terms: Terms::new(&settings.lists, &settings.quiet),
        detectors,
        combinations: Combinations::new(&settings.evidence, &settings.combinations, |name| {
            sources.iter().position(|source| source == name)
        }),
        yara,
        first_list: settings.detectors.len(),
        weights: TermWeights::new(settings),
        sources,
    };
    let failed = failed_examples(settings, &compiled);
    if failed.is_empty() { Ok(compiled) } else { Err(failed) }
}

fn pattern(pattern: &Pattern) -> Result<Search, Fault> {
    if let Some(boundary) = unicode_boundary(&pattern.text) {
        return Err(Fault::SlowPattern(boundary));
    }
    let parsed =
        regex_syntax::parse(&pattern.text).map_err(|error| Fault::Pattern(error.to_string()))?;
    let search = Search::new(&parsed).map_err(|error| match error.size_limit() {
        Some(_) => Fault::LargePattern,
        None => Fault::Pattern(error.to_string()),
    })?;
    if search.matches_nothing() {
        return Err(Fault::EmptyMatch);
    }
    Ok(search)
}

/// A word boundary that asks Unicode what a letter is: one character beyond
/// ASCII makes the whole search two hundred times slower.
fn unicode_boundary(pattern: &str) -> Option<&'static str> {
    if pattern.starts_with("(?-u)") {
        return None;
    }
    let mut rest = pattern;
    while let Some(at) = rest.find('\\') {
        let (before, after) = rest.split_at_checked(at)?;
        let boundary = match after.as_bytes().get(1) {
            Some(b'b') => Some(r"\b"),
            Some(b'B') => Some(r"\B"),
            Some(b'<') => Some(r"\<"),
            Some(b'>') => Some(r"\>"),
            _ => None,
        };
        if boundary.is_some() && !before.ends_with("(?-u:") {
            return boundary;
        }
        let mut characters = after.chars();
        // The backslash and what it escapes.
        characters.next();
        characters.next();
        rest = characters.as_str();
    }
    None
}

/// Enters every word of every setting; contexts are numbered as entered.
fn lexicon(settings: &Settings) -> (Lexicon, Vec<ContextRule>) {
    let mut words = LexiconBuilder::default();
    let mut contexts = Vec::new();
    for (number, detector) in settings.detectors.iter().enumerate() {
        for word in &detector.starts_with {
            words.enter(word, Role::Start(number));
        }
        for context in &detector.context {
            for word in &context.words {
                words.enter(word, Role::Context(contexts.len()));
            }
            contexts.push(ContextRule {
                detector: number,
                position: context.position,
                within: context.within,
                points: context.points,
            });
        }
    }
    for (number, list) in settings.lists.iter().enumerate() {
        list.words.iter().for_each(|word| words.enter(word, Role::Term(number)));
    }
    for (number, zone) in settings.quiet.iter().enumerate() {
        zone.opens.iter().for_each(|word| words.enter(word, Role::Quiet(number)));
    }
    settings.denials.iter().for_each(|word| words.enter(word, Role::Denial));
    (words.build(), contexts)
}

fn detectors(
    settings: &Settings,
    patterns: impl Iterator<Item = Search>,
    contexts: Vec<ContextRule>,
) -> Detectors {
    let compiled = settings
        .detectors
        .iter()
        .zip(patterns)
        .map(|(detector, pattern)| CompiledDetector::new(detector, pattern))
        .collect();
    Detectors::new(compiled, contexts, TermWeights::new(settings), settings.weighing.report_at)
}

/// Runs the examples of every detector and list. The test range counts here:
/// examples must not name a patient.
fn failed_examples(settings: &Settings, compiled: &Compiled) -> Vec<SettingsError> {
    let detectors = settings.detectors.iter().enumerate().flat_map(|(number, detector)| {
        detector.examples.iter().filter_map(move |example| {
            let found = compiled.found_by_detector(number, &example.text);
            failed(&detector.name, example, found)
        })
    });
    let lists = settings.lists.iter().enumerate().flat_map(|(number, list)| {
        list.examples.iter().filter_map(move |example| {
            let found = compiled.found_by_list(number, list.kind, &example.text);
            failed(&list.name, example, found)
        })
    });
    detectors.chain(lists).collect()
}

fn failed(name: &str, example: &Example, found: Option<String>) -> Option<SettingsError> {
    let name = name.to_owned();
    let fault = match (example.expectation, found) {
        (Expectation::Match, None) => Fault::MissedExample { name },
        (Expectation::NoMatch, Some(found)) => Fault::FalseExample { name, found },
        (Expectation::Match, Some(_)) | (Expectation::NoMatch, None) => return None,
    };
    Some(at(&example.place, fault))
}

fn names_used_twice(settings: &Settings) -> Vec<SettingsError> {
    let sources = settings
        .detectors
        .iter()
        .map(|detector| (&detector.name, &detector.place))
        .chain(settings.lists.iter().map(|list| (&list.name, &list.place)));
    let evidence = settings.evidence.iter().map(|evidence| (&evidence.name, &evidence.place));
    let mut faults = twice("detectors or lists", sources);
    faults.extend(twice("pieces of evidence", evidence));
    faults
}

fn twice<'a>(
    what: &'static str,
    names: impl Iterator<Item = (&'a String, &'a Place)>,
) -> Vec<SettingsError> {
    let mut seen = BTreeSet::new();
    names
        .filter(|(name, _)| !seen.insert(*name))
        .map(|(name, place)| at(place, Fault::Twice { what, name: name.clone() }))
        .collect()
}

fn names_without_meaning(settings: &Settings) -> Vec<SettingsError> {
    let mut faults = Vec::new();
    let is_source = |name: &String| {
        settings.detectors.iter().any(|detector| detector.name == *name)
            || settings.lists.iter().any(|list| list.name == *name)
    };
    for evidence in &settings.evidence {
        for name in evidence.from.iter().filter(|name| !is_source(name)) {
            faults.push(at(&evidence.place, Fault::UnknownSource(name.clone())));
        }
    }
    for combination in &settings.combinations {
        for name in &combination.all {
            if !settings.evidence.iter().any(|evidence| evidence.name == *name) {
                faults.push(at(&combination.place, Fault::UnknownEvidence(name.clone())));
            }
        }
    }
    faults
}

fn at(place: &Place, fault: Fault) -> SettingsError {
    SettingsError { place: place.clone(), fault }
}
