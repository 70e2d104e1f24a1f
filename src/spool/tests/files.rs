//! Real files, and damage to what is on disk.

use bytes::Bytes;

use super::{
    super::{
        Batch, Damage, DamageKind, Settings, Spool, SpoolError,
        format::{HEADER_COPY, Kind, Mark, RecordHeader, write_entry},
    },
    SimulatedDisk, block_on, content, id, message, open, settings, without_checkpoints,
};
use crate::mail::QueueId;

pub(super) const SEGMENT: &str = "00000001.segment";

fn accept(spool: &Spool, id: QueueId, content: Bytes) {
    let batch = Batch::new().accept(&message(id, 1), content);
    assert_eq!(block_on(spool.commit(batch)).unwrap().queue_id(), id);
}

/// Five messages in one segment, then an orderly stop.
pub(super) fn five_messages() -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    let settings = Settings { segment_size: 64 * 1024, ..settings() };
    let spool = Spool::on(disk.port(), settings, |_, _| {}).unwrap();
    for number in 1..=5 {
        accept(&spool, id(number), content(id(number)));
    }
    drop(spool);
    // The name of the last checkpoint as well.
    disk.port().sync_names().unwrap();
    disk
}

#[test]
fn what_is_committed_to_real_files_is_found_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("spool");
    let mut found = Vec::new();
    let spool = Spool::open(&path, settings(), |id, _| found.push(id)).unwrap();
    for number in 0..40 {
        accept(&spool, id(number), content(id(number)));
    }
    let batch = Batch::new().update(&message(id(7), 9)).remove(id(8)).remove(id(9));
    block_on(spool.record(batch)).unwrap();
    assert!(matches!(Spool::open(&path, settings(), |_, _| {}), Err(SpoolError::InUse(_))));
    drop(spool);

    let spool = Spool::open(&path, settings(), |id, _| found.push(id)).unwrap();
    let expected: Vec<QueueId> = (0..8).chain(10..40).map(id).collect();
    found.sort_unstable();
    assert_eq!(found, expected);
    assert_eq!(spool.damage(), []);
    let spool = std::sync::Arc::new(spool);
    for &id in &expected {
        let (message, octets) = block_on(spool.load(id)).unwrap().unwrap();
        assert_eq!((message.id, octets), (id, content(id)));
    }
    assert_eq!(spool.message(id(7)).unwrap().unwrap().policy, "9");
    assert_eq!(spool.content(id(8)).unwrap(), None);
}

#[test]
fn damage_to_any_octet_costs_one_message_at_most() {
    let whole = five_messages();
    let length = whole.octets(SEGMENT).len();
    let mut damaged = 0;
    for offset in (0..length).step_by(13) {
        let disk = whole.after_power_cut(0);
        if offset % 2 == 0 {
            without_checkpoints(&disk);
        }
        disk.flip(SEGMENT, offset);
        let (spool, found) = open(&disk).unwrap();
        let mut readable = 0;
        for &id in found.keys() {
            match spool.content(id) {
                Ok(read) => {
                    assert_eq!(read, Some(content(id)), "octet {offset}");
                    readable += 1;
                }
                Err(SpoolError::Damaged(found)) => assert_eq!(found, id),
                Err(error) => panic!("octet {offset}: {error}"),
            }
        }
        assert!(readable >= 4, "octet {offset}: only {readable} messages were left");
        assert!(found.len() == 5 || !spool.damage().is_empty(), "octet {offset}: unreported");
        damaged += usize::from(readable < 5);
    }
    assert!(damaged > 100, "only {damaged} messages were damaged at all");
}

