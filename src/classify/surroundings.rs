//! What stands directly beside a candidate: whether it stands alone or is a
//! piece of something longer.

use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Alone,
    /// Other digits a space or a stroke away: a piece of a longer number, or
    /// the next column.
    BesideDigits,
    /// Grown together with letters or digits, or inside an address.
    InsideToken,
}

pub(super) fn standing(text: &str, span: &Range<usize>) -> Standing {
    let octets = text.as_bytes();
    let before = octets.get(..span.start).unwrap_or_default();
    let after = octets.get(span.end..).unwrap_or_default();
    let mut backwards = before.iter().rev();
    let mut forwards = after.iter();
    let (left, further_left) = (backwards.next(), backwards.next());
    let (right, further_right) = (forwards.next(), forwards.next());
    // What a key is given: “nhs_no=9990000018”. In an address it is told below.
    let is_given = left == Some(&b'=');
    if !is_given && joins(left, further_left) || joins(right, further_right) || in_address(before) {
        return Standing::InsideToken;
    }
    if spaced_digit(left, further_left) || spaced_digit(right, further_right) {
        return Standing::BesideDigits;
    }
    Standing::Alone
}

/// A letter or digit, or a mark that ties the next one on.
fn joins(beside: Option<&u8>, further: Option<&u8>) -> bool {
    let Some(&beside) = beside else { return false };
    let tied = |mark: u8, to: fn(&u8) -> bool| beside == mark && further.is_some_and(to);
    is_letter(beside)
        || matches!(beside, b'_' | b'@' | b'%' | b'+' | b'$')
        || b"-/=".iter().any(|&mark| tied(mark, u8::is_ascii_alphanumeric))
        // A full stop without its space is common; a decimal point is not it.
        || tied(b'.', u8::is_ascii_digit)
}

fn spaced_digit(beside: Option<&u8>, further: Option<&u8>) -> bool {
    matches!(beside, Some(b' ' | b'-' | b'/' | b'#' | b'*'))
        && further.is_some_and(u8::is_ascii_digit)
        || matches!(beside, Some(b'#' | b'*'))
}

fn is_letter(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || octet >= 0x80
}

/// Whether the run of characters that leads up here is that of a URL, a path
/// or an identifier between angle brackets.
fn in_address(before: &[u8]) -> bool {
    let start = before.len().saturating_sub(LONGEST_ADDRESS);
    let near = before.get(start..).unwrap_or_default();
    let token = near.rsplit(u8::is_ascii_whitespace).next().unwrap_or_default();
    memchr::memmem::find(token, b"://").is_some()
        || token.starts_with(b"www.")
        || memchr::memchr(b'&', token).is_some_and(|_| memchr::memchr(b'=', token).is_some())
}

const LONGEST_ADDRESS: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Standing {
        let start = text.find("9990000018").unwrap();
        standing(text, &(start..start + 10))
    }

    #[test]
    fn a_number_stands_alone_between_words_and_marks() {
        for text in [
            "NHS: 9990000018.",
            "(9990000018)",
            "9990000018",
            "a,9990000018,b",
            "no.9990000018 ",
            "nhs=9990000018",
        ] {
            assert_ne!(at(text), Standing::InsideToken, "{text}");
        }
        assert_eq!(at("NHS: 9990000018."), Standing::Alone);
    }

    #[test]
    fn a_piece_of_something_longer_is_told() {
        for text in [
            "x9990000018",
            "99990000018",
            "9990000018a",
            "https://a.example/?id=9990000018",
            "12-9990000018",
            "9990000018.5",
            "9990000018@mail.example",
            "ref_9990000018",
        ] {
            assert_eq!(at(text), Standing::InsideToken, "{text}");
        }
        assert_eq!(at("4929 9990000018"), Standing::BesideDigits);
    }
}
