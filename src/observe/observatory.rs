//! From events to counts, log lines and audit lines.

use std::time::Duration;

use tracing::{debug, error, info, warn};

use super::{audit::Audit, lines, metrics::Metrics};
use crate::mail::{
    Acceptance, Attempt, CertificateVerdict, Decided, Deed, Event, Evidence, Exemption, Observer,
    Outcome, Passage, PolicyStep, QueueId, TlsFault, TlsRequirement,
};

/// The observer that the gateway gives to every stage.
pub struct Observatory {
    metrics: Metrics,
    audit: Audit,
}

impl Observatory {
    pub fn new(metrics: Metrics, audit: Audit) -> Self {
        Self { metrics, audit }
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub fn audit(&self) -> &Audit {
        &self.audit
    }

    /// Writes out what the audit trail holds in memory so far: blocks until
    /// it is on disk.
    pub fn flush(&self) {
        self.audit.flush();
    }

    /// Writes out what the audit trail still holds in memory.
    pub fn close(&self) {
        self.audit.close();
    }
}

impl Observer for Observatory {
    fn observe(&self, event: Event<'_>) {
        match event {
            Event::SessionOpened { .. }
            | Event::SessionClosed { .. }
            | Event::SessionSecured { .. }
            | Event::Authentication { .. }
            | Event::LineEndsNormalised { .. }
            | Event::Refused { .. } => self.session(&event),
            Event::RecipientLookedUp { .. } | Event::BlocklistAsked { .. } => {
                self.looked_up(&event);
            }
            Event::Passed { listener, client, passage } => {
                self.metrics.messages.passages.with_label_values(&[passage.name()]).inc();
                if matches!(passage, Passage::Forged | Passage::Loop) {
                    info!(listener, %client, passage = passage.name(), "passage");
                }
            }
            Event::DocumentRead { outcome, took } => self.metrics.readers.read(outcome, took),
            Event::Decided(decided) => self.decided(&decided),
            Event::Accepted(acceptance) => {
                let Acceptance { id, direction, size, .. } = acceptance;
                let direction = direction.to_string();
                self.metrics.messages.accepted.with_label_values(&[&direction]).inc();
                self.metrics
                    .messages
                    .accepted_bytes
                    .with_label_values(&[&direction])
                    .inc_by(*size as u64);
                info!(%id, direction, size, "accepted");
                self.audit.record(lines::accepted(acceptance));
            }
            Event::Attempted { id, domain, requirement, asked, attempt, took } => {
                self.attempted(id, requirement, attempt, took);
                self.audit.record(lines::attempt(id, domain, requirement, asked, attempt));
            }
            Event::Settled(settled) => {
                lines::settled(&settled).into_iter().for_each(|line| self.audit.record(line));
            }
            Event::Noticed { about, id, to } => {
                info!(%id, %about, %to, "notice");
                self.audit.record(lines::notice(about, id, to));
            }
            Event::DestinationChanged { domain, change, cause } => {
                let change = change.name();
                self.metrics.deliveries.destination_changes.with_label_values(&[change]).inc();
                let cause = cause.map(ToString::to_string);
                warn!(%domain, change, cause, "destination");
            }
            Event::Bounced { id, recipients, reason } => {
                let recipients = recipients as u64;
                self.metrics
                    .deliveries
                    .bounces
                    .with_label_values(&[reason.name()])
                    .inc_by(recipients);
                info!(%id, recipients, reason = reason.name(), "bounced");
            }
            Event::Handled { id, action, by, reason } => {
                self.metrics.deliveries.handled.with_label_values(&[action]).inc();
                info!(%id, action, by, reason, "handled");
                self.audit.record(lines::handled(id, action, by, reason));
            }
            Event::HeldJudged { act, result } => self.metrics.quarantine.judged(act, result),
            Event::Done(deed) => self.deed(&deed),
            Event::NoticeWritten { .. } | Event::Redirected { .. } | Event::Exempted { .. } => {
                self.recourse(&event);
            }
            Event::TlsReported { domain, way, result, cause } => {
                let (way, result) = (way.name(), result.name());
                self.metrics.deliveries.tls_reports.with_label_values(&[way, result]).inc();
                info!(%domain, way, result, cause, "TLS report");
            }
            Event::PolicyLoaded { .. }
            | Event::PolicyRefused { .. }
            | Event::PolicyStepped(_)
            | Event::SpoolFailed { .. } => {
                self.upkeep(&event);
            }
        }
    }
}

impl Observatory {
    fn deed(&self, deed: &Deed<'_>) {
        let Deed { kind, by, door, address, about, words } = deed;
        let kind = kind.name();
        self.metrics.deliveries.deeds.with_label_values(&[kind]).inc();
        let about = about.map(|id| id.to_string());
        let address = address.map(|address| address.to_string());
        info!(kind, by, ?door, address, about, words, "done");
        self.audit.record(lines::deed(deed));
    }

