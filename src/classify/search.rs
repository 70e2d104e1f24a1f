//! A detector's pattern, and the search for it.

use std::ops::Range;

use regex_automata::{
    Anchored, Input,
    meta::{BuildError, Config, Regex},
    util::captures::Captures,
};
use regex_syntax::hir::Hir;

use super::{digits::Digits, needs::Needs};

pub(super) struct Search {
    regex: Regex,
    needs: Option<Needs>,
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
        let names_value = regex.group_info().to_index(0.into(), VALUE).is_some();
        Ok(Self { regex, needs: Needs::of(pattern), names_value })
    }

    /// Whether it finds something where there is nothing.
    pub(super) fn matches_nothing(&self) -> bool {
        self.regex.is_match("")
    }

    /// From the start of a text only.
    pub(super) fn at_start(&self, text: &str) -> Option<Match> {
        self.find(Input::new(text).anchored(Anchored::Yes), &mut self.regex.create_captures())
    }

    /// Everywhere in a text.
    pub(super) fn matches<'a>(&'a self, text: &'a str, digits: &'a Digits) -> Matches<'a> {
        let captures = self.regex.create_captures();
        Matches { search: self, text, digits, captures, island: 0..0 }
    }

    fn find(&self, input: Input<'_>, captures: &mut Captures) -> Option<Match> {
        if !self.names_value {
            let span = self.regex.search(&input)?.range();
            return Some(Match { value: span.clone(), span });
        }
        self.regex.search_captures(&input, captures);
        let span = captures.get_match()?.range();
        let value = captures.get_group_by_name(VALUE);
        Some(Match { value: value.map_or(span.clone(), |value| value.range()), span })
    }
}

/// One match after the other.
pub(super) struct Matches<'a> {
    search: &'a Search,
    text: &'a str,
    digits: &'a Digits,
    captures: Captures,
    /// What is left of the stretch that is looked at.
    island: Range<usize>,
}

impl Matches<'_> {
    /// Looks for the next from `at` on, which may be before the end of the last.
    pub(super) fn resume(&mut self, at: usize) {
        self.island.start = at;
    }

    fn next_island(&self) -> Option<Range<usize>> {
        let at = self.island.end.max(self.island.start);
        match self.search.needs {
            Some(needs) => self.digits.island(needs, at),
            None => (at < self.text.len()).then_some(at..self.text.len()),
        }
    }
}

impl Iterator for Matches<'_> {
    type Item = Match;

    fn next(&mut self) -> Option<Match> {
        loop {
            if !self.island.is_empty() {
                let input = Input::new(self.text).range(self.island.clone());
                if let Some(found) = self.search.find(input, &mut self.captures) {
                    self.island.start = found.span.end;
                    return Some(found);
                }
                self.island.start = self.island.end;
            }
            self.island = self.next_island()?;
        }
    }
}

const VALUE: &str = "value";
/// Octets of a compiled pattern.
const LARGEST: usize = 1 << 20;
