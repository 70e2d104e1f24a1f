//! What must not be seen, and where it stands in a text.
//!
//! Values are looked for as detectors read text (`classify::Stream`), in two
//! ways: longer ones anywhere, with nothing between their letters and digits
//! counting, so that `999 000 0018` is seen in `Letter_999-0000018.pdf`;
//! shorter ones as words, since `hiv` stands in `archive` too.

use std::{collections::HashMap, ops::Range, sync::LazyLock};

use aho_corasick::AhoCorasick;
use regex_automata::meta::Regex;

use super::{Mark, Sight};
use crate::{
    classify::{Classification, Found, Stream},
    mail::Kind,
};

pub(super) struct Secrets {
    sight: Sight,
    marks: Vec<Mark>,
    /// In the compact form of a text.
    anywhere: Patterns,
    /// In its spaced form, between spaces.
    words: Patterns,
    is_complete: bool,
}

/// A stretch of a text that is marked, or masked, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) range: Range<usize>,
    /// Which of the findings; none where it is masked to be safe.
    pub(super) found: Option<usize>,
    pub(super) is_masked: bool,
}

/// How much is masked where nothing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Care {
    /// Long numbers and dates.
    Usual,
    /// Nothing: for the day of the message itself.
    None,
}

impl Secrets {
    pub(super) fn of(classification: &Classification, left_out: &[Found], sight: Sight) -> Self {
        let mut gathered = Gathered::default();
        let mut marks = Vec::new();
        for found in &classification.findings {
            // A rule over whole parts, or a count: its value is no text of the
            // message. A word without weight (ward, clinic) tells of nobody.
            if found.source.is_none() || !found.counts() {
                continue;
            }
            let masked = sight == Sight::Masked && !found.finding.kind.names_nobody();
            gathered.add(found, Meant { found: Some(marks.len()), is_masked: masked });
            let finding = &found.finding;
            let why = finding.why.clone();
            marks.push(Mark { kind: finding.kind, confidence: finding.confidence, why });
        }
        if sight == Sight::Masked {
            for found in left_out.iter().filter(|found| found.counts()) {
                gathered.add(found, Meant { found: None, is_masked: true });
            }
        }
        let most = Classification::MOST_FINDINGS;
        let mut secrets = Self {
            sight,
            marks: Vec::new(),
            anywhere: Patterns::new(gathered.anywhere),
            words: Patterns::new(gathered.words),
            is_complete: classification.findings.len() < most && left_out.len() < most,
        };
        // A reason quotes what stands around, which may be a finding too.
        for mark in &mut marks {
            mark.why = secrets.line(&mark.why, Care::Usual);
        }
        secrets.marks = marks;
        secrets
    }

    pub(super) fn sight(&self) -> Sight {
        self.sight
    }

    /// Whether all that was found is known: else no text is fit to be seen.
    pub(super) fn are_complete(&self) -> bool {
        self.is_complete && self.anywhere.are_searched() && self.words.are_searched()
    }

    pub(super) fn mark(&self, place: &Place) -> Option<&Mark> {
        self.marks.get(place.found?)
    }

    /// Every place of a text that is not shown as it stands, in order; none
    /// touches another.
    pub(super) fn places(&self, text: &str, care: Care) -> Vec<Place> {
        let stream = Stream::of(text);
        let mut places = Vec::new();
        let mut add = |range: Range<usize>, meant: Meant| {
            let range = in_reading(text, &stream, range);
            places.push(Place { range, found: meant.found, is_masked: meant.is_masked });
        };
        let compact = Folded::compact(&stream.text);
        self.anywhere.search(&compact.text, |range, meant| add(compact.source(range), meant));
        let spaced = Folded::spaced(&stream.text);
        self.words.search(&spaced.text, |range, meant| {
            if spaced.is_word(&range) {
                add(spaced.source(range), meant);
            }
        });
        if self.sight == Sight::Masked && care == Care::Usual {
            let to_be_safe = Meant { found: None, is_masked: true };
            for found in [&*LONG_NUMBERS, &*DATES].into_iter().flatten() {
                found.find_iter(&*stream.text).for_each(|one| add(one.range(), to_be_safe));
            }
        }
        merged(places)
    }
}

