//! What runs out: exemptions, and the reviews of domains. Counts and days
//! only, for metrics: whose they are stands in the files, and `postern check`
//! names each.

use jiff::civil::Date;

use super::{
    domains::Domains,
    rules::{ExemptionPeriod, Period},
};

/// As they stand on the day for which the policy was compiled.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deadlines {
    exemptions: Vec<(ExemptionState, Date)>,
    reviews: Vec<(ReviewState, Date)>,
}

/// A closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExemptionState {
    /// It takes effect on a later day.
    Upcoming,
    InForce,
    /// In force, for a fortnight at most.
    Expiring,
    /// It stands there still, and counts no longer.
    Expired,
}

/// A closed set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewState {
    Current,
    /// Within thirty days.
    DueSoon,
    Overdue,
}

impl ExemptionState {
    pub const ALL: [Self; 4] = [Self::Upcoming, Self::InForce, Self::Expiring, Self::Expired];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Upcoming => "upcoming",
            Self::InForce => "in_force",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
        }
    }

    fn of(period: &ExemptionPeriod, today: Date) -> Self {
        match period.period {
            _ if period.expires < today => Self::Expired,
            Period::Dormant => Self::Upcoming,
            Period::InForce if days(today, period.expires) <= EXPIRING => Self::Expiring,
            Period::InForce => Self::InForce,
        }
    }
}

impl ReviewState {
    pub const ALL: [Self; 3] = [Self::Current, Self::DueSoon, Self::Overdue];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Current => "current",
            Self::DueSoon => "due_soon",
            Self::Overdue => "overdue",
        }
    }

    fn of(review: Date, today: Date) -> Self {
        match days(today, review) {
            left if left < 0 => Self::Overdue,
            left if left <= DUE_SOON => Self::DueSoon,
            _ => Self::Current,
        }
    }
}

impl Deadlines {
    pub(super) fn of(today: Date, periods: &[ExemptionPeriod], domains: &Domains) -> Self {
        let exemptions = periods
            .iter()
            .map(|period| (ExemptionState::of(period, today), period.expires))
            .collect();
        let reviews = domains.iter().filter_map(|entry| entry.review);
        let reviews = reviews.map(|review| (ReviewState::of(review, today), review)).collect();
        Self { exemptions, reviews }
    }

    pub fn exemptions(&self, state: ExemptionState) -> usize {
        self.exemptions.iter().filter(|(its, _)| *its == state).count()
    }

    pub fn reviews(&self, state: ReviewState) -> usize {
        self.reviews.iter().filter(|(its, _)| *its == state).count()
    }

    /// The last day of the exemption in force that ends first.
    pub fn next_expiry(&self) -> Option<Date> {
        let in_force = |state| matches!(state, ExemptionState::InForce | ExemptionState::Expiring);
        let ends = self.exemptions.iter().filter(|(state, _)| in_force(*state));
        ends.map(|(_, last)| *last).min()
    }

    /// The day by which a domain must be looked at that is not overdue.
    pub fn next_review(&self) -> Option<Date> {
        let due = self.reviews.iter().filter(|(state, _)| *state != ReviewState::Overdue);
        due.map(|(_, day)| *day).min()
    }
}

/// From one to the other; less than nothing where it is past.
fn days(today: Date, day: Date) -> i32 {
    today.until(day).map_or(0, |span| span.get_days())
}

const EXPIRING: i32 = 14;
const DUE_SOON: i32 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    #[test]
    fn an_exemption_counts_through_its_last_day_and_no_longer() {
        let today = day("2026-11-23");
        let of = |period, expires: &str| {
            ExemptionState::of(&ExemptionPeriod { period, expires: day(expires) }, today)
        };
        for (period, expires, state) in [
            (Period::InForce, "2026-11-23", ExemptionState::Expiring),
            (Period::InForce, "2026-12-07", ExemptionState::Expiring),
            (Period::InForce, "2026-12-08", ExemptionState::InForce),
            (Period::InForce, "2028-12-08", ExemptionState::InForce),
            (Period::Dormant, "2026-12-01", ExemptionState::Upcoming),
            (Period::Dormant, "2026-11-22", ExemptionState::Expired),
        ] {
            assert_eq!(of(period, expires), state, "{expires}");
        }
    }

    #[test]
    fn a_review_is_due_on_its_day_and_overdue_after_it() {
        let today = day("2026-11-23");
        for (review, state) in [
            ("2026-11-22", ReviewState::Overdue),
            ("2026-11-23", ReviewState::DueSoon),
            ("2026-12-23", ReviewState::DueSoon),
            ("2026-12-24", ReviewState::Current),
            ("2030-01-01", ReviewState::Current),
        ] {
            assert_eq!(ReviewState::of(day(review), today), state, "{review}");
        }
    }
}
