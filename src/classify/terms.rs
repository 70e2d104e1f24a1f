//! Vocabulary that counts: listed terms less those that say nothing of a
//! patient.
//!
//! A term does not count inside a phrase of a list without a kind (“Diabetes
//! UK”), after a word that denies it (“no safeguarding concerns”), in a
//! signature block or disclaimer, or inside a longer term of its own kind that
//! weighs no less.

use std::{collections::HashSet, ops::Range};

use super::{
    lexicon::{Hit, Words},
    settings::{Letters, Opener, QuietZone, TermList},
};
use crate::mail::Kind;

pub(super) struct Terms {
    lists: Vec<List>,
    quiet: Vec<QuietZone>,
}

struct List {
    kind: Option<Kind>,
    weight: u32,
    /// Where letters count as written: the words, as written.
    as_written: Option<HashSet<String>>,
}

impl Terms {
    pub(super) fn new(lists: &[TermList], quiet: &[QuietZone]) -> Self {
        let lists = lists
            .iter()
            .map(|list| List {
                kind: list.kind,
                weight: list.weight,
                as_written: (list.letters == Letters::AsWritten)
                    .then(|| list.words.iter().cloned().collect()),
            })
            .collect();
        Self { lists, quiet: quiet.to_vec() }
    }

    /// The terms that count, with their kinds, in the order they stand.
    pub(super) fn counting(&self, text: &str, words: &Words) -> Vec<(Kind, Hit)> {
        let mut hits: Vec<&Hit> =
            words.terms.iter().filter(|hit| self.is_as_written(text, hit)).collect();
        hits.sort_by_key(|hit| (hit.span.start, usize::MAX - hit.span.end));
        let quiet = self.quiet_zones(text, &words.quiets);
        let mut zones = quiet.iter().peekable();
        let mut phrase_end = 0;
        let mut counting: Vec<(Kind, Hit)> = Vec::new();
        for hit in hits {
            while zones.next_if(|zone| zone.end <= hit.span.start).is_some() {}
            let quiet = zones.peek().is_some_and(|zone| zone.start <= hit.span.start);
            match self.lists.get(hit.role).and_then(|list| list.kind) {
                None => phrase_end = phrase_end.max(hit.span.end),
                Some(_) if quiet || hit.span.end <= phrase_end => {}
                Some(_) if is_denied(text, hit, &words.denials) => {}
                Some(kind) if self.is_inside_another(&counting, kind, hit) => {}
                Some(kind) => counting.push((kind, hit.clone())),
            }
        }
        counting
    }

    fn is_as_written(&self, text: &str, hit: &Hit) -> bool {
        let Some(words) = self.lists.get(hit.role).and_then(|list| list.as_written.as_ref()) else {
            return true;
        };
        // In capitals, a letter more is another abbreviation and no plural.
        let ends = !text.as_bytes().get(hit.span.end).is_some_and(u8::is_ascii_uppercase);
        ends && text.get(hit.span.clone()).is_some_and(|written| words.contains(written))
    }

    /// Whether a longer term of the same kind says it already and says no
    /// less, or says that it is a place (“diabetes clinic”), which weighs
    /// nothing. At each place the longest comes first.
    fn is_inside_another(&self, counting: &[(Kind, Hit)], kind: Kind, hit: &Hit) -> bool {
        let weight = |hit: &Hit| self.lists.get(hit.role).map_or(0, |list| list.weight);
        counting
            .iter()
            .rev()
            .take_while(|(_, other)| other.span.start + LONGEST_TERM > hit.span.start)
            .filter(|(other_kind, other)| *other_kind == kind && other.span.end >= hit.span.end)
            .any(|(_, other)| weight(other) == 0 || weight(other) >= weight(hit))
    }

