//! Searches as people fill them in: the fields of a form, or of a query, and
//! what they mean.

use serde::Deserialize;
use utoipa::IntoParams;

use super::{FormErrors, Refusal};
use crate::{
    mail::{QueueId, Timestamp},
    report::trail::TrailFilter,
};

/// What is empty asks for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(super) struct SearchFields {
    /// A day (`2026-11-16`) or a moment (RFC 3339); seven days ago where it is
    /// absent.
    pub(super) since: String,
    /// Likewise; the day itself is in it.
    pub(super) until: String,
    /// An event, a deed's kind, or both: `decision`, `revealed`,
    /// `handled/release`.
    pub(super) event: String,
    /// The queue id of a message.
    pub(super) id: String,
    /// Who did it.
    pub(super) by: String,
    pub(super) sender: String,
    pub(super) recipient: String,
    /// Of a sender, a recipient or a destination; with its subdomains.
    pub(super) domain: String,
    /// A rule that decided or matched.
    pub(super) rule: String,
    /// `relay`, `redirect`, `defer`, `hold` or `reject`.
    pub(super) disposition: String,
    /// Anywhere in the entry.
    pub(super) text: String,
    /// Of an export: `json`, `cef` or `syslog`.
    pub(super) format: String,
    /// The form was sent.
    pub(super) search: String,
}

impl SearchFields {
    /// Nobody has asked for anything yet: to open a page is no search.
    pub(super) fn is_unasked(&self) -> bool {
        *self == Self::default()
    }

    /// With the week before `now` filled in where no start is said: no search
    /// goes through years by accident.
    pub(super) fn with_start(self, now: Timestamp) -> Self {
        let is_bounded = !self.since.trim().is_empty() || !self.id.trim().is_empty();
        let week_ago = now.unix_milliseconds().saturating_sub(WEEK);
        let date = Timestamp::from_unix_milliseconds(week_ago).date().to_string();
        Self { since: if is_bounded { self.since } else { date }, ..self }
    }

    /// For a program, which is told all at once what is wrong.
    pub(super) fn filter(&self) -> Result<TrailFilter, Refusal> {
        self.read().map_err(|errors| errors.refusal("; "))
    }

    pub(super) fn read(&self) -> Result<TrailFilter, FormErrors> {
        let mut errors = FormErrors::default();
        let mut moment = |field: &'static str, written: &str, later: u64| {
            if written.trim().is_empty() {
                return None;
            }
            let read = moment(written.trim(), later);
            if read.is_none() {
                errors.add(field, "Write a day, such as 2026-11-16");
            }
            read
        };
        let (since, until) = (moment("since", &self.since, 0), moment("until", &self.until, DAY));
        if since.zip(until).is_some_and(|(since, until)| since >= until) {
            errors.add("until", "The end must be after the start");
        }
        if !self.id.trim().is_empty() && self.id.trim().parse::<QueueId>().is_err() {
            errors.add("id", "A queue id looks like 01dcayhax6g00");
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let said = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Ok(TrailFilter {
            since,
            until,
            event: said(&self.event),
            id: said(&self.id),
            by: said(&self.by),
            sender: said(&self.sender),
            recipient: said(&self.recipient),
            domain: said(&self.domain),
            rule: said(&self.rule),
            disposition: said(&self.disposition),
            subjects: Vec::new(),
            text: said(&self.text),
        })
    }
}

/// A day is its start, so much later.
fn moment(written: &str, later: u64) -> Option<Timestamp> {
    let day: Option<Timestamp> = format!("{written}T00:00:00Z").parse().ok();
    let day = day.map(|day| {
        Timestamp::from_unix_milliseconds(day.unix_milliseconds().saturating_add(later))
    });
    day.or_else(|| written.parse().ok())
}

/// What became of copies, to choose from.
pub(super) const DISPOSITIONS: [(&str, &str); 6] = [
    ("", "Any"),
    ("relay", "Relayed"),
    ("redirect", "Redirected"),
    ("defer", "Deferred"),
    ("hold", "Held"),
    ("reject", "Rejected"),
];
const DAY: u64 = 24 * 3600 * 1000;
const WEEK: u64 = 7 * DAY;

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(since: &str, until: &str) -> SearchFields {
        SearchFields { since: since.to_owned(), until: until.to_owned(), ..Default::default() }
    }

    #[test]
    fn the_last_day_that_is_named_is_in_the_search() {
        let filter = fields("2026-11-16", "2026-11-16").read().unwrap();
        assert_eq!(filter.since.unwrap().rfc3339(), "2026-11-16T00:00:00.000Z");
        assert_eq!(filter.until.unwrap().rfc3339(), "2026-11-17T00:00:00.000Z");
        let exact = fields("2026-11-16T09:00:00Z", "").read().unwrap();
        assert_eq!(exact.since.unwrap().rfc3339(), "2026-11-16T09:00:00.000Z");
    }

    #[test]
    fn each_wrong_field_is_told_in_its_place() {
        let wrong = SearchFields { id: "x y".to_owned(), ..fields("yesterday", "2026-13-01") };
        let errors = wrong.read().unwrap_err();
        assert!(["since", "until", "id"].iter().all(|field| errors.of(field).is_some()));
        assert!(fields("2026-11-17", "2026-11-16").read().is_err());
    }

    #[test]
    fn a_search_without_a_start_goes_back_a_week() {
        let now = "2026-11-23T18:00:00Z".parse().unwrap();
        assert_eq!(SearchFields::default().with_start(now).since, "2026-11-16");
        assert_eq!(fields("2020-01-01", "").with_start(now).since, "2020-01-01");
    }
}
