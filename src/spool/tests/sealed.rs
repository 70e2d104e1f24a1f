//! A sealed spool: what of it can be read without its key, what becomes of it
//! when somebody changes it, and how keys change.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use bytes::Bytes;

use super::{
    super::{
        Batch, DamageKind, KeyId, Keys, Settings, Spool, SpoolError, Stats,
        format::{FIRST_RECORD, RecordHeader, SegmentHeader},
    },
    SimulatedDisk, block_on, content, id, keys, message, settings,
};
use crate::mail::{QueueId, QueuedMessage, Timestamp};

const FIRST: &str = "00000001.segment";

fn open(disk: &SimulatedDisk, keys: Keys) -> Result<(Spool, Vec<QueueId>), SpoolError> {
    let mut found = Vec::new();
    let settings = Settings { keys, ..settings() };
    let spool = Spool::on(disk.port(), settings, |id, _| found.push(id))?;
    found.sort_unstable();
    Ok((spool, found))
}

fn accept(spool: &Spool, number: u64) {
    let batch = Batch::new().accept(&message(id(number), 1), content(id(number)));
    drop(block_on(spool.commit(batch)).unwrap());
}

/// Messages 1 to 5 in one segment, with contents of one length and envelopes
/// of one, then an orderly stop.
fn five_alike(keys: Keys) -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    let spool = open(&disk, keys).unwrap().0;
    for number in 1..=5 {
        let batch = Batch::new().accept(&message(id(number), 1), alike(number));
        drop(block_on(spool.commit(batch)).unwrap());
    }
    drop(spool);
    super::without_checkpoints(&disk);
    disk.port().sync_names().unwrap();
    disk
}

fn alike(number: u64) -> Bytes {
    vec![number as u8; 300].into()
}

/// Where each record of the first segment stands.
fn records(disk: &SimulatedDisk, keys: &Keys) -> Vec<(RecordHeader, usize)> {
    let octets = disk.octets(FIRST);
    let segment = SegmentHeader::decode(&octets, keys).unwrap();
    let mut at = FIRST_RECORD as usize;
    let records = std::iter::from_fn(|| {
        let header = RecordHeader::decode(segment.mark, octets.get(at..)?)?;
        at += header.length() as usize;
        Some((header, at - header.length() as usize))
    });
    records.collect()
}

/// Which of [`five_alike`] are found whole, and what is damaged.
fn what_is_left(disk: &SimulatedDisk, keys: Keys) -> (Vec<u64>, Vec<DamageKind>) {
    let (spool, found) = open(disk, keys).unwrap();
    let whole = |number: &u64| {
        let id = id(*number);
        let message = spool.message(id).ok().flatten().map(|message| message.id);
        let content = spool.content(id).ok().flatten();
        found.contains(&id) && message == Some(id) && content == Some(alike(*number))
    };
    let whole = (1..=5).filter(whole).collect();
    (whole, spool.damage().iter().map(|damage| damage.kind).collect())
}

/// When nothing more is moved.
fn settled(spool: &Spool) -> Stats {
    let mut last = spool.stats();
    let mut quiet = 0;
    while quiet < 5 {
        std::thread::sleep(Duration::from_millis(10));
        let stats = spool.stats();
        quiet = if stats == last { quiet + 1 } else { 0 };
        last = stats;
    }
    last
}

fn keys_in_use(spool: &Spool) -> BTreeMap<Option<KeyId>, usize> {
    spool.key_uses().into_iter().map(|(id, found)| (id, found.messages)).collect()
}

/// All that is on the disk, by name.
fn files(disk: &SimulatedDisk) -> BTreeMap<String, Vec<u8>> {
    disk.names().into_iter().map(|name| (name.clone(), disk.octets(&name))).collect()
}

/// Every kind of entry, checkpoints, and messages that are moved.
fn busy_spool(keys: Keys) -> SimulatedDisk {
    let disk = SimulatedDisk::new(1);
    let speaking = |number: u64, version| QueuedMessage {
        reverse_path: "ward.nine@nhs.test.example".parse().unwrap(),
        ..message(id(number), version)
    };
    let spool = open(&disk, keys).unwrap().0;
    for number in 1..=40 {
        let content = format!("Subject: {number}\r\n\r\n{}", "MARKER-OF-CONTENT\r\n".repeat(99));
        let batch = Batch::new().accept(&speaking(number, 1), content.into());
        drop(block_on(spool.commit(batch)).unwrap());
    }
    for number in (1..=40).filter(|number| number % 5 > 0) {
        let batch = Batch::new().remove(id(number)).update(&speaking(5, 2));
        block_on(spool.record(batch)).unwrap();
    }
    assert!(settled(&spool).octets_moved > 0);
    drop(spool);
    disk
}

