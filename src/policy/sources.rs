//! The officers' files as they were read, before anybody asks what they mean.
//!
//! Owns looking them up by path or folder and the version they add up to.
//! Reading the disk is done by whoever fills this; nothing here does IO.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    sync::Arc,
};

use bytes::Bytes;

use super::{diagnostics::SourceFile, written::Fault};

/// Every file of the policy folder, by its path within that folder.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// How the folder was named, for showing paths as the reader knows them.
    folder: String,
    files: BTreeMap<String, Arc<SourceFile>>,
    /// The files in the folder of certificates beside it, by name.
    certificates: BTreeSet<String>,
    /// Where each file that is not UTF-8 first stops being so.
    not_utf8: BTreeMap<String, usize>,
    /// Messages of cases that are not: mail may be of any octets.
    mail: BTreeMap<String, Bytes>,
    /// What git calls the state it has checked out there.
    commit: Option<String>,
}

impl Sources {
    /// An empty policy folder, named as the reader would name it (`policies`).
    pub fn new(folder: &str) -> Self {
        Self { folder: folder.trim_end_matches('/').to_owned(), ..Self::default() }
    }

    /// Takes a file: its path within the folder, parted by `/` (`rules.toml`,
    /// `disclaimers/nhs.txt`), and its octets. Text that is not UTF-8 is taken
    /// too and reported when the policy is compiled, with all other faults.
    pub fn add(&mut self, path: &str, octets: &[u8]) {
        let text = match std::str::from_utf8(octets) {
            Ok(text) => text.to_owned(),
            Err(_) if is_mail(path) => {
                self.mail.insert(path.to_owned(), Bytes::copy_from_slice(octets));
                String::from_utf8_lossy(octets).into_owned()
            }
            Err(error) => {
                self.not_utf8.insert(path.to_owned(), error.valid_up_to());
                String::from_utf8_lossy(octets).into_owned()
            }
        };
        let shown = match self.folder.as_str() {
            "" => path.to_owned(),
            folder => format!("{folder}/{path}"),
        };
        self.files.insert(path.to_owned(), Arc::new(SourceFile { path: shown, text }));
    }

    /// A file of trust anchors that policies may name; what is in it is read
    /// where it is used.
    pub fn add_certificate(&mut self, name: &str) {
        self.certificates.insert(name.to_owned());
    }

    pub fn certificates(&self) -> impl Iterator<Item = &str> {
        self.certificates.iter().map(String::as_str)
    }

    pub fn file(&self, path: &str) -> Option<&Arc<SourceFile>> {
        self.files.get(path)
    }

    /// The octets of a file, as they were read.
    pub fn octets(&self, path: &str) -> Option<Bytes> {
        let text = || Some(Bytes::copy_from_slice(self.file(path)?.text.as_bytes()));
        self.mail.get(path).cloned().or_else(text)
    }

    /// The messages of cases that are not UTF-8.
    pub fn mail(&self) -> impl Iterator<Item = (&str, &Bytes)> {
        self.mail.iter().map(|(path, octets)| (path.as_str(), octets))
    }

    /// The files straight in a folder (`disclaimers`), by name, with the name.
    pub fn folder(&self, folder: &str) -> impl Iterator<Item = (&str, &Arc<SourceFile>)> {
        self.files.iter().filter_map(move |(path, file)| {
            let name = path.strip_prefix(folder)?.strip_prefix('/')?;
            (!name.contains('/')).then_some((name, file))
        })
    }

    /// All paths with their files, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<SourceFile>)> {
        self.files.iter().map(|(path, file)| (path.as_str(), file))
    }

    /// How the policy folder was named.
    pub fn name(&self) -> &str {
        &self.folder
    }

    /// The folder is in a checkout of this commit: where the files come from,
    /// and not what they are, which the version says.
    #[must_use]
    pub fn from_commit(mut self, commit: Option<String>) -> Self {
        self.commit = commit;
        self
    }

    pub fn commit(&self) -> Option<&str> {
        self.commit.as_deref()
    }

    /// The first twelve digits of the digest: what people and logs say.
    pub fn version(&self) -> String {
        self.digest().chars().take(VERSION_DIGITS).collect()
    }

    /// Which policy these files are: SHA-256, in hexadecimal, over every file
    /// that can change a decision, with its path, so that two nodes with the
    /// same files say the same. Cases decide nothing and do not count.
    pub fn digest(&self) -> String {
        let mut digest = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
        for (path, file) in self.iter().filter(|(path, _)| !path.starts_with("tests/")) {
            // Lengths part path from text, so that no two sets of files run
            // together into the same octets.
            for field in [path, &file.text] {
                digest.update(&(field.len() as u64).to_be_bytes());
                digest.update(field.as_bytes());
            }
        }
        let mut digits = String::new();
        for octet in digest.finish().as_ref() {
            // Writing to a String cannot fail.
            let _ = write!(digits, "{octet:02x}");
        }
        digits
    }

    /// The faults of files that are not UTF-8.
    pub(super) fn encoding_faults(&self) -> impl Iterator<Item = (&Arc<SourceFile>, Fault)> {
        self.not_utf8.iter().filter_map(|(path, &offset)| {
            let fault = Fault::new("file-not-utf8", "the file is not UTF-8")
                .at(offset..offset + char::REPLACEMENT_CHARACTER.len_utf8())
                .label("here stands an octet that UTF-8 does not have")
                .help("save the file as UTF-8; editors call it the encoding of the file");
            Some((self.files.get(path)?, fault))
        })
    }
}

fn is_mail(path: &str) -> bool {
    path.starts_with("tests/") && !path.ends_with(".toml")
}

const VERSION_DIGITS: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_follows_paths_and_texts_and_nothing_else() {
        let of = |folder: &str, files: &[(&str, &str)]| {
            let mut sources = Sources::new(folder);
            for (path, text) in files {
                sources.add(path, text.as_bytes());
            }
            sources.version()
        };
        let version = of("policies", &[("a", "b"), ("c", "d")]);
        assert_eq!(version.len(), VERSION_DIGITS);
        assert_eq!(version, of("/etc/postern/policies/", &[("c", "d"), ("a", "b")]));
        assert_eq!(version, of("policies", &[("a", "b"), ("c", "d"), ("tests/x.toml", "y")]));
        assert_ne!(version, of("policies", &[("a", "b"), ("c", "e")]));
        assert_ne!(version, of("policies", &[("ab", ""), ("c", "d")]));
    }

    #[test]
    fn mail_beside_the_cases_may_be_of_any_octets_and_nothing_else_may() {
        let mut sources = Sources::new("policies");
        for path in ["tests/a.eml", "tests/a.toml", "rules.toml"] {
            sources.add(path, b"\xe9");
        }
        let faulty: Vec<_> = sources.encoding_faults().map(|(file, _)| file.path.clone()).collect();
        assert_eq!(faulty, ["policies/rules.toml", "policies/tests/a.toml"]);
        assert_eq!(sources.octets("tests/a.eml").as_deref(), Some(&b"\xe9"[..]));
    }

    #[test]
    fn a_folder_gives_its_own_files_and_no_deeper_ones() {
        let mut sources = Sources::new("policies");
        sources.add("terms/a.txt", b"");
        sources.add("terms/deep/b.txt", b"");
        sources.add("termsx/c.txt", b"");
        assert_eq!(sources.folder("terms").map(|(name, _)| name).collect::<Vec<_>>(), ["a.txt"]);
        assert_eq!(sources.file("terms/a.txt").unwrap().path, "policies/terms/a.txt");
    }
}
