//! Hours of the week, as people keep them: local time in a named zone, summer
//! time included. Pure: the moment is passed in.

use jiff::{
    civil::{Time, Weekday},
    tz::TimeZone,
};

use super::written::{Fault, Table, Value};
use crate::mail::Timestamp;

/// From one hour to another, on some days of the week. Over midnight it
/// belongs to the day on which it begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// None at all stands for every day; by their number from Monday.
    days: Vec<Weekday>,
    /// Minutes of the day: the first that is in it, and the first that is not.
    from: u16,
    to: u16,
    zone: TimeZone,
}

impl TimeWindow {
    pub fn contains(&self, moment: Timestamp) -> bool {
        let Some((day, minute)) = self.local(moment) else { return false };
        if self.from < self.to {
            return self.is_on(day) && (self.from..self.to).contains(&minute);
        }
        (minute >= self.from && self.is_on(day)) || (minute < self.to && self.is_on(day.previous()))
    }

    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The minutes of the day at which an answer can change.
    pub fn edges(&self) -> [u16; 3] {
        [0, self.from, self.to % DAY]
    }

    /// The day and the minute of a moment where the window is.
    fn local(&self, moment: Timestamp) -> Option<(Weekday, u16)> {
        let milliseconds = i64::try_from(moment.unix_milliseconds()).ok()?;
        let moment = jiff::Timestamp::from_millisecond(milliseconds).ok()?;
        let local = self.zone.to_datetime(moment);
        Some((local.weekday(), minute_of(local.time())))
    }

    fn is_on(&self, day: Weekday) -> bool {
        self.days.is_empty() || self.days.contains(&day)
    }
}

fn minute_of(time: Time) -> u16 {
    u16::try_from(time.hour()).unwrap_or(0) * 60 + u16::try_from(time.minute()).unwrap_or(0)
}

/// `{ days = ["saturday"], from = "18:00", to = "08:00", zone = "…" }`: all
/// but one of them may be left out.
pub(super) fn read(value: &Value<'_>) -> Option<TimeWindow> {
    let table = value.table("a time", &["days", "from", "to", "zone"])?;
    let days = match table.value("days") {
        Some(days) => days.list(|day| day.choice(&DAYS)),
        None => Some(Vec::new()),
    };
    let from = read_hour(&table, "from", 0);
    let to = read_hour(&table, "to", DAY);
    let zone = match table.value("zone") {
        Some(zone) => read_zone(&zone),
        None => TimeZone::get(HOME).ok(),
    };
    let window = TimeWindow { days: days?, from: from?, to: to?, zone: zone? };
    let whole_days = window.from == 0 && window.to == DAY;
    if window.from == window.to || (window.days.is_empty() && whole_days) {
        let message = match window.from == window.to {
            true => "a time that begins as it ends is no time",
            false => "this time is always",
        };
        table.faults().error(
            value
                .fault("time-window", message)
                .help("write days, or hours such as `from = \"18:00\", to = \"08:00\"`, or both"),
        );
        return None;
    }
    Some(window)
}

fn read_hour(table: &Table<'_>, key: &str, otherwise: u16) -> Option<u16> {
    let Some(value) = table.value(key) else { return Some(otherwise) };
    let written = value.string()?;
    minute(written).or_else(|| {
        let message = format!("`{written}` is no time of day: write hours and minutes, `18:00`");
        value.invalid("time-of-day", message)
    })
}

/// `18:00`; `24:00` is the end of the day.
fn minute(written: &str) -> Option<u16> {
    let (hour, minute) = written.split_once(':')?;
    let number = |text: &str| match text.len() {
        2 if text.bytes().all(|letter| letter.is_ascii_digit()) => text.parse::<u16>().ok(),
        _ => None,
    };
    let (hour, minute) = (number(hour)?, number(minute)?);
    let of_day = hour * 60 + minute;
    (minute < 60 && of_day <= DAY).then_some(of_day)
}

fn read_zone(value: &Value<'_>) -> Option<TimeZone> {
    let name = value.sentence()?;
    let zone = TimeZone::get(name).ok();
    if zone.is_none() {
        value.faults().error(
            Fault::new("time-zone", format!("there is no time zone `{name}`"))
                .at(value.span())
                .label("not in the database of time zones")
                .help(format!("write {HOME}, or take it out: that is what is meant without it")),
        );
    }
    zone
}

/// A moment as cases have it, `saturday 19:30`: of a week in winter, at home.
pub(super) fn read_moment(value: &Value<'_>) -> Option<Timestamp> {
    let written = value.string()?;
    let moment = written.split_once(' ').and_then(|(day, time)| {
        let (_, day) = DAYS.iter().find(|(name, _)| *name == day)?;
        of_week(*day, minute(time.trim()).filter(|minute| *minute < DAY)?)
    });
    moment.or_else(|| {
        let message = format!("`{written}` is no time: write a day and a time, `saturday 19:30`");
        value.invalid("time-of-day", message)
    })
}

