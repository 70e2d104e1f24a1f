//! What a font says of one code.

/// As a font shows it.
#[derive(Clone, Debug, PartialEq)]
pub(in super::super) struct Glyph {
    pub(in super::super) code: u32,
    pub(in super::super) meaning: Meaning,
    /// How far the next one stands, in parts of the font's size.
    pub(in super::super) width: f64,
    /// Code 32 of one octet, which word spacing widens (section 9.3.3).
    pub(in super::super) is_word_space: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Meaning {
    Text(String),
    /// Nothing says what it is; it may be this.
    Guess(char),
    Unknown,
}

impl Meaning {
    /// Text that says something: no private use, no placeholder.
    pub(super) fn of(text: String) -> Option<Self> {
        let says = |letter: char| {
            letter != '\0'
                && letter != '\u{fffd}'
                && !('\u{e000}'..='\u{f8ff}').contains(&letter)
                && letter < '\u{f0000}'
        };
        (!text.is_empty() && text.chars().all(says)).then_some(Self::Text(text))
    }

    pub(super) fn character(letter: char) -> Option<Self> {
        Self::of(letter.to_string())
    }
}
