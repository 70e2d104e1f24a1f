//! What stands at the moment of a scrape: asked, not counted.

use std::time::Duration;

use prometheus::{Error, IntGauge, IntGaugeVec};

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
    /// Octets of messages, and of the files they stand in.
    pub live_octets: u64,
    pub disk_octets: u64,
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
    bytes: IntGaugeVec,
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
            bytes: new.gauges(
                "postern_spool_bytes",
                "Octets of live messages, and of the spool's files.",
                &["what"],
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
        self.bytes.with_label_values(&["live"]).set(gauge_value(queue.live_octets));
        self.bytes.with_label_values(&["disk"]).set(gauge_value(queue.disk_octets));
    }

    pub(super) fn set_tls_waits(&self, waits: TlsWaits) {
        for (class, messages) in waits.messages {
            let gauge = self.tls_waiting.with_label_values(&[class.name()]);
            gauge.set(gauge_value(messages as u64));
        }
        self.tls_oldest_seconds.set(gauge_value(waits.oldest.as_secs()));
        self.tls_exemptions.set(gauge_value(waits.exemptions as u64));
    }
}
