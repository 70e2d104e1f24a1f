//! How far a match reaches before and after a place in it, read off its
//! pattern: so that a pattern is tried around what it cannot match without.

use regex_syntax::hir::{Class, Hir, HirKind};

/// What can stand between a place in a match and its start or end: no less
/// than any match has there.
#[derive(Clone, Debug)]
pub(super) enum Reach {
    /// So many octets at most.
    Octets(usize),
    /// Any number of these.
    Run(Octets),
    /// Each of these, in the order of the text.
    Row(Vec<Reach>),
    /// One of these.
    Either(Vec<Reach>),
}

/// A set of octets, each a bit.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Octets([u64; 4]);

impl Reach {
    pub(super) fn of(pattern: &Hir) -> Self {
        if let Some(longest) = pattern.properties().maximum_len() {
            return Self::Octets(longest);
        }
        match pattern.kind() {
            HirKind::Capture(capture) => Self::of(&capture.sub),
            HirKind::Concat(pieces) => Self::row(pieces),
            HirKind::Alternation(choices) => Self::Either(choices.iter().map(Self::of).collect()),
            HirKind::Repetition(repetition) if repetition.max.is_some_and(|most| most <= FEW) => {
                let copies = repetition.max.unwrap_or(0) as usize;
                Self::Row(vec![Self::of(&repetition.sub); copies])
            }
            _ => Self::Run(Octets::of(pattern)),
        }
    }

    pub(super) fn row(pieces: &[Hir]) -> Self {
        Self::Row(pieces.iter().map(Self::of).collect()).simplified()
    }

    /// The same in fewer steps.
    pub(super) fn simplified(self) -> Self {
        self.most().map_or(self, Self::Octets)
    }

    /// How many octets it is at most; nothing where there is no limit.
    pub(super) fn most(&self) -> Option<usize> {
        match self {
            Self::Octets(most) => Some(*most),
            Self::Run(_) => None,
            Self::Row(row) => row.iter().map(Self::most).sum(),
            Self::Either(choices) => {
                choices.iter().map(Self::most).try_fold(0, |most, choice| Some(most.max(choice?)))
            }
        }
    }

    /// The earliest place from which it leads up to `at`; nothing where a run
    /// is so long that looking for its start at each place would cost too much.
    #[inline]
    pub(super) fn start(&self, text: &[u8], at: usize) -> Option<usize> {
        match self {
            Self::Octets(most) => Some(at.saturating_sub(*most)),
            _ => self.start_of_runs(text, at),
        }
    }

    fn start_of_runs(&self, text: &[u8], at: usize) -> Option<usize> {
        match self {
            Self::Octets(most) => Some(at.saturating_sub(*most)),
            Self::Run(octets) => {
                let near = text.get(at.saturating_sub(LONGEST_RUN)..at)?;
                let run = near.iter().rev().take_while(|octet| octets.contain(**octet)).count();
                (run < LONGEST_RUN).then_some(at - run)
            }
            Self::Row(row) => row.iter().rev().try_fold(at, |at, piece| piece.start(text, at)),
            Self::Either(choices) => choices
                .iter()
                .try_fold(at, |start, choice| Some(start.min(choice.start(text, at)?))),
        }
    }

    /// The latest place to which it leads from `at`, as [`Self::start`].
    pub(super) fn end(&self, text: &[u8], at: usize) -> Option<usize> {
        match self {
            Self::Octets(most) => Some(text.len().min(at + most)),
            Self::Run(octets) => {
                let near = text.get(at..text.len().min(at + LONGEST_RUN))?;
                let run = near.iter().take_while(|octet| octets.contain(**octet)).count();
                (run < LONGEST_RUN).then_some(at + run)
            }
            Self::Row(row) => row.iter().try_fold(at, |at, piece| piece.end(text, at)),
            Self::Either(choices) => {
                choices.iter().try_fold(at, |end, choice| Some(end.max(choice.end(text, at)?)))
            }
        }
    }
}

