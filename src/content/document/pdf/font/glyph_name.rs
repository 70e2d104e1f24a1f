//! Glyph names as text: the Adobe Glyph List and its rules for other names.
//!
//! `glyph_names.txt` has those names that Latin, Greek and Cyrillic texts
//! have; single letters stand for themselves.

use std::{collections::HashMap, sync::LazyLock};

/// The text a glyph's name stands for; nothing where it says nothing.
pub(super) fn text(name: &str) -> Option<String> {
    let base = name.split('.').next().unwrap_or_default();
    let mut text = String::new();
    for component in base.split('_') {
        text.push_str(&component_text(component)?);
    }
    (!text.is_empty()).then_some(text)
}

fn component_text(component: &str) -> Option<String> {
    let mut letters = component.chars();
    if let (Some(only), None) = (letters.next(), letters.next()) {
        return Some(only.to_string());
    }
    if let Some(letter) = NAMES.get(component) {
        return Some(letter.to_string());
    }
    if let Some(digits) = component.strip_prefix("uni")
        && digits.len() >= 4
        && digits.len().is_multiple_of(4)
    {
        return digits.as_bytes().chunks(4).map(character).collect();
    }
    let digits = component.strip_prefix('u').unwrap_or_default();
    let direct = || (4..=6).contains(&digits.len()).then(|| character(digits.as_bytes()))?;
    if let Some(letter) = direct() {
        return Some(letter.to_string());
    }
    // Letters of other shapes: small capitals, superior and inferior digits.
    ["small", "superior", "inferior"].iter().find_map(|shape| {
        let plain = component.strip_suffix(shape).filter(|plain| !plain.is_empty())?;
        component_text(plain)
    })
}

fn character(digits: &[u8]) -> Option<char> {
    let digits = std::str::from_utf8(digits).ok()?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

static NAMES: LazyLock<HashMap<&'static str, char>> = LazyLock::new(|| {
    let mut names = HashMap::new();
    for line in include_str!("glyph_names.txt").lines() {
        let mut words = line.split(' ');
        let letter = words.next().and_then(|digits| character(digits.as_bytes()));
        if let Some(letter) = letter {
            names.extend(words.map(|name| (name, letter)));
        }
    }
    names
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stand_for_text() {
        for (name, expected) in [
            ("A", "A"),
            ("nine", "9"),
            ("nine.fitted", "9"),
            ("nineoldstyle", "9"),
            ("eacute", "é"),
            ("f_f_i", "ffi"),
            ("fi", "ﬁ"),
            ("uni20AC", "€"),
            ("uni00390034", "94"),
            ("u1F600", "😀"),
            ("Asmall", "A"),
        ] {
            assert_eq!(text(name).as_deref(), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_name_that_says_nothing_gives_nothing() {
        for name in ["g123", ".notdef", "", "C0_1x", "uniD800", "cid00017"] {
            assert_eq!(text(name), None, "{name}");
        }
    }
}
