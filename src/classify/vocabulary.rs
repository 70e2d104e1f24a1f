//! The words that lists are made of, and the words of a text.
//!
//! A word is a run of letters and digits; letters of either case are one.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    ops::Range,
};

/// Words of lists, numbered as they were entered.
#[derive(Default)]
pub(super) struct Vocabulary {
    /// Those of few octets, which are most words of any text: compared as one
    /// number, where they stand in the table.
    short: HashMap<u64, usize, Quick>,
    long: HashMap<Box<[u8]>, usize, Quick>,
    longest: usize,
}

impl Vocabulary {
    /// Enters a folded word, or finds it there.
    pub(super) fn enter(&mut self, word: &[u8]) -> usize {
        self.longest = self.longest.max(word.len());
        let next = self.short.len() + self.long.len();
        match packed(word) {
            Some(packed) => *self.short.entry(packed).or_insert(next),
            None => *self.long.entry(word.into()).or_insert(next),
        }
    }

    pub(super) fn number(&self, word: &[u8]) -> Option<usize> {
        match packed(word) {
            Some(packed) => self.short.get(&packed).copied(),
            None if word.len() > self.longest => None,
            None => self.long.get(word).copied(),
        }
    }
}

/// A short word as a number of its own: no letter is an octet of zero.
fn packed(word: &[u8]) -> Option<u64> {
    (word.len() <= 8).then(|| word.iter().rev().fold(0, |sum, &octet| sum << 8 | u64::from(octet)))
}

/// The words of a text, one after the other.
pub(super) struct WordReader<'a> {
    octets: &'a [u8],
    at: usize,
    folded: Vec<u8>,
}

impl<'a> WordReader<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { octets: text.as_bytes(), at: 0, folded: Vec::new() }
    }

    /// Goes on to the next word; gives where it stands.
    pub(super) fn advance(&mut self) -> Option<Range<usize>> {
        self.folded.clear();
        let rest = self.octets.get(self.at..)?;
        let start = self.at + rest.iter().position(|&octet| fold(octet) != GAP)?;
        self.at = self.octets.len();
        for (&octet, at) in self.octets.get(start..)?.iter().zip(start..) {
            let folded = fold(octet);
            // Of “£”: it is a word, whatever number is grown to it.
            if folded == GAP && (octet != 0xA3 || self.folded.last() == Some(&0xC2)) {
                self.at = at;
                break;
            }
            self.folded.push(if folded == GAP { octet } else { folded });
        }
        Some(start..self.at)
    }

    /// The word in lower case.
    pub(super) fn folded(&self) -> &[u8] {
        &self.folded
    }
}

/// A letter or digit in lower case, or a piece of one; [`GAP`] for what stands
/// between words.
fn fold(octet: u8) -> u8 {
    FOLDED.get(usize::from(octet)).copied().unwrap_or(GAP)
}

const GAP: u8 = 0;

/// What is looked up is ours and what it is looked up among is ours: nobody
/// can fill one place of the table from outside, and each word of a text is
/// looked up.
pub(super) type Quick = BuildHasherDefault<QuickHasher>;

#[derive(Default)]
pub(super) struct QuickHasher(u64);

impl Hasher for QuickHasher {
    fn write(&mut self, octets: &[u8]) {
        let (pieces, rest) = octets.as_chunks::<8>();
        pieces.iter().for_each(|&piece| self.write_u64(u64::from_le_bytes(piece)));
        self.write_u64(rest.iter().fold(0, |sum, &octet| sum << 8 | u64::from(octet)));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(GOLDEN);
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    /// The upper bits depend on all that was written, the lower on little.
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 32)
    }
}

/// 2^64 through the golden ratio.
pub(super) const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The second octet of “£” is a gap where it is that, and else a piece of a
/// letter.
#[expect(clippy::indexing_slicing, reason = "the compiler does it, and sees that it fits")]
const FOLDED: [u8; 256] = {
    let mut folded = [GAP; 256];
    let mut octet = 0;
    while octet < folded.len() {
        folded[octet] = match octet as u8 {
            0xA3 => GAP,
            letter @ (b'a'..=b'z' | b'0'..=b'9' | 0x80..) => letter,
            capital @ b'A'..=b'Z' => capital | 0x20,
            _ => GAP,
        };
        octet += 1;
    }
    folded
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_begin_alike_are_told_apart() {
        let words = ["abcdefg", "abcdefgh", "abcdefghi", "abcdefghk", "abcdefghijklmnopq", "é"];
        let mut vocabulary = Vocabulary::default();
        let entered = words.map(|word| vocabulary.enter(word.as_bytes()));
        assert_eq!(entered, [0, 1, 2, 3, 4, 5]);
        assert_eq!(words.map(|word| vocabulary.enter(word.as_bytes())), entered);
        for (word, number) in words.iter().zip(entered) {
            assert_eq!(vocabulary.number(word.as_bytes()), Some(number), "{word}");
        }
        for other in ["", "abcdef", "abcdefgx", "abcdefghl", "abcdefghijklmnopqr"] {
            assert_eq!(vocabulary.number(other.as_bytes()), None, "{other}");
        }
    }
}
