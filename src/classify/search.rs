//! A detector's pattern, and the search for it.

use std::ops::Range;

use regex_automata::{
    Anchored, Input, MatchKind, PatternID, Span,
    meta::{BuildError, Config, Regex},
    util::prefilter::Prefilter,
};
use regex_syntax::hir::Hir;

use super::needs::{NeededWords, Needs};

pub(super) struct Search {
    regex: Regex,
    pub needs: Option<Needs>,
    /// The words one of which stands in every match, and what finds them.
    words: Option<(Prefilter, NeededWords)>,
    /// Whether it says by name which piece of it is the value.
    names_value: bool,
}

/// A match, and the value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub span: Range<usize>,
    pub value: Range<usize>,
}

impl Search {
    pub(super) fn new(pattern: &Hir) -> Result<Self, Box<BuildError>> {
        let config = Config::new().nfa_size_limit(Some(LARGEST));
        let regex = Regex::builder().configure(config).build_from_hir(pattern)?;
        let names_value = regex.group_info().to_index(PatternID::ZERO, VALUE).is_some();
        let words = NeededWords::of(pattern)
            .and_then(|needed| Some((Prefilter::new(MatchKind::All, &needed.words)?, needed)));
        Ok(Self { regex, needs: Needs::of(pattern), words, names_value })
    }

    /// The stretches of a text in which all matches stand, each wholly in one;
    /// they rise and do not meet.
    pub(super) fn stretches(&self, text: &str) -> impl Iterator<Item = Range<usize>> {
        let mut next = self.around_word(text, 0);
        std::iter::from_fn(move || {
            let (mut stretch, mut word) = next.take()?;
            loop {
                next = self.around_word(text, word + 1);
                match &next {
                    Some((other, at)) if other.start < stretch.end => {
                        stretch = stretch.start.min(other.start)..stretch.end.max(other.end);
                        word = *at;
                    }
                    _ => return Some(stretch),
                }
            }
        })
    }

    /// How far matches reach around the first needed word from some place on,
    /// and where that stands; the whole text for a pattern that needs none.
    fn around_word(&self, text: &str, from: usize) -> Option<(Range<usize>, usize)> {
        let rest = from..text.len();
        let Some((finder, needed)) = &self.words else {
            return (from == 0).then_some((rest, text.len()));
        };
        let octets = text.as_bytes();
        let at = (!rest.is_empty()).then(|| finder.find(octets, Span::from(rest)))??.start;
        let start = needed.before.start(octets, at).unwrap_or(0);
        Some((start..needed.after.end(octets, at).unwrap_or(text.len()), at))
    }

    /// Whether it finds something where there is nothing.
    pub(super) fn matches_nothing(&self) -> bool {
        self.regex.is_match("")
    }

    /// From the start of a text only.
    pub(super) fn at_start(&self, text: &str) -> Option<Match> {
        self.find(&Input::new(text).anchored(Anchored::Yes))
    }

    /// The first in a stretch of a text.
    pub(super) fn within(&self, text: &str, stretch: Range<usize>) -> Option<Match> {
        (!stretch.is_empty()).then(|| self.find(&Input::new(text).range(stretch)))?
    }

    fn find(&self, input: &Input<'_>) -> Option<Match> {
        let span = self.regex.search(input)?.range();
        let value = if self.names_value { self.value(input, &span) } else { None };
        Some(Match { value: value.unwrap_or_else(|| span.clone()), span })
    }

    fn value(&self, input: &Input<'_>, span: &Range<usize>) -> Option<Range<usize>> {
        let mut captures = self.regex.create_captures();
        let input = input.clone().range(span.clone()).anchored(Anchored::Yes);
        self.regex.search_captures(&input, &mut captures);
        captures.get_group_by_name(VALUE).map(|value| value.range())
    }
}

const VALUE: &str = "value";
/// Octets of a compiled pattern.
const LARGEST: usize = 1 << 20;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn search(pattern: &str) -> Search {
        Search::new(&regex_syntax::parse(pattern).unwrap()).unwrap()
    }

    fn stretches<'a>(pattern: &str, text: &'a str) -> Vec<&'a str> {
        search(pattern).stretches(text).map(|stretch| text.get(stretch).unwrap()).collect()
    }

    fn matches(search: &Search, text: &str, stretch: Range<usize>) -> Vec<Range<usize>> {
        let next = |from: &mut usize| {
            let found = search.within(text, *from..stretch.end)?.span;
            *from = found.end;
            Some(found)
        };
        let mut from = stretch.start;
        std::iter::from_fn(|| next(&mut from)).collect()
    }

    #[test]
    fn a_pattern_is_tried_around_the_words_it_needs() {
        let name = "[A-Z][a-z]+ [A-Z][a-z]+, born in [0-9]{4}";
        let text = "Ann Example, born in 1961, and Bob. Nobody is born in May, you know";
        assert_eq!(stretches(name, text), ["Ann Example, born in 1961"]);
        assert_eq!(stretches("[a-z]+ born", "one born, two born"), ["one born", "two born"]);
        assert_eq!(stretches("[a-z ]+born", "one born born"), ["one born born"]);
        assert!(stretches(name, "nothing").is_empty());
        assert_eq!(stretches("[a-z]+", "Some text"), ["Some text"]);
    }

    #[test]
    fn a_run_too_long_to_look_along_leads_to_the_end() {
        let text = format!("{} born yesterday", "a".repeat(1000));
        assert_eq!(stretches("[a-z]+ born", &text), [text.strip_suffix(" yesterday").unwrap()]);
        let text = format!("the born {}", "a".repeat(1000));
        assert_eq!(stretches("born [a-z]+", &text), [text.strip_prefix("the ").unwrap()]);
    }

    proptest! {
        #[test]
        fn nothing_is_found_in_no_stretch(text in "(?:abc|xyz|his|[A-Ca-cx ,.é\n]){0,40}") {
            for pattern in [
                "[A-C][a-c]+ ?(?:abc|xyz)[ ,]",
                "(?:[a-c]+|[A-C]) (?:[a-c]+ )?(?:his|abc|xyz)(?: [a-c]+)*[.]",
                "[a-c]*(?i:xyz|his)[^a-z]",
                "(?:^|[ ,])(?:his|[A-C] xyz) ?[a-c]{1,3}é?",
            ] {
                let search = search(pattern);
                prop_assert!(search.words.is_some());
                let stretches: Vec<_> = search.stretches(&text).collect();
                // So that no octet is looked at twice.
                prop_assert!(stretches.is_sorted_by_key(|it| it.start), "{}", pattern);
                prop_assert!(stretches.iter().map(Range::len).sum::<usize>() <= text.len());
                let found: Vec<_> = stretches
                    .into_iter()
                    .flat_map(|stretch| matches(&search, &text, stretch))
                    .collect();
                prop_assert_eq!(found, matches(&search, &text, 0..text.len()), "{}", pattern);
            }
        }
    }
}