#[test]
fn neither_contents_nor_addresses_stand_anywhere_on_the_disk() {
    let markers = ["MARKER-OF-CONTENT", "ward.nine", "nhs.test.example", "Subject", "recipients"];
    let shown = |disk: &SimulatedDisk| {
        let files = files(disk).into_values();
        let shows = |octets: Vec<u8>| {
            markers.map(|marker| memchr::memmem::find(&octets, marker.as_bytes()).is_some())
        };
        files.map(shows).fold([false; 5], |all, one| std::array::from_fn(|at| all[at] || one[at]))
    };
    let sealed = busy_spool(keys(1));
    assert!(sealed.names().iter().any(|name| name.ends_with(".checkpoint")));
    assert_eq!(shown(&sealed), [false; 5]);
    assert_eq!(shown(&busy_spool(Keys::default())), [true; 5], "nothing was looked for");

    let (spool, found) = open(&sealed, keys(1)).unwrap();
    assert_eq!(found, (1..=8).map(|number| id(5 * number)).collect::<Vec<_>>());
    assert_eq!(spool.damage(), []);
    assert_eq!(spool.message(id(5)).unwrap().unwrap().policy, "2");
    assert!(spool.content(id(40)).unwrap().unwrap().starts_with(b"Subject: 40"));
}

#[test]
fn damage_to_any_octet_costs_one_message_at_most() {
    let whole = five_alike(keys(1));
    let first = records(&whole, &keys(1))[0].1;
    let [fifth, last] = [4, 5].map(|record| records(&whole, &keys(1))[record].1);
    for at in 0..last {
        let disk = whole.after_power_cut(0);
        disk.flip(FIRST, at);
        let (left, damage) = what_is_left(&disk, keys(1));
        let expected = if at < first { 5 } else { 4 };
        assert_eq!(left.len(), expected, "octet {at}: {left:?}, {damage:?}");
        // A last record whose header is gone may as well be torn.
        let allowed = |&kind: &DamageKind| match kind {
            DamageKind::Damaged | DamageKind::Content(_) => true,
            DamageKind::Torn => at >= fifth,
            DamageKind::Header | DamageKind::Meta(_) => false,
        };
        assert!(damage.iter().all(allowed), "octet {at}: {damage:?}");
        assert!(damage.len() <= 5 - expected, "octet {at}: {damage:?}");
    }
}

#[test]
fn records_that_have_changed_places_are_not_believed() {
    let swap = |keys: Keys| {
        let disk = five_alike(keys.clone());
        let records = records(&disk, &keys);
        let [(header, one), (_, other)] = [records[1], records[3]];
        let (octets, length) = (disk.octets(FIRST), header.length() as usize);
        disk.overwrite(FIRST, other, &octets[one..one + length]);
        disk.overwrite(FIRST, one, &octets[other..other + length]);
        what_is_left(&disk, keys)
    };
    // Their CRCs are right: without a key nobody can tell.
    assert_eq!(swap(Keys::default()), (vec![1, 2, 3, 4, 5], vec![]));
    assert_eq!(swap(keys(1)), (vec![1, 3, 5], vec![DamageKind::Damaged; 2]));
}

#[test]
fn a_record_put_in_the_place_of_another_is_not_believed() {
    let replay = |keys: Keys| {
        let disk = five_alike(keys.clone());
        let records = records(&disk, &keys);
        let (header, from) = records[0];
        let octets = disk.octets(FIRST)[from..from + header.length() as usize].to_vec();
        disk.overwrite(FIRST, records[2].1, &octets);
        what_is_left(&disk, keys)
    };
    assert_eq!(replay(Keys::default()), (vec![1, 2, 4, 5], vec![]));
    assert_eq!(replay(keys(1)), (vec![1, 2, 4, 5], vec![DamageKind::Damaged]));
}

