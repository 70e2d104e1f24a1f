//! CMaps: what codes of composite fonts are, and what text codes stand for.
//! ISO 32000-1 sections 9.7.5 and 9.10.3.

use std::collections::HashMap;

use encoding_rs::UTF_16BE;

use super::super::lexer::{Lexer, Token};

#[derive(Debug, Default)]
pub(super) struct CMap {
    /// Lengths of codes with their first and last.
    spaces: Vec<(usize, u32, u32)>,
    /// Ranges of codes with the number of the first's character.
    numbers: Vec<(u32, u32, u32)>,
    texts: HashMap<u32, String>,
    /// Ranges of codes with the text of the first.
    runs: Vec<(u32, u32, Vec<u8>)>,
    pub(super) is_vertical: bool,
    /// The CMap this one goes on from.
    pub(super) base: Option<Vec<u8>>,
}

impl CMap {
    pub(super) fn parse(octets: &[u8]) -> Self {
        let mut map = Self::default();
        let mut lexer = Lexer::new(octets);
        let mut operands: Vec<Token> = Vec::new();
        let mut entries = 0;
        while let Some(token) = lexer.next() {
            let Token::Word(word) = token else {
                if operands.len() < MOST_OPERANDS {
                    operands.push(token);
                }
                continue;
            };
            if word.starts_with(b"end") {
                entries += operands.len();
                map.section(&word, &operands);
            } else if word == b"def" {
                map.define(&operands);
            } else if word == b"usecmap" {
                map.base = operands.last().and_then(Token::name_octets).map(<[u8]>::to_vec);
            }
            if !matches!(word.as_slice(), b"true" | b"false" | b"null") {
                operands.clear();
            }
            if entries > MOST_ENTRIES {
                break;
            }
        }
        map.numbers.sort_unstable();
        map.runs.sort_unstable();
        map
    }

    /// Nothing is said of any text.
    pub(super) fn says_nothing(&self) -> bool {
        self.texts.is_empty() && self.runs.is_empty()
    }

    /// How long the code is that begins here.
    pub(super) fn length(&self, octets: &[u8]) -> Option<usize> {
        (1..=4.min(octets.len())).find(|&length| {
            let code = octets.get(..length).map(code).unwrap_or_default();
            self.spaces.iter().any(|&(of, first, last)| of == length && within(code, first, last))
        })
    }

    pub(super) fn number(&self, code: u32) -> Option<u32> {
        let next = self.numbers.partition_point(|(first, ..)| *first <= code);
        let &(first, last, number) = self.numbers.get(next.checked_sub(1)?)?;
        (code <= last).then(|| number.saturating_add(code - first))
    }

    pub(super) fn text(&self, code: u32) -> Option<String> {
        if let Some(text) = self.texts.get(&code) {
            return Some(text.clone());
        }
        let next = self.runs.partition_point(|(first, ..)| *first <= code);
        let (first, last, target) = self.runs.get(next.checked_sub(1)?)?;
        (code <= *last).then(|| moved(target, code - first))
    }

    fn section(&mut self, word: &[u8], operands: &[Token]) {
        match word {
            b"endcodespacerange" => {
                for pair in operands.chunks_exact(2) {
                    if let [Token::Text(first), Token::Text(last)] = pair {
                        self.spaces.push((first.len(), code(first), code(last)));
                    }
                }
            }
            b"endcidrange" => {
                for range in operands.chunks_exact(3) {
                    if let [Token::Text(first), Token::Text(last), Token::Number(number)] = range {
                        self.numbers.push((code(first), code(last), whole(*number)));
                    }
                }
            }
            b"endcidchar" => {
                for pair in operands.chunks_exact(2) {
                    if let [Token::Text(only), Token::Number(number)] = pair {
                        self.numbers.push((code(only), code(only), whole(*number)));
                    }
                }
            }
            b"endbfchar" => {
                for pair in operands.chunks_exact(2) {
                    if let [Token::Text(only), target] = pair {
                        self.texts.insert(code(only), target_text(target));
                    }
                }
            }
            b"endbfrange" => {
                operands.chunks_exact(3).for_each(|range| self.text_range(range));
            }
            _ => {}
        }
    }

