//! Reading the audit trail: the lines about one message, out of `audit.jsonl`
//! and what rotation has made of older ones, ours
//! (`audit.jsonl-000000000001-000000004711.gz`) and others'
//! (`audit.jsonl.1`, `audit.jsonl.2.gz`, `audit.jsonl-20261122`).
//!
//! Blocks. Lines are searched for the id as octets and given as they stand,
//! so that a digest over them can be made again with `zgrep` and `sha256sum`.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use memchr::memmem::Finder;
use serde::Deserialize;

use super::shelf;
use crate::mail::{QueueId, Timestamp};

/// The lines about a message, the oldest file first, in their own order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Excerpt {
    pub lines: Vec<String>,
    /// What is missing, and why: for whoever reads on.
    pub remarks: Vec<String>,
}

#[derive(Debug, thiserror::Error)]
#[error("the audit trail {path} cannot be read: {source}")]
pub struct TrailError {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

/// Every line that names the message, and the decision that made it.
pub fn excerpt(folder: &Path, id: QueueId) -> Result<Excerpt, TrailError> {
    let _still = shelf::hold_still(folder);
    let files = files(folder).map_err(|source| TrailError { path: folder.to_owned(), source })?;
    let first = search(&files, &[wanted(id)])?;
    // A copy is named in the acceptance, which bears the id of the decision.
    match first.lines.iter().find_map(|line| decision_of(line)).filter(|made_by| *made_by != id) {
        None => Ok(first),
        Some(made_by) => search(&files, &[wanted(id), vec![quoted(made_by), DECISION.to_owned()]]),
    }
}

/// A line of the trail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrailLine<'a> {
    /// Without its end.
    Whole(&'a [u8]),
    /// It is still being written, was cut off, or is longer than any of ours.
    Torn(&'a [u8]),
}

impl<'a> TrailLine<'a> {
    pub fn octets(self) -> &'a [u8] {
        match self {
            Self::Whole(octets) | Self::Torn(octets) => octets,
        }
    }
}

/// Every line of the trail in a folder, a file at a time, but for files that
/// were last written before `since`. What could not be read, in words.
pub fn read_trail(
    folder: &Path,
    since: Option<Timestamp>,
    line: &mut dyn FnMut(TrailLine<'_>),
) -> Result<Vec<String>, TrailError> {
    let mut every = |read: TrailLine<'_>| {
        line(read);
        More::Wanted
    };
    search_trail(folder, since, &mut every)
}

/// The same, for as long as more is wanted.
pub fn search_trail(
    folder: &Path,
    since: Option<Timestamp>,
    line: &mut dyn FnMut(TrailLine<'_>) -> More,
) -> Result<Vec<String>, TrailError> {
    let _still = shelf::hold_still(folder);
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| TrailError { path, source }
    };
    let mut remarks = Vec::new();
    for path in files(folder).map_err(failed(folder))? {
        let written = std::fs::metadata(&path).and_then(|file| file.modified());
        let written = Timestamp::from(written.map_err(failed(&path))?);
        if since.is_some_and(|since| written < since) {
            continue;
        }
        match read_while(&path, line)? {
            (More::Wanted, remark) => remarks.extend(remark),
            (More::Unwanted, _) => break,
        }
    }
    Ok(remarks)
}

/// The same of one file; `-` is standard input.
pub fn read_trail_file(
    path: &Path,
    line: &mut dyn FnMut(TrailLine<'_>),
) -> Result<Option<String>, TrailError> {
    let mut every = |read: TrailLine<'_>| {
        line(read);
        More::Wanted
    };
    read_while(path, &mut every).map(|(_, remark)| remark)
}

fn read_while(
    path: &Path,
    line: &mut dyn FnMut(TrailLine<'_>) -> More,
) -> Result<(More, Option<String>), TrailError> {
    let read = match path == Path::new("-") {
        true => each_piece(std::io::stdin().lock(), line),
        false => opened(path).and_then(|file| each_piece(file, line)),
    };
    match read {
        Ok(more) => Ok((more, None)),
        // A compressed file that broke off has told what it could.
        Err(error) if is_compressed(path) && error.kind() != io::ErrorKind::NotFound => {
            let remark = format!("{} was read in part: {error}", path.display());
            Ok((More::Wanted, Some(remark)))
        }
        Err(source) => Err(TrailError { path: path.to_owned(), source }),
    }
}

/// Every whole line of one file.
pub(super) fn whole_lines(path: &Path, line: &mut dyn FnMut(&[u8])) -> io::Result<()> {
    each_line(path, |whole| {
        line(whole);
        More::Wanted
    })
    .map(|_| ())
}

/// Nothing where that is torn.
pub(super) fn first_line(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let mut first = None;
    each_piece(opened(path)?, |read| {
        if let TrailLine::Whole(whole) = read {
            first = Some(whole.to_vec());
        }
        More::Unwanted
    })?;
    Ok(first)
}

fn wanted(id: QueueId) -> Vec<String> {
    vec![quoted(id)]
}

fn quoted(id: QueueId) -> String {
    format!("\"{id}\"")
}

/// The trail and its rotated files, the least recently written first.
pub(super) fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let is_trail = entry.file_name().to_str().is_some_and(|name| name.starts_with(FILE));
        if is_trail && entry.file_type()?.is_file() {
            files.push((entry.metadata()?.modified()?, entry.path()));
        }
    }
    files.sort();
    let files: Vec<PathBuf> = files.into_iter().map(|(_, path)| path).collect();
    // A crash while one was packed leaves it there twice, and both are whole.
    let is_packed = |path: &PathBuf| {
        let packed = PathBuf::from(format!("{}.gz", path.display()));
        files.contains(&packed)
    };
    Ok(files.iter().filter(|path| !is_packed(path)).cloned().collect())
}

