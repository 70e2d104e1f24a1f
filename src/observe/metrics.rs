//! The metrics, all of them in one place.
//!
//! Names begin with `postern_`, units are base units, labels come from closed
//! sets: listeners and rules are those of the files, everything else is an
//! enum. `postern manual metrics` lists them for operators.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError},
};

use prometheus::{
    Encoder, Error, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
    Opts, Registry, TextEncoder, core::Collector,
};

use super::{
    audit::AuditMetrics,
    description::MetricDescription,
    policies::PolicyMetrics,
    quarantine::QuarantineMetrics,
    readers::ReaderMetrics,
    signing::SigningMetrics,
    state::{
        ContentMemory, PartnerTally, QueueMetrics, QueueState, SpoolMetrics, SpoolState, TlsWaits,
    },
};
use crate::quarantine::HeldTally;

/// All collectors, registered.
pub struct Metrics {
    registry: Registry,
    pub(super) sessions: SessionMetrics,
    pub(super) messages: MessageMetrics,
    pub(super) readers: ReaderMetrics,
    pub(super) deliveries: DeliveryMetrics,
    pub(super) policies: PolicyMetrics,
    pub(super) upkeep: UpkeepMetrics,
    pub(super) signing: SigningMetrics,
    pub(super) quarantine: QuarantineMetrics,
    pub(super) audit: AuditMetrics,
    queue: QueueMetrics,
    spool: SpoolMetrics,
    described: Vec<MetricDescription>,
}

impl Metrics {
    pub fn new() -> Result<Self, Error> {
        let registry = Registry::new();
        let new = Maker { registry: &registry, made: RefCell::default() };
        new.gauges("postern_build_info", "The running version; always 1.", &["version"])?
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Ok(Self {
            sessions: SessionMetrics::new(&new)?,
            messages: MessageMetrics::new(&new)?,
            readers: ReaderMetrics::new(&new)?,
            deliveries: DeliveryMetrics::new(&new)?,
            policies: PolicyMetrics::new(&new)?,
            upkeep: UpkeepMetrics::new(&new)?,
            signing: SigningMetrics::new(&new)?,
            quarantine: QuarantineMetrics::new(&new)?,
            audit: AuditMetrics::new(&new)?,
            queue: QueueMetrics::new(&new)?,
            spool: SpoolMetrics::new(&new)?,
            described: new.made.into_inner(),
            registry,
        })
    }

    /// All of them, whether or not anything has been counted.
    pub fn described(&self) -> &[MetricDescription] {
        &self.described
    }

    /// Of all certificates, in Unix seconds, by listener and name; what was
    /// told of others is forgotten. A scrape in between misses none.
    pub fn set_certificate_expiries(&self, expiries: BTreeMap<(String, String), i64>) {
        let gauges = &self.upkeep.certificate_expiry;
        for ((listener, name), &seconds) in &expiries {
            gauges.with_label_values(&[listener, name]).set(seconds);
        }
        let now: BTreeSet<_> = expiries.into_keys().collect();
        let mut told = self.upkeep.certificates.lock().unwrap_or_else(PoisonError::into_inner);
        for (listener, name) in told.difference(&now) {
            // It was there: nothing else takes one out.
            let _ = gauges.remove_label_values(&[listener, name]);
        }
        *told = now;
    }

    /// As it stands now; asked at each scrape.
    pub fn set_clients_shut_out(&self, clients: usize) {
        self.sessions.clients_shut_out.set(gauge_value(clients as u64));
    }

    /// As it stands now, in octets; asked at each scrape.
    pub fn set_content_memory(&self, memory: ContentMemory) {
        self.sessions.content_memory.set(gauge_value(memory.used as u64));
        self.sessions.content_memory_limit.set(gauge_value(memory.limit as u64));
    }

    /// As it stands now; asked at each scrape.
    pub fn set_reader_processes(&self, processes: usize) {
        self.readers.set_processes(processes);
    }

    /// As it stands now; asked at each scrape.
    pub fn set_tls_waits(&self, waits: TlsWaits) {
        self.queue.set_tls_waits(waits);
    }

    /// As they stand now; asked at each scrape.
    pub fn set_partners(&self, tally: PartnerTally) {
        self.queue.set_partners(tally);
    }

