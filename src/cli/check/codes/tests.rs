//! Every example is tried, and the table is held against the source.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::*;
use crate::{
    config::Config,
    mail::Timestamp,
    policy::{
        Context, Policy,
        diagnostics::{Diagnostics, Rendering, SourceFile},
        invariants, read_cases,
    },
};

/// What is told of a file that stands in an otherwise sound policy, or at the
/// end of a sound postern.toml.
fn told(path: &str, text: &str) -> Diagnostics {
    if path == "postern.toml" {
        let file = SourceFile { path: path.to_owned(), text: format!("{CONFIGURATION}{text}\n") };
        return Config::read(&Arc::new(file)).1;
    }
    let mut sources = invariants::sound();
    let before = match path {
        "policy.toml" => sources.file(path).unwrap().text.clone(),
        _ => String::new(),
    };
    if !text.is_empty() {
        let at_top = path == "policy.toml" && !text.starts_with('[');
        let whole = if at_top { format!("{text}\n{before}") } else { format!("{before}{text}\n") };
        sources.add(path, whole.as_bytes());
    }
    let today = jiff::civil::date(2026, 11, 22);
    let mut told =
        Policy::compile(&sources, &Context { today, local_domains: &[], test_range: None }).1;
    told.extend(read_cases(&sources).1);
    told
}

const CONFIGURATION: &str = "\
[node]
name = \"mx1.example.com\"
data_dir = \"data\"
policies = \"policies\"
[[listener]]
name = \"mailboxes\"
address = \"127.0.0.1:2525\"
direction = \"outbound\"
tls = \"none\"
[[route]]
domain = \"*\"
next_hop = \"mx\"
";

#[test]
fn every_example_gives_its_code_and_what_is_right_gives_nothing() {
    let mut shown = String::new();
    for code in all() {
        let Example::Written { file, wrong, right } = code.example else { continue };
        let of_wrong = told(file, wrong);
        let codes: Vec<_> = of_wrong.iter().map(|one| one.code).collect();
        assert!(codes.contains(&code.code), "{}: the example gives {codes:?}", code.code);
        let of_right = told(file, right);
        let codes: Vec<_> = of_right.iter().map(|one| one.code).collect();
        assert!(codes.is_empty(), "{}: what is right gives {of_right:?}", code.code);
        // Writing to a String cannot fail.
        let _ = writeln!(shown, "==== {} ====\n{}", code.code, of_wrong.render(Rendering::Plain));
    }
    insta::assert_snapshot!("what_is_told_of_every_example", shown);
}

#[test]
fn a_code_stands_once_and_says_a_sentence() {
    let mut seen = BTreeSet::new();
    for code in all() {
        assert!(seen.insert(code.code), "{} stands twice", code.code);
        assert!(code.says.ends_with('.') && !code.says.contains("  "), "{}", code.code);
    }
}

#[test]
fn what_no_example_shows_is_tested_where_it_is_said_to_be() {
    for code in all() {
        let Example::Situation { tested, .. } = code.example else { continue };
        let text = fs::read_to_string(root().join(tested)).unwrap();
        let whole = !tested.starts_with("src/") || tested.ends_with("tests.rs");
        let test = match !whole {
            true => text.split_once("#[cfg(test)]").map_or("", |(_, tests)| tests).to_owned(),
            false => text,
        };
        let beside = root().join(tested.trim_end_matches(".rs")).join("tests.rs");
        let beside = fs::read_to_string(beside).unwrap_or_default();
        assert!(
            test.contains(code.code) || beside.contains(code.code),
            "{} is not tested in {tested}",
            code.code
        );
    }
}

/// Files that postern.toml names, each wrong in its own way.
#[test]
fn a_file_that_the_configuration_names_and_nobody_can_use_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let verifier = crate::config::Verifier::new("wisteria").unwrap();
    fs::write(folder.path().join("users"), format!("lab:{verifier}\n")).unwrap();
    fs::write(folder.path().join("accounts.toml"), "").unwrap();
    for name in ["users", "accounts.toml"] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs::set_permissions(folder.path().join(name), mode).unwrap();
    }
    fs::write(folder.path().join("ca.pem"), "none").unwrap();
    let text = format!(
        "{CONFIGURATION}[spool]\nkey = \"spool.key\"\n{}{}",
        "[[listener]]\nname = \"a\"\naddress = \"127.0.0.1:2526\"\ndirection = \"outbound\"\n\
         users = \"users\"\nclient_ca = \"ca.pem\"\ncertificate = \"no.pem\"\nkey = \"no.key\"\n\
         [[listener.certified]]\nname = \"lab\"\nsubject = \"lab.example\"\n",
        "[[listener]]\nname = \"b\"\naddress = \"127.0.0.1:2527\"\ndirection = \"outbound\"\n\
         tls = \"none\"\nusers = \"nobody\"\n\
         [console]\naccounts = \"accounts.toml\"\n",
    )
    .replace("\"spool.key\"", &format!("\"{}\"", folder.path().join("spool.key").display()));
    let path = folder.path().join("postern.toml").display().to_string();
    let (config, faults) = Config::read(&Arc::new(SourceFile { path, text }));
    let config = config.unwrap_or_else(|| panic!("{faults:?}"));
    let mut told = crate::config::check_users(&config);
    told.extend(super::super::super::certificates::faults(&config, Timestamp::default()));
    told.extend_one(super::super::super::spool::key_fault(&config));
    told.extend(crate::config::check_accounts(&config));
    let codes: BTreeSet<_> = told.iter().map(|one| one.code).collect();
    let expected = [
        "accounts-readable",
        "certificate-unusable",
        "client-ca-unusable",
        "spool-key-unusable",
        "user-is-certified",
        "users-readable",
        "users-unreadable",
    ];
    assert_eq!(codes, BTreeSet::from(expected));
}

