//! Text outside of pages: ISO 32000-1 section 7.9.2.2.

use encoding_rs::{UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// UTF-16 or UTF-8 by their marks, else PDFDocEncoding.
pub(super) fn text(octets: &[u8]) -> String {
    let text = match octets {
        [0xfe, 0xff, rest @ ..] => UTF_16BE.decode_without_bom_handling(rest).0.into_owned(),
        [0xff, 0xfe, rest @ ..] => UTF_16LE.decode_without_bom_handling(rest).0.into_owned(),
        [0xef, 0xbb, 0xbf, rest @ ..] => UTF_8.decode_without_bom_handling(rest).0.into_owned(),
        _ => octets.iter().map(|&octet| document_character(octet)).collect(),
    };
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars().filter(|letter| !letter.is_control() || matches!(letter, '\n' | '\t')).collect()
}

/// PDFDocEncoding, of annex D: Latin-1 with more in what is control there.
fn document_character(octet: u8) -> char {
    let more = |first: u8, characters: &str| characters.chars().nth(usize::from(octet - first));
    match octet {
        0x18..=0x1f => more(0x18, "˘ˇˆ˙˝˛˚˜"),
        0x80..=0x9e => more(0x80, "•†‡…—–ƒ⁄‹›−‰„“”‘’‚™ﬁﬂŁŒŠŸŽıłœšž"),
        0xa0 => Some('€'),
        _ => None,
    }
    .unwrap_or(char::from(octet))
}

/// WinAnsiEncoding, where what is not assigned is a bullet.
pub(super) fn windows_character(octet: u8) -> char {
    let text = [octet];
    let (text, _) = WINDOWS_1252.decode_without_bom_handling(&text);
    text.chars().next().filter(|letter| !letter.is_control()).unwrap_or('•')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_read_in_each_of_its_encodings() {
        assert_eq!(text(b"\xfe\xff\0N\0H\0S\x20\xac"), "NHS€");
        assert_eq!(text(b"\xef\xbb\xbfcaf\xc3\xa9"), "café");
        assert_eq!(text(b"caf\xe9\x85 \xa0\r5"), "café– €\n5");
        assert_eq!(text(b"\x18\x9e"), "˘ž");
    }

    #[test]
    fn what_is_cut_off_or_control_harms_nothing() {
        assert_eq!(text(b"\xfe\xff\0N\0"), "N\u{fffd}");
        assert_eq!(text(b"a\0b"), "ab");
    }
}
