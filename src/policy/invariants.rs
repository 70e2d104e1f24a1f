//! What holds whatever an officers' file is made of, as a function that
//! panics where it does not: asked by the fuzz target in `tests/fuzz`, and by
//! tests.

use jiff::civil::{Date, date};

use super::{
    Context, Policy, Sources,
    diagnostics::{Diagnostics, Rendering},
    disclaimers::LANGUAGES,
    read_cases,
};
use crate::mail::Domain;

/// Reads octets as one file of an otherwise sound policy. The first octet
/// says which; the others are the file.
pub fn file(octets: &[u8]) {
    let Some((&which, text)) = octets.split_first() else { return };
    let path = FILES.get(usize::from(which) % FILES.len()).copied().unwrap_or("rules.toml");
    let mut sources = sound();
    sources.add(path, text);
    folder(&sources);
}

/// Checks a whole folder: it ends with an answer, every fault can be shown
/// where it is, and what is accepted can be used.
pub fn folder(sources: &Sources) {
    let (policy, diagnostics) = compiled(sources);
    told(&diagnostics);
    let (cases, faults) = read_cases(sources);
    told(&faults);
    assert_eq!(policy.is_none(), diagnostics.has_errors(), "refused, and nothing is wrong");
    let Some(policy) = policy else { return };
    for case in &cases {
        assert!(!case.name.trim().is_empty(), "a case without a name");
    }
    used(&policy);
    let (again, _) = compiled(sources);
    let version = again.map(|policy| policy.version().to_owned());
    assert_eq!(version.as_deref(), Some(policy.version()), "the same files are another policy");
}

/// What a gateway does with a policy when it starts.
fn used(policy: &Policy) {
    for rule in policy.rules() {
        for line in rule.disclaimer.iter().chain(&rule.banner) {
            line.filled(&[], "an organisation", "a level");
            line.filled(&LANGUAGES.map(|(_, language)| language), "<&>", "a level");
        }
    }
    for entry in policy.domains().iter() {
        policy.destination(entry.name.domain());
    }
}

fn compiled(sources: &Sources) -> (Option<Policy>, Diagnostics) {
    let local: Vec<Domain> = "mytrust.example".parse().into_iter().collect();
    Policy::compile(sources, &Context { today: TODAY, local_domains: &local, test_range: None })
}

/// Every fault has a code and a sentence, and is at a place of its file.
fn told(diagnostics: &Diagnostics) {
    for diagnostic in diagnostics.iter() {
        assert!(!diagnostic.code.is_empty() && !diagnostic.message.is_empty(), "{diagnostic:?}");
        if let Some(span) = &diagnostic.span {
            let underlined = diagnostic.file.text.get(span.clone());
            assert!(underlined.is_some(), "{} is no place of its file: {span:?}", diagnostic.code);
        }
        assert!(diagnostic.line() <= diagnostic.file.text.lines().count() + 1, "{diagnostic}");
    }
    diagnostics.render(Rendering::Plain);
}

/// A sound policy: small, so that all of it is compiled for every file that is tried.
pub fn sound() -> Sources {
    let mut sources = Sources::new("policies");
    for (path, text) in SOUND {
        sources.add(path, text.as_bytes());
    }
    sources.add_certificate("partner.pem");
    sources
}

/// In this order in the first octet of an input.
pub const FILES: [&str; 11] = [
    "rules.toml",
    "domains.toml",
    "policy.toml",
    "classification.toml",
    "detectors/ward.toml",
    "terms/garden.toml",
    "organisations/ZZ1.toml",
    "tests/case.toml",
    "disclaimers/tag.txt",
    "disclaimers/tag.html",
    "yara/pattern.yar",
];

const SOUND: [(&str, &str); 6] = [
    ("policy.toml", "levels = { 0 = \"a\", 1 = \"b\", 2 = \"c\", 3 = \"d\", 4 = \"e\" }\n"),
    ("domains.toml", ""),
    ("classification.toml", ""),
    (
        "rules.toml",
        "[[rule]]\nname = \"tagged\"\nwhen = { direction = \"outbound\" }\ndisclaimer = \"tag\"\n",
    ),
    ("disclaimers/tag.txt", "Confidential.\n"),
    ("disclaimers/tag.html", "<p lang=\"en\">Confidential.</p>\n"),
];

