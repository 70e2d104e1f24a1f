//! Character references of HTML (`&amp;`, `&#57;`), read as browsers do.

use std::borrow::Cow;

/// A text with its character references resolved.
pub(super) fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at..).unwrap_or_default();
        let used = push(&mut plain, rest);
        rest = rest.get(used..).unwrap_or_default();
    }
    plain.push_str(rest);
    Cow::Owned(plain)
}

/// Writes what the reference that `text` starts with stands for, the `&` if
/// nothing; returns how much of it that takes.
pub(super) fn push(out: &mut String, text: &str) -> usize {
    let bytes = text.as_bytes();
    let name_octet = |octet: &&u8| octet.is_ascii_alphanumeric() || **octet == b'#';
    let length = 1 + bytes.iter().skip(1).take(MAX_ENTITY).take_while(name_octet).count();
    let closed = bytes.get(length) == Some(&b';');
    let name = text.get(1..length).unwrap_or_default();
    if let Some(number) = name.strip_prefix('#') {
        if let Some((character, digits)) = numeric(number) {
            out.push(character);
            let used = 2 + digits;
            return used + usize::from(bytes.get(used) == Some(&b';'));
        }
    } else if closed {
        let entity = text.get(..=length).unwrap_or_default();
        let before = out.len();
        mail_parser::decoders::html::add_html_token(out, entity.as_bytes(), false);
        if out.get(before..) != Some(entity) {
            return length + 1;
        }
        out.truncate(before);
    } else if let Some((entity, character)) =
        UNCLOSED.iter().find(|(entity, _)| name.starts_with(entity))
    {
        out.push(*character);
        return 1 + entity.len();
    }
    out.push('&');
    1
}

/// The character of `65` or `x41`, and how many octets say it.
fn numeric(number: &str) -> Option<(char, usize)> {
    let (radix, prefix) = if number.starts_with(['x', 'X']) { (16, 1) } else { (10, 0) };
    let digits = number.get(prefix..)?;
    let length = digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len());
    let code = u32::from_str_radix(digits.get(..length)?, radix).ok()?;
    let character = match u8::try_from(code) {
        // What browsers make of them: octets of windows-1252.
        Ok(octet @ 0x80..=0x9f) => {
            encoding_rs::WINDOWS_1252.decode_without_bom_handling(&[octet]).0.chars().next()?
        }
        _ => char::from_u32(code).filter(|&c| c != '\0').unwrap_or(char::REPLACEMENT_CHARACTER),
    };
    Some((character, prefix + length))
}

/// References that browsers take without their semicolon.
const UNCLOSED: [(&str, char); 9] = [
    ("nbsp", '\u{a0}'),
    ("amp", '&'),
    ("lt", '<'),
    ("gt", '>'),
    ("quot", '"'),
    ("copy", '©'),
    ("reg", '®'),
    ("pound", '£'),
    ("eacute", 'é'),
];
const MAX_ENTITY: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved() {
        assert_eq!(
            unescaped("a&amp;b &#57;&#x39;&#57 &nbsp&eacute; &bogus; &"),
            "a&b 999 \u{a0}é &bogus; &"
        );
        assert!(matches!(unescaped("none"), Cow::Borrowed("none")));
    }
}