impl Octets {
    /// All that a match can have.
    pub(super) fn of(pattern: &Hir) -> Self {
        let mut octets = Self::default();
        octets.add_pattern(pattern);
        octets
    }

    pub(super) fn contain(&self, octet: u8) -> bool {
        let bits = self.0.get(usize::from(octet / 64)).copied().unwrap_or(0);
        bits >> (octet % 64) & 1 == 1
    }

    fn add(&mut self, from: u8, to: u8) {
        for octet in from..=to {
            if let Some(bits) = self.0.get_mut(usize::from(octet / 64)) {
                *bits |= 1 << (octet % 64);
            }
        }
    }

    fn add_pattern(&mut self, pattern: &Hir) {
        match pattern.kind() {
            HirKind::Empty | HirKind::Look(_) => {}
            HirKind::Literal(literal) => literal.0.iter().for_each(|&octet| self.add(octet, octet)),
            HirKind::Class(Class::Bytes(class)) => {
                class.iter().for_each(|range| self.add(range.start(), range.end()));
            }
            HirKind::Class(Class::Unicode(class)) => {
                for range in class.iter() {
                    if let Ok(start) = u8::try_from(range.start()).map(|start| start.min(0x80)) {
                        self.add(start, u8::try_from(range.end()).unwrap_or(0x80).min(0x80));
                    }
                    // Of characters beyond ASCII nobody asks more.
                    if range.end() >= '\u{80}' {
                        self.add(0x80, 0xFF);
                    }
                }
            }
            HirKind::Repetition(repetition) => self.add_pattern(&repetition.sub),
            HirKind::Capture(capture) => self.add_pattern(&capture.sub),
            HirKind::Concat(pieces) | HirKind::Alternation(pieces) => {
                pieces.iter().for_each(|piece| self.add_pattern(piece));
            }
        }
    }
}

/// Repetitions that are told piece by piece.
const FEW: u32 = 4;
/// Octets of a run that are looked at from each place: no word is so long.
const LONGEST_RUN: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(pattern: &str) -> Reach {
        Reach::of(&regex_syntax::parse(pattern).unwrap())
    }

    fn around<'a>(pattern: &str, text: &'a str) -> Option<&'a str> {
        let at = text.find('!').unwrap();
        let (before, after) = (reach(pattern), reach(pattern));
        text.get(before.start(text.as_bytes(), at)?..after.end(text.as_bytes(), at + 1)?)
    }

    #[test]
    fn a_reach_goes_as_far_as_its_octets_and_runs() {
        assert_eq!(around("[0-9]{1,3}", "abcdef!ghijkl"), Some("def!ghi"));
        assert_eq!(around("[a-z]+", "A word!s here"), Some("word!s"));
        assert_eq!(around("[a-z]+ [a-z]+", "A few words!of one line"), Some("few words!of one"));
        assert_eq!(around("(?:[a-z]+|[0-9]{2})", "9 9 7!abc d"), Some(" 7!abc"));
        assert_eq!(around("(?: [a-z]+)?", "one two!"), Some(" two!"));
        assert_eq!(around("[a-z]+", &format!("!{}", "x".repeat(LONGEST_RUN))), None);
    }

    #[test]
    fn only_a_reach_without_runs_has_a_limit() {
        assert_eq!(reach("a{1,3}(?:bc|d)").most(), Some(5));
        assert_eq!(reach("a{1,3}(?:b+|d)").most(), None);
    }

    #[test]
    fn a_set_has_what_a_match_can_have() {
        let octets = Octets::of(&regex_syntax::parse(r"[A-C](?i:s)[é-ë]?\.[0-9]").unwrap());
        assert!("ABC.sS09\u{e9}\u{17f}".bytes().all(|octet| octets.contain(octet)));
        assert!(!"DacR, \n".bytes().any(|octet| octets.contain(octet)));
    }
}
