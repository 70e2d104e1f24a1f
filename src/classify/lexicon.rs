//! Every listed word of every list, found in one pass over a reading.
//!
//! Words are compared by their letters and digits: case does not matter, and
//! whatever stands between two words (a space, a line break, a hyphen, a full
//! stop) is the same. So `nhs no`, `NHS_No.` and `nhs-no` are one, and
//! “date of / birth” is found across a line's end. A word counts only whole;
//! vocabulary also in the plural.

use std::{collections::HashMap, ops::Range};

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, BuildError, MatchKind};

/// What a listed word stands for. Numbers are places in the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// A term of the list of this number.
    Term(usize),
    /// A context of a detector, in the order they were entered.
    Context(usize),
    /// A word the detector of this number starts with.
    Start(usize),
    /// A word at the start of a line that opens the quiet zone of this number.
    Quiet(usize),
    Denial,
}

/// A listed word where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    /// What it stands for, as its [`Role`] numbers it.
    pub role: usize,
    /// The same for the same word, wherever it stands.
    pub word: usize,
    /// Octets of the stream.
    pub span: Range<usize>,
}

/// All listed words of a reading by their roles, each in the order of ends.
#[derive(Debug, Default)]
pub(super) struct Words {
    pub terms: Vec<Hit>,
    pub contexts: Vec<Hit>,
    pub starts: Vec<Hit>,
    pub quiets: Vec<Hit>,
    pub denials: Vec<Hit>,
    /// There were more than [`MOST_HITS`]: the rest was not looked at.
    pub is_cut_short: bool,
    count: usize,
}

pub(super) struct LexiconBuilder {
    words: HashMap<Vec<u8>, Vec<Role>>,
}

pub(super) struct Lexicon {
    /// None while there is no word at all.
    automaton: Option<AhoCorasick>,
    roles: Vec<Vec<Role>>,
}

impl LexiconBuilder {
    pub(super) fn new() -> Self {
        Self { words: HashMap::new() }
    }

    /// Enters a word; one without letters and digits is nothing to look for.
    pub(super) fn enter(&mut self, word: &str, role: Role) {
        let folded = Folded::of(word).octets;
        let bare = folded.trim_ascii();
        if bare.is_empty() {
            return;
        }
        let roles = self.words.entry([b" ", bare].concat()).or_default();
        if !roles.contains(&role) {
            roles.push(role);
        }
    }

    pub(super) fn build(self) -> Result<Lexicon, BuildError> {
        let mut entries: Vec<(Vec<u8>, Vec<Role>)> = self.words.into_iter().collect();
        // So that two builds of the same settings answer in the same order.
        entries.sort();
        let (words, roles): (Vec<_>, Vec<_>) = entries.into_iter().unzip();
        let automaton = match words.is_empty() {
            true => None,
            false => Some(
                AhoCorasickBuilder::new()
                    .kind(Some(AhoCorasickKind::DFA))
                    .match_kind(MatchKind::Standard)
                    .build(&words)?,
            ),
        };
        Ok(Lexicon { automaton, roles })
    }
}

impl Lexicon {
    pub(super) fn read(&self, text: &str) -> Words {
        let mut words = Words::default();
        let Some(automaton) = &self.automaton else { return words };
        let folded = Folded::of(text);
        for hit in automaton.find_overlapping_iter(&folded.octets) {
            let Some(ending) = ending(folded.octets.get(hit.end()..).unwrap_or_default()) else {
                continue;
            };
            // Words begin with the space before them.
            let end = text.ceil_char_boundary(folded.place(hit.end() - 1) + 1);
            let span = folded.place(hit.start() + 1)..end;
            let word = hit.pattern().as_usize();
            for &role in self.roles.get(word).into_iter().flatten() {
                if ending == Ending::Whole || matches!(role, Role::Term(_)) {
                    words.enter(role, word, span.clone());
                }
            }
            if words.count > MOST_HITS {
                words.is_cut_short = true;
                break;
            }
        }
        words
    }
}

