//! `[going_live]` and `[going_live.canary]`.

use super::fields::{count, optional};
use crate::{
    config::{Approval, Canary, GoingLive, quantity::Span},
    policy::written::{Table, Value},
};

pub(super) fn going_live(table: &Table<'_>) -> GoingLive {
    let absent = GoingLive::default();
    let approvals = [("none", Approval::None), ("second officer", Approval::SecondOfficer)];
    let keep = count(table, "keep", absent.keep);
    if let Some(value) = table.value("keep").filter(|_| keep < FEWEST) {
        let why = "2 versions at least: the one that decides, and one to return to";
        value.invalid::<()>("going-live-keep", why);
    }
    GoingLive {
        approval: optional(table, "approval", absent.approval, |value| value.choice(&approvals)),
        keep,
        canary: optional(table, "canary", None, |value| canary(value).map(Some)),
    }
}

/// Every number is one that somebody must have thought of: none has a usual
/// value.
fn canary(value: &Value<'_>) -> Option<Canary> {
    let table = value.table("[going_live.canary]", CANARY)?;
    let share = table.required("share").and_then(|value| value.parsed("bad-share"));
    let lasts = table.required("lasts").and_then(|value| value.parsed("bad-duration"));
    let hold_rate = table.required("hold_rate").and_then(|value| value.parsed("bad-share"));
    let least = table.required("least_messages").and_then(|value| {
        let number = value.integer()?;
        let least = u64::try_from(number).ok().filter(|&least| least >= FEWEST_MESSAGES);
        least.or_else(|| {
            let why = format!("{FEWEST_MESSAGES} messages at least: fewer show nothing");
            value.invalid("canary-messages", why)
        })
    });
    let Span(lasts) = lasts?;
    Some(Canary { share: share?, lasts, least_messages: least?, hold_rate: hold_rate? })
}

pub(super) const GOING_LIVE: &[&str] = &["approval", "keep", "canary"];
const CANARY: &[&str] = &["share", "lasts", "least_messages", "hold_rate"];
const FEWEST: usize = 2;
const FEWEST_MESSAGES: u64 = 20;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::tests::with_table;

    fn read(table: &str) -> Result<GoingLive, String> {
        with_table(table).map(|config| config.going_live)
    }

    #[test]
    fn without_the_table_a_version_that_passes_goes_live_at_once() {
        let usual = read("").unwrap();
        assert_eq!((usual.approval, usual.canary), (Approval::None, None));
    }

    #[test]
    fn a_canary_says_its_share_its_time_its_least_and_its_band() {
        let whole = "[going_live]\napproval = \"second officer\"\nkeep = 9\n[going_live.canary]\n\
                     share = \"10%\"\nlasts = \"4h\"\nleast_messages = 200\nhold_rate = \"1%..8%\"\n";
        let read_whole = read(whole).unwrap();
        assert_eq!((read_whole.approval, read_whole.keep), (Approval::SecondOfficer, 9));
        let canary = read_whole.canary.unwrap();
        assert_eq!((canary.share.to_string(), canary.least_messages), ("10%".to_owned(), 200));
        for key in CANARY {
            let without: String =
                whole.lines().filter(|line| !line.starts_with(key)).collect::<Vec<_>>().join("\n");
            assert!(read(&without).is_err(), "without {key}");
        }
    }

    #[test]
    fn what_could_not_be_returned_from_or_shows_nothing_is_refused() {
        assert!(read("[going_live]\nkeep = 1\n").unwrap_err().contains("going-live-keep"));
        let few = "[going_live.canary]\nshare = \"10%\"\nlasts = \"4h\"\nleast_messages = 3\n\
                   hold_rate = \"1%..8%\"\n";
        assert!(read(few).unwrap_err().contains("canary-messages"));
    }
}
