//! What must hold of a trail on a disk: the writer, the files and the
//! verification together.

mod tampering;

use std::{
    fs::{self, File},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{reading::FILE, *};
use crate::config::AuditTrail;

/// A data folder with a trail in it.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// With so many lines, by a gateway that has stopped in order.
    fn with(lines: u64) -> Self {
        let home = Self::new();
        home.write(lines);
        home
    }

    fn write(&self, lines: u64) {
        let audit = self.open();
        (0..lines).for_each(|number| audit.record(line(number)));
        audit.close();
    }

    fn open(&self) -> Audit {
        self.open_keeping(AuditTrail::default())
    }

    fn open_keeping(&self, keeping: AuditTrail) -> Audit {
        Audit::open(self.settings(keeping)).unwrap()
    }

    fn settings(&self, keeping: AuditTrail) -> AuditSettings {
        let (node, data_dir) = ("mx1.example".to_owned(), self.0.path().to_owned());
        AuditSettings { node, data_dir, keeping }
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("audit")
    }

    fn path(&self) -> PathBuf {
        self.folder().join(FILE)
    }

    fn octets(&self) -> Vec<u8> {
        fs::read(self.path()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        String::from_utf8(self.octets()).unwrap().lines().map(str::to_owned).collect()
    }

    fn put(&self, lines: &[String]) {
        fs::write(self.path(), lines.join("\n") + "\n").unwrap();
    }

    fn told(&self, what: &str) -> Option<Value> {
        let lines = self.lines().into_iter().map(|line| serde_json::from_str(&line).unwrap());
        lines.into_iter().find(|line: &Value| line["event"] == "trail" && line["what"] == what)
    }

    fn verify(&self) -> Verification {
        verify(&self.folder(), &Anchors::default()).unwrap()
    }

    /// `LINE KIND SEQ` of each fault.
    fn faults(&self) -> Vec<String> {
        let told = |fault: &Fault| {
            let kind = json!(fault.kind)["fault"].as_str().unwrap().to_owned();
            format!("{} {kind} {}", fault.line.unwrap_or(0), fault.seq.unwrap_or(0))
        };
        self.verify().faults.iter().map(told).collect()
    }

    fn files(&self) -> Vec<String> {
        let names = fs::read_dir(self.folder()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.filter(|name| name.starts_with(FILE)).collect();
        names.sort();
        names
    }
}

fn line(number: u64) -> Value {
    json!({ "event": "x", "number": number, "text": "é".repeat(number as usize % 7) })
}

fn set_aside(home: &Home, age: Duration) {
    for name in home.files().iter().filter(|name| *name != FILE) {
        let file = File::open(home.folder().join(name)).unwrap();
        file.set_modified(SystemTime::now() - age).unwrap();
    }
}

/// Until files are as they should be: packing has a thread of its own.
fn until(mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("it has not come to that");
}

#[test]
fn what_was_told_before_a_flush_is_on_disk_after_it_with_its_version() {
    let home = Home::new();
    let audit = home.open();
    audit.record(json!({ "event": "x" }));
    audit.flush();
    let line: Value = serde_json::from_str(&home.lines()[0]).unwrap();
    assert_eq!((&line["v"], &line["event"], &line["seq"]), (&1.into(), &"x".into(), &1.into()));
    let mode = fs::metadata(home.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    audit.close();
    audit.flush();
}

#[test]
fn every_line_told_before_the_close_is_on_disk_after_it_in_its_order() {
    let home = Home::with(100);
    let numbers: Vec<u64> = home
        .lines()
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..100).collect::<Vec<_>>());
}

#[test]
fn a_trail_goes_on_where_it_ended_and_is_whole() {
    let home = Home::with(3);
    home.write(0);
    home.write(4);
    let verified = home.verify();
    assert!(verified.is_intact(), "{:?}", verified.faults);
    assert_eq!((verified.entries, verified.last.unwrap().seq), (7, 7));
    assert!(verified.checkpoints >= 2);
}

#[test]
fn no_two_gateways_write_one_trail() {
    let home = Home::new();
    let first = home.open();
    let second = Audit::open(home.settings(AuditTrail::default()));
    assert!(matches!(second, Err(AuditError::Taken(_))));
    first.close();
    drop(first);
    home.write(1);
}

#[test]
fn a_trail_is_verified_while_it_is_written() {
    let home = Home::with(5);
    let audit = home.open();
    audit.record(line(6));
    audit.flush();
    // A line that is being written is torn, and nothing is wrong with it.
    let half = [home.octets(), b"{\"seq\":7,\"pr".to_vec()].concat();
    fs::write(home.path(), half).unwrap();
    assert!(home.verify().is_intact());
    audit.close();
    drop(audit);
    assert_eq!(home.faults(), ["7 torn 0"]);
}

#[test]
fn a_torn_last_line_is_set_aside_and_told() {
    let home = Home::with(5);
    let torn = b"{\"seq\":6,\"prev\":\"ab";
    fs::write(home.path(), [&home.octets()[..], torn].concat()).unwrap();
    home.write(1);
    let told = home.told("recovered").unwrap();
    assert_eq!((&told["seq"], &told["octets"]), (&6.into(), &torn.len().into()));
    let aside = home.folder().join(told["file"].as_str().unwrap());
    assert_eq!(fs::read(aside).unwrap(), torn);
    assert_eq!(told["sha256"], json!(Digest::of(torn)));
    assert!(home.verify().is_intact(), "{:?}", home.faults());
}

#[test]
fn lines_that_were_gone_at_a_start_are_missing_for_ever() {
    let home = Home::with(9);
    home.put(&home.lines()[..6]);
    let audit = home.open();
    assert!(audit.state().is_broken.load(std::sync::atomic::Ordering::Relaxed));
    audit.close();
    drop(audit);
    home.write(5);
    assert!(home.told("broken").is_some());
    assert_eq!(home.faults(), ["7 missing 7"]);
}

#[test]
fn whoever_cuts_lines_and_removes_the_record_of_the_last_is_told_of_at_the_next_start() {
    let home = Home::with(9);
    home.put(&home.lines()[..6]);
    fs::remove_file(home.folder().join("audit.head")).unwrap();
    home.write(2);
    let told = home.told("broken").unwrap();
    assert_eq!((&told["expected"], &told["found"]["seq"]), (&Value::Null, &6.into()));
}

/// A verification may begin before the first line, and meet it.
#[test]
fn a_trail_without_a_line_has_no_fault() {
    let home = Home::new();
    let audit = home.open();
    assert_eq!(home.faults(), [""; 0]);
    audit.close();
}

#[test]
fn whoever_changes_the_end_while_the_gateway_is_stopped_is_found_after_the_next_start() {
    let home = Home::with(9);
    let mut lines = home.lines();
    lines[8] = lines[8].replace("\"x\"", "\"y\"");
    home.put(&lines);
    home.write(2);
    // The line, and what the checkpoint at the stop has seen of it.
    let faults = home.faults();
    assert!(faults.contains(&"9 altered 9".to_owned()), "{faults:?}");
}

#[test]
fn lines_of_versions_without_a_chain_are_bound_by_its_first() {
    let home = Home::new();
    fs::create_dir_all(home.folder()).unwrap();
    fs::write(home.path(), "{\"v\":1,\"event\":\"a\"}\n{\"v\":1,\"event\":\"b\"}\n").unwrap();
    home.write(3);
    let verified = home.verify();
    assert!(verified.is_intact(), "{:?}", verified.faults);
    assert_eq!((verified.before_chain, verified.entries, verified.first), (2, 4, Some(1)));
    let mut lines = home.lines();
    lines[1] = lines[1].replace('b', "c");
    home.put(&lines);
    assert_eq!(home.faults(), ["3 before_chain 1"]);
}

#[test]
fn the_chain_runs_across_files_and_retirement_keeps_it_sound() {
    let home = Home::new();
    let small = AuditTrail { rotate_size: 600, ..AuditTrail::default() };
    let audit = home.open_keeping(small);
    for number in 0..30 {
        audit.record(line(number));
        if number % 10 == 9 {
            audit.flush();
            until(|| home.files().len() as u64 > number / 10 + 1);
        }
    }
    until(|| home.files().iter().filter(|name| name.ends_with(".gz")).count() == 3);
    audit.close();
    drop(audit);
    assert_eq!(home.files()[1], "audit.jsonl-000000000001-000000000010.gz");
    let verified = home.verify();
    assert!(verified.is_intact(), "{:?}", verified.faults);
    assert_eq!((verified.files, verified.entries), (4, 30));

    let day = Duration::from_secs(24 * 3600);
    set_aside(&home, 10 * day);
    let short = AuditTrail { retention: day, ..AuditTrail::default() };
    let by = "somebody".to_owned();
    let hold = LegalHold { by, reason: "an inquest".to_owned(), at: String::new() };
    let audit = home.open_keeping(short);
    audit.hold_legally(Some(&hold)).unwrap();
    audit.close();
    drop(audit);
    let audit = home.open_keeping(short);
    audit.record(line(1));
    audit.flush();
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(home.files().len(), 4, "a legal hold did not hold");
    audit.hold_legally(None).unwrap();
    audit.close();
    drop(audit);

    let audit = home.open_keeping(short);
    audit.record(line(2));
    until(|| home.files().len() == 1);
    audit.close();
    drop(audit);
    let verified = home.verify();
    assert!(verified.is_intact(), "{:?}", verified.faults);
    assert_eq!((verified.first, verified.retired), (Some(31), 30));
    // What was not retired, but taken away, is missing.
    let mut lines = home.lines();
    let retired = lines.iter().position(|line| line.contains("retired")).unwrap();
    lines[retired] = lines[retired].replace("retired", "removed");
    home.put(&lines);
    assert!(home.faults().contains(&"1 missing 1".to_owned()), "{:?}", home.faults());
}

#[test]
fn a_changed_octet_in_a_packed_file_is_found() {
    let home = Home::new();
    let small = AuditTrail { rotate_size: 600, ..AuditTrail::default() };
    let audit = home.open_keeping(small);
    (0..200).for_each(|number| audit.record(line(number)));
    audit.flush();
    until(|| home.files().iter().any(|name| name.ends_with(".gz")));
    audit.close();
    drop(audit);
    assert!(home.verify().is_intact());
    let packed = home.folder().join(&home.files()[1]);
    let mut octets = fs::read(&packed).unwrap();
    let middle = octets.len() / 2;
    octets[middle] ^= 0x10;
    fs::write(&packed, octets).unwrap();
    let faults = home.verify().faults;
    let name = packed.file_name().unwrap().to_string_lossy().into_owned();
    assert!(faults.iter().any(|fault| fault.file == name), "{faults:?}");
}

#[test]
fn a_file_that_somebody_has_replaced_takes_no_line_with_it_and_is_told_of() {
    let home = Home::with(3);
    let audit = home.open();
    let broken = || audit.state().is_broken.load(std::sync::atomic::Ordering::Relaxed);
    assert!(!broken());
    let shorter = home.lines()[1..].join("\n") + "\n";
    let other = home.folder().join("other");
    fs::write(&other, shorter).unwrap();
    fs::rename(other, home.path()).unwrap();
    audit.record(line(4));
    audit.flush();
    assert!(broken());
    audit.close();
    assert_eq!(home.lines().len(), 3);
    assert!(!home.verify().is_intact());
}

#[test]
fn a_file_that_somebody_has_moved_is_followed_by_a_new_one() {
    let home = Home::with(3);
    let audit = home.open();
    fs::rename(home.path(), home.folder().join("audit.jsonl.1")).unwrap();
    audit.record(line(4));
    audit.reopen();
    audit.record(line(5));
    audit.close();
    assert_eq!(home.lines().len(), 1);
    let verified = home.verify();
    assert!(verified.is_intact(), "{:?}", verified.faults);
    assert_eq!((verified.files, verified.entries), (2, 5));
}

/// `/dev/full` takes no octet, as a full disk does.
fn onto_a_full_disk(path: &Path) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("/dev/full", path).unwrap();
}

