//! Moments, spans of time and sizes as people read them.

use std::time::Duration;

use crate::mail::Timestamp;

/// `23 Nov 2026, 18:05 UTC`.
pub(super) fn moment(at: Timestamp) -> String {
    let (date, written) = (at.date(), at.rfc3339());
    let time = written.get(11..16).unwrap_or_default();
    format!("{}, {time} UTC", date.strftime("%-d %b %Y"))
}

/// `2 h 5 min`, `3 days`, `less than a minute`: the two largest units.
pub(super) fn span(of: Duration) -> String {
    let minutes = of.as_secs() / 60;
    let (days, hours, rest) = (minutes / 1_440, minutes / 60 % 24, minutes % 60);
    let counted = |count: u64, one: &str, many: &str| match count {
        0 => String::new(),
        1 => format!("1 {one}"),
        _ => format!("{count} {many}"),
    };
    let (large, small) = match (days, hours, rest) {
        (0, 0, 0) => return "less than a minute".to_owned(),
        (0, ..) => (counted(hours, "h", "h"), counted(rest, "min", "min")),
        _ => (counted(days, "day", "days"), counted(hours, "h", "h")),
    };
    format!("{large} {small}").trim().to_owned()
}

/// `512 bytes`, `3 KB`, `1.5 MB`.
pub(super) fn octets(count: u64) -> String {
    match count {
        0..=999 => format!("{count} bytes"),
        1_000..=999_999 => format!("{} KB", count.div_ceil(1_000)),
        _ => format!("{}.{} MB", count / 1_000_000, count / 100_000 % 10),
    }
}

/// By when something is to be done, seen from now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) words: String,
    /// As `pieces.html` calls the kinds of a tag.
    pub(super) kind: &'static str,
}

impl Due {
    pub(super) fn of(due_at: Timestamp, now: Timestamp) -> Self {
        if due_at <= now {
            let late = span(now.saturating_since(due_at));
            return Self { words: format!("overdue by {late}"), kind: "bad" };
        }
        let left = due_at.saturating_since(now);
        let kind = if left < SOON { "warning" } else { "plain" };
        Self { words: format!("due in {}", span(left)), kind }
    }
}

const SOON: Duration = Duration::from_secs(30 * 60);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_told_by_their_two_largest_units() {
        for (seconds, words) in [
            (59, "less than a minute"),
            (60, "1 min"),
            (7_500, "2 h 5 min"),
            (7_200, "2 h"),
            (86_400, "1 day"),
            (180_000, "2 days 2 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn what_is_due_says_so_in_words() {
        let at = |minutes: u64| Timestamp::from_unix_milliseconds(minutes * 60_000);
        assert_eq!(Due::of(at(220), at(100)).words, "due in 2 h");
        assert_eq!(Due::of(at(110), at(100)).kind, "warning");
        let late = Due::of(at(60), at(100));
        assert_eq!((late.words.as_str(), late.kind), ("overdue by 40 min", "bad"));
        assert_eq!(
            moment(Timestamp::from_unix_milliseconds(1_795_367_525_123)),
            "22 Nov 2026, 17:12 UTC"
        );
    }
}