    fn text_range(&mut self, range: &[Token]) {
        match range {
            [Token::Text(first), Token::Text(last), Token::Text(target)] => {
                self.runs.push((code(first), code(last), target.clone()));
            }
            [Token::Text(first), Token::Text(_), Token::Array(targets)] => {
                let codes = code(first)..=u32::MAX;
                self.texts.extend(codes.zip(targets.iter().map(target_text)));
            }
            _ => {}
        }
    }

    fn define(&mut self, operands: &[Token]) {
        if let [Token::Name(key), Token::Number(mode)] = operands
            && key == b"WMode"
        {
            self.is_vertical = *mode > 0.0;
        }
    }
}

/// Every octet of a code keeps within its own range.
fn within(code: u32, first: u32, last: u32) -> bool {
    let octets = code.to_be_bytes().into_iter();
    let mut ranges = first.to_be_bytes().into_iter().zip(last.to_be_bytes());
    octets.zip(&mut ranges).all(|(octet, (first, last))| (first..=last).contains(&octet))
}

/// The last octet of the text grows with the code.
fn moved(target: &[u8], by: u32) -> String {
    let mut units: Vec<u16> = units(target);
    if let Some(last) = units.last_mut() {
        *last = last.wrapping_add(u16::try_from(by & 0xffff).unwrap_or_default());
    }
    String::from_utf16_lossy(&units)
}

fn units(text: &[u8]) -> Vec<u16> {
    if let &[only] = text {
        return vec![u16::from(only)];
    }
    let pair = |pair: &[u8]| match *pair {
        [high, low] => u16::from_be_bytes([high, low]),
        _ => 0,
    };
    text.chunks_exact(2).map(pair).collect()
}

fn target_text(target: &Token) -> String {
    match target {
        Token::Text(text) => match text.as_slice() {
            &[only] => char::from(only).to_string(),
            text => UTF_16BE.decode_without_bom_handling(text).0.into_owned(),
        },
        Token::Name(name) => {
            super::glyph_name::text(&String::from_utf8_lossy(name)).unwrap_or_default()
        }
        _ => String::new(),
    }
}

pub(super) fn code(octets: &[u8]) -> u32 {
    octets.iter().take(4).fold(0, |code, &octet| code << 8 | u32::from(octet))
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
fn whole(number: f64) -> u32 {
    number as u32
}

const MOST_OPERANDS: usize = 100_000;
const MOST_ENTRIES: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    const MAP: &[u8] = b"/WMode 1 def 1 begincodespacerange <00> <80> <8140> <9ffc> \
        endcodespacerange 2 beginbfchar <01> <0039> <02> <00660066> endbfchar \
        2 beginbfrange <10> <19> <0030> <20> <22> [<0041> <0042> /eacute] endbfrange \
        1 begincidrange <8140> <817e> 633 endcidrange 1 begincidchar <05> 7 endcidchar";

    #[test]
    fn codes_are_given_their_text() {
        let map = CMap::parse(MAP);
        let texts: Vec<_> = [1, 2, 0x19, 0x20, 0x22, 0x1a].map(|code| map.text(code)).into();
        let expected = ["9", "ff", "9", "A", "é"].map(|text| Some(text.to_owned()));
        assert_eq!(texts[..5], expected);
        assert_eq!(texts[5], None);
        assert!(map.is_vertical);
    }

    #[test]
    fn codes_are_as_long_as_their_ranges_say() {
        let map = CMap::parse(MAP);
        assert_eq!(map.length(b"\x41\x42"), Some(1));
        assert_eq!(map.length(b"\x81\x42"), Some(2));
        assert_eq!(map.length(b"\x81\x20"), None);
        assert_eq!(map.number(0x8142), Some(635));
        assert_eq!(map.number(5), Some(7));
        assert_eq!(map.number(6), None);
    }

    #[test]
    fn a_range_without_end_costs_nothing() {
        let map = CMap::parse(b"1 beginbfrange <00000000> <ffffffff> <0041> endbfrange");
        assert_eq!(map.text(0xffff_0001), Some("B".to_owned()));
    }
}
