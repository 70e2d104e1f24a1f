//! Delivery into a maildir: written under `tmp`, synced, then renamed into
//! `new`, and the directory synced. A file under `new` is always whole.
//!
//! Final delivery adds Return-Path (RFC 5321 section 4.4) and Delivered-To;
//! below them the content stands as it came, line ends included. There is no
//! journey here, so no requirement on one.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;

use crate::mail::{
    Address, Domain, EnhancedStatusCode, Failure, FailureReason, Handover, Outcome, Reply,
    ReversePath, Taker,
};

/// One message for the mailboxes of one directory.
pub(super) struct Letter {
    pub(super) directory: PathBuf,
    pub(super) host: Domain,
    pub(super) reverse_path: ReversePath,
    pub(super) recipients: Vec<Address>,
    pub(super) content: Bytes,
}

impl Letter {
    /// A file for each recipient. Cancelling does not stop what the disk has
    /// begun: a copy may be there although nobody heard of it.
    pub(super) async fn deliver(self) -> Vec<(Address, Outcome)> {
        let recipients = self.recipients.clone();
        let written = tokio::task::spawn_blocking(move || self.write_all()).await;
        written.unwrap_or_else(|error| {
            let outcome = not_stored(&error.to_string());
            recipients.into_iter().map(|to| (to, outcome.clone())).collect()
        })
    }

    fn write_all(&self) -> Vec<(Address, Outcome)> {
        let recipients = self.recipients.iter();
        let outcomes = recipients.map(|recipient| {
            let outcome = match self.write(recipient) {
                Ok(()) => Outcome::Delivered(self.stored()),
                Err(error) => not_stored(&format!("{}: {error}", self.directory.display())),
            };
            (recipient.clone(), outcome)
        });
        outcomes.collect()
    }

    fn stored(&self) -> Handover {
        let text = format!("stored in {}", self.directory.display());
        let reply = Reply::new(250, EnhancedStatusCode(2, 0, 0), text);
        Handover { reply, to: Taker::Mailbox }
    }

    fn write(&self, recipient: &Address) -> io::Result<()> {
        for name in ["tmp", "new", "cur"] {
            let directory = self.directory.join(name);
            fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        }
        let name = unique_name(&self.host);
        let temporary = self.directory.join("tmp").join(&name);
        let stored = self
            .write_file(&temporary, recipient)
            .and_then(|()| fs::rename(&temporary, self.directory.join("new").join(&name)));
        if stored.is_err() {
            // What is left under tmp is swept by every maildir reader anyway.
            let _ = fs::remove_file(&temporary);
        }
        stored?;
        File::open(self.directory.join("new"))?.sync_all()
    }

    fn write_file(&self, path: &Path, recipient: &Address) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
        let fields =
            format!("Return-Path: <{}>\r\nDelivered-To: {recipient}\r\n", self.reverse_path);
        file.write_all(fields.as_bytes())?;
        file.write_all(&self.content)?;
        file.sync_all()
    }
}

/// Time, process and a counter, at a host: unique as maildir(5) has it.
fn unique_name(host: &Domain) -> String {
    static DELIVERIES: AtomicU64 = AtomicU64::new(0);
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (seconds, microseconds) = (since.as_secs(), since.subsec_micros());
    let number = DELIVERIES.fetch_add(1, Ordering::Relaxed);
    format!("{seconds}.M{microseconds}P{}Q{number}.{host}", std::process::id())
}

fn not_stored(why: &str) -> Outcome {
    Outcome::Transient(Failure {
        reason: FailureReason::Store,
        reply: Reply::new(451, EnhancedStatusCode(4, 3, 0), why),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter(directory: &Path) -> Letter {
        Letter {
            directory: directory.to_owned(),
            host: "gw.test.example".parse().unwrap(),
            reverse_path: ReversePath::Null,
            recipients: vec!["a@x.example".parse().unwrap(), "b@x.example".parse().unwrap()],
            content: Bytes::from_static(b"A: b\r\n\r\nhello\r\n"),
        }
    }

    #[tokio::test]
    async fn each_recipient_has_a_whole_file_under_new_and_nothing_is_left_under_tmp() {
        let directory = tempfile::tempdir().unwrap();
        let outcomes = letter(&directory.path().join("box")).deliver().await;
        assert!(outcomes.iter().all(|(_, outcome)| matches!(outcome, Outcome::Delivered(_))));
        let new = fs::read_dir(directory.path().join("box/new")).unwrap();
        let mut texts: Vec<String> =
            new.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap()).collect();
        texts.sort();
        let expected =
            |to| format!("Return-Path: <>\r\nDelivered-To: {to}\r\nA: b\r\n\r\nhello\r\n");
        assert_eq!(texts, [expected("a@x.example"), expected("b@x.example")]);
        assert_eq!(fs::read_dir(directory.path().join("box/tmp")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_directory_that_cannot_be_written_keeps_the_message_waiting() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("box");
        fs::write(&file, "in the way").unwrap();
        for (_, outcome) in letter(&file).deliver().await {
            let Outcome::Transient(failure) = outcome else { panic!("{outcome:?}") };
            assert_eq!(failure.reason, FailureReason::Store);
        }
    }
}
