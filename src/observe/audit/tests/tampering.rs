//! What is done to a trail behind our back is found, and placed.

use std::fs;

use proptest::prelude::*;
use serde_json::Value;

use super::{super::chain::Place, *};

/// What is done to a trail of twenty lines, and what is found.
#[test]
fn what_was_done_to_a_trail_is_found_and_placed() {
    type Change = fn(&mut Vec<String>);
    let cases: &[(&str, Change, &[&str])] = &[
        ("nothing", |_| {}, &[]),
        ("changed", |lines| lines[4] = lines[4].replace("\"x\"", "\"y\""), &["5 altered 5"]),
        (
            "two changed, apart",
            |lines| [4, 9].into_iter().for_each(|at| lines[at].push(' ')),
            &["5 altered 5", "10 altered 10"],
        ),
        (
            "two changed, side by side",
            |lines| [4, 5].into_iter().for_each(|at| lines[at].push(' ')),
            &["5 unproven 5", "6 altered 6"],
        ),
        ("without its place", |lines| lines[4].insert(0, ' '), &["5 altered 5"]),
        (
            "two without places",
            |lines| [4, 5].into_iter().for_each(|at| lines[at].insert(0, ' ')),
            &["5 altered 5", "6 altered 6"],
        ),
        (
            "another number",
            |lines| lines[4] = lines[4].replacen("\"seq\":5", "\"seq\":6", 1),
            &["5 altered 5"],
        ),
        (
            "an earlier number",
            |lines| lines[4] = lines[4].replacen("\"seq\":5", "\"seq\":2", 1),
            &["5 altered 5"],
        ),
        ("removed", |lines| drop(lines.remove(4)), &["5 missing 5"]),
        ("several removed", |lines| drop(lines.drain(4..8)), &["5 missing 5"]),
        (
            "removed, and the next changed",
            |lines| {
                lines.remove(4);
                lines[4].push(' ');
            },
            &["5 altered 6", "5 missing 5"],
        ),
        ("first removed", |lines| drop(lines.remove(0)), &["1 missing 1"]),
        ("doubled", |lines| lines.insert(5, lines[4].clone()), &["6 inserted 5"]),
        ("put in", |lines| lines.insert(5, "{\"event\":\"no\"}".to_owned()), &["6 inserted 0"]),
        ("swapped", |lines| lines.swap(4, 5), &["5 moved 6"]),
        (
            "moved to the end",
            |lines| {
                let line = lines.remove(4);
                lines.push(line);
            },
            &["20 moved 5"],
        ),
        (
            "moved to the front",
            |lines| {
                let line = lines.remove(14);
                lines.insert(2, line);
            },
            &["3 moved 15"],
        ),
        ("cut", |lines| lines.truncate(17), &["17 truncated 20"]),
        (
            "last changed",
            |lines| lines[19].push(' '),
            &["20 contradicted 20", "20 contradicted 20"],
        ),
        ("last without its place", |lines| lines[19].insert(0, ' '), &["20 altered 20"]),
    ];
    let whole = Home::with(20);
    let lines = whole.lines();
    for (what, change, found) in cases {
        let mut changed = lines.clone();
        change(&mut changed);
        whole.put(&changed);
        assert_eq!(whole.faults(), *found, "{what}");
    }
}

#[test]
fn a_line_forged_in_the_chain_is_found_where_the_true_one_stands() {
    let home = Home::with(20);
    let mut lines = home.lines();
    let place = Place::of(lines[4].as_bytes()).unwrap();
    let mut forged = Vec::new();
    Link { seq: 4, digest: place.prev }.seal(b"{\"event\":\"no\"}", &mut forged);
    lines.insert(4, String::from_utf8(forged).unwrap());
    home.put(&lines);
    assert_eq!(home.faults(), ["5 altered 5", "6 inserted 5"]);
}

