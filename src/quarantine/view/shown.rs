//! Text as it is shown: masked, marked, and with nothing in it that is not
//! seen or that turns the direction of what is.

use super::{
    Mark, Span,
    secrets::{Care, Place, Secrets},
};
use crate::mail::Masked;

/// One character of what is shown.
pub(super) struct Shown<'a> {
    /// The octet of the text it comes from.
    pub(super) at: usize,
    pub(super) character: char,
    /// The marked place in which it stands: its number among those of the
    /// text, and what was found there.
    pub(super) mark: Option<(usize, &'a Mark)>,
}

/// Marked text, and whether it is all there is.
pub(super) struct Text {
    pub(super) spans: Vec<Span>,
    pub(super) is_whole: bool,
}

impl Secrets {
    /// At most so many octets of a text.
    pub(super) fn text(&self, text: &str, longest: usize, care: Care) -> Text {
        let mut spans: Vec<Span> = Vec::new();
        let mut last = None;
        let is_whole = self.show(text, longest, care, |shown| {
            let place = shown.mark.map(|(place, _)| place);
            match spans.last_mut().filter(|_| last == place) {
                Some(span) => span.text.push(shown.character),
                None => spans.push(Span {
                    text: shown.character.to_string(),
                    mark: shown.mark.map(|(_, mark)| mark.clone()),
                }),
            }
            last = place;
        });
        Text { spans, is_whole }
    }

    /// A text that is to stand on one line, unmarked.
    pub(super) fn line(&self, text: &str, care: Care) -> String {
        let mut line = String::new();
        let is_whole = self.show(text, LONGEST_LINE, care, |shown| {
            line.push(if matches!(shown.character, '\n' | '\t') { ' ' } else { shown.character });
        });
        if !is_whole {
            line.push('…');
        }
        line
    }

    /// Gives every character that is shown to `each`; says whether that is all.
    pub(super) fn show<'a>(
        &'a self,
        text: &str,
        longest: usize,
        care: Care,
        mut each: impl FnMut(Shown<'a>),
    ) -> bool {
        // What stands across the end must be known to be left out whole.
        let known = text.floor_char_boundary(longest.saturating_add(BEYOND));
        let text_known = text.get(..known).unwrap_or_default();
        let places = self.places(text_known, care);
        let mut end = text_known.floor_char_boundary(longest);
        if let Some(cut) = places.iter().find(|place| place.range.contains(&end)) {
            end = if end < text_known.len() { cut.range.start } else { end };
        }
        let mut at = 0;
        for (number, place) in places.iter().enumerate().filter(|(_, one)| one.range.end <= end) {
            self.plain(text, at..place.range.start, &mut each);
            let mark = self.mark(place).map(|mark| (number, mark));
            for (offset, character) in self.of_place(text, place) {
                let at = place.range.start + offset;
                if let Some(character) = visible(character, text, at) {
                    each(Shown { at, character, mark });
                }
            }
            at = place.range.end;
        }
        self.plain(text, at..end, &mut each);
        end == text.len()
    }

    fn plain<'a>(
        &'a self,
        text: &str,
        range: std::ops::Range<usize>,
        each: &mut impl FnMut(Shown<'a>),
    ) {
        let start = range.start;
        for (offset, character) in text.get(range).unwrap_or_default().char_indices() {
            let at = start + offset;
            if let Some(character) = visible(character, text, at) {
                each(Shown { at, character, mark: None });
            }
        }
    }

    /// The characters of a place, with their offsets in it.
    fn of_place(&self, text: &str, place: &Place) -> Vec<(usize, char)> {
        let value = text.get(place.range.clone()).unwrap_or_default();
        match (place.is_masked, place.found) {
            (false, _) => value.char_indices().collect(),
            // Masking keeps the number of characters.
            (true, Some(_)) => {
                let masked = Masked::of(value);
                let offsets = value.char_indices().map(|(offset, _)| offset);
                offsets.zip(masked.as_str().chars()).collect()
            }
            (true, None) => value
                .char_indices()
                .map(|(offset, c)| (offset, if c.is_alphanumeric() { '•' } else { c }))
                .collect(),
        }
    }
}

/// What a character is shown as; nothing where it is not to be seen.
fn visible(character: char, text: &str, at: usize) -> Option<char> {
    match character {
        '\n' | '\t' => Some(character),
        '\r' => (!text.get(at..).is_some_and(|rest| rest.starts_with("\r\n"))).then_some('␍'),
        // The pictures of control characters stand in their order.
        '\0'..='\u{1F}' => char::from_u32(0x2400 + u32::from(character)),
        '\u{7F}' => Some('␡'),
        '\u{80}'..='\u{9F}' => Some('\u{FFFD}'),
        // They turn the direction of what follows: a file's name reads as another's.
        '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => Some('\u{FFFD}'),
        '\u{00AD}'
        | '\u{034F}'
        | '\u{061C}'
        | '\u{180E}'
        | '\u{200B}'..='\u{200F}'
        | '\u{2060}'..='\u{2065}'
        | '\u{206A}'..='\u{206F}'
        | '\u{FEFF}'
        | '\u{E0000}'..='\u{E007F}' => None,
        _ => Some(character),
    }
}

/// Of a name or a reason.
const LONGEST_LINE: usize = 1_000;
/// Octets beyond the end of what is shown in which a value may end.
const BEYOND: usize = 4_096;
