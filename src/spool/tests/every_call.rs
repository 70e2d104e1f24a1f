//! Every call to the disk meets every fault, in scenarios that between them
//! make every kind of call; then the gateway stops, is killed, or loses power
//! in one of several ways; then it starts again, and that too is cut short at
//! every call.
//!
//! After each: *acknowledged = delivered + still queued*, for ids, contents
//! and recorded outcomes. POSTERN_EVERY_CALL=all tries every ending of every
//! fault; without it the endings take turns, and in long scenarios the faults.

use std::{collections::BTreeMap, fmt, sync::Mutex, thread};

use nix::errno::Errno;

use super::{
    super::Spool,
    SimulatedDisk, id, keys, open_with,
    scenarios::{Accept, NewKey, Remove, Restart, SCENARIOS, Scenario},
    simulated_disk::{Fault, Operation},
    told::{Told, check_damage, check_running},
    volatile::Kept,
};

const FAULTS: &[Fault] = &[
    Fault::PowerCut,
    Fault::Short,
    Fault::Error(Errno::EIO),
    Fault::Error(Errno::ENOSPC),
    Fault::Error(Errno::EROFS),
    Fault::Error(Errno::EDQUOT),
    Fault::Broken(Errno::EIO),
    Fault::Broken(Errno::ENOSPC),
    Fault::Broken(Errno::EROFS),
    Fault::Broken(Errno::EDQUOT),
];

/// How a gateway ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Stopped,
    /// What was written is there, synced or not.
    Killed,
    /// What is kept of octets, and of names, that were not synced.
    PowerCut(Kept, Kept),
}

const ENDINGS: &[Ending] = &[
    Ending::PowerCut(Kept::Nothing, Kept::Nothing),
    Ending::PowerCut(Kept::Chance, Kept::Chance),
    Ending::Killed,
    Ending::PowerCut(Kept::Everything, Kept::Nothing),
    Ending::PowerCut(Kept::Chance, Kept::Everything),
    Ending::Stopped,
    Ending::PowerCut(Kept::Nothing, Kept::Everything),
    Ending::PowerCut(Kept::Chance, Kept::Nothing),
];

/// Where a fault is tried, and how it ends. Shown when it was not survived.
struct Point<'s> {
    scenario: &'s Scenario,
    at: u64,
    fault: Fault,
    ending: Ending,
}

impl Point<'_> {
    fn seed(&self) -> u64 {
        self.at.wrapping_mul(31).wrapping_add(self.scenario.acts.len() as u64)
    }

    /// Acts with the fault, ends, and starts again. Which call the fault met.
    fn survive(&self) -> Option<Operation> {
        let (disk, mut told) = self.play();
        let struck = disk.struck()?;
        let disk = self.end(&disk);
        self.check(&disk, &mut told);
        Some(struck)
    }

    fn play(&self) -> (SimulatedDisk, Told) {
        let disk = SimulatedDisk::new(self.seed());
        disk.set_capacity(self.scenario.capacity);
        disk.fail_after(self.at, self.fault);
        let mut told = Told::default();
        let mut spool = self.start(&disk, &mut told);
        for act in self.scenario.acts {
            // So much has failed that one could not tell any more.
            if told.doubtful.len() > 4 {
                disk.mend();
            }
            match (&spool, act) {
                _ if disk.is_powerless() => break,
                (_, Restart | NewKey) => {
                    drop(spool.take());
                    told.keys += u8::from(matches!(act, NewKey));
                    spool = self.start(&disk, &mut told);
                }
                (Some(spool), act) => act.carry_out(spool, &mut told),
                (None, _) => panic!("{self}: a start failed, and the power was there"),
            }
        }
        if let Some(spool) = spool.filter(|_| !disk.is_powerless()) {
            check_running(&spool, &told);
            // Dropping it is an orderly stop: without the power, nothing comes of that.
            if self.ending != Ending::Stopped {
                disk.cut_power();
            }
        }
        (disk, told)
    }

    /// None if the power was cut. A disk that is broken is mended first.
    fn start(&self, disk: &SimulatedDisk, told: &mut Told) -> Option<Spool> {
        let keys = || keys(told.keys);
        let opened = open_with(disk, keys()).or_else(|error| {
            disk.mend();
            if disk.is_powerless() { Err(error) } else { open_with(disk, keys()) }
        });
        if disk.is_powerless() {
            // Whatever it found, it has told nobody.
            return None;
        }
        let (spool, found) = opened.unwrap();
        assert!(told.allows(&found), "{self}: {found:?} found, told {:?}", told.certain);
        told.find(found);
        check_damage(&spool);
        Some(spool)
    }

    fn end(&self, disk: &SimulatedDisk) -> SimulatedDisk {
        match self.ending {
            Ending::Stopped | Ending::Killed => disk.after_kill(),
            Ending::PowerCut(octets, names) => {
                disk.after_power_cut_keeping(octets, names, self.seed())
            }
        }
    }

    /// What was acknowledged is there, and the spool can be worked with.
    fn check(&self, disk: &SimulatedDisk, told: &mut Told) {
        let spool = self.start(disk, told).unwrap();
        check_running(&spool, told);
        disk.set_capacity(u64::MAX);
        let oldest = told.certain.keys().next().map(|id| id.unix_milliseconds());
        Accept(100).carry_out(&spool, told);
        if let Some(oldest) = oldest {
            Remove(oldest - id(0).unix_milliseconds()).carry_out(&spool, told);
        }
        assert!(told.doubtful.is_empty(), "{self}: a good disk was not used");
        check_running(&spool, told);
        if self.at.is_multiple_of(2) {
            drop(spool);
            let (spool, found) = open_with(disk, keys(told.keys)).unwrap();
            assert_eq!(found, told.certain, "{self}: after an orderly stop");
            assert_eq!(spool.damage(), [], "{self}: after an orderly stop");
        } else {
            // What was struck out or cut off must not come back now.
            let disk = disk.after_power_cut_keeping(Kept::Nothing, Kept::Nothing, 0);
            let (_, found) = open_with(&disk, keys(told.keys)).unwrap();
            assert_eq!(found, told.certain, "{self}: after a power cut");
        }
    }

    /// Has every call of the start that follows meet the fault, and starts
    /// once more. How many there were.
    fn survive_the_next_start(&self, fault: Fault) -> u64 {
        let (disk, told) = self.play();
        let left = self.end(&disk);
        for at in 0.. {
            let again = Point { at, fault, ..*self };
            // Nothing is unsynced on it: this is a copy.
            let disk = left.after_power_cut(0);
            disk.fail_after(at, fault);
            let mut told = told.clone();
            let spool = again.start(&disk, &mut told);
            disk.cut_power();
            drop(spool);
            if disk.struck().is_none() {
                return at;
            }
            again.check(&again.end(&disk), &mut told);
        }
        panic!("a start makes a bounded number of calls");
    }
}

