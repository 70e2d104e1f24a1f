//! How next hops are found and known: `[dns]`.

use super::fields::{Reader, optional, socket_address_or};
use crate::{
    config::{Dns, Dnssec},
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
}

pub(super) const DNS: &[&str] = &["servers", "dnssec", "trust_anchors"];
