//! Full disks, broken disks, slow disks, and waiters who leave.

use std::{pin::pin, time::Duration};

use nix::errno::Errno;

use super::{
    super::{Batch, Settings, Spool, SpoolError},
    SEGMENT, SimulatedDisk, block_on, content, id, message, open, settings,
    simulated_disk::Fault,
};
use crate::mail::{QueueId, Timestamp};

fn accept(spool: &Spool, id: QueueId) -> Result<QueueId, SpoolError> {
    let batch = Batch::new().accept(&message(id, 1), content(id));
    block_on(spool.commit(batch)).map(|receipt| receipt.queue_id())
}

fn remove(spool: &Spool, id: QueueId) -> Result<(), SpoolError> {
    block_on(spool.record(Batch::new().remove(id)))
}

/// The next orderly moment: when the writer is done with everything before.
fn settle(disk: &SimulatedDisk) {
    let mut calls = disk.calls();
    let mut quiet = 0;
    while quiet < 5 {
        std::thread::sleep(Duration::from_millis(10));
        quiet = if disk.calls() == calls { quiet + 1 } else { 0 };
        calls = disk.calls();
    }
}

#[test]
fn a_full_disk_refuses_new_mail_early_and_still_records_outcomes() {
    let disk = SimulatedDisk::new(1);
    let (spool, _) = open(&disk).unwrap();
    disk.set_capacity(2 * SEGMENT);
    let full = (0..100).find(|&number| accept(&spool, id(number)).is_err()).unwrap();
    assert!(matches!(accept(&spool, id(200)), Err(SpoolError::Full)));
    assert!(spool.stats().full);

    // Outcomes and notices are still recorded, from the reserve.
    block_on(spool.record(Batch::new().update(&message(id(0), 2)))).unwrap();
    let notice = Batch::new().remove(id(1)).accept(&message(id(300), 1), content(id(300)));
    assert_eq!(block_on(spool.commit(notice)).unwrap().queue_id(), id(300));
    assert_eq!(spool.message(id(1)).unwrap(), None);

    // And when deliveries have made space, mail is taken again.
    for number in 0..full {
        remove(&spool, id(number)).unwrap();
    }
    settle(&disk);
    assert_eq!(accept(&spool, id(400)).unwrap(), id(400));
    assert!(!spool.stats().full);
    assert_eq!(spool.ids(), [id(300), id(400)]);
}

#[test]
fn a_broken_disk_is_left_alone_for_a_while() {
    let disk = SimulatedDisk::new(1);
    let settings = Settings { retry_after: Duration::from_secs(3600), ..settings() };
    let spool = Spool::on(disk.port(), settings, |_, _| {}).unwrap();
    accept(&spool, id(1)).unwrap();
    settle(&disk);
    disk.fail_after(0, Fault::Broken(Errno::EIO));
    assert!(matches!(accept(&spool, id(2)), Err(SpoolError::Failed { .. })));
    assert!(accept(&spool, id(3)).is_err());
    settle(&disk);
    let calls = disk.calls();
    let error = accept(&spool, id(4)).unwrap_err();
    assert!(error.is_transient());
    settle(&disk);
    assert_eq!(disk.calls(), calls, "the broken disk was tried again");
    assert_eq!(spool.content(id(1)).unwrap(), Some(content(id(1))));
}

#[test]
fn a_mended_disk_is_used_again() {
    for errno in [Errno::EIO, Errno::EROFS, Errno::EDQUOT, Errno::ENOSPC] {
        let disk = SimulatedDisk::new(1);
        let (spool, _) = open(&disk).unwrap();
        accept(&spool, id(1)).unwrap();
        assert!(!spool.stats().failing);
        settle(&disk);
        assert_eq!(spool.stats().failures, 0);
        disk.fail_after(0, Fault::Broken(errno));
        for number in 2..5 {
            let error = accept(&spool, id(number)).unwrap_err();
            assert!(error.is_transient(), "{errno}: {error}");
            let stats = spool.stats();
            assert!(stats.failing || stats.full, "{errno}: {stats:?}");
        }
        // The first cost a segment; after it there was none to write to.
        assert_eq!(spool.stats().failures, 1);
        // What is there can still be read and delivered.
        assert_eq!(spool.content(id(1)).unwrap(), Some(content(id(1))));
        disk.mend();
        accept(&spool, id(9)).unwrap();
        let stats = spool.stats();
        assert!(!stats.failing && !stats.full, "{errno}: {stats:?}");
        assert_eq!(spool.ids(), [id(1), id(9)]);
    }
}

