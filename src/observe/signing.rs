//! Metrics of signing keys.

use prometheus::{Error, IntGaugeVec};

use super::metrics::{Maker, Metrics};

pub(super) struct SigningMetrics {
    keys: IntGaugeVec,
}

impl SigningMetrics {
    pub(super) fn new(new: &Maker<'_>) -> Result<Self, Error> {
        let keys = new.gauges(
            "postern_signing_keys",
            "Keys of DKIM and ARC, by their state in postern.toml and what DNS publishes.",
            &["state", "dns"],
        )?;
        Ok(Self { keys })
    }
}

impl Metrics {
    /// Of each key its state and what the DNS publishes; what was told before
    /// is forgotten.
    pub fn set_signing_keys<'a>(&self, found: impl Iterator<Item = (&'a str, &'a str)>) {
        self.signing.keys.reset();
        for (state, dns) in found {
            self.signing.keys.with_label_values(&[state, dns]).inc();
        }
    }
}
