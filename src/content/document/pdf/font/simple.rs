//! Fonts whose codes are one octet: Type 1, TrueType and Type 3.

use std::collections::HashMap;

use hayro_syntax::object::{Dict, Name, Object};

use super::{
    super::{
        opened::{Opened, items, numbers},
        text_string::windows_character,
    },
    cmap::CMap,
    encoding::Encoding,
    glyph::{Glyph, Meaning},
    glyph_name,
    program::Program,
    typeface, widths,
};

#[derive(Debug)]
pub(in super::super) struct Simple {
    /// One a code.
    glyphs: Vec<Glyph>,
}

/// What there is to ask, in order.
struct Sources {
    to_unicode: Option<CMap>,
    /// Of the encoding's `Differences`.
    names: HashMap<u8, String>,
    encoding: Option<Encoding>,
    program: Option<Program>,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Its codes are letters, unless something says otherwise.
    Letters(Encoding),
    /// Its codes may be anything (section 9.8.2, flag 3).
    Symbolic,
    /// Signs only: no text is lost with them.
    Ornaments,
}

impl Default for Simple {
    fn default() -> Self {
        let sources = Sources {
            to_unicode: None,
            names: HashMap::new(),
            encoding: Some(Encoding::WinAnsi),
            program: None,
            kind: Kind::Letters(Encoding::WinAnsi),
        };
        Self::new(&sources, None, 0.001, "Helvetica")
    }
}

impl Simple {
    pub(super) fn of<'a>(dictionary: &Dict<'a>, opened: &mut Opened<'a>) -> Self {
        let descriptor = dictionary.get::<Dict<'a>>("FontDescriptor").unwrap_or_default();
        let name = typeface::name(dictionary);
        let to_unicode = typeface::to_unicode(dictionary, opened);
        let program = typeface::program(&descriptor, to_unicode.as_ref(), opened);
        let (encoding, names) = encoding(dictionary);
        let sources = Sources {
            to_unicode,
            names,
            encoding,
            kind: kind(dictionary, &descriptor, &name, program.is_some()),
            program,
        };
        let missing = descriptor.get::<f64>("MissingWidth").unwrap_or_default();
        let widths = widths::simple(dictionary, missing);
        // Type 3 fonts have a scale of their own.
        let scale = match numbers(dictionary, "FontMatrix").first() {
            Some(&scale) if scale != 0.0 => scale.abs(),
            _ => 0.001,
        };
        Self::new(&sources, widths.as_ref(), scale, &name)
    }

    fn new(sources: &Sources, widths: Option<&[f64; 256]>, scale: f64, name: &str) -> Self {
        let glyph = |code: u8| {
            let meaning = sources.meaning(code);
            let width = match (widths, &meaning) {
                (Some(widths), _) => widths.get(usize::from(code)).copied().unwrap_or_default(),
                (None, Meaning::Text(text)) => {
                    text.chars().map(|letter| widths::standard(name, letter)).sum()
                }
                (None, _) => widths::standard(name, 'x'),
            };
            Glyph { code: code.into(), meaning, width: width * scale, is_word_space: code == b' ' }
        };
        Self { glyphs: (0..=u8::MAX).map(glyph).collect() }
    }

    pub(super) fn glyph(&self, code: u8) -> Glyph {
        let unknown = Glyph {
            code: code.into(),
            meaning: Meaning::Unknown,
            width: 0.0,
            is_word_space: false,
        };
        self.glyphs.get(usize::from(code)).cloned().unwrap_or(unknown)
    }
}

impl Sources {
    fn meaning(&self, code: u8) -> Meaning {
        let said = || Meaning::of(self.to_unicode.as_ref()?.text(u32::from(code))?);
        let name = self.names.get(&code);
        let named = || Meaning::of(glyph_name::text(name?)?);
        // A name that says nothing hides what the encoding would say.
        let encoding = self.encoding.filter(|_| name.is_none());
        let encoded = || Meaning::character(encoding?.character(code)?);
        let built_in = || Meaning::of(self.program.as_ref()?.text_of_code(code)?.to_owned());
        said()
            .or_else(named)
            .or_else(encoded)
            .or_else(built_in)
            .or_else(|| self.by_kind(code, name))
            .unwrap_or(Meaning::Unknown)
    }

    fn by_kind(&self, code: u8, named: Option<&String>) -> Option<Meaning> {
        match self.kind {
            Kind::Letters(encoding) if named.is_none() => {
                Meaning::character(encoding.character(code)?)
            }
            Kind::Ornaments => Meaning::character('•'),
            _ => {
                let letter = windows_character(code);
                (0x20..0x7f).contains(&code).then_some(Meaning::Guess(letter))
            }
        }
    }
}

fn kind(dictionary: &Dict<'_>, descriptor: &Dict<'_>, name: &str, is_embedded: bool) -> Kind {
    let name = name.to_ascii_lowercase();
    if ["dingbat", "wingding", "webding"].iter().any(|known| name.contains(known)) {
        return Kind::Ornaments;
    }
    if name == "symbol" || name.starts_with("symbol,") {
        return Kind::Letters(Encoding::Symbol);
    }
    let subtype = dictionary.get::<Name<'_>>("Subtype");
    let is_symbolic = descriptor.get::<i32>("Flags").unwrap_or_default() & 4 != 0;
    if subtype.as_deref() == Some(b"Type3") || (is_embedded && is_symbolic) {
        return Kind::Symbolic;
    }
    Kind::Letters(match subtype.as_deref() {
        Some(b"TrueType") => Encoding::WinAnsi,
        _ => Encoding::Standard,
    })
}

/// The encoding's name and what it writes otherwise (section 9.6.6.1).
fn encoding(dictionary: &Dict<'_>) -> (Option<Encoding>, HashMap<u8, String>) {
    let mut names = HashMap::new();
    let dictionary = match dictionary.get::<Object<'_>>("Encoding") {
        Some(Object::Name(name)) => return (Encoding::named(&name), names),
        Some(Object::Dict(dictionary)) => dictionary,
        _ => return (None, names),
    };
    let base = dictionary.get::<Name<'_>>("BaseEncoding");
    let differences = dictionary.get::<Object<'_>>("Differences").map(items);
    let mut code = 0_i64;
    for item in differences.unwrap_or_default() {
        match item {
            Object::Number(number) => code = number.as_i64(),
            Object::Name(name) => {
                if let Ok(code) = u8::try_from(code) {
                    names.insert(code, String::from_utf8_lossy(&name).into_owned());
                }
                code = code.saturating_add(1);
            }
            _ => {}
        }
    }
    (base.and_then(|name| Encoding::named(&name)), names)
}