#[test]
fn lines_wait_for_a_full_disk_and_stand_in_their_order_when_it_takes_them() {
    let home = Home::new();
    onto_a_full_disk(&home.path());
    let audit = home.open();
    (0..5).for_each(|number| audit.record(line(number)));
    audit.flush();
    let state = audit.state();
    assert_eq!(state.waiting.load(std::sync::atomic::Ordering::Relaxed), 5);
    assert!(state.failures.load(std::sync::atomic::Ordering::Relaxed) > 0);
    fs::remove_file(home.path()).unwrap();
    audit.reopen();
    audit.record(line(5));
    audit.close();
    assert_eq!(home.lines().len(), 6);
    assert!(home.verify().is_intact(), "{:?}", home.faults());
    assert!(home.told("gap").is_none());
}

#[test]
fn lines_that_were_lost_to_a_full_disk_are_counted_in_the_trail() {
    let home = Home::new();
    onto_a_full_disk(&home.path());
    let audit = home.open();
    (0..17_000).for_each(|number| audit.record(line(number)));
    audit.flush();
    let lost = audit.state().lost.load(std::sync::atomic::Ordering::Relaxed);
    assert!(lost > 0);
    fs::remove_file(home.path()).unwrap();
    audit.reopen();
    audit.close();
    let gap = home.told("gap").unwrap();
    assert_eq!(gap["lines"], lost);
    assert!(gap["why"].as_str().unwrap().contains("space"), "{gap}");
    assert_eq!(home.lines().len() as u64, 17_000 - lost + 1);
    assert!(home.verify().is_intact(), "{:?}", home.faults());
}
