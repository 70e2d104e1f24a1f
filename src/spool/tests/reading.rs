//! What is read back is what was written, or the caller hears that it is not.

use super::{
    super::{Batch, DamageKind, SpoolError},
    SEGMENT, SimulatedDisk, block_on, content,
    files::{self, five_messages},
    id, open,
};

/// Where the content of a message stands.
fn place(disk: &SimulatedDisk, number: u64) -> usize {
    memchr::memmem::find(&disk.octets(files::SEGMENT), &content(id(number))).unwrap()
}

#[test]
fn content_that_is_damaged_is_reported_once_and_not_given() {
    let disk = five_messages();
    disk.flip(files::SEGMENT, place(&disk, 3) + 1);
    let (spool, found) = open(&disk).unwrap();
    assert_eq!((found.len(), spool.damage()), (5, vec![]));
    for _ in 0..2 {
        let error = spool.content(id(3)).unwrap_err();
        assert!(matches!(error, SpoolError::Damaged(damaged) if damaged == id(3)), "{error}");
        assert!(error.is_of_reading() && error.is_final());
    }
    let kinds: Vec<_> = spool.damage().iter().map(|damage| damage.kind).collect();
    assert_eq!(kinds, [DamageKind::Content(id(3))]);
    // What is said of it can be told to its sender.
    assert!(spool.message(id(3)).unwrap().is_some());
    assert_eq!(spool.content(id(2)).unwrap(), Some(content(id(2))));
}

#[test]
fn what_is_left_of_a_damaged_message_stays_on_disk_while_the_gateway_runs() {
    for damaged in [true, false] {
        let disk = five_messages();
        if damaged {
            disk.flip(files::SEGMENT, place(&disk, 3) + 1);
        }
        let (spool, _) = open(&disk).unwrap();
        assert_eq!(spool.content(id(3)).is_err(), damaged);
        for number in 1..=5 {
            block_on(spool.record(Batch::new().remove(id(number)))).unwrap();
        }
        drop(spool);
        assert_eq!(disk.names().contains(&files::SEGMENT.to_owned()), damaged);
        // Nobody is owed anything any more: the next run lets go.
        let (spool, _) = open(&disk).unwrap();
        block_on(spool.record(Batch::new().remove(id(9)))).unwrap();
        drop(spool);
        assert!(!disk.names().contains(&files::SEGMENT.to_owned()));
    }
}

#[test]
fn a_disk_that_does_not_answer_has_damaged_nothing_yet() {
    let disk = five_messages();
    let (spool, _) = open(&disk).unwrap();
    let from = place(&disk, 3) as u64;
    disk.make_unreadable(from, from + SEGMENT);
    let error = spool.content(id(3)).unwrap_err();
    assert!(matches!(error, SpoolError::Unread { id: unread, .. } if unread == id(3)), "{error}");
    assert!(error.is_of_reading() && !error.is_final() && error.is_transient());
    assert_eq!(spool.damage(), []);
    disk.make_readable();
    assert_eq!(spool.content(id(3)).unwrap(), Some(content(id(3))));
}
