//! Every call to the disk meets every fault, in scenarios that between them
//! make every kind of call; then the gateway stops, is killed, or loses power
//! in one of several ways; then it starts again, and that too is cut short at
//! every call.
//!
//! After each: *acknowledged = delivered + still queued*, for ids, contents
//! and recorded outcomes. POSTERN_EVERY_CALL=all tries every ending of every
//! fault; without it the endings take turns.

use std::{collections::BTreeMap, fmt, slice, sync::Mutex, thread};

use nix::errno::Errno;

use super::{
    super::{Batch, Spool},
    SEGMENT, SimulatedDisk, block_on, id, message, open,
    simulated_disk::{Fault, Operation},
    told::{LARGE, Step, Told, check_damage, check_running, content_of, take},
    volatile::Kept,
};

#[derive(Clone, Copy)]
enum Act {
    Accept(u64),
    /// In one batch.
    AcceptBoth(u64, u64),
    Update(u64),
    Remove(u64),
    /// A notice in the place of a message: one batch that does both.
    Return(u64, u64),
    /// At once, from several tasks.
    Together(&'static [Act]),
    /// An orderly stop, and a start.
    Restart,
}

use Act::{Accept, AcceptBoth, Remove, Restart, Return, Together, Update};

struct Scenario {
    name: &'static str,
    /// Of the disk, in octets.
    capacity: u64,
    acts: &'static [Act],
}

#[rustfmt::skip]
const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "one at a time",
        capacity: u64::MAX,
        acts: &[Accept(1), Accept(2), Update(1), Remove(2), Accept(3), Remove(1)],
    },
    Scenario {
        name: "in groups",
        capacity: u64::MAX,
        acts: &[
            Accept(1),
            AcceptBoth(2, 3),
            Together(&[Accept(4), Accept(5), Update(1)]),
            Together(&[Remove(1), AcceptBoth(6, 7), Remove(2), Accept(8)]),
        ],
    },
    Scenario {
        name: "outcomes and notices",
        capacity: u64::MAX,
        acts: &[Accept(1), Update(1), Update(1), Accept(2), Return(1, 3), Update(2), Return(3, 4)],
    },
    Scenario {
        name: "a message with a segment of its own",
        capacity: u64::MAX,
        acts: &[Accept(1), Accept(LARGE), Accept(2), Update(LARGE), Remove(LARGE), Accept(3)],
    },
    Scenario {
        name: "one segment after the other",
        capacity: u64::MAX,
        acts: &[
            Accept(1), Accept(2), Accept(3), Accept(4), Accept(5), Accept(6), Accept(7), Accept(8),
            Accept(9), Accept(10), Accept(11), Accept(12), Accept(13), Accept(14), Accept(15),
            Accept(16), Accept(17), Accept(18), Accept(19), Accept(20), Update(1),
        ],
    },
    Scenario {
        name: "segments that are unlinked",
        capacity: u64::MAX,
        acts: &[
            AcceptBoth(1, 2), AcceptBoth(3, 4), AcceptBoth(5, 6), AcceptBoth(7, 8),
            AcceptBoth(9, 10), AcceptBoth(11, 12), Remove(1), Remove(2), Remove(3), Remove(4),
            Remove(5), Remove(6), Remove(7), Remove(8), AcceptBoth(13, 14), AcceptBoth(15, 16),
            Remove(9), Remove(10), Remove(11), AcceptBoth(17, 18),
        ],
    },
    Scenario {
        name: "messages that are moved",
        capacity: u64::MAX,
        acts: &[
            Together(&[AcceptBoth(1, 2), AcceptBoth(3, 4), AcceptBoth(5, 6), AcceptBoth(7, 8)]),
            Together(&[AcceptBoth(9, 10), AcceptBoth(11, 12), AcceptBoth(13, 14), AcceptBoth(15, 16)]),
            Together(&[AcceptBoth(17, 18), AcceptBoth(19, 20), AcceptBoth(21, 22), AcceptBoth(23, 24)]),
            Together(&[AcceptBoth(25, 26), AcceptBoth(27, 28), AcceptBoth(29, 30), AcceptBoth(31, 32)]),
            Together(&[AcceptBoth(33, 34), AcceptBoth(35, 36), AcceptBoth(37, 38), AcceptBoth(39, 40)]),
            Together(&[Return(2, 41), Remove(3), Remove(4), Remove(5)]),
            Together(&[Remove(6), Remove(7), Remove(8), Remove(10)]),
            Together(&[Remove(11), Remove(12), Remove(13), Remove(14)]),
            Together(&[Remove(16), Remove(17), Remove(18), Remove(19)]),
            Together(&[Remove(20), Remove(21), Remove(22), Remove(24)]),
            Together(&[Remove(25), Remove(26), Remove(27), Remove(28)]),
            Together(&[Remove(30), Remove(31), Remove(32), Remove(33)]),
            Update(9), Update(15), Accept(42), Remove(1), Restart, Accept(43), Update(29),
        ],
    },
    Scenario {
        name: "no space for a spare",
        capacity: 2 * SEGMENT,
        acts: &[
            AcceptBoth(1, 2), AcceptBoth(3, 4), AcceptBoth(5, 6), AcceptBoth(7, 8),
            AcceptBoth(9, 10), AcceptBoth(11, 12), AcceptBoth(13, 14), AcceptBoth(15, 16),
            Update(1), Return(2, 17), Remove(1), Remove(3), Remove(4), Remove(5), Remove(6),
            Remove(7), Remove(8), Accept(18), Accept(19),
        ],
    },
    Scenario {
        name: "orderly stops",
        capacity: u64::MAX,
        acts: &[
            AcceptBoth(1, 2), AcceptBoth(3, 4), Restart, AcceptBoth(5, 6), AcceptBoth(7, 8),
            Remove(1), Update(2), Restart, AcceptBoth(9, 10), AcceptBoth(11, 12), Remove(2),
            Restart, Update(3), Accept(13),
        ],
    },
];

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
                (_, Restart) => {
                    drop(spool.take());
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
        let opened = open(disk).or_else(|error| {
            disk.mend();
            if disk.is_powerless() { Err(error) } else { open(disk) }
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
            let (spool, found) = open(disk).unwrap();
            assert_eq!(found, told.certain, "{self}: after an orderly stop");
            assert_eq!(spool.damage(), [], "{self}: after an orderly stop");
        } else {
            // What was struck out or cut off must not come back now.
            let disk = disk.after_power_cut_keeping(Kept::Nothing, Kept::Nothing, 0);
            let (_, found) = open(&disk).unwrap();
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

impl Act {
    fn carry_out(&self, spool: &Spool, told: &mut Told) {
        let acts = match self {
            Together(acts) => acts,
            act => slice::from_ref(act),
        };
        let mut steps =
            acts.iter().filter_map(|act| act.step(told)).collect::<Vec<_>>().into_iter();
        let mut next = || {
            let step = steps.next();
            async { Some(take(spool, step?).await) }
        };
        let mut answers: Vec<_> =
            block_on(async { <[_; 4]>::from(tokio::join!(next(), next(), next(), next())) })
                .into_iter()
                .flatten()
                .collect();
        // Two commits may have been made of them; what failed in the second
        // is doubtful still.
        answers.sort_by_key(|(_, answer)| answer.is_err());
        for (effect, answer) in answers {
            told.hear(effect, &answer);
        }
    }

    /// None where it is about a message that is not there.
    fn step(&self, told: &mut Told) -> Option<Step> {
        told.versions += 1;
        let version = told.versions;
        let queued = |number| Some(id(number)).filter(|id| told.certain.contains_key(id));
        let accept = |number| {
            let new = id(number);
            (message(new, version), content_of(new), (new, Some(version)))
        };
        Some(match *self {
            Accept(number) => {
                let (message, content, effect) = accept(number);
                Step::Commit(Batch::new().accept(&message, content), vec![effect])
            }
            AcceptBoth(first, second) => {
                let (message, content, one) = accept(first);
                let batch = Batch::new().accept(&message, content);
                let (message, content, other) = accept(second);
                Step::Commit(batch.accept(&message, content), vec![one, other])
            }
            Update(number) => {
                let id = queued(number)?;
                Step::Record(Batch::new().update(&message(id, version)), vec![(id, Some(version))])
            }
            Remove(number) => {
                let id = queued(number)?;
                Step::Record(Batch::new().remove(id), vec![(id, None)])
            }
            Return(old, notice) => {
                let old = queued(old)?;
                let (message, content, effect) = accept(notice);
                let batch = Batch::new().remove(old).accept(&message, content);
                Step::Commit(batch, vec![(old, None), effect])
            }
            Together(_) | Restart => panic!("not one step"),
        })
    }
}

#[test]
fn the_scenarios_do_what_their_names_say() {
    let mut stats = BTreeMap::new();
    for scenario in SCENARIOS {
        let disk = SimulatedDisk::new(1);
        disk.set_capacity(scenario.capacity);
        let mut told = Told::default();
        let spool = open(&disk).unwrap().0;
        for act in scenario.acts.iter().filter(|act| !matches!(act, Restart)) {
            act.carry_out(&spool, &mut told);
        }
        check_running(&spool, &told);
        let refused = told.doubtful.len();
        stats.insert(scenario.name, (spool.stats(), refused));
    }
    println!("{stats:#?}");
    assert!(stats["messages that are moved"].0.octets_moved > 0);
    assert!(stats["one segment after the other"].0.segments > 2);
    assert!(stats["segments that are unlinked"].0.segments < 4);
}

/// How often each kind of call met each fault.
type Met = BTreeMap<(Operation, String), u64>;

/// All points of one scenario.
fn survive_everything(scenario: &Scenario, met: &Mutex<Met>) {
    let turns = if std::env::var("POSTERN_EVERY_CALL").is_ok_and(|said| said == "all") {
        ENDINGS.len()
    } else {
        TURNS
    };
    for at in 0.. {
        let mut reached = false;
        for (index, &fault) in FAULTS.iter().enumerate() {
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
    println!("{points} points in {} scenarios: every call met every fault", SCENARIOS.len());
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
