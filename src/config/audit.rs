//! `[audit]`: how the audit trail is kept.

use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditTrail {
    /// Octets at which a new file is begun.
    pub rotate_size: usize,
    /// And the time after which one is, whatever its size.
    pub rotate_every: Duration,
    /// How long a rotated file is kept after its last line.
    pub retention: Duration,
    /// How often the trail is signed for, while it grows.
    pub checkpoint_every: Duration,
}

impl Default for AuditTrail {
    /// Eight years are what the NHS Records Management Code of Practice asks
    /// for the records of adult patients, which this trail is evidence about.
    /// A children's trust keeps its own for longer.
    fn default() -> Self {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        Self {
            rotate_size: 128 << 20,
            rotate_every: hours(24),
            retention: hours(24 * (8 * 365 + 2)),
            checkpoint_every: hours(1),
        }
    }
}
