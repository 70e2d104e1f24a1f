//! What Prometheus sees of the trail.

use std::sync::atomic::Ordering;

use prometheus::{Error, Gauge, IntGauge};

use super::writer::AuditState;
use crate::observe::{
    metrics::{Maker, Metrics, gauge_value},
    state::Told,
};

pub(in crate::observe) struct AuditMetrics {
    lines: Told,
    failures: Told,
    lost: Told,
    waiting: IntGauge,
    synced: Gauge,
    intact: IntGauge,
    verified: Gauge,
    faults: IntGauge,
}

impl AuditMetrics {
    pub(in crate::observe) fn new(new: &Maker<'_>) -> Result<Self, Error> {
        let counter = |name, help| new.counter(name, help).map(Told::new);
        Ok(Self {
            lines: counter("postern_audit_lines_total", "Lines of the audit trail on disk.")?,
            failures: counter(
                "postern_audit_failures_total",
                "Groups of audit lines that the disk did not take; they wait in memory.",
            )?,
            lost: counter(
                "postern_audit_lost_lines_total",
                "Audit lines lost, because more had to wait for the disk than memory is for.",
            )?,
            waiting: new.register(IntGauge::new(
                "postern_audit_waiting_lines",
                "Audit lines that wait in memory for a disk that fails.",
            )?)?,
            synced: new.register(Gauge::new(
                "postern_audit_synced_timestamp_seconds",
                "When the audit trail was last synced to disk.",
            )?)?,
            intact: new.register(IntGauge::new(
                "postern_audit_intact",
                "0 where lines were gone at the start, the file was deleted since, or the last verification found a fault.",
            )?)?,
            verified: new.register(Gauge::new(
                "postern_audit_verified_timestamp_seconds",
                "When the gateway last verified the whole audit trail; 0 before that.",
            )?)?,
            faults: new.register(IntGauge::new(
                "postern_audit_faults",
                "Faults that the last verification found.",
            )?)?,
        })
    }

    fn set(&self, state: &AuditState) {
        let read = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
        let seconds = |milliseconds: u64| milliseconds as f64 / 1000.0;
        self.lines.tell(read(&state.lines));
        self.failures.tell(read(&state.failures));
        self.lost.tell(read(&state.lost));
        self.waiting.set(gauge_value(read(&state.waiting)));
        self.synced.set(seconds(read(&state.synced_at)));
        self.verified.set(seconds(read(&state.verified_at)));
        self.faults.set(gauge_value(read(&state.faults)));
        let is_whole = !state.is_broken.load(Ordering::Relaxed) && read(&state.faults) == 0;
        self.intact.set(i64::from(is_whole));
    }
}

impl Metrics {
    /// As it stands now; asked at each scrape.
    pub fn set_audit(&self, state: &AuditState) {
        self.audit.set(state);
    }
}
