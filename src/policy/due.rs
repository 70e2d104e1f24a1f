//! What falls due: entries of `domains.toml` to be looked at again, and rules
//! and exemptions that end.
//!
//! Owns gathering the days from the files as they are written, whether or not
//! they count today, and the warning before one of them takes effect.

use std::{ops::Range, sync::Arc};

use jiff::{ToSpan, civil::Date};

use super::{
    diagnostics::{Diagnostics, Severity, SourceFile},
    sources::Sources,
    written::{Fault, Faults, Table},
};

/// Something a person has to see to by a day.
#[derive(Clone, Debug)]
pub struct Due {
    /// The last day on which it counts, or by which it is to be reviewed.
    pub day: Date,
    pub what: DueKind,
    /// The domain, the rule, or the rules that an exemption lifts.
    pub name: String,
    /// Who answers for it, where that is written.
    pub owner: Option<String>,
    pub file: Arc<SourceFile>,
    /// Counted from 1.
    pub line: usize,
    span: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DueKind {
    Review,
    Exemption,
    Rule,
}

impl DueKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Exemption => "exemption",
            Self::Rule => "rule",
        }
    }
}

/// Everything with a day, soonest first. Files that cannot be read are
/// somebody else's to complain of.
pub fn due(sources: &Sources) -> Vec<Due> {
    let mut found = Vec::new();
    for (path, file) in sources.iter() {
        let in_organisations = path.strip_prefix("organisations/");
        if path == "domains.toml" {
            gather(file, "domain", "review", DueKind::Review, &mut found);
        } else if path == "rules.toml"
            || in_organisations.is_some_and(|name| name.ends_with(".toml"))
        {
            gather(file, "rule", "expires", DueKind::Rule, &mut found);
            gather(file, "exemption", "expires", DueKind::Exemption, &mut found);
        }
    }
    found.sort_by(|one, other| {
        (one.day, one.what, &one.name).cmp(&(other.day, other.what, &other.name))
    });
    found
}

/// What ends soon is said while there is time to ask its owner; what has ended,
/// and reviews that are overdue, are said by whoever reads the entry.
pub(super) fn warnings(sources: &Sources, today: Date) -> Diagnostics {
    let mut diagnostics = Diagnostics::default();
    let last = today.saturating_add(SOON.days());
    let ends = due(sources).into_iter().filter(|due| due.what != DueKind::Review);
    for due in ends.filter(|due| due.day >= today && due.day <= last) {
        let (code, what, then) = match due.what {
            DueKind::Exemption => {
                ("exemption-expires-soon", "this exemption", "the rules are back the day after")
            }
            _ => ("rule-expires-soon", "this rule", "nothing is asked of such mail the day after"),
        };
        let days = today.until(due.day).map_or(0, |span| span.get_days());
        let left = match days {
            0 => "today".to_owned(),
            1 => "tomorrow".to_owned(),
            days => format!("in {days} days"),
        };
        let fault = Fault::new(code, format!("{what} ends {left}"))
            .at(due.span.clone())
            .label(then)
            .help(match &due.owner {
                Some(owner) => format!("ask {owner} whether it is still needed, and until when"),
                None => "write a later date if it is still needed".to_owned(),
            });
        diagnostics.push(fault.of(&due.file, Severity::Warning));
    }
    diagnostics
}

fn gather(file: &Arc<SourceFile>, table: &str, key: &str, what: DueKind, found: &mut Vec<Due>) {
    // Nobody is told of these faults: the files' own readers tell them.
    let faults = Faults::new(file);
    let root = faults.parse();
    let root = Table::root(&root, &faults, "a file", &[]);
    for entry in root.tables(table, "an entry", &[]) {
        let Some(value) = entry.value(key) else { continue };
        let Some(day) = value.date() else { continue };
        found.push(Due {
            day,
            what,
            name: names(&entry),
            owner: entry.value("owner").and_then(|owner| owner.sentence()).map(str::to_owned),
            file: Arc::clone(file),
            line: faults.line(value.span().start),
            span: value.span(),
        });
    }
}

fn names(entry: &Table<'_>) -> String {
    let Some(value) = entry.value("name").or_else(|| entry.value("rules")) else {
        return String::new();
    };
    let names = value.one_or_many();
    let names: Vec<&str> = names.iter().filter_map(|name| name.sentence()).collect();
    names.join(", ")
}

/// Days.
const SOON: i32 = 30;

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    fn sources() -> Sources {
        let mut sources = Sources::new("");
        sources.add("domains.toml", b"[[domain]]\nname = \"a.example\"\nreview = 2026-12-24\n");
        sources.add(
            "rules.toml",
            b"[[rule]]\nname = \"r\"\nexpires = 2026-11-30\n\
              [[exemption]]\nrules = [\"r\", \"s\"]\nowner = \"A. Officer\"\nexpires = 2026-12-01\n\
              [[exemption]]\nrules = [\"t\"]\nexpires = 2027-12-01\n",
        );
        sources.add("organisations/X.toml", b"[[rule]]\nname = \"o\"\nexpires = 2026-11-01\n");
        sources
    }

    #[test]
    fn what_is_due_is_told_soonest_first_with_its_place_and_owner() {
        let due = due(&sources());
        let told: Vec<_> =
            due.iter().map(|one| format!("{} {} {}", one.day, one.what.name(), one.name)).collect();
        assert_eq!(
            told,
            [
                "2026-11-01 rule o",
                "2026-11-30 rule r",
                "2026-12-01 exemption r, s",
                "2026-12-24 review a.example",
                "2027-12-01 exemption t",
            ]
        );
        assert_eq!((due[2].line, due[2].owner.as_deref()), (7, Some("A. Officer")));
    }

    #[test]
    fn an_end_within_thirty_days_is_warned_of_and_a_later_or_past_one_is_not() {
        let codes = |today| -> Vec<&'static str> {
            warnings(&sources(), today).iter().map(|warning| warning.code).collect()
        };
        assert_eq!(codes(date(2026, 10, 31)), ["rule-expires-soon", "rule-expires-soon"]);
        assert_eq!(
            codes(date(2026, 11, 1)),
            ["rule-expires-soon", "rule-expires-soon", "exemption-expires-soon"]
        );
        assert_eq!(codes(date(2026, 12, 1)), ["exemption-expires-soon"]);
        assert!(codes(date(2026, 12, 2)).is_empty());
    }
}
