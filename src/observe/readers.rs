//! What Prometheus sees of the readers of documents.

use std::time::Duration;

use prometheus::{Error, Histogram, IntCounterVec, IntGauge};

use super::metrics::{Maker, gauge_value};
use crate::mail::{ReaderFault, ReaderOutcome};

pub(super) struct ReaderMetrics {
    documents: IntCounterVec,
    failures: IntCounterVec,
    seconds: Histogram,
    processes: IntGauge,
}

impl ReaderMetrics {
    pub(super) fn new(new: &Maker<'_>) -> Result<Self, Error> {
        let metrics = Self {
            documents: new.counters(
                "postern_reader_documents_total",
                "Documents and archives handed to a reader, by what came of them.",
                &["outcome"],
            )?,
            failures: new.counters(
                "postern_reader_failures_total",
                "Readers that failed at a document, by how; none of it was read.",
                &["reason"],
            )?,
            seconds: new.seconds(
                "postern_reader_seconds",
                "Time a reader took for a document.",
                &[0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0],
            )?,
            processes: new.register(IntGauge::new(
                "postern_reader_processes",
                "Processes of readers, busy and idle.",
            )?)?,
        };
        // An increase is seen only of what was there before it.
        for fault in ReaderFault::ALL {
            metrics.failures.with_label_values(&[fault.name()]);
        }
        Ok(metrics)
    }

    pub(super) fn read(&self, outcome: ReaderOutcome, took: Duration) {
        self.documents.with_label_values(&[outcome.name()]).inc();
        self.seconds.observe(took.as_secs_f64());
        if let ReaderOutcome::Failed(fault) = outcome {
            self.failures.with_label_values(&[fault.name()]).inc();
        }
    }

    pub(super) fn set_processes(&self, processes: usize) {
        self.processes.set(gauge_value(processes as u64));
    }
}
