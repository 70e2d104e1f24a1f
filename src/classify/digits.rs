//! Where digits stand in a text, and where a pattern of digits is worth trying.

use std::ops::Range;

use super::needs::Needs;

/// Which octets of a text are digits: a bit each, so that many patterns can ask.
pub(super) struct Digits {
    words: Vec<u64>,
    octets: usize,
}

impl Digits {
    pub(super) fn of(text: &str) -> Self {
        let word = |octets: &[u8]| {
            let bit = |(at, octet): (usize, &u8)| u64::from(octet.is_ascii_digit()) << at;
            octets.iter().enumerate().map(bit).sum()
        };
        Self { words: text.as_bytes().chunks(64).map(word).collect(), octets: text.len() }
    }

    /// The first stretch from `at` on in which a pattern with such needs can
    /// match. Matches that begin at `at` or later stand wholly in it, or begin
    /// after its end.
    pub(super) fn island(&self, needs: Needs, at: usize) -> Option<Range<usize>> {
        let mut island: Option<Range<usize>> = None;
        let mut next = at;
        while let Some(run) = self.run(next) {
            let around = run.start.saturating_sub(needs.lead).max(at)
                ..(run.end + needs.longest).min(self.octets);
            if island.as_ref().is_some_and(|island| around.start > island.end) {
                break;
            }
            next = run.end;
            if self.count(run.start..around.end) >= needs.digits {
                let start = island.map_or(around.start, |island| island.start);
                island = Some(start..around.end);
            }
        }
        island
    }

    /// The first digits in a row from `at` on.
    fn run(&self, at: usize) -> Option<Range<usize>> {
        let start = self.first(at, |word| word)?;
        Some(start..self.first(start, |word| !word).unwrap_or(self.octets).min(self.octets))
    }

    /// The first octet from `at` on whose bit is set in what `of` makes of the words.
    fn first(&self, at: usize, of: impl Fn(u64) -> u64) -> Option<usize> {
        let mut number = at / 64;
        let mut word = of(*self.words.get(number)?) & (u64::MAX << (at % 64));
        while word == 0 {
            number += 1;
            word = of(*self.words.get(number)?);
        }
        Some(number * 64 + word.trailing_zeros() as usize)
    }

    fn count(&self, range: Range<usize>) -> usize {
        let (first, last) = (range.start / 64, range.end / 64);
        let words = self.words.get(first..).unwrap_or_default().iter().zip(first..=last);
        words
            .map(|(&word, number)| {
                let from = if number == first { u64::MAX << (range.start % 64) } else { u64::MAX };
                let to = if number == last { !(u64::MAX << (range.end % 64)) } else { u64::MAX };
                (word & from & to).count_ones() as usize
            })
            .sum()
    }
}