/// Whether all is well again without anything to commit.
fn recovers(spool: &Spool) -> bool {
    (0..1000).any(|_| {
        std::thread::sleep(Duration::from_millis(10));
        let stats = spool.stats();
        !stats.full && !stats.failing
    })
}

#[test]
fn a_disk_that_is_mended_is_found_so_though_no_mail_comes() {
    for errno in [Errno::EIO, Errno::EROFS, Errno::EDQUOT, Errno::ENOSPC] {
        let disk = SimulatedDisk::new(1);
        let (spool, _) = open(&disk).unwrap();
        accept(&spool, id(1)).unwrap();
        settle(&disk);
        disk.fail_after(0, Fault::Broken(errno));
        assert!(accept(&spool, id(2)).is_err());
        disk.mend();
        assert!(recovers(&spool), "{errno}: {:?}", spool.stats());
        assert_eq!(spool.ids(), [id(1)]);
        drop(spool);
        assert_eq!(open(&disk).unwrap().1.into_keys().collect::<Vec<_>>(), [id(1)], "{errno}");
    }
}

#[test]
fn space_that_is_made_on_a_full_disk_is_found_though_no_mail_comes() {
    let disk = SimulatedDisk::new(1);
    let (spool, _) = open(&disk).unwrap();
    disk.set_capacity(2 * SEGMENT);
    assert!((0..100).any(|number| accept(&spool, id(number)).is_err()));
    settle(&disk);
    assert!(spool.stats().full);
    disk.set_capacity(20 * SEGMENT);
    assert!(recovers(&spool), "{:?}", spool.stats());
    accept(&spool, id(200)).unwrap();
}

#[test]
fn nothing_is_acknowledged_before_the_sync() {
    let disk = SimulatedDisk::new(1);
    let (spool, _) = open(&disk).unwrap();
    accept(&spool, id(1)).unwrap();
    settle(&disk);
    let gate = disk.gate.lock().unwrap();
    block_on(async {
        let mut commit =
            pin!(spool.commit(Batch::new().accept(&message(id(2), 1), content(id(2)))));
        let early = tokio::time::timeout(Duration::from_millis(50), &mut commit).await;
        assert!(early.is_err(), "a receipt came before the sync");
        assert!(!spool.contains(id(2)));
        drop(gate);
        assert_eq!(commit.await.unwrap().queue_id(), id(2));
    });
}

#[test]
fn a_slow_disk_is_not_waited_for_without_bound_and_what_came_late_is_taken_back() {
    let disk = SimulatedDisk::new(1);
    let settings = Settings { wait: Duration::from_millis(30), ..settings() };
    let spool = Spool::on(disk.port(), settings, |_, _| {}).unwrap();
    accept(&spool, id(1)).unwrap();
    settle(&disk);
    let gate = disk.gate.lock().unwrap();
    assert!(matches!(accept(&spool, id(2)), Err(SpoolError::Busy)));
    // Not yet written when its waiter went.
    assert!(matches!(accept(&spool, id(3)), Err(SpoolError::Busy)));
    drop(gate);
    settle(&disk);
    assert_eq!(spool.ids(), [id(1)]);
    drop(spool);
    assert_eq!(open(&disk).unwrap().1.into_keys().collect::<Vec<_>>(), [id(1)]);
}

#[test]
fn a_record_stands_though_its_waiter_has_gone() {
    let disk = SimulatedDisk::new(1);
    let (spool, _) = open(&disk).unwrap();
    accept(&spool, id(1)).unwrap();
    settle(&disk);
    let gate = disk.gate.lock().unwrap();
    block_on(async {
        let removal = spool.record(Batch::new().remove(id(1)));
        assert!(tokio::time::timeout(Duration::from_millis(30), removal).await.is_err());
    });
    drop(gate);
    settle(&disk);
    assert!(spool.is_empty());
}

