//! Text that may hold what an SMTP parameter may not: xtext (RFC 3461 section
//! 4) and the forms of an internationalised address in ORCPT (RFC 6533 section
//! 3).

/// Decoded, where that gives printable ASCII and something at all.
pub(super) fn decode(written: &str) -> Option<String> {
    let mut plain = String::with_capacity(written.len());
    let mut octets = written.bytes();
    while let Some(octet) = octets.next() {
        let octet = match octet {
            b'+' => 16 * digit(octets.next()?)? + digit(octets.next()?)?,
            b'!'..=b'~' if octet != b'=' => octet,
            _ => return None,
        };
        if !matches!(octet, b' '..=b'~') {
            return None;
        }
        plain.push(octet.into());
    }
    (!plain.is_empty()).then_some(plain)
}

/// RFC 3461 has upper case only; lower case cannot be misread, and to refuse a
/// message for it helps nobody.
fn digit(octet: u8) -> Option<u8> {
    match octet {
        b'0'..=b'9' => Some(octet - b'0'),
        b'A'..=b'F' => Some(octet - b'A' + 10),
        b'a'..=b'f' => Some(octet - b'a' + 10),
        _ => None,
    }
}

/// `utf-8-addr-xtext` and `utf-8-addr-unitext`, which are the same but that
/// the second may hold UTF-8 as it is: decoded, without control characters.
pub(super) fn decode_unicode(written: &str) -> Option<String> {
    let mut plain = String::with_capacity(written.len());
    let mut rest = written;
    while let Some(character) = rest.chars().next() {
        let after = rest.get(character.len_utf8()..)?;
        let decoded = match character {
            '\\' => {
                let (digits, after) = after.strip_prefix("x{")?.split_once('}')?;
                rest = after;
                code_point(digits)?
            }
            ' ' | '+' | '=' => return None,
            _ => {
                rest = after;
                character
            }
        };
        if decoded.is_control() || decoded == BYTE_ORDER_MARK {
            return None;
        }
        plain.push(decoded);
    }
    (!plain.is_empty()).then_some(plain)
}

fn code_point(digits: &str) -> Option<char> {
    let written = (2..=6).contains(&digits.len());
    let hexadecimal = digits.bytes().all(|octet| octet.is_ascii_hexdigit());
    let number = u32::from_str_radix(digits, 16).ok().filter(|_| written && hexadecimal)?;
    char::from_u32(number)
}

/// It is nowhere in SMTP a mark of anything (RFC 3629 section 6).
pub(super) const BYTE_ORDER_MARK: char = '\u{feff}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xtext_is_decoded() {
        assert_eq!(decode("a+2Bb+3Dc").as_deref(), Some("a+b=c"));
        assert_eq!(decode("a+2bb").as_deref(), Some("a+b"));
        assert_eq!(decode("+20").as_deref(), Some(" "));
    }

    #[test]
    fn what_is_not_xtext_or_would_not_be_printable_is_refused() {
        for wrong in
            ["", "+", "+2", "+G0", "a=b", "a b", "+0D+0A", "+00", "+7F", "+C3+A9", "\u{e9}"]
        {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn embedded_code_points_are_decoded() {
        assert_eq!(decode_unicode(r"gr\x{e5}@x.example").as_deref(), Some("grå@x.example"));
        assert_eq!(decode_unicode(r"\x{1F4E7}\x{2B}\x{5C}").as_deref(), Some("\u{1f4e7}+\\"));
        assert_eq!(decode_unicode("grå@x.example").as_deref(), Some("grå@x.example"));
    }

    #[test]
    fn what_embeds_no_character_is_refused() {
        let wrong = [
            "",
            "a b",
            "a+2B",
            "a=b",
            r"\",
            r"\x",
            r"\x{}",
            r"\x{5}",
            r"\x{+5}",
            r"\x{D800}",
            r"\x{110000}",
            r"\x{0D}",
            r"\x{85}",
            r"\x{FEFF}",
            r"\u{41}",
            r"\x{0000041}",
        ];
        for wrong in wrong {
            assert_eq!(decode_unicode(wrong), None, "{wrong:?}");
        }
    }
}