    /// Where vocabulary does not count, in the order they begin.
    fn quiet_zones(&self, text: &str, openers: &[Hit]) -> Vec<Range<usize>> {
        let mut zones: Vec<Range<usize>> = Vec::new();
        for hit in openers.iter().filter(|hit| begins_line(text, hit.span.start)) {
            let Some(zone) = self.quiet.get(hit.role) else { continue };
            if zone.opener == Opener::FillsLine && !fills_line(text, hit.span.end) {
                continue;
            }
            let end = hit.span.end + lines_long(text, hit.span.end, zone.lines);
            match zones.last_mut() {
                Some(last) if hit.span.start <= last.end => last.end = last.end.max(end),
                _ => zones.push(hit.span.start..end),
            }
        }
        zones.extend(signatures(text));
        zones.sort_unstable_by_key(|zone| zone.start);
        zones
    }
}

/// What stands under a line of two dashes and a space, by which many programs
/// set a signature apart (RFC 3676 section 4.3).
fn signatures(text: &str) -> Vec<Range<usize>> {
    memchr::memmem::find_iter(text.as_bytes(), "\n--")
        .map(|at| at + "\n--".len())
        .filter_map(|from| {
            let line = text.get(from..)?.lines().next()?;
            line.trim().is_empty().then(|| from..from + lines_long(text, from, SIGNATURE_LINES))
        })
        .collect()
}

/// Whether a denial stands directly before: in the same sentence, with at
/// most a word or two between.
fn is_denied(text: &str, hit: &Hit, denials: &[Hit]) -> bool {
    let next = denials.partition_point(|denial| denial.span.end <= hit.span.start);
    let Some(denial) = next.checked_sub(1).and_then(|at| denials.get(at)) else { return false };
    let between = text.get(denial.span.end..hit.span.start).unwrap_or_default();
    hit.span.start - denial.span.end <= DENIAL_REACH
        && !between.contains(['.', ';', ':', '\n', '\t', '?', '!'])
        && ![" but ", " still "].iter().any(|turn| between.contains(turn))
        && !is_number_of_something(between)
}

/// Whether the “no” before it is short for number: “NHS no 999 000 0018, asthma”.
fn is_number_of_something(after: &str) -> bool {
    let digits = |word: &str| word.bytes().filter(u8::is_ascii_digit).count();
    let mut words = after.split_whitespace();
    words.next().is_some_and(|word| digits(word) > 0) || words.any(|word| digits(word) > 3)
}

fn begins_line(text: &str, at: usize) -> bool {
    let before = text.as_bytes().get(at.saturating_sub(LONGEST_INDENT)..at).unwrap_or_default();
    let indent = before.rsplit(|&octet| octet == b'\n').next().unwrap_or_default();
    let reaches_break = indent.len() < before.len() || at == before.len();
    reaches_break && indent.iter().all(|octet| b" \t>*|-".contains(octet))
}

/// Whether no more than a comma and a name follows on the line.
fn fills_line(text: &str, from: usize) -> bool {
    let near = text.get(from..text.floor_char_boundary(from + 4 * LONGEST_NAME));
    let rest = near.unwrap_or_default().lines().next().unwrap_or_default().trim();
    let marks = |character: char| !character.is_alphanumeric();
    rest.chars().all(marks)
        || rest.starts_with(marks)
            && rest.len() <= LONGEST_NAME
            && rest.split_whitespace().all(|word| !word.starts_with(char::is_lowercase))
}

/// Octets of the rest of this line and so many lines after it, not counting
/// lines with nothing on them.
fn lines_long(text: &str, from: usize, lines: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    let mut left = lines;
    let mut octets = 0;
    for (at, line) in rest.split_inclusive('\n').enumerate() {
        if at > 0 && ends_close(line) {
            break;
        }
        if at > 0 && !line.trim().is_empty() {
            let Some(fewer) = left.checked_sub(1) else { break };
            left = fewer;
        }
        octets += line.len();
    }
    octets
}

/// A row of a table, or the head of a quoted message: nobody signs with one.
fn ends_close(line: &str) -> bool {
    let line = line.trim_start_matches(['>', ' ']);
    line.trim().contains(['\t', '|']) || line.starts_with("-----") || line.starts_with("From:")
}

const SIGNATURE_LINES: usize = 8;
const DENIAL_REACH: usize = 24;
const LONGEST_INDENT: usize = 32;
const LONGEST_NAME: usize = 40;
const LONGEST_TERM: usize = 64;

