//! What a pattern cannot match without, read off the pattern itself.
//!
//! Most patterns are of numbers, and most text is not: one that needs so many
//! digits in so many octets is tried where those stand, and nowhere else; and
//! one that needs one of a few words, around those. What it finds is the same.

use regex_syntax::hir::{Class, Hir, HirKind, literal::Extractor};

use super::reach::{Octets, Reach};

/// Digits that stand in every match of a pattern.
#[derive(Clone, Debug)]
pub(super) struct Needs {
    /// So many, one at least…
    pub digits: usize,
    /// …the first of them so far from the start…
    pub before: Reach,
    /// …and at most so many octets from the end…
    pub after: Option<usize>,
    /// …of these.
    octets: Octets,
}

/// Words one of which stands in every match of a pattern.
#[derive(Debug)]
pub(super) struct NeededWords {
    pub words: Vec<Vec<u8>>,
    /// What stands between the start of a match and the start of the word…
    pub before: Reach,
    /// …and between that and the end of the match.
    pub after: Reach,
}

impl Needs {
    /// Nothing for a pattern that can match without a digit.
    pub(super) fn of(pattern: &Hir) -> Option<Self> {
        let digits = digits(pattern);
        let (before, after) = around_digit(pattern)?;
        let (before, after) = (before.simplified(), after.most());
        Some(Self { digits, before, after, octets: Octets::of(pattern) })
    }

    /// Whether it can stand in a match.
    pub(super) fn can_hold(&self, octet: u8) -> bool {
        self.octets.contain(octet)
    }
}

impl NeededWords {
    /// Those with which the rest of the pattern begins from some piece on: few,
    /// and where the shortest is longest.
    pub(super) fn of(pattern: &Hir) -> Option<Self> {
        let pieces = pieces(pattern);
        let beginnings = (0..pieces.len()).filter_map(|from| {
            let (before, rest) = pieces.split_at_checked(from)?;
            let words = first_words(&Hir::concat(rest.to_vec()))?;
            let shortest = words.iter().map(Vec::len).min()?;
            let many = words.len();
            let found = Self { words, before: Reach::row(before), after: Reach::row(rest) };
            Some(((shortest, std::cmp::Reverse(many)), found))
        });
        beginnings.max_by_key(|(best, _)| *best).map(|(_, found)| found)
    }
}

/// The words with which a pattern begins, cut short where they would be many.
fn first_words(pattern: &Hir) -> Option<Vec<Vec<u8>>> {
    let found = Extractor::new().extract(pattern);
    let whole: Vec<Vec<u8>> =
        found.literals()?.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    let shortest = whole.iter().map(Vec::len).min().filter(|&octets| octets >= SHORTEST_WORD)?;
    (SHORTEST_WORD..=shortest.max(LONGEST_WORD)).rev().find_map(|longest| {
        let mut words = whole.clone();
        words.iter_mut().for_each(|word| word.truncate(longest));
        words.sort();
        words.dedup();
        (words.len() <= MOST_WORDS).then_some(words)
    })
}

fn pieces(pattern: &Hir) -> &[Hir] {
    match pattern.kind() {
        HirKind::Concat(pieces) => pieces.as_slice(),
        _ => std::slice::from_ref(pattern),
    }
}

/// What stands before the first digit that every match has, and from it on;
/// nothing where a match can do without.
fn around_digit(pattern: &Hir) -> Option<(Reach, Reach)> {
    match pattern.kind() {
        HirKind::Concat(pieces) => {
            let at = pieces.iter().position(|piece| digits(piece) > 0)?;
            let (before, rest) = pieces.split_at_checked(at)?;
            let (piece, rest) = rest.split_first()?;
            let (within, after) = around_digit(piece)?;
            Some((
                Reach::Row(vec![Reach::row(before), within]),
                Reach::Row(vec![after, Reach::row(rest)]),
            ))
        }
        HirKind::Alternation(choices) => {
            let around = choices.iter().map(around_digit).collect::<Option<Vec<_>>>()?;
            let (before, after) = around.into_iter().unzip();
            Some((Reach::Either(before), Reach::Either(after)))
        }
        HirKind::Capture(capture) => around_digit(&capture.sub),
        HirKind::Literal(literal) => {
            let at = literal.0.iter().position(u8::is_ascii_digit)?;
            Some((Reach::Octets(at), Reach::Octets(literal.0.len() - at)))
        }
        HirKind::Repetition(repetition) if repetition.min > 0 => {
            // The first copy's: the rest come after it.
            let (before, _) = around_digit(&repetition.sub)?;
            Some((before, Reach::of(pattern)))
        }
        HirKind::Class(class) if is_digit(class) => Some((Reach::Octets(0), Reach::Octets(1))),
        _ => None,
    }
}