    fn session(&self, event: &Event<'_>) {
        let metrics = &self.metrics;
        match event {
            Event::SessionOpened { listener } => {
                metrics.sessions.opened.with_label_values(&[listener]).inc();
                metrics.sessions.open.with_label_values(&[listener]).inc();
            }
            Event::SessionClosed { listener, client, reason } => {
                metrics.sessions.open.with_label_values(&[listener]).dec();
                metrics.sessions.ends.with_label_values(&[listener, reason.name()]).inc();
                debug!(listener, %client, reason = reason.name(), "session closed");
            }
            Event::SessionSecured { listener, tls } => {
                metrics.sessions.secured.with_label_values(&[listener, tls.version.as_str()]).inc();
            }
            Event::Authentication { listener, client, mechanism, result, identity } => {
                let labels = [listener, mechanism, result.name()];
                metrics.sessions.authentications.with_label_values(&labels).inc();
                let result = result.name();
                info!(listener, %client, mechanism, result, identity, "authentication");
            }
            Event::Refused { listener, client, reason, reply } => {
                metrics.sessions.refusals.with_label_values(&[listener, reason.name()]).inc();
                info!(listener, %client, reason = reason.name(), %reply, "refused");
            }
            Event::LineEndsNormalised { listener, client, count } => {
                metrics.sessions.normalised.with_label_values(&[listener]).inc_by(*count);
                debug!(listener, %client, count, "line ends normalised");
            }
            _ => {}
        }
    }

    fn looked_up(&self, event: &Event<'_>) {
        let metrics = &self.metrics.sessions;
        match event {
            Event::RecipientLookedUp { source, answer, cause } => {
                let (source, answer) = (source.name(), answer.name());
                metrics.recipient_lookups.with_label_values(&[source, answer]).inc();
                if let Some(cause) = cause {
                    warn!(source, answer, cause, "it is not known whether a recipient exists");
                }
            }
            Event::BlocklistAsked { zone, client, answer, cause } => {
                let answer = answer.name();
                metrics.blocklist_answers.with_label_values(&[answer]).inc();
                if let Some(cause) = cause {
                    warn!(%zone, %client, answer, cause, "a block list gave no answer");
                }
            }
            _ => {}
        }
    }

    fn decided(&self, decided: &Decided<'_>) {
        let metrics = &self.metrics;
        metrics.messages.classification_seconds.observe(decided.took.as_secs_f64());
        for (kind, count) in &decided.facts.kinds {
            metrics.messages.findings.with_label_values(&[kind.name()]).inc_by(*count as u64);
        }
        for reason in &decided.facts.opaque {
            metrics.messages.opaque_parts.with_label_values(&[reason.name()]).inc();
        }
        let direction = decided.facts.direction.to_string();
        let level = decided.facts.level.to_string();
        for (recipient, decision) in decided.decisions {
            let disposition = decision.disposition.name();
            let class = decision.destination.class.name();
            let labels = [direction.as_str(), disposition, class, level.as_str()];
            metrics.messages.decisions.with_label_values(&labels).inc();
            for matched in &decision.matched {
                let labels = [matched.rule.as_str(), matched.mode.name()];
                metrics.messages.rule_matches.with_label_values(&labels).inc();
            }
            let rule = decision.decided_by.as_ref().map(|matched| matched.rule.as_str());
            let id = decided.id;
            info!(%id, %recipient, disposition, rule, level, policy = decided.policy, "decided");
        }
        self.audit.record(lines::decision(decided));
    }

