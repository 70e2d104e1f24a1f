//! Numbers as their formats display them (ECMA-376 part 1 section 18.8.31):
//! `000 000 0000` makes of 9990000018 what a person reads as 999 000 0018.

use super::{dates, digits};

/// From when a file counts its days.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::content::document::office) enum Epoch {
    #[default]
    Year1900,
    Year1904,
}

/// A format code, read.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::content::document::office) struct NumberFormat(Vec<Section>);

/// What a cell displays, and what it stores where that says more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::content::document::office) struct Shown {
    pub text: String,
    pub stored: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Section {
    condition: Option<(Compare, f64)>,
    pieces: Vec<Piece>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Compare {
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    GreaterOrEqual,
    Greater,
}

/// A format code's smallest pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    Literal(String),
    /// `0`, `#` or `?`.
    Digit(char),
    Point,
    Comma,
    Percent,
    Exponent,
    Fraction,
    General,
    Text,
    /// A run of y, m, d, h or s.
    Date(char, usize),
    /// The same in brackets: hours, minutes or seconds in all.
    Elapsed(char),
    HalfOfDay,
}

/// A number in a format.
pub(in crate::content::document::office) fn show(
    value: f64,
    format: &NumberFormat,
    epoch: Epoch,
) -> Shown {
    let text = format.number(value, epoch);
    let stored = if format.is_date(value) { None } else { stored(value, &text) };
    Shown { text, stored }
}

/// A whole number where what is displayed of it has lost digits.
pub(in crate::content::document::office) fn stored(value: f64, shown: &str) -> Option<String> {
    let stored = digits::general(value);
    let digits = stored.trim_start_matches('-');
    // Commas between thousands make an amount of what may be a patient's
    // number; other marks are how people write those.
    let commas = digits.len() == DIGITS_OF_A_PATIENT_NUMBER;
    let kept = |c: &char| c.is_ascii_digit() || commas && *c == ',';
    let shown: String = shown.chars().filter(kept).collect();
    let says_more =
        value.fract() == 0.0 && digits.len() >= DIGITS_OF_AN_IDENTIFIER && !shown.contains(digits);
    says_more.then_some(stored)
}

impl NumberFormat {
    pub(in crate::content::document::office) fn parse(code: &str) -> Self {
        let mut sections = vec![Section::default()];
        let mut rest = code.get(..code.floor_char_boundary(LONGEST_CODE)).unwrap_or_default();
        while let Some(first) = rest.chars().next() {
            let tail = rest.get(first.len_utf8()..).unwrap_or_default();
            if first == ';' && sections.len() < SECTIONS {
                sections.push(Section::default());
                rest = tail;
            } else if let Some(section) = sections.last_mut() {
                rest = section.take(first, rest, tail);
            }
        }
        Self(sections)
    }

    /// The format of a number that every file has (section 18.8.30).
    pub(in crate::content::document::office) fn built_in(id: usize) -> Self {
        let known = BUILT_IN.iter().find(|(known, _)| *known == id);
        Self::parse(known.map_or("General", |(_, code)| *code))
    }

    /// Text in a cell of this format.
    pub(in crate::content::document::office) fn text(&self, value: &str) -> String {
        let of_text = self.0.iter().find(|section| section.pieces.contains(&Piece::Text));
        let Some(section) = of_text else { return value.to_owned() };
        let shown = section.pieces.iter().map(|piece| match piece {
            Piece::Text => value,
            Piece::Literal(text) => text,
            _ => "",
        });
        shown.collect()
    }

    fn is_date(&self, value: f64) -> bool {
        self.section(value).is_some_and(|(section, _)| section.is_date())
    }

    fn number(&self, value: f64, epoch: Epoch) -> String {
        let Some((section, value)) = self.section(value) else { return digits::general(value) };
        if section.is_date() {
            return dates::show(value, &section.pieces, epoch)
                .unwrap_or_else(|| digits::general(value));
        }
        digits::show(value, &section.pieces)
    }

    /// The section for a value, and the value without the sign that the
    /// section itself stands for.
    fn section(&self, value: f64) -> Option<(&Section, f64)> {
        let of_numbers = self.0.get(..self.0.len().min(SECTIONS - 1)).unwrap_or_default();
        if of_numbers.iter().any(|section| section.condition.is_some()) {
            let met = of_numbers.iter().find(|section| section.holds(value));
            return Some((met.or(of_numbers.last())?, value));
        }
        let plain = |section: &Section| !section.pieces.contains(&Piece::Text);
        let count = of_numbers.iter().filter(|section| plain(section)).count();
        Some(match (count, of_numbers) {
            (2.., [_, negative, ..]) if value < 0.0 => (negative, value.abs()),
            (3.., [_, _, zero, ..]) if value == 0.0 => (zero, value),
            _ => (of_numbers.first()?, value),
        })
    }
}