/// How many digits every match has at least.
fn digits(pattern: &Hir) -> usize {
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => 0,
        HirKind::Literal(literal) => {
            literal.0.iter().filter(|octet| octet.is_ascii_digit()).count()
        }
        HirKind::Class(class) => usize::from(is_digit(class)),
        HirKind::Repetition(repetition) => {
            digits(&repetition.sub).saturating_mul(repetition.min as usize)
        }
        HirKind::Capture(capture) => digits(&capture.sub),
        HirKind::Concat(pieces) => pieces.iter().map(digits).fold(0, usize::saturating_add),
        HirKind::Alternation(choices) => choices.iter().map(digits).min().unwrap_or(0),
    }
}

/// Whether whatever it takes is a digit.
fn is_digit(class: &Class) -> bool {
    match class {
        Class::Unicode(class) => {
            class.iter().all(|range| range.start() >= '0' && range.end() <= '9')
        }
        Class::Bytes(class) => {
            class.iter().all(|range| range.start() >= b'0' && range.end() <= b'9')
        }
    }
}

/// What is shorter stands in nearly every text.
const SHORTEST_WORD: usize = 3;
/// What is longer is found no sooner.
const LONGEST_WORD: usize = 16;
/// So many are looked for at once, in no more time than one.
const MOST_WORDS: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(pattern: &str) -> Option<(usize, Option<usize>, Option<usize>)> {
        let needs = Needs::of(&regex_syntax::parse(pattern).unwrap());
        needs.map(|needs| (needs.digits, needs.before.most(), needs.after))
    }

    #[test]
    fn what_every_match_has_is_needed() {
        assert_eq!(needs("[0-9]{3} ?[0-9]{4}"), Some((7, Some(0), Some(8))));
        assert_eq!(needs("[a-z]{1,4}(?P<value>[0-9]{2})x"), Some((2, Some(4), Some(3))));
        assert_eq!(needs("(?:ab7|[0-9]{2}|a?1[0-9])"), Some((1, Some(2), Some(2))));
        assert_eq!(needs("[0-9]?x[0-9]"), Some((1, Some(2), Some(1))));
        assert_eq!(needs("(?i)s[0-9]"), Some((1, Some(2), Some(1))));
        assert_eq!(needs("(?:ab[0-9]){2,3}c"), Some((2, Some(2), Some(10))));
        assert_eq!(needs("[a-z]+[0-9]x{3}"), Some((1, None, Some(4))));
        assert_eq!(needs("[0-9][a-z]+"), Some((1, Some(0), None)));
    }

    #[test]
    fn what_a_match_can_do_without_is_not() {
        for pattern in ["[0-9]?x", "(?:[0-9]|x)", "x", r"\d", "[0-9a]"] {
            assert_eq!(needs(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn a_pattern_says_which_words_it_needs() {
        let words = |pattern: &str| {
            let words = NeededWords::of(&regex_syntax::parse(pattern).unwrap())?.words;
            Some(words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect::<Vec<_>>())
        };
        let either = |words: [&str; 2]| Some(words.map(str::to_owned).to_vec());
        let birth = words("[A-Z][a-z]+ (?:born|date of birth)[^a-z]");
        assert_eq!(birth, either([" born", " date of birth"]));
        assert_eq!(words("[A-Z][a-z]+,(?:born|died)x"), either([",bornx", ",diedx"]));
        assert_eq!(words("(?i)[a-z] born").unwrap().len(), 16);
        assert!(words("(?i)[a-z] date of birth").unwrap().len() <= MOST_WORDS);
        assert_eq!(words("[a-z]+(?:born)?"), None);
        assert_eq!(words("[a-z]+"), None);
    }
}
