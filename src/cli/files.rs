//! Reading what commands are given: configuration, policies, messages.

use std::{
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::exit::Failure;
use crate::{
    classify::TestRange,
    config::{Config, read_file, read_policies},
    gateway::with_crlf,
    mail::{Domain, Timestamp},
    policy::{
        Context, Policy, Sources,
        diagnostics::{Diagnostics, Rendering},
    },
};

/// postern.toml, or its faults on standard error.
pub(super) fn configuration(path: &Path) -> Result<Config, Failure> {
    let file = read_file(path).map_err(Failure::no_input)?;
    let (config, diagnostics) = Config::read(&file);
    show(&diagnostics);
    config.ok_or_else(|| Failure::configuration(faults(&diagnostics)))
}

pub(super) fn sources(folder: &Path) -> Result<Sources, Failure> {
    let unread = |error| Failure::no_input(format!("{error}; --policies names the folder"));
    read_policies(folder).map_err(unread)
}

/// The policies compiled for today, or their faults on standard error.
pub(super) fn policy(
    folder: &Path,
    local_domains: &[Domain],
    now: Timestamp,
) -> Result<Policy, Failure> {
    policy_with(folder, local_domains, None, now)
}

/// With numbers of the test range as they are asked for, and not as the
/// folder has them.
pub(super) fn policy_with(
    folder: &Path,
    local_domains: &[Domain],
    test_range: Option<TestRange>,
    now: Timestamp,
) -> Result<Policy, Failure> {
    compiled(&sources(folder)?, &Context { today: now.date(), local_domains, test_range })
}

pub(super) fn compiled(sources: &Sources, context: &Context<'_>) -> Result<Policy, Failure> {
    let (policy, diagnostics) = Policy::compile(sources, context);
    if diagnostics.has_errors() {
        show(&diagnostics);
    }
    policy.ok_or_else(|| Failure::configuration(faults(&diagnostics)))
}

/// Files as they are named; of folders what ends in .eml, by name.
pub(super) fn messages(paths: &[PathBuf]) -> Result<Vec<PathBuf>, Failure> {
    let mut messages = Vec::new();
    for path in paths {
        if !path.is_dir() {
            messages.push(path.clone());
            continue;
        }
        let unreadable = |error| Failure::no_input(format!("{}: {error}", path.display()));
        let mut inside = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            if file.extension().is_some_and(|extension| extension == "eml") {
                inside.push(file);
            }
        }
        inside.sort();
        messages.append(&mut inside);
    }
    Ok(messages)
}

/// A message from a file, or from standard input for `-`, with every line
/// ended by CRLF as the wire has it.
pub(super) fn message(path: &Path) -> Result<Bytes, Failure> {
    Ok(with_crlf(octets(path)?))
}

/// A file, or standard input for `-`.
pub(super) fn octets(path: &Path) -> Result<Vec<u8>, Failure> {
    if path != Path::new("-") {
        return std::fs::read(path)
            .map_err(|error| Failure::no_input(format!("{}: {error}", path.display())));
    }
    let mut octets = Vec::new();
    std::io::stdin().read_to_end(&mut octets).map_err(Failure::no_input)?;
    Ok(octets)
}

/// Draws diagnostics on standard error.
pub(super) fn show(diagnostics: &Diagnostics) {
    if !diagnostics.is_empty() {
        eprint!("{}", diagnostics.render(rendering(std::io::stderr().is_terminal())));
    }
}

pub(super) fn rendering(is_terminal: bool) -> Rendering {
    if is_terminal { Rendering::Colour } else { Rendering::Plain }
}

pub(super) fn faults(diagnostics: &Diagnostics) -> String {
    let count = |number: usize, what: &str| match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    };
    let errors = count(diagnostics.errors(), "fault");
    let warnings = count(diagnostics.warnings(), "warning");
    format!("{errors}, {warnings}")
}
