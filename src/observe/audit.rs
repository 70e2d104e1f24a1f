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
    lines: Mutex<Option<SyncSender<Value>>>,
    writer: Mutex<Option<JoinHandle<()>>>,
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

    /// Adds a line, with the time. Waits only when the disk is so slow that
    /// `CAPACITY` lines are queued: a trail with gaps would be worse.
    pub fn record(&self, mut line: Value) {
        if let Value::Object(fields) = &mut line {
            fields.insert("at".to_owned(), Timestamp::from(SystemTime::now()).rfc3339().into());
        }
        let lines = self.lines.lock().ok().and_then(|lines| lines.clone());
        if lines.is_none_or(|lines| lines.send(line).is_err()) {
            error!("an audit line was lost: the trail is closed");
        }
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

fn write_lines(file: File, queue: &Receiver<Value>) {
    let mut trail = BufWriter::new(file);
    while let Ok(first) = queue.recv() {
        // Nobody waits for these lines: a pause gathers many into one sync,
        // which would else contend with the spool's.
        std::thread::sleep(GATHER);
        let group = std::iter::once(first).chain(queue.try_iter());
        if let Err(error) = append(&mut trail, group) {
            error!(%error, "the audit trail could not be written");
        }
    }
}

fn append(trail: &mut BufWriter<File>, lines: impl Iterator<Item = Value>) -> std::io::Result<()> {
    for line in lines {
        serde_json::to_writer(&mut *trail, &line)?;
        trail.write_all(b"\n")?;
    }
    trail.flush()?;
    trail.get_ref().sync_data()
}

const FILE: &str = "audit.jsonl";
const CAPACITY: usize = 8192;
const GATHER: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

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
