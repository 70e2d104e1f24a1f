//! Long-lived messages leave segments that are mostly dead: space follows
//! what is live, whatever fails on the way.

use std::{collections::BTreeMap, sync::atomic::AtomicBool, sync::atomic::Ordering};

use nix::errno::Errno;

use super::{
    super::{Batch, DamageKind, Settings, Spool, Stats, format::ENTRY_HEAD},
    SEGMENT, SimulatedDisk, block_on, content, id, message, open, settings,
    simulated_disk::Fault,
};
use crate::mail::QueueId;

fn accept(spool: &Spool, id: QueueId) {
    let batch = Batch::new().accept(&message(id, 1), content(id));
    assert_eq!(block_on(spool.commit(batch)).unwrap().queue_id(), id);
}

fn remove(spool: &Spool, id: QueueId) {
    block_on(spool.record(Batch::new().remove(id))).unwrap();
}

/// Has the writer take another step, though nothing is changed.
fn nudge(spool: &Spool) {
    let _ = block_on(spool.record(Batch::new().remove(id(999_999))));
}

/// What is on disk and need not be: past twice the live octets and two
/// segments. A meta lives with the head of its entry.
fn surplus(stats: &Stats) -> u64 {
    let meta = ENTRY_HEAD + serde_json::to_vec(&message(id(1), 1)).unwrap().len();
    let metas = stats.messages * meta;
    stats.octets_on_disk.saturating_sub(2 * (stats.octets_live + metas as u64) + 2 * SEGMENT)
}

/// Gives the mover the time it needs; as long as it makes no headway, at
/// most a hundred steps.
fn move_all(spool: &Spool, disk: &SimulatedDisk) {
    for _ in 0..100 {
        if surplus(&spool.stats()) == 0 || disk.is_powerless() {
            return;
        }
        nudge(spool);
    }
}

/// One large segment in which every tenth message is live still, some with a
/// newer meta elsewhere: too small a part for settings of small segments.
fn mostly_dead() -> (SimulatedDisk, BTreeMap<QueueId, u32>) {
    let disk = SimulatedDisk::new(1);
    let large = Settings { segment_size: 256 * 1024, ..settings() };
    let mut live = BTreeMap::new();
    for updates in [false, true] {
        let spool = Spool::on(disk.port(), large.clone(), |_, _| {}).unwrap();
        for number in 0..100 {
            match (updates, number % 10) {
                (false, _) => accept(&spool, id(number)),
                (true, 0) => {
                    let version = 1 + u32::try_from(number / 10 % 2).unwrap();
                    if version > 1 {
                        let update = Batch::new().update(&message(id(number), version));
                        block_on(spool.record(update)).unwrap();
                    }
                    live.insert(id(number), version);
                }
                (true, _) => remove(&spool, id(number)),
            }
        }
    }
    (disk, live)
}

/// That the spool holds these, and nothing else.
fn check(spool: &Spool, live: &BTreeMap<QueueId, u32>, context: &str) {
    assert_eq!(spool.ids(), live.keys().copied().collect::<Vec<_>>(), "{context}");
    for (&id, version) in live {
        let found = spool.message(id).unwrap().unwrap();
        assert_eq!(found.policy, version.to_string(), "{context}");
        assert_eq!(spool.content(id).unwrap().unwrap(), content(id), "{context}");
    }
}

#[test]
fn space_follows_what_is_live() {
    let (disk, live) = mostly_dead();
    let (spool, _) = open(&disk).unwrap();
    let before = spool.stats();
    move_all(&spool, &disk);
    let after = spool.stats();
    assert_eq!(surplus(&after), 0, "{before:?}, then {after:?}");
    assert!(after.octets_moved > 0 && after.octets_moved < 2 * after.octets_live + 20_000);
    check(&spool, &live, "running");
    drop(spool);
    let (spool, found) = open(&disk).unwrap();
    assert_eq!(found, live);
    check(&spool, &live, "after a restart");
}

#[test]
fn what_fills_a_spool_with_messages_that_stay_leaves_room_for_those_that_go() {
    let disk = SimulatedDisk::new(1);
    let (spool, _) = open(&disk).unwrap();
    let mut live = BTreeMap::new();
    for number in 0..600 {
        accept(&spool, id(number));
        live.insert(id(number), 1);
        // One of each eight stays long, so that its removal stands far from
        // it: segments that hold nothing but such removals guard others.
        let goes = [number.checked_sub(3), number.checked_sub(200)];
        for (gone, stays) in goes.into_iter().zip([1, 0]) {
            if let Some(gone) = gone.filter(|gone| (gone % 8).min(1) == stays) {
                remove(&spool, id(gone));
                live.remove(&id(gone));
            }
        }
    }
    move_all(&spool, &disk);
    assert_eq!(surplus(&spool.stats()), 0, "{:?}", spool.stats());
    check(&spool, &live, "running");
    drop(spool);
    assert_eq!(open(&disk).unwrap().1, live);
}