#[test]
fn who_writes_the_whole_trail_anew_is_found_by_a_checkpoint_kept_outside() {
    let home = Home::new();
    let audit = home.open();
    (0..20).for_each(|number| audit.record(line(number)));
    let outside = audit.checkpoint().unwrap().unwrap();
    audit.close();
    drop(audit);
    let anchors = Anchors { checkpoints: Checkpoint::read_all(&outside.page()), key: None };
    assert!(verify(&home.folder(), &anchors).unwrap().is_intact());

    // As somebody would who has all our files, and the key.
    let mut lines = home.lines();
    lines.remove(4);
    fs::remove_dir_all(home.folder()).unwrap();
    let audit = home.open();
    for line in lines {
        let mut line: Value = serde_json::from_str(&line).unwrap();
        line.as_object_mut().unwrap().retain(|name, _| name != "seq" && name != "prev");
        audit.record(line);
    }
    audit.record(line(20));
    audit.close();
    assert!(home.verify().is_intact());
    let found = verify(&home.folder(), &anchors).unwrap();
    assert!(matches!(found.faults[..], [Fault { kind: FaultKind::Contradicted { .. }, .. }]));

    // One that this trail has not signed proves nothing.
    let forged = Checkpoint { link: found.last.unwrap(), ..outside };
    let found = verify(&home.folder(), &Anchors { checkpoints: vec![forged], key: None }).unwrap();
    assert!(matches!(found.faults[..], [Fault { kind: FaultKind::Unsigned { .. }, .. }]));
}

#[test]
fn without_the_record_of_the_last_line_nobody_says_that_all_is_well() {
    let home = Home::with(5);
    fs::remove_file(home.folder().join("audit.head")).unwrap();
    assert_eq!(home.faults(), ["0 no_head 0"]);
    let empty = Home::new();
    fs::create_dir_all(empty.folder()).unwrap();
    assert!(!empty.verify().is_intact());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The line itself is named; or, where an octet of what it says of the one
    /// before was changed, that one as well.
    #[test]
    fn a_flipped_octet_anywhere_is_found_and_placed(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let home = trail_of_twenty();
        let mut octets = home.octets();
        let index = at.index(octets.len());
        let line = octets[..index].iter().filter(|octet| **octet == b'\n').count() as u64 + 1;
        let is_end = octets[index] == b'\n';
        octets[index] ^= 1 << bit;
        fs::write(home.path(), &octets).unwrap();
        let faults = home.verify().faults;
        // The first line alone may look as if it stood before the chain; with
        // a line end gone it is the line behind that is not there.
        let places = line..=if is_end || line == 1 { line + 1 } else { line };
        let is_placed = faults.iter().any(|fault| fault.line.is_some_and(|at| places.contains(&at)));
        prop_assert!(is_placed, "line {line}: {faults:?}");
        prop_assert!(faults.len() <= 4, "{faults:?}");
    }

    #[test]
    fn removed_and_cut_lines_are_found_wherever_they_stood(from in 0usize..20, lines in 1usize..20) {
        let home = trail_of_twenty();
        let mut left = home.lines();
        let to = (from + lines).min(20);
        left.drain(from..to);
        prop_assume!(!left.is_empty());
        home.put(&left);
        let faults = home.verify().faults;
        let [fault] = &faults[..] else { panic!("{faults:?}") };
        let found = match fault.kind {
            FaultKind::Missing { from, to } => (from, to),
            FaultKind::Truncated { last, .. } => (last + 1, fault.seq.unwrap()),
            _ => panic!("{fault}"),
        };
        prop_assert_eq!(found, (from as u64 + 1, to as u64));
    }

    #[test]
    fn two_lines_that_changed_places_are_found(one in 0usize..20, other in 0usize..20) {
        prop_assume!(one != other);
        let home = trail_of_twenty();
        let mut lines = home.lines();
        lines.swap(one, other);
        home.put(&lines);
        let places = [one as u64 + 1, other as u64 + 1];
        let faults = home.verify().faults;
        let is_placed = faults.iter().any(|fault| fault.line.is_some_and(|line| places.contains(&line)));
        prop_assert!(is_placed, "{places:?}: {faults:?}");
    }
}

/// Written once: what is done to it is done to a copy.
fn trail_of_twenty() -> Home {
    use std::sync::OnceLock;
    static WRITTEN: OnceLock<Vec<(String, Vec<u8>)>> = OnceLock::new();
    let files = WRITTEN.get_or_init(|| {
        let home = Home::with(20);
        let names = fs::read_dir(home.folder()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.map(|name| (name.clone(), fs::read(home.folder().join(name)).unwrap())).collect()
    });
    let home = Home::new();
    fs::create_dir_all(home.folder()).unwrap();
    files.iter().for_each(|(name, octets)| fs::write(home.folder().join(name), octets).unwrap());
    home
}