/// Octets of the text for those of its stream: whole characters, at least one.
fn in_reading(text: &str, stream: &Stream<'_>, range: Range<usize>) -> Range<usize> {
    let last = stream.text.get(..range.end).and_then(|text| text.char_indices().next_back());
    let last = last.map_or(range.start, |(at, _)| at.max(range.start));
    let (start, last) = (stream.reading(range.start..last).start, stream.reading(last..range.end));
    let width =
        |at: usize| text.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
    start..last.end.max(last.start + width(last.start)).min(text.len())
}

/// Overlapping ones become one, which is masked if any of them is.
fn merged(mut places: Vec<Place>) -> Vec<Place> {
    places.sort_by_key(|place| (place.range.start, place.found.is_none(), place.found));
    let mut whole: Vec<Place> = Vec::with_capacity(places.len());
    for place in places {
        match whole.last_mut().filter(|last| place.range.start < last.range.end) {
            Some(last) => {
                last.range.end = last.range.end.max(place.range.end);
                last.found = last.found.or(place.found);
                last.is_masked |= place.is_masked;
            }
            None => whole.push(place),
        }
    }
    whole
}

/// What a match of a pattern means.
#[derive(Clone, Copy, Debug)]
struct Meant {
    found: Option<usize>,
    is_masked: bool,
}

#[derive(Default)]
struct Gathered {
    anywhere: HashMap<String, Meant>,
    words: HashMap<String, Meant>,
}

impl Gathered {
    fn add(&mut self, found: &Found, meant: Meant) {
        for value in [Some(&found.value), found.meant.as_ref()].into_iter().flatten() {
            self.add_value(value, meant);
            // A surname alone names its bearer; of what only looks like a name
            // the words stand everywhere.
            if found.finding.kind == Kind::PersonName && meant.found.is_some() {
                let words = value.split(|c: char| !c.is_alphanumeric());
                let named = words.filter(|word| !is_title(word) && word.chars().count() > 2);
                named.for_each(|word| self.add_value(word, meant));
            }
        }
    }

    fn add_value(&mut self, value: &str, meant: Meant) {
        let stream = Stream::of(value);
        let compact = Folded::compact(&stream.text).text;
        let (patterns, pattern) = match compact.chars().count() {
            0 => return,
            LONG.. => (&mut self.anywhere, compact),
            _ => (&mut self.words, Folded::spaced(&stream.text).text.trim().to_owned()),
        };
        let known = patterns.entry(pattern).or_insert(meant);
        known.is_masked |= meant.is_masked;
    }
}

fn is_title(word: &str) -> bool {
    TITLES.iter().any(|title| word.eq_ignore_ascii_case(title))
}

struct Patterns {
    /// None where there is nothing to look for; an error where it is too much.
    search: Option<Result<AhoCorasick, aho_corasick::BuildError>>,
    meant: Vec<Meant>,
}

impl Patterns {
    fn new(gathered: HashMap<String, Meant>) -> Self {
        let mut gathered: Vec<(String, Meant)> = gathered.into_iter().collect();
        gathered.sort_by(|(one, _), (other, _)| one.cmp(other));
        let patterns = gathered.iter().map(|(pattern, _)| pattern);
        let search = (!gathered.is_empty()).then(|| AhoCorasick::new(patterns));
        Self { search, meant: gathered.into_iter().map(|(_, meant)| meant).collect() }
    }

    fn are_searched(&self) -> bool {
        !matches!(self.search, Some(Err(_)))
    }

    fn search(&self, text: &str, mut each: impl FnMut(Range<usize>, Meant)) {
        let Some(Ok(search)) = &self.search else { return };
        for one in search.find_overlapping_iter(text) {
            if let Some(meant) = self.meant.get(one.pattern().as_usize()) {
                each(one.range(), *meant);
            }
        }
    }
}

/// A text of which only so much is left as values are told by, with the way
/// back.
#[derive(Default)]
struct Folded {
    text: String,
    /// Where the character stands of which each octet is.
    source: Vec<(usize, usize)>,
}

impl Folded {
    /// Letters and digits in small letters, and nothing else.
    fn compact(text: &str) -> Self {
        let mut folded = Self::default();
        for (at, character) in text.char_indices().filter(|(_, c)| c.is_alphanumeric()) {
            folded.push(at, character);
        }
        folded
    }