    fn attempted(
        &self,
        id: QueueId,
        requirement: TlsRequirement,
        attempt: &Attempt,
        took: Duration,
    ) {
        let metrics = &self.metrics;
        metrics.deliveries.attempt_seconds.observe(took.as_secs_f64());
        for tried in attempt.tries.iter().filter(|tried| tried.address.is_some()) {
            metrics.deliveries.connections.with_label_values(&[tried.connection.name()]).inc();
        }
        for evidence in &attempt.tries {
            if let Some(result) = session_label(evidence) {
                metrics.deliveries.tls_sessions.with_label_values(&[result]).inc();
            }
        }
        for (recipient, outcome) in &attempt.outcomes {
            let evidence = attempt.evidence_for(recipient);
            let tls = evidence.and_then(|evidence| evidence.tls.as_ref());
            let tls = tls.map_or("none", |tls| tls.version.as_str());
            let certificate =
                evidence.map_or("absent", |evidence| certificate_label(&evidence.certificate));
            let name = outcome.name();
            let reason = outcome.failure().map_or("none", |failure| failure.reason.name());
            metrics.deliveries.attempts.with_label_values(&[name, reason]).inc();
            if matches!(outcome, Outcome::Delivered(_)) {
                let labels = [tls, certificate, requirement.name()];
                metrics.deliveries.delivered.with_label_values(&labels).inc();
            }
            let reply = outcome.reply();
            let host = evidence.and_then(|evidence| evidence.host.as_deref());
            info!(%id, %recipient, outcome = name, host, tls, certificate, %reply, "attempted");
        }
    }

    /// What follows when TLS cannot be had, and who was told of anything.
    fn recourse(&self, event: &Event<'_>) {
        let metrics = &self.metrics.deliveries;
        match event {
            Event::NoticeWritten { kind } => {
                metrics.notices.with_label_values(&[kind.name()]).inc();
            }
            Event::Redirected { id, part_of, to, recipients, by, reason } => {
                metrics.handled.with_label_values(&["redirect"]).inc();
                info!(%id, %to, by, reason, "redirected");
                let line = lines::redirected(*id, *part_of, to, *recipients, (by, reason));
                self.audit.record(line);
            }
            Event::Exempted { id, exemption } => {
                metrics.handled.with_label_values(&["exempt"]).inc();
                let Exemption { tls, by, reason, until } = exemption;
                info!(%id, %tls, by, reason, %until, "exempted");
                self.audit.record(lines::exempted(*id, exemption));
            }
            _ => {}
        }
    }

    fn upkeep(&self, event: &Event<'_>) {
        match event {
            Event::PolicyLoaded { version, commit } => {
                self.metrics.policies.loaded(version, *commit);
                info!(version, commit, "policy loaded");
                self.audit.record(lines::policy(version, *commit));
            }
            Event::PolicyRefused { reason, error } => {
                self.metrics.policies.refused(*reason);
                error!(reason = reason.name(), error, "policy refused; the one before stays");
            }
            Event::PolicyStepped(step) => {
                self.metrics.policies.stepped(step.step);
                let PolicyStep { step: name, version, commit, by, reason, .. } = step;
                info!(step = name.name(), version, commit, %by, reason, "policy");
                self.audit.record(lines::policy_step(step));
            }
            Event::SpoolFailed { during, error } => {
                self.metrics.upkeep.spool_failures.with_label_values(&[during]).inc();
                match *during {
                    "read" => error!(error, "the spool could not give a message back"),
                    _ => warn!(during, error, "the spool could not commit"),
                }
            }
            _ => {}
        }
    }
}

/// None of a try that came to nothing before TLS, nor of another message on a
/// connection.
fn session_label(evidence: &Evidence) -> Option<&'static str> {
    if evidence.transaction > 1 {
        return None;
    }
    let successful = evidence.tls.as_ref().map(|_| "successful");
    evidence.fault.map(TlsFault::name).or(successful)
}

fn certificate_label(verdict: &CertificateVerdict) -> &'static str {
    match verdict {
        CertificateVerdict::Absent => "absent",
        CertificateVerdict::Unchecked => "unchecked",
        CertificateVerdict::Valid { .. } => "valid",
        CertificateVerdict::Dane { .. } => "dane",
        CertificateVerdict::Pinned => "pinned",
        CertificateVerdict::Invalid(_) => "invalid",
    }
}
