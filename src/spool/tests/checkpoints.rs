//! What is beside a segment saves time at start, and nothing depends on it.

use super::{
    super::{
        Batch, DamageKind,
        checkpoint::{Closed, Covered, checkpoint_name},
        disk::{Disk, read_up_to},
        format::{self, FIRST_RECORD, RecordHeader, SegmentHeader},
        key::Keys,
    },
    SimulatedDisk, block_on,
    files::{SEGMENT, five_messages},
    id, open, without_checkpoints,
};

/// The header of the first segment, and that of each of its records, and where
/// it begins.
fn records(disk: &SimulatedDisk) -> (SegmentHeader, Vec<(RecordHeader, u64)>) {
    let octets = disk.octets(SEGMENT);
    let segment = SegmentHeader::decode(&octets, &Keys::default()).unwrap();
    let mut at = FIRST_RECORD;
    let records = std::iter::from_fn(|| {
        let header = RecordHeader::decode(segment.mark, octets.get(at as usize..)?)?;
        at += header.length();
        Some((header, at - header.length()))
    });
    let records = records.collect();
    (segment, records)
}

/// A checkpoint of the first `count` records, without summaries.
fn checkpoint_of(disk: &SimulatedDisk, count: usize) -> Closed {
    let (segment, records) = records(disk);
    let octets = disk.octets(SEGMENT);
    let mut covered = Covered::default();
    let (mut end, mut last_commit) = (FIRST_RECORD, 0);
    for (header, at) in &records[..count] {
        let entries = &octets[*at as usize + RecordHeader::LENGTH..][..header.entries as usize];
        for change in format::read_changes(&segment, *at, header, entries).unwrap() {
            covered.note(&change, b"");
        }
        (end, last_commit) = (at + header.length(), header.commit);
    }
    Closed { header: segment, end, last_commit, covered }
}

#[test]
fn a_start_reads_no_record_that_a_checkpoint_covers() {
    let disk = five_messages();
    for (_, at) in records(&disk).1 {
        disk.flip(SEGMENT, at as usize);
    }
    let (spool, found) = open(&disk).unwrap();
    assert_eq!(found.len(), 5);
    assert_eq!(spool.damage(), []);
    drop(spool);
    without_checkpoints(&disk);
    assert!(open(&disk).unwrap().1.is_empty());
}

#[test]
fn what_stands_past_a_checkpoint_is_scanned() {
    let whole = five_messages();
    // The last is a record of nothing.
    let count = records(&whole).1.len();
    assert_eq!(count, 6);
    for covers in 1..=count {
        let disk = whole.after_power_cut(0);
        checkpoint_of(&disk, covers).write(&disk).unwrap();
        for (_, at) in records(&disk).1.into_iter().take(covers) {
            disk.flip(SEGMENT, at as usize);
        }
        let (spool, found) = open(&disk).unwrap();
        assert_eq!(found.len(), 5, "{covers} records covered");
        assert_eq!(spool.damage(), [], "{covers} records covered");
        block_on(spool.record(Batch::new().remove(id(5)))).unwrap();
        drop(spool);
        assert_eq!(open(&disk).unwrap().1.len(), 4, "{covers} records covered");
    }
}

#[test]
fn a_damaged_checkpoint_costs_nothing_but_time() {
    let whole = five_messages();
    let name = checkpoint_name(1);
    for offset in 0..whole.octets(&name).len() {
        let disk = whole.after_power_cut(0);
        disk.flip(&name, offset);
        let (spool, found) = open(&disk).unwrap();
        assert_eq!(found.len(), 5, "octet {offset}");
        assert_eq!(spool.damage(), [], "octet {offset}");
    }
}

#[test]
fn a_checkpoint_that_covers_more_than_there_is_is_not_believed() {
    let disk = five_messages();
    let (_, records) = records(&disk);
    let (_, last_message) = records[4];
    disk.port().open(SEGMENT).unwrap().truncate(last_message).unwrap();
    assert_eq!(open(&disk).unwrap().1.len(), 4);
}

#[test]
fn a_message_whose_meta_is_damaged_stays_and_says_so_when_it_is_read() {
    let disk = five_messages();
    let (_, records) = records(&disk);
    disk.flip(SEGMENT, records[1].1 as usize + RecordHeader::LENGTH + 40);
    let (spool, found) = open(&disk).unwrap();
    assert_eq!(found.len(), 5);
    assert!(spool.message(id(2)).is_err() && spool.contains(id(2)));
    drop(spool);
    // And where nothing covers it, the start says so.
    without_checkpoints(&disk);
    let (spool, found) = open(&disk).unwrap();
    assert_eq!(found.len(), 4);
    assert!(matches!(spool.damage().as_slice(), [one] if one.kind == DamageKind::Damaged));
}

#[test]
fn checkpoints_go_with_their_segments() {
    let disk = five_messages();
    let (spool, _) = open(&disk).unwrap();
    for number in 1..=5 {
        block_on(spool.record(Batch::new().remove(id(number)))).unwrap();
    }
    drop(spool);
    assert!(!disk.names().contains(&checkpoint_name(1)), "{:?}", disk.names());

    // One that a crash has left behind goes at the next start.
    disk.create("00000077.checkpoint").unwrap();
    let (_spool, _) = open(&disk).unwrap();
    assert!(!disk.names().contains(&"00000077.checkpoint".to_owned()));
}

#[test]
fn a_checkpoint_is_shorter_than_what_it_covers() {
    let disk = five_messages();
    let file = disk.open(&checkpoint_name(1)).unwrap();
    let octets = read_up_to(&*file, 0, 1 << 20).unwrap();
    assert!(octets.len() < 5 * 300, "{} octets for 5 messages", octets.len());
}