/// Moves with a fault at the call `at`, then starts again without power in
/// between or with. Whether the fault was reached.
fn survive(from: &SimulatedDisk, live: &BTreeMap<QueueId, u32>, at: u64, fault: Fault) -> bool {
    let context = format!("{fault:?} at call {at}");
    let disk = from.after_power_cut(at);
    disk.fail_after(at, fault);
    if let Ok((spool, _)) = open(&disk) {
        move_all(&spool, &disk);
        check(&spool, live, &context);
        let passes = matches!(fault, Fault::Short | Fault::Error(_));
        assert!(!passes || surplus(&spool.stats()) == 0, "{context}: {:?}", spool.stats());
        // An orderly stop is one more way.
        if !at.is_multiple_of(3) {
            disk.cut_power();
        }
    }
    let reached = disk.calls() > at;
    let disk = if at.is_multiple_of(2) { disk.after_kill() } else { disk.after_power_cut(at) };
    let (spool, found) = open(&disk).unwrap();
    assert_eq!(&found, live, "{context}");
    move_all(&spool, &disk);
    check(&spool, live, &context);
    assert_eq!(surplus(&spool.stats()), 0, "{context}: {:?}", spool.stats());
    // What was moved goes, and does not rise again from where it had been.
    for &id in live.keys() {
        remove(&spool, id);
    }
    disk.cut_power();
    let disk = disk.after_power_cut(at + 1);
    let (spool, found) = open(&disk).unwrap();
    assert!(found.is_empty(), "{context}: {found:?} rose again");
    let kinds = spool.damage().iter().any(|damage| damage.kind != DamageKind::Torn);
    assert!(!kinds, "{context}: {:?}", spool.damage());
    reached
}

fn at_every_call(fault: Fault) {
    let (disk, live) = mostly_dead();
    let mut at = 0;
    while survive(&disk, &live, at, fault) {
        at += 1;
    }
    println!("{at} points: {fault:?}");
    assert!(at > 30, "only {at} points were tried");
}

#[test]
fn moving_survives_a_power_cut_at_every_call() {
    at_every_call(Fault::PowerCut);
}

#[test]
fn moving_survives_an_error_at_every_call() {
    at_every_call(Fault::Error(Errno::EIO));
}

#[test]
fn moving_survives_a_disk_that_breaks_at_every_call() {
    at_every_call(Fault::Broken(Errno::EIO));
}

#[test]
fn moving_survives_a_disk_full_at_every_call() {
    at_every_call(Fault::Broken(Errno::ENOSPC));
}

#[test]
fn moving_survives_a_short_write_at_every_call() {
    at_every_call(Fault::Short);
}

#[test]
fn content_that_is_damaged_is_not_moved_and_not_lost() {
    let (disk, live) = mostly_dead();
    let damaged = *live.keys().nth(5).unwrap();
    let octets = disk.octets(FIRST);
    let place = memchr::memmem::find(&octets, &content(damaged)).unwrap();
    disk.flip(FIRST, place + 1);
    for start in ["at first", "at the next start"] {
        let (spool, found) = open(&disk).unwrap();
        assert_eq!(found, live, "{start}");
        move_all(&spool, &disk);
        let kinds: Vec<_> = spool.damage().iter().map(|damage| damage.kind).collect();
        assert_eq!(kinds, [DamageKind::Content(damaged)], "{start}");
        for &id in live.keys().filter(|&&id| id != damaged) {
            assert_eq!(spool.content(id).unwrap().unwrap(), content(id), "{start}");
        }
        assert!(spool.content(damaged).is_err());
    }
    // Nor does what was moved before rise again, though its old copy stays,
    // and its new one goes. Nothing else guards the first segment here.
    let (spool, _) = open(&disk).unwrap();
    let moved = *live.keys().next().unwrap();
    remove(&spool, moved);
    for number in 200..300 {
        accept(&spool, id(number));
        remove(&spool, id(number));
    }
    drop(spool);
    assert!(disk.names().contains(&FIRST.to_owned()));
    let (_, found) = open(&disk).unwrap();
    assert!(!found.contains_key(&moved) && found.len() == live.len() - 1, "{found:?}");
}

#[test]
fn what_is_read_while_it_moves_stays_readable() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(directory.path(), settings(), |_, _| {}).unwrap();
    let stays = |number: u64| number.is_multiple_of(20);
    for number in 0..40 {
        accept(&spool, id(number));
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for number in (0..40).filter(|&number| stays(number)) {
                    assert_eq!(spool.content(id(number)).unwrap().unwrap(), content(id(number)));
                    assert_eq!(spool.message(id(number)).unwrap().unwrap().policy, "1");
                }
            }
        });
        for number in 0..400 {
            if !stays(number) || number >= 40 {
                remove(&spool, id(number));
            }
            accept(&spool, id(number + 40));
        }
        over.store(true, Ordering::Relaxed);
    });
    assert!(spool.stats().octets_moved > 0, "{:?}", spool.stats());
}

const FIRST: &str = "00000001.segment";
