//! Metrics of policies: which decides, what was refused, what waits, how a
//! canary does, and what runs out.

use std::sync::{Mutex, PoisonError};

use jiff::{ToSpan, civil::Date, tz::TimeZone};
use prometheus::{Error, Gauge, IntCounterVec, IntGauge, IntGaugeVec};

use super::metrics::{Maker, Metrics, gauge_value};
use crate::{
    mail::{PolicyRefusal, Step},
    policy::{Deadlines, ExemptionState, ReviewState},
};

/// What a scrape asks of policies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PolicyState {
    /// Versions that wait for a second officer.
    pub waiting: usize,
    /// Why the files in the policy folder do not decide, if they do not.
    pub refused: Option<PolicyRefusal>,
    pub canary: Option<CanaryState>,
    pub deadlines: Deadlines,
}

/// Of a version that decides for a share of senders.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CanaryState {
    /// Of senders: 0 to 1.
    pub share: f64,
    pub its_own: Decided,
    /// Of the version before, in the same time.
    pub of_the_rest: Decided,
}

/// Messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decided {
    pub messages: u64,
    /// Held or rejected, even in part.
    pub stopped: u64,
}

pub(super) struct PolicyMetrics {
    info: IntGaugeVec,
    /// Version and commit that `info` tells of.
    told: Mutex<Option<[String; 2]>>,
    loads: IntCounterVec,
    refusals: IntCounterVec,
    steps: IntCounterVec,
    pending: IntGauge,
    refused: IntGauge,
    canary_share: Gauge,
    canary_messages: IntGaugeVec,
    exemptions: IntGaugeVec,
    exemption_expiry: IntGaugeVec,
    reviews: IntGaugeVec,
    review_due: IntGaugeVec,
}

impl PolicyMetrics {
    pub(super) fn new(new: &Maker<'_>) -> Result<Self, Error> {
        let metrics = Self {
            info: new.gauges(
                "postern_policy_info",
                "The version of the policy that decides, and its git commit; always 1.",
                &["version", "commit"],
            )?,
            told: Mutex::default(),
            loads: new.counters(
                "postern_policy_loads_total",
                "Policies loaded or refused, at start and on reload.",
                &["result"],
            )?,
            refusals: new.counters(
                "postern_policy_refusals_total",
                "Policies refused, by what they failed at.",
                &["reason"],
            )?,
            steps: new.counters(
                "postern_policy_steps_total",
                "Versions proposed, approved, refused, withdrawn, tried, live and returned from.",
                &["step"],
            )?,
            pending: new.register(IntGauge::new(
                "postern_policy_pending",
                "Versions that have passed all checks and wait for a second officer.",
            )?)?,
            refused: new.register(IntGauge::new(
                "postern_policy_refused",
                "Whether the files in the policy folder were refused, so that others decide.",
            )?)?,
            canary_share: new.register(Gauge::new(
                "postern_policy_canary_share_ratio",
                "The share of senders for whom a new version decides; 0 without a canary.",
            )?)?,
            canary_messages: new.gauges(
                "postern_policy_canary_messages",
                "Messages decided since the canary began; stopped: held or rejected in part.",
                &["arm", "outcome"],
            )?,
            exemptions: new.gauges(
                "postern_exemptions",
                "Exemptions in the policy; expiring: in force for 14 days at most.",
                &["state"],
            )?,
            exemption_expiry: new.gauges(
                "postern_exemption_expiry_timestamp_seconds",
                "When the next exemption in force ends (midnight, UTC); absent without one.",
                &[],
            )?,
            reviews: new.gauges(
                "postern_domain_reviews",
                "Domains of the policy by their review; due_soon: within 30 days.",
                &["state"],
            )?,
            review_due: new.gauges(
                "postern_domain_review_due_timestamp_seconds",
                "When the next review that is not overdue will be (midnight, UTC).",
                &[],
            )?,
        };
        // An increase is seen only of what was there before it.
        metrics.loads.with_label_values(&["refused"]);
        for reason in PolicyRefusal::ALL {
            metrics.refusals.with_label_values(&[reason.name()]);
        }
        for step in Step::ALL {
            metrics.steps.with_label_values(&[step.name()]);
        }
        Ok(metrics)
    }

    /// `postern_policy_info` has one series; a scrape in between may see two,
    /// and never none.
    pub(super) fn loaded(&self, version: &str, commit: Option<&str>) {
        let now = [version, commit.unwrap_or_default()].map(str::to_owned);
        self.info.with_label_values(&now).set(1);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = told.replace(now.clone()).filter(|before| *before != now) {
            // It was there: nothing else takes one out.
            let _ = self.info.remove_label_values(&before);
        }
        self.loads.with_label_values(&["loaded"]).inc();
    }

    pub(super) fn refused(&self, reason: PolicyRefusal) {
        self.loads.with_label_values(&["refused"]).inc();
        self.refusals.with_label_values(&[reason.name()]).inc();
    }