/// That minute of that day, at home.
fn of_week(day: Weekday, minute: u16) -> Option<Timestamp> {
    let monday = jiff::civil::date(2026, 1, 5);
    let hour = i8::try_from(minute / 60).ok()?;
    let local = monday.checked_add(jiff::Span::new().days(day.to_monday_zero_offset())).ok()?.at(
        hour,
        i8::try_from(minute % 60).ok()?,
        0,
        0,
    );
    moment(local, &TimeZone::get(HOME).ok()?)
}

fn moment(local: jiff::civil::DateTime, zone: &TimeZone) -> Option<Timestamp> {
    let moment = zone.to_timestamp(local).ok()?;
    let milliseconds = u64::try_from(moment.as_millisecond()).ok()?;
    Some(Timestamp::from_unix_milliseconds(milliseconds))
}

/// Every moment at which one of the windows can begin to answer otherwise.
/// Where all are in one zone, a week has them all; where not, a year has, for
/// how far two zones are apart changes with their summer times.
pub(super) fn edges(windows: &[&TimeWindow]) -> Vec<Timestamp> {
    let Some(first) = windows.first() else { return Vec::new() };
    let days = if windows.iter().all(|window| window.zone == first.zone) { 7 } else { 366 };
    let monday = jiff::civil::date(2026, 1, 5);
    let mut moments = Vec::new();
    for day in 0..days {
        let Ok(date) = monday.checked_add(jiff::Span::new().days(day)) else { continue };
        for window in windows {
            for edge in window.edges() {
                let (hour, minute) = (i8::try_from(edge / 60), i8::try_from(edge % 60));
                let (Ok(hour), Ok(minute)) = (hour, minute) else { continue };
                moments.extend(moment(date.at(hour, minute, 0, 0), &window.zone));
            }
        }
    }
    moments.sort_unstable();
    moments.dedup();
    moments
}

/// Noon on a Wednesday in winter: nobody would call it an odd time. At it come
/// messages of which nobody says when.
pub fn plain_moment() -> Timestamp {
    Timestamp::from_unix_milliseconds(1_767_787_200_000)
}

const DAY: u16 = 24 * 60;
const HOME: &str = "Europe/London";
pub(super) const DAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn window(days: &[Weekday], from: &str, to: &str) -> TimeWindow {
        let zone = TimeZone::get(HOME).unwrap();
        let (from, to) = (minute(from).unwrap(), minute(to).unwrap());
        TimeWindow { days: days.to_vec(), from, to, zone }
    }

    fn at(written: &str) -> Timestamp {
        let moment: jiff::Timestamp = written.parse().unwrap();
        Timestamp::from_unix_milliseconds(u64::try_from(moment.as_millisecond()).unwrap())
    }

    #[test]
    fn a_night_belongs_to_the_day_on_which_it_begins() {
        let friday_night = window(&[Weekday::Friday], "18:00", "08:00");
        // 6 and 7 November 2026 are a Friday and a Saturday.
        assert!(!friday_night.contains(at("2026-11-06T07:59:59Z")));
        assert!(!friday_night.contains(at("2026-11-06T17:59:59Z")));
        assert!(friday_night.contains(at("2026-11-06T18:00:00Z")));
        assert!(friday_night.contains(at("2026-11-07T07:59:59Z")));
        assert!(!friday_night.contains(at("2026-11-07T08:00:00Z")));
        assert!(!friday_night.contains(at("2026-11-07T18:00:00Z")));
    }

    #[test]
    fn the_hour_is_that_of_the_clock_on_the_wall() {
        let evening = window(&[], "18:00", "24:00");
        assert!(!evening.contains(at("2026-01-07T17:30:00Z")));
        // Summer time: half past six in London.
        assert!(evening.contains(at("2026-07-07T17:30:00Z")));
    }

    #[test]
    fn a_time_of_day_has_two_digits_and_two_and_ends_with_the_day() {
        assert_eq!(minute("18:05"), Some(18 * 60 + 5));
        assert_eq!(minute("24:00"), Some(DAY));
        for wrong in ["8:00", "24:01", "12:60", "12", "1200", "12:0", "+1:00", ""] {
            assert_eq!(minute(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_a_window_says_changes_at_its_edges_alone() {
        let windows = [
            window(&[Weekday::Saturday, Weekday::Sunday], "00:00", "24:00"),
            window(&[], "18:00", "08:00"),
        ];
        let windows: Vec<&TimeWindow> = windows.iter().collect();
        let answers = |moment| windows.iter().map(|one| one.contains(moment)).collect::<Vec<_>>();
        let from_edges: std::collections::BTreeSet<_> =
            edges(&windows).into_iter().map(answers).collect();
        let monday = at("2026-03-23T00:00:00Z").unix_milliseconds();
        let everywhere: std::collections::BTreeSet<_> = (0..2 * 7 * u64::from(DAY))
            .map(|minute| answers(Timestamp::from_unix_milliseconds(monday + minute * 60_000)))
            .collect();
        assert_eq!(from_edges, everywhere);
        assert_eq!(everywhere.len(), 4);
    }

    #[test]
    fn the_plain_moment_is_at_noon_on_a_wednesday() {
        assert!(window(&[Weekday::Wednesday], "12:00", "12:01").contains(plain_moment()));
    }
}
