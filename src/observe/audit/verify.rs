//! Verification: the whole trail along its chain, against its head, its
//! checkpoints and those that were kept outside.

use std::{
    collections::BTreeMap,
    fs::File,
    io,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use memchr::memmem;
use serde::{Deserialize, Serialize};

use super::{
    chain::{Digest, Link, Place},
    checkpoint::{self, Checkpoint, CheckpointError, PublicKey, read_checkpoints},
    faults::{Fault, FaultKind},
    head,
    reading::{FILE, More, TrailError, TrailLine, each_piece, files, is_compressed, opened},
    shelf,
    walk::{Seen, Walk, Witness},
    writer,
};

/// What is known from elsewhere.
#[derive(Clone, Debug, Default)]
pub struct Anchors {
    /// Kept outside.
    pub checkpoints: Vec<Checkpoint>,
    /// The one that is kept outside; the one beside the trail else.
    pub key: Option<PublicKey>,
}

#[derive(Clone, Debug, Default, Serialize)]
pub struct Verification {
    pub files: usize,
    /// In the chain.
    pub entries: u64,
    /// Of versions that had none, before it begins.
    pub before_chain: u64,
    pub first: Option<u64>,
    pub last: Option<Link>,
    /// Of the trail's own, and of those kept outside.
    pub checkpoints: usize,
    pub anchors: usize,
    /// Of lines whose time was over.
    pub retired: u64,
    pub faults: Vec<Fault>,
    /// Faults beyond those.
    pub more_faults: u64,
}

impl Verification {
    /// Whether all holds together, and there is anything to hold.
    pub fn is_intact(&self) -> bool {
        self.faults.is_empty() && self.last.is_some()
    }
}

/// Walks the whole trail in a folder. Reads only, and may be used beside a
/// gateway that writes it. Blocks.
pub fn verify(folder: &Path, anchors: &Anchors) -> Result<Verification, TrailError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| TrailError { path, source }
    };
    let _still = shelf::hold_still(folder);
    let is_live = is_live(folder);
    let mut verification = Verification::default();
    // First, so that it is behind the lines at worst.
    let witnesses = witnesses(folder, anchors, &mut verification).map_err(failed(folder))?;
    let files = in_order(folder).map_err(failed(folder))?;
    verification.files = files.len();
    let mut reading = Reading { walk: Walk::past(witnesses), ..Reading::default() };
    for path in &files {
        let is_last = path.ends_with(FILE);
        let read = opened(path).and_then(|file| {
            reading.file(path, file, if is_last && is_live { Live::Yes } else { Live::No })
        });
        match read {
            Ok(()) => {}
            Err(error) if is_compressed(path) && error.kind() != io::ErrorKind::NotFound => {
                reading.fault(FaultKind::Unreadable { why: error.to_string() });
            }
            Err(source) => return Err(failed(path)(source)),
        }
    }
    reading.finish(&mut verification);
    Ok(verification)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Live {
    /// A gateway is writing the file.
    Yes,
    No,
}

