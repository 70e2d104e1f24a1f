//! Every listed word of every list, found in one pass over a reading.
//!
//! Words are compared by their letters and digits: case does not matter, and
//! whatever stands between two words (a space, a line break, a hyphen, a full
//! stop) is the same. So `nhs no`, `NHS_No.` and `nhs-no` are one, and
//! “date of / birth” is found across a line's end. A word counts only whole;
//! vocabulary also in the plural.
//!
//! What is listed may be several words, so the lists are a tree whose branches
//! are words. It fits into a processor's cache; an automaton that goes from
//! octet to octet does not, and waits for memory all the time.

use std::{collections::HashMap, ops::Range};

use super::{
    slips::Slips,
    vocabulary::{Quick, Vocabulary, WordReader},
};

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
    pub ending: Ending,
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

#[derive(Default)]
pub(super) struct LexiconBuilder {
    entries: HashMap<Vec<Vec<u8>>, Vec<Role>>,
}

#[derive(Default)]
pub(super) struct Lexicon {
    vocabulary: Vocabulary,
    /// By the number of their first word.
    firsts: Vec<Option<usize>>,
    nodes: Vec<Node>,
    /// From a node by the number of a word.
    branches: HashMap<(usize, usize), usize, Quick>,
    /// By entry.
    roles: Vec<Vec<Role>>,
    slips: Slips,
}

/// So many words of a list in a row.
#[derive(Clone, Copy, Default)]
struct Node {
    /// The entry that ends here.
    entry: Option<usize>,
    branches: bool,
}

impl LexiconBuilder {
    /// Enters a word; one without letters and digits is nothing to look for.
    pub(super) fn enter(&mut self, word: &str, role: Role) {
        let mut reader = WordReader::new(word);
        let mut words = Vec::new();
        while reader.advance().is_some() {
            words.push(reader.folded().to_vec());
        }
        if words.is_empty() {
            return;
        }
        let roles = self.entries.entry(words).or_default();
        if !roles.contains(&role) {
            roles.push(role);
        }
    }

    pub(super) fn build(self) -> Lexicon {
        let mut entries: Vec<(Vec<Vec<u8>>, Vec<Role>)> = self.entries.into_iter().collect();
        // So that two builds of the same settings answer in the same order.
        entries.sort();
        let mut lexicon = Lexicon::default();
        for (words, roles) in entries {
            lexicon.plant(&words, roles);
        }
        lexicon
    }
}

impl Lexicon {
    fn plant(&mut self, words: &[Vec<u8>], roles: Vec<Role>) {
        let mut last: Option<usize> = None;
        for word in words {
            let number = self.vocabulary.enter(word);
            let next = self.nodes.len();
            let node = match last {
                None => {
                    self.firsts.resize(self.firsts.len().max(number + 1), None);
                    self.firsts.get_mut(number).map_or(next, |first| *first.get_or_insert(next))
                }
                Some(last) => *self.branches.entry((last, number)).or_insert(next),
            };
            if node == next {
                self.nodes.push(Node::default());
            }
            if let Some(last) = last.and_then(|last| self.nodes.get_mut(last)) {
                last.branches = true;
            }
            last = Some(node);
        }
        if let Some(last) = last.and_then(|last| self.nodes.get_mut(last)) {
            last.entry = Some(self.roles.len());
        }
        self.roles.push(roles);
    }

    pub(super) fn read(&self, text: &str) -> Words {
        let mut words = Words::default();
        let mut reading = Reading { lexicon: self, open: Vec::new(), ended: Vec::new() };
        let mut reader = WordReader::new(text);
        while let Some(place) = reader.advance() {
            reading.word(reader.folded(), &place);
            for Ended { entry, ending, span } in reading.ended.drain(..) {
                let span = span.start..text.ceil_char_boundary(span.end);
                for &role in self.roles.get(entry).into_iter().flatten() {
                    if self.may_end(role, ending) && !is_name(ending, text, span.start) {
                        words.enter(role, entry, span.clone(), ending);
                    }
                }
                if words.count > MOST_HITS {
                    words.is_cut_short = true;
                    return words;
                }
            }
        }
        words
    }

    /// Takes on that words one slip away count too.
    pub(super) fn with_slips(self, slips: Slips) -> Self {
        Self { slips, ..self }
    }

    /// The listed word that one in a text was meant to be.
    pub(super) fn meant(&self, word: &str) -> Option<String> {
        let meant = self.slips.meant(word.to_lowercase().as_bytes())?;
        Some(String::from_utf8_lossy(meant).into_owned())
    }

