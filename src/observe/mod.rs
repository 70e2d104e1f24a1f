//! What operators, auditors and Prometheus see of the gateway.
//!
//! Every stage tells `mail::Event`s; [`Observatory`] turns each into counts
//! (`metrics`), a log line (`log`) and, for decisions, deliveries and what
//! people did, a line of the audit trail (`audit`). Nothing here can name a
//! patient: events carry masks. Addresses stand in logs and audit lines,
//! never in a metric's label.

mod audit;
mod description;
mod http;
mod journal;
mod lines; // the shape of the trail's lines
mod log;
mod metrics;
mod observatory;
mod policies;
mod quarantine;
mod readers;
mod signing;
mod state; // what a scrape asks

pub use audit::{
    Anchors, Audit, AuditError, AuditSettings, AuditState, Checkpoint, CheckpointError, Digest,
    Excerpt, Fault, FaultKind, Follow, LegalHold, Link, More, PublicKey, TrailError, TrailLine,
    Verification, excerpt, read_checkpoints, read_trail, read_trail_file, search_trail,
    subject_key, verify,
};
pub use description::MetricDescription;
pub use http::{Probes, serve};
pub use log::{LogFormat, start_logging};
pub use metrics::Metrics;
pub use observatory::Observatory;
pub use policies::{CanaryState, Decided, PolicyState};
pub use state::{ContentMemory, Door, PartnerTally, QueueState, SpoolState, TlsWaits};