/// Lines that have all of one of `alternatives` in them.
fn search(files: &[PathBuf], alternatives: &[Vec<String>]) -> Result<Excerpt, TrailError> {
    let finders: Vec<Vec<Finder<'_>>> =
        alternatives.iter().map(|needles| needles.iter().map(Finder::new).collect()).collect();
    let is_wanted = |line: &[u8]| {
        finders.iter().any(|needles| needles.iter().all(|needle| needle.find(line).is_some()))
    };
    let mut excerpt = Excerpt::default();
    let mut octets = 0;
    for path in files {
        let searched = each_line(path, |line| {
            if !is_wanted(line) {
                return More::Wanted;
            }
            octets += line.len();
            if octets > MAX_OCTETS {
                return More::Unwanted;
            }
            excerpt.lines.push(String::from_utf8_lossy(line).into_owned());
            More::Wanted
        });
        match searched {
            Ok(More::Wanted) => {}
            Ok(More::Unwanted) => {
                let megabytes = MAX_OCTETS >> 20;
                excerpt.remarks.push(format!("cut after {megabytes} MiB: there is more of it"));
                return Ok(excerpt);
            }
            // A compressed file that broke off has told what it could.
            Err(error) if is_compressed(path) => {
                excerpt.remarks.push(format!("{} was read in part: {error}", path.display()));
            }
            Err(source) => return Err(TrailError { path: path.clone(), source }),
        }
    }
    Ok(excerpt)
}

/// Whether reading goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum More {
    Wanted,
    Unwanted,
}

/// Without their ends; one longer than any of ours is passed over.
fn each_line(path: &Path, mut line: impl FnMut(&[u8]) -> More) -> io::Result<More> {
    each_piece(opened(path)?, |read| match read {
        TrailLine::Whole(whole) => line(whole),
        TrailLine::Torn(_) => More::Wanted,
    })
}

pub(super) fn opened(path: &Path) -> io::Result<Box<dyn Read>> {
    let file = File::open(path)?;
    Ok(if is_compressed(path) { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) })
}

