//! What stands at the moment of a scrape: asked, not counted.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use prometheus::{Error, IntCounter, IntGauge, IntGaugeVec};

use super::metrics::{Maker, gauge_value};
use crate::mail::DestinationClass;

/// What a scrape asks the queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueState {
    pub active: usize,
    pub held: usize,
    /// Age of the oldest message that waits for delivery.
    pub oldest: Duration,
    /// Destinations that have something to do, by how they are doing: a closed
    /// set of names.
    pub destinations: [(&'static str, usize); 3],
}

/// What a scrape asks the spool; counts since it was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolState {
    pub door: Door,
    /// Octets of messages, and of the files they stand in.
    pub live_octets: u64,
    pub disk_octets: u64,
    /// Octets written once more, to free the files they stood in.
    pub moved_octets: u64,
    /// Commits that the disk refused, or did not sync.
    pub failures: u64,
    /// Places that are not as they were written; what a crash tears is none.
    pub damaged: usize,
    /// Segments that are not yet sealed as new ones are.
    pub outdated_segments: usize,
}

/// Whether the spool takes new mail, and why not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Door {
    #[default]
    Open,
    /// What is left of the disk is kept for outcomes of deliveries and DSNs.
    Full,
    /// The disk has not taken the last that was written.
    Failing,
}

/// What a scrape asks of the messages that wait for TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TlsWaits {
    pub messages: [(DestinationClass, usize); DestinationClass::ALL.len()],
    /// How long the first of them has waited for that.
    pub oldest: Duration,
    /// Messages that a person lets go with less TLS just now.
    pub exemptions: usize,
}

/// What a scrape asks of the approved domains: how many stand how, by a closed
/// set of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartnerTally(pub [(&'static str, usize); 4]);

/// What a scrape asks the listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ContentMemory {
    pub used: usize,
    pub limit: usize,
}

/// The queue as the last scrape found it.
pub(super) struct QueueMetrics {
    messages: IntGaugeVec,
    oldest_seconds: IntGauge,
    destinations: IntGaugeVec,
    tls_waiting: IntGaugeVec,
    tls_oldest_seconds: IntGauge,
    tls_exemptions: IntGauge,
    partners: IntGaugeVec,
}

/// The spool as the last scrape found it.
pub(super) struct SpoolMetrics {
    accepting: IntGauge,
    bytes: IntGaugeVec,
    moved: Told,
    failures: Told,
    damaged: IntGauge,
    outdated: IntGauge,
}

/// A counter of what is counted elsewhere.
pub(super) struct Told {
    counter: IntCounter,
    so_far: AtomicU64,
}

impl QueueMetrics {
    pub(super) fn new(new: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            messages: new.gauges("postern_queue_messages", "Messages in the spool.", &["state"])?,
            oldest_seconds: new.register(IntGauge::new(
                "postern_queue_oldest_seconds",
                "Age of the oldest message that waits for delivery.",
            )?)?,
            destinations: new.gauges(
                "postern_destinations",
                "Destinations with mail to deliver, by whether they take it.",
                &["state"],
            )?,
            tls_waiting: new.gauges(
                "postern_tls_waiting_messages",
                "Messages that wait because the TLS they need cannot be had.",
                &["destination_class"],
            )?,
            tls_oldest_seconds: new.register(IntGauge::new(
                "postern_tls_waiting_oldest_seconds",
                "How long the first of the messages that wait for TLS has waited for it.",
            )?)?,
            tls_exemptions: new.register(IntGauge::new(
                "postern_tls_exemptions",
                "Messages that a person lets go with less TLS than policy asks for, now.",
            )?)?,
            partners: new.gauges(
                "postern_partners",
                "Approved domains, by whether mail of all levels that they are cleared for could go there at the last look.",
                &["state"],
            )?,
        })
    }

    pub(super) fn set(&self, queue: QueueState) {
        self.messages.with_label_values(&["active"]).set(gauge_value(queue.active as u64));
        self.messages.with_label_values(&["held"]).set(gauge_value(queue.held as u64));
        self.oldest_seconds.set(gauge_value(queue.oldest.as_secs()));
        for (state, destinations) in queue.destinations {
            if !state.is_empty() {
                let gauge = self.destinations.with_label_values(&[state]);
                gauge.set(gauge_value(destinations as u64));
            }
        }
    }

    pub(super) fn set_tls_waits(&self, waits: TlsWaits) {
        for (class, messages) in waits.messages {
            let gauge = self.tls_waiting.with_label_values(&[class.name()]);
            gauge.set(gauge_value(messages as u64));
        }
        self.tls_oldest_seconds.set(gauge_value(waits.oldest.as_secs()));
        self.tls_exemptions.set(gauge_value(waits.exemptions as u64));
    }

    pub(super) fn set_partners(&self, PartnerTally(states): PartnerTally) {
        for (state, domains) in states {
            self.partners.with_label_values(&[state]).set(gauge_value(domains as u64));
        }
    }
}

impl SpoolMetrics {
    pub(super) fn new(new: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            accepting: new.register(IntGauge::new(
                "postern_spool_accepting",
                "Whether the spool takes new mail: 1, or 0 while the disk is full or fails.",
            )?)?,
            bytes: new.gauges(
                "postern_spool_bytes",
                "Octets of live messages, and of the spool's files.",
                &["what"],
            )?,
            moved: Told::new(new.register(IntCounter::new(
                "postern_spool_moved_bytes_total",
                "Octets of long-lived messages written once more, to free the files they stood in.",
            )?)?),
            failures: Told::new(new.register(IntCounter::new(
                "postern_spool_disk_failures_total",
                "Commits that the disk refused or did not sync; the file is given up each time.",
            )?)?),
            damaged: new.register(IntGauge::new(
                "postern_spool_damaged",
                "Places in the spool's files that are not as they were written, found since start.",
            )?)?,
            outdated: new.register(IntGauge::new(
                "postern_spool_outdated_segments",
                "Files of the spool not yet under [spool] key; at 0 no old key is needed.",
            )?)?,
        })
    }

    pub(super) fn set(&self, spool: SpoolState) {
        self.accepting.set(i64::from(spool.door == Door::Open));
        self.bytes.with_label_values(&["live"]).set(gauge_value(spool.live_octets));
        self.bytes.with_label_values(&["disk"]).set(gauge_value(spool.disk_octets));
        self.moved.tell(spool.moved_octets);
        self.failures.tell(spool.failures);
        self.damaged.set(gauge_value(spool.damaged as u64));
        self.outdated.set(gauge_value(spool.outdated_segments as u64));
    }
}

impl Told {
    pub(super) fn new(counter: IntCounter) -> Self {
        Self { counter, so_far: AtomicU64::new(0) }
    }

    /// Two scrapes at once tell of nothing twice.
    pub(super) fn tell(&self, count: u64) {
        let before = self.so_far.fetch_max(count, Ordering::Relaxed);
        self.counter.inc_by(count.saturating_sub(before));
    }
}
