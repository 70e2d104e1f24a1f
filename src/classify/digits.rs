//! Where in a text patterns of digits are worth trying.
//!
//! One pass for all patterns: an island is a stretch of octets that a pattern
//! can hold, with as many digits in it as it needs. Patterns are bits, so that
//! what ends and begins at an octet is told for all of them at once; far from
//! digits nothing is open, and the pass goes on to the next.

use std::ops::Range;

use super::needs::Needs;

pub(super) struct Digits {
    patterns: Vec<Needs>,
    /// By octet, the patterns that can hold it.
    holding: Vec<u64>,
    /// Those that go on from a digit without a limit.
    endless: u64,
    /// How far the others go on from a digit at most.
    farthest: usize,
}

/// The islands that a text is in the middle of.
struct Open {
    patterns: u64,
    /// By pattern, where the first digit stands.
    firsts: Vec<usize>,
    /// By pattern, how many digits stand before it.
    befores: Vec<usize>,
    /// By pattern, where the island before ended.
    floors: Vec<usize>,
    digits: usize,
    last: usize,
}

impl Digits {
    /// How many patterns there can be.
    pub(super) const MOST: usize = u64::BITS as usize;

    pub(super) fn new(patterns: Vec<Needs>) -> Self {
        let bit = |at: usize, is_set: bool| u64::from(is_set) << at;
        let each = || patterns.iter().take(Self::MOST).enumerate();
        let holding = |octet| each().map(|(at, needs)| bit(at, needs.can_hold(octet))).sum();
        let endless = each().map(|(at, needs)| bit(at, needs.after.is_none())).sum();
        let farthest = patterns.iter().filter_map(|needs| needs.after).max().unwrap_or(0);
        Self { holding: (0..=u8::MAX).map(holding).collect(), endless, farthest, patterns }
    }

    /// Gives `visit` the islands of those of the patterns that are in `sought`,
    /// as they stand: all their matches stand wholly in them.
    pub(super) fn islands(
        &self,
        text: &str,
        sought: u64,
        mut visit: impl FnMut(usize, Range<usize>),
    ) {
        let count = self.patterns.len();
        let mut open = Open {
            patterns: 0,
            firsts: vec![0; count],
            befores: vec![0; count],
            floors: vec![0; count],
            digits: 0,
            last: 0,
        };
        let octets = text.as_bytes();
        let mut at = 0;
        while let Some(&octet) = octets.get(at) {
            let is_far = open.patterns & self.endless == 0 && at > open.last + self.farthest;
            if (open.patterns == 0 || is_far) && !octet.is_ascii_digit() {
                at = next_digit(octets, at);
                continue;
            }
            let holding = self.holding.get(usize::from(octet)).copied().unwrap_or(0) & sought;
            let ended = open.patterns & !holding;
            if ended != 0 {
                self.close(&mut open, ended, octets, at, &mut visit);
            }
            if octet.is_ascii_digit() {
                if open.patterns != 0 && at > open.last + 1 {
                    let far = self.far_from(&open, octets, at);
                    self.close(&mut open, far, octets, at, &mut visit);
                }
                open.begin(holding, at);
            }
            at += 1;
        }
        self.close(&mut open, u64::MAX, octets, octets.len(), &mut visit);
    }

    /// Of the open islands those that no match joins to a digit at `at`.
    fn far_from(&self, open: &Open, octets: &[u8], at: usize) -> u64 {
        let is_far = |&number: &usize| {
            let Some(needs) = self.patterns.get(number) else { return false };
            let Some(end) = needs.after.map(|after| open.last + after) else { return false };
            at > end && needs.before.start(octets, at).is_some_and(|start| start >= end)
        };
        bits(open.patterns).filter(is_far).fold(0, |far, number| far | 1 << number)
    }

    fn close(
        &self,
        open: &mut Open,
        patterns: u64,
        octets: &[u8],
        at: usize,
        visit: &mut impl FnMut(usize, Range<usize>),
    ) {
        for number in bits(open.patterns & patterns) {
            let (Some(needs), Some(&first), Some(&before), Some(floor)) = (
                self.patterns.get(number),
                open.firsts.get(number),
                open.befores.get(number),
                open.floors.get_mut(number),
            ) else {
                continue;
            };
            if open.digits - before < needs.digits {
                continue;
            }
            let from = needs.before.start(octets, first).unwrap_or(0).max(*floor);
            let lead = octets.get(from..first).unwrap_or_default();
            let held = lead.iter().rev().take_while(|octet| needs.can_hold(**octet)).count();
            let to = needs.after.map_or(at, |after| at.min(open.last + after));
            *floor = to;
            visit(number, first - held..to);
        }
        open.patterns &= !patterns;
    }
}

