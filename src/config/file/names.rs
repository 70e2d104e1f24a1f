//! How next hops are found, and what they publish: `[dns]` and `[mta_sts]`.

use super::{
    fields::{Reader, optional, socket_address_or},
    root::port,
};
use crate::{
    config::{Dns, Dnssec, MtaSts, StsDiscovery},
    policy::written::Table,
};

impl Reader<'_> {
    pub(super) fn dns(&self, table: &Table<'_>) -> Dns {
        let dnssec = [("validate", Dnssec::Validate), ("off", Dnssec::Off)];
        Dns {
            servers: optional(table, "servers", Vec::new(), |value| {
                value.list(|value| socket_address_or(value, 53))
            }),
            dnssec: optional(table, "dnssec", Dnssec::default(), |value| value.choice(&dnssec)),
            trust_anchors: optional(table, "trust_anchors", None, |value| {
                self.path(value).map(Some)
            }),
        }
    }

    pub(super) fn mta_sts(&self, table: &Table<'_>) -> MtaSts {
        let absent = MtaSts::default();
        MtaSts {
            discovery: optional(table, "enabled", absent.discovery, |value| {
                value.either(StsDiscovery::On, StsDiscovery::Off)
            }),
            port: optional(table, "port", absent.port, port),
            trust_anchors: optional(table, "trust_anchors", None, |value| {
                self.path(value).map(Some)
            }),
        }
    }
}

pub(super) const DNS: &[&str] = &["servers", "dnssec", "trust_anchors"];
pub(super) const MTA_STS: &[&str] = &["enabled", "port", "trust_anchors"];
