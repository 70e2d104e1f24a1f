//! Holds the plan of the house against `src/`: who may import whom, what pure
//! rooms may not touch, and the shape of files.
//!
//! The source is read as tokens, comments and literals left out, so a path in
//! a doc comment is no import and one in an expression is. Tests are held to
//! the same imports as the code they stand in.

mod reading;

use std::{fs, path::Path};

use reading::{Place, Token, paths, tokens};

/// Bytes and policy in, values out. Each may import those above it in
/// `lib.rs`, which is read for the order.
const PURE: &[&str] = &[
    "mail",
    "smtp",
    "content",
    "classify",
    "policy",
    "decide",
    "transform",
    "schedule",
    "report",
    "quarantine",
];

/// Sockets, disks and clocks. They meet in `gateway` only.
const EDGE: &[&str] = &[
    "listen",
    "authenticate",
    "recipients",
    "spool",
    "deliver",
    "reader",
    "observe",
    "console",
    "service",
];

/// What rooms at the edge may share; it knows none of them.
const SHARED: &[&str] = &["https"];

/// `postern.toml` speaks of mail, gives diagnostics as the policy does, and has
/// the terms of quarantine.
const CONFIG_MAY_IMPORT: &[&str] = &["mail", "policy", "quarantine"];

/// Law 1: the reply to the end of content is built from a receipt, so those
/// who build and send it must be able to name one.
const MAY_NAME_A_RECEIPT: &[&str] = &["smtp", "listen"];

/// What a pure room may not name, its tests included: prefixes of paths.
const IMPURE: &[&str] = &[
    "std::io::stdin",
    "std::net::TcpListener",
    "std::net::TcpStream",
    "std::net::ToSocketAddrs",
    "std::net::UdpSocket",
    "std::os::unix::net",
    "axum",
    "fastrand",
    "hickory_resolver",
    "nix",
    "prometheus",
    "tempfile",
    "tokio",
    "tokio_rustls",
    "tokio_util",
    "tracing",
    "tracing_subscriber",
];

/// What its tests may, since cases are files and only a clock makes an
/// `Instant`. Times are passed in, so their types may be named anywhere.
const IMPURE_OUTSIDE_TESTS: &[&str] = &[
    "std::env",
    "std::fs",
    "std::process",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
];

const LONGEST_FILE: usize = 450;

#[test]
fn every_room_keeps_to_the_plan() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = read_tree(&root, "");
    assert!(files.len() > 20, "src/ was not found, or not read: {} files", files.len());
    let plan = Plan::read(&files);
    let faults: Vec<String> = files.iter().flat_map(|file| plan.faults(file)).collect();
    assert!(faults.is_empty(), "\n{} faults:\n{}\n", faults.len(), faults.join("\n"));
}

/// A file of `src/`, its path relative to it.
struct File {
    path: String,
    text: String,
}

/// The rooms, in the order of `lib.rs`, and the files that are only compiled
/// for tests (`#[cfg(test)] mod cases;`), without their ending.
struct Plan {
    rooms: Vec<String>,
    tests: Vec<String>,
}

