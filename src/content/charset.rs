//! Charsets: octets to text with the way back, by encoding_rs.

use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

use super::{
    rare_charset::RareCharset,
    reading::{OffsetMap, Rate},
};

/// What a part's octets are to be read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charset {
    pub(crate) encoding: &'static Encoding,
    pub(crate) certainty: Certainty,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Certainty {
    Declared,
    /// Nothing is declared, or US-ASCII which it is not: found by looking.
    Guessed,
    /// A charset that nobody here knows.
    Unknown,
}

impl Charset {
    /// Of octets that are declared as `label`.
    pub(crate) fn of(octets: &[u8], label: Option<&str>) -> Self {
        if let Some((encoding, _)) = Encoding::for_bom(octets) {
            return Self { encoding, certainty: Certainty::Declared };
        }
        let guessed = |certainty| Self { encoding: guess(octets), certainty };
        let Some(label) = label else { return guessed(Certainty::Guessed) };
        if is_us_ascii(label) {
            return guessed(Certainty::Guessed);
        }
        match known(label, octets) {
            Some(encoding) => Self { encoding, certainty: Certainty::Declared },
            None => guessed(Certainty::Unknown),
        }
    }

    /// Whether text can be added that reads as it was meant: ASCII stands
    /// for itself in this charset.
    pub(crate) fn extends_ascii(self) -> bool {
        self.encoding.is_ascii_compatible()
    }

    /// ASCII, but for what stands between escapes.
    pub(crate) fn is_shifting(self) -> bool {
        self.encoding == encoding_rs::ISO_2022_JP
    }
}

fn is_us_ascii(label: &str) -> bool {
    let label = label.trim();
    ["us-ascii", "ascii", "ansi_x3.4-1968", "iso-ir-6", "646"]
        .iter()
        .any(|name| label.eq_ignore_ascii_case(name))
}

fn known(label: &str, octets: &[u8]) -> Option<&'static Encoding> {
    let label = label.trim().trim_matches(['"', '\'']);
    // RFC 2781 section 4.3 says big-endian where no mark says otherwise, the
    // web little-endian, and mailers do either.
    if label.eq_ignore_ascii_case("utf-16") {
        let starts_high = matches!(octets, [0, low, ..] if *low != 0);
        return Some(if starts_high { UTF_16BE } else { UTF_16LE });
    }
    Encoding::for_label(label.as_bytes())
        .filter(|encoding| *encoding != encoding_rs::REPLACEMENT)
        .or_else(|| Encoding::for_label(alias(label)?.as_bytes()))
}

/// Names that mailers write and the web does not know.
fn alias(label: &str) -> Option<&'static str> {
    let lower = label.to_ascii_lowercase();
    Some(match lower.as_str() {
        "cp1252"
        | "ansi"
        | "cp819"
        | "iso-8859-1-unicode"
        | "8bit"
        | "x-ansi"
        | "windows1252"
        | "iso-8859-1-windows-3.1-latin-1" => "windows-1252",
        "cp1250" => "windows-1250",
        "cp1251" => "windows-1251",
        "cp932" | "ms932" => "shift_jis",
        "cp936" | "ms936" => "gbk",
        "cp949" | "ms949" | "uhc" => "euc-kr",
        "cp950" => "big5",
        "utf8mb4" | "utf_8" | "unicode" => "utf-8",
        "latin-1" => "iso-8859-1",
        _ => return None,
    })
}

fn guess(octets: &[u8]) -> &'static Encoding {
    // An old mailer's Japanese is ASCII but for its escapes.
    if octets.is_ascii() && memchr::memmem::find(octets, b"\x1b$").is_some() {
        return encoding_rs::ISO_2022_JP;
    }
    if std::str::from_utf8(octets).is_ok() { UTF_8 } else { WINDOWS_1252 }
}

/// Text where the way back does not matter.
pub(super) fn text_of(octets: &[u8], label: Option<&str>) -> String {
    read(octets, label).0
}

