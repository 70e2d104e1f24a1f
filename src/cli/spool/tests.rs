//! What is said of sound and damaged spools, and what is saved from them.

use bytes::Bytes;

use super::*;
use crate::{
    mail::{
        AddressEncoding, Body, DelayNotice, Direction, Hold, Level, Protection, QueuedRecipient,
        Timestamp,
    },
    spool::{Batch, Ephemeral, Settings},
};

const NOON: u64 = 1_795_348_800_000;

fn message(id: QueueId, hold: Option<Hold>) -> QueuedMessage {
    let received_at = Timestamp::from_unix_milliseconds(id.unix_milliseconds());
    let to = "someone@gov.test.example".parse::<crate::mail::Address>().unwrap();
    QueuedMessage {
        id,
        received_at,
        direction: Direction::Outbound,
        reverse_path: "ward.nine@nhs.test.example".parse().unwrap(),
        body: Body::default(),
        encoding: AddressEncoding::default(),
        requests: Default::default(),
        level: Level::default(),
        policy: "1f3a5c7e".to_owned(),
        size: 17,
        redirect: None,
        hold,
        custody: Default::default(),
        recourse: Default::default(),
        delay_notice: DelayNotice::Due,
        recipients: vec![QueuedRecipient::new(to, Protection::default(), received_at)],
    }
}

fn settings() -> Settings {
    Settings { ephemeral: Ephemeral::Allow, ..Settings::default() }
}

fn id(number: u64) -> QueueId {
    QueueId::at(NOON + number, 0)
}

fn content(number: u64) -> Bytes {
    format!("Subject: {number}\r\n\r\nThe rota.\r\n").into()
}

fn stopped_spool() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("spool");
    fill(&directory, Keys::default());
    (folder, directory)
}

/// Four messages, the second of them held, and the third delivered.
pub(super) fn fill(directory: &Path, keys: Keys) {
    let settings = Settings { segment_size: 64 * 1024, keys, ..settings() };
    let spool = Spool::open(directory, settings, |_, _| {}).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    for number in 1..=4 {
        let hold = (number == 2).then(|| Hold {
            rule: "bulk".to_owned(),
            reason: "many patients".to_owned(),
            findings: Vec::new(),
            tell: Vec::new(),
            case: Default::default(),
        });
        let batch = Batch::new().accept(&message(id(number), hold), content(number));
        drop(runtime.block_on(spool.commit(batch)).unwrap());
    }
    runtime.block_on(spool.record(Batch::new().remove(id(3)))).unwrap();
}

/// Changes the first octet of `what` in the only segment.
fn damage(directory: &Path, what: &[u8]) -> usize {
    let segment = directory.join("00000001.segment");
    let mut octets = fs::read(&segment).unwrap();
    let at = memchr::memmem::find(&octets, what).unwrap();
    octets[at] ^= 0x55;
    fs::write(segment, octets).unwrap();
    at
}

/// What `check` says, the directory called DIR, and numbers that follow from
/// the size of an envelope by what they are.
fn checked(directory: &Path) -> (bool, String) {
    let report = Report::of(&Spool::inspect(directory, &Keys::default()).unwrap());
    let mut out = Vec::new();
    report.show(Path::new("DIR"), &mut out).unwrap();
    let mut text = String::from_utf8(out).unwrap();
    let sizes = [
        (format!(", {} octets", report.octets_on_disk), ", DISK octets"),
        (
            format!("{} live, {} dead", report.octets_live, report.octets_dead()),
            "LIVE live, DEAD dead",
        ),
    ];
    for (size, name) in sizes {
        text = text.replace(&size, name);
    }
    (report.is_sound(), text)
}

/// Where the only damage is.
fn place(directory: &Path) -> String {
    let report = Report::of(&Spool::inspect(directory, &Keys::default()).unwrap());
    let [Damage { offset, octets, .. }] = report.damage[..] else { panic!("not one damage") };
    format!("{octets} octets from {offset} ")
}