const TODAY: Date = date(2026, 11, 22);

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use proptest::prelude::*;

    use super::*;
    use crate::smtp::invariants::kept;

    #[test]
    fn every_file_that_was_kept_keeps_the_rules() {
        kept("policy").iter().for_each(|octets| file(octets));
    }

    /// The shipped files that are quickly compiled, with their paths.
    fn shipped() -> Vec<(String, Vec<u8>)> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        let folders = ["", "organisations", "disclaimers", "tests", "yara"];
        let files = folders.iter().flat_map(|folder| fs::read_dir(root.join(folder)).unwrap());
        let mut found: Vec<_> = files
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file() && !path.ends_with("classification.toml"))
            .map(|path| {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                (name, fs::read(&path).unwrap())
            })
            .filter(|(name, _)| !name.starts_with('.'))
            .collect();
        found.sort();
        found
    }

    /// How a file may be damaged, or edited in haste.
    #[derive(Clone, Debug)]
    enum Change {
        Octet(usize, u8),
        Insert(usize, Vec<u8>),
        WithoutLine(usize),
        LineTwice(usize),
        LinesSwapped(usize, usize),
        /// What stands behind two keys changes places.
        ValuesSwapped(usize, usize),
        CutOff(usize),
    }

    fn change() -> impl Strategy<Value = Change> {
        let words = prop::sample::select(vec![
            "true",
            "-1",
            "99999999999999999999",
            "\"\"",
            "[]",
            "{}",
            "{",
            "\"",
            "\u{feff}",
            "\r",
            "inf",
            "2027-02-30",
            "2027-03-31",
            "'''",
            "[[rule]]",
            "\u{0}",
            "*",
            "\"*\"",
            "0.1",
        ]);
        prop_oneof![
            (any::<usize>(), any::<u8>()).prop_map(|(at, octet)| Change::Octet(at, octet)),
            (any::<usize>(), words).prop_map(|(at, word)| Change::Insert(at, word.into())),
            any::<usize>().prop_map(Change::WithoutLine),
            any::<usize>().prop_map(Change::LineTwice),
            (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Change::LinesSwapped(a, b)),
            (any::<usize>(), any::<usize>()).prop_map(|(a, b)| Change::ValuesSwapped(a, b)),
            any::<usize>().prop_map(Change::CutOff),
        ]
    }

    impl Change {
        fn make(&self, octets: &mut Vec<u8>) {
            let place = |at: usize, length: usize| at.checked_rem(length).unwrap_or(0);
            let mut lines: Vec<Vec<u8>> =
                octets.split_inclusive(|&octet| octet == b'\n').map(<[u8]>::to_vec).collect();
            if lines.is_empty() {
                return;
            }
            let line = |at: usize| place(at, lines.len());
            match self {
                Self::Octet(at, octet) => {
                    let at = place(*at, octets.len());
                    octets[at] = *octet;
                    return;
                }
                Self::Insert(at, word) => {
                    let at = place(*at, octets.len());
                    octets.splice(at..at, word.iter().copied());
                    return;
                }
                Self::CutOff(at) => {
                    octets.truncate(place(*at, octets.len()));
                    return;
                }
                Self::WithoutLine(at) => drop(lines.remove(line(*at))),
                Self::LineTwice(at) => lines.insert(line(*at), lines[line(*at)].clone()),
                Self::LinesSwapped(one, other) => {
                    let (one, other) = (line(*one), line(*other));
                    lines.swap(one, other);
                }
                Self::ValuesSwapped(one, other) => swap_values(&mut lines, *one, *other),
            }
            *octets = lines.concat();
        }
    }

    fn swap_values(lines: &mut [Vec<u8>], one: usize, other: usize) {
        let parted = |line: &[u8]| {
            let at = line.windows(3).position(|three| three == b" = ")?;
            Some((line[..at + 3].to_vec(), line[at + 3..].to_vec()))
        };
        let written: Vec<usize> =
            (0..lines.len()).filter(|&line| parted(&lines[line]).is_some()).collect();
        if written.is_empty() {
            return;
        }
        let (one, other) = (written[one % written.len()], written[other % written.len()]);
        if let (Some((key, value)), Some((other_key, other_value))) =
            (parted(&lines[one]), parted(&lines[other]))
        {
            lines[one] = [key, other_value].concat();
            lines[other] = [other_key, value].concat();
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(96))]

        /// However the shipped files are changed, checking ends with an
        /// answer; and what is accepted can be used.
        #[test]
        fn no_change_of_the_shipped_files_makes_check_panic(
            changes in prop::collection::vec((any::<prop::sample::Index>(), change()), 1..4),
        ) {
            let mut files = shipped();
            for (which, change) in changes {
                let at = which.index(files.len());
                change.make(&mut files[at].1);
            }
            let mut sources = sound();
            for (path, octets) in &files {
                sources.add(path, octets);
            }
            folder(&sources);
        }

        /// One file of any kind, with no sense in it at all.
        #[test]
        fn no_octets_make_check_panic(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            file(&octets);
        }
    }

    #[test]
    fn some_changes_are_accepted_so_that_what_they_show_is_not_nothing() {
        let mut sources = sound();
        for (path, octets) in shipped() {
            sources.add(&path, &octets);
        }
        assert!(
            compiled(&sources).0.is_some(),
            "{}",
            compiled(&sources).1.render(Rendering::Plain)
        );
        folder(&sources);
    }
}
