//! What a pattern cannot match without, read off the pattern itself.
//!
//! Most patterns are of numbers, and most text is not: one that needs so many
//! digits in so many octets is tried where those stand, and nowhere else. What
//! it finds is the same.

use regex_syntax::hir::{Class, Hir, HirKind};

/// Digits that stand in every match of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    /// So many, at least one…
    pub digits: usize,
    /// …the first of them at most so many octets from the start…
    pub lead: usize,
    /// …of at most so many in all.
    pub longest: usize,
}

impl Needs {
    /// Nothing for a pattern that can match without a digit, or over any
    /// length.
    pub(super) fn of(pattern: &Hir) -> Option<Self> {
        let digits = digits(pattern);
        if digits == 0 {
            return None;
        }
        let longest = pattern.properties().maximum_len()?;
        (longest <= LONGEST).then_some(Self { digits, lead: lead(pattern)?, longest })
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

/// A longer pattern is tried everywhere.
const LONGEST: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn needs(pattern: &str) -> Option<(usize, usize, usize)> {
        let needs = Needs::of(&regex_syntax::parse(pattern).unwrap());
        needs.map(|needs| (needs.digits, needs.lead, needs.longest))
    }

    #[test]
    fn what_every_match_has_is_needed() {
        assert_eq!(needs("[0-9]{3} ?[0-9]{4}"), Some((7, 0, 8)));
        assert_eq!(needs("[a-z]{1,4}(?P<value>[0-9]{2})x"), Some((2, 4, 7)));
        assert_eq!(needs("(?:ab7|[0-9]{2}|a?1[0-9])"), Some((1, 2, 3)));
        assert_eq!(needs("[0-9]?x[0-9]"), Some((1, 2, 3)));
        assert_eq!(needs("(?i)s[0-9]"), Some((1, 2, 3)));
    }

    #[test]
    fn what_a_match_can_do_without_is_not() {
        for pattern in ["[0-9]?x", "(?:[0-9]|x)", "x", r"\d", "[0-9a]", "[a-z]+[0-9]", "[0-9]+"] {
            assert_eq!(needs(pattern), None, "{pattern}");
        }
    }
}