/// Text as whoever reads it is shown it: also in charsets that are not edited
/// in, and in those that are declared and were not written.
pub(super) fn read(octets: &[u8], label: Option<&str>) -> (String, OffsetMap) {
    if let Some(rare) = RareCharset::of(octets, label) {
        return rare.decode(octets);
    }
    let declared = Charset::of(octets, label);
    // What reads as UTF-8 by chance is hardly ever anything else.
    let is_utf_8 = declared.encoding.is_single_byte()
        && !octets.is_ascii()
        && std::str::from_utf8(octets).is_ok();
    let encoding = if is_utf_8 { UTF_8 } else { declared.encoding };
    decode(octets, Charset { encoding, ..declared })
}

/// Text with the way back to the octets.
pub(crate) fn decode(octets: &[u8], charset: Charset) -> (String, OffsetMap) {
    let encoding = charset.encoding;
    let bom = Encoding::for_bom(octets)
        .filter(|(found, _)| *found == encoding)
        .map_or(0, |(_, length)| length);
    let octets = octets.get(bom..).unwrap_or_default();
    if encoding.is_ascii_compatible() && octets.is_ascii()
        || encoding == UTF_8 && std::str::from_utf8(octets).is_ok()
    {
        let text = String::from_utf8_lossy(octets).into_owned();
        return (text, OffsetMap::straight_from(bom));
    }
    if encoding == UTF_8 {
        return patched(octets, bom);
    }
    let mut reader = Reader {
        decoder: encoding.new_decoder_without_bom_handling(),
        text: String::with_capacity(octets.len()),
        map: OffsetMap::default(),
    };
    let rate =
        if encoding == UTF_16LE || encoding == UTF_16BE { Rate::Double } else { Rate::Straight };
    let mut at = 0;
    while at < octets.len() {
        let chunk = chunk_length(octets.get(at..).unwrap_or_default(), rate);
        reader.map.push_at(reader.text.len(), bom + at, rate);
        let end = at + chunk;
        reader.read(octets.get(at..end).unwrap_or_default(), end == octets.len());
        at = end;
    }
    reader.map.push(reader.text.len(), bom + octets.len());
    (reader.text, reader.map)
}

/// Text that is declared as UTF-8 and not all of it is: the rest is taken for
/// what old programs write, so that a no-break space in a number stays one.
fn patched(octets: &[u8], start: usize) -> (String, OffsetMap) {
    let mut text = String::with_capacity(octets.len());
    let mut map = OffsetMap::default();
    let mut at = start;
    for chunk in octets.utf8_chunks() {
        map.push(text.len(), at);
        text.push_str(chunk.valid());
        at += chunk.valid().len();
        map.push(text.len(), at);
        text.push_str(&WINDOWS_1252.decode_without_bom_handling(chunk.invalid()).0);
        at += chunk.invalid().len();
    }
    map.push(text.len(), at);
    (text, map)
}

/// How much to decode as one run of the map: ASCII as far as it goes, other
/// text in short stretches, so that the way back is nearly exact.
fn chunk_length(rest: &[u8], rate: Rate) -> usize {
    if rate == Rate::Double {
        return rest.len().min(UTF_16_RUN);
    }
    let ascii = Encoding::ascii_valid_up_to(rest);
    if ascii > 0 {
        return ascii;
    }
    let other = rest.iter().take(OTHER_RUN).take_while(|octet| !octet.is_ascii()).count();
    other.max(1)
}

struct Reader {
    decoder: Decoder,
    text: String,
    map: OffsetMap,
}

