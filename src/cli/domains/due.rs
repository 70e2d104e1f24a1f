//! `postern domains expiring`.

use std::{fmt, io::Write, str::FromStr};

use clap::Args;
use jiff::{ToSpan, civil::Date};
use serde_json::json;

use super::super::{
    exit::Failure,
    folder::Folder,
    page::{Ink, Page, piece},
};
use crate::{
    mail::Timestamp,
    policy::{Due, due},
};

#[derive(Debug, Args)]
pub struct ExpiringArguments {
    #[command(flatten)]
    folder: Folder,
    /// How far ahead is looked, in days or weeks: 60d, 8w
    #[arg(long, value_name = "TIME", default_value_t = Ahead(60))]
    within: Ahead,
    /// A line of JSON each
    #[arg(long)]
    json: bool,
}

/// Days.
#[derive(Clone, Copy, Debug)]
struct Ahead(i32);

pub(super) fn expiring(arguments: &ExpiringArguments, now: Timestamp) -> Result<(), Failure> {
    let today = now.date();
    let last = today.saturating_add(arguments.within.0.days());
    let due: Vec<Due> =
        due(&arguments.folder.sources()?).into_iter().filter(|one| one.day <= last).collect();
    if arguments.json {
        let mut out = std::io::stdout().lock();
        for one in &due {
            writeln!(out, "{}", as_json(one, today))?;
        }
        return Ok(());
    }
    let mut page = Page::standard_output();
    if due.is_empty() {
        let said = format!("nothing is due within {}", arguments.within);
        page.text(&[piece(Ink::Good, said)])?;
        return Ok(());
    }
    let rows: Vec<_> = due
        .iter()
        .map(|one| {
            let ink = if one.day < today { Ink::Bad } else { Ink::Plain };
            vec![
                piece(ink, one.day.to_string()),
                piece(ink, left(one.day, today)),
                piece(Ink::Plain, one.what.name()),
                piece(Ink::Strong, one.name.as_str()),
                piece(Ink::Plain, one.owner.as_deref().unwrap_or("nobody")),
                piece(Ink::Quiet, format!("{}:{}", one.file.path, one.line)),
            ]
        })
        .collect();
    page.table(&["day", "", "what", "of", "who answers for it", "where"], &rows)?;
    Ok(())
}

fn as_json(one: &Due, today: Date) -> serde_json::Value {
    json!({
        "day": one.day.to_string(),
        "days_left": days(one.day, today),
        "what": one.what.name(),
        "name": one.name,
        "owner": one.owner,
        "file": one.file.path,
        "line": one.line,
    })
}

fn days(day: Date, today: Date) -> i32 {
    today.until(day).map_or(0, |span| span.get_days())
}

fn left(day: Date, today: Date) -> String {
    match days(day, today) {
        0 => "today".to_owned(),
        1 => "tomorrow".to_owned(),
        days @ 2.. => format!("in {days} days"),
        -1 => "yesterday".to_owned(),
        days => format!("{} days ago", days.unsigned_abs()),
    }
}

impl FromStr for Ahead {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let wrong = || format!("a number of days or weeks (`60d`, `8w`), found `{written}`");
        let unit = written.chars().next_back().ok_or_else(wrong)?;
        let number = written.strip_suffix(['d', 'w']).ok_or_else(wrong)?;
        let number: u16 = number.parse().map_err(|_| wrong())?;
        Ok(Self(i32::from(number) * if unit == 'w' { 7 } else { 1 }))
    }
}

impl fmt::Display for Ahead {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}d", self.0)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn time_ahead_is_days_or_weeks() {
        assert_eq!("60d".parse::<Ahead>().unwrap().0, 60);
        assert_eq!("8w".parse::<Ahead>().unwrap().0, 56);
        for wrong in ["", "d", "60", "60m", "-1d", "6é"] {
            assert!(wrong.parse::<Ahead>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn what_is_left_is_said_in_words() {
        let today = date(2026, 11, 23);
        assert_eq!(left(today, today), "today");
        assert_eq!(left(date(2026, 12, 23), today), "in 30 days");
        assert_eq!(left(date(2026, 11, 20), today), "3 days ago");
    }
}