/// What is said of a provider of whom postern.toml says this.
fn told_of_provider(lines: &str) -> Vec<&'static str> {
    let text = format!(
        "{CONFIGURATION}[console]\nurl = \"http://127.0.0.1:8464\"\n[console.openid]\n\
         issuer = \"https://login.example\"\nclient_id = \"postern\"\n\
         roles = {{ officers = \"officer\" }}\n{lines}"
    );
    let file = SourceFile { path: "postern.toml".to_owned(), text };
    let config = Config::read(&Arc::new(file)).0.unwrap();
    let mut told = crate::config::check_openid(&config);
    told.extend(super::super::super::certificates::faults(&config, Timestamp::default()));
    let codes = told.iter().map(|one| one.code);
    codes.filter(|code| code.starts_with("openid-")).collect()
}

#[test]
fn a_provider_whose_files_cannot_be_used_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let secret = format!("client_secret_file = \"{}\"\n", path.display());
    let anchors = format!("trust_anchors = \"{}\"\n", path.display());
    assert_eq!(told_of_provider(&secret), ["openid-secret-unreadable"]);
    assert_eq!(told_of_provider(&anchors), ["openid-anchors-unusable"]);
    fs::write(&path, " \n").unwrap();
    assert_eq!(told_of_provider(&secret), ["openid-secret-unreadable"]);
    assert_eq!(told_of_provider(&anchors), ["openid-anchors-unusable"]);
    fs::write(&path, "wisteria\n").unwrap();
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    fs::set_permissions(&path, mode(0o640)).unwrap();
    assert_eq!(told_of_provider(&secret), ["openid-secret-readable"]);
    fs::set_permissions(&path, mode(0o600)).unwrap();
    assert_eq!(told_of_provider(&secret), [""; 0]);
    assert_eq!(told_of_provider(""), [""; 0]);
}

#[test]
fn accounts_that_are_not_there_are_told_of() {
    let text = format!("{CONFIGURATION}[console]\naccounts = \"no/accounts.toml\"\n");
    let file = SourceFile { path: "postern.toml".to_owned(), text };
    let config = Config::read(&Arc::new(file)).0.unwrap();
    let told = crate::config::check_accounts(&config);
    let codes: Vec<_> = told.iter().map(|one| one.code).collect();
    assert_eq!(codes, ["accounts-unreadable"]);
}

/// Every word of the source that could be a code is one of the table, and the
/// other way round.
#[test]
fn every_code_of_the_source_is_in_the_table_and_every_one_of_the_table_in_the_source() {
    let mut used: BTreeMap<String, PathBuf> = BTreeMap::new();
    for folder in ["src/policy", "src/config", "src/recipients"] {
        gather(&root().join(folder), &mut used);
    }
    gather(&root().join("src/deliver/check.rs"), &mut used);
    for file in ["certificates.rs", "check/machine.rs", "keys.rs", "spool/keys.rs"] {
        gather(&root().join("src/cli").join(file), &mut used);
    }
    let table: BTreeSet<&str> = all().map(|code| code.code).collect();
    let lacking: Vec<_> = used
        .iter()
        .filter(|(code, _)| !table.contains(code.as_str()) && !NO_CODES.contains(&code.as_str()))
        .collect();
    assert!(lacking.is_empty(), "not in the table, nor among the words that are none: {lacking:?}");
    let unused: Vec<_> = table.iter().filter(|code| !used.contains_key(**code)).collect();
    assert!(unused.is_empty(), "nothing tells {unused:?}");
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn gather(path: &Path, used: &mut BTreeMap<String, PathBuf>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            gather(&entry.unwrap().path(), used);
        }
        return;
    }
    let name = path.file_name().unwrap().to_str().unwrap();
    if !name.ends_with(".rs") || name.contains("tests") || name == "shipped.rs" {
        return;
    }
    let text = fs::read_to_string(path).unwrap();
    let code = text.split_once("#[cfg(test)]").map_or(text.as_str(), |(code, _)| code);
    for line in code.lines().filter(|line| !line.trim_start().starts_with("//")) {
        // Every second piece between quotes is a literal.
        for literal in line.split('"').skip(1).step_by(2) {
            let words = literal.split('-');
            let plain =
                |word: &str| !word.is_empty() && word.bytes().all(|one| one.is_ascii_lowercase());
            if literal == "address" && line.contains("parsed(\"address\")")
                || literal.contains('-') && words.clone().all(plain)
                || literal == "file-not-utf8"
            {
                used.insert(literal.to_owned(), path.to_owned());
            }
        }
    }
}

/// Words with a hyphen that stand in files, or in mail.
const NO_CODES: &[&str] = &[
    "any-other-name",
    "authentication-results",
    "background-color",
    "best-effort",
    "dkim-signature",
    "font-size",
    "in-reply-to",
    "message-id",
    "mime-version",
    "mta-sts",
    "over-limit",
    "packed-refs",
    "reply-to",
    "return-path",
    "terminated-elsewhere",
];
