//! Every call to the disk fails in turn, and the power is cut after each:
//! acknowledged is what is found.

use nix::errno::Errno;

use super::{
    super::{Batch, Spool},
    SimulatedDisk, block_on, content, id, message, open,
    simulated_disk::Fault,
    told::{Step, Told, check_damage, check_running, take},
};
use crate::mail::QueueId;

impl Told {
    /// A batch of a random kind on random messages, none of them in `used`.
    fn step(&mut self, random: &mut fastrand::Rng, used: &mut Vec<QueueId>) -> Step {
        self.versions += 1;
        let version = self.versions;
        let free: Vec<QueueId> =
            self.certain.keys().copied().filter(|id| !used.contains(id)).collect();
        let old = random.choice(free);
        used.extend(old);
        let new = id(self.next);
        self.next += 2;
        let accept = |batch: Batch| batch.accept(&message(new, version), content(new));
        let one = (new, Some(version));
        match (random.u8(..6), old) {
            (0, Some(old)) => Step::Record(
                Batch::new().update(&message(old, version)),
                vec![(old, Some(version))],
            ),
            (1, Some(old)) => Step::Record(Batch::new().remove(old), vec![(old, None)]),
            (2, Some(old)) => {
                Step::Commit(accept(Batch::new().remove(old)), vec![(old, None), one])
            }
            (3, _) => {
                let second = id(self.next - 1);
                let both = accept(Batch::new()).accept(&message(second, version), content(second));
                Step::Commit(both, vec![one, (second, Some(version))])
            }
            _ => Step::Commit(accept(Batch::new()), vec![one]),
        }
    }
}

/// Commits one by one, and sometimes three at once, until the script is over,
/// the power is gone, or so much has failed that one cannot tell any more.
fn work(spool: &Spool, disk: &SimulatedDisk, told: &mut Told, seed: u64, steps: usize) {
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..steps {
        if disk.is_powerless() || told.doubtful.len() > 5 {
            return;
        }
        let mut used = Vec::new();
        let first = told.step(&mut random, &mut used);
        if random.u8(..4) > 0 {
            let (effect, answer) = block_on(take(spool, first));
            told.hear(effect, &answer);
            continue;
        }
        let second = told.step(&mut random, &mut used);
        let third = told.step(&mut random, &mut used);
        let answers = block_on(async {
            tokio::join!(take(spool, first), take(spool, second), take(spool, third))
        });
        // Two commits may have been made of them; those that failed in the
        // second are doubtful still.
        let mut answers = <[_; 3]>::from(answers);
        answers.sort_by_key(|(_, answer)| answer.is_err());
        for (effect, answer) in answers {
            told.hear(effect, &answer);
        }
    }
}

/// Works with a fault at the call `at`, cuts the power, and looks; works on,
/// cuts the power again, and looks again. Whether the fault was reached.
fn survive(seed: u64, at: u64, fault: Fault) -> bool {
    let disk = SimulatedDisk::new(seed);
    let mut told = Told::default();
    disk.fail_after(at, fault);
    if let Ok((spool, _)) = open(&disk) {
        work(&spool, &disk, &mut told, seed, STEPS);
        if !disk.is_powerless() {
            check_running(&spool, &told);
        }
        disk.cut_power();
    }
    let reached = disk.calls() > at;

    // Only killed, every third time: then the page cache is still there.
    let disk = if at % 3 == 2 { disk.after_kill() } else { disk.after_power_cut(seed ^ at) };
    // The second fault may come while the first is recovered from.
    disk.fail_after(at % 37, Fault::PowerCut);
    let context = format!("seed {seed}, {fault:?} at call {at}");
    if let Ok((spool, found)) = open(&disk) {
        assert!(told.allows(&found), "{context}: {found:?} found, told {:?}", told.certain);
        told.find(found);
        check_running(&spool, &told);
        work(&spool, &disk, &mut told, seed + 1, STEPS / 2);
        disk.cut_power();
    }

    let disk = disk.after_power_cut(seed ^ at ^ 1);
    let (spool, found) = open(&disk).unwrap();
    assert!(told.allows(&found), "{context}, again: {found:?} found, told {:?}", told.certain);
    told.find(found);
    check_running(&spool, &told);
    check_damage(&spool);

    // And at last an orderly stop.
    work(&spool, &disk, &mut told, seed + 2, STEPS / 2);
    check_running(&spool, &told);
    drop(spool);
    let (spool, found) = open(&disk).unwrap();
    assert_eq!(found, told.certain, "{context}: after an orderly stop");
    assert_eq!(spool.damage(), [], "{context}: after an orderly stop");
    reached
}

fn at_every_call(fault: Fault) {
    let mut points = 0;
    for seed in 0..SEEDS {
        let mut at = 0;
        while survive(seed, at, fault) {
            at += 1;
        }
        points += at;
    }
    println!("{points} points: {fault:?}");
    assert!(points > 20 * SEEDS, "only {points} points were tried");
}

#[test]
fn what_was_acknowledged_survives_a_power_cut_at_every_call() {
    at_every_call(Fault::PowerCut);
}

#[test]
fn what_was_acknowledged_survives_an_error_at_every_call() {
    at_every_call(Fault::Error(Errno::EIO));
}

#[test]
fn what_was_acknowledged_survives_a_disk_that_breaks_at_every_call() {
    at_every_call(Fault::Broken(Errno::EIO));
}

#[test]
fn what_was_acknowledged_survives_a_disk_full_at_every_call() {
    at_every_call(Fault::Broken(Errno::ENOSPC));
}

#[test]
fn what_was_acknowledged_survives_a_short_write_at_every_call() {
    at_every_call(Fault::Short);
}

const SEEDS: u64 = 2;
const STEPS: usize = 24;
