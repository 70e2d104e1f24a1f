//! One stream a reading: the text as a reader takes it, not as it was typed.
//!
//! Full-width and other digits become ASCII ones, exotic spaces, dashes and
//! quotation marks their plain forms, ligatures letters; what cannot be seen
//! (zero-width characters, soft hyphens, direction marks) goes. Line breaks
//! stay: patterns say themselves where one may stand. Plain ASCII is not
//! copied. Source: Unicode Standard Annex 15 (compatibility forms), of which
//! this is the part that hides identifiers.

use std::{borrow::Cow, ops::Range};

use crate::content::OffsetMap;

#[derive(Debug)]
pub(crate) struct Stream<'a> {
    pub text: Cow<'a, str>,
    /// From octets of the stream to octets of the reading; absent where they
    /// are the same.
    map: Option<OffsetMap>,
}

impl<'a> Stream<'a> {
    pub(crate) fn of(text: &'a str) -> Self {
        if text.is_ascii() {
            return Self { text: Cow::Borrowed(text), map: None };
        }
        let mut folded =
            Folder { text: String::with_capacity(text.len()), map: OffsetMap::default() };
        folded.map.push(0, 0);
        folded.fold(text);
        Self { text: Cow::Owned(folded.text), map: Some(folded.map) }
    }

    /// Octets of the reading for octets of the stream.
    pub(crate) fn reading(&self, range: Range<usize>) -> Range<usize> {
        match &self.map {
            None => range,
            Some(map) => map.source(range.start)..map.source(range.end),
        }
    }
}

struct Folder {
    text: String,
    map: OffsetMap,
}

impl Folder {
    fn fold(&mut self, text: &str) {
        let mut kept = 0;
        for (at, character) in text.char_indices() {
            if character.is_ascii() {
                continue;
            }
            let Some(form) = plain_form(character) else { continue };
            let after = at + character.len_utf8();
            self.text.push_str(text.get(kept..at).unwrap_or_default());
            match form {
                Form::Gone => {}
                Form::Letter(plain) => self.text.push(plain),
                // A place inside a ligature is the place of the ligature.
                Form::Letters(plain) => plain.chars().for_each(|letter| {
                    self.map.push(self.text.len(), at);
                    self.text.push(letter);
                }),
            }
            self.map.push(self.text.len(), after);
            kept = after;
        }
        self.text.push_str(text.get(kept..).unwrap_or_default());
    }
}

enum Form {
    Gone,
    Letter(char),
    Letters(&'static str),
}

/// What a character is read as; nothing when it stands for itself.
fn plain_form(character: char) -> Option<Form> {
    let form = match character {
        '\u{00AD}'
        | '\u{034F}'
        | '\u{061C}'
        | '\u{180E}'
        | '\u{FEFF}'
        | '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}'
        | '\u{FE00}'..='\u{FE0F}'
        | '\u{E0000}'..='\u{E007F}' => Form::Gone,
        '\u{00A0}'
        | '\u{1680}'
        | '\u{2000}'..='\u{200A}'
        | '\u{202F}'
        | '\u{205F}'
        | '\u{3000}' => Form::Letter(' '),
        '\u{0085}' | '\u{2028}' | '\u{2029}' => Form::Letter('\n'),
        '\u{2010}'..='\u{2015}' | '\u{2043}' | '\u{2212}' | '\u{FE58}' | '\u{FE63}' => {
            Form::Letter('-')
        }
        '\u{2018}'..='\u{201B}' | '\u{2032}' | '\u{02BC}' => Form::Letter('\''),
        '\u{201C}'..='\u{201F}' | '\u{2033}' => Form::Letter('"'),
        '\u{2024}' | '\u{00B7}' | '\u{2219}' | '\u{22C5}' => Form::Letter('.'),
        '\u{2044}' | '\u{2215}' => Form::Letter('/'),
        '\u{FB00}' => Form::Letters("ff"),
        '\u{FB01}' => Form::Letters("fi"),
        '\u{FB02}' => Form::Letters("fl"),
        '\u{FB03}' => Form::Letters("ffi"),
        '\u{FB04}' => Form::Letters("ffl"),
        '\u{FF01}'..='\u{FF5E}' => Form::Letter(shifted(character, 0xFF01, '!')),
        '\u{1D7CE}'..='\u{1D7FF}' => Form::Letter(digit(character, 0x1D7CE)),
        '\u{0660}'..='\u{0669}' => Form::Letter(digit(character, 0x0660)),
        '\u{06F0}'..='\u{06F9}' => Form::Letter(digit(character, 0x06F0)),
        '\u{0966}'..='\u{096F}' => Form::Letter(digit(character, 0x0966)),
        '\u{2070}' | '\u{2074}'..='\u{2079}' => Form::Letter(digit(character, 0x2070)),
        '\u{2080}'..='\u{2089}' => Form::Letter(digit(character, 0x2080)),
        '\u{2460}'..='\u{2468}' => Form::Letter(digit(character, 0x245F)),
        _ => return None,
    };
    Some(form)
}

/// A digit of a row of digits that begins at `zero`; rows follow each other
/// in tens.
fn digit(character: char, zero: u32) -> char {
    char::from_digit((u32::from(character) - zero) % 10, 10).unwrap_or(character)
}

/// A character of a block that has ASCII's order, from `first` on.
fn shifted(character: char, first: u32, ascii: char) -> char {
    char::from_u32(u32::from(character) - first + u32::from(ascii)).unwrap_or(character)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_ascii_is_not_copied() {
        assert!(matches!(Stream::of("999 000 0018").text, Cow::Borrowed(_)));
    }

    #[test]
    fn hidden_and_foreign_characters_do_not_hide_a_number() {
        for written in [
            "\u{FF19}\u{FF19}\u{FF19} 000 0018",
            "9\u{200B}99\u{00A0}000\u{2009}00\u{00AD}18",
            "\u{1D7D7}\u{1D7E1}\u{1D7EB} 000 0018",
        ] {
            assert_eq!(Stream::of(written).text, "999 000 0018", "{written:?}");
        }
        assert_eq!(Stream::of("999\u{2011}000\u{2013}0018").text, "999-000-0018");
    }

    #[test]
    fn a_place_in_the_stream_leads_back_to_the_reading() {
        let text = "ünï\u{200B}code: \u{FF19}99\u{00A0}x";
        let stream = Stream::of(text);
        let at = stream.text.find("999").unwrap();
        let range = stream.reading(at..at + 3);
        assert_eq!(text.get(range), Some("\u{FF19}99"));
    }

    proptest! {
        #[test]
        fn every_place_of_the_stream_is_a_place_of_the_reading(text in "\\PC*[\u{200B}\u{A0}\u{FF10}-\u{FF19}a-z ]*") {
            let stream = Stream::of(&text);
            for (at, character) in stream.text.char_indices() {
                let range = stream.reading(at..at + character.len_utf8());
                prop_assert!(text.get(range).is_some());
            }
        }
    }
}
