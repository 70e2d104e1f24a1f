//! Listed words as people type them in a hurry: one letter missing, too many,
//! wrong, or two of them in the wrong order.
//!
//! Asked only of words no list knows, and only of long ones: among short ones
//! nearly everything is one slip from something else. Whether it is an ordinary
//! word that only happens to stand so near (“patent”, “mediation”) is the
//! officers' to say; nobody's slip begins with another letter.
//!
//! A word and its slip become the same when a letter is left out of one, the
//! other, or both. So each listed word is entered without each of its letters,
//! as a hash, and a word of a text is looked up likewise; most are refused by
//! a bit map small enough for a processor's cache. What is found is compared.

use std::collections::HashSet;

use super::{
    settings::{self, Letters, SlipsIn, TermList},
    vocabulary::{GOLDEN, WordReader},
};

/// Listed words, by what they become where a letter is left out.
#[derive(Default)]
pub(super) struct Slips {
    words: Vec<Box<[u8]>>,
    /// Hashes and the words they are of, in order.
    keys: Vec<(u64, u32)>,
    /// Bits of the hashes that are among the keys.
    sieve: Vec<u64>,
    ordinary: HashSet<Box<[u8]>>,
    /// By number of a list: whether slips of its words count.
    lists: Vec<SlipsIn>,
    letters: usize,
}

impl Slips {
    pub(super) fn new(slips: &settings::Slips, lists: &[TermList], ordinary: &[String]) -> Self {
        let counting = |list: &&TermList| slips_in(list) == SlipsIn::Count;
        let listed = lists.iter().filter(counting).flat_map(|list| &list.words);
        let mut words: Vec<Box<[u8]>> = listed
            .filter_map(|word| single(word))
            .filter(|word| (slips.letters..LONGEST).contains(&word.len()) && is_of_letters(word))
            .collect();
        words.sort_unstable();
        words.dedup();
        let mut keys = Vec::new();
        for (number, word) in (0_u32..).zip(&words) {
            each_key(word, |key| keys.push((key, number)));
        }
        keys.sort_unstable();
        keys.dedup();
        let mut sieve = vec![0; (keys.len() * BITS_FOR_A_KEY / 64).next_power_of_two()];
        for (key, _) in &keys {
            let (at, bit) = place(*key, sieve.len());
            sieve.get_mut(at).into_iter().for_each(|bits| *bits |= bit);
        }
        Self {
            words,
            keys,
            sieve,
            ordinary: ordinary.iter().filter_map(|word| single(word)).collect(),
            lists: lists.iter().map(slips_in).collect(),
            letters: slips.letters,
        }
    }

    /// Whether slips of the words of the list of this number count.
    pub(super) fn count_in(&self, list: usize) -> bool {
        self.lists.get(list) == Some(&SlipsIn::Count)
    }

    /// The listed word that a word in lower case was meant to be; of several
    /// the first by the alphabet. The word may be in the plural.
    pub(super) fn meant(&self, word: &[u8]) -> Option<&[u8]> {
        if self.keys.is_empty() || !(self.letters.saturating_sub(1)..LONGEST).contains(&word.len())
        {
            return None;
        }
        self.nearest(word)
            .or_else(|| word.strip_suffix(b"s").and_then(|stem| self.nearest(stem)))
            .filter(|_| is_of_letters(word) && !self.ordinary.contains(word))
    }

    fn nearest(&self, word: &[u8]) -> Option<&[u8]> {
        let mut nearest: Option<&[u8]> = None;
        each_key(word, |key| {
            let (at, bit) = place(key, self.sieve.len());
            if self.sieve.get(at).is_none_or(|bits| bits & bit == 0) {
                return;
            }
            let first = self.keys.partition_point(|(other, _)| *other < key);
            let same = self.keys.iter().skip(first).take_while(|(other, _)| *other == key);
            let listed = same.filter_map(|(_, number)| self.words.get(*number as usize));
            for listed in listed.filter(|listed| is_one_slip(word, listed)) {
                nearest = Some(nearest.map_or(&**listed, |other| other.min(listed)));
            }
        });
        nearest
    }
}

/// Where letters count as written a slip is another abbreviation.
fn slips_in(list: &TermList) -> SlipsIn {
    match (list.kind, list.letters) {
        (Some(_), Letters::AnyCase) => list.slips,
        _ => SlipsIn::Ignore,
    }
}

/// What is listed, in lower case, where it is one word.
fn single(word: &str) -> Option<Box<[u8]>> {
    let mut reader = WordReader::new(word);
    reader.advance()?;
    let single = reader.folded().into();
    reader.advance().is_none().then_some(single)
}

fn is_of_letters(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_lowercase)
}

/// Whether two different words that begin alike are one letter apart, or two
/// that have changed places.
fn is_one_slip(one: &[u8], other: &[u8]) -> bool {
    let alike = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let (one, other) =
        (one.get(alike..).unwrap_or_default(), other.get(alike..).unwrap_or_default());
    let ends = one.iter().rev().zip(other.iter().rev()).take_while(|(one, other)| one == other);
    let ends = ends.count();
    let rest = |word: &[u8]| word.len() - ends;
    let apart = match (one.get(..rest(one)), other.get(..rest(other))) {
        (Some([_]), Some([] | [_])) | (Some([]), Some([_])) => true,
        (Some([a, b]), Some([c, d])) => a == d && b == c,
        _ => false,
    };
    alike > 0 && apart
}

