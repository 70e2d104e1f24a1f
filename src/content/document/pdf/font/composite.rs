//! Fonts of many characters: Type 0.

use encoding_rs::{BIG5, EUC_JP, EUC_KR, GBK, SHIFT_JIS};
use hayro_syntax::object::{Array, Dict, Name, Object, Stream, String as Octets};

use super::{
    super::opened::Opened,
    cmap::{CMap, code},
    glyph::{Glyph, Meaning},
    program::Program,
    typeface, widths,
};

#[derive(Debug)]
pub(in super::super) struct Composite {
    codes: Codes,
    is_vertical: bool,
    to_unicode: Option<CMap>,
    /// Glyphs of characters, two octets each; nothing where they are the same.
    glyphs: Option<Vec<u8>>,
    program: Option<Program>,
    has_letters_first: bool,
    widths: widths::Composite,
}

/// What the codes are.
#[derive(Debug)]
enum Codes {
    /// The numbers of characters.
    Numbers,
    /// Of a charset: the predefined CMaps of section 9.7.5.2 are these.
    Charset(&'static encoding_rs::Encoding),
    Utf16,
    Utf32,
    Mapped(CMap),
}

impl Composite {
    pub(super) fn of<'a>(dictionary: &Dict<'a>, opened: &mut Opened<'a>) -> Self {
        let descendants = dictionary.get::<Array<'a>>("DescendantFonts");
        let first = descendants.and_then(|each| each.iter::<Dict<'a>>().next());
        let descendant = first.unwrap_or_default();
        let descriptor = descendant.get::<Dict<'a>>("FontDescriptor").unwrap_or_default();
        let (codes, is_vertical) = codes(dictionary, opened);
        let glyphs = descendant.get::<Stream<'a>>("CIDToGIDMap");
        let to_unicode = typeface::to_unicode(dictionary, opened);
        let program = typeface::program(&descriptor, to_unicode.as_ref(), opened);
        Self {
            codes,
            is_vertical,
            to_unicode,
            glyphs: glyphs.map(|stream| opened.octets(&stream).to_vec()),
            program,
            has_letters_first: has_letters_first(&descendant),
            widths: widths::Composite::of(&descendant),
        }
    }

    pub(super) fn is_vertical(&self) -> bool {
        self.is_vertical
    }

    /// How many octets the next code has.
    pub(super) fn length(&self, text: &[u8]) -> usize {
        match &self.codes {
            Codes::Numbers => 2,
            Codes::Utf32 => 4,
            Codes::Utf16 => match text {
                [0xd8..=0xdb, ..] => 4,
                _ => 2,
            },
            Codes::Charset(charset) => match text {
                [0..0x80, ..] => 1,
                [0xa1..=0xdf, ..] if *charset == SHIFT_JIS => 1,
                _ => 2,
            },
            Codes::Mapped(map) => map.length(text).unwrap_or(if text.len() > 1 { 2 } else { 1 }),
        }
    }

    pub(super) fn glyph(&self, octets: &[u8]) -> Glyph {
        let code = code(octets);
        let number = match &self.codes {
            Codes::Mapped(map) => map.number(code).unwrap_or_default(),
            _ => code,
        };
        Glyph {
            code,
            meaning: self.meaning(octets, code, number).unwrap_or(Meaning::Unknown),
            width: self.widths.of_number(number) / 1000.0,
            is_word_space: octets == b" ",
        }
    }

    fn meaning(&self, octets: &[u8], code: u32, number: u32) -> Option<Meaning> {
        let said = || Meaning::of(self.to_unicode.as_ref()?.text(code)?);
        let charset = || match self.codes {
            Codes::Charset(charset) => {
                Meaning::of(charset.decode_without_bom_handling(octets).0.into_owned())
            }
            Codes::Utf16 => {
                let (text, _) = encoding_rs::UTF_16BE.decode_without_bom_handling(octets);
                Meaning::of(text.into_owned())
            }
            Codes::Utf32 => Meaning::character(char::from_u32(code)?),
            Codes::Numbers | Codes::Mapped(_) => None,
        };
        let program = || {
            let glyph = self.glyph_of(number)?;
            Meaning::of(self.program.as_ref()?.text_of_glyph(glyph)?.to_owned())
        };
        // The numbers of Adobe's collections begin with ASCII.
        let collection = || {
            let letter = number.checked_add(0x1f).and_then(char::from_u32)?;
            (self.has_letters_first && (' '..='~').contains(&letter))
                .then(|| Meaning::character(letter))?
        };
        said().or_else(charset).or_else(program).or_else(collection)
    }

    fn glyph_of(&self, number: u32) -> Option<u16> {
        let Some(glyphs) = &self.glyphs else { return u16::try_from(number).ok() };
        let at = usize::try_from(number).ok()?.checked_mul(2)?;
        match glyphs.get(at..at.checked_add(2)?)? {
            &[high, low] => Some(u16::from_be_bytes([high, low])),
            _ => None,
        }
    }
}

fn codes<'a>(dictionary: &Dict<'a>, opened: &mut Opened<'a>) -> (Codes, bool) {
    match dictionary.get::<Object<'a>>("Encoding") {
        Some(Object::Stream(stream)) => {
            let map = CMap::parse(&opened.octets(&stream));
            let base = map
                .base
                .clone()
                .or_else(|| stream.dict().get::<Name<'_>>("UseCMap").map(|name| name.to_vec()));
            let is_vertical = map.is_vertical;
            match base.map(|name| predefined(&name)) {
                Some(Codes::Numbers) | None => (Codes::Mapped(map), is_vertical),
                Some(codes) => (codes, is_vertical),
            }
        }
        Some(Object::Name(name)) => (predefined(&name), name.ends_with(b"-V") || &*name == b"V"),
        _ => (Codes::Numbers, false),
    }
}

fn predefined(name: &[u8]) -> Codes {
    let name = String::from_utf8_lossy(name);
    let has = |part: &str| name.contains(part);
    if has("UTF32") {
        Codes::Utf32
    } else if has("UTF16") || has("UCS2") {
        Codes::Utf16
    } else if has("RKSJ") {
        Codes::Charset(SHIFT_JIS)
    } else if has("GBK") || has("GB-EUC") || has("GBpc") || has("GBT") {
        Codes::Charset(GBK)
    } else if has("B5") || has("CNS-EUC") || has("HKscs") {
        Codes::Charset(BIG5)
    } else if has("KSC") {
        Codes::Charset(EUC_KR)
    } else if has("EUC") {
        Codes::Charset(EUC_JP)
    } else {
        Codes::Numbers
    }
}

/// Of Adobe's four collections for East Asian text.
fn has_letters_first(descendant: &Dict<'_>) -> bool {
    let system = descendant.get::<Dict<'_>>("CIDSystemInfo").unwrap_or_default();
    let ordering = system.get::<Octets<'_>>("Ordering");
    ordering.is_some_and(|ordering| {
        [b"Japan1".as_slice(), b"GB1", b"CNS1", b"Korea1", b"KR"].contains(&ordering.as_bytes())
    })
}