#[cfg(test)]
mod tests {
    use super::{
        super::{
            lexicon::{LexiconBuilder, Role},
            settings::{Place, SlipsIn},
        },
        *,
    };

    fn list(kind: Option<Kind>, weight: u32, letters: Letters, words: &[&str]) -> TermList {
        TermList {
            name: String::new(),
            kind,
            weight,
            letters,
            slips: SlipsIn::Count,
            words: words.iter().map(|&word| word.to_owned()).collect(),
            examples: Vec::new(),
            place: Place { file: "".into(), span: 0..0 },
        }
    }

    fn counting(text: &str) -> Vec<&str> {
        let lists = [
            list(
                Some(Kind::ClinicalTerm),
                2,
                Letters::AnyCase,
                &["diabetes", "type 2 diabetes", "safeguarding concerns"],
            ),
            list(Some(Kind::ClinicalTerm), 2, Letters::AsWritten, &["MI"]),
            list(Some(Kind::ClinicalTerm), 1, Letters::AnyCase, &["diabetes review"]),
            list(None, 1, Letters::AnyCase, &["diabetes uk"]),
        ];
        let quiet = [QuietZone {
            name: String::new(),
            opens: vec!["kind regards".to_owned()],
            opener: Opener::FillsLine,
            lines: 2,
        }];
        let mut builder = LexiconBuilder::default();
        for (at, list) in lists.iter().enumerate() {
            list.words.iter().for_each(|word| builder.enter(word, Role::Term(at)));
        }
        builder.enter("kind regards", Role::Quiet(0));
        builder.enter("no", Role::Denial);
        let words = builder.build().read(text);
        let terms = Terms::new(&lists, &quiet).counting(text, &words);
        terms.into_iter().map(|(_, hit)| text.get(hit.span).unwrap()).collect()
    }

    #[test]
    fn a_term_counts_once_at_its_longest() {
        assert_eq!(counting("Has type 2 diabetes."), ["type 2 diabetes"]);
    }

    #[test]
    fn a_longer_term_that_weighs_less_hides_nothing() {
        assert_eq!(counting("diabetes review"), ["diabetes review", "diabetes"]);
    }

    #[test]
    fn an_abbreviation_counts_as_written_only() {
        assert_eq!(counting("MI in 2010, mi casa"), ["MI"]);
        assert_eq!(counting("two MIs, and MIS software"), ["MI"]);
    }

    #[test]
    fn a_phrase_about_nobody_takes_its_terms_with_it() {
        assert!(counting("Run for Diabetes UK!").is_empty());
    }

    #[test]
    fn a_denied_term_does_not_count_and_the_next_sentence_does() {
        assert!(counting("There are no known safeguarding concerns").is_empty());
        assert_eq!(counting("She said no. Diabetes clinic"), ["Diabetes"]);
        assert_eq!(counting("no, still diabetes"), ["diabetes"]);
    }

    #[test]
    fn no_is_also_short_for_number() {
        for text in
            ["NHS no 999 000 0018, diabetes", "Hosp No A123456 diabetes", "no RX 12345 diabetes"]
        {
            assert_eq!(counting(text), ["diabetes"], "{text}");
        }
        assert!(counting("no grade 3 diabetes").is_empty());
    }

    #[test]
    fn a_signature_block_says_nothing_and_ends() {
        let text = "Kind regards\n\nA. Person\nDiabetes Nurse\nHe has diabetes\n";
        assert_eq!(counting(text), ["diabetes"]);
        assert_eq!(counting("with kind regards to diabetes"), ["diabetes"]);
        assert_eq!(counting("Kind regards to her, who has\ndiabetes"), ["diabetes"]);
        assert_eq!(counting("Kind regards\nAnn Person\nbed 1\tdiabetes"), ["diabetes"]);
        assert!(counting("Kind regards, Ann Person\nDiabetes Nurse").is_empty());
        assert!(counting("Hello\n-- \nAnn Person\nDiabetes Nurse").is_empty());
        assert_eq!(counting("Hello\n-- diabetes"), ["diabetes"]);
    }
}