    /// As it stands now; asked at each scrape.
    pub fn set_quarantine(&self, tally: &HeldTally) {
        self.quarantine.set(tally);
    }

    /// As it stands now; asked at each scrape.
    pub fn set_spool(&self, spool: SpoolState) {
        self.spool.set(spool);
    }

    /// The exposition format, with the queue as it stands now.
    pub fn render(&self, queue: QueueState) -> Result<String, Error> {
        self.queue.set(queue);
        let mut exposition = Vec::new();
        TextEncoder::new().encode(&self.registry.gather(), &mut exposition)?;
        Ok(String::from_utf8_lossy(&exposition).into_owned())
    }
}

pub(super) struct SessionMetrics {
    pub(super) opened: IntCounterVec,
    pub(super) open: IntGaugeVec,
    pub(super) ends: IntCounterVec,
    pub(super) secured: IntCounterVec,
    pub(super) authentications: IntCounterVec,
    clients_shut_out: IntGauge,
    content_memory: IntGauge,
    content_memory_limit: IntGauge,
    pub(super) refusals: IntCounterVec,
    pub(super) normalised: IntCounterVec,
    pub(super) recipient_lookups: IntCounterVec,
    pub(super) blocklist_answers: IntCounterVec,
}

impl SessionMetrics {
    fn new(new: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            opened: new.counters(
                "postern_sessions_total",
                "SMTP sessions opened.",
                &["listener"],
            )?,
            open: new.gauges("postern_sessions_open", "SMTP sessions open now.", &["listener"])?,
            ends: new.counters(
                "postern_session_ends_total",
                "SMTP sessions ended, by why.",
                &["listener", "reason"],
            )?,
            secured: new.counters(
                "postern_sessions_secured_total",
                "SMTP sessions put under TLS, by version.",
                &["listener", "tls_version"],
            )?,
            authentications: new.counters(
                "postern_authentications_total",
                "Claims to an identity (AUTH), by what came of them.",
                &["listener", "mechanism", "result"],
            )?,
            clients_shut_out: new.register(IntGauge::new(
                "postern_clients_shut_out",
                "Clients shut out now for too many failures to authenticate.",
            )?)?,
            content_memory: new.register(IntGauge::new(
                "postern_content_memory_bytes",
                "Octets of memory granted to messages that are coming in.",
            )?)?,
            content_memory_limit: new.register(IntGauge::new(
                "postern_content_memory_limit_bytes",
                "Octets of memory that messages coming in may have; beyond it they get a 452.",
            )?)?,
            refusals: new.counters(
                "postern_refusals_total",
                "Commands and messages refused with 4xx or 5xx, by why.",
                &["listener", "reason"],
            )?,
            normalised: new.counters(
                "postern_line_ends_normalised_total",
                "Commands and messages of listed devices whose bare CR or LF became CRLF.",
                &["listener"],
            )?,
            recipient_lookups: new.counters(
                "postern_recipient_lookups_total",
                "Whether a recipient of ours exists: questions, by where it is known.",
                &["source", "answer"],
            )?,
            blocklist_answers: new.counters(
                "postern_blocklist_answers_total",
                "What DNS block lists say of clients, one a list.",
                &["answer"],
            )?,
        })
    }
}

pub(super) struct MessageMetrics {
    pub(super) accepted: IntCounterVec,
    pub(super) accepted_bytes: IntCounterVec,
    pub(super) passages: IntCounterVec,
    pub(super) decisions: IntCounterVec,
    pub(super) rule_matches: IntCounterVec,
    pub(super) findings: IntCounterVec,
    pub(super) opaque_parts: IntCounterVec,
    pub(super) classification_seconds: Histogram,
}

impl MessageMetrics {
    fn new(new: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            accepted: new.counters(
                "postern_messages_accepted_total",
                "Messages committed to the spool and acknowledged.",
                &["direction"],
            )?,
            accepted_bytes: new.counters(
                "postern_accepted_bytes_total",
                "Octets of accepted messages as received.",
                &["direction"],
            )?,
            passages: new.counters(
                "postern_passages_total",
                "Messages by whether they have come through here before; forged marks too.",
                &["result"],
            )?,
            decisions: new.counters(
                "postern_decisions_total",
                "Decisions, one a recipient.",
                &["direction", "disposition", "destination_class", "level"],
            )?,
            rule_matches: new.counters(
                "postern_rule_matches_total",
                "Rules that matched, one a recipient; those that only observe too.",
                &["rule", "mode"],
            )?,
            findings: new.counters(
                "postern_findings_total",
                "Findings in classified messages, by kind.",
                &["kind"],
            )?,
            opaque_parts: new.counters(
                "postern_opaque_parts_total",
                "Parts that could not be read, by why.",
                &["reason"],
            )?,
            classification_seconds: new.seconds(
                "postern_classification_seconds",
                "Time to read and classify a message.",
                &[0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0],
            )?,
        })
    }
}

