//! The audit trail: a line of JSON for every decision, delivery and act of a
//! person, in the order in which they were told.
//!
//! Lines go through a channel to one thread that appends and syncs them in
//! groups, so that no stage waits for the disk. Masked values only (law 6).

use std::{
    fs::{File, OpenOptions},
    io::{BufWriter, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{
        Mutex,
        mpsc::{self, Receiver, SyncSender},
    },
    thread::JoinHandle,
    time::{Duration, SystemTime},
};

use serde_json::Value;
use tracing::error;

use crate::mail::Timestamp;

/// The open end of the trail.
pub struct Audit {
    lines: Mutex<Option<SyncSender<Order>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What the writer is told.
enum Order {
    Line(Value),
    /// Say when all before it is on disk.
    Flush(SyncSender<()>),
}

#[derive(Debug, thiserror::Error)]
#[error("the audit trail {path} cannot be opened: {source}")]
pub struct AuditError {
    path: PathBuf,
    source: std::io::Error,
}

impl Audit {
    /// Appends to `audit.jsonl` in a folder, which is made where it is missing.
    pub fn open(folder: &Path) -> Result<Self, AuditError> {
        let path = folder.join(FILE);
        let file = std::fs::create_dir_all(folder)
            .and_then(|()| OpenOptions::new().create(true).append(true).mode(0o600).open(&path))
            .map_err(|source| AuditError { path: path.clone(), source })?;
        let (lines, queue) = mpsc::sync_channel(CAPACITY);
        let writer = std::thread::Builder::new()
            .name("audit".to_owned())
            .spawn(move || write_lines(file, &queue))
            .map_err(|source| AuditError { path, source })?;
        Ok(Self { lines: Mutex::new(Some(lines)), writer: Mutex::new(Some(writer)) })
    }

    /// Adds a line, with the time and the version of its shape. Waits only when the disk is so slow that
    /// `CAPACITY` lines are queued: a trail with gaps would be worse.
    pub fn record(&self, mut line: Value) {
        if let Value::Object(fields) = &mut line {
            fields.insert("at".to_owned(), Timestamp::from(SystemTime::now()).rfc3339().into());
            fields.insert("v".to_owned(), VERSION.into());
        }
        if !self.order(Order::Line(line)) {
            error!("an audit line was lost: the trail is closed");
        }
    }

    /// Waits until every line told so far is on disk. Blocks.
    pub fn flush(&self) {
        let (done, flushed) = mpsc::sync_channel(1);
        if self.order(Order::Flush(done)) {
            // An error is the writer's end, which has written all.
            let _ = flushed.recv();
        }
    }

    fn order(&self, order: Order) -> bool {
        let lines = self.lines.lock().ok().and_then(|lines| lines.clone());
        lines.is_some_and(|lines| lines.send(order).is_ok())
    }

    /// Writes out what is queued and ends the trail.
    pub fn close(&self) {
        let lines = self.lines.lock().ok().and_then(|mut lines| lines.take());
        drop(lines);
        let writer = self.writer.lock().ok().and_then(|mut writer| writer.take());
        if writer.is_some_and(|writer| writer.join().is_err()) {
            error!("the audit trail's writer has died");
        }
    }
}

fn write_lines(file: File, queue: &Receiver<Order>) {
    let mut trail = BufWriter::new(file);
    while let Ok(first) = queue.recv() {
        // Nobody waits for these lines: a pause gathers many into one sync,
        // which would else contend with the spool's.
        if matches!(first, Order::Line(_)) {
            std::thread::sleep(GATHER);
        }
        let group = std::iter::once(first).chain(queue.try_iter());
        let mut waiting = Vec::new();
        if let Err(error) = append(&mut trail, group, &mut waiting) {
            error!(%error, "the audit trail could not be written");
        }
        // Whoever waits has gone, or is told.
        waiting.iter().for_each(|done| _ = done.send(()));
    }
}

fn append(
    trail: &mut BufWriter<File>,
    orders: impl Iterator<Item = Order>,
    waiting: &mut Vec<SyncSender<()>>,
) -> std::io::Result<()> {
    for order in orders {
        match order {
            Order::Line(line) => {
                serde_json::to_writer(&mut *trail, &line)?;
                trail.write_all(b"\n")?;
            }
            Order::Flush(done) => waiting.push(done),
        }
    }
    trail.flush()?;
    trail.get_ref().sync_data()
}

/// Of the shape of lines (`lines`).
const VERSION: u32 = 1;
pub(super) const FILE: &str = "audit.jsonl";
const CAPACITY: usize = 8192;
const GATHER: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_before_a_flush_is_on_disk_after_it_with_its_version() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path()).unwrap();
        audit.record(serde_json::json!({ "event": "x" }));
        audit.flush();
        let trail = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        let line: Value = serde_json::from_str(trail.trim_end()).unwrap();
        assert_eq!((&line["v"], &line["event"]), (&1.into(), &"x".into()));
        audit.close();
        audit.flush();
    }

    #[test]
    fn every_line_told_before_the_close_is_on_disk_after_it() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::open(folder.path()).unwrap();
        for number in 0..100 {
            audit.record(serde_json::json!({ "number": number }));
        }
        audit.close();
        let trail = std::fs::read_to_string(folder.path().join(FILE)).unwrap();
        let numbers: Vec<u64> = trail
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).unwrap()["number"].as_u64().unwrap())
            .collect();
        assert_eq!(numbers, (0..100).collect::<Vec<_>>());
    }
}
