//! How keys are read, and what stands for those that are not written.

use std::{
    cell::RefCell,
    net::SocketAddr,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    config::{
        KeyFile, Network,
        quantity::{Size, Span},
    },
    mail::Domain,
    policy::written::{Table, Value},
};

/// What all of the file is read with.
pub(super) struct Reader<'a> {
    folder: &'a Path,
    /// Every path it has read.
    named: RefCell<Vec<PathBuf>>,
}

impl<'a> Reader<'a> {
    pub(super) fn of(folder: &'a Path) -> Self {
        Self { folder, named: RefCell::default() }
    }

    pub(super) fn path(&self, value: &Value<'_>) -> Option<PathBuf> {
        value.sentence().map(|path| self.rooted(path))
    }

    pub(super) fn rooted(&self, path: impl AsRef<Path>) -> PathBuf {
        let path = self.folder.join(path);
        self.named.borrow_mut().push(path.clone());
        path
    }

    pub(super) fn key_file(&self, value: &Value<'_>) -> Option<KeyFile> {
        let read = KeyFile::read(value.sentence()?, self.folder);
        if let Some(KeyFile::File(path)) = &read {
            self.named.borrow_mut().push(path.clone());
        }
        read.or_else(|| value.expected("a path (`/etc/postern/spool.key`) or a credential's name"))
    }

    pub(super) fn into_named(self) -> Vec<PathBuf> {
        self.named.into_inner()
    }
}

/// A key's value, or what stands for it where it is not written. A value that
/// is written wrongly is noted as a fault, and nothing comes of the whole: what
/// stands for it meanwhile only lets the reading go on to the next fault.
pub(super) fn optional<T>(
    table: &Table<'_>,
    key: &str,
    absent: T,
    read: impl FnOnce(&Value<'_>) -> Option<T>,
) -> T {
    table.value(key).and_then(|value| read(&value)).unwrap_or(absent)
}

/// Likewise for a whole table.
pub(super) fn section<T>(
    root: &Table<'_>,
    key: &str,
    what: &'static str,
    keys: &[&str],
    absent: T,
    read: impl FnOnce(&Table<'_>) -> T,
) -> T {
    match root.value(key).and_then(|value| value.table(what, keys)) {
        None => absent,
        Some(table) => read(&table),
    }
}

pub(super) fn domains(value: &Value<'_>) -> Option<Vec<Domain>> {
    value.list(|value| value.parsed("bad-domain"))
}

pub(super) fn networks(table: &Table<'_>, key: &str) -> Vec<Network> {
    optional(table, key, Vec::new(), |value| value.list(|value| value.parsed("bad-network")))
}

pub(super) fn duration(table: &Table<'_>, key: &str, absent: Duration) -> Duration {
    optional(table, key, Span(absent), |value| value.parsed("bad-duration")).0
}

/// Octets.
pub(super) fn size(table: &Table<'_>, key: &str, absent: usize) -> usize {
    optional(table, key, Size(absent), |value| value.parsed("bad-size")).0
}

pub(super) fn count(table: &Table<'_>, key: &str, absent: usize) -> usize {
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
