//! `[mta_sts]`: the policies that domains publish by HTTPS (RFC 8461).

use std::path::PathBuf;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MtaSts {
    pub discovery: StsDiscovery,
    /// Of policy hosts: 443, but in labs and tests.
    pub port: u16,
    /// PEM; policy hosts are certified by these and no others. None for the
    /// system's.
    pub trust_anchors: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StsDiscovery {
    On,
    /// No domain is asked for its policy.
    Off,
}

impl Default for MtaSts {
    fn default() -> Self {
        Self { discovery: StsDiscovery::On, port: 443, trust_anchors: None }
    }
}