impl Section {
    fn is_date(&self) -> bool {
        let date = |piece: &Piece| matches!(piece, Piece::Date(..) | Piece::Elapsed(_));
        self.pieces.iter().any(date)
    }

    fn holds(&self, value: f64) -> bool {
        let Some((compare, than)) = self.condition else { return true };
        match compare {
            Compare::Less => value < than,
            Compare::LessOrEqual => value <= than,
            Compare::Equal => value == than,
            Compare::NotEqual => value != than,
            Compare::GreaterOrEqual => value >= than,
            Compare::Greater => value > than,
        }
    }

    /// Takes the piece that `rest` starts with; returns what follows it.
    fn take<'c>(&mut self, first: char, rest: &'c str, tail: &'c str) -> &'c str {
        let (piece, tail) = match first {
            '"' => {
                let (text, tail) = tail.split_once('"').unwrap_or((tail, ""));
                (Piece::Literal(text.to_owned()), tail)
            }
            '\\' | '!' => {
                let (text, tail) = first_of(tail);
                (Piece::Literal(text.to_owned()), tail)
            }
            // As wide as the next character; the next fills the cell.
            '_' => (Piece::Literal(" ".to_owned()), first_of(tail).1),
            '*' => return first_of(tail).1,
            '[' => return self.take_brackets(tail),
            '0' | '#' | '?' => (Piece::Digit(first), tail),
            '.' => (Piece::Point, tail),
            ',' => (Piece::Comma, tail),
            '%' => (Piece::Percent, tail),
            '/' => (Piece::Fraction, tail),
            '@' => (Piece::Text, tail),
            'E' | 'e' if tail.starts_with(['+', '-']) => (Piece::Exponent, first_of(tail).1),
            'A' | 'a' if starts(rest, "am/pm") => (Piece::HalfOfDay, after(rest, 5)),
            'A' | 'a' if starts(rest, "a/p") => (Piece::HalfOfDay, after(rest, 3)),
            'G' | 'g' if starts(rest, "general") => (Piece::General, after(rest, 7)),
            'y' | 'Y' | 'm' | 'M' | 'd' | 'D' | 'h' | 'H' | 's' | 'S' => {
                let run = rest.chars().take_while(|c| c.eq_ignore_ascii_case(&first)).count();
                (Piece::Date(first.to_ascii_lowercase(), run), after(rest, run))
            }
            other => (Piece::Literal(other.to_string()), tail),
        };
        self.pieces.push(piece);
        tail
    }

    /// A colour, a condition, a currency with its locale, or time elapsed.
    fn take_brackets<'c>(&mut self, tail: &'c str) -> &'c str {
        let (inside, tail) = tail.split_once(']').unwrap_or((tail, ""));
        if let Some(currency) = inside.strip_prefix('$') {
            let sign = currency.split('-').next().unwrap_or_default();
            self.pieces.push(Piece::Literal(sign.to_owned()));
        } else if let Some(unit) = elapsed(inside) {
            self.pieces.push(Piece::Elapsed(unit));
        } else if let Some(condition) = condition(inside) {
            self.condition = Some(condition);
        }
        tail
    }
}

fn first_of(text: &str) -> (&str, &str) {
    let length = text.chars().next().map_or(0, char::len_utf8);
    text.split_at_checked(length).unwrap_or((text, ""))
}

fn after(text: &str, length: usize) -> &str {
    text.get(length..).unwrap_or_default()
}

fn starts(text: &str, with: &str) -> bool {
    text.get(..with.len()).is_some_and(|start| start.eq_ignore_ascii_case(with))
}

fn elapsed(inside: &str) -> Option<char> {
    let unit = inside.chars().next()?.to_ascii_lowercase();
    let all = inside.chars().all(|c| c.eq_ignore_ascii_case(&unit));
    (all && matches!(unit, 'h' | 'm' | 's')).then_some(unit)
}

fn condition(inside: &str) -> Option<(Compare, f64)> {
    let comparisons = [
        ("<=", Compare::LessOrEqual),
        (">=", Compare::GreaterOrEqual),
        ("<>", Compare::NotEqual),
        ("<", Compare::Less),
        (">", Compare::Greater),
        ("=", Compare::Equal),
    ];
    let (sign, compare) = comparisons.iter().find(|(sign, _)| inside.starts_with(sign))?;
    Some((*compare, after(inside, sign.len()).trim().parse().ok()?))
}

