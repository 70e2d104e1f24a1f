//! The encodings that simple fonts name: ISO 32000-1 annex D.

use encoding_rs::MACINTOSH;

use super::super::text_string::windows_character;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Standard,
    MacRoman,
    WinAnsi,
    /// Of the Symbol font.
    Symbol,
}

impl Encoding {
    pub(super) fn named(name: &[u8]) -> Option<Self> {
        match name {
            b"StandardEncoding" => Some(Self::Standard),
            b"MacRomanEncoding" => Some(Self::MacRoman),
            b"WinAnsiEncoding" => Some(Self::WinAnsi),
            _ => None,
        }
    }

    pub(super) fn character(self, code: u8) -> Option<char> {
        if code < 0x20 {
            return None;
        }
        match self {
            Self::WinAnsi => Some(windows_character(code)),
            Self::MacRoman => {
                let text = [code];
                let (text, _) = MACINTOSH.decode_without_bom_handling(&text);
                text.chars().next().filter(|letter| !letter.is_control())
            }
            Self::Standard => match code {
                b'\'' => Some('’'),
                b'`' => Some('‘'),
                0x20..0x7f => Some(char::from(code)),
                _ => listed(STANDARD, 0xa1, code),
            },
            Self::Symbol => match code {
                0x20..0x7f => listed(SYMBOL_LOW, 0x20, code),
                _ => listed(SYMBOL_HIGH, 0xa0, code),
            },
        }
    }
}

fn listed(list: &str, first: u8, code: u8) -> Option<char> {
    let letter = list.chars().nth(usize::from(code.checked_sub(first)?))?;
    (letter != NONE).then_some(letter)
}

const NONE: char = '\u{fffd}';
const STANDARD: &str =
    "¡¢£⁄¥ƒ§¤'“«‹›ﬁﬂ�–†‡·�¶•‚„”»…‰�¿�`´ˆ˜¯˘˙¨�˚¸�˝˛ˇ—����������������Æ�ª����ŁØŒº�����æ���ı��łøœß";
const SYMBOL_LOW: &str = " !∀#∃%&∋()∗+,−./0123456789:;<=>?≅ΑΒΧ∆ΕΦΓΗΙϑΚΛΜΝΟΠΘΡΣΤΥςΩΞΨΖ[∴]⊥_�αβχδεφγηιϕκλµνοπθρστυϖωξψζ{|}∼";
const SYMBOL_HIGH: &str =
    "€ϒ′≤⁄∞ƒ♣♦♥♠↔←↑→↓°±″≥×∝∂•÷≠≡≈…��↵ℵℑℜ℘⊗⊕∅∩∪⊃⊇⊄⊂⊆∈∉∠∇���∏√⋅¬∧∨⇔⇐⇑⇒⇓◊〈���∑�������";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_encoding_has_its_own_characters() {
        assert_eq!(Encoding::Standard.character(0x27), Some('’'));
        assert_eq!(Encoding::Standard.character(0xae), Some('ﬁ'));
        assert_eq!(Encoding::Standard.character(0xe1), Some('Æ'));
        assert_eq!(Encoding::Standard.character(0xfb), Some('ß'));
        assert_eq!(Encoding::WinAnsi.character(0x80), Some('€'));
        assert_eq!(Encoding::MacRoman.character(0x8e), Some('é'));
        assert_eq!(Encoding::Symbol.character(b'b'), Some('β'));
        assert_eq!(Encoding::Symbol.character(0xa3), Some('≤'));
        assert_eq!(Encoding::Symbol.character(b'9'), Some('9'));
        assert_eq!(Encoding::Standard.character(0x80), None);
    }
}
