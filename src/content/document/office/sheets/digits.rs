//! A number in a section of a format that is no date.

use super::number_format::Piece;

/// As a cell without a format has it, but with all digits of a whole number.
pub(super) fn general(value: f64) -> String {
    if value.fract() == 0.0 && value.abs() < WHOLE {
        return format!("{value:.0}");
    }
    let short = format!("{value:.9e}").parse().unwrap_or(value);
    format!("{short}")
}

pub(super) fn show(value: f64, pieces: &[Piece]) -> String {
    let has = |piece: &Piece| pieces.contains(piece);
    let digits = pieces.iter().filter(|piece| matches!(piece, Piece::Digit(_))).count();
    if !value.is_finite() || value.abs() >= LARGEST || digits > 0 && has(&Piece::Fraction) {
        return general(value);
    }
    let percents = pieces.iter().filter(|piece| **piece == Piece::Percent).count();
    let value = (0..percents).fold(value, |value, _| value * 100.0);
    if has(&Piece::General) || digits == 0 {
        return around(&general(value), pieces);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let layout = Layout::of(pieces);
    let shown = if has(&Piece::Exponent) {
        layout.scientific(value.abs())
    } else {
        layout.plain(value.abs())
    };
    // What rounds to nothing has no sign.
    let sign = if shown.contains(|c: char| matches!(c, '1'..='9')) { sign } else { "" };
    format!("{sign}{shown}")
}

/// Literals with the number where the format says General, or without it.
fn around(number: &str, pieces: &[Piece]) -> String {
    let shown = pieces.iter().map(|piece| match piece {
        Piece::Literal(text) => text.as_str(),
        Piece::General | Piece::Text => number,
        Piece::Percent => "%",
        Piece::Fraction => "/",
        _ => "",
    });
    shown.collect()
}

/// A section's pieces before the point, after it, and after the exponent.
struct Layout<'p> {
    whole: &'p [Piece],
    decimals: &'p [Piece],
    exponent: &'p [Piece],
    has_point: bool,
}

impl<'p> Layout<'p> {
    fn of(pieces: &'p [Piece]) -> Self {
        let split = |pieces: &'p [Piece], at: &Piece| -> (&'p [Piece], Option<&'p [Piece]>) {
            match pieces.iter().position(|piece| piece == at) {
                Some(index) => {
                    let (before, after) = pieces.split_at(index);
                    (before, after.get(1..))
                }
                None => (pieces, None),
            }
        };
        let (mantissa, exponent) = split(pieces, &Piece::Exponent);
        let (whole, decimals) = split(mantissa, &Piece::Point);
        Self {
            whole,
            decimals: decimals.unwrap_or_default(),
            exponent: exponent.unwrap_or_default(),
            has_point: decimals.is_some(),
        }
    }

    fn plain(&self, value: f64) -> String {
        let value = (0..self.thousands()).fold(value, |value, _| value / 1000.0);
        let places = count_digits(self.decimals);
        let number = format!("{value:.places$}");
        let (whole, fraction) = number.split_once('.').unwrap_or((&number, ""));
        let mut shown = self.before_point(whole.trim_start_matches('0'));
        if self.has_point {
            shown.push('.');
        }
        shown + &self.after_point(fraction)
    }

    fn scientific(&self, value: f64) -> String {
        let places = count_digits(self.decimals);
        let number = format!("{value:.places$e}");
        let (mantissa, power) = number.split_once('e').unwrap_or((&number, "0"));
        let (sign, power) = power.strip_prefix('-').map_or(('+', power), |power| ('-', power));
        let width = count_digits(self.exponent).max(1);
        format!("{mantissa}E{sign}{power:0>width$}")
    }

    /// Commas at the end of the number: each stands for three digits left out.
    fn thousands(&self) -> usize {
        let last = |pieces: &[Piece]| {
            let behind = pieces.iter().rev().skip_while(|p| matches!(p, Piece::Literal(_)));
            behind.take_while(|piece| **piece == Piece::Comma).count()
        };
        last(self.whole) + last(self.decimals)
    }

    fn is_grouped(&self) -> bool {
        let digit = |piece: &Piece| matches!(piece, Piece::Digit(_));
        let first = self.whole.iter().position(digit);
        let last = self.whole.iter().rposition(digit);
        let comma = self.whole.iter().rposition(|piece| *piece == Piece::Comma);
        matches!((first, last, comma), (Some(first), Some(_), Some(comma)) if comma > first)
            && self.whole.get(..last.unwrap_or(0)).is_some_and(|p| p.contains(&Piece::Comma))
    }

    /// Filled from the right; what is left stands before the leftmost digit.
    fn before_point(&self, digits: &str) -> String {
        let mut reversed: Vec<char> = Vec::new();
        let mut left = digits.chars().rev();
        let mut placed = 0;
        let mut places = count_digits(self.whole);
        let grouped = self.is_grouped();
        for piece in self.whole.iter().rev() {
            match piece {
                Piece::Literal(text) => reversed.extend(text.chars().rev()),
                Piece::Percent => reversed.push('%'),
                Piece::Fraction => reversed.push('/'),
                Piece::Digit(kind) => {
                    places -= 1;
                    let mut next = left.next().or(filler(*kind));
                    while let Some(digit) = next {
                        if grouped && placed > 0 && placed % 3 == 0 {
                            reversed.push(',');
                        }
                        reversed.push(digit);
                        placed += 1;
                        next = if places == 0 { left.next() } else { None };
                    }
                }
                _ => {}
            }
        }
        reversed.iter().rev().collect()
    }

    fn after_point(&self, fraction: &str) -> String {
        let mut shown = String::new();
        let significant = fraction.trim_end_matches('0').len();
        let mut digits = fraction.chars().enumerate();
        for piece in self.decimals {
            match piece {
                Piece::Literal(text) => shown.push_str(text),
                Piece::Percent => shown.push('%'),
                Piece::Digit(kind) => match digits.next() {
                    Some((index, digit)) if index < significant => shown.push(digit),
                    _ => shown.extend(filler(*kind)),
                },
                _ => {}
            }
        }
        shown
    }
}

fn count_digits(pieces: &[Piece]) -> usize {
    pieces.iter().filter(|piece| matches!(piece, Piece::Digit(_))).count()
}

/// What stands where there is no digit.
fn filler(kind: char) -> Option<char> {
    match kind {
        '0' => Some('0'),
        '?' => Some(' '),
        _ => None,
    }
}

/// Whole numbers from here on are not exact.
const WHOLE: f64 = 1e18;
const LARGEST: f64 = 1e21;
