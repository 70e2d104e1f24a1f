//! Runs `tests/fuzz/*.corpus` and `*.crashes`, which are what the fuzzer has
//! found: a line an input, escaped, `#` a comment.

use std::{fs, path::Path, time::Instant};

use super::{content, session};

#[test]
fn every_session_that_was_kept_keeps_the_rules() {
    for octets in kept("session") {
        session(&octets, Instant::now());
    }
}

#[test]
fn all_content_that_was_kept_keeps_the_rules() {
    for octets in kept("content") {
        content(&octets);
    }
}

pub(crate) fn kept(target: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let read = |ending| fs::read_to_string(folder.join(format!("{target}.{ending}"))).unwrap();
    let (corpus, crashes) = (read("corpus"), read("crashes"));
    let corpus: Vec<_> = corpus.lines().chain(crashes.lines()).collect();
    let inputs = corpus.into_iter().filter(|line| !line.starts_with('#'));
    let inputs: Vec<_> = inputs.map(unescaped).collect();
    assert!(inputs.len() > 20, "the corpus of {target} is missing");
    inputs
}

/// What `escape_ascii` writes.
fn unescaped(line: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = line.bytes();
    while let Some(octet) = rest.next() {
        octets.push(match octet {
            b'\\' => match rest.next().unwrap() {
                b'r' => b'\r',
                b'n' => b'\n',
                b't' => b'\t',
                b'x' => {
                    let digits = [rest.next().unwrap(), rest.next().unwrap()];
                    u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                }
                itself => itself,
            },
            octet => octet,
        });
    }
    octets
}

#[test]
fn what_is_escaped_comes_back() {
    let every: Vec<u8> = (0..=u8::MAX).collect();
    assert_eq!(unescaped(&every.escape_ascii().to_string()), every);
}
