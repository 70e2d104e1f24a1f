//! What a number is called: the word directly before it.
//!
//! “Ticket”, “leaflet”, “licence”: no list of what numbers are given to is
//! ever whole. So the words are listed that name nothing (“for”, “about”,
//! “and”) or a patient, and any other makes the number its own.

use std::{collections::HashSet, ops::Range};

use super::settings::Naming;

pub(super) struct Names {
    pub points: i32,
    unless: HashSet<String>,
}

impl Names {
    pub(super) fn new(naming: &Naming) -> Self {
        let unless = naming.unless.iter().map(|word| word.to_lowercase()).collect();
        Self { points: naming.points, unless }
    }

    /// The word that names the number at `start`, when one does. A word with a
    /// capital in the middle of a line may be somebody's name, and is let be.
    pub(super) fn naming(&self, text: &str, start: usize) -> Option<Range<usize>> {
        if self.points == 0 {
            return None;
        }
        let from = text.floor_char_boundary(start.saturating_sub(LONGEST_WORD));
        let near = text.get(from..start)?;
        let marks: &[char] = &[' ', ':', '#', '(', '[', '"', '\''];
        let before = near.trim_end_matches(marks);
        let end = from + before.len();
        if near.len() - before.len() > MOST_MARKS || near.len() == before.len() {
            return None;
        }
        let is_letter = |character: char| character.is_alphabetic() || character == '\'';
        let line = before.trim_end_matches(is_letter);
        let word = before.get(line.len()..)?;
        let opens_sentence = line
            .trim_end_matches(' ')
            .chars()
            .next_back()
            .is_none_or(|mark| ".:\n>".contains(mark));
        let may_be_a_name = word.starts_with(char::is_uppercase)
            && word.chars().any(char::is_lowercase)
            && !opens_sentence;
        let names = word.chars().count() > 1
            && !may_be_a_name
            && !self.unless.contains(&word.to_lowercase());
        names.then_some(end - word.len()..end)
    }
}

/// Octets looked at before a number.
const LONGEST_WORD: usize = 40;
/// Between the word and its number.
const MOST_MARKS: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    fn naming(text: &str) -> Option<&str> {
        let unless = ["for", "patient"].map(str::to_owned).to_vec();
        let names = Names::new(&Naming { points: -40, unless });
        names.naming(text, text.find('1').unwrap()).and_then(|word| text.get(word))
    }

    #[test]
    fn the_word_directly_before_a_number_names_it() {
        for text in ["see leaflet 123", "leaflet: 123", "leaflet #123", "(leaflet 123)"] {
            assert_eq!(naming(text), Some("leaflet"), "{text}");
        }
        assert_eq!(naming("Leaflet 123"), Some("Leaflet"));
    }

    #[test]
    fn words_for_nothing_and_for_patients_and_names_do_not() {
        for text in
            ["bloods for 123", "Patient 123", "ring Mavis 123", "123", "leaflet. 123", "4 123"]
        {
            assert_eq!(naming(text), None, "{text}");
        }
    }
}