fn read_tree(root: &Path, below: &str) -> Vec<File> {
    let mut files = Vec::new();
    for entry in fs::read_dir(root.join(below)).unwrap() {
        let entry = entry.unwrap();
        let path = format!(
            "{below}{}{}",
            if below.is_empty() { "" } else { "/" },
            entry.file_name().display()
        );
        if entry.file_type().unwrap().is_dir() {
            files.extend(read_tree(root, &path));
        } else if path.ends_with(".rs") {
            files.push(File { text: fs::read_to_string(entry.path()).unwrap(), path });
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

impl File {
    /// The room it belongs to: its first folder, or its own name.
    fn room(&self) -> &str {
        self.path.split('/').next().unwrap().trim_end_matches(".rs")
    }

    /// How many modules deep its items are: `mail/mod.rs` 1, `mail/address.rs` 2.
    fn depth(&self) -> usize {
        let segments = self.path.split('/').count();
        if self.path.ends_with("mod.rs") { segments - 1 } else { segments }
    }

    /// The modules in files of their own that it declares for tests only.
    fn test_modules(&self) -> impl Iterator<Item = String> {
        let folder = self.path.trim_end_matches("mod.rs").trim_end_matches(".rs");
        let folder = folder.trim_end_matches('/').to_owned();
        self.text.split("#[cfg(test)]\nmod ").skip(1).filter_map(move |declared| {
            let (name, _) = declared.split_once([';', ' '])?;
            declared.starts_with(&format!("{name};")).then(|| format!("{folder}/{name}"))
        })
    }

    /// Everything before the tests that end it.
    fn without_tests(&self) -> &str {
        self.text.split_once("#[cfg(test)]\nmod tests {").map_or(&self.text, |(body, _)| body)
    }
}

impl Plan {
    fn read(files: &[File]) -> Self {
        let map = files.iter().find(|file| file.path == "lib.rs").expect("src/lib.rs");
        let tokens = tokens(&map.text);
        let rooms = tokens
            .windows(3)
            .filter_map(|three| match (&three[0], &three[1], &three[2]) {
                (Token::Word(word), Token::Word(room), Token::Other(';')) if word == "mod" => {
                    Some(room.clone())
                }
                _ => None,
            })
            .collect();
        Self { rooms, tests: files.iter().flat_map(File::test_modules).collect() }
    }

    /// Whether a file is compiled for tests only, and so are those below it.
    fn is_test(&self, file: &File) -> bool {
        self.tests.iter().any(|module| {
            file.path.strip_prefix(module.as_str()).is_some_and(|rest| rest.starts_with(['/', '.']))
        })
    }

    fn faults(&self, file: &File) -> Vec<String> {
        let is_test = self.is_test(file);
        let mut faults = shape_faults(file, is_test);
        let own = file.room();
        if own == "lib" {
            return faults;
        }
        if own != "main" && self.place(own).is_none() {
            faults.push(format!("{}: the room `{own}` is not in lib.rs", file.path));
        } else if !is_known(own) {
            faults.push(format!("{}: the plan of the house has no room `{own}`", file.path));
        }
        let code_ends = file.without_tests().lines().count();
        for Place { path, line } in paths(&file.text) {
            let fault = match self.import_fault(file, &path) {
                None if !is_test && line <= code_ends => purity_fault(file, &path),
                fault => fault,
            };
            if let Some(fault) = fault {
                faults.push(format!("src/{}:{line}: `{}`: {fault}", file.path, path.join("::")));
            }
        }
        faults
    }

    /// What is wrong with naming `path` in `file`, if anything.
    fn import_fault(&self, file: &File, path: &[String]) -> Option<String> {
        let own = file.room();
        if PURE.contains(&own)
            && let Some(impure) = IMPURE.iter().find(|impure| starts_with(path, impure))
        {
            return Some(format!("`{own}` is pure and may not name `{impure}`"));
        }
        let (room, below) = self.room_named(file, path)?;
        if room == "*" {
            return Some("name the rooms, not all of them at once".into());
        }
        self.place(&room)?;
        if room == own {
            return None;
        }
        if room == "spool"
            && MAY_NAME_A_RECEIPT.contains(&own)
            && below.first().is_some_and(|item| item == "Receipt")
        {
            return None;
        }
        self.is_forbidden(own, &room)
    }

    fn is_forbidden(&self, own: &str, room: &str) -> Option<String> {
        let fault = |why: &str| Some(why.to_owned());
        match own {
            "main" | "cli" => None,
            _ if room == "cli" => fault("the commands are imported by main only"),
            _ if room == "gateway" => fault("the wiring is imported by the commands only"),
            "gateway" => None,
            "config" if CONFIG_MAY_IMPORT.contains(&room) => None,
            "config" => fault("config imports mail and policy only"),
            _ if SHARED.contains(&own) => fault("what is shared imports no room"),
            _ if EDGE.contains(&own) && EDGE.contains(&room) => {
                fault("rooms at the edge meet in gateway only")
            }
            _ if PURE.contains(&own) && !PURE.contains(&room) => {
                fault("a pure room imports pure rooms only")
            }
            _ if PURE.contains(&own) && self.place(room) > self.place(own) => {
                fault("a pure room imports only rooms above it in lib.rs")
            }
            _ => None,
        }
    }

    /// The room a path leads to and the rest, where it leads into the crate.
    fn room_named(&self, file: &File, path: &[String]) -> Option<(String, Vec<String>)> {
        let first = path.first()?.as_str();
        let supers = path.iter().take_while(|segment| *segment == "super").count();
        let skip = match first {
            "crate" => 1,
            "postern" if file.room() == "main" => 1,
            // Far enough up, `super` is the crate (one more, in an inline module).
            "super" if supers >= file.depth() => supers,
            _ => return None,
        };
        let room = path.get(skip)?.clone();
        // Less far up than it looks: an item of this room, seen from its tests.
        if first == "super" && self.place(&room).is_none() {
            return None;
        }
        Some((room, path[skip + 1..].to_vec()))
    }

    fn place(&self, room: &str) -> Option<usize> {
        self.rooms.iter().position(|known| known == room)
    }
}

/// What is wrong with naming `path` in the code of `file`, as opposed to in
/// its tests.
fn purity_fault(file: &File, path: &[String]) -> Option<String> {
    let own = file.room();
    if !PURE.contains(&own) {
        return None;
    }
    let impure = IMPURE_OUTSIDE_TESTS.iter().find(|impure| starts_with(path, impure))?;
    Some(format!("`{own}` is pure and may not name `{impure}` outside its tests"))
}

fn is_known(room: &str) -> bool {
    PURE.contains(&room)
        || SHARED.contains(&room)
        || EDGE.contains(&room)
        || ["main", "cli", "gateway", "config", "demo"].contains(&room)
}

fn starts_with(path: &[String], prefix: &str) -> bool {
    let mut segments = path.iter();
    prefix.split("::").all(|wanted| segments.next().is_some_and(|segment| segment == wanted))
}

/// Documentation at the top, no logic in `mod.rs`, files that can be read.
fn shape_faults(file: &File, is_test: bool) -> Vec<String> {
    let mut faults = Vec::new();
    if !file.text.starts_with("//!") {
        faults.push(format!("src/{}: does not begin with its documentation (//!)", file.path));
    }
    let body = file.without_tests();
    let lines = body.lines().count();
    if lines > LONGEST_FILE {
        faults.push(format!("src/{}: {lines} lines, {LONGEST_FILE} at most", file.path));
    }
    let body = tokens(body);
    let is_map = file.path.ends_with("/mod.rs") || file.path == "lib.rs";
    let is_logic =
        |token: &Token| matches!(token, Token::Word(word) if word == "fn" || word == "impl");
    if is_map && !is_test && body.iter().any(is_logic) {
        faults.push(format!("src/{}: documents and re-exports only: no fn, no impl", file.path));
    }
    // The one way to read a clock that is no path.
    let reads_a_clock =
        |two: &[Token]| matches!(two, [Token::Other('.'), Token::Word(word)] if word == "elapsed");
    if PURE.contains(&file.room()) && !is_test && body.windows(2).any(reads_a_clock) {
        faults.push(format!("src/{}: `elapsed` reads a clock: pass the time in", file.path));
    }
    faults
}

mod the_checker {
    use super::*;

    const MAP: &str = "//! The map.\npub mod mail;\npub mod smtp;\npub mod classify;\npub mod policy;\n\
        pub mod config;\npub mod https;\npub mod listen;\npub mod spool;\npub mod gateway;\npub mod cli;\n";

    fn faults(path: &str, code: &str) -> Vec<String> {
        let map = File { path: "lib.rs".into(), text: MAP.into() };
        let text = format!("//! Documentation.\n{code}");
        Plan::read(&[map]).faults(&File { path: path.into(), text })
    }

    fn is_refused(path: &str, code: &str) {
        let faults = faults(path, code);
        assert_eq!(faults.len(), 1, "{path}: {code}: {faults:?}");
    }

    fn passes(path: &str, code: &str) {
        assert_eq!(faults(path, code), Vec::<String>::new(), "{path}: {code}");
    }

    #[test]
    fn a_pure_room_imports_upwards_only() {
        passes("policy/rules.rs", "use crate::mail::Level;");
        passes("policy/rules.rs", "use crate::policy::Rule; use super::Other;");
        is_refused("mail/level.rs", "use crate::policy::Rule;");
        is_refused("mail/level.rs", "fn f() { let x = crate::policy::Rule::new(); }");
        is_refused("mail/level.rs", "use super::super::policy::Rule;");
        is_refused("mail/level.rs", "#[cfg(test)] mod tests { use crate::policy::Rule; }");
        is_refused("classify/level.rs", "use crate::{mail::{Level, Finding}, policy::Rule};");
        is_refused("classify/level.rs", "use crate::{mail::*, policy::{Rule as R, }};");
        is_refused("classify/level.rs", "use crate::{policy as mail};");
    }

    #[test]
    fn a_pure_room_imports_no_edge_and_no_wiring() {
        is_refused("policy/rules.rs", "use crate::listen::Socket;");
        is_refused("policy/rules.rs", "use crate::config::Config;");
        is_refused("policy/rules.rs", "use crate::gateway::run;");
        is_refused("policy/rules.rs", "use crate::*;");
    }

    #[test]
    fn what_rooms_at_the_edge_share_knows_none_of_them_and_no_pure_room_has_it() {
        passes("listen/socket.rs", "use crate::https::Client;");
        is_refused("https.rs", "use crate::listen::Socket;");
        is_refused("https.rs", "use crate::mail::Level;");
        is_refused("policy/rules.rs", "use crate::https::Client;");
        is_refused("config/file.rs", "use crate::https::Client;");
    }

    #[test]
    fn a_pure_room_touches_nothing_outside() {
        for impure in [
            "use std::fs;",
            "use std::{collections::HashMap, fs::File};",
            "use std::time::Instant; fn f() -> Instant { Instant::now() }",
            "fn f() { std::time::SystemTime::now(); }",
            "fn f(began: Instant) -> Duration { began.elapsed() }",
            "use tokio::sync::Mutex;",
            "use std::net::{IpAddr, TcpStream};",
            "fn f() { tracing::info!(\"x\"); }",
            "use ::prometheus::Counter;",
            "use jiff::Timestamp; fn f() -> Timestamp { Timestamp::now() }",
        ] {
            is_refused("mail/level.rs", impure);
        }
        passes(
            "mail/level.rs",
            "use std::net::{IpAddr, SocketAddr}; use std::time::{Duration, Instant};",
        );
        passes("spool/store.rs", "use std::fs; use tokio::sync::mpsc;");
    }

    #[test]
    fn tests_of_a_pure_room_may_read_cases_and_ask_a_clock_but_open_no_socket() {
        let tests = |code: &str| format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{ {code} }}");
        passes("mail/level.rs", &tests("use std::fs; fn f() { std::time::Instant::now(); }"));
        is_refused("mail/level.rs", &tests("use tokio::net::TcpStream;"));
        is_refused("mail/level.rs", &tests("use crate::spool::Store;"));

        let file = |path: &str, text: &str| File { path: path.into(), text: text.into() };
        let map = "//! Mail.\nmod level;\n#[cfg(test)]\nmod cases;\n";
        let files = [file("lib.rs", MAP), file("mail/mod.rs", map)];
        let plan = Plan::read(&files);
        let code = "//! Cases.\nuse std::fs;\n";
        assert!(plan.faults(&file("mail/cases.rs", code)).is_empty());
        assert!(plan.faults(&file("mail/cases/more.rs", code)).is_empty());
        assert_eq!(plan.faults(&file("mail/cases_of_code.rs", code)).len(), 1);
        assert_eq!(plan.faults(&file("mail/level.rs", code)).len(), 1);
    }

    #[test]
    fn only_those_who_reply_may_name_a_receipt() {
        passes("smtp/server.rs", "use crate::spool::Receipt;");
        passes("listen/session.rs", "use crate::{mail::Level, spool::Receipt};");
        is_refused("smtp/server.rs", "use crate::spool::Store;");
        is_refused("smtp/server.rs", "use crate::spool::{Receipt, Store};");
        is_refused("policy/rules.rs", "use crate::spool::Receipt;");
    }

    #[test]
    fn rooms_at_the_edge_never_import_each_other() {
        passes("listen/acceptor.rs", "use crate::{config::Listener, smtp::server};");
        is_refused("listen/acceptor.rs", "use crate::spool::Store;");
        is_refused("spool/store.rs", "use crate::listen::Acceptor;");
        is_refused("spool/store.rs", "use crate::gateway::Gateway;");
        is_refused("spool/store.rs", "use crate::cli::run;");
    }

    #[test]
    fn config_imports_mail_and_policy_only() {
        passes("config/file.rs", "use crate::{mail::Domain, policy::Diagnostic};");
        is_refused("config/file.rs", "use crate::smtp::server;");
        is_refused("config/file.rs", "use crate::spool::Store;");
    }

    #[test]
    fn the_wiring_is_for_the_commands() {
        passes("gateway.rs", "use crate::{listen::A, spool::B, policy::C};");
        passes("cli/run.rs", "use crate::gateway::run;");
        passes("main.rs", "fn main() { postern::cli::main() }");
        is_refused("gateway.rs", "use crate::cli::main;");
        is_refused("config/file.rs", "use crate::gateway::run;");
    }

    #[test]
    fn a_room_nobody_planned_is_refused() {
        is_refused("util/strings.rs", "");
        is_refused("transform/headers.rs", "");
    }

    #[test]
    fn a_file_begins_with_its_documentation() {
        let map = File { path: "lib.rs".into(), text: MAP.into() };
        let bare = File { path: "mail/level.rs".into(), text: "use std::fmt;\n".into() };
        assert_eq!(Plan::read(&[map]).faults(&bare).len(), 1);
    }

    #[test]
    fn a_map_holds_no_logic() {
        passes("mail/mod.rs", "//! Of fn and impl.\nmod level; pub use level::Level;");
        is_refused("mail/mod.rs", "fn f() {}");
        is_refused("mail/mod.rs", "impl Level {}");
        passes("mail/level.rs", "impl Level { fn f() {} }");
    }

    #[test]
    fn a_file_is_as_long_as_can_be_read_without_its_tests() {
        let body = "\n".repeat(LONGEST_FILE - 1);
        passes("mail/level.rs", &body);
        passes("mail/level.rs", &format!("{body}#[cfg(test)]\nmod tests {{\n\n\n}}"));
        is_refused("mail/level.rs", &format!("{body}\n\nfn f() {{}}"));
    }

    #[test]
    fn comments_and_literals_import_nothing() {
        passes(
            "mail/level.rs",
            "// use crate::spool::Store;\n/* crate::spool::Store /* std::fs */ */",
        );
        passes("mail/level.rs", "const A: &str = \"std::fs::read \\\" crate::spool::Store\";");
        passes(
            "mail/level.rs",
            "const A: &str = r#\"\"crate::spool::Store\"#; const B: u8 = b'\"';",
        );
        is_refused(
            "mail/level.rs",
            "const A: char = '\"'; use crate::spool::Store; const B: char = '\"';",
        );
        is_refused("mail/level.rs", "fn f<'a>(a: &'a str) -> crate::spool::Store { '\\'' }");
    }

    #[test]
    fn a_fault_names_its_line() {
        let faults =
            faults("mail/level.rs", "/* one\n two */\n\nuse std::{\n    fmt,\n    fs::File,\n};");
        assert_eq!(faults.len(), 1);
        assert!(faults[0].starts_with("src/mail/level.rs:7: `std::fs::File`"), "{faults:?}");
    }
}
