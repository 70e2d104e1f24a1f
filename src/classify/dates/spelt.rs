//! Days that are spelt out: “the third of May 1961”, “May the twenty-first,
//! nineteen sixty-one”.

use super::{Date, day, is_filler, month, number};

/// Reads a day of which at least the day of the month or the year is in words.
pub(super) fn read(text: &str) -> Option<Date> {
    let lower = text.to_ascii_lowercase();
    let words: Vec<&str> = lower
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty() && !is_filler(word) && !matches!(*word, "and" | "day"))
        .collect();
    let at = words.iter().position(|word| word.len() >= 3 && month(word).is_some())?;
    let (before, rest) = words.split_at_checked(at)?;
    let (month, after) = rest.split_first()?;
    let month = self::month(month)?;
    if !before.is_empty() {
        return Date::new(year(after)?, month, ordinal(before)?);
    }
    // The day follows: as many words as make one.
    (1..=2).find_map(|long| {
        let (day, year) = after.split_at_checked(long)?;
        Date::new(self::year(year)?, month, ordinal(day)?)
    })
}

fn ordinal(words: &[&str]) -> Option<u8> {
    let place = |names: &[&str], word: &str| {
        names.iter().position(|name| *name == word).and_then(|at| u8::try_from(at + 1).ok())
    };
    match words {
        [word] => place(&ORDINALS, word)
            .or_else(|| (*word == "thirtieth").then_some(30))
            .or_else(|| day(word)),
        ["twenty", unit] => place(&ORDINALS, unit).filter(|unit| *unit < 10).map(|unit| 20 + unit),
        ["thirty", "first"] => Some(31),
        _ => None,
    }
}

fn year(words: &[&str]) -> Option<u16> {
    match words {
        [figures] => Some(*figures).filter(|figures| figures.len() == 4).and_then(number),
        ["nineteen", "hundred"] => Some(1900),
        ["nineteen", "hundred", rest @ ..] => Some(1900 + below_hundred(rest)?),
        ["nineteen", rest @ ..] => Some(1900 + below_hundred(rest)?),
        ["two", "thousand"] => Some(2000),
        ["two", "thousand", rest @ ..] => Some(2000 + below_hundred(rest)?),
        ["twenty", rest @ ..] => Some(2000 + below_hundred(rest)?),
        _ => None,
    }
}

fn below_hundred(words: &[&str]) -> Option<u16> {
    let place = |names: &[&str], word: &str| {
        names.iter().position(|name| *name == word).and_then(|at| u16::try_from(at).ok())
    };
    let small = |word: &str| place(&NUMBERS, word).map(|at| at + 1);
    let tens = |word: &str| place(&TENS, word).map(|at| (at + 2) * 10);
    match words {
        ["oh" | "o", unit] => small(unit).filter(|unit| *unit < 10),
        [word] => small(word).or_else(|| tens(word)),
        [ten, unit] => Some(tens(ten)? + small(unit).filter(|unit| *unit < 10)?),
        _ => None,
    }
}

const ORDINALS: [&str; 20] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
];

const NUMBERS: [&str; 19] = [
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];

const TENS: [&str; 8] =
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_in_words_is_the_day_in_figures() {
        for (written, day) in [
            ("third of May 1961", "1961-05-03"),
            ("the third day of May, nineteen sixty-one", "1961-05-03"),
            ("twenty-first of June 1948", "1948-06-21"),
            ("thirty first December nineteen hundred and five", "1905-12-31"),
            ("May the third, 1961", "1961-05-03"),
            ("May the twenty first nineteen sixty", "1960-05-21"),
            ("4th of March nineteen oh four", "1904-03-04"),
            ("tenth of October two thousand and nine", "2009-10-10"),
            ("tenth of October two thousand", "2000-10-10"),
            ("fifth November twenty fifteen", "2015-11-05"),
        ] {
            assert_eq!(
                Date::read(written).map(|date| date.to_string()).as_deref(),
                Some(day),
                "{written}"
            );
        }
    }

    #[test]
    fn words_that_are_no_day_are_none() {
        for wrong in [
            "thirty-second of May 1961",
            "third of May",
            "first of all 1961",
            "thirty first of June 1961",
            "third of May nineteen sixty eleven",
            "second of March the second",
        ] {
            assert_eq!(Date::read(wrong).map(|date| date.to_string()), None, "{wrong}");
        }
    }
}
