//! Text of which only so much is shown as its owner would know it by.

use crate::{classify::Found, mail::Masked};

/// The text on one line, so many characters of it, every value that was found
/// in it or beside it masked, whatever its case.
pub fn masked(text: &str, found: &[Found], most: usize) -> String {
    let mut line = one_line(text);
    let cut = line.char_indices().nth(2 * most).map(|(cut, _)| cut);
    line.truncate(cut.unwrap_or(line.len()));
    let counting = found.iter().filter(|found| found.counts());
    let mut values: Vec<String> = counting.map(|found| one_line(&found.value)).collect();
    values.retain(|value| value.chars().count() > 1);
    // The first that fits is taken: of a name and its beginning, the name.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    values.dedup();
    let mut shown = String::with_capacity(line.len());
    let mut rest = line.as_str();
    while let Some(first) = rest.chars().next() {
        let length = values.iter().find_map(|value| begins_with(rest, value, cut));
        let (taken, after) = rest.split_at(length.unwrap_or(first.len_utf8()));
        match length {
            Some(_) => shown.push_str(&Masked::of(taken).to_string()),
            None => shown.push_str(taken),
        }
        rest = after;
    }
    shown.chars().take(most).collect()
}

/// How many octets of the text are this value, or as much as there is of it
/// where the text was cut.
fn begins_with(text: &str, value: &str, cut: Option<usize>) -> Option<usize> {
    let mut read = text.chars();
    let alike = |one: char, other: char| one.to_lowercase().eq(other.to_lowercase());
    value
        .chars()
        .all(|wanted| read.next().map_or(cut.is_some(), |found| alike(found, wanted)))
        .then(|| text.len() - read.as_str().len())
}

/// Blanks of all kinds become one, and what could end a line or change how it
/// is read is gone.
fn one_line(text: &str) -> String {
    let visible = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    let visible: String = visible.filter(|c| !is_direction(*c)).collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Marks that have text read from right to left (Unicode UAX 9).
const fn is_direction(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Finding, Kind};

    fn found(value: &str) -> Found {
        let finding = Finding {
            detector: "d".to_owned(),
            kind: Kind::NhsNumber,
            part: "1".to_owned(),
            line: 1,
            masked: Masked::of(value),
            confidence: 90,
            why: String::new(),
        };
        let (source, weight, meant) = (None, None, None);
        Found { finding, value: value.to_owned(), source, weight, meant }
    }

    #[test]
    fn whatever_was_found_anywhere_is_masked_wherever_it_stands() {
        let all = [found("999 000 0018"), found("Ann Example"), found("Ann")];
        let shown = masked("Re: ANN EXAMPLE, ann,\r\n 999 000\t0018 on Friday", &all, 100);
        assert_eq!(shown, "Re: ••• •••••LE, •••, ••• ••• ••18 on Friday");
    }

    #[test]
    fn no_cut_shows_what_was_found() {
        let all = [found("Ann Example")];
        let text = format!("On {}", "Ann Example ".repeat(9));
        for most in 3..60 {
            let shown = masked(&text, &all, most);
            assert!(!shown.contains("An") && !shown.contains("Exam"), "{most}: {shown}");
        }
    }

    #[test]
    fn what_was_not_found_stays_on_one_line() {
        assert_eq!(masked("The \u{202e}minutes\n\tof\0Monday", &[], 100), "The minutes of Monday");
    }
}
