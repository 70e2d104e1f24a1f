//! `postern check`: validates postern.toml, the certificates it names and the
//! policies at once.

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
};

use clap::Args;
use serde_json::json;

use super::{certificates, exit::Failure, files, keys, spool};
use crate::{
    config::{Config, check_users, read_file},
    mail::Timestamp,
    policy::{
        Context, Policy,
        diagnostics::{Diagnostic, Diagnostics, Severity},
    },
    recipients,
};

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// postern.toml; the policies it names are checked too
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The policy folder [default: the one postern.toml names, or `policies`]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// A line of JSON a fault
    #[arg(long)]
    json: bool,
}

pub fn check(arguments: CheckArguments, now: Timestamp) -> Result<(), Failure> {
    let mut diagnostics = Diagnostics::default();
    let config = match &arguments.config {
        None => None,
        Some(path) => {
            let file = read_file(path).map_err(Failure::no_input)?;
            let (config, faults) = Config::read(&file);
            diagnostics.extend(faults);
            if let Some(config) = &config {
                diagnostics.extend(recipients::check(config, &file));
                diagnostics.extend(check_users(config));
            }
            config
        }
    };
    if let Some(config) = &config {
        diagnostics.extend(certificates::faults(config, now));
        diagnostics.extend_one(spool::key_fault(config));
        diagnostics.extend(keys::faults(config));
    }
    let folder = arguments
        .policies
        .or_else(|| config.as_ref().map(|config| config.node.policies.clone()))
        .unwrap_or_else(|| PathBuf::from("policies"));
    let local_domains = config.as_ref().map(|config| config.node.local_domains.as_slice());
    let context = Context {
        today: now.date(),
        local_domains: local_domains.unwrap_or_default(),
        test_range: None,
    };
    let sources = files::sources(&folder)?;
    diagnostics.extend(Policy::compile(&sources, &context).1);

    let mut out = std::io::stdout().lock();
    if arguments.json {
        for diagnostic in diagnostics.iter() {
            writeln!(out, "{}", as_json(diagnostic))?;
        }
    } else {
        write!(out, "{}", diagnostics.render(files::rendering(out.is_terminal())))?;
        writeln!(out, "{} ({})", files::faults(&diagnostics), folder.display())?;
    }
    match diagnostics.has_errors() {
        true => Err(Failure::silent(1)),
        false => Ok(()),
    }
}

pub(super) fn as_json(diagnostic: &Diagnostic) -> serde_json::Value {
    let severity = match diagnostic.severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    json!({
        "severity": severity,
        "code": diagnostic.code,
        "file": diagnostic.file.path,
        "line": diagnostic.line(),
        "span": diagnostic.span.as_ref().map(|span| [span.start, span.end]),
        "message": diagnostic.message,
        "label": diagnostic.label,
        "help": diagnostic.help,
    })
}
