//! Reading policy folders, and facts in few words.

use std::{fs, path::Path};

use jiff::civil::{Date, date};
use postern::{
    decide::decide,
    mail::{Decision, Facts, Level, MessageFacts},
    policy::{Context, Policy, Sources, diagnostics::Diagnostics, plain_message},
};

/// The day on which all these tests take place.
pub(crate) const TODAY: Date = date(2026, 11, 22);

pub(crate) fn read_folder(folder: &Path, shown_as: &str) -> Sources {
    let mut sources = Sources::new(shown_as);
    add_folder(&mut sources, folder, "");
    sources
}

fn add_folder(sources: &mut Sources, folder: &Path, prefix: &str) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()).collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            add_folder(sources, &entry.path(), &format!("{name}/"));
        } else {
            sources.add(&name, &fs::read(entry.path()).unwrap());
        }
    }
}

pub(crate) fn compile(sources: &Sources) -> (Option<Policy>, Diagnostics) {
    let local = ["mytrust.nhs.test.example".parse().unwrap()];
    Policy::compile(sources, &Context { today: TODAY, local_domains: &local, test_range: None })
}

/// A policy of the shipped kind with these rules instead.
pub(crate) fn with_rules(rules: &str) -> (Option<Policy>, Diagnostics) {
    with_files(&[("rules.toml", rules)])
}

/// A small policy with some of its files replaced.
pub(crate) fn with_files(files: &[(&str, &str)]) -> (Option<Policy>, Diagnostics) {
    let mut sources = Sources::new("");
    sources.add("policy.toml", POLICY.as_bytes());
    sources.add("domains.toml", DOMAINS.as_bytes());
    sources.add("classification.toml", b"");
    sources.add("rules.toml", b"");
    sources.add("disclaimers/tag.txt", b"Confidential.\n");
    sources.add("disclaimers/tag.html", b"<p lang=\"en\">Confidential.</p>\n");
    sources.add_certificate("partner.pem");
    for (path, text) in files {
        sources.add(path, text.as_bytes());
    }
    compile(&sources)
}

pub(crate) fn must_compile((policy, diagnostics): (Option<Policy>, Diagnostics)) -> Policy {
    let told: Vec<String> = diagnostics.iter().map(ToString::to_string).collect();
    policy.unwrap_or_else(|| panic!("{}", told.join("\n")))
}

/// An outbound message with nothing to say of it but its level.
pub(crate) fn message(level: u8) -> MessageFacts {
    MessageFacts {
        reverse_path: "ward@mytrust.nhs.test.example".parse().unwrap(),
        level: Level::try_from(level).unwrap(),
        size: 4000,
        ..plain_message()
    }
}

pub(crate) fn ask(policy: &Policy, message: &MessageFacts, to: &str) -> Decision {
    decide(policy, Facts { message, recipient: &to.parse().unwrap() })
}

pub(crate) const POLICY: &str = r#"
[levels]
0 = "nothing"
1 = "contact"
2 = "personal"
3 = "clinical"
4 = "special"
"#;

pub(crate) const DOMAINS: &str = r#"
[[domain]]
name = "partner.example"
clearance = 3
tls = "verified"
mx_names = ["mx.partner.example"]
owner = "A. Officer"
evidence = "seen"
review = 2027-01-01

[[domain]]
name = "*.council.example"
clearance = 2
tls = "encrypted"
owner = "A. Officer"
evidence = "seen"
review = 2027-01-01

[[domain]]
name = "*.old.council.example"
retired = "closed"
owner = "A. Officer"
evidence = "seen"
"#;