#[test]
fn many_commits_share_one_sync() {
    let disk = SimulatedDisk::new(1);
    let settings = Settings { segment_size: 1024 * 1024, ..settings() };
    let spool = Spool::on(disk.port(), settings, |_, _| {}).unwrap();
    accept(&spool, id(0)).unwrap();
    settle(&disk);
    let before = spool.stats();
    let gate = disk.gate.lock().unwrap();
    std::thread::scope(|scope| {
        for number in 1..=50 {
            let spool = &spool;
            scope.spawn(move || accept(spool, id(number)).unwrap());
        }
        std::thread::sleep(Duration::from_millis(100));
        drop(gate);
    });
    let after = spool.stats();
    assert_eq!(after.commits - before.commits, 50);
    assert!(after.fsyncs - before.fsyncs < 10, "{} syncs", after.fsyncs - before.fsyncs);
    assert_eq!(after.messages, 51);
}

#[test]
fn bookkeeping_shares_the_sync_of_mail_that_comes_within_its_moment() {
    let disk = SimulatedDisk::new(1);
    let settings = Settings { bookkeeping_waits: Duration::from_secs(3600), ..settings() };
    let spool = Spool::on(disk.port(), settings, |_, _| {}).unwrap();
    accept(&spool, id(1)).unwrap();
    settle(&disk);
    let before = spool.stats();
    let record = spool.record(Batch::new().remove(id(1)));
    let batch = Batch::new().accept(&message(id(2), 1), content(id(2)));
    let (recorded, accepted) = block_on(async {
        tokio::join!(record, async {
            tokio::time::sleep(Duration::from_millis(30)).await;
            spool.commit(batch).await
        })
    });
    recorded.unwrap();
    drop(accepted.unwrap());
    let after = spool.stats();
    assert_eq!((after.commits - before.commits, after.fsyncs - before.fsyncs), (2, 1));
}

#[test]
fn space_is_given_back_when_messages_go() {
    let disk = SimulatedDisk::new(1);
    let (spool, _) = open(&disk).unwrap();
    for number in 0..100 {
        accept(&spool, id(number)).unwrap();
    }
    let full = spool.stats();
    let octets: usize = (0..100).map(|number| content(id(number)).len()).sum();
    assert_eq!((full.messages, full.octets_live), (100, octets as u64));
    for number in 0..100 {
        remove(&spool, id(number)).unwrap();
    }
    settle(&disk);
    let empty = spool.stats();
    assert!(full.segments > 8 && empty.segments <= 2, "{full:?}, then {empty:?}");
    assert_eq!((empty.messages, empty.octets_live), (0, 0));
    assert_eq!(disk.names().len(), empty.segments + 1);
}

#[test]
fn a_message_larger_than_a_segment_gets_its_own() {
    let disk = SimulatedDisk::new(1);
    let (spool, _) = open(&disk).unwrap();
    let large = bytes::Bytes::from(vec![b'x'; 3 * SEGMENT as usize]);
    accept(&spool, id(1)).unwrap();
    let _receipt =
        block_on(spool.commit(Batch::new().accept(&message(id(2), 1), large.clone()))).unwrap();
    accept(&spool, id(3)).unwrap();
    drop(spool);
    let (spool, found) = open(&disk).unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(spool.content(id(2)).unwrap(), Some(large));
}

#[test]
fn ids_grow_across_restarts_and_clock_steps_also_when_the_spool_is_empty() {
    let disk = SimulatedDisk::new(1);
    let mut last = QueueId::from_bits(0);
    for now in [5_000_000, 4_000_000, 1, 6_000_000, 6_000_000] {
        let (spool, _) = open(&disk).unwrap();
        for _ in 0..20 {
            let next = spool.next_id(Timestamp::from_unix_milliseconds(now));
            assert!(next > last, "{next:?} after {last:?}");
            last = next;
            accept(&spool, next).unwrap();
            remove(&spool, next).unwrap();
        }
    }
}