impl Open {
    /// A digit, which these patterns can hold.
    fn begin(&mut self, holding: u64, at: usize) {
        for number in bits(holding & !self.patterns) {
            if let (Some(first), Some(before)) =
                (self.firsts.get_mut(number), self.befores.get_mut(number))
            {
                (*first, *before) = (at, self.digits);
            }
        }
        self.patterns |= holding;
        self.digits += 1;
        self.last = at;
    }
}

/// The place of the next digit; many octets are looked at at once.
fn next_digit(octets: &[u8], from: usize) -> usize {
    let rest = octets.get(from..).unwrap_or_default();
    let (pieces, _) = rest.as_chunks::<32>();
    let has_digit =
        |piece: &&[u8; 32]| piece.iter().fold(false, |has, octet| has | octet.is_ascii_digit());
    let empty = pieces.iter().take_while(|piece| !has_digit(piece)).count() * 32;
    let near = rest.get(empty..).unwrap_or_default();
    near.iter().position(u8::is_ascii_digit).map_or(octets.len(), |digit| from + empty + digit)
}

fn bits(of: u64) -> impl Iterator<Item = usize> {
    let rest = |&bits: &u64| Some(bits & bits.wrapping_sub(1)).filter(|&rest| rest != 0);
    std::iter::successors(Some(of).filter(|&bits| bits != 0), rest)
        .map(|bits| bits.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::search::Search, *};

    fn islands<'a>(pattern: &str, text: &'a str) -> Vec<&'a str> {
        let needs = Needs::of(&regex_syntax::parse(pattern).unwrap()).unwrap();
        let mut islands = Vec::new();
        Digits::new(vec![needs])
            .islands(text, u64::MAX, |_, island| islands.push(text.get(island).unwrap()));
        islands
    }

    #[test]
    fn a_pattern_is_tried_where_its_digits_stand() {
        assert_eq!(islands("[A-Z][0-9]{2}", "The 1 of B12 and C9; D34"), ["B12", "D34"]);
        assert_eq!(islands("[0-9]{2}[a-z]?", "page 7 of 12, 13b"), ["12", "13b"]);
        let long = format!("{}12{}34", "x".repeat(100), "y".repeat(100));
        assert_eq!(islands("[a-z]{1,2}[0-9]{2}[a-z]{2}", &long), ["xx12yyy", "yy34"]);
    }

    #[test]
    fn a_pattern_of_any_length_is_tried_as_far_as_its_letters_go() {
        let text = "One two 12. Three, 3. four 45";
        assert_eq!(islands("[a-z]+ [0-9]{2}", text), ["two 12", "four 45"]);
        assert_eq!(islands("[a-z]+ (?:of )?[0-9]", "one two of 3"), ["two of 3"]);
        assert!(islands("[0-9] *[0-9]{2}", "12 x 3 y 45").is_empty());
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

    proptest! {
        #[test]
        fn nothing_is_found_elsewhere(text in "[A-Ca-c0-3 ,.é\n]{0,80}") {
            for pattern in [
                "[0-9]{3}[ .]?[0-9]{2}",
                "[A-C]{1,2}[0-9](?: [0-9])?[a-c]{0,2}",
                "[a-c]+ (?:[0-9]{2}|[A-C][0-9])",
                r"(?-u:\b)[a-c][0-9]{1,3}(?-u:\b)",
                r"(?:^|[^0-9])(?:[1-3]|[0-9], [0-9])(?:\s|$)",
                r"[0-9]{2}\n*[0-9]",
                "[a-c]+,? [a-c]*(?:[ab]{2}|[0-9][a-c]? [0-9])",
                "[A-C](?:[a-c]+ ){0,2}[0-9]{1,2}[ ,]{1,3}[0-9]",
            ] {
                let parsed = regex_syntax::parse(pattern).unwrap();
                let search = Search::new(&parsed).unwrap();
                let Some(needs) = Needs::of(&parsed) else { continue };
                let (mut found, mut reached, mut rises) = (Vec::new(), 0, true);
                Digits::new(vec![needs]).islands(&text, u64::MAX, |_, island| {
                    rises &= reached <= island.start;
                    reached = island.end;
                    found.extend(matches(&search, &text, island));
                });
                // So that no octet is looked at twice.
                prop_assert!(rises, "{}", pattern);
                prop_assert_eq!(found, matches(&search, &text, 0..text.len()), "{}", pattern);
            }
        }
    }
}
