//! Broken policies: each folder of `tests/policies/` replaces some files of a
//! sound policy and holds, in `expected.txt`, exactly what its writer is told.
//! `POSTERN_BLESS=1 cargo test` writes those files anew, to be read over.

use std::{fs, path::PathBuf};

use postern::policy::{Sources, diagnostics::Rendering};
use proptest::prelude::*;

use super::support::{DOMAINS, POLICY, compile, read_folder, with_files, with_rules};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/policies")
}

#[test]
fn every_broken_policy_is_told_exactly_what_is_wrong() {
    let bless = std::env::var_os("POSTERN_BLESS").is_some();
    let mut wrong = Vec::new();
    for case in fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()) {
        let mut sources = Sources::new("policies");
        for (path, text) in [
            ("policy.toml", POLICY),
            ("domains.toml", DOMAINS),
            ("classification.toml", ""),
            ("rules.toml", ""),
            ("disclaimers/tag.txt", "Confidential.\n"),
            ("disclaimers/tag.html", "<p lang=en>Confidential.</p>\n"),
        ] {
            sources.add(path, text.as_bytes());
        }
        sources.add_certificate("partner.pem");
        // Octets, not text: one of the cases is not UTF-8.
        for (path, _) in read_folder(&case, "").iter() {
            if path != "expected.txt" {
                sources.add(path, &fs::read(case.join(path)).unwrap());
            }
        }
        let (_, diagnostics) = compile(&sources);
        let told = diagnostics.render(Rendering::Plain);
        let expected = case.join("expected.txt");
        if bless {
            fs::write(&expected, &told).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != told {
            wrong.push(format!("{}:\n{told}", case.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_code_has_a_broken_policy() {
    let told: String = fs::read_dir(folder())
        .unwrap()
        .map(|case| fs::read_to_string(case.unwrap().path().join("expected.txt")).unwrap())
        .collect();
    for code in CODES {
        assert!(told.lines().any(|line| line.trim() == code), "no case for {code}");
    }
}

#[test]
fn a_policy_lacks_none_of_its_files() {
    let (policy, diagnostics) = compile(&Sources::new("policies"));
    assert!(policy.is_none());
    let told: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    let missing = |file| format!("policies/{file}:1: error[file-missing]");
    let files = ["classification.toml", "domains.toml", "policy.toml", "rules.toml"];
    assert_eq!(told.len(), files.len(), "{told:?}");
    for (told, file) in told.iter().zip(files) {
        assert!(told.starts_with(&missing(file)), "{told}");
    }
}

#[test]
fn warnings_do_not_stop_a_policy() {
    let (policy, diagnostics) = with_rules("[[rule]]\nname = \"idle\"\nwhen = {}\n");
    assert!(policy.is_some());
    assert_eq!((diagnostics.errors(), diagnostics.warnings()), (0, 1));
}

proptest! {
    /// Whatever a file holds, checking ends with an answer.
    #[test]
    fn no_file_makes_check_panic(text in ".{0,400}", path in prop::sample::select(vec![
        "rules.toml", "domains.toml", "policy.toml", "disclaimers/tag.html", "organisations/X.toml",
    ])) {
        with_files(&[(path, &text)]);
    }

    /// Sound files with a piece torn out or doubled.
    #[test]
    fn no_torn_file_makes_check_panic(from in 0usize..4000, length in 0usize..60, twice: bool) {
        let rules = include_str!("../../policies/rules.toml");
        let cut = |at: usize| (at..=rules.len()).find(|&at| rules.is_char_boundary(at)).unwrap();
        let start = cut((from * 2).min(rules.len()));
        let end = cut((start + length).min(rules.len()));
        let again = if twice { &rules[start..end] } else { "" };
        let torn = [&rules[..start], again, again, &rules[end..]].concat();
        with_rules(&torn);
    }
}

/// Every code there is, but for a missing file, which no folder can hold.
const CODES: [&str; 81] = [
    "address",
    "combination-unknown-evidence",
    "combination-without-level",
    "detector-empty-match",
    "detector-false-example",
    "detector-large-pattern",
    "detector-missed-example",
    "detector-pattern",
    "detector-slow-pattern",
    "disclaimer-empty",
    "disclaimer-half",
    "disclaimer-html",
    "disclaimer-language",
    "disclaimer-long",
    "disclaimer-stray",
    "disclaimer-unknown",
    "disclaimer-unreadable",
    "disclaimer-untranslated",
    "disclaimer-wide",
    "domain-below-retired",
    "domain-duplicate",
    "domain-mx-name",
    "domain-name",
    "domain-pinned-key",
    "domain-retired",
    "domain-review-overdue",
    "domain-trust-anchors",
    "domain-trust-unenforced",
    "domain-two-trusts",
    "domain-unvouched",
    "evidence-of-nothing",
    "evidence-unknown-source",
    "exemption-expired",
    "exemption-expires-soon",
    "exemption-for-all",
    "exemption-lifts-nothing",
    "exemption-national-rule",
    "exemption-unknown-rule",
    "file-not-utf8",
    "file-stray",
    "header-content",
    "header-name",
    "header-protected",
    "header-removed",
    "invariant-duplicate",
    "invariant-without-outcome",
    "level-range",
    "missing-key",
    "name-twice",
    "next-hop",
    "number-out-of-range",
    "organisation-name",
    "organisation-unknown",
    "range-empty",
    "range-malformed",
    "rollout-enforce-to",
    "rule-canary",
    "rule-canary-observes",
    "rule-does-nothing",
    "rule-duplicate",
    "rule-expired",
    "rule-expires-soon",
    "rule-fallback-nowhere",
    "rule-never-matches",
    "rule-protected-unused",
    "rule-redirect-nowhere",
    "rule-redirect-unused",
    "rule-shadowed",
    "rule-tells-nobody",
    "rule-without-reason",
    "subject-tag",
    "template-field",
    "template-open",
    "time-of-day",
    "time-window",
    "time-zone",
    "toml-syntax",
    "unknown-key",
    "unknown-value",
    "unknown-word",
    "wrong-type",
];
