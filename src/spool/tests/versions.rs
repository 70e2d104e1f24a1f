//! Spools that released versions have written open in this one, and nothing
//! of them is lost.
//!
//! `tests/spool/VERSION/` holds the segments as they lay on the disk, and
//! `expected.json`: what must be found in them. They were made by
//! [`write_a_spool`] as it was in the version whose format they show, with
//! POSTERN_FIXTURE naming the folder; a new format gets a folder of its own,
//! and those that are there are never made again. Where a `spool.key` lies in
//! the folder (`postern spool key`), the spool is sealed under it: version 2
//! of the format is sealed, version 1 is plain and written still.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    super::{Batch, KeyFile, Keys, Settings, Spool, SpoolError},
    block_on, keys, settings,
};
use crate::mail::{
    EnhancedStatusCode, Hold, NextHop, Protection, QueuedMessage, QueuedRecipient, RecipientState,
    Reply, Timestamp,
};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Expected {
    message: QueuedMessage,
    content: String,
}

/// What is found by a start.
fn found(folder: &Path, keys: Keys) -> Vec<Expected> {
    let mut handed_over = BTreeMap::new();
    let spool = Spool::open(folder, Settings { keys, ..settings() }, |id, summary| {
        handed_over.insert(id, summary);
    })
    .unwrap();
    assert_eq!(spool.damage(), []);
    assert_eq!(spool.ids(), handed_over.keys().copied().collect::<Vec<_>>());
    let with_content = |(id, summary)| {
        let message = spool.message(id).unwrap().unwrap();
        assert_eq!(message.summary(), summary);
        let content = spool.content(message.id).unwrap().unwrap();
        Expected { message, content: String::from_utf8(content.to_vec()).unwrap() }
    };
    handed_over.into_iter().map(with_content).collect()
}

/// The fixture's own key, where it has one. What git checks out others may
/// read, which no key file is let pass with.
fn key_of(fixture: &Path) -> Keys {
    let key = KeyFile::Credential(fixture.join("spool.key"));
    Keys::read(Some(&key).filter(|key| key.path().exists()), &[]).unwrap()
}

