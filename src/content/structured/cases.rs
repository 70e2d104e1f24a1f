//! Whole files and how they are read: `tests/structured/NAME` and, beside it,
//! `NAME.read`. A new case needs no code; one without a reading is a failure
//! that shows it.

use std::{fmt::Write, fs, path::Path};

use super::{Expected, Original, rendered};

#[test]
fn every_file_is_read_as_it_is_written_beside_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/structured");
    let mut names: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".read"))
        .collect();
    names.sort();
    assert!(names.len() >= 15, "{names:?}");
    for name in names {
        let source = fs::read_to_string(folder.join(&name)).unwrap();
        let expected = fs::read_to_string(folder.join(format!("{name}.read")));
        let read = reading(&source, Expected::of(None, Some(&name)));
        assert_eq!(expected.unwrap_or_default(), read, "{name} is read:\n{read}");
    }
}

/// What there is to read, and what is handed on.
fn reading(source: &str, expected: Expected) -> String {
    let read = rendered(source, expected).unwrap();
    let mut shown = read.text;
    for file in read.embedded {
        writeln!(shown, "--- file ---\n{}", String::from_utf8_lossy(&file)).unwrap();
    }
    if read.original == Original::Kept {
        shown.push_str("--- and the original ---\n");
    }
    shown
}
