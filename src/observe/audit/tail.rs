//! The end of a file of the trail: its last whole line, and what a crash has
//! left behind it.

use std::{fs::File, io, os::unix::fs::FileExt};

#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tail {
    /// Without its line end; nothing in a file without one.
    pub(super) last: Option<Vec<u8>>,
    /// Octets up to the end of that line.
    pub(super) whole: u64,
    /// What stands behind it: a line that was being written.
    pub(super) torn: Vec<u8>,
}

impl Tail {
    /// Reads back from the end, no further than to the last line's start.
    pub(super) fn of(file: &File) -> io::Result<Self> {
        let length = file.metadata()?.len();
        let mut read = Vec::new();
        let mut from = length;
        // Two line ends enclose the last line; the file's start is as good.
        while from > 0 && memchr::memchr_iter(b'\n', &read).count() < 2 {
            let step = STEP.min(from);
            from -= step;
            let mut octets = vec![0; usize::try_from(step).map_err(io::Error::other)?];
            file.read_exact_at(&mut octets, from)?;
            octets.append(&mut read);
            read = octets;
        }
        let Some(end) = memchr::memrchr(b'\n', &read) else {
            return Ok(Self { last: None, whole: 0, torn: read });
        };
        let torn = read.split_off(end + 1);
        read.truncate(end);
        let start = memchr::memrchr(b'\n', &read).map_or(0, |before| before + 1);
        Ok(Self { last: Some(read.split_off(start)), whole: length - torn.len() as u64, torn })
    }
}

/// More than most lines have.
const STEP: u64 = 64 << 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_whole_line_is_found_however_long_and_whatever_stands_behind_it() {
        let long = "x".repeat(200_000);
        for (written, last, torn) in [
            (String::new(), None, ""),
            ("torn".to_owned(), None, "torn"),
            ("a\n".to_owned(), Some("a"), ""),
            ("a\nbc\n".to_owned(), Some("bc"), ""),
            ("a\nbc\ntorn".to_owned(), Some("bc"), "torn"),
            (format!("a\n{long}\ntorn"), Some(long.as_str()), "torn"),
            (format!("{long}\n\n"), Some(""), ""),
        ] {
            let mut file = tempfile::NamedTempFile::new().unwrap();
            io::Write::write_all(&mut file, written.as_bytes()).unwrap();
            let tail = Tail::of(file.as_file()).unwrap();
            assert_eq!(tail.last.as_deref(), last.map(str::as_bytes));
            assert_eq!(tail.torn, torn.as_bytes());
            assert_eq!(tail.whole as usize, written.len() - torn.len());
        }
    }
}