impl Words {
    fn enter(&mut self, role: Role, word: usize, span: Range<usize>) {
        let (hits, role) = match role {
            Role::Term(list) => (&mut self.terms, list),
            Role::Context(context) => (&mut self.contexts, context),
            Role::Start(detector) => (&mut self.starts, detector),
            Role::Quiet(zone) => (&mut self.quiets, zone),
            Role::Denial => (&mut self.denials, 0),
        };
        hits.push(Hit { role, word, span });
        self.count += 1;
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Whole,
    Plural,
}

/// How a word ends, seen from what follows; nothing in the middle of one.
fn ending(rest: &[u8]) -> Option<Ending> {
    match rest {
        [] | [b' ', ..] => Some(Ending::Whole),
        [b's'] | [b's', b' ', ..] | [b'e', b's'] | [b'e', b's', b' ', ..] => Some(Ending::Plural),
        _ => None,
    }
}

/// A text's letters and digits in lower case, with one space for whatever
/// stands between them, and one before the first.
struct Folded {
    octets: Vec<u8>,
    /// Where octets were left out: the place after, and how many until there.
    /// It begins with the space that the text has not.
    gaps: Vec<(usize, usize)>,
}

impl Folded {
    fn of(text: &str) -> Self {
        let mut octets = Vec::with_capacity(text.len() + 1);
        octets.push(b' ');
        let mut gaps = Vec::new();
        let mut last = b' ';
        let mut left_out = 0;
        for octet in text.bytes() {
            let folded = match octet {
                // Of “£”: it is a word, whatever number is grown to it.
                0xA3 if last == 0xC2 => b' ',
                b'a'..=b'z' | b'0'..=b'9' | 0x80.. => octet,
                b'A'..=b'Z' => octet | 0x20,
                _ => b' ',
            };
            if folded != b' ' {
                if left_out > 0 {
                    gaps.push((octets.len(), left_out));
                    left_out = 0;
                }
                octets.push(folded);
            } else if last == b' ' {
                left_out += 1;
            } else {
                octets.push(b' ');
            }
            last = folded;
        }
        let mut sum = 0;
        for (_, left_out) in &mut gaps {
            sum += *left_out;
            *left_out = sum;
        }
        Self { octets, gaps }
    }

    /// Where in the text a folded letter or digit stands.
    fn place(&self, at: usize) -> usize {
        let next = self.gaps.partition_point(|&(after, _)| after <= at);
        let left_out =
            next.checked_sub(1).and_then(|gap| self.gaps.get(gap)).map_or(0, |gap| gap.1);
        // Less the space before the first.
        (at + left_out).saturating_sub(1)
    }
}

/// Of one reading: some 40 MB of memory.
const MOST_HITS: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lexicon(words: &[&str]) -> Lexicon {
        let mut builder = LexiconBuilder::new();
        for (at, word) in words.iter().enumerate() {
            builder.enter(word, Role::Term(at));
        }
        builder.build().unwrap()
    }

    fn found<'a>(words: &[&str], text: &'a str) -> Vec<&'a str> {
        let hits = lexicon(words).read(text).terms;
        hits.into_iter().map(|hit| text.get(hit.span).unwrap()).collect()
    }

    #[test]
    fn what_stands_between_words_does_not_matter() {
        for text in ["nhs no", "NHS_No.", "(nhs-no)", "NHS\nno 9", "  NHS\r\n - no"] {
            assert_eq!(found(&["nhs no"], text).len(), 1, "{text}");
        }
        assert_eq!(found(&["date of birth"], "Date of\nBirth"), ["Date of\nBirth"]);
    }

    #[test]
    fn only_whole_words_and_their_plurals_count() {
        assert_eq!(found(&["gout"], "gouty ragout gout's gouts gout"), ["gout", "gout", "gout"]);
        assert!(found(&["ms"], "forms ümsatz").is_empty());
    }

    #[test]
    fn a_word_inside_a_longer_one_is_found_too() {
        assert_eq!(found(&["diabetes", "type 2 diabetes"], "type 2 diabetes").len(), 2);
    }

    #[test]
    fn a_hit_stands_where_the_words_stand() {
        assert_eq!(found(&["b c", "d"], "(a), -- b.  c; d"), ["b.  c", "d"]);
        assert_eq!(found(&["a"], "a"), ["a"]);
        assert_eq!(found(&["£"], "for £20 each"), ["£"]);
    }

    #[test]
    fn nothing_listed_is_nothing_found() {
        assert!(found(&["", "  "], "anything").is_empty());
    }

    proptest! {
        #[test]
        fn every_hit_stands_in_the_text(text in "\\PC*") {
            for hit in lexicon(&["a", "b c", "é"]).read(&text).terms {
                prop_assert!(text.get(hit.span).is_some());
            }
        }
    }
}
