//! `[audit]`.

use super::fields::{duration, size};
use crate::{config::AuditTrail, policy::written::Table};

pub(super) const AUDIT: &[&str] = &["rotate_size", "rotate_every", "retention", "checkpoint_every"];

pub(super) fn audit(table: &Table<'_>) -> AuditTrail {
    let AuditTrail { rotate_size, rotate_every, retention, checkpoint_every } =
        AuditTrail::default();
    AuditTrail {
        rotate_size: size(table, "rotate_size", rotate_size),
        rotate_every: duration(table, "rotate_every", rotate_every),
        retention: duration(table, "retention", retention),
        checkpoint_every: duration(table, "checkpoint_every", checkpoint_every),
    }
}
