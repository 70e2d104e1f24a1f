//! Whether a tag line already stands in a text: once a message, once a thread.
//!
//! A reply quotes it re-wrapped, behind `> `, in another encoding, as HTML, or
//! with addresses written out between its words. What stays is letters and
//! digits in their order, so only those are compared, a stretch at a time.

use std::cell::OnceCell;

use crate::{content::html_text, mail::Disclaimer};

/// A tag line, ready to be looked for.
#[derive(Debug)]
pub(super) struct Recogniser<'d> {
    plain: Wording,
    /// HTML takes long to read beside all else, and is read where it must be.
    html: OnceCell<Wording>,
    disclaimer: &'d Disclaimer,
}

#[derive(Debug)]
struct Wording {
    /// Stretches of the folded text, in order.
    stretches: Vec<String>,
    /// The longest words, as written: where hardly any occurs, a text need
    /// not be folded at all.
    words: Vec<String>,
}

impl<'d> Recogniser<'d> {
    pub(super) fn new(disclaimer: &'d Disclaimer) -> Self {
        Self { plain: Wording::new(&disclaimer.plain), html: OnceCell::new(), disclaimer }
    }

    /// Whether the tag line may stand in octets that hold a text in a charset
    /// which extends ASCII: quick, and never wrongly no.
    pub(super) fn may_stand_in(&self, octets: &[u8]) -> bool {
        self.plain.may_stand_in(octets)
            || !self.plain.has_its_words_in(&self.disclaimer.html)
                && self.html().may_stand_in(octets)
    }

    pub(super) fn stands_in(&self, text: &str) -> bool {
        let folded = folded(text);
        self.plain.stands_in(&folded) || self.html().stands_in(&folded)
    }

    fn html(&self) -> &Wording {
        self.html.get_or_init(|| Wording::new(&html_text(&self.disclaimer.html)))
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
        !self.stretches.is_empty()
            && (self.words.len() < WORDS || self.words.iter().filter(found).count() * 4 >= WORDS)
    }

    /// Where both wordings have the same words, the one need not be read.
    fn has_its_words_in(&self, html: &str) -> bool {
        self.words.iter().all(|word| html.contains(word.as_str()))
    }

    fn stands_in(&self, folded: &str) -> bool {
        let found = |stretch: &&String| {
            memchr::memmem::find(folded.as_bytes(), stretch.as_bytes()).is_some()
        };
        !self.stretches.is_empty()
            && self.stretches.iter().filter(found).count() * 2 >= self.stretches.len()
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

    fn disclaimer(html: &str) -> Disclaimer {
        Disclaimer { name: "x".into(), plain: PLAIN.into(), html: html.to_owned() }
    }

    #[test]
    fn a_quoted_and_rewrapped_tag_line_is_known() {
        let quoted = PLAIN.split(' ').collect::<Vec<_>>().join("\n> > ");
        let disclaimer = disclaimer("");
        let recogniser = Recogniser::new(&disclaimer);
        assert!(recogniser.stands_in(&format!("Thanks!\n\n> {quoted}")));
        assert!(recogniser.may_stand_in(quoted.as_bytes()));
    }

    #[test]
    fn an_address_written_between_its_words_does_not_hide_it() {
        let text = PLAIN.replace("sender", "sender<mailto:sender@trust.test.example>");
        assert!(Recogniser::new(&disclaimer("")).stands_in(&text));
    }

    #[test]
    fn other_text_is_not_taken_for_it() {
        let other = "This message comes from nobody. It may be wet. Delete the mistake.";
        let disclaimer = disclaimer("");
        let recogniser = Recogniser::new(&disclaimer);
        assert!(!recogniser.stands_in(other));
        assert!(!recogniser.stands_in(""));
        assert!(!recogniser.may_stand_in(b"hello"));
    }

    #[test]
    fn a_wording_in_html_of_its_own_is_known_too() {
        let said = "Confidential correspondence: unauthorised distribution prohibited throughout \
                    organisations everywhere, notwithstanding circumstances.";
        let disclaimer = disclaimer(&format!("<p>{}</p>", said.replace(' ', " <b></b>")));
        let recogniser = Recogniser::new(&disclaimer);
        assert!(recogniser.may_stand_in(said.as_bytes()) && recogniser.stands_in(said));
        let same = self::disclaimer(&format!("<p>{PLAIN}</p>"));
        let recogniser = Recogniser::new(&same);
        assert!(!recogniser.may_stand_in(b"hello") && recogniser.html.get().is_none());
    }
}