impl Reader {
    fn read(&mut self, octets: &[u8], last: bool) {
        let mut rest = octets;
        loop {
            let room = self.decoder.max_utf8_buffer_length(rest.len()).unwrap_or(rest.len() * 4);
            self.text.reserve(room);
            let (result, read) =
                self.decoder.decode_to_string_without_replacement(rest, &mut self.text, last);
            rest = rest.get(read..).unwrap_or_default();
            match result {
                DecoderResult::InputEmpty => return,
                DecoderResult::OutputFull => {}
                DecoderResult::Malformed(..) => self.text.push(char::REPLACEMENT_CHARACTER),
            }
        }
    }
}

/// The octets of a text in a charset; None where a character does not fit.
pub(crate) fn encode(text: &str, encoding: &'static Encoding) -> Option<Vec<u8>> {
    if encoding == UTF_16BE || encoding == UTF_16LE {
        let octets = |unit: u16| {
            if encoding == UTF_16BE { unit.to_be_bytes() } else { unit.to_le_bytes() }
        };
        return Some(text.encode_utf16().flat_map(octets).collect());
    }
    let (octets, used, unmappable) = encoding.encode(text);
    (!unmappable && used == encoding).then(|| octets.into_owned())
}

const UTF_16_RUN: usize = 64;
const OTHER_RUN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    fn read(octets: &[u8], label: Option<&str>) -> (String, OffsetMap) {
        decode(octets, Charset::of(octets, label))
    }

    #[test]
    fn single_octets_keep_their_places() {
        let (text, map) = read(b"caf\xe9 au lait", Some("iso-8859-1"));
        assert_eq!(text, "café au lait");
        assert_eq!(map.source(text.find("au").unwrap()), 5);
    }

    #[test]
    fn what_is_declared_as_ascii_and_is_not_is_looked_at() {
        assert_eq!(read("é".as_bytes(), Some("us-ascii")).0, "é");
        assert_eq!(read(b"\xe9", None).0, "é");
        assert_eq!(Charset::of(b"+AOk-", Some("utf-7")).certainty, Certainty::Unknown);
    }

    #[test]
    fn what_was_written_is_read_whatever_is_declared() {
        let shown = |octets: &[u8], label| super::read(octets, Some(label)).0;
        assert_eq!(shown(b"\xa35 is 5 \xc2\xa3", "utf-8"), "£5 is 5 £");
        assert_eq!(shown(b"999\xa0000\xa00018", "utf-8"), "999\u{a0}000\u{a0}0018");
        assert_eq!(shown("999\u{a0}000 é".as_bytes(), "iso-8859-1"), "999\u{a0}000 é");
        assert_eq!(shown(b"caf\xe9", "iso-8859-1"), "café");
        assert_eq!(shown(b"caf+AOk-", "utf-7"), "café");
        let octets = b"\xa35 is 999";
        let (text, map) = super::read(octets, Some("utf-8"));
        assert_eq!(map.source(text.find("999").unwrap()), 6);
    }

    #[test]
    fn wide_text_is_read_with_and_without_its_mark() {
        assert_eq!(read(b"\xff\xfea\0b\0", Some("utf-16")).0, "ab");
        assert_eq!(read(b"\0a\0b", Some("utf-16")).0, "ab");
        let (text, map) = read(b"a\0b\0c\0", Some("utf-16le"));
        assert_eq!((text.as_str(), map.source(2)), ("abc", 4));
    }

    #[test]
    fn text_in_two_octets_a_character_is_whole() {
        let (octets, ..) = encoding_rs::SHIFT_JIS.encode("日本語 text 日本");
        assert_eq!(read(&octets, Some("shift_jis")).0, "日本語 text 日本");
        let (octets, ..) = encoding_rs::ISO_2022_JP.encode("日本語 text 日本");
        assert_eq!(read(&octets, Some("iso-2022-jp")).0, "日本語 text 日本");
    }

    #[test]
    fn a_character_that_does_not_fit_is_told() {
        assert_eq!(encode("é", WINDOWS_1252), Some(vec![0xe9]));
        assert_eq!(encode("日", WINDOWS_1252), None);
        assert_eq!(encode("a", UTF_16BE), Some(vec![0, b'a']));
    }
}
