//! A font of either kind.

use hayro_syntax::object::{Dict, Name, Stream};

use super::super::opened::Opened;
use super::{cmap::CMap, composite::Composite, glyph::Glyph, program::Program, simple::Simple};

#[derive(Debug)]
pub(in super::super) enum Font {
    Simple(Box<Simple>),
    Composite(Box<Composite>),
}

impl Font {
    pub(in super::super) fn of<'a>(dictionary: &Dict<'a>, opened: &mut Opened<'a>) -> Self {
        match dictionary.get::<Name<'_>>("Subtype").as_deref() {
            Some(b"Type0") => Self::Composite(Box::new(Composite::of(dictionary, opened))),
            _ => Self::Simple(Box::new(Simple::of(dictionary, opened))),
        }
    }

    /// Letters by the codes that are most common.
    pub(in super::super) fn fallback() -> Self {
        Self::Simple(Box::default())
    }

    /// Each glyph of a string.
    pub(in super::super) fn show(&self, text: &[u8], mut glyph: impl FnMut(Glyph)) {
        match self {
            Self::Simple(font) => text.iter().for_each(|&code| glyph(font.glyph(code))),
            Self::Composite(font) => {
                let mut rest = text;
                while !rest.is_empty() {
                    let length = font.length(rest).clamp(1, rest.len());
                    let (code, after) = rest.split_at(length);
                    glyph(font.glyph(code));
                    rest = after;
                }
            }
        }
    }

    pub(in super::super) fn is_vertical(&self) -> bool {
        matches!(self, Self::Composite(font) if font.is_vertical())
    }
}

/// What the font says of the text of its codes.
pub(super) fn to_unicode<'a>(dictionary: &Dict<'a>, opened: &mut Opened<'a>) -> Option<CMap> {
    let stream = dictionary.get::<Stream<'a>>("ToUnicode")?;
    let map = CMap::parse(&opened.octets(&stream));
    (!map.says_nothing()).then_some(map)
}

/// What is embedded, to be asked where the font itself does not say.
pub(super) fn program<'a>(
    descriptor: &Dict<'a>,
    to_unicode: Option<&CMap>,
    opened: &mut Opened<'a>,
) -> Option<Program> {
    let stream = ["FontFile2", "FontFile3", "FontFile"]
        .into_iter()
        .find_map(|key| descriptor.get::<Stream<'a>>(key))?;
    if to_unicode.is_some() {
        return Some(Program::default());
    }
    Some(Program::parse(&opened.octets(&stream)))
}

/// The font's name, without the mark of a subset.
pub(super) fn name(dictionary: &Dict<'_>) -> String {
    let name = dictionary.get::<Name<'_>>("BaseFont");
    let name = name.map(|name| String::from_utf8_lossy(&name).into_owned()).unwrap_or_default();
    match name.split_once('+') {
        Some((tag, name)) if tag.len() == 6 => name.to_owned(),
        _ => name,
    }
}
