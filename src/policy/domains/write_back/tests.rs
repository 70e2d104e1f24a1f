//! What is written, and what stays to the octet.

use proptest::prelude::*;

use super::{
    super::import::tests::{domains, import, terms},
    *,
};

/// As an officer leaves it: remarks, odd blanks, quotes of both kinds.
const KEPT: &str = r#"# Ours.

[[domain]]   # the laboratory
name      = 'lab.example'
clearance = 3   # agreed in May
tls = "verified"
mx_names  = [
    "mx.lab.example", # theirs
]
owner = "A. Officer"
evidence = "contract"
review = 2027-01-01

# ---- From the published list -----------------------------------------------
# A remark of mine.

[[domain]]
name      = "X.example"
clearance = 2   # lowered by hand
tls       = "encrypted"
owner     = "A. Officer"
evidence  = "DCB1596 list of 2025-11-22, line 9: X"  # renewed each year
review    = 2026-11-30

[[domain]]
name      = "y.example"
clearance = 4
tls       = "encrypted"
owner     = "A. Officer"
evidence  = "DCB1596 list of 2025-11-22, line 10: Y"
review    = 2026-11-30

# The end.
"#;

fn written(rows: &str, text: &str, gone: GoneEntries) -> String {
    write_back(text, &import(rows, text), &terms(), gone).unwrap()
}

#[test]
fn what_does_not_change_keeps_every_octet() {
    assert_eq!(written("", KEPT, GoneEntries::Keep), KEPT);
    let windows = KEPT.replace('\n', "\r\n");
    assert_eq!(written("", &windows, GoneEntries::Keep), windows);
}

#[test]
fn an_entry_of_the_list_is_renewed_in_its_place_and_keeps_what_is_written_by_hand() {
    let after = written("X,,x.example\nY,,y.example\n", KEPT, GoneEntries::Keep);
    let expected = KEPT
        .replace("2025-11-22, line 9: X", "2026-11-22, line 2: X")
        .replace("2025-11-22, line 10: Y", "2026-11-22, line 3: Y")
        .replace("2026-11-30", "2027-11-22");
    assert_eq!(after, expected);
}

#[test]
fn new_entries_stand_at_the_end_under_one_heading_and_are_what_they_were_meant_to_be() {
    let once = written("New \"Ltd\",,new.example\n", "", GoneEntries::Keep);
    let again = written("New \"Ltd\",,new.example\nMore,,more.example\n", &once, GoneEntries::Keep);
    assert!(again.starts_with(&once), "{again}");
    assert_eq!(again.matches(HEADING).count(), 1);
    let read = domains(&again);
    assert_eq!(read.iter().count(), 2);
    let new = read.destination(&"new.example".parse().unwrap());
    assert_eq!(new.clearance.number(), 4);
    let entry = new.entry.unwrap();
    assert_eq!(entry.evidence, "DCB1596 list of 2026-11-22, line 2: New \"Ltd\"");
    assert_eq!(entry.owner, "A. Officer");
    assert!(import("New \"Ltd\",,new.example\n", &once).is_nothing(), "read twice, written once");
}

#[test]
fn nobody_answers_for_new_entries_unless_somebody_is_named() {
    let import = import("X,,x.example\n", "");
    let nobody = Terms { owner: None, ..terms() };
    let refused = write_back("", &import, &nobody, GoneEntries::Keep);
    assert_eq!(refused, Err(WriteBackError::NoOwner));
}

#[test]
fn what_the_list_has_no_longer_goes_only_if_it_is_told_to_and_headings_stay() {
    assert!(written("", KEPT, GoneEntries::Keep).contains("y.example"));
    let one_left = written("Y,,y.example\n", KEPT, GoneEntries::Remove);
    assert!(!one_left.contains("X.example") && one_left.contains("A remark of mine"), "{one_left}");
    let none_left = written("", KEPT, GoneEntries::Remove);
    assert!(!none_left.contains("y.example") && none_left.contains("A remark of mine"));
    assert!(none_left.ends_with("# The end.\n"), "{none_left}");
    assert_eq!(domains(&none_left).iter().count(), 1);
}

#[test]
fn domains_in_one_list_are_left_to_a_person() {
    let text = "domain = [{ name = \"a.example\", clearance = 1, tls = \"encrypted\", owner = \"a\", evidence = \"b\", review = 2027-01-01 }]\n";
    let refused = write_back(text, &import("X,,x.example\n", text), &terms(), GoneEntries::Keep);
    assert_eq!(refused, Err(WriteBackError::OneList));
}

proptest! {
    /// Nothing but the list's own entries changes, whatever is around them.
    #[test]
    fn comments_and_blanks_of_any_kind_come_through(
        remarks in proptest::collection::vec("[ #=\\[\\]\"'a-z]{0,12}", 1..6),
        blanks in 0usize..4,
    ) {
        let remarks: String = remarks.iter().map(|text| format!("# {text}\n{}", "\n".repeat(blanks))).collect();
        let text = format!("{remarks}{KEPT}{remarks}");
        prop_assert_eq!(&written("", &text, GoneEntries::Keep), &text);
        let after = written("X,,x.example\n", &text, GoneEntries::Keep);
        prop_assert_eq!(after.lines().count(), text.lines().count());
        prop_assert_eq!(after.matches("# renewed each year").count(), 1);
    }
}
