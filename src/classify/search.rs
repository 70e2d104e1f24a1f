//! A detector's pattern, and the search for it.

use std::ops::Range;

use regex_automata::{
    Anchored, Input, MatchKind, PatternID, Span,
    meta::{BuildError, Config, Regex},
    util::prefilter::Prefilter,
};
use regex_syntax::hir::Hir;

use super::needs::{self, Needs};

pub(super) struct Search {
    regex: Regex,
    pub needs: Option<Needs>,
    /// What finds the words one of which stands in every match.
    words: Option<Prefilter>,
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
        let words = needs::words(pattern);
        let words = words.and_then(|words| Prefilter::new(MatchKind::All, &words));
        Ok(Self { regex, needs: Needs::of(pattern), words, names_value })
    }

    /// False only where no match can be: a look that costs little.
    pub(super) fn may_match(&self, text: &str) -> bool {
        let whole = Span::from(0..text.len());
        self.words.as_ref().is_none_or(|words| words.find(text.as_bytes(), whole).is_some())
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
