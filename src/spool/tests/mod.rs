//! The spool against a disk that fails, fills up, and loses its power.

mod checkpoints;
mod crashes;
mod every_call;
mod failures;
mod files;
mod kept;
mod moving;
mod reading;
mod scenarios;
mod sealed;
mod simulated_disk;
mod told;
mod versions;
mod volatile;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;

use super::{Ephemeral, Keys, Settings, Spool, SpoolError};
use crate::mail::{
    AddressEncoding, Body, DelayNotice, Direction, Level, QueueId, QueuedMessage, ReversePath,
    Timestamp,
};
use simulated_disk::SimulatedDisk;

/// Small segments, so that a few messages fill one.
const SEGMENT: u64 = 24 * 1024;

fn settings() -> Settings {
    Settings {
        segment_size: SEGMENT,
        retry_after: Duration::ZERO,
        bookkeeping_waits: Duration::ZERO,
        ephemeral: Ephemeral::Allow,
        ..Settings::default()
    }
}

/// A message whose `policy` and `size` tell one version from another.
fn message(id: QueueId, version: u32) -> QueuedMessage {
    QueuedMessage {
        id,
        received_at: Timestamp::from_unix_milliseconds(id.unix_milliseconds()),
        direction: Direction::Outbound,
        reverse_path: ReversePath::Null,
        body: Body::default(),
        encoding: AddressEncoding::default(),
        requests: Default::default(),
        level: Level::default(),
        policy: version.to_string(),
        size: version.into(),
        redirect: None,
        hold: None,
        custody: Default::default(),
        recourse: Default::default(),
        delay_notice: DelayNotice::Due,
        recipients: Vec::new(),
    }
}

/// Content that only this message has.
fn content(id: QueueId) -> Bytes {
    let mut random = fastrand::Rng::with_seed(id.to_bits());
    let mut octets = vec![0; random.usize(0..4000)];
    random.fill(&mut octets);
    octets.into()
}

fn id(number: u64) -> QueueId {
    QueueId::at(1_000_000 + number, 0)
}

/// The newest of them, and all that were before it. None are without a number.
fn keys(newest: u8) -> Keys {
    Keys::of(&(1..=newest).rev().map(|number| [number; 32]).collect::<Vec<_>>())
}

/// Opens, and gives what was handed over: the version of each message.
fn open(disk: &SimulatedDisk) -> Result<(Spool, BTreeMap<QueueId, u32>), SpoolError> {
    open_with(disk, keys(0))
}

fn open_with(
    disk: &SimulatedDisk,
    keys: Keys,
) -> Result<(Spool, BTreeMap<QueueId, u32>), SpoolError> {
    let mut handed_over = Vec::new();
    let settings = Settings { keys, ..settings() };
    let spool = Spool::on(disk.port(), settings, |id, summary| {
        assert_eq!(summary.received_at.unix_milliseconds(), id.unix_milliseconds());
        handed_over.push((id, summary.size));
    })?;
    handed_over.sort_unstable();
    let versions = handed_over.iter().map(|&(id, size)| (id, u32::try_from(size).unwrap()));
    let found: BTreeMap<QueueId, u32> = versions.collect();
    assert_eq!(found.len(), handed_over.len(), "one was handed over twice");
    Ok((spool, found))
}

/// Has the next start scan every segment.
fn without_checkpoints(disk: &SimulatedDisk) {
    let names = disk.names().into_iter();
    for name in names.filter(|name| name.ends_with(".checkpoint")) {
        disk.port().unlink(&name).unwrap();
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    thread_local! {
        static RUNTIME: tokio::runtime::Runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    }
    RUNTIME.with(|runtime| runtime.block_on(future))
}
