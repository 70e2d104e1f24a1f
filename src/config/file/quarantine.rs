//! `[quarantine]` and `[quarantine.judge_within]`.

use std::time::Duration;

use super::fields::{duration, optional};
use crate::{
    config::Quarantine,
    mail::Level,
    policy::written::{Table, Value},
    quarantine::Terms,
};

pub(super) fn quarantine(table: &Table<'_>) -> Quarantine {
    let absent = Terms::default();
    Quarantine {
        terms: Terms {
            expiry: duration(table, "expiry", absent.expiry),
            expiry_notice: duration(table, "expiry_notice", absent.expiry_notice),
            judge_within: optional(table, "judge_within", absent.judge_within, judge_within),
            four_eyes: optional(table, "four_eyes", absent.four_eyes, four_eyes),
        },
        portal: optional(table, "portal", None, |value| value.parsed("bad-next-hop").map(Some)),
        requests: optional(table, "requests", None, |value| value.parsed("bad-url").map(Some)),
    }
}

/// A level that is not named keeps its usual time.
fn judge_within(value: &Value<'_>) -> Option<[Duration; Level::ALL.len()]> {
    let table = value.table("[quarantine.judge_within]", &LEVELS)?;
    let mut times = Terms::default().judge_within;
    for (key, time) in LEVELS.into_iter().zip(&mut times) {
        *time = duration(&table, key, *time);
    }
    Some(times)
}

/// From this level on, or nowhere.
#[expect(clippy::option_option, reason = "read or not, and of what is read a level or none")]
fn four_eyes(value: &Value<'_>) -> Option<Option<Level>> {
    if value.is_string() {
        return value.choice(&[("never", None)]);
    }
    let number = value.integer()?;
    let level = u8::try_from(number).ok().and_then(|number| Level::try_from(number).ok());
    level.map(Some).or_else(|| {
        value.invalid("bad-level", format!("a level is a number from 0 to 4, found {number}"))
    })
}

pub(super) const QUARANTINE: &[&str] =
    &["expiry", "expiry_notice", "judge_within", "four_eyes", "portal", "requests"];
const LEVELS: [&str; Level::ALL.len()] = ["level_0", "level_1", "level_2", "level_3", "level_4"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::tests::with_table;

    fn read(table: &str) -> Result<Quarantine, String> {
        with_table(table).map(|config| config.quarantine)
    }

    #[test]
    fn without_the_table_two_people_judge_level_4_within_the_hour() {
        let usual = read("").unwrap();
        assert_eq!(usual, Quarantine::default());
        assert_eq!(usual.terms.judge_within[4], Duration::from_secs(3600));
        assert_eq!(usual.terms.four_eyes, Some(Level::SPECIALLY_PROTECTED));
    }

    #[test]
    fn what_is_written_stands_and_what_is_not_is_as_usual() {
        let written = read(
            "[quarantine]\nexpiry = \"14d\"\nfour_eyes = \"never\"\n\
             portal = \"smtp://portal.example:25\"\nrequests = \"https://console.example\"\n\
             [quarantine.judge_within]\nlevel_3 = \"30m\"\n",
        )
        .unwrap();
        assert_eq!(written.terms.four_eyes, None);
        assert_eq!(written.terms.judge_within[3], Duration::from_secs(1800));
        assert_eq!(written.terms.judge_within[4], Duration::from_secs(3600));
        assert!(written.portal.is_some() && written.requests.is_some());
        assert_eq!(
            read("[quarantine]\nfour_eyes = 3\n").unwrap().terms.four_eyes,
            Some(Level::CLINICAL)
        );
    }

    #[test]
    fn a_level_that_there_is_not_and_a_link_in_clear_are_refused() {
        assert!(read("[quarantine]\nfour_eyes = 5\n").unwrap_err().contains("bad-level"));
        let clear = read("[quarantine]\nrequests = \"http://console.example\"\n");
        assert!(clear.unwrap_err().contains("bad-url"));
    }
}