pub(super) fn each_piece(
    from: impl Read,
    mut line: impl FnMut(TrailLine<'_>) -> More,
) -> io::Result<More> {
    let mut reader = BufReader::with_capacity(BUFFER, from);
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        if (&mut reader).take(MAX_LINE).read_until(b'\n', &mut buffer)? == 0 {
            return Ok(More::Wanted);
        }
        let read = match buffer.strip_suffix(b"\n") {
            Some(whole) => TrailLine::Whole(whole),
            None => TrailLine::Torn(&buffer),
        };
        if line(read) == More::Unwanted {
            return Ok(More::Unwanted);
        }
    }
}

pub(super) fn is_compressed(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "gz")
}

fn decision_of(line: &str) -> Option<QueueId> {
    #[derive(Deserialize)]
    struct Line {
        event: String,
        id: QueueId,
    }
    let line: Line = serde_json::from_str(line).ok()?;
    (line.event == "accepted").then_some(line.id)
}

pub(super) const FILE: &str = "audit.jsonl";
const DECISION: &str = "\"event\":\"decision\"";
const BUFFER: usize = 1 << 18;
const MAX_LINE: u64 = 4 << 20;
/// Of one answer: some thousand attempts.
const MAX_OCTETS: usize = 8 << 20;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    use super::*;

    fn id(number: u64) -> QueueId {
        QueueId::from_bits(number)
    }

    fn line(number: u64, text: &str) -> String {
        format!("{{\"event\":\"x\",\"id\":\"{}\",\"text\":\"{text}\"}}", id(number))
    }

    fn texts(excerpt: &Excerpt) -> Vec<String> {
        let text = |line: &String| {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            line["text"].as_str().unwrap_or("accepted").to_owned()
        };
        excerpt.lines.iter().map(text).collect()
    }

    #[test]
    fn a_message_is_found_in_the_trail_and_in_rotated_and_compressed_files() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, octets: &[u8]| {
            std::fs::write(folder.path().join(name), octets).unwrap();
            // The order of files is that of their times.
            std::thread::sleep(std::time::Duration::from_millis(20));
        };
        let mut oldest = GzEncoder::new(Vec::new(), Compression::default());
        writeln!(oldest, "{}\n{}", line(1, "a"), line(2, "no")).unwrap();
        write("audit.jsonl.2.gz", &oldest.finish().unwrap());
        write("audit.jsonl.1", format!("{}\n", line(1, "b")).as_bytes());
        write("other.jsonl", format!("{}\n", line(1, "no")).as_bytes());
        let torn = line(1, "torn");
        write("audit.jsonl", format!("{}\n{}\n{torn}", line(3, "no"), line(1, "c")).as_bytes());
        let found = excerpt(folder.path(), id(1)).unwrap();
        assert_eq!((texts(&found).concat().as_str(), found.remarks.len()), ("abc", 0));
    }

    #[test]
    fn a_copy_is_told_with_the_decision_that_made_it_and_without_its_siblings() {
        let folder = tempfile::tempdir().unwrap();
        let acceptance = format!(
            "{{\"event\":\"accepted\",\"id\":\"{}\",\"copies\":[{{\"id\":\"{}\"}},{{\"id\":\"{}\"}}]}}",
            id(1),
            id(1),
            id(2)
        );
        let decision = line(1, "decision").replace("\"x\"", "\"decision\"");
        let trail = [decision, acceptance, line(1, "sibling"), line(3, "no"), line(2, "attempt")];
        std::fs::write(folder.path().join(FILE), trail.join("\n") + "\n").unwrap();
        let found = excerpt(folder.path(), id(2)).unwrap();
        assert_eq!(texts(&found), ["decision", "accepted", "attempt"]);
    }

    #[test]
    fn an_answer_too_long_is_cut_and_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let long = line(1, &"x".repeat(1 << 20));
        let trail = format!("{long}\n").repeat(10);
        std::fs::write(folder.path().join(FILE), trail).unwrap();
        let found = excerpt(folder.path(), id(1)).unwrap();
        assert_eq!((found.lines.len(), found.remarks.len()), (7, 1), "{:?}", found.remarks);
    }
}
