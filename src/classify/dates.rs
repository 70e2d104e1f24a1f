//! Dates of birth in the forms people write them.

mod spelt;

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// As ISO 8601 writes it: values are compared in this form.
impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Date {
    /// Reads day, month and year in the order their forms give: ISO, British,
    /// with names of months, as one run of eight digits, spelt out.
    ///
    /// Years of two digits are of the last century unless they are below
    /// [`PIVOT`]: without a clock nobody can say better.
    pub(super) fn read(text: &str) -> Option<Self> {
        Self::in_figures(text).or_else(|| spelt::read(text))
    }

    fn in_figures(text: &str) -> Option<Self> {
        let mut fields = [""; 3];
        let mut count = 0;
        for field in text
            .split(|character: char| !character.is_ascii_alphanumeric())
            .filter(|field| !field.is_empty() && !is_filler(field))
        {
            // What follows a day (a time of day) is not looked at.
            if let Some(place) = fields.get_mut(count) {
                *place = field;
            }
            count += 1;
        }
        let [first, second, third] = fields;
        match count {
            1 => Self::solid(first).or_else(|| Self::grown_together(first)),
            2 => None,
            _ if is_year(first) => Self::new(number(first)?, month(second)?, day(third)?),
            _ if first.starts_with(|character: char| character.is_ascii_digit()) => {
                Self::new(year(third)?, month(second)?, day(first)?)
            }
            _ => Self::new(year(third)?, month(first)?, day(second)?),
        }
    }

    fn solid(digits: &str) -> Option<Self> {
        if digits.len() != 8 {
            return None;
        }
        let field = |from: usize, to: usize| number(digits.get(from..to)?);
        let narrow = |value: u16| u8::try_from(value).ok();
        Self::new(field(0, 4)?, narrow(field(4, 6)?)?, narrow(field(6, 8)?)?)
            .or_else(|| Self::new(field(4, 8)?, narrow(field(2, 4)?)?, narrow(field(0, 2)?)?))
    }

    /// “03May1982”.
    fn grown_together(field: &str) -> Option<Self> {
        let (first, rest) = field.split_at_checked(field.find(char::is_alphabetic)?)?;
        let (name, last) = rest.split_at_checked(rest.find(|c: char| c.is_ascii_digit())?)?;
        Self::new(year(last)?, month(name)?, day(first)?)
    }

    fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let leap =
            year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let longest = match month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        ((1900..=2099).contains(&year) && (1..=longest).contains(&day)).then_some(Self {
            year,
            month,
            day,
        })
    }
}

fn is_filler(field: &str) -> bool {
    let names = ["of", "the", "st", "nd", "rd", "th"];
    names.iter().any(|name| field.eq_ignore_ascii_case(name))
        || DAYS.iter().any(|name| starts_with_name(field, name))
}

/// A day, with its ordinal letters or a time of day grown to it.
fn day(field: &str) -> Option<u8> {
    let letters = field.find(|character: char| !character.is_ascii_digit());
    let (digits, rest) = field.split_at_checked(letters.unwrap_or(field.len()))?;
    let fits =
        ["", "st", "nd", "rd", "th"].iter().any(|ordinal| rest.eq_ignore_ascii_case(ordinal))
            || rest.strip_prefix('T').is_some_and(|time| time.parse::<u8>().is_ok());
    fits.then(|| digits.parse().ok())?
}

fn month(field: &str) -> Option<u8> {
    if let Ok(number) = field.parse() {
        return Some(number).filter(|number| (1..=12).contains(number));
    }
    let at = MONTHS.iter().position(|name| starts_with_name(field, name))?;
    u8::try_from(at + 1).ok()
}

fn year(field: &str) -> Option<u16> {
    match field.len() {
        4 => number(field),
        2 => number(field).map(|short| short + if short < PIVOT { 2000 } else { 1900 }),
        _ => None,
    }
}

fn is_year(field: &str) -> bool {
    field.len() == 4 && field.bytes().all(|octet| octet.is_ascii_digit())
}

fn number(field: &str) -> Option<u16> {
    field.parse().ok()
}

/// Whether `field` is `name`, or its first three letters or more.
fn starts_with_name(field: &str, name: &str) -> bool {
    field.len() >= 3
        && name.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field))
}

const PIVOT: u16 = 27;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];

const DAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        Date::read(text).map(|date| date.to_string())
    }

    #[test]
    fn a_day_reads_the_same_in_every_form() {
        for written in [
            "1961-03-04",
            "04/03/1961",
            "4/3/61",
            "4.3.1961",
            "04-03-1961",
            "4 March 1961",
            "4th March 1961",
            "4th of March, 1961",
            "4-Mar-61",
            "04Mar1961",
            "4mar61",
            "4 Mar 1961",
            "March 4, 1961",
            "Mar 4th 1961",
            "19610304",
            "04031961",
            "1961-03-04T00:00:00",
            "1961/03/04",
            "Saturday 4 March 1961",
        ] {
            assert_eq!(read(written).as_deref(), Some("1961-03-04"), "{written}");
        }
    }

    #[test]
    fn a_day_that_never_was_is_refused() {
        for wrong in [
            "31/02/1961",
            "29/02/1961",
            "13 13 1961",
            "00/01/1961",
            "4 Foo 1961",
            "1/1",
            "1",
            "",
            "04/03/2961",
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        assert!(read("29/02/1960").is_some());
    }
}
