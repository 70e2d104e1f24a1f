//! "Did you mean": the known word nearest to one that is not known.

/// A sentence naming the nearest word, if one is near enough to be meant.
pub fn did_you_mean<'w>(
    written: &str,
    words: impl IntoIterator<Item = &'w (impl AsRef<str> + 'w + ?Sized)>,
) -> Option<String> {
    nearest(written, words).map(|word| format!("did you mean `{word}`?"))
}

/// The word at the least distance, if that is a third of its length or less.
pub fn nearest<'w>(
    written: &str,
    words: impl IntoIterator<Item = &'w (impl AsRef<str> + 'w + ?Sized)>,
) -> Option<&'w str> {
    let written: Vec<char> = written.to_lowercase().chars().take(LONGEST).collect();
    words
        .into_iter()
        .map(|word| (distance(&written, word.as_ref()), word.as_ref()))
        .filter(|(distance, word)| distance * 3 <= word.chars().count().max(3))
        .min()
        .map(|(_, word)| word)
}

/// How many letters must be changed, added, left out or swapped with their
/// neighbour (the optimal string alignment distance).
fn distance(written: &[char], word: &str) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=written.len()).collect();
    let mut previous_letter = None;
    for (row, letter) in word.chars().flat_map(char::to_lowercase).take(LONGEST).enumerate() {
        let mut current = vec![row + 1];
        let mut left_letter = None;
        for (column, &other) in written.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX);
            let substituted = at(&last, column) + usize::from(letter != other);
            let mut least =
                substituted.min(at(&last, column + 1) + 1).min(at(&current, column) + 1);
            if left_letter == Some(letter) && previous_letter == Some(other) {
                least = least.min(at(&before_last, column - 1) + 1);
            }
            current.push(least);
            left_letter = Some(other);
        }
        before_last = std::mem::replace(&mut last, current);
        previous_letter = Some(letter);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

/// Letters of a word that are compared: names in the files are shorter, and
/// the work grows with the square (law 7).
const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_of_the_finger_find_their_word() {
        let words = ["hold", "reject", "redirect", "level_above_clearance"];
        assert_eq!(nearest("hodl", words.iter()), Some("hold"));
        assert_eq!(nearest("Reject", words.iter()), Some("reject"));
        assert_eq!(nearest("redirct", words.iter()), Some("redirect"));
        assert_eq!(nearest("level-above-clearance", words.iter()), Some("level_above_clearance"));
    }

    #[test]
    fn a_word_unlike_any_finds_none() {
        assert_eq!(nearest("banana", ["hold", "reject"].iter()), None);
        assert_eq!(nearest("", ["hold"].iter()), None);
    }

    #[test]
    fn a_swap_counts_once() {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&letters("ab"), "ba"), 1);
        assert_eq!(distance(&letters("abc"), "abc"), 0);
        assert_eq!(distance(&letters("abc"), ""), 3);
        assert_eq!(distance(&letters(""), "abc"), 3);
        assert_eq!(distance(&letters("kitten"), "sitting"), 3);
    }
}
