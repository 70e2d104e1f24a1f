//! Charsets that mail carries and the web has given up, so that encoding_rs has
//! them not: UTF-7 (RFC 2152), HZ (RFC 1843), ISO-2022-KR (RFC 1557), the
//! GB 2312 of ISO-2022-CN (RFC 1922), UTF-32, the code pages of DOS; and UTF-16
//! that says nothing of itself.
//!
//! They are read, never written: text in them is not edited.

use encoding_rs::{EUC_KR, Encoding, GBK, UTF_16BE, UTF_16LE};

use super::reading::{OffsetMap, Rate};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RareCharset {
    Utf7,
    Utf32(Order),
    /// Without a mark.
    Utf16(Order),
    Hz,
    Iso2022Kr,
    Iso2022Cn,
    /// What octets from 128 on stand for.
    CodePage(&'static str),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Big,
    Little,
}

impl RareCharset {
    /// Of octets that are declared as `label`.
    pub(super) fn of(octets: &[u8], label: Option<&str>) -> Option<Self> {
        match octets {
            [0xff, 0xfe, 0, 0, ..] => return Some(Self::Utf32(Order::Little)),
            [0, 0, 0xfe, 0xff, ..] => return Some(Self::Utf32(Order::Big)),
            // Marked: encoding_rs knows these.
            [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return None,
            _ => {}
        }
        let Some(label) = label else { return unmarked(octets) };
        let label = label.trim().trim_matches(['"', '\'']).to_ascii_lowercase();
        Some(match label.as_str() {
            "utf-7" | "utf7" | "unicode-1-1-utf-7" | "csunicode11utf7" | "x-unicode-1-1-utf-7" => {
                Self::Utf7
            }
            "utf-32le" | "utf32le" => Self::Utf32(Order::Little),
            "utf-32" | "utf32" | "utf-32be" | "ucs-4" | "iso-10646-ucs-4" => {
                let is_little = matches!(octets, [low, _, 0, 0, ..] if *low != 0);
                Self::Utf32(if is_little { Order::Little } else { Order::Big })
            }
            "hz-gb-2312" | "hz" | "x-hz" => Self::Hz,
            "iso-2022-kr" | "csiso2022kr" => Self::Iso2022Kr,
            "iso-2022-cn" | "iso-2022-cn-ext" => Self::Iso2022Cn,
            "cp437" | "ibm437" | "437" | "cspc8codepage437" => Self::CodePage(CODE_PAGE_437),
            "cp850" | "ibm850" | "850" | "cp858" | "ibm00858" => Self::CodePage(CODE_PAGE_850),
            _ => return None,
        })
    }

    /// Text with the way back to the octets.
    pub(super) fn decode(self, octets: &[u8]) -> (String, OffsetMap) {
        let mut read = Read::default();
        match self {
            Self::Utf7 => read.utf_7(octets),
            Self::Utf32(order) => read.utf_32(octets, order),
            Self::Utf16(order) => {
                read.map.push_at(0, 0, Rate::Double);
                let encoding = if order == Order::Big { UTF_16BE } else { UTF_16LE };
                read.text = encoding.decode_without_bom_handling(octets).0.into_owned();
            }
            Self::Hz => read.hz(octets),
            Self::Iso2022Kr => read.shifted(octets, b"\x1b$)C", EUC_KR),
            Self::Iso2022Cn => read.shifted(octets, b"\x1b$)A", GBK),
            Self::CodePage(page) => read.code_page(octets, page),
        }
        read.map.push(read.text.len(), octets.len());
        (read.text, read.map)
    }
}

/// Text of Latin letters in UTF-16: every other octet is zero, the others are
/// characters of ASCII.
fn unmarked(octets: &[u8]) -> Option<RareCharset> {
    let head = octets.get(..HEAD.min(octets.len()))?;
    let (pairs, odd) = head.as_chunks::<2>();
    (pairs.len() >= 2 && odd.is_empty()).then_some(())?;
    let is_text =
        |octet: u8| octet.is_ascii_graphic() || matches!(octet, b' ' | b'\t' | b'\r' | b'\n');
    let latin = |high: usize, low: usize| {
        let fits = |pair: &&[u8; 2]| {
            pair.get(high) == Some(&0) && pair.get(low).copied().is_some_and(is_text)
        };
        pairs.iter().filter(fits).count() * 10 >= pairs.len() * 9
    };
    match () {
        () if latin(0, 1) => Some(RareCharset::Utf16(Order::Big)),
        () if latin(1, 0) => Some(RareCharset::Utf16(Order::Little)),
        () => None,
    }
}

#[derive(Default)]
struct Read {
    text: String,
    map: OffsetMap,
}

impl Read {
    fn plain(&mut self, octets: &[u8], at: usize) {
        self.map.push(self.text.len(), at);
        self.text.push_str(&super::header::lossy(octets));
    }

    fn foreign(&mut self, octets: &[u8], at: usize, encoding: &'static Encoding) {
        self.map.push(self.text.len(), at);
        self.text.push_str(&encoding.decode_without_bom_handling(octets).0);
    }

    /// `+`, base64 of UTF-16, and a `-` that may be missing; `+-` is a plus.
    fn utf_7(&mut self, octets: &[u8]) {
        let mut at = 0;
        while at < octets.len() {
            let rest = octets.get(at..).unwrap_or_default();
            let plain = memchr::memchr(b'+', rest).unwrap_or(rest.len());
            self.plain(rest.get(..plain).unwrap_or_default(), at);
            at += plain;
            let Some(shifted) = octets.get(at + 1..) else { break };
            let is_sextet =
                |octet: &&u8| octet.is_ascii_alphanumeric() || matches!(octet, b'+' | b'/');
            let length = shifted.iter().take_while(is_sextet).count();
            let base64 = shifted.get(..length).unwrap_or_default();
            if length == 0 {
                self.plain(b"+", at);
            } else {
                let mut units = super::transfer::base64_octets(base64);
                units.truncate(units.len() / 2 * 2);
                self.foreign(&units, at, UTF_16BE);
            }
            at += 1 + length + usize::from(shifted.get(length) == Some(&b'-'));
        }
    }

    fn utf_32(&mut self, octets: &[u8], order: Order) {
        for (index, quad) in octets.as_chunks::<4>().0.iter().enumerate() {
            let code = match order {
                Order::Big => u32::from_be_bytes(*quad),
                Order::Little => u32::from_le_bytes(*quad),
            };
            let character = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            if index > 0 || character != '\u{feff}' {
                self.map.push(self.text.len(), index * 4);
                self.text.push(character);
            }
        }
    }

    /// `~{` begins pairs of GB 2312, `~}` ends them; `~~` is a tilde, and one at
    /// the end of a line joins it with the next.
    fn hz(&mut self, octets: &[u8]) {
        let mut at = 0;
        while at < octets.len() {
            let rest = octets.get(at..).unwrap_or_default();
            let plain = memchr::memchr(b'~', rest).unwrap_or(rest.len());
            self.plain(rest.get(..plain).unwrap_or_default(), at);
            at += plain;
            let Some(escape) = octets.get(at..at + 2) else {
                self.plain(octets.get(at..).unwrap_or_default(), at);
                break;
            };
            at += 2;
            match escape {
                b"~{" => {
                    let shifted = octets.get(at..).unwrap_or_default();
                    // A line's end ends what was left open.
                    let end = memchr::memchr2(b'~', b'\n', shifted).unwrap_or(shifted.len());
                    self.foreign(&raised(shifted.get(..end).unwrap_or_default()), at, GBK);
                    at += end;
                    at += if shifted.get(end..).is_some_and(|rest| rest.starts_with(b"~}")) {
                        2
                    } else {
                        0
                    };
                }
                b"~\n" => {}
                b"~~" => self.plain(b"~", at),
                other => self.plain(other, at),
            }
        }
    }

    /// Shift out to the other character set, shift in to ASCII.
    fn shifted(&mut self, octets: &[u8], designation: &[u8], encoding: &'static Encoding) {
        let mut at = 0;
        let mut is_out = false;
        while at < octets.len() {
            let rest = octets.get(at..).unwrap_or_default();
            if rest.starts_with(designation) {
                at += designation.len();
                continue;
            }
            let next = rest.iter().position(|octet| matches!(octet, 0x0e | 0x0f | 0x1b | b'\n'));
            let run = rest.get(..next.unwrap_or(rest.len())).unwrap_or_default();
            if is_out {
                self.foreign(&raised(run), at, encoding);
            } else {
                self.plain(run, at);
            }
            at += run.len();
            match octets.get(at) {
                Some(0x0e) => is_out = true,
                Some(0x0f) => is_out = false,
                // A line begins in ASCII.
                Some(b'\n') => {
                    is_out = false;
                    self.plain(b"\n", at);
                }
                _ => {}
            }
            at += 1;
        }
    }

    fn code_page(&mut self, octets: &[u8], page: &str) {
        let upper: Vec<char> = page.chars().collect();
        for (at, &octet) in octets.iter().enumerate() {
            let character = match octet.checked_sub(128) {
                None => char::from(octet),
                Some(index) => {
                    upper.get(usize::from(index)).copied().unwrap_or(char::REPLACEMENT_CHARACTER)
                }
            };
            self.map.push(self.text.len(), at);
            self.text.push(character);
        }
    }
}

/// Seven bits of two octets as the eight-bit charset has them.
fn raised(octets: &[u8]) -> Vec<u8> {
    octets.iter().map(|octet| if *octet > 0x20 { octet | 0x80 } else { *octet }).collect()
}

const HEAD: usize = 512;
const CODE_PAGE_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»\
    ░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀\
    αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
const CODE_PAGE_850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»\
    ░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀\
    ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(octets: &[u8], label: &str) -> String {
        RareCharset::of(octets, Some(label)).unwrap().decode(octets).0
    }

    #[test]
    fn text_in_seven_bits_is_read() {
        assert_eq!(read(b"caf+AOk- 1 +- 2 +AKM-999+AKA-000", "utf-7"), "café 1 + 2 £999\u{a0}000");
        assert_eq!(read(b"+2D3eAA-!+AOk", "UTF-7"), "😀!é");
        assert_eq!(read(b"~{<:Ky2;~} a~~b~\nc ~{<:", "hz-gb-2312"), "己所不 a~bc 己");
        assert_eq!(read(b"\x1b$)C\x0eGQ1[\x0f a\n\x0eGQ\nb", "iso-2022-kr"), "한글 a\n한\nb");
    }

    #[test]
    fn wide_text_is_read_with_and_without_its_mark() {
        let little: Vec<u8> = "999 é".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        assert_eq!(read(&little, "utf-32le"), "999 é");
        assert_eq!(read(&little, "utf-32"), "999 é");
        let marked: Vec<u8> =
            "\u{feff}a".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        assert_eq!(RareCharset::of(&marked, None).unwrap().decode(&marked).0, "a");
        let unmarked: Vec<u8> = "NHS no £".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(RareCharset::of(&unmarked, None).map(|_| ()), None);
        let unmarked: Vec<u8> = "NHS no 1".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(RareCharset::of(&unmarked, None).unwrap().decode(&unmarked).0, "NHS no 1");
        assert_eq!(RareCharset::of(b"plain text", None), None);
        assert_eq!(RareCharset::of(b"\xff\xfea\0b\0c\0d\0e\0f\0g\0h\0i\0", None), None);
        assert_eq!(RareCharset::of(b"\0\x01\0\x02\0\x03", None), None);
    }

    #[test]
    fn the_code_pages_are_whole() {
        for page in [CODE_PAGE_437, CODE_PAGE_850] {
            assert_eq!(page.chars().count(), 128);
        }
        assert_eq!(read(b"\x9c5 caf\x82", "cp850"), "£5 café");
    }

    #[test]
    fn the_way_back_leads_to_the_octets() {
        let octets = b"caf+AOk- 999";
        let (text, map) = RareCharset::Utf7.decode(octets);
        assert_eq!(map.source(text.find("999").unwrap()), 9);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read(octets: Vec<u8>, at in 0_usize..6) {
            let label = ["utf-7", "utf-32", "hz", "iso-2022-kr", "iso-2022-cn", "cp437"][at];
            let (text, map) = RareCharset::of(&octets, Some(label)).unwrap().decode(&octets);
            for (at, _) in text.char_indices() {
                prop_assert!(map.source(at) <= octets.len());
            }
        }
    }
}
