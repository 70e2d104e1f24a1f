//! How a trail goes on after whatever ended it: where the chain stands, and
//! what the next reader must be told.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use serde_json::{Value, json};

use super::{
    chain::{Digest, Link, Place},
    head,
    reading::{FILE, whole_lines},
    shelf,
    tail::Tail,
};

/// Where the next line goes.
#[derive(Debug)]
pub(super) struct Start {
    pub(super) link: Link,
    /// Lines that are to be written first.
    pub(super) notes: Vec<Value>,
    /// Whether lines that were on disk are no longer there.
    pub(super) is_broken: bool,
}

impl Start {
    /// Sets aside what a crash has torn, and finds the place. The trail always
    /// goes on: mail waits for no auditor. What is missing stays missing in
    /// the chain, so that every verification finds it.
    pub(super) fn find(folder: &Path, file: &File) -> io::Result<Self> {
        let tail = Tail::of(file)?;
        // A head that cannot be read says as little as none.
        let head = head::read(folder).unwrap_or_default();
        let found = match &tail.last {
            Some(last) => link_of(last),
            None => shelf::newest(folder)?.map(|path| last_link(&path)).transpose()?.flatten(),
        };
        let mut notes = Vec::new();
        let (link, is_broken) = match (head, found) {
            (None | Some(Link::START), None) => (Link::START, false),
            (Some(head), Some(found)) if found.seq > head.seq || found == head => (found, false),
            (expected, found) => {
                notes.push(json!({
                    "event": "trail", "what": "broken", "expected": expected, "found": found,
                }));
                (expected.or(found).unwrap_or(Link::START), true)
            }
        };
        if link == Link::START && tail.whole > 0 {
            notes.push(begun(file, tail.whole)?);
        }
        if !tail.torn.is_empty() {
            notes.push(set_aside(folder, link.seq, &tail.torn)?);
            file.set_len(tail.whole)?;
        }
        Ok(Self { link, notes, is_broken })
    }
}

/// The lines of versions that had no chain are bound by one digest.
fn begun(file: &File, octets: u64) -> io::Result<Value> {
    let mut before = vec![0; usize::try_from(octets).map_err(io::Error::other)?];
    std::os::unix::fs::FileExt::read_exact_at(file, &mut before, 0)?;
    Ok(json!({
        "event": "trail", "what": "begun",
        "before": { "octets": octets, "sha256": Digest::of(&before) },
    }))
}

/// Nothing that was written is thrown away, not even half a line.
fn set_aside(folder: &Path, after: u64, torn: &[u8]) -> io::Result<Value> {
    let name = format!("torn-{after}");
    let mut options = OpenOptions::new();
    let mut aside =
        options.create(true).write(true).truncate(true).mode(0o600).open(folder.join(&name))?;
    aside.write_all(torn)?;
    aside.sync_all()?;
    Ok(json!({
        "event": "trail", "what": "recovered", "file": name,
        "octets": torn.len(), "sha256": Digest::of(torn),
    }))
}

fn link_of(line: &[u8]) -> Option<Link> {
    Place::of(line).map(|place| Link { seq: place.seq, digest: Digest::of(line) })
}

fn last_link(path: &Path) -> io::Result<Option<Link>> {
    let mut last = None;
    whole_lines(path, &mut |line| last = link_of(line))?;
    Ok(last)
}

pub(super) fn open(folder: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let file = options.create(true).read(true).append(true).mode(0o600).open(folder.join(FILE))?;
    // A file is only as durable as its name.
    fs::File::open(folder)?.sync_all()?;
    Ok(file)
}