pub(super) struct DeliveryMetrics {
    pub(super) attempts: IntCounterVec,
    pub(super) attempt_seconds: Histogram,
    pub(super) connections: IntCounterVec,
    pub(super) destination_changes: IntCounterVec,
    pub(super) delivered: IntCounterVec,
    pub(super) bounces: IntCounterVec,
    pub(super) handled: IntCounterVec,
    pub(super) deeds: IntCounterVec,
    pub(super) notices: IntCounterVec,
    pub(super) tls_sessions: IntCounterVec,
    pub(super) tls_reports: IntCounterVec,
}

impl DeliveryMetrics {
    fn new(new: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            attempts: new.counters(
                "postern_attempts_total",
                "Attempts to deliver, one a recipient, by outcome and cause.",
                &["outcome", "reason"],
            )?,
            attempt_seconds: new.seconds(
                "postern_attempt_seconds",
                "Duration of one attempt to deliver.",
                &[0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0],
            )?,
            connections: new.counters(
                "postern_connections_total",
                "Connections that messages were to be sent on, by whether one was open already.",
                &["reuse"],
            )?,
            destination_changes: new.counters(
                "postern_destination_changes_total",
                "Destinations that died, were tried in vain (trial_failed), and answered again.",
                &["change"],
            )?,
            delivered: new.counters(
                "postern_deliveries_total",
                "Recipients delivered, by what protected the journey and what was required.",
                &["tls_version", "certificate", "requirement"],
            )?,
            bounces: new.counters(
                "postern_bounces_total",
                "Recipients given up and returned to the sender, by cause.",
                &["reason"],
            )?,
            handled: new.counters(
                "postern_handled_total",
                "Messages that a person released, rejected, retried, exempted or returned, or \
                 that went another way.",
                &["action"],
            )?,
            deeds: new.counters(
                "postern_deeds_total",
                "What people did or looked at besides: sign-ins, views, exports.",
                &["kind"],
            )?,
            notices: new.counters(
                "postern_notices_total",
                "Reports and notices written to senders and officers, by what they tell.",
                &["kind"],
            )?,
            tls_sessions: new.counters(
                "postern_tls_sessions_total",
                "Tries to deliver that came to TLS or failed at it, by the result types of RFC 8460.",
                &["result"],
            )?,
            tls_reports: new.counters(
                "postern_tls_reports_total",
                "TLS reports to other domains (RFC 8460), by way and what came of them.",
                &["way", "result"],
            )?,
        })
    }
}

pub(super) struct UpkeepMetrics {
    pub(super) spool_failures: IntCounterVec,
    certificate_expiry: IntGaugeVec,
    /// Listeners and names that `certificate_expiry` tells of.
    certificates: Mutex<BTreeSet<(String, String)>>,
}

impl UpkeepMetrics {
    fn new(new: &Maker<'_>) -> Result<Self, Error> {
        let metrics = Self {
            spool_failures: new.counters(
                "postern_spool_failures_total",
                "Commits that the spool could not make, by what was being recorded.",
                &["during"],
            )?,
            certificate_expiry: new.gauges(
                "postern_certificate_expiry_timestamp_seconds",
                "When a listener's certificates expire, by their first name.",
                &["listener", "certificate"],
            )?,
            certificates: Mutex::default(),
        };
        // An increase is seen only of what was there before it.
        for during in ["accept", "record", "read"] {
            metrics.spool_failures.with_label_values(&[during]);
        }
        Ok(metrics)
    }
}

/// Makes collectors and registers them in one step.
pub(super) struct Maker<'a> {
    registry: &'a Registry,
    /// In the order in which they were made.
    made: RefCell<Vec<MetricDescription>>,
}

