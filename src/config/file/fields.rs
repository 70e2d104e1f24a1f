//! How keys are read, and what stands for those that are not written.

use std::{net::SocketAddr, time::Duration};

use crate::{
    config::{
        Network,
        quantity::{Size, Span},
    },
    mail::Domain,
    policy::written::{Table, Value},
};

/// A key's value, or what stands for it where it is not written; nothing only
/// if it is written wrongly.
pub(super) fn optional<T>(
    table: &Table<'_>,
    key: &str,
    absent: T,
    read: impl FnOnce(&Value<'_>) -> Option<T>,
) -> Option<T> {
    match table.value(key) {
        None => Some(absent),
        Some(value) => read(&value),
    }
}

pub(super) fn section<T>(
    root: &Table<'_>,
    key: &str,
    what: &'static str,
    keys: &[&str],
    absent: T,
    read: impl FnOnce(&Table<'_>, T) -> Option<T>,
) -> Option<T> {
    match root.value(key) {
        None => Some(absent),
        Some(value) => read(&value.table(what, keys)?, absent),
    }
}

pub(super) fn domains(value: &Value<'_>) -> Option<Vec<Domain>> {
    value.list(|value| value.parsed("bad-domain"))
}

pub(super) fn duration(table: &Table<'_>, key: &str, absent: Duration) -> Option<Duration> {
    optional(table, key, Span(absent), |value| value.parsed("bad-duration")).map(|Span(span)| span)
}

pub(super) fn count(table: &Table<'_>, key: &str, absent: usize) -> Option<usize> {
    optional(table, key, absent, |value| match usize::try_from(value.integer()?) {
        Ok(count) if count > 0 => Some(count),
        _ => value.expected("a number from 1 up"),
    })
}

pub(super) fn socket_address(value: &Value<'_>) -> Option<SocketAddr> {
    let written = value.string()?;
    written.parse().ok().or_else(|| value.expected("an address and port (`127.0.0.1:2525`)"))
}

pub(super) fn socket_address_or(value: &Value<'_>, port: u16) -> Option<SocketAddr> {
    match value.string()?.parse() {
        Ok(address) => Some(SocketAddr::new(address, port)),
        Err(_) => socket_address(value),
    }
}

pub(super) fn size(table: &Table<'_>, key: &str, absent: usize) -> Option<usize> {
    optional(table, key, Size(absent), |value| value.parsed("bad-size")).map(|Size(size)| size)
}

pub(super) fn networks(table: &Table<'_>, key: &str) -> Option<Vec<Network>> {
    optional(table, key, Vec::new(), |value| value.list(|value| value.parsed("bad-network")))
}
