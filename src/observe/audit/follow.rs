//! Following the trail as it grows: for programs that send it on.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::reading::FILE;

/// A place in the growing file, and in whichever follows it.
pub struct Follow {
    path: PathBuf,
    file: BufReader<File>,
    /// Half a line, until the rest of it comes.
    half: Vec<u8>,
}

impl Follow {
    /// From the start of the file that grows now.
    pub fn begin(folder: &Path) -> io::Result<Self> {
        let path = folder.join(FILE);
        let file = BufReader::new(File::open(&path)?);
        Ok(Self { path, file, half: Vec::new() })
    }

    /// The next whole line, without its end; nothing where there is none yet.
    pub fn next_line(&mut self) -> io::Result<Option<Vec<u8>>> {
        loop {
            self.file.read_until(b'\n', &mut self.half)?;
            if self.half.pop_if(|last| *last == b'\n').is_some() {
                return Ok(Some(std::mem::take(&mut self.half)));
            }
            // At the end: rotation has begun another file, or nothing is new.
            if !self.was_rotated()? {
                return Ok(None);
            }
            self.file = BufReader::new(File::open(&self.path)?);
            self.half.clear();
        }
    }

    fn was_rotated(&self) -> io::Result<bool> {
        let ours = self.file.get_ref().metadata()?;
        match std::fs::metadata(&self.path) {
            Ok(named) => Ok((named.dev(), named.ino()) != (ours.dev(), ours.ino())),
            // Between two files.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, io::Write};

    use super::*;

    #[test]
    fn every_line_is_told_once_whole_and_across_rotation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        fs::write(&path, "one\ntw").unwrap();
        let mut follow = Follow::begin(folder.path()).unwrap();
        let mut told = || follow.next_line().unwrap().map(|line| String::from_utf8(line).unwrap());
        assert_eq!((told().as_deref(), told()), (Some("one"), None));
        fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"o\nthree\n").unwrap();
        fs::rename(&path, folder.path().join("audit.jsonl.1")).unwrap();
        assert_eq!(told().as_deref(), Some("two"));
        fs::write(&path, "four\n").unwrap();
        let rest: Vec<_> = std::iter::from_fn(told).collect();
        assert_eq!(rest, ["three", "four"]);
    }
}