/// Hashes of a word, and of it without each letter but the first.
fn each_key(word: &[u8], mut then: impl FnMut(u64)) {
    let digit = |octet: u8| u64::from(octet) + 1;
    let whole = word.iter().fold(0_u64, |hash, &octet| shift(hash, digit(octet)));
    then(whole);
    // From the end: what follows the letter left out, and what its place is worth.
    let (mut after, mut worth) = (0_u64, 1_u64);
    let mut before = whole;
    for &octet in word.iter().skip(1).rev() {
        // The hash of what stands before this letter, times the base.
        let own = worth.wrapping_mul(digit(octet));
        before = before.wrapping_sub(own);
        then(before.wrapping_mul(BASE_INVERSE).wrapping_add(after));
        after = after.wrapping_add(own);
        worth = worth.wrapping_mul(BASE);
    }
}

fn shift(hash: u64, digit: u64) -> u64 {
    hash.wrapping_mul(BASE).wrapping_add(digit)
}

/// The word of the sieve and the bit in it.
fn place(key: u64, words: usize) -> (usize, u64) {
    let mixed = key.wrapping_mul(GOLDEN) >> 32;
    ((mixed >> 6) as usize & (words - 1), 1 << (mixed & 63))
}

/// Odd, so that it has an inverse in 64 bits.
const BASE: u64 = 0x0000_0100_0000_01B3;
const BASE_INVERSE: u64 = inverse(BASE);

/// By Newton's rule: each step doubles the right bits.
const fn inverse(odd: u64) -> u64 {
    let mut found = odd;
    let mut step = 0;
    while step < 6 {
        found = found.wrapping_mul(2_u64.wrapping_sub(odd.wrapping_mul(found)));
        step += 1;
    }
    found
}

const LONGEST: usize = 40;
/// Of 16 bits one is set: of ten looks at an ordinary word few go further.
const BITS_FOR_A_KEY: usize = 16;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{classify::settings::Place, mail::Kind};

    fn list(slips: SlipsIn, words: &[&str]) -> TermList {
        TermList {
            name: String::new(),
            kind: Some(Kind::ClinicalTerm),
            weight: 2,
            letters: Letters::AnyCase,
            slips,
            words: words.iter().map(|&word| word.to_owned()).collect(),
            examples: Vec::new(),
            place: Place { file: "".into(), span: 0..0 },
        }
    }

    fn slips(words: &[&str]) -> Slips {
        let rules = settings::Slips { letters: 7, weight: 1 };
        Slips::new(&rules, &[list(SlipsIn::Count, words)], &["patent".to_owned()])
    }

    fn meant(word: &str) -> Option<String> {
        let slips =
            slips(&["metformin", "pneumonia", "patient", "gout", "migraine", "heart failure"]);
        slips.meant(word.as_bytes()).map(|word| String::from_utf8(word.to_vec()).unwrap())
    }

    #[test]
    fn one_letter_missing_too_many_wrong_or_two_changed_over_are_a_slip() {
        for slip in ["metfrmin", "mettformin", "metfornin", "metfromin", "metformi", "metforminn"] {
            assert_eq!(meant(slip).as_deref(), Some("metformin"), "{slip}");
        }
        assert_eq!(meant("migranes").as_deref(), Some("migraine"));
    }

    #[test]
    fn two_letters_wrong_the_first_one_or_a_digit_are_none() {
        for word in ["metfrimin", "mitfornin", "netformin", "metform1n", "metformin", "mtefrmin"] {
            assert_eq!(meant(word), None, "{word}");
        }
    }

    #[test]
    fn short_words_and_words_of_a_phrase_have_no_slips() {
        assert_eq!(meant("goutt"), None);
        assert_eq!(meant("failuer"), None);
    }

    #[test]
    fn an_ordinary_word_is_no_slip() {
        assert_eq!(meant("patent"), None);
        assert_eq!(meant("patiemt").as_deref(), Some("patient"));
    }

    #[test]
    fn a_list_can_do_without() {
        let rules = settings::Slips { letters: 7, weight: 1 };
        let lists = [list(SlipsIn::Ignore, &["metformin"]), list(SlipsIn::Count, &["pneumonia"])];
        let slips = Slips::new(&rules, &lists, &[]);
        assert_eq!(slips.meant(b"metfromin"), None);
        assert!(slips.meant(b"pnuemonia").is_some() && slips.count_in(1) && !slips.count_in(0));
    }

    #[test]
    fn nothing_listed_is_nothing_meant() {
        assert_eq!(Slips::default().meant(b"metfromin"), None);
        assert_eq!(slips(&[]).meant(b"metfromin"), None);
    }

    proptest! {
        #[test]
        fn every_slip_is_found_wherever_the_letter_stands(
            word in "[a-z]{7,20}", at in 1..19_usize, letter in proptest::char::range('a', 'z'),
        ) {
            let at = 1 + at % (word.len() - 1);
            let slips = slips(&[&word]);
            let mut written: Vec<u8> = word.bytes().collect();
            written.insert(at, letter as u8);
            let mut missing: Vec<u8> = word.bytes().collect();
            missing.remove(at);
            let mut wrong: Vec<u8> = word.bytes().collect();
            wrong[at] = letter as u8;
            for slip in [written, missing, wrong].iter().filter(|slip| **slip != word.as_bytes()) {
                prop_assert_eq!(slips.meant(slip), Some(word.as_bytes()));
            }
        }
    }
}
