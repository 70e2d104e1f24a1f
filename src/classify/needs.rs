//! What a pattern cannot match without, read off the pattern itself.
//!
//! Most patterns are of numbers, and most text is not: one that needs so many
//! digits in so many octets is tried where those stand, and nowhere else. What
//! it finds is the same.

use regex_syntax::hir::{Class, Hir, HirKind, literal::Extractor};

/// What stands in every match of a pattern.
#[derive(Clone, Debug)]
pub(super) struct Needs {
    /// So many digits, one at least…
    pub digits: usize,
    /// …the first of them at most so many octets from the start…
    pub lead: Option<usize>,
    /// …of so many at most…
    pub longest: Option<usize>,
    /// …of these.
    octets: [bool; 256],
}

impl Needs {
    /// Nothing for a pattern that can match without a digit.
    pub(super) fn of(pattern: &Hir) -> Option<Self> {
        let digits = digits(pattern);
        let longest = pattern.properties().maximum_len();
        let lead = longest.and_then(|_| lead(pattern));
        let mut octets = [false; 256];
        add_octets(pattern, &mut octets);
        (digits > 0).then_some(Self { digits, lead, longest, octets })
    }

    /// Whether it can stand in a match.
    pub(super) fn can_hold(&self, octet: u8) -> bool {
        self.octets.get(usize::from(octet)).is_some_and(|&holds| holds)
    }
}

/// Words one of which stands in every match: those with which the rest of the
/// pattern begins from some piece on, where the shortest is longest.
pub(super) fn words(pattern: &Hir) -> Option<Vec<Vec<u8>>> {
    let pieces = match pattern.kind() {
        HirKind::Concat(pieces) => pieces.as_slice(),
        _ => std::slice::from_ref(pattern),
    };
    let beginnings = (0..pieces.len()).filter_map(|from| {
        let rest = pieces.get(from..)?.to_vec();
        let found = Extractor::new().extract(&Hir::concat(rest));
        let shortest = found.min_literal_len().filter(|&octets| octets >= SHORTEST_WORD)?;
        let words = found.literals()?.iter().map(|literal| literal.as_bytes().to_vec());
        Some((shortest, words.collect::<Vec<_>>()))
    });
    beginnings.max_by_key(|(shortest, _)| *shortest).map(|(_, words)| words)
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

/// Octets that can stand before the first digit that every match has.
fn lead(pattern: &Hir) -> Option<usize> {
    match pattern.kind() {
        HirKind::Literal(literal) => literal.0.iter().position(u8::is_ascii_digit),
        HirKind::Class(class) => is_digit(class).then_some(0),
        HirKind::Repetition(repetition) => lead(&repetition.sub).filter(|_| repetition.min > 0),
        HirKind::Capture(capture) => lead(&capture.sub),
        HirKind::Concat(pieces) => {
            let mut before = 0;
            for piece in pieces {
                match lead(piece) {
                    Some(within) => return Some(before + within),
                    None => before += piece.properties().maximum_len()?,
                }
            }
            None
        }
        HirKind::Alternation(choices) => {
            choices.iter().map(lead).try_fold(0, |most, lead| Some(most.max(lead?)))
        }
        HirKind::Empty | HirKind::Look(_) => None,
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

/// Adds all octets a match can have.
fn add_octets(pattern: &Hir, octets: &mut [bool; 256]) {
    let mut add = |from: u8, to: u8| {
        let range = octets.get_mut(usize::from(from)..=usize::from(to));
        range.into_iter().flatten().for_each(|octet| *octet = true);
    };
    match pattern.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => literal.0.iter().for_each(|&octet| add(octet, octet)),
        HirKind::Class(Class::Bytes(class)) => {
            class.iter().for_each(|range| add(range.start(), range.end()));
        }
        HirKind::Class(Class::Unicode(class)) => {
            for range in class.iter() {
                if let Ok(start) = u8::try_from(range.start()).map(|start| start.min(0x80)) {
                    add(start, u8::try_from(range.end()).unwrap_or(0x80).min(0x80));
                }
                // Of characters beyond ASCII nobody asks more.
                if range.end() >= '\u{80}' {
                    add(0x80, 0xFF);
                }
            }
        }
        HirKind::Repetition(repetition) => add_octets(&repetition.sub, octets),
        HirKind::Capture(capture) => add_octets(&capture.sub, octets),
        HirKind::Concat(pieces) | HirKind::Alternation(pieces) => {
            pieces.iter().for_each(|piece| add_octets(piece, octets));
        }
    }
}

/// What is shorter stands in nearly every text.
const SHORTEST_WORD: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(pattern: &str) -> Option<(usize, Option<usize>, Option<usize>)> {
        let needs = Needs::of(&regex_syntax::parse(pattern).unwrap());
        needs.map(|needs| (needs.digits, needs.lead, needs.longest))
    }

    #[test]
    fn what_every_match_has_is_needed() {
        assert_eq!(needs("[0-9]{3} ?[0-9]{4}"), Some((7, Some(0), Some(8))));
        assert_eq!(needs("[a-z]{1,4}(?P<value>[0-9]{2})x"), Some((2, Some(4), Some(7))));
        assert_eq!(needs("(?:ab7|[0-9]{2}|a?1[0-9])"), Some((1, Some(2), Some(3))));
        assert_eq!(needs("[0-9]?x[0-9]"), Some((1, Some(2), Some(3))));
        assert_eq!(needs("(?i)s[0-9]"), Some((1, Some(2), Some(3))));
        assert_eq!(needs("[a-z]+[0-9]"), Some((1, None, None)));
    }

    #[test]
    fn what_a_match_can_do_without_is_not() {
        for pattern in ["[0-9]?x", "(?:[0-9]|x)", "x", r"\d", "[0-9a]"] {
            assert_eq!(needs(pattern), None, "{pattern}");
        }
    }

    #[test]
    fn what_no_match_has_ends_it() {
        let needs = Needs::of(&regex_syntax::parse(r"[A-C](?i:s)[é-ë]?\.[0-9]").unwrap()).unwrap();
        assert!("ABC.sS09\u{e9}\u{17f}".bytes().all(|octet| needs.can_hold(octet)));
        assert!(!"DacR, \n".bytes().any(|octet| needs.can_hold(octet)));
    }

    #[test]
    fn a_pattern_says_which_words_it_needs() {
        let words = |pattern: &str| {
            let mut words = words(&regex_syntax::parse(pattern).unwrap())?;
            words.sort();
            Some(words.into_iter().map(|word| String::from_utf8(word).unwrap()).collect::<Vec<_>>())
        };
        let either = |words: [&str; 2]| Some(words.map(str::to_owned).to_vec());
        let birth = words("[A-Z][a-z]+ (?:born|date of birth)[^a-z]");
        assert_eq!(birth, either([" born", " date of birth"]));
        assert_eq!(words("[A-Z][a-z]+,(?:born|died)x"), either([",bornx", ",diedx"]));
        assert_eq!(words("[a-z]+(?:born)?"), None);
        assert_eq!(words("[a-z]+"), None);
    }
}
