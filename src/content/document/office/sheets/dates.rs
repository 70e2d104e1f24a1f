//! A number of days as a date or a time.

use jiff::{Span, civil};

use super::number_format::{Epoch, Piece};

/// Nothing where the number is outside all calendars.
pub(super) fn show(value: f64, pieces: &[Piece], epoch: Epoch) -> Option<String> {
    let moment = Moment::of(value, epoch)?;
    let mut shown = String::new();
    let mut last_unit = ' ';
    let clock =
        if pieces.contains(&Piece::HalfOfDay) { Clock::OfTwelve } else { Clock::OfTwentyFour };
    for (index, piece) in pieces.iter().enumerate() {
        match piece {
            Piece::Literal(text) => shown.push_str(text),
            Piece::Point => shown.push('.'),
            Piece::Fraction => shown.push('/'),
            Piece::Comma => shown.push(','),
            Piece::Digit(_) => shown.push('0'),
            Piece::HalfOfDay => shown.push_str(if moment.hour() < 12 { "AM" } else { "PM" }),
            Piece::Elapsed(unit) => {
                shown.push_str(&moment.elapsed(*unit).to_string());
                last_unit = *unit;
            }
            Piece::Date('m', run) if last_unit == 'h' || seconds_follow(pieces, index) => {
                shown.push_str(&padded(moment.minute(), *run));
                last_unit = 'm';
            }
            Piece::Date(unit, run) => {
                shown.push_str(&moment.unit(*unit, *run, clock));
                last_unit = *unit;
            }
            _ => {}
        }
    }
    Some(shown)
}

/// Whether an `m` stands for minutes because seconds come next.
fn seconds_follow(pieces: &[Piece], index: usize) -> bool {
    let mut later = pieces.iter().skip(index + 1).filter_map(|piece| match piece {
        Piece::Date(unit, _) | Piece::Elapsed(unit) => Some(*unit),
        _ => None,
    });
    later.next() == Some('s')
}

struct Moment {
    date: civil::Date,
    /// Whole seconds since the epoch, and of the day.
    total: i64,
    second: i64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Clock {
    OfTwelve,
    OfTwentyFour,
}

impl Moment {
    fn of(value: f64, epoch: Epoch) -> Option<Self> {
        if !(0.0..LAST_DAY).contains(&value) {
            return None;
        }
        #[expect(clippy::cast_possible_truncation, reason = "within the range just checked")]
        let total = (value * 86400.0).round() as i64;
        let (days, second) = (total.div_euclid(86400), total.rem_euclid(86400));
        let first = match epoch {
            Epoch::Year1904 => civil::date(1904, 1, 1),
            // 1900 had no 29 February, and files count one.
            Epoch::Year1900 if days < 60 => civil::date(1899, 12, 31),
            Epoch::Year1900 => civil::date(1899, 12, 30),
        };
        let date = first.checked_add(Span::new().try_days(days).ok()?).ok()?;
        Some(Self { date, total, second })
    }

    fn hour(&self) -> i64 {
        self.second / 3600
    }

    fn minute(&self) -> i64 {
        self.second / 60 % 60
    }

    fn elapsed(&self, unit: char) -> i64 {
        match unit {
            'h' => self.total / 3600,
            'm' => self.total / 60,
            _ => self.total,
        }
    }

    fn unit(&self, unit: char, run: usize, clock: Clock) -> String {
        let name = |names: &[&str], index: i8| {
            let index = usize::try_from(index).unwrap_or(0);
            names.get(index).copied().unwrap_or_default().to_owned()
        };
        let month = self.date.month() - 1;
        let weekday = self.date.weekday().to_monday_zero_offset();
        match (unit, run) {
            ('y', ..=2) => padded(i64::from(self.date.year() % 100), 2),
            ('y', _) => self.date.year().to_string(),
            ('m', ..=2) => padded(i64::from(self.date.month()), run),
            ('m', 3) => name(&MONTHS, month).chars().take(3).collect(),
            ('m', 5) => name(&MONTHS, month).chars().take(1).collect(),
            ('m', _) => name(&MONTHS, month),
            ('d', ..=2) => padded(i64::from(self.date.day()), run),
            ('d', 3) => name(&DAYS, weekday).chars().take(3).collect(),
            ('d', _) => name(&DAYS, weekday),
            ('h', _) if clock == Clock::OfTwelve => padded((self.hour() + 11) % 12 + 1, run),
            ('h', _) => padded(self.hour(), run),
            _ => padded(self.second % 60, run),
        }
    }
}

fn padded(number: i64, width: usize) -> String {
    let width = width.min(2);
    format!("{number:0width$}")
}

/// The year 10000.
const LAST_DAY: f64 = 2_958_466.0;
const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
