//! The cells of one sheet, and the words around them (ECMA-376 part 1 section
//! 18.3).

use super::{
    number_format::{Epoch, show},
    rows::Rows,
    styles::Styles,
};
use crate::content::document::office::xml::{Element, Visit};

pub(super) struct Cells<'w> {
    strings: &'w [String],
    styles: &'w Styles,
    epoch: Epoch,
    rows: Rows,
    /// Headers, footers, prompts and formulas with text in them.
    aside: String,
    /// Of the cell that is open.
    column: usize,
    style: usize,
    kind: String,
    value: String,
    /// Of the element that is open and read.
    inside: Inside,
    text: String,
    phonetic: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Inside {
    Markup,
    Value,
    Formula,
    HeaderOrFooter,
}

impl<'w> Cells<'w> {
    pub(super) fn new(
        title: &str,
        strings: &'w [String],
        styles: &'w Styles,
        epoch: Epoch,
    ) -> Self {
        Self {
            strings,
            styles,
            epoch,
            rows: Rows::titled(title),
            aside: String::new(),
            column: 0,
            style: 0,
            kind: String::new(),
            value: String::new(),
            inside: Inside::Markup,
            text: String::new(),
            phonetic: false,
        }
    }

    pub(super) fn finish(self) -> (Rows, String) {
        (self.rows, self.aside)
    }

    fn begin_cell(&mut self, element: &Element<'_>) {
        let place = element.attribute("r").and_then(|place| column_of(&place));
        self.column = place.unwrap_or(self.column);
        self.style = element.number("s").unwrap_or(0);
        self.kind = element.attribute("t").unwrap_or_default();
        self.value.clear();
    }

    fn end_cell(&mut self) {
        let format = self.styles.format(self.style);
        let value = self.value.as_str();
        let string = match self.kind.as_str() {
            "s" => value.trim().parse().ok().and_then(|index: usize| self.strings.get(index)),
            _ => None,
        };
        match (self.kind.as_str(), string, value.trim().parse::<f64>()) {
            ("s", Some(string), _) => self.rows.cell(self.column, &format.text(string), None),
            ("" | "n", _, Ok(number)) => {
                let shown = show(number, format, self.epoch);
                self.rows.cell(self.column, &shown.text, shown.stored.as_deref());
            }
            ("b", ..) => {
                let word = if value.trim() == "1" { "TRUE" } else { "FALSE" };
                self.rows.cell(self.column, word, None);
            }
            _ => self.rows.cell(self.column, &format.text(value), None),
        }
        self.column = self.column.saturating_add(1);
    }

    fn note(&mut self, text: &str) {
        if !text.trim().is_empty() {
            self.aside.push_str(text.trim());
            self.aside.push('\n');
        }
    }
}

impl Visit for Cells<'_> {
    fn start(&mut self, element: &Element<'_>) {
        match element.name() {
            "row" => self.column = 0,
            "c" => self.begin_cell(element),
            "rPh" => self.phonetic = true,
            "v" => self.inside = Inside::Value,
            "t" if !self.phonetic => self.inside = Inside::Value,
            "f" | "formula1" | "formula2" => self.inside = Inside::Formula,
            name if HEADERS_AND_FOOTERS.contains(&name) => self.inside = Inside::HeaderOrFooter,
            name if WITH_WORDS.contains(&name) => {
                for (name, value) in element.attributes() {
                    if WORDS.contains(&name) {
                        self.note(&value);
                    }
                }
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        let text = std::mem::take(&mut self.text);
        match (name, self.inside) {
            ("row", _) => self.rows.end_row(),
            ("c", _) => self.end_cell(),
            ("rPh", _) => self.phonetic = false,
            (_, Inside::Formula) if text.contains('"') => self.note(&text),
            (_, Inside::HeaderOrFooter) => self.note(&without_codes(&text)),
            _ => {}
        }
        self.inside = Inside::Markup;
    }

    fn text(&mut self, text: &str) {
        match self.inside {
            Inside::Markup => {}
            Inside::Value => self.value.push_str(text),
            Inside::Formula | Inside::HeaderOrFooter => self.text.push_str(text),
        }
    }
}

/// The column of a place such as `AB12`, counted from 0.
fn column_of(place: &str) -> Option<usize> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic).take(MAX_LETTERS);
    let number = letters.fold(0_usize, |number, letter| {
        number * 26 + usize::from(letter.to_ascii_uppercase() - b'A') + 1
    });
    number.checked_sub(1)
}

/// The text of a header or footer without its codes (section 18.3.1.46):
/// `&L`, `&C` and `&R` start its parts, `&"…"` and `&12` set the font.
pub(in crate::content::document::office) fn without_codes(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, code)) = rest.split_once('&') {
        shown.push_str(before);
        let mut characters = code.chars();
        rest = match characters.next() {
            Some('&') => {
                shown.push('&');
                characters.as_str()
            }
            Some('L' | 'C' | 'R') => {
                shown.push('\t');
                characters.as_str()
            }
            Some('"') => characters.as_str().split_once('"').map_or("", |(_, rest)| rest),
            Some('0'..='9') => code.trim_start_matches(|c: char| c.is_ascii_digit()),
            Some(_) => characters.as_str(),
            None => "",
        };
    }
    shown + rest
}

const HEADERS_AND_FOOTERS: [&str; 6] =
    ["oddHeader", "oddFooter", "evenHeader", "evenFooter", "firstHeader", "firstFooter"];
const WITH_WORDS: [&str; 5] =
    ["hyperlink", "dataValidation", "scenario", "inputCells", "protectedRange"];
const WORDS: [&str; 11] = [
    "comment",
    "display",
    "error",
    "errorTitle",
    "location",
    "name",
    "prompt",
    "promptTitle",
    "tooltip",
    "user",
    "val",
];
const MAX_LETTERS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_in_letters() {
        assert_eq!(
            ["A1", "Z9", "AA1", "XFD1", "7"].map(column_of),
            [Some(0), Some(25), Some(26), Some(16383), None]
        );
    }

    #[test]
    fn headers_lose_their_codes() {
        assert_eq!(without_codes("&L&\"Arial,Bold\"&12Ward &7&P && &Rx"), "\tWard  & \tx");
    }
}