    /// The same with a space between words: also where `Letter` and `Hiv` meet
    /// in `LetterHiv2`, as they do in files' names.
    fn spaced(text: &str) -> Self {
        let (mut folded, mut before) = (Self::default(), ' ');
        for (at, character) in text.char_indices() {
            let turns = (before.is_lowercase() && character.is_uppercase())
                || (before.is_alphabetic() && character.is_numeric())
                || (before.is_numeric() && character.is_alphabetic());
            let is_part = character.is_alphanumeric();
            if (!is_part || turns) && !folded.text.ends_with(' ') {
                folded.text.push(' ');
                folded.source.push((at, at));
            }
            if is_part {
                folded.push(at, character);
            }
            before = character;
        }
        folded
    }

    fn push(&mut self, at: usize, character: char) {
        let before = self.text.len();
        self.text.extend(character.to_lowercase());
        let place = (at, at + character.len_utf8());
        self.source.extend(std::iter::repeat_n(place, self.text.len() - before));
    }

    fn is_word(&self, range: &Range<usize>) -> bool {
        let text = self.text.as_bytes();
        let is_edge = |octet: Option<&u8>| octet.is_none_or(|octet| *octet == b' ');
        is_edge(range.start.checked_sub(1).and_then(|at| text.get(at)))
            && is_edge(text.get(range.end))
    }

    fn source(&self, range: Range<usize>) -> Range<usize> {
        let start = self.source.get(range.start).map_or(0, |(start, _)| *start);
        let last = range.end.checked_sub(1).and_then(|last| self.source.get(last));
        start..last.map_or(start, |(_, end)| *end)
    }
}

/// Letters and digits from which on a value is looked for within words.
const LONG: usize = 5;

const TITLES: [&str; 8] = ["dame", "lady", "lord", "master", "miss", "mrs", "prof", "sir"];

/// Six digits or more, with what people write between them.
static LONG_NUMBERS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?-u)[0-9](?:[ ./()-]{0,2}[0-9]){5,}").ok());

/// In figures, or with the month in letters: one that lacks its year too.
static DATES: LazyLock<Option<Regex>> = LazyLock::new(|| {
    const MONTH: &str = "(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|\
                         aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)";
    let figures = r"[0-9]{1,4} ?[./-] ?[0-9]{1,2} ?[./-] ?[0-9]{1,4}";
    let day = "[0-9]{1,2}(?:st|nd|rd|th)?";
    let year = "'?[0-9]{2,4}";
    Regex::new(&format!(
        r"(?i-u)\b(?:{figures}|{day}[ .-]*(?:of )?{MONTH}\b(?:[ .,-]*{year}\b)?|{MONTH}[ .,-]*(?:{day}\b[ ,]*)?{year}\b|{MONTH} {day}\b)"
    ))
    .ok()
});

#[cfg(test)]
mod tests {
    use super::*;

    fn to_be_safe(text: &str) -> Vec<&str> {
        let secrets = Secrets::of(&Classification::default(), &[], Sight::Masked);
        let places = secrets.places(text, Care::Usual);
        places.iter().map(|place| text.get(place.range.clone()).unwrap()).collect()
    }

    #[test]
    fn long_numbers_and_dates_are_masked_found_or_not() {
        for masked in [
            "999 000 0018",
            "MRN:1234567",
            "01/02/1980",
            "1.2.80",
            "1980-02-01",
            "1st Feb 1980",
            "12 March",
            "March 1954",
            "September 3, 1954",
            "3-Sep-54",
            "\u{FF19}99 000 0018",
        ] {
            assert_eq!(to_be_safe(masked).len(), 1, "{masked}");
        }
        for shown in ["Room 12345", "at 10:30, 11:45", "24 hours", "May I", "3 marks", "1.5 mg"] {
            assert_eq!(to_be_safe(shown), Vec::<&str>::new(), "{shown}");
        }
    }

    #[test]
    fn both_patterns_are_there() {
        assert!(LONG_NUMBERS.is_some() && DATES.is_some());
    }

    #[test]
    fn words_end_where_files_names_put_them_together() {
        assert_eq!(Folded::spaced("LetterHiv2_B.pdf").text, "letter hiv 2 b pdf");
        assert_eq!(Folded::compact("O'Neil-Smith, 12/3").text, "oneilsmith123");
    }
}