fn exported(directory: &Path, to: &Path, ids: &[QueueId]) -> (bool, String) {
    let mut out = Vec::new();
    let inspection = Spool::inspect(directory, &Keys::default()).unwrap();
    let ids = if ids.is_empty() { inspection.ids() } else { ids.to_vec() };
    let done = export(&inspection, to, &ids, &mut out).is_ok();
    (done, String::from_utf8(out).unwrap().replace(&to.display().to_string(), "TO"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_sound_spool_is_summarised() {
    let (_folder, directory) = stopped_spool();
    let (sound, text) = checked(&directory);
    assert!(sound);
    assert_eq!(
        text,
        "DIR\n\
         \x20 segments  1, DISK octets\n\
         \x20 octets    LIVE live, DEAD dead\n\
         \x20 messages  3, 1 of them held\n\
         \x20 oldest    1m81j18g10000, received 2026-11-22T12:00:00.001Z\n\
         no damage: every envelope and every content is as it was written\n"
    );
}

#[test]
fn a_check_changes_nothing_and_needs_no_lock_file() {
    let (_folder, directory) = stopped_spool();
    // As a copy of a spool may come: torn, and its lock left behind.
    let segment = directory.join("00000001.segment");
    let mut torn = fs::read(&segment).unwrap();
    torn.truncate(torn.len() - 40);
    torn.extend([7; 4000]);
    fs::write(&segment, &torn).unwrap();
    fs::remove_file(directory.join("lock")).unwrap();
    let (sound, text) = checked(&directory);
    assert!(sound, "{text}");
    assert!(text.contains("belong to a commit that was never finished"), "{text}");
    assert_eq!(fs::read(&segment).unwrap(), torn);
}

#[test]
fn damaged_content_is_found_with_its_place_and_what_to_do() {
    let (_folder, directory) = stopped_spool();
    let at = damage(&directory, &content(2));
    let (sound, text) = checked(&directory);
    assert!(!sound);
    let place = place(&directory);
    assert_eq!(place, format!("{} octets from {at} ", content(2).len()));
    let text = text.replace(&place, "PLACE ");
    assert_eq!(
        text,
        "DIR\n\
         \x20 segments  1, DISK octets\n\
         \x20 octets    LIVE live, DEAD dead\n\
         \x20 messages  3, 1 of them held\n\
         \x20 oldest    1m81j18g10000, received 2026-11-22T12:00:00.001Z\n\
         \n\
         00000001.segment: PLACE are not the content of message 1m81j18g20000\n\
         \x20 It cannot be delivered. Its envelope is whole: `postern spool export … 1m81j18g20000` writes it, so that its sender can be asked for it again.\n\
         \n\
         1 damaged\n"
    );
}

#[test]
fn a_damaged_record_is_found_with_its_place_and_what_to_do() {
    let (_folder, directory) = stopped_spool();
    damage(&directory, b"ward.nine@nhs");
    let (sound, text) = checked(&directory);
    assert!(!sound);
    let place = place(&directory);
    assert!(place.ends_with(" from 8192 "), "{place}");
    let text = text.replace(&place, "PLACE ");
    assert_eq!(
        text,
        "DIR\n\
         \x20 segments  1, DISK octets\n\
         \x20 octets    LIVE live, DEAD dead\n\
         \x20 messages  2, 1 of them held\n\
         \x20 oldest    1m81j18g20000, received 2026-11-22T12:00:00.002Z\n\
         \n\
         00000001.segment: PLACE are damaged\n\
         \x20 What stood there is lost to Postern: new messages, or what became of older ones. Keep a copy of 00000001.segment, which Postern never removes; the audit log names what was accepted and delivered at that time.\n\
         \n\
         1 damaged\n"
    );
}

#[test]
fn a_segment_without_headers_is_named() {
    let (_folder, directory) = stopped_spool();
    damage(&directory, b"postern\x1a");
    assert!(checked(&directory).0, "the second header will do");
    damage(&directory, b"postern\x1a");
    let (sound, text) = checked(&directory);
    assert!(!sound);
    let text = text.replace(&place(&directory), "PLACE ");
    assert_eq!(
        text,
        "DIR\n\
         \x20 segments  0, DISK octets\n\
         \x20 octets    LIVE live, DEAD dead\n\
         \x20 messages  0, 0 of them held\n\
         \n\
         00000001.segment: PLACE cannot be read: both headers are damaged\n\
         \x20 No message in it is delivered, and Postern leaves it alone. Put an undamaged copy of 00000001.segment in its place, if there is one.\n\
         \n\
         1 damaged\n"
    );
}

#[test]
fn the_same_is_said_in_json() {
    let (_folder, directory) = stopped_spool();
    damage(&directory, &content(4));
    let report = Report::of(&Spool::inspect(&directory, &Keys::default()).unwrap()).as_json();
    assert_eq!(report["sound"], false);
    assert_eq!((&report["messages"], &report["held"]), (&json!(3), &json!(1)));
    assert_eq!(report["oldest"]["id"], json!(id(1)));
    let damage = &report["damage"][0];
    assert_eq!((&damage["kind"], &damage["message"]), (&json!("content"), &json!(id(4))));
    assert_eq!(damage["file"], "00000001.segment");
}

#[test]
fn a_spool_in_use_is_refused_and_so_is_what_is_no_spool() {
    let (folder, directory) = stopped_spool();
    let spool = Spool::open(&directory, settings(), |_, _| {}).unwrap();
    assert!(matches!(Spool::inspect(&directory, &Keys::default()), Err(SpoolError::InUse(_))));
    drop(spool);
    let inspection = Spool::inspect(&directory, &Keys::default()).unwrap();
    let refused = Spool::open(&directory, settings(), |_, _| {});
    assert!(matches!(refused, Err(SpoolError::InUse(_))), "a gateway started meanwhile");
    drop(inspection);
    assert!(matches!(Spool::inspect(folder.path(), &Keys::default()), Err(SpoolError::Missing(_))));
    assert_eq!(names(folder.path()), ["spool"], "something was written there");
    let help = format!("{:?}", inspect(folder.path(), &Keys::default()).map(drop).unwrap_err());
    assert!(help.contains("/spool meant?"), "{help}");
}

#[test]
fn every_message_is_exported_with_its_envelope_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (folder, directory) = stopped_spool();
    let to = folder.path().join("out");
    let (done, text) = exported(&directory, &to, &[]);
    assert!(done);
    assert_eq!(text, "3 of 3 messages are whole in TO\n");
    let expected: Vec<String> = [1, 2, 4]
        .into_iter()
        .flat_map(|number| [format!("{}.eml", id(number)), format!("{}.json", id(number))])
        .collect();
    assert_eq!(names(&to), expected);
    assert_eq!(fs::read(to.join(format!("{}.eml", id(4)))).unwrap(), content(4));
    let envelope = fs::read(to.join(format!("{}.json", id(2)))).unwrap();
    let envelope: QueuedMessage = serde_json::from_slice(&envelope).unwrap();
    assert!(envelope.is_held());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&to), mode(&to.join(&expected[0]))), (0o700, 0o600));
}