#[test]
fn a_segment_with_damage_is_kept_when_its_messages_have_gone() {
    let disk = five_messages();
    without_checkpoints(&disk);
    disk.flip(SEGMENT, 8192 + 40);
    let (spool, found) = open(&disk).unwrap();
    assert_eq!(found.len(), 4);
    assert!(matches!(
        spool.damage().as_slice(),
        [Damage { segment: 1, offset: 8192, kind: DamageKind::Damaged, .. }]
    ));
    for number in 1..=5 {
        block_on(spool.record(Batch::new().remove(id(number)))).unwrap();
    }
    accept(&spool, id(9), content(id(9)));
    drop(spool);
    assert!(disk.names().contains(&SEGMENT.to_owned()));
    // What was removed stays removed, though its records are all still there.
    assert_eq!(open(&disk).unwrap().1.into_keys().collect::<Vec<_>>(), [id(9)]);
}

#[test]
fn a_segment_without_any_header_is_left_alone() {
    let disk = five_messages();
    disk.flip(SEGMENT, 20);
    disk.flip(SEGMENT, HEADER_COPY as usize + 20);
    let before = disk.octets(SEGMENT);
    let (spool, found) = open(&disk).unwrap();
    assert!(found.is_empty());
    assert_eq!(spool.damage()[0].kind, DamageKind::Header);
    accept(&spool, id(9), content(id(9)));
    drop(spool);
    assert_eq!(disk.octets(SEGMENT), before);
    assert_eq!(open(&disk).unwrap().1.len(), 1);
}

#[test]
fn a_segment_of_a_later_version_is_refused() {
    let disk = five_messages();
    for header in [0, HEADER_COPY as usize] {
        disk.flip(SEGMENT, header + 8);
    }
    assert!(matches!(open(&disk), Err(SpoolError::Version { known: 2, .. })));
}

#[test]
fn sectors_that_cannot_be_read_destroy_nothing() {
    let whole = five_messages();
    let length = whole.octets(SEGMENT).len() as u64;
    for from in (8192..length).step_by(512) {
        let disk = whole.after_power_cut(0);
        without_checkpoints(&disk);
        disk.make_unreadable(from, from + 512);
        let (spool, found) = open(&disk).unwrap();
        assert!(found.len() >= 2, "sector {from}: only {} messages were left", found.len());
        drop(spool);
        disk.make_readable();
        let (spool, found) = open(&disk).unwrap();
        assert_eq!(found.len(), 5, "sector {from}");
        assert!(found.keys().all(|&id| spool.content(id).unwrap() == Some(content(id))));
    }
}

#[test]
fn content_that_imitates_a_record_is_not_believed() {
    let forged_id = id(666);
    let meta = serde_json::to_vec(&message(forged_id, 1)).unwrap();
    let mut entries = Vec::new();
    write_entry(&mut entries, Kind::Accept, forged_id, &meta, b"");
    let header = RecordHeader { commit: 99, entries: entries.len() as u32, contents: 0, count: 1 };
    let forge = |mark| Bytes::from([header.encode(mark), entries.clone()].concat());

    for (stranger_knows_the_mark, expected) in [(false, vec![id(2)]), (true, vec![id(2), id(666)])]
    {
        let disk = SimulatedDisk::new(1);
        let (spool, _) = open(&disk).unwrap();
        accept(&spool, id(0), Bytes::new());
        let mark = if stranger_knows_the_mark {
            disk.octets(SEGMENT)[16..24].try_into().unwrap()
        } else {
            *b"guesswrk"
        };
        let start = 8192 + record_length(&disk, 8192);
        accept(&spool, id(1), forge(Mark(mark)));
        accept(&spool, id(2), Bytes::new());
        block_on(spool.record(Batch::new().remove(id(0)))).unwrap();
        drop(spool);
        without_checkpoints(&disk);
        // The record that carries the imitation is damaged, so that recovery
        // looks for the next one.
        disk.flip(SEGMENT, start + 9);
        let (spool, found) = open(&disk).unwrap();
        assert_eq!(found.into_keys().collect::<Vec<_>>(), expected);
        assert!(!spool.damage().is_empty());
    }
}

fn record_length(disk: &SimulatedDisk, at: usize) -> usize {
    let octets = disk.octets(SEGMENT);
    let mark = Mark(octets[16..24].try_into().unwrap());
    RecordHeader::decode(mark, &octets[at..]).unwrap().length() as usize
}
