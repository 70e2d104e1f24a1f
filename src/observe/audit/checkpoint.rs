//! Checkpoints: signed statements that a line of the trail had this digest at
//! this time. Kept outside (printed, mailed, in another system), one holds
//! everything before it against whoever has this machine.

use std::{
    fmt::Write as _,
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write as _},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    str::FromStr,
};

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use super::{
    chain::Link,
    secret::{random, read_or_make},
};
use crate::mail::Timestamp;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Which trail.
    pub node: String,
    #[serde(flatten)]
    pub link: Link,
    /// RFC 3339.
    pub at: String,
    /// Ed25519 over all this; Base64.
    pub signature: String,
}

/// Verifies checkpoints: 32 octets, written in Base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey(Vec<u8>);

#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    #[error("{path}: {source}")]
    Unread { path: PathBuf, source: io::Error },
    #[error("no checkpoint stands there: write it as `postern audit checkpoint` shows it")]
    NoneFound,
    #[error("a public key is 32 octets in Base64, found `{0}`")]
    Key(String),
}

/// Signs for one trail.
pub(super) struct Signatory {
    node: String,
    pair: Ed25519KeyPair,
    path: PathBuf,
}

impl Signatory {
    /// With the key in `data_dir`, made at the first start.
    pub(super) fn open(node: &str, data_dir: &Path, folder: &Path) -> io::Result<Self> {
        let seed = read_or_make(&data_dir.join(SECRET), || random(SEED_OCTETS))?;
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(io::Error::other)?;
        let public = format!("{}\n", BASE64.encode(pair.public_key().as_ref()));
        let path = folder.join(PUBLIC);
        if fs::read_to_string(&path).ok().as_deref() != Some(&public) {
            fs::write(&path, public)?;
        }
        Ok(Self { node: node.to_owned(), pair, path: folder.join(FILE) })
    }

    /// Signs, and adds it to those in the folder.
    pub(super) fn sign(&self, link: Link, at: Timestamp) -> io::Result<Checkpoint> {
        let mut checkpoint = Checkpoint {
            node: self.node.clone(),
            link,
            at: at.rfc3339(),
            signature: String::new(),
        };
        checkpoint.signature = BASE64.encode(self.pair.sign(&checkpoint.signed()).as_ref());
        let mut line = serde_json::to_vec(&checkpoint)?;
        line.push(b'\n');
        let mut options = OpenOptions::new();
        let mut file = options.create(true).append(true).mode(0o600).open(&self.path)?;
        file.write_all(&line)?;
        file.sync_data()?;
        Ok(checkpoint)
    }
}

impl Checkpoint {
    /// What is signed; a version in front, so that no signature can be taken
    /// for one over something else.
    fn signed(&self) -> Vec<u8> {
        let Self { node, link, at, .. } = self;
        format!("postern audit checkpoint 1\n{node}\n{}\n{}\n{at}\n", link.seq, link.digest).into()
    }

    pub fn is_signed_by(&self, key: &PublicKey) -> bool {
        let Ok(signature) = BASE64.decode(&self.signature) else { return false };
        UnparsedPublicKey::new(&ED25519, &key.0).verify(&self.signed(), &signature).is_ok()
    }

    /// To be printed, mailed or written down; short lines, which no mail
    /// program wraps.
    pub fn page(&self) -> String {
        let Self { node, link: Link { seq, digest }, at, signature } = self;
        let mut page = "Postern audit checkpoint\n\n".to_owned();
        let rows = [
            ("Node", node.clone()),
            ("Line", seq.to_string()),
            ("Digest", digest.to_string()),
            ("Time", at.clone()),
            ("Signature", signature.clone()),
        ];
        for (label, value) in rows {
            // Writing to a string does not fail.
            let _ = writeln!(page, "{label:10} {value}");
        }
        page
    }

    /// Every checkpoint in a text: pages as `page` writes them, with whatever
    /// stands around them, or lines of JSON.
    pub fn read_all(text: &str) -> Vec<Self> {
        let mut found = Vec::new();
        let mut rows: [Option<&str>; 4] = [None; 4];
        for line in text.lines() {
            let line = line.trim_start_matches(['>', ' ', '|']).trim_end();
            if let Ok(checkpoint) = serde_json::from_str(line) {
                found.push(checkpoint);
                continue;
            }
            let Some((label, value)) = line.split_once(' ') else { continue };
            let value = value.trim();
            let label = label.trim_end_matches(':');
            match LABELS.iter().position(|known| *known == label) {
                Some(row) => rows.get_mut(row).into_iter().for_each(|row| *row = Some(value)),
                None if label == "Signature" => found.extend(Self::from_rows(rows, value)),
                None => {}
            }
        }
        found
    }