const SECTIONS: usize = 4;
const LONGEST_CODE: usize = 255;
/// Telephone numbers, hospital numbers and what is longer.
const DIGITS_OF_AN_IDENTIFIER: usize = 6;
const DIGITS_OF_A_PATIENT_NUMBER: usize = 10;
/// Dates as they are written in Britain.
const BUILT_IN: [(usize, &str); 33] = [
    (1, "0"),
    (2, "0.00"),
    (3, "#,##0"),
    (4, "#,##0.00"),
    (9, "0%"),
    (10, "0.00%"),
    (11, "0.00E+00"),
    (12, "# ?/?"),
    (13, "# ??/??"),
    (14, "dd/mm/yyyy"),
    (15, "d-mmm-yy"),
    (16, "d-mmm"),
    (17, "mmm-yy"),
    (18, "h:mm AM/PM"),
    (19, "h:mm:ss AM/PM"),
    (20, "h:mm"),
    (21, "h:mm:ss"),
    (22, "dd/mm/yyyy h:mm"),
    (27, "dd/mm/yyyy"),
    (28, "dd/mm/yyyy"),
    (29, "dd/mm/yyyy"),
    (30, "dd/mm/yyyy"),
    (31, "dd/mm/yyyy"),
    (36, "dd/mm/yyyy"),
    (37, "#,##0;-#,##0"),
    (38, "#,##0;-#,##0"),
    (39, "#,##0.00;-#,##0.00"),
    (40, "#,##0.00;-#,##0.00"),
    (45, "mm:ss"),
    (46, "[h]:mm:ss"),
    (47, "mm:ss.0"),
    (48, "##0.0E+0"),
    (49, "@"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: f64, code: &str) -> String {
        show(value, &NumberFormat::parse(code), Epoch::Year1900).text
    }

    #[test]
    fn numbers_are_laid_out_by_their_format() {
        for (value, code, expected) in [
            (9_990_000_018.0, "000 000 0000", "999 000 0018"),
            (9_990_000_018.0, "General", "9990000018"),
            (9_990_000_018.0, "0", "9990000018"),
            (9_990_000_018.0, "000-000-0000", "999-000-0018"),
            (9_990_000_018.0, "\"NHS \"0", "NHS 9990000018"),
            (9_990_000_018.0, "#,##0", "9,990,000,018"),
            (42.0, "00000", "00042"),
            (1234.5, "[$£-809]#,##0.00", "£1,234.50"),
            (-3.25, "0.0;(0.00)", "(3.25)"),
            (0.0, "0;-0;\"none\"", "none"),
            (0.125, "0.0%", "12.5%"),
            (9_990_000_018.0, "0.00E+00", "9.99E+09"),
            (5.0, "[<10]\"few\";0", "few"),
            (50.0, "[<10]\"few\";0", "50"),
            (7.5, "#.##", "7.5"),
            (1_500_000.0, "0.0,,", "1.5"),
        ] {
            assert_eq!(shown(value, code), expected, "{code}");
        }
    }

    #[test]
    fn dates_are_dates() {
        for (value, code, expected) in [
            (22_365.0, "dd/mm/yyyy", "25/03/1961"),
            (22_365.5, "d mmm yy h:mm AM/PM", "25 Mar 61 12:00 PM"),
            (22_365.75, "dddd d mmmm yyyy hh:mm:ss", "Saturday 25 March 1961 18:00:00"),
            (1.5, "[h]:mm", "36:00"),
            (0.0, "0", "0"),
        ] {
            assert_eq!(shown(value, code), expected, "{code}");
        }
        let format = NumberFormat::built_in(14);
        assert_eq!(show(20_903.0, &format, Epoch::Year1904).text, "25/03/1961");
    }

    #[test]
    fn what_a_format_hides_is_told_as_stored() {
        let stored = |value, code| show(value, &NumberFormat::parse(code), Epoch::Year1900).stored;
        assert_eq!(stored(9_990_000_018.0, "0.00E+00").as_deref(), Some("9990000018"));
        assert_eq!(stored(9_990_000_018.0, ";;;").as_deref(), Some("9990000018"));
        assert_eq!(stored(9_990_000_018.0, "000 000 0000"), None);
        assert_eq!(stored(9_990_000_018.0, "#,##0").as_deref(), Some("9990000018"));
        assert_eq!(stored(12_345_678.0, "#,##0"), None);
        assert_eq!(stored(22_365.0, "dd/mm/yyyy"), None);
        assert_eq!(stored(3.14159, "0.0"), None);
    }

    #[test]
    fn text_has_its_section_too() {
        assert_eq!(NumberFormat::parse("0;0;0;\"NHS \"@").text("999"), "NHS 999");
        assert_eq!(NumberFormat::parse("0").text("999"), "999");
    }

    #[test]
    fn no_code_and_no_value_is_too_odd() {
        for code in ["", ";", "[", "\"", "\\", "_", "*", "E+", "0E+", "#.", ".", "[h", "?/?", "0/0"]
        {
            for value in [f64::NAN, f64::INFINITY, -1e300, 1e-300, 0.0, -0.5, 1e15] {
                shown(value, code);
                shown(value, &format!("{code}yyyy"));
            }
        }
    }
}
