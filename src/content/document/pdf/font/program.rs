//! Embedded font programs, asked which characters their glyphs show.

use std::collections::{HashMap, hash_map::Entry};

use ttf_parser::{Face, GlyphId, PlatformId, cff, cmap::Subtable};

use super::{super::lexer::Lexer, super::lexer::Token, glyph_name};

/// Of what a program says, only that which leads to text.
#[derive(Debug, Default)]
pub(super) struct Program {
    /// Texts of glyphs, by their number.
    glyphs: HashMap<u16, String>,
    /// Glyphs of codes, by the program's own encoding.
    codes: HashMap<u8, u16>,
    /// Texts of codes, where the program names them.
    names: HashMap<u8, String>,
}

impl Program {
    pub(super) fn parse(octets: &[u8]) -> Self {
        if let Ok(face) = Face::parse(octets, 0) {
            return Self::of_face(&face);
        }
        if let Some(table) = cff::Table::parse(octets) {
            return Self::of_cff(&table);
        }
        Self { names: type_1(octets), ..Self::default() }
    }

    pub(super) fn text_of_glyph(&self, glyph: u16) -> Option<&str> {
        self.glyphs.get(&glyph).map(String::as_str)
    }

    pub(super) fn text_of_code(&self, code: u8) -> Option<&str> {
        let named = || self.names.get(&code).map(String::as_str);
        let glyph = || self.text_of_glyph(*self.codes.get(&code)?);
        glyph().or_else(named)
    }

    fn of_face(face: &Face<'_>) -> Self {
        let mut program = Self::default();
        let subtables = || face.tables().cmap.map(|table| table.subtables).into_iter().flatten();
        for subtable in subtables().filter(Subtable::is_unicode).take(MOST_SUBTABLES) {
            program.take_characters(&subtable);
        }
        let others = subtables().filter(|subtable| !subtable.is_unicode());
        for subtable in others.take(MOST_SUBTABLES) {
            program.take_codes(&subtable);
        }
        for glyph in 0..face.number_of_glyphs().min(MOST_NAMES) {
            if let Entry::Vacant(entry) = program.glyphs.entry(glyph)
                && let Some(text) = face.glyph_name(GlyphId(glyph)).and_then(glyph_name::text)
            {
                entry.insert(text);
            }
        }
        program
    }

    /// Characters are asked for one by one: a table may claim ranges of them
    /// that take forever to list.
    fn take_characters(&mut self, subtable: &Subtable<'_>) {
        for letter in (' '..='\u{d7ff}').chain('\u{f900}'..='\u{ffef}') {
            if let Some(glyph) = subtable.glyph_index(u32::from(letter))
                && !letter.is_control()
            {
                self.glyphs.entry(glyph.0).or_insert_with(|| letter.to_string());
            }
        }
    }

    /// Codes of symbol fonts stand from U+F000 on; those of old Macintosh
    /// fonts are the font's own.
    fn take_codes(&mut self, subtable: &Subtable<'_>) {
        let offset = if subtable.platform_id == PlatformId::Windows { 0xf000 } else { 0 };
        for code in 0..=u8::MAX {
            let glyph = subtable
                .glyph_index(u32::from(code) + offset)
                .or_else(|| subtable.glyph_index(u32::from(code)));
            if let Some(glyph) = glyph.filter(|glyph| glyph.0 != 0) {
                self.codes.entry(code).or_insert(glyph.0);
            }
        }
    }

    fn of_cff(table: &cff::Table<'_>) -> Self {
        let mut program = Self::default();
        for glyph in 0..table.number_of_glyphs().min(MOST_NAMES) {
            if let Some(text) = table.glyph_name(GlyphId(glyph)).and_then(glyph_name::text) {
                program.glyphs.insert(glyph, text);
            }
        }
        for code in 0..=u8::MAX {
            if let Some(glyph) = table.glyph_index(code).filter(|glyph| glyph.0 != 0) {
                program.codes.insert(code, glyph.0);
            }
        }
        program
    }
}

/// The encoding that stands in the clear part of a Type 1 font:
/// `dup 65 /A put`.
fn type_1(octets: &[u8]) -> HashMap<u8, String> {
    let mut names = HashMap::new();
    let Some(start) = memchr::memmem::find(octets, b"/Encoding") else { return names };
    let end = memchr::memmem::find(octets, b"eexec").unwrap_or(octets.len());
    let mut lexer = Lexer::new(octets.get(start..end.max(start)).unwrap_or_default());
    let mut code = None;
    for _ in 0..MOST_TOKENS {
        match lexer.next() {
            Some(Token::Number(number)) => code = Some(number),
            Some(Token::Name(name)) => {
                let name = String::from_utf8_lossy(&name).into_owned();
                let text = glyph_name::text(&name);
                if let (Some(code), Some(text)) = (code.take().and_then(small), text) {
                    names.insert(code, text);
                }
            }
            Some(Token::Word(word)) if word == b"def" && !names.is_empty() => break,
            Some(_) => {}
            None => break,
        }
    }
    names
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked")]
fn small(number: f64) -> Option<u8> {
    (0.0..256.0).contains(&number).then_some(number as u8)
}

const MOST_SUBTABLES: usize = 2;
/// Each costs as much as there are glyphs before it.
const MOST_NAMES: u16 = 2048;
const MOST_TOKENS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_1_font_names_its_codes_in_the_clear() {
        let font = b"%!PS-AdobeFont-1.0: X\n/Encoding 256 array\n0 1 255 {1 index exch /.notdef \
            put} for\ndup 1 /nine put\ndup 2 /eacute put\nreadonly def\ncurrentfile eexec dup 3 /A put";
        let program = Program::parse(font);
        assert_eq!(program.text_of_code(1), Some("9"));
        assert_eq!(program.text_of_code(2), Some("é"));
        assert_eq!(program.text_of_code(3), None);
    }

    #[test]
    fn what_is_no_font_says_nothing() {
        for octets in [b"".as_slice(), b"\0\x01\0\0", b"\x01\0\x04\x01", b"true\0\x09"] {
            assert_eq!(Program::parse(octets).text_of_code(65), None);
        }
    }
}