impl Maker<'_> {
    pub(super) fn register<C: Collector + Clone + 'static>(
        &self,
        collector: C,
    ) -> Result<C, Error> {
        self.registry.register(Box::new(collector.clone()))?;
        self.made.borrow_mut().extend(MetricDescription::all_of(&collector));
        Ok(collector)
    }

    pub(super) fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.register(IntCounter::new(name, help)?)
    }

    pub(super) fn counters(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntCounterVec, Error> {
        self.register(IntCounterVec::new(Opts::new(name, help), labels)?)
    }

    pub(super) fn gauges(
        &self,
        name: &str,
        help: &str,
        labels: &[&str],
    ) -> Result<IntGaugeVec, Error> {
        self.register(IntGaugeVec::new(Opts::new(name, help), labels)?)
    }

    pub(super) fn seconds(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
    ) -> Result<Histogram, Error> {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(options)?)
    }
}

pub(super) fn gauge_value(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{
        mail::DestinationClass,
        observe::{Door, PolicyState},
    };

    #[test]
    fn shipped_alerts_speak_of_metrics_that_are_there_before_anything_has_gone_wrong() {
        let metrics = Metrics::new().unwrap();
        let certificate = ("mailboxes".to_owned(), "mx1.example".to_owned());
        metrics.set_certificate_expiries(BTreeMap::from([(certificate, 1)]));
        metrics.set_tls_waits(TlsWaits {
            messages: DestinationClass::ALL.map(|class| (class, 0)),
            oldest: Duration::ZERO,
            exemptions: 0,
        });
        metrics.set_partners(PartnerTally(
            ["unready", "partly", "unknown", "ready"].map(|it| (it, 0)),
        ));
        metrics.set_policy(&PolicyState::default());
        metrics.set_quarantine(&HeldTally::default());
        metrics.policies.set_exemption_expiry(Some(jiff::civil::date(2026, 11, 24)));
        let shown = metrics.render(QueueState::default()).unwrap();
        let rules = include_str!("../../deploy/prometheus/alerts.yml");
        let mut asked = 0;
        for (start, _) in rules.match_indices("postern_") {
            let rest = rules.get(start..).unwrap_or_default();
            let of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let name = rest.split(|c| !of_name(c)).next().unwrap_or_default();
            assert!(shown.contains(&format!("\n{name}")), "no {name} in {shown}");
            asked += 1;
        }
        assert!(asked > 5, "the rules were not read");
        assert!(shown.contains("postern_policy_loads_total{result=\"refused\"} 0\n"));
    }

    #[test]
    fn what_the_spool_counts_is_told_once_however_often_it_is_asked() {
        let metrics = Metrics::new().unwrap();
        for (failures, moved_octets) in [(0, 0), (2, 900), (2, 900), (3, 1000)] {
            metrics.set_spool(SpoolState { failures, moved_octets, ..SpoolState::default() });
        }
        let shown = metrics.render(QueueState::default()).unwrap();
        assert!(shown.contains("\npostern_spool_disk_failures_total 3\n"), "{shown}");
        assert!(shown.contains("\npostern_spool_moved_bytes_total 1000\n"), "{shown}");
    }

    #[test]
    fn a_spool_that_takes_no_mail_is_seen() {
        let metrics = Metrics::new().unwrap();
        for (door, accepting) in [(Door::Open, 1), (Door::Full, 0), (Door::Failing, 0)] {
            let spool =
                SpoolState { door, damaged: 2, outdated_segments: 3, ..SpoolState::default() };
            metrics.set_spool(spool);
            let shown = metrics.render(QueueState::default()).unwrap();
            let line = format!("\npostern_spool_accepting {accepting}\n");
            assert!(shown.contains(&line), "{door:?}: {shown}");
            assert!(shown.contains("\npostern_spool_damaged 2\n"), "{shown}");
            assert!(shown.contains("\npostern_spool_outdated_segments 3\n"), "{shown}");
        }
    }

    #[test]
    fn the_queue_is_shown_as_it_stands_at_the_scrape() {
        let metrics = Metrics::new().unwrap();
        let queue = QueueState { active: 7, oldest: Duration::from_secs(90), ..Default::default() };
        let shown = metrics.render(queue).unwrap();
        assert!(shown.contains("postern_queue_messages{state=\"active\"} 7\n"), "{shown}");
        assert!(shown.contains("postern_queue_oldest_seconds 90\n"), "{shown}");
    }
}
