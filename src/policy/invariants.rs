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
