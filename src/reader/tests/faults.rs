//! Whatever a reader does at a document, that document is opaque, somebody is
//! told, and the next one is read.

use std::{fs, thread, time::Duration};

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};

use super::{
    actor::{Role, program},
    document, is_well, opaque, pool, process_id, settings, told,
};
use crate::{
    content::ReadDocument,
    mail::{OpaqueReason, ReaderFault, ReaderOutcome},
    reader::{Program, Settings, StartError},
};

/// Of a document that says `order`, and that nobody but it notices.
fn fails(settings: Settings, order: &str, fault: ReaderFault, reason: OpaqueReason) {
    let (pool, outcomes) = pool(settings);
    let mut reader = pool.reader_now().unwrap();
    is_well(&mut reader);
    let extract = told(&mut reader, order);
    assert_eq!(extract.opaque, opaque(reason), "{order}");
    assert!(extract.readings.is_empty() && extract.files.is_empty(), "{order}");
    assert!(!reader.is_unavailable(), "{order}");
    assert_eq!(pool.processes(), 0, "{order}: one that failed is not kept");
    drop(reader);
    is_well(&mut pool.reader_now().unwrap());
    let failed = ReaderOutcome::Failed(fault);
    assert_eq!(outcomes.taken(), [ReaderOutcome::Read, failed, ReaderOutcome::Read], "{order}");
}

fn soon() -> Settings {
    Settings { deadline: Duration::from_millis(300), ..settings() }
}

#[test]
fn a_reader_that_dies_leaves_an_opaque_part() {
    for order in ["abort", "panic", "exit", "recurse"] {
        fails(settings(), order, ReaderFault::Crashed, OpaqueReason::Unreadable);
    }
}

#[test]
fn a_reader_that_wants_memory_without_end_is_over_a_limit() {
    fails(settings(), "allocate", ReaderFault::Memory, OpaqueReason::OverLimit);
}

#[test]
fn a_reader_that_never_ends_is_over_a_limit() {
    for order in ["spin", "trickle"] {
        fails(soon(), order, ReaderFault::Deadline, OpaqueReason::OverLimit);
    }
}

#[test]
fn a_reader_that_babbles_is_not_believed() {
    for order in ["garbage", "flood", "twice", "elsewhere", "nowhere"] {
        fails(settings(), order, ReaderFault::Answer, OpaqueReason::Unreadable);
    }
}

#[test]
fn a_reader_that_does_not_listen_is_over_a_limit() {
    let (pool, outcomes) = pool(Settings { program: program(Role::Deaf), ..soon() });
    let extract = pool.reader_now().unwrap().read(&document(vec![b'x'; 8 << 20]));
    assert_eq!(extract.opaque, opaque(OpaqueReason::OverLimit));
    assert_eq!(outcomes.taken(), [ReaderOutcome::Failed(ReaderFault::Deadline)]);
}

#[test]
fn a_reader_killed_while_it_reads_leaves_an_opaque_part() {
    let (pool, outcomes) = pool(settings());
    let mut reader = pool.reader_now().unwrap();
    let id = process_id(&mut reader);
    let reading = thread::spawn(move || told(&mut reader, "spin"));
    while processor_ticks(id) < 10 {
        thread::sleep(Duration::from_millis(10));
    }
    kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
    assert_eq!(reading.join().unwrap().opaque, opaque(OpaqueReason::Unreadable));
    is_well(&mut pool.reader_now().unwrap());
    let failed = ReaderOutcome::Failed(ReaderFault::Killed);
    assert_eq!(outcomes.taken(), [ReaderOutcome::Read, failed, ReaderOutcome::Read]);
}

#[test]
fn a_reader_killed_while_it_rests_is_replaced_before_it_is_asked() {
    let (pool, outcomes) = pool(settings());
    let id = process_id(&mut pool.reader_now().unwrap());
    kill(Pid::from_raw(id), Signal::SIGKILL).unwrap();
    waitid(Id::Pid(Pid::from_raw(id)), WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT).unwrap();
    is_well(&mut pool.reader_now().unwrap());
    assert_eq!(outcomes.taken(), [ReaderOutcome::Read; 2]);
}

#[test]
fn where_no_reader_can_be_had_nothing_is_concluded() {
    let programs = [
        Program { path: "/nonexistent".into(), ..program(Role::Obedient) },
        Program { path: "/bin/false".into(), ..program(Role::Obedient) },
        program(Role::Loose),
    ];
    for program in programs {
        let (pool, outcomes) = pool(Settings { program, ..settings() });
        let mut reader = pool.reader_now().unwrap();
        let extract = told(&mut reader, "echo");
        assert_eq!(extract.opaque, opaque(OpaqueReason::Unreadable));
        assert!(reader.is_unavailable());
        assert_eq!(outcomes.taken(), [ReaderOutcome::Failed(ReaderFault::Start)]);
        assert_eq!(pool.processes(), 0);
    }
}

#[test]
fn a_reader_that_cannot_be_confined_says_so_and_is_not_asked() {
    let (pool, _) = pool(Settings { program: program(Role::Loose), ..settings() });
    match pool.try_out() {
        Err(StartError::Unconfined(why)) => assert_eq!(why, "the kernel says no"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_program_that_says_nothing_is_not_waited_for_without_end() {
    let program = Program {
        path: "/bin/sleep".into(),
        arguments: vec!["1000".into(), "--".into()],
        environment: Vec::new(),
    };
    let patience = Duration::from_millis(200);
    let (pool, _) = pool(Settings { program, patience, ..settings() });
    assert!(matches!(pool.try_out(), Err(StartError::Hello(_))));
    assert_eq!(pool.processes(), 0);
}

#[test]
fn an_answer_over_the_limits_is_cut_and_says_so() {
    let (pool, outcomes) = pool(settings());
    let extract = told(&mut pool.reader_now().unwrap(), "much");
    assert_eq!(extract.readings.len(), 1);
    assert_eq!(extract.opaque, opaque(OpaqueReason::OverLimit));
    assert_eq!(outcomes.taken(), [ReaderOutcome::Opaque]);
}

/// What the kernel counts, in user and system mode together.
fn processor_ticks(process: i32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}