#[test]
fn contents_that_have_changed_places_are_not_delivered() {
    let swap = |keys: Keys| {
        let disk = five_alike(keys.clone());
        let (spool, _) = open(&disk, keys.clone()).unwrap();
        let place = |number| spool.located(id(number)).unwrap();
        let (one, other) = (place(2), place(4));
        drop(spool);
        // With the record's CRCs made to fit: that is all of a plain record.
        let octets = disk.octets(FIRST);
        for (from, to) in [(one, other), (other, one)] {
            let place = from.content.place;
            let content = &octets[place.offset as usize..][..place.length as usize];
            disk.overwrite(FIRST, to.content.place.offset as usize, content);
            let meta = to.meta.offset as usize;
            let crc = crc32fast::hash(content).to_le_bytes();
            disk.overwrite(FIRST, meta + 20, &crc);
            let entry = disk.octets(FIRST)[meta..meta + to.meta.length as usize].to_vec();
            let crc = crc32fast::hash(&[&entry[..24], &entry[28..]].concat());
            disk.overwrite(FIRST, meta + 24, &crc.to_le_bytes());
        }
        let (spool, _) = open(&disk, keys).unwrap();
        (spool.content(id(2)).ok().flatten(), spool.damage().len())
    };
    assert_eq!(swap(Keys::default()), (Some(alike(4)), 0), "plain, one gets what was another's");
    assert_eq!(swap(keys(1)), (None, 2));
}

#[test]
fn a_record_of_which_a_part_was_taken_is_damaged() {
    let cut = |keys: Keys| {
        let disk = SimulatedDisk::new(1);
        let spool = open(&disk, keys.clone()).unwrap().0;
        let batch = Batch::new().accept(&message(id(1), 1), alike(1));
        drop(block_on(spool.commit(batch)).unwrap());
        // What becomes of 1, and a notice in its place.
        let batch = Batch::new().remove(id(1)).accept(&message(id(2), 1), alike(2));
        drop(block_on(spool.commit(batch)).unwrap());
        drop(spool);
        super::without_checkpoints(&disk);
        let segment = SegmentHeader::decode(&disk.octets(FIRST), &keys).unwrap();
        let (header, at) = records(&disk, &keys)[1];
        let tag = if keys.current_id().is_some() { 16 } else { 0 };
        // The removal alone, and what comes after it for a tag.
        let entries = 28 + 2 * tag;
        let contents = header.entries + header.contents - entries;
        let header = RecordHeader { entries, contents, count: 1, ..header };
        disk.overwrite(FIRST, at, &header.encode(segment.mark));
        let (spool, found) = open(&disk, keys).unwrap();
        (found, spool.damage().iter().map(|damage| damage.kind).collect::<Vec<_>>())
    };
    assert_eq!(cut(Keys::default()), (vec![], vec![]), "plain, nobody notices");
    assert_eq!(cut(keys(1)), (vec![id(1)], vec![DamageKind::Damaged]));
}

#[test]
fn a_spool_whose_key_is_not_given_is_refused_and_left_as_it_was() {
    let disk = busy_spool(keys(1));
    // What a start would mend.
    let torn = disk.names().into_iter().rfind(|name| name.ends_with(".segment")).unwrap();
    let end = disk.octets(&torn).len();
    disk.overwrite(&torn, end - 10, &[7; 400]);
    let before = files(&disk);
    let key = keys(1).current_id().unwrap();
    for others in [Keys::default(), Keys::of(&[[9; 32], [8; 32]])] {
        let error = open(&disk, others).map(drop).unwrap_err();
        assert!(!error.is_transient());
        let said = error.to_string();
        assert!(said.contains(&format!("written with key {key}, which is not among")), "{said}");
        assert_eq!(files(&disk), before);
    }
    assert!(open(&disk, keys(1)).is_ok());
    assert_ne!(files(&disk), before, "there was nothing to mend");
}

#[test]
fn a_new_key_takes_over_what_stands_under_the_old_one_or_in_plain() {
    let [one, two] = [keys(1), keys(2)].map(|keys| keys.current_id());
    let old_only = |number: u8| Keys::old_of(&[[number; 32]]);
    // What is written with, and which keys are in use afterwards.
    let steps = [
        (Keys::default(), None),
        (keys(1), one),
        (keys(2), two),
        // And back again: nothing of the first is newer than the second.
        (Keys::of(&[[1; 32], [2; 32]]), one),
        (old_only(1), None),
    ];
    let disk = SimulatedDisk::new(1);
    let mut last = 0;
    for (keys, key) in steps {
        let (spool, found) = open(&disk, keys).unwrap();
        assert_eq!(found, (1..=last).map(id).collect::<Vec<_>>());
        for number in last + 1..=last + 15 {
            accept(&spool, number);
        }
        last += 15;
        let stats = settled(&spool);
        assert_eq!(stats.outdated_segments, 0);
        assert_eq!(keys_in_use(&spool), BTreeMap::from([(key, last as usize)]));
        for number in 1..=last {
            assert_eq!(spool.content(id(number)).unwrap(), Some(content(id(number))));
            assert_eq!(spool.message(id(number)).unwrap().unwrap().policy, "1");
        }
        assert_eq!(spool.damage(), []);
    }
    // No key is needed any more.
    assert_eq!(open(&disk, Keys::default()).unwrap().1.len(), last as usize);
}

