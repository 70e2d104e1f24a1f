//! What a list is asked for, as an address has it.

use std::time::Duration;

use crate::{
    console::{
        FormErrors, HeldQuery,
        fields::{Fields, query},
    },
    mail::{Direction, HeldFilter, HeldOrder, HeldState, Kind, Level, Timestamp},
};

/// Each as it was written, so that the form can show it again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) text: String,
    pub(super) level: String,
    pub(super) rule: String,
    pub(super) kind: String,
    pub(super) organisation: String,
    pub(super) direction: String,
    pub(super) state: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) order: String,
}

impl Wanted {
    pub(super) fn of(fields: &Fields) -> Self {
        let one = |name| fields.one(name).to_owned();
        Self {
            text: one("text"),
            level: one("level"),
            rule: one("rule"),
            kind: one("kind"),
            organisation: one("organisation"),
            direction: one("direction"),
            state: one("state"),
            since: one("since"),
            until: one("until"),
            order: one("order"),
        }
    }

    /// By more than words to look for.
    pub(super) fn is_narrowed(&self) -> bool {
        !Self { text: String::new(), order: String::new(), ..self.clone() }.is_plain()
    }

    /// The same as an address has it.
    pub(super) fn query(&self) -> String {
        query([
            ("text", self.text.as_str()),
            ("level", &self.level),
            ("rule", &self.rule),
            ("kind", &self.kind),
            ("organisation", &self.organisation),
            ("direction", &self.direction),
            ("state", &self.state),
            ("since", &self.since),
            ("until", &self.until),
            ("order", &self.order),
        ])
    }

    /// Whether it asks for all there is.
    pub(super) fn is_plain(&self) -> bool {
        Self { order: String::new(), ..self.clone() } == Self::default()
    }

    pub(super) fn filter(&self) -> Result<HeldFilter, FormErrors> {
        let mut errors = FormErrors::default();
        let mut read = Reader { errors: &mut errors };
        let filter = HeldFilter {
            text: said(&self.text),
            rule: said(&self.rule),
            sender: None,
            recipient: None,
            organisation: said(&self.organisation).map(|ods| ods.to_lowercase()),
            direction: read.one_of("direction", &self.direction, direction),
            level: read.one_of("level", &self.level, level),
            kind: read.one_of("kind", &self.kind, Kind::named),
            since: read.one_of("since", &self.since, day),
            until: read.one_of("until", &self.until, |date| day(date).map(|day| day + A_DAY)),
            state: read.one_of("state", &self.state, state),
        };
        if errors.is_empty() { Ok(filter) } else { Err(errors) }
    }

    pub(super) fn held_query(&self, offset: usize) -> Result<HeldQuery, FormErrors> {
        let order = match self.order.as_str() {
            "newest" => HeldOrder::Newest,
            "oldest" => HeldOrder::Oldest,
            "level" => HeldOrder::Level,
            _ => HeldOrder::Due,
        };
        Ok(HeldQuery { filter: self.filter()?, order, offset, limit: PAGE })
    }
}

fn said(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.chars().take(LONGEST).collect())
}

struct Reader<'a> {
    errors: &'a mut FormErrors,
}

impl Reader<'_> {
    /// Nothing where nothing is said.
    fn one_of<T>(
        &mut self,
        name: &'static str,
        written: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        if written.is_empty() {
            return None;
        }
        let parsed = parse(written);
        if parsed.is_none() {
            let words = match name {
                "since" | "until" => "Write the date as year, month and day: 2026-11-23",
                _ => "Choose one that is in the list",
            };
            self.errors.add(name, words);
        }
        parsed
    }
}

fn direction(name: &str) -> Option<Direction> {
    [Direction::Inbound, Direction::Outbound].into_iter().find(|one| one.to_string() == name)
}

fn level(number: &str) -> Option<Level> {
    Level::try_from(number.parse::<u8>().ok()?).ok()
}

fn state(name: &str) -> Option<HeldState> {
    STATES.iter().find(|(_, own, _)| *own == name).map(|(state, ..)| *state)
}

/// Its beginning, UTC.
pub(super) fn day(date: &str) -> Option<Timestamp> {
    let date: jiff::civil::Date = date.parse().ok()?;
    format!("{date}T00:00:00Z").parse().ok()
}

pub(super) const STATES: [(HeldState, &str, &str); 4] = [
    (HeldState::Overdue, "overdue", "Overdue"),
    (HeldState::Proposed, "proposed", "Waiting for approval"),
    (HeldState::Requested, "requested", "Sender has asked"),
    (HeldState::LegalHold, "legal-hold", "Legal hold"),
];
pub(super) const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);
pub(super) const PAGE: usize = 50;
/// Characters of what is looked for.
const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_comes_back_from_its_own_address() {
        let fields = Fields::from([
            ("text", "ward & co"),
            ("level", "4"),
            ("kind", "nhs_number"),
            ("state", "overdue"),
            ("since", "2026-11-01"),
            ("until", "2026-11-02"),
            ("order", "level"),
        ]);
        let wanted = Wanted::of(&fields);
        assert_eq!(Wanted::of(&Fields::of_query(&wanted.query())), wanted);
        let HeldQuery { filter, order, .. } = wanted.held_query(0).unwrap();
        assert_eq!(
            (filter.level, filter.kind),
            (Some(Level::SPECIALLY_PROTECTED), Some(Kind::NhsNumber))
        );
        assert_eq!((filter.state, order), (Some(HeldState::Overdue), HeldOrder::Level));
        // The last day is meant whole.
        assert_eq!(filter.until.unwrap().saturating_since(filter.since.unwrap()), 2 * A_DAY);
    }

    #[test]
    fn what_no_list_offers_is_refused_by_its_name() {
        let wanted = Wanted::of(&Fields::from([("level", "9"), ("since", "yesterday")]));
        let errors = wanted.filter().unwrap_err();
        assert!(errors.of("level").is_some() && errors.of("since").is_some());
        assert!(errors.of("kind").is_none());
    }
}
