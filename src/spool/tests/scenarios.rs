//! What a gateway does with its spool: scenarios that between them make every
//! kind of call to the disk.

use std::{collections::BTreeMap, slice};

use super::{
    super::{Batch, Spool},
    SEGMENT, SimulatedDisk, block_on, id, keys, message, open, open_with,
    told::{LARGE, Step, Told, check_running, content_of, take},
};

#[derive(Clone, Copy)]
pub(super) enum Act {
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
    /// Likewise, with a new key beside those before it.
    NewKey,
}

pub(super) use Act::{Accept, AcceptBoth, NewKey, Remove, Restart, Return, Together, Update};

pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// Of the disk, in octets.
    pub(super) capacity: u64,
    /// Each call meets one fault in so many, in turn: long ones take long.
    pub(super) share: usize,
    pub(super) acts: &'static [Act],
}

#[rustfmt::skip]
pub(super) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "one at a time",
        capacity: u64::MAX,
        share: 1,
        acts: &[Accept(1), Accept(2), Update(1), Remove(2), Accept(3), Remove(1)],
    },
    Scenario {
        name: "in groups",
        capacity: u64::MAX,
        share: 1,
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
        share: 1,
        acts: &[Accept(1), Update(1), Update(1), Accept(2), Return(1, 3), Update(2), Return(3, 4)],
    },
    Scenario {
        name: "a message with a segment of its own",
        capacity: u64::MAX,
        share: 1,
        acts: &[Accept(1), Accept(LARGE), Accept(2), Update(LARGE), Remove(LARGE), Accept(3)],
    },
    Scenario {
        name: "one segment after the other",
        capacity: u64::MAX,
        share: 1,
        acts: &[
            Accept(1), Accept(2), Accept(3), Accept(4), Accept(5), Accept(6), Accept(7), Accept(8),
            Accept(9), Accept(10), Accept(11), Accept(12), Accept(13), Accept(14), Accept(15),
            Accept(16), Accept(17), Accept(18), Accept(19), Accept(20), Update(1),
        ],
    },
    Scenario {
        name: "segments that are unlinked",
        capacity: u64::MAX,
        share: 2,
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
        share: 5,
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
        share: 2,
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
        share: 1,
        acts: &[
            AcceptBoth(1, 2), AcceptBoth(3, 4), Restart, AcceptBoth(5, 6), AcceptBoth(7, 8),
            Remove(1), Update(2), Restart, AcceptBoth(9, 10), AcceptBoth(11, 12), Remove(2),
            Restart, Update(3), Accept(13),
        ],
    },
    Scenario {
        name: "sealed",
        capacity: u64::MAX,
        share: 1,
        acts: &[
            NewKey, Accept(1), AcceptBoth(2, 3), Update(1), Accept(LARGE),
            Together(&[Accept(4), AcceptBoth(5, 6), Update(2), Return(3, 7)]),
            Remove(LARGE), Restart, Update(4), Return(5, 8), Accept(9), Remove(1),
        ],
    },
    Scenario {
        name: "keys that change",
        capacity: u64::MAX,
        share: 3,
        acts: &[
            AcceptBoth(1, 2), AcceptBoth(3, 4), AcceptBoth(5, 6), AcceptBoth(7, 8), Remove(4),
            NewKey, AcceptBoth(9, 10), Update(1), Remove(2), Return(3, 11), Accept(12),
            NewKey, Update(5), AcceptBoth(13, 14), Remove(9), Restart, Remove(7), Update(1),
            NewKey, Accept(15),
        ],
    },
];

impl Act {
    pub(super) fn carry_out(&self, spool: &Spool, told: &mut Told) {
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
            Together(_) | Restart | NewKey => panic!("not one step"),
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
        let mut spool = open(&disk).unwrap().0;
        for act in scenario.acts {
            match act {
                Restart => {}
                NewKey => {
                    drop(spool);
                    told.keys += 1;
                    spool = open_with(&disk, keys(told.keys)).unwrap().0;
                }
                act => act.carry_out(&spool, &mut told),
            }
        }
        while spool.stats().outdated_segments > 0 {
            std::thread::yield_now();
        }
        check_running(&spool, &told);
        stats.insert(scenario.name, spool.stats());
    }
    assert!(stats["messages that are moved"].octets_moved > 0);
    assert!(stats["no space for a spare"].messages < 12, "everything was taken");
    assert!(stats["one segment after the other"].segments > 2);
    assert!(stats["segments that are unlinked"].segments < 4);
    assert!(stats["keys that change"].octets_moved > 0);
}
