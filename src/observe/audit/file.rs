//! The open file of the trail: appends lines in the chain and syncs them, as
//! a group or not at all.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::Duration,
};

use serde_json::Value;

use super::{
    chain::{Link, Place},
    head::Head,
    reading::{FILE, first_line},
    shelf,
    start::{Start, open},
};
use crate::mail::Timestamp;

pub(super) struct TrailFile {
    folder: PathBuf,
    file: File,
    head: Head,
    /// The last line that is on disk.
    link: Link,
    /// The number of the first line in this file, and when it was begun.
    first: u64,
    since: Timestamp,
    octets: u64,
}

impl TrailFile {
    /// Goes on where the trail ended; also what is to be written first, and
    /// whether the trail was found broken.
    pub(super) fn begin(folder: &Path, now: Timestamp) -> io::Result<(Self, Start)> {
        let file = open(folder)?;
        let start = Start::find(folder, &file)?;
        let mut trail = Self {
            folder: folder.to_owned(),
            octets: 0,
            first: start.link.seq + 1,
            since: now,
            link: start.link,
            head: Head::open(folder, start.link)?,
            file,
        };
        trail.look_at_it(now)?;
        Ok((trail, start))
    }

    pub(super) fn link(&self) -> Link {
        self.link
    }

    /// Adds the bodies as lines, in their order, and syncs. On an error none
    /// of them counts as written, and what of them has got into the file is
    /// taken out again.
    pub(super) fn append(&mut self, bodies: &[Vec<u8>]) -> io::Result<()> {
        let mut link = self.link;
        let mut lines = Vec::with_capacity(bodies.iter().map(|body| body.len() + ROOM).sum());
        for body in bodies {
            link = link.seal(body, &mut lines);
            lines.push(b'\n');
        }
        let before = self.octets;
        let written = self.file.write_all(&lines).and_then(|()| self.file.sync_data());
        if let Err(error) = written {
            // Where this fails as well, the next start sets a rest aside.
            let _ = self.file.set_len(before);
            return Err(error);
        }
        self.octets += lines.len() as u64;
        self.link = link;
        // The lines are on disk: a head that lags behind them says nothing
        // wrong, and the next one catches up.
        let _ = self.head.write(link);
        Ok(())
    }

    /// Whether it is long or old enough for a new one to be begun.
    pub(super) fn is_full(&self, size: u64, every: Duration, now: Timestamp) -> bool {
        self.octets > 0 && (self.octets >= size || now.saturating_since(self.since) >= every)
    }

    /// Puts the file on the shelf, under the numbers of its lines, and begins
    /// a new one.
    pub(super) fn rotate(&mut self, now: Timestamp) -> io::Result<()> {
        let name = shelf::name(self.first, self.link.seq);
        let to = self.folder.join(name);
        if to.try_exists()? {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, to.display().to_string()));
        }
        std::fs::rename(self.folder.join(FILE), &to)?;
        self.reopen(now)
    }

    /// Takes the file that stands under the trail's name now: somebody may
    /// have moved the one before.
    pub(super) fn reopen(&mut self, now: Timestamp) -> io::Result<()> {
        self.file = open(&self.folder)?;
        self.look_at_it(now)
    }

    /// Whether another file stands under the trail's name, or none.
    pub(super) fn was_moved(&self) -> io::Result<bool> {
        let ours = self.file.metadata()?;
        match std::fs::metadata(self.folder.join(FILE)) {
            Ok(named) => Ok((named.dev(), named.ino()) != (ours.dev(), ours.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Whether nobody would find what is written into it. One that was moved is
    /// found where it has got to.
    pub(super) fn is_deleted(&self) -> bool {
        self.file.metadata().is_ok_and(|ours| ours.nlink() == 0)
    }

    fn look_at_it(&mut self, now: Timestamp) -> io::Result<()> {
        self.octets = self.file.metadata()?.len();
        (self.first, self.since) = (self.link.seq + 1, now);
        if let Some(line) = first_line(&self.folder.join(FILE))? {
            self.first = Place::of(&line).map_or(self.first, |place| place.seq);
            self.since = told_at(&line).unwrap_or(now);
        }
        Ok(())
    }
}

fn told_at(line: &[u8]) -> Option<Timestamp> {
    let line: Value = serde_json::from_slice(line).ok()?;
    line.get("at")?.as_str()?.parse().ok()
}

/// What a line's place takes.
const ROOM: usize = 112;