#[test]
fn a_key_that_was_given_up_again_goes_though_it_guards_what_is_older() {
    let disk = SimulatedDisk::new(1);
    let spool = open(&disk, keys(1)).unwrap().0;
    (1..=30).for_each(|number| accept(&spool, number));
    drop(spool);
    // Every third message goes, and there is no space to move the others.
    let used: usize = files(&disk).values().map(Vec::len).sum();
    disk.set_capacity(used as u64);
    let spool = open(&disk, keys(2)).unwrap().0;
    let batch = (1..=10).fold(Batch::new(), |batch, number| batch.remove(id(3 * number)));
    block_on(spool.record(batch)).unwrap();
    settled(&spool);
    assert!(keys_in_use(&spool)[&keys(1).current_id()] > 10);
    drop(spool);
    disk.set_capacity(u64::MAX);
    let keys = Keys::of(&[[1; 32], [2; 32]]);
    let (spool, found) = open(&disk, keys.clone()).unwrap();
    let left = (1..=30).filter(|number| number % 3 > 0).map(id);
    assert_eq!(found, left.collect::<Vec<_>>());
    assert_eq!(settled(&spool).outdated_segments, 0);
    assert_eq!(keys_in_use(&spool), BTreeMap::from([(keys.current_id(), 20)]));
    drop(spool);
    assert_eq!(open(&disk, Keys::of(&[[1; 32]])).unwrap().1.len(), 20);
}

#[test]
fn an_empty_spool_takes_a_new_key_over_as_well() {
    let disk = SimulatedDisk::new(1);
    let spool = open(&disk, keys(1)).unwrap().0;
    accept(&spool, 1);
    block_on(spool.record(Batch::new().remove(id(1)))).unwrap();
    drop(spool);
    let spool = open(&disk, keys(2)).unwrap().0;
    settled(&spool);
    assert_eq!(keys_in_use(&spool), BTreeMap::from([(keys(2).current_id(), 0)]));
    drop(spool);
    let spool = open(&disk, Keys::of(&[[2; 32]])).unwrap().0;
    let next = spool.next_id(Timestamp::from_unix_milliseconds(1));
    assert!(next > id(1), "the last id was forgotten");
}

#[test]
fn a_key_stays_in_use_as_long_as_damage_stands_under_it() {
    let disk = five_alike(keys(1));
    let (header, at) = records(&disk, &keys(1))[2];
    disk.flip(FIRST, at + header.length() as usize - 1);
    let spool = open(&disk, keys(2)).unwrap().0;
    let stats = settled(&spool);
    assert_eq!((stats.outdated_segments, spool.damage().len()), (0, 1));
    let uses = spool.key_uses();
    assert_eq!(uses[&keys(1).current_id()].segments, 1);
    assert!(uses[&keys(1).current_id()].messages >= 1);
}

#[test]
fn nothing_is_sealed_twice_with_one_nonce() {
    // Under one key and one nonce, octets that are alike are alike when they
    // are sealed.
    let disk = SimulatedDisk::new(1);
    let mut boxes = BTreeSet::new();
    let (mut count, mut number) = (0, 0);
    for round in 0..6 {
        let spool = open(&disk, keys(1)).unwrap().0;
        for failing in [false, true, false] {
            if failing {
                disk.fail_after(round, super::simulated_disk::Fault::Error(nix::errno::Errno::EIO));
            }
            for _ in 0..6 {
                number += 1;
                let batch = Batch::new().accept(&message(id(number), 1), alike(0));
                let batch = batch.accept(&message(id(number + 1000), 1), alike(0));
                let _ = block_on(spool.commit(batch));
            }
        }
        for id in spool.ids() {
            let located = spool.located(id).unwrap();
            let name = format!("{:08x}.segment", located.content.place.segment);
            let octets = disk.octets(&name);
            let meta = located.meta.offset as usize + 28;
            // All begin alike; what each is bound to is not looked at.
            boxes.insert(octets[meta..meta + 6].to_vec());
            boxes.insert(octets[located.content.place.offset as usize..][..300].to_vec());
        }
        count = count.max(2 * spool.len());
        drop(spool);
    }
    assert!(count > 300, "only {count} boxes");
    assert_eq!(boxes.len(), count);
}
