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
    numbers: HashMap<Box<[u8]>, usize, Quick>,
    longest: usize,
}

impl Vocabulary {
    /// Enters a folded word, or finds it there.
    pub(super) fn enter(&mut self, word: &[u8]) -> usize {
        self.longest = self.longest.max(word.len());
        let next = self.numbers.len();
        *self.numbers.entry(word.into()).or_insert(next)
    }

    pub(super) fn number(&self, word: &[u8]) -> Option<usize> {
        (word.len() <= self.longest).then(|| self.numbers.get(word).copied())?
    }
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
        let mut last = if self.at > 0 { *self.octets.get(self.at - 1)? } else { b' ' };
        let mut start = None;
        let mut end = self.octets.len();
        for (at, &octet) in rest.iter().enumerate() {
            let fold = fold(octet, last);
            last = octet;
            match (fold, start) {
                (Some(folded), _) => {
                    start.get_or_insert(self.at + at);
                    self.folded.push(folded);
                }
                (None, None) => {}
                (None, Some(_)) => {
                    end = self.at + at;
                    break;
                }
            }
        }
        self.at = end;
        Some(start?..end)
    }

    /// The word in lower case.
    pub(super) fn folded(&self) -> &[u8] {
        &self.folded
    }
}

/// A letter or digit in lower case; nothing for what stands between words.
fn fold(octet: u8, last: u8) -> Option<u8> {
    match octet {
        // Of “£”: it is a word, whatever number is grown to it.
        0xA3 if last == 0xC2 => None,
        b'a'..=b'z' | b'0'..=b'9' | 0x80.. => Some(octet),
        b'A'..=b'Z' => Some(octet | 0x20),
        _ => None,
    }
}

/// What is looked up is ours and what it is looked up among is ours: nobody
/// can fill one place of the table from outside, and each word of a text is
/// looked up.
pub(super) type Quick = BuildHasherDefault<QuickHasher>;

#[derive(Default)]
pub(super) struct QuickHasher(u64);

impl Hasher for QuickHasher {
    fn write(&mut self, octets: &[u8]) {
        for piece in octets.chunks(8) {
            let number = piece.iter().rev().fold(0, |sum, &octet| sum << 8 | u64::from(octet));
            self.write_u64(number);
        }
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
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
