//! What is held, as a scrape finds it, and what people do about it.

use prometheus::{Error, IntCounterVec, IntGauge, IntGaugeVec};

use super::metrics::{Maker, gauge_value};
use crate::{mail::Level, quarantine::HeldTally};

pub(super) struct QuarantineMetrics {
    messages: IntGaugeVec,
    overdue: IntGaugeVec,
    oldest_seconds: IntGauge,
    requests: IntGauge,
    proposals: IntGauge,
    acts: IntCounterVec,
}

impl QuarantineMetrics {
    pub(super) fn new(new: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            messages: new.gauges("postern_quarantine_messages", "Held messages.", &["level"])?,
            overdue: new.gauges(
                "postern_quarantine_overdue",
                "Held messages that nobody has judged in time.",
                &["level"],
            )?,
            oldest_seconds: new.register(IntGauge::new(
                "postern_quarantine_oldest_seconds",
                "How long the oldest held message has been held.",
            )?)?,
            requests: new.register(IntGauge::new(
                "postern_quarantine_requests",
                "Held messages whose senders have asked for them.",
            )?)?,
            proposals: new.register(IntGauge::new(
                "postern_quarantine_proposals",
                "Held messages for which one person has proposed something, and another must agree.",
            )?)?,
            acts: new.counters(
                "postern_quarantine_acts_total",
                "What people wanted done with held messages, and what it came to.",
                &["act", "result"],
            )?,
        })
    }

    pub(super) fn set(&self, tally: &HeldTally) {
        let counts = tally.messages.iter().zip(&tally.overdue);
        for (level, (&messages, &overdue)) in Level::ALL.iter().zip(counts) {
            let level = level.to_string();
            self.messages.with_label_values(&[&level]).set(gauge_value(messages as u64));
            self.overdue.with_label_values(&[&level]).set(gauge_value(overdue as u64));
        }
        self.oldest_seconds.set(gauge_value(tally.oldest.as_secs()));
        self.requests.set(gauge_value(tally.requested as u64));
        self.proposals.set(gauge_value(tally.proposed as u64));
    }

    pub(super) fn judged(&self, act: &str, result: &str) {
        self.acts.with_label_values(&[act, result]).inc();
    }
}