impl fmt::Display for Point<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scenario, at, fault, ending } = self;
        write!(out, "{}: {fault:?} at call {at}, then {ending:?}", scenario.name)
    }
}

/// How often each kind of call met each fault.
type Met = BTreeMap<(Operation, String), u64>;

/// All points of one scenario.
fn survive_everything(scenario: &Scenario, met: &Mutex<Met>) {
    let all = std::env::var("POSTERN_EVERY_CALL").is_ok_and(|said| said == "all");
    let (turns, share) = if all { (ENDINGS.len(), 1) } else { (TURNS, scenario.share) };
    for at in 0.. {
        let mut reached = false;
        for (index, &fault) in FAULTS.iter().enumerate() {
            if !(at as usize + index).is_multiple_of(share) {
                continue;
            }
            for turn in 0..turns {
                let ending = ENDINGS[(at as usize + index + turn) % ENDINGS.len()];
                let struck = Point { scenario, at, fault, ending }.survive();
                reached |= struck.is_some();
                if let Some(operation) = struck {
                    *met.lock().unwrap().entry((operation, format!("{fault:?}"))).or_default() += 1;
                }
            }
        }
        if !reached {
            return;
        }
    }
}

#[test]
fn whatever_call_fails_acknowledged_is_delivered_or_still_queued() {
    let met = Mutex::default();
    thread::scope(|threads| {
        for scenario in SCENARIOS {
            threads.spawn(|| survive_everything(scenario, &met));
        }
    });
    let met = met.into_inner().unwrap();
    for operation in OPERATIONS {
        let points =
            FAULTS.iter().map(|fault| met.get(&(operation, format!("{fault:?}"))).copied());
        let points: Vec<u64> = points.map(Option::unwrap_or_default).collect();
        println!("{:>6} points: {operation:?} {points:?}", points.iter().sum::<u64>());
        for (fault, points) in FAULTS.iter().zip(points) {
            assert!(points > 0, "no {operation:?} met {fault:?}");
        }
    }
    let points: u64 = met.values().sum();
    println!(
        "{points} points in {} scenarios: every kind of call met every fault",
        SCENARIOS.len()
    );
    assert!(points > 3_000, "only {points} points were tried");
}

#[test]
fn whatever_call_of_a_start_fails_the_next_start_finds_all_that_was_acknowledged() {
    let points = Mutex::new(0);
    thread::scope(|threads| {
        for scenario in SCENARIOS {
            let points = &points;
            threads.spawn(move || {
                let mut tried = 0;
                for at in (0..CALLS).step_by(STRIDE) {
                    let ending = Ending::PowerCut(Kept::Chance, Kept::Chance);
                    let point = Point { scenario, at, fault: Fault::PowerCut, ending };
                    tried += FAULTS
                        .iter()
                        .map(|&fault| point.survive_the_next_start(fault))
                        .sum::<u64>();
                }
                *points.lock().unwrap() += tried;
            });
        }
    });
    let points = points.into_inner().unwrap();
    println!("{points} points: every call of a start met every fault");
    assert!(points > 1_000, "only {points} points were tried");
}

const OPERATIONS: [Operation; 8] = [
    Operation::Create,
    Operation::Rename,
    Operation::Unlink,
    Operation::SyncNames,
    Operation::Write,
    Operation::Allocate,
    Operation::Truncate,
    Operation::Sync,
];
/// Endings a fault has at each call, of those there are.
const TURNS: usize = 1;
/// Where power fails before the starts that are looked at.
const CALLS: u64 = 80;
const STRIDE: usize = 17;
