//! Whether a tag line already stands in a text: once a message, once a thread.
//!
//! A reply quotes it re-wrapped, behind `> `, in another encoding, as HTML, or
//! with addresses written out between its words. What stays is letters and
//! digits in their order, so only those are compared, a stretch at a time.

use crate::mail::Disclaimer;

/// A tag line, ready to be looked for.
#[derive(Debug)]
pub(super) struct Recogniser {
    wordings: Vec<Wording>,
}

#[derive(Debug)]
struct Wording {
    /// Stretches of the folded text, in order.
    stretches: Vec<String>,
    /// The longest words, as written: where hardly any occurs, a text need
    /// not be folded at all.
    words: Vec<String>,
}

impl Recogniser {
    /// `html_text` is the text of the HTML wording.
    pub(super) fn new(disclaimer: &Disclaimer, html_text: &str) -> Self {
        let wordings = [disclaimer.plain.as_str(), html_text]
            .into_iter()
            .map(Wording::new)
            .filter(|wording| !wording.stretches.is_empty())
            .collect();
        Self { wordings }
    }

    /// Whether the tag line may stand in octets that hold a text in a charset
    /// which extends ASCII: quick, and never wrongly no.
    pub(super) fn may_stand_in(&self, octets: &[u8]) -> bool {
        self.wordings.iter().any(|wording| wording.may_stand_in(octets))
    }

    pub(super) fn stands_in(&self, text: &str) -> bool {
        let folded = folded(text);
        self.wordings.iter().any(|wording| wording.stands_in(&folded))
    }
}

impl Wording {
    fn new(text: &str) -> Self {
        let folded: Vec<char> = folded(text).chars().take(STRETCH * MAX_STRETCHES).collect();
        let whole = folded.chunks_exact(STRETCH);
        let stretches = if folded.len() < STRETCH {
            vec![folded.iter().collect::<String>()]
        } else {
            whole.map(|stretch| stretch.iter().collect()).collect()
        };
        let stretches = stretches.into_iter().filter(|stretch| !stretch.is_empty()).collect();
        let mut words: Vec<String> = text
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|word| word.len() >= WORD)
            .map(str::to_owned)
            .collect();
        words.sort_by_key(|word| std::cmp::Reverse(word.len()));
        words.dedup();
        words.truncate(WORDS);
        Self { stretches, words }
    }

    fn may_stand_in(&self, octets: &[u8]) -> bool {
        let found = |word: &&String| memchr::memmem::find(octets, word.as_bytes()).is_some();
        self.words.len() < WORDS || self.words.iter().filter(found).count() * 4 >= WORDS
    }

    fn stands_in(&self, folded: &str) -> bool {
        let found = |stretch: &&String| {
            memchr::memmem::find(folded.as_bytes(), stretch.as_bytes()).is_some()
        };
        self.stretches.iter().filter(found).count() * 2 >= self.stretches.len()
    }
}

/// Letters and digits, in lower case.
pub(super) fn folded(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            if character.is_ascii_alphanumeric() {
                folded.push(character.to_ascii_lowercase());
            }
        } else if character.is_alphanumeric() {
            folded.extend(character.to_lowercase());
        }
    }
    folded
}

const STRETCH: usize = 32;
const MAX_STRETCHES: usize = 12;
const WORD: usize = 6;
const WORDS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "This message comes from the Example Hospitals Trust. It may be confidential.\n\
        If it has reached you by mistake, tell the sender and delete it: do not copy or disclose it.";

    fn recogniser() -> Recogniser {
        let disclaimer = Disclaimer { name: "x".into(), plain: PLAIN.into(), html: String::new() };
        Recogniser::new(&disclaimer, "")
    }

    #[test]
    fn a_quoted_and_rewrapped_tag_line_is_known() {
        let quoted = PLAIN.split(' ').collect::<Vec<_>>().join("\n> > ");
        assert!(recogniser().stands_in(&format!("Thanks!\n\n> {quoted}")));
        assert!(recogniser().may_stand_in(quoted.as_bytes()));
    }

    #[test]
    fn an_address_written_between_its_words_does_not_hide_it() {
        let text = PLAIN.replace("sender", "sender<mailto:sender@trust.test.example>");
        assert!(recogniser().stands_in(&text));
    }

    #[test]
    fn other_text_is_not_taken_for_it() {
        let other = "This message comes from nobody. It may be wet. Delete the mistake.";
        assert!(!recogniser().stands_in(other));
        assert!(!recogniser().stands_in(""));
        assert!(!recogniser().may_stand_in(b"hello"));
    }
}