fn copied(fixture: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(fixture).unwrap() {
        let entry = entry.unwrap();
        if entry.path().extension().is_some_and(|extension| extension == "segment") {
            fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    folder
}

#[test]
fn a_spool_of_each_released_version_opens_and_holds_what_it_held() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spool");
    let mut versions: Vec<PathBuf> =
        fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    versions.sort();
    assert!(!versions.is_empty());
    for version in versions {
        let expected = fs::read(version.join("expected.json")).unwrap();
        let expected: Vec<Expected> = serde_json::from_slice(&expected).unwrap();
        assert!(expected.len() >= 5, "{}", version.display());
        let folder = copied(&version);
        let key = || key_of(&version);
        assert_eq!(found(folder.path(), key()), expected, "{}", version.display());
        assert_eq!(found(folder.path(), key()), expected, "{}, once more", version.display());

        let folder = copied(&version);
        let inspection = Spool::inspect(folder.path(), &key()).unwrap();
        let ids: Vec<_> = expected.iter().map(|expected| expected.message.id).collect();
        assert_eq!(inspection.ids(), ids, "{}", version.display());
        assert_eq!(inspection.damage().len() + inspection.damaged_contents().len(), 0);
    }
}

#[test]
fn a_plain_spool_of_a_released_version_holds_what_it_held_when_it_gets_a_key() {
    let version = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/spool/v1");
    let expected = fs::read(version.join("expected.json")).unwrap();
    let expected: Vec<Expected> = serde_json::from_slice(&expected).unwrap();
    let folder = copied(&version);
    assert_eq!(found(folder.path(), keys(1)), expected);
    let settings = Settings { keys: keys(1), ..settings() };
    let spool = Spool::open(folder.path(), settings, |_, _| {}).unwrap();
    while spool.stats().outdated_segments > 0 {
        std::thread::yield_now();
    }
    drop(spool);
    assert_eq!(found(folder.path(), keys(1)), expected);
    let refused = Spool::inspect(folder.path(), &Keys::default()).unwrap();
    let sealed = refused
        .ids()
        .into_iter()
        .filter(|&id| matches!(refused.content(id), Err(SpoolError::UnknownKey { .. })));
    assert_eq!(sealed.count(), expected.len(), "it is plain still");
}

/// Eight messages over several segments: 1 as it came, 2 held, 3 tried once, 4
/// delivered to one of its two recipients, 5 gone, 6 returned with the notice
/// 7 in its place, 8 redirected, after its first segment was full.
fn write_a_spool(folder: &Path, keys: Keys) {
    let settings = Settings { segment_size: 12 * 1024, keys, ..settings() };
    let spool = Spool::open(folder, settings, |_, _| {}).unwrap();
    let accept = |message: &QueuedMessage| {
        let batch = Batch::new().accept(message, content(message));
        drop(block_on(spool.commit(batch)).unwrap());
    };
    (1..=6).for_each(|number| accept(&message(number)));
    let hold = Hold {
        rule: "bulk patients".to_owned(),
        reason: "more than ten people are named".to_owned(),
        findings: Vec::new(),
        tell: Vec::new(),
        case: Default::default(),
    };
    let held = QueuedMessage { hold: Some(hold), ..message(2) };
    let mut tried = message(3);
    tried.recipients[0].state = RecipientState::Pending {
        attempts: 1,
        next_attempt_at: tried.received_at + std::time::Duration::from_secs(300),
        last: Some("451 4.3.0 try again".to_owned()),
    };
    let batch = Batch::new().update(&held).update(&tried).remove(message(5).id);
    block_on(spool.record(batch)).unwrap();
    let mut in_part = message(4);
    in_part.recipients.push(recipient("second@gov.test.example", in_part.received_at));
    in_part.recipients[0].state = RecipientState::Delivered {
        at: in_part.received_at,
        reply: Reply::new(250, EnhancedStatusCode(2, 0, 0), "taken"),
    };
    block_on(spool.record(Batch::new().update(&in_part))).unwrap();
    let notice = message(7);
    let batch = Batch::new().remove(message(6).id).accept(&notice, content(&notice));
    drop(block_on(spool.commit(batch)).unwrap());
    let redirect: NextHop = "smtp://portal.test.example:25".parse().unwrap();
    accept(&QueuedMessage { redirect: Some(redirect), ..message(8) });
}

fn message(number: u64) -> QueuedMessage {
    let received_at = Timestamp::from_unix_milliseconds(1_795_348_800_000 + number);
    QueuedMessage {
        received_at,
        reverse_path: "ward.nine@nhs.test.example".parse().unwrap(),
        policy: "1f3a5c7e".to_owned(),
        size: 1000 * number,
        recipients: vec![recipient("someone@gov.test.example", received_at)],
        ..super::message(crate::mail::QueueId::at(received_at.unix_milliseconds(), 7), 0)
    }
}

fn recipient(address: &str, received_at: Timestamp) -> QueuedRecipient {
    let address: crate::mail::Address = address.parse().unwrap();
    QueuedRecipient::new(address, Protection::default(), received_at)
}

fn content(message: &QueuedMessage) -> Bytes {
    let line = "The rota is on the shared drive.\r\n";
    format!("Subject: {}\r\n\r\n{}", message.id, line.repeat(message.size as usize / 100)).into()
}

#[test]
fn todays_spool_holds_what_the_fixtures_hold() {
    let kept = std::env::var_os("POSTERN_FIXTURE").map(PathBuf::from);
    if let Some(kept) = kept {
        let key = || key_of(&kept);
        write_a_spool(&kept, key());
        let copy = copied(&kept);
        let found = serde_json::to_string_pretty(&found(copy.path(), key())).unwrap();
        fs::write(kept.join("expected.json"), found + "\n").unwrap();
    }
    todays_spool(keys(0));
    todays_spool(keys(1));
}

fn todays_spool(keys: Keys) {
    let folder = tempfile::tempdir().unwrap();
    write_a_spool(folder.path(), keys.clone());
    let found = found(folder.path(), keys);
    let held: Vec<bool> = found.iter().map(|found| found.message.is_held()).collect();
    assert_eq!(held, [false, true, false, false, false, false]);
    let sizes: Vec<u64> = found.iter().map(|found| found.message.size / 1000).collect();
    assert_eq!(sizes, [1, 2, 3, 4, 7, 8]);
    assert_eq!(found[2].message.pending().count() + found[3].message.pending().count(), 2);
    assert!(found[5].message.redirect.is_some());
}
