//! What the client sent is kept behind the copy of a held message, and nothing
//! but the copy is ever given to whoever delivers.

use bytes::Bytes;

use super::{
    super::{Batch, Keys, Settings, Spool, SpoolError},
    SimulatedDisk, block_on, content, id, keys, message, open_with, settings,
};
use crate::mail::QueuedMessage;

const COPY: &[u8] = b"Received: by us\r\nSubject: x\r\n\r\nhello\r\n-- \r\ntag line\r\n";
const ORIGINAL: &[u8] = b"Subject: x\r\n\r\nhello\r\n";

fn held(number: u64) -> QueuedMessage {
    let mut message = message(id(number), 1);
    message.custody.copy_ends = Some(COPY.len() as u64);
    message
}

fn accept(spool: &Spool, number: u64) {
    let octets: Bytes = [COPY, ORIGINAL].concat().into();
    drop(block_on(spool.commit(Batch::new().accept(&held(number), octets))).unwrap());
}

fn check(spool: Spool, numbers: &[u64]) {
    let spool = std::sync::Arc::new(spool);
    for &number in numbers {
        let (_, copy) = block_on(spool.load(id(number))).unwrap().unwrap();
        assert_eq!(copy, COPY, "{number}");
        assert_eq!(spool.content(id(number)).unwrap().unwrap(), COPY, "{number}");
        assert_eq!(spool.original(id(number)).unwrap().unwrap(), ORIGINAL, "{number}");
    }
}

#[test]
fn copy_and_original_outlive_a_power_cut_also_where_they_are_sealed() {
    for sealed in [keys(0), keys(1)] {
        let disk = SimulatedDisk::new(1);
        let (spool, _) = open_with(&disk, sealed.clone()).unwrap();
        accept(&spool, 1);
        let released = QueuedMessage { hold: None, policy: "2".to_owned(), ..held(1) };
        block_on(spool.record(Batch::new().update(&released))).unwrap();
        let after = disk.after_power_cut(7);
        drop(spool);
        let (spool, found) = open_with(&after, sealed).unwrap();
        assert_eq!(found.len(), 1);
        check(spool, &[1]);
    }
}

#[test]
fn copy_and_original_are_moved_together() {
    let disk = SimulatedDisk::new(1);
    let large = Settings { segment_size: 256 * 1024, ..settings() };
    let spool = Spool::on(disk.port(), large, |_, _| {}).unwrap();
    for number in 0..100 {
        match number % 25 {
            0 => accept(&spool, number),
            _ => {
                let other = Batch::new().accept(&message(id(number), 1), content(id(number)));
                drop(block_on(spool.commit(other)).unwrap());
            }
        }
    }
    let others = (0..100).filter(|number| number % 25 != 0);
    others.for_each(|number| block_on(spool.record(Batch::new().remove(id(number)))).unwrap());
    drop(spool);
    let (spool, _) = open_with(&disk, Keys::default()).unwrap();
    for _ in 0..100 {
        let _ = block_on(spool.record(Batch::new().remove(id(999_999))));
    }
    assert!(spool.stats().octets_moved > 0);
    check(spool, &[0, 25, 50, 75]);
}

#[test]
fn what_was_never_held_has_no_original() {
    let disk = SimulatedDisk::new(1);
    let (spool, _) = open_with(&disk, keys(0)).unwrap();
    drop(block_on(spool.commit(Batch::new().accept(&message(id(1), 1), content(id(1))))).unwrap());
    assert_eq!(spool.original(id(1)).unwrap(), None);
    assert_eq!(spool.content(id(1)).unwrap(), Some(content(id(1))));
}

#[test]
fn a_copy_that_would_end_past_its_content_is_damage_and_nothing_is_given() {
    let disk = SimulatedDisk::new(1);
    let (spool, _) = open_with(&disk, keys(0)).unwrap();
    let short = Bytes::from_static(b"x\r\n");
    drop(block_on(spool.commit(Batch::new().accept(&held(1), short))).unwrap());
    assert!(matches!(spool.content(id(1)), Err(SpoolError::Damaged(_))));
}