/// Whether a gateway has the trail open.
fn is_live(folder: &Path) -> bool {
    let lock = File::open(folder.join(writer::LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
}

/// By the numbers of their lines, those of versions without a chain before;
/// the one that grows stands last.
fn in_order(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut numbered = Vec::new();
    for path in files(folder)? {
        let number = if path.ends_with(FILE) { u64::MAX } else { first_number(&path) };
        numbered.push((number, path));
    }
    numbered.sort_by_key(|(number, _)| *number);
    Ok(numbered.into_iter().map(|(_, path)| path).collect())
}

/// From its name, if it is of ours; the first line may have been altered.
fn first_number(path: &Path) -> u64 {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let of_name = name.strip_prefix(FILE).and_then(|rest| rest.strip_prefix('-'));
    let of_name = of_name.and_then(|rest| rest.split_once('-')?.0.parse().ok());
    of_name.unwrap_or_else(|| {
        let (mut number, mut lines) = (0, 0);
        let _ = opened(path).and_then(|file| {
            each_piece(file, |piece| {
                number = Place::of(piece.octets()).map_or(0, |place| place.seq);
                lines += 1;
                if number > 0 || lines > LOOKED_AT { More::Unwanted } else { More::Wanted }
            })
        });
        number
    })
}

type Witnesses = BTreeMap<u64, Vec<Witness>>;

/// Everybody who has seen a line, and what is wrong with them themselves.
fn witnesses(
    folder: &Path,
    anchors: &Anchors,
    verification: &mut Verification,
) -> io::Result<Witnesses> {
    let mut witnesses = Witnesses::new();
    let mut add = |link: Link, name: String| {
        witnesses.entry(link.seq).or_default().push(Witness { digest: link.digest, name });
    };
    let mut fault = |file: &str, line: Option<usize>, kind| {
        let line = line.map(|line| line as u64);
        verification.faults.push(Fault { file: file.to_owned(), line, seq: None, kind });
    };
    match head::read(folder) {
        Ok(Some(head)) => add(head, "the record of the last line".to_owned()),
        Ok(None) => fault(head::FILE, None, FaultKind::NoHead),
        Err(error) => fault(head::FILE, None, FaultKind::Unreadable { why: error.to_string() }),
    }
    let (own, damaged) = read_checkpoints(folder).map_err(unread)?;
    let key = anchors.key.clone().or_else(|| PublicKey::beside(folder).ok());
    for line in damaged {
        fault(checkpoint::FILE, Some(line), FaultKind::NoCheckpoint);
    }
    for checkpoint in &own {
        add(checkpoint.link, format!("the checkpoint of {}", checkpoint.at));
    }
    for checkpoint in &anchors.checkpoints {
        add(checkpoint.link, format!("the outside checkpoint of {}", checkpoint.at));
    }
    let files = own.iter().map(|one| (checkpoint::FILE, one));
    let given = anchors.checkpoints.iter().map(|one| ("--against", one));
    for (file, checkpoint) in files.chain(given) {
        if !key.as_ref().is_some_and(|key| checkpoint.is_signed_by(key)) {
            fault(file, None, FaultKind::Unsigned { at: checkpoint.at.clone() });
        }
    }
    (verification.checkpoints, verification.anchors) = (own.len(), anchors.checkpoints.len());
    Ok(witnesses)
}

fn unread(error: CheckpointError) -> io::Error {
    match error {
        CheckpointError::Unread { source, .. } => source,
        other => io::Error::other(other),
    }
}

/// Where the reading stands.
#[derive(Default)]
struct Reading {
    walk: Walk,
    file: String,
    line: u64,
    entries: u64,
    before_chain: u64,
    /// Of the file's octets, while none of its lines is in the chain.
    before: Option<Context>,
    /// What the chain says of lines whose time was over.
    retired: BTreeMap<u64, Digest>,
    faults: Vec<Fault>,
}

impl Reading {
    fn file(&mut self, path: &Path, file: impl io::Read, live: Live) -> io::Result<()> {
        self.file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        self.line = 0;
        self.before = (!self.walk.has_begun()).then(|| Context::new(&SHA256));
        let mut torn = None;
        each_piece(file, |piece| {
            self.line += 1;
            match piece {
                TrailLine::Whole(line) => self.step(line),
                TrailLine::Torn(octets) => torn = Some(octets.len() as u64),
            }
            More::Wanted
        })?;
        if let (Some(octets), Live::No) = (torn, live) {
            self.fault(FaultKind::Torn { octets });
        }
        Ok(())
    }

    fn step(&mut self, line: &[u8]) {
        let place = Place::of(line);
        if place.is_none() && !self.walk.has_begun() {
            self.before_chain += 1;
            if let Some(before) = &mut self.before {
                before.update(line);
                before.update(b"\n");
            }
            return;
        }
        self.entries += 1;
        if memmem::find(line, NOTE).is_some() {
            self.note(line);
        }
        self.before = None;
        let (file, digest) = (self.file.clone(), Digest::of(line));
        self.walk.step(Seen { file, line: self.line, place, digest });
    }

    /// What the chain says of itself.
    fn note(&mut self, line: &[u8]) {
        let Ok(Note { seq, event, what }) = serde_json::from_slice(line) else { return };
        match what {
            What::Retired { through: Some(through), digest: Some(digest) } if event == EVENT => {
                self.retired.insert(through, digest);
            }
            What::Begun { before } if event == EVENT => {
                let found = self.before.take().map(|octets| octets.finish());
                let found = found.map(|found| found.as_ref().iter().map(hexadecimal).collect());
                if found != Some(before.sha256) {
                    self.fault(FaultKind::BeforeChain);
                    self.faults.last_mut().into_iter().for_each(|fault| fault.seq = Some(seq));
                }
            }
            _ => {}
        }
    }

    fn fault(&mut self, kind: FaultKind) {
        let (file, line) = (self.file.clone(), Some(self.line));
        self.faults.push(Fault { file, line, seq: None, kind });
    }

    fn finish(self, verification: &mut Verification) {
        let walked = self.walk.finish();
        verification.entries = self.entries;
        verification.before_chain = self.before_chain;
        verification.last = walked.last;
        verification.faults.extend(self.faults);
        verification.faults.extend(walked.faults);
        verification.more_faults = walked.more;
        let Some((seen, place)) = walked.first else { return };
        verification.first = Some(place.seq);
        let before = place.seq - 1;
        match self.retired.get(&before) {
            _ if before == 0 && place.prev == Digest::GENESIS => {}
            Some(digest) if *digest == place.prev => verification.retired = before,
            _ => verification.faults.push(Fault {
                file: seen.file,
                line: Some(seen.line),
                seq: Some(before.min(1)),
                kind: match before {
                    0 => FaultKind::Altered,
                    to => FaultKind::Missing { from: 1, to },
                },
            }),
        }
    }
}

fn hexadecimal(octet: &u8) -> String {
    format!("{octet:02x}")
}

#[derive(Deserialize)]
struct Note {
    seq: u64,
    event: String,
    #[serde(flatten)]
    what: What,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", tag = "what")]
enum What {
    Begun {
        before: Before,
    },
    Retired {
        through: Option<u64>,
        digest: Option<Digest>,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Before {
    sha256: String,
}

const EVENT: &str = "trail";
const NOTE: &[u8] = b"\"event\":\"trail\"";
/// Lines of a file in search of one in the chain.
const LOOKED_AT: usize = 64;