    fn may_end(&self, role: Role, ending: Ending) -> bool {
        match (ending, role) {
            (Ending::Whole, _) | (Ending::Plural, Role::Term(_)) => true,
            (Ending::Slip, Role::Term(list)) => self.slips.count_in(list),
            (Ending::Plural | Ending::Slip, _) => false,
        }
    }

    /// The entry that is one word, of which another is a slip.
    fn entry_meant(&self, word: &[u8]) -> Option<usize> {
        let number = self.vocabulary.number(self.slips.meant(word)?)?;
        self.node(self.first(number)?).entry
    }

    fn first(&self, word: usize) -> Option<usize> {
        self.firsts.get(word).copied().flatten()
    }

    fn node(&self, number: usize) -> Node {
        self.nodes.get(number).copied().unwrap_or_default()
    }
}

/// Whether a slip is rather somebody's name: one capital in midst of a sentence.
fn is_name(ending: Ending, text: &str, start: usize) -> bool {
    let (before, word) = text.split_at_checked(start).unwrap_or_default();
    let mut letters = word.chars();
    ending == Ending::Slip
        && letters.next().is_some_and(char::is_uppercase)
        && letters.next().is_some_and(char::is_lowercase)
        && before.strip_suffix(' ').is_some_and(|before| before.ends_with(char::is_alphanumeric))
}

impl Words {
    fn enter(&mut self, role: Role, word: usize, span: Range<usize>, ending: Ending) {
        let (hits, role) = match role {
            Role::Term(list) => (&mut self.terms, list),
            Role::Context(context) => (&mut self.contexts, context),
            Role::Start(detector) => (&mut self.starts, detector),
            Role::Quiet(zone) => (&mut self.quiets, zone),
            Role::Denial => (&mut self.denials, 0),
        };
        hits.push(Hit { role, word, span, ending });
        self.count += 1;
    }
}

/// A text, read up to some word.
struct Reading<'a> {
    lexicon: &'a Lexicon,
    /// Where what may become an entry begins, and the node it has come to; in
    /// the order of beginnings.
    open: Vec<(usize, usize)>,
    /// What ended in the last word, in the order of ends, then of beginnings.
    ended: Vec<Ended>,
}

struct Ended {
    entry: usize,
    ending: Ending,
    span: Range<usize>,
}

/// How a listed word stands in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    Whole,
    Plural,
    /// As another word that no list knows, one slip away.
    Slip,
}

impl Reading<'_> {
    fn word(&mut self, word: &[u8], place: &Range<usize>) {
        let Self { lexicon, open, ended } = self;
        for letters in ["es", "s"] {
            let stem = word.strip_suffix(letters.as_bytes());
            let Some(number) = stem.and_then(|stem| lexicon.vocabulary.number(stem)) else {
                continue;
            };
            let end = place.end - letters.len();
            let branch = |&(start, node)| Some((start, *lexicon.branches.get(&(node, number))?));
            let first = lexicon.first(number).map(|node| (place.start, node));
            for (start, node) in open.iter().filter_map(branch).chain(first) {
                if let Some(entry) = lexicon.node(node).entry {
                    ended.push(Ended { entry, ending: Ending::Plural, span: start..end });
                }
            }
        }
        let Some(number) = lexicon.vocabulary.number(word) else {
            open.clear();
            if ended.is_empty()
                && let Some(entry) = lexicon.entry_meant(word)
            {
                ended.push(Ended { entry, ending: Ending::Slip, span: place.clone() });
            }
            return;
        };
        let mut come_to = |start, number| {
            let node = lexicon.node(number);
            if let Some(entry) = node.entry {
                ended.push(Ended { entry, ending: Ending::Whole, span: start..place.end });
            }
            node.branches
        };
        open.retain_mut(|(start, node)| {
            let next = lexicon.branches.get(&(*node, number));
            next.is_some_and(|&next| {
                *node = next;
                come_to(*start, next)
            })
        });
        if let Some(first) = lexicon.first(number)
            && come_to(place.start, first)
        {
            open.push((place.start, first));
        }
    }
}

/// Of one reading: some 40 MB of memory.
const MOST_HITS: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lexicon(words: &[&str]) -> Lexicon {
        let mut builder = LexiconBuilder::default();
        for (at, word) in words.iter().enumerate() {
            builder.enter(word, Role::Term(at));
        }
        builder.build()
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