    fn from_rows(rows: [Option<&str>; 4], signature: &str) -> Option<Self> {
        let [node, seq, digest, at] = rows;
        Some(Self {
            node: node?.to_owned(),
            link: Link { seq: seq?.parse().ok()?, digest: digest?.parse().ok()? },
            at: at?.to_owned(),
            signature: signature.to_owned(),
        })
    }
}

impl PublicKey {
    /// The one beside a trail.
    pub fn beside(folder: &Path) -> Result<Self, CheckpointError> {
        let path = folder.join(PUBLIC);
        let read = fs::read_to_string(&path);
        read.map_err(|source| CheckpointError::Unread { path, source })?.parse()
    }
}

impl FromStr for PublicKey {
    type Err = CheckpointError;

    fn from_str(written: &str) -> Result<Self, CheckpointError> {
        let wrong = || CheckpointError::Key(written.trim().to_owned());
        let octets = BASE64.decode(written.trim()).map_err(|_| wrong())?;
        if octets.len() == SEED_OCTETS { Ok(Self(octets)) } else { Err(wrong()) }
    }
}

impl std::fmt::Display for PublicKey {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&BASE64.encode(&self.0))
    }
}

/// Those beside a trail, the oldest first, and the numbers of lines that are
/// none. Nothing where there is no such file.
pub fn read_checkpoints(folder: &Path) -> Result<(Vec<Checkpoint>, Vec<usize>), CheckpointError> {
    let path = folder.join(FILE);
    let file = match File::open(&path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
        Err(source) => return Err(CheckpointError::Unread { path, source }),
    };
    let (mut checkpoints, mut damaged) = (Vec::new(), Vec::new());
    for (index, line) in file.split(b'\n').enumerate() {
        let line = line.map_err(|source| CheckpointError::Unread { path: path.clone(), source })?;
        match serde_json::from_slice(&line) {
            Ok(checkpoint) => checkpoints.push(checkpoint),
            Err(_) => damaged.push(index + 1),
        }
    }
    Ok((checkpoints, damaged))
}

pub(super) const FILE: &str = "checkpoints.jsonl";
const PUBLIC: &str = "checkpoint.pub";
const SECRET: &str = "audit-checkpoint.key";
/// Of the seed, and of the public key.
const SEED_OCTETS: usize = 32;
/// In the order in which a page has them.
const LABELS: [&str; 4] = ["Node", "Line", "Digest", "Time"];

#[cfg(test)]
mod tests {
    use super::{super::chain::Digest, *};

    fn signed(folder: &Path) -> Checkpoint {
        let signatory = Signatory::open("mx1.example", folder, folder).unwrap();
        let link = Link { seq: 4711, digest: Digest::of(b"x") };
        signatory.sign(link, Timestamp::from_unix_milliseconds(1_795_367_525_123)).unwrap()
    }

    #[test]
    fn a_checkpoint_is_read_from_a_printed_page_a_quoted_mail_and_json() {
        let folder = tempfile::tempdir().unwrap();
        let made = signed(folder.path());
        let quoted: String = made.page().lines().map(|line| format!("> {line}\r\n")).collect();
        let text = format!("Dear all,\n\n{}\n{quoted}{}", made.page(), serde_json::json!(made));
        assert_eq!(Checkpoint::read_all(&text), [made.clone(), made.clone(), made.clone()]);
        assert_eq!(read_checkpoints(folder.path()).unwrap(), (vec![made], vec![]));
        assert!(text.lines().all(|line| line.starts_with('{') || line.len() < 102), "{text}");
    }

    #[test]
    fn a_signature_holds_for_all_that_it_signs_and_for_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let made = signed(folder.path());
        let key = PublicKey::beside(folder.path()).unwrap();
        assert!(made.is_signed_by(&key));
        assert!(made.is_signed_by(&key.to_string().parse().unwrap()));
        let other = Link { seq: 4712, ..made.link };
        let digest = Link { digest: Digest::of(b"y"), ..made.link };
        for forged in [
            Checkpoint { node: "mx2.example".to_owned(), ..made.clone() },
            Checkpoint { link: other, ..made.clone() },
            Checkpoint { link: digest, ..made.clone() },
            Checkpoint { at: "2026-11-22T17:12:06.123Z".to_owned(), ..made.clone() },
            Checkpoint { signature: String::new(), ..made.clone() },
        ] {
            assert!(!forged.is_signed_by(&key), "{forged:?}");
        }
        let elsewhere = tempfile::tempdir().unwrap();
        assert!(!signed(elsewhere.path()).is_signed_by(&key));
        assert_eq!(signed(folder.path()).signature, made.signature, "the key was not kept");
    }
}