    /// The last day of the exemption that ends next.
    pub(super) fn set_exemption_expiry(&self, last: Option<Date>) {
        set(&self.exemption_expiry, last);
    }

    pub(super) fn stepped(&self, step: Step) {
        self.steps.with_label_values(&[step.name()]).inc();
    }
}

impl Metrics {
    /// As it stands now; asked at each scrape.
    pub fn set_policy(&self, state: &PolicyState) {
        let metrics = &self.policies;
        metrics.pending.set(gauge_value(state.waiting as u64));
        metrics.refused.set(i64::from(state.refused.is_some()));
        metrics.canary_share.set(state.canary.map_or(0.0, |canary| canary.share));
        let canary = state.canary.map(|canary| (canary.its_own, canary.of_the_rest));
        let (own, rest) = canary.unwrap_or_default();
        for (arm, Decided { messages, stopped }) in [("canary", own), ("before", rest)] {
            let passed = messages.saturating_sub(stopped);
            for (outcome, messages) in [("stopped", stopped), ("passed", passed)] {
                let gauge = metrics.canary_messages.with_label_values(&[arm, outcome]);
                gauge.set(gauge_value(messages));
            }
        }
        let deadlines = &state.deadlines;
        for state in ExemptionState::ALL {
            let gauge = metrics.exemptions.with_label_values(&[state.name()]);
            gauge.set(gauge_value(deadlines.exemptions(state) as u64));
        }
        for state in ReviewState::ALL {
            let gauge = metrics.reviews.with_label_values(&[state.name()]);
            gauge.set(gauge_value(deadlines.reviews(state) as u64));
        }
        metrics.set_exemption_expiry(deadlines.next_expiry());
        set(&metrics.review_due, deadlines.next_review());
    }
}

/// The end of that day; nothing where there is none.
fn set(gauge: &IntGaugeVec, last: Option<Date>) {
    let end = last.and_then(|last| {
        let midnight = last.checked_add(1.day()).ok()?.to_zoned(TimeZone::UTC).ok()?;
        Some(midnight.timestamp().as_second())
    });
    match end {
        Some(seconds) => gauge.with_label_values::<&str>(&[]).set(seconds),
        None => gauge.reset(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::QueueState;

    #[test]
    fn one_version_decides_whatever_was_loaded_before() {
        let metrics = Metrics::new().unwrap();
        for (version, commit) in [("a", None), ("b", Some("c1")), ("b", Some("c1"))] {
            metrics.policies.loaded(version, commit);
        }
        let shown = metrics.render(QueueState::default()).unwrap();
        let series: Vec<_> =
            shown.lines().filter(|line| line.starts_with("postern_policy_info")).collect();
        assert_eq!(series, ["postern_policy_info{commit=\"c1\",version=\"b\"} 1"]);
        assert!(shown.contains("postern_policy_loads_total{result=\"loaded\"} 3\n"));
    }

    #[test]
    fn an_expiry_is_the_midnight_after_its_last_day_and_absent_without_one() {
        let metrics = Metrics::new().unwrap();
        let name = "postern_exemption_expiry_timestamp_seconds";
        let shown = |last: Option<&str>| {
            set(&metrics.policies.exemption_expiry, last.map(|day| day.parse().unwrap()));
            let shown = metrics.render(QueueState::default()).unwrap();
            shown.lines().find(|line| line.starts_with(name)).map(str::to_owned)
        };
        // date -ud 2026-11-25T00:00:00Z +%s
        assert_eq!(shown(Some("2026-11-24")), Some(format!("{name} 1795564800")));
        assert_eq!(shown(None), None);
    }

    #[test]
    fn a_canary_is_shown_by_who_decided_and_gone_when_it_is_over() {
        let metrics = Metrics::new().unwrap();
        let canary = CanaryState {
            share: 0.25,
            its_own: Decided { messages: 10, stopped: 3 },
            of_the_rest: Decided { messages: 40, stopped: 1 },
        };
        let series = |arm: &str, outcome: &str| {
            format!("postern_policy_canary_messages{{arm=\"{arm}\",outcome=\"{outcome}\"}} ")
        };
        for (canary, share, counts) in [(Some(canary), "0.25", [3, 7, 1, 39]), (None, "0", [0; 4])]
        {
            metrics.set_policy(&PolicyState { canary, ..PolicyState::default() });
            let shown = metrics.render(QueueState::default()).unwrap();
            assert!(shown.contains(&format!("postern_policy_canary_share_ratio {share}\n")));
            let arms = [
                ("canary", "stopped"),
                ("canary", "passed"),
                ("before", "stopped"),
                ("before", "passed"),
            ];
            for ((arm, outcome), count) in arms.into_iter().zip(counts) {
                assert!(shown.contains(&format!("{}{count}\n", series(arm, outcome))), "{shown}");
            }
        }
    }
}