#[test]
fn an_export_overwrites_nothing_and_can_be_gone_on_with() {
    let (folder, directory) = stopped_spool();
    let to = folder.path().join("out");
    assert!(exported(&directory, &to, &[id(1)]).0);
    let other = to.join(format!("{}.eml", id(4)));
    fs::write(&other, "mine").unwrap();
    let (done, text) = exported(&directory, &to, &[]);
    assert!(!done);
    let why = format!("no content: TO/{}.eml is something else, and stays", id(4));
    assert_eq!(text, format!("{}: {why}\n2 of 3 messages are whole in TO\n", id(4)));
    assert_eq!(fs::read(other).unwrap(), b"mine");
    assert_eq!(names(&to).len(), 6, "a piece was left behind");
}

#[test]
fn what_is_left_of_a_damaged_message_is_exported() {
    let (folder, directory) = stopped_spool();
    let to = folder.path().join("out");
    damage(&directory, &content(2));
    let (done, text) = exported(&directory, &to, &[id(2), id(3)]);
    assert!(!done);
    assert_eq!(
        text,
        format!(
            "{}: no content: message {} is damaged on disk\n{}: not in the spool\n\
             0 of 2 messages are whole in TO\n",
            id(2),
            id(2),
            id(3)
        )
    );
    assert_eq!(names(&to), [format!("{}.json", id(2))]);
}
