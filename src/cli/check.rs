//! `postern check`: validates postern.toml, the certificates it names and the
//! policies at once; says what each code means, and shows the tag lines as
//! their readers see them.

mod codes;
mod machine;
mod preview;

use std::{
    io::{IsTerminal, Write},
    path::PathBuf,
};

use clap::Args;
use serde_json::json;

use super::{certificates, exit::Failure, files, folder, keys, page::Page, spool};
use crate::{
    config::{Config, check_accounts, check_openid, check_users, read_file},
    deliver,
    mail::Timestamp,
    policy::{
        Context, Policy,
        diagnostics::{Diagnostic, Diagnostics, Severity},
    },
    recipients,
};

#[derive(Debug, Args)]
pub struct CheckArguments {
    /// postern.toml; the policies it names are checked too [default: the installed one, where no
    /// policies are named and there are none here]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The policy folder [default: the one postern.toml names, or `policies` here, or else /etc/postern/policies]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// A line of JSON a fault
    #[arg(long)]
    json: bool,
    /// List every code a fault may have, with a sentence each
    #[arg(long, conflicts_with_all = ["config", "policies", "json"])]
    codes: bool,
    /// Say what a code means, with an example
    #[arg(long, value_name = "CODE", conflicts_with_all = ["config", "policies", "json"])]
    explain: Option<String>,
    /// Show the tag lines and banners as they are read, for each organisation and language
    #[arg(long)]
    preview: bool,
    /// Write them as a page for a browser, index.html in this folder
    #[arg(long, value_name = "DIR")]
    preview_to: Option<PathBuf>,
}

pub fn check(arguments: CheckArguments, now: Timestamp) -> Result<(), Failure> {
    if arguments.codes {
        return Ok(codes::list(&mut Page::standard_output())?);
    }
    if let Some(code) = &arguments.explain {
        return codes::explain(&mut Page::standard_output(), code);
    }
    let mut diagnostics = Diagnostics::default();
    let config = arguments.config.clone().or_else(|| match arguments.policies {
        Some(_) => None,
        None => folder::installed_configuration(),
    });
    let config = match &config {
        None => None,
        Some(path) => {
            let file = read_file(path).map_err(Failure::no_input)?;
            let (config, faults) = Config::read(&file);
            diagnostics.extend(faults);
            if let Some(config) = &config {
                diagnostics.extend(recipients::check(config, &file));
                diagnostics.extend(deliver::check(config, &file));
                diagnostics.extend(machine::faults(config, &file));
                diagnostics.extend(check_users(config));
                diagnostics.extend(check_accounts(config));
                diagnostics.extend(check_openid(config));
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
        .unwrap_or_else(folder::usual);
    let local_domains = config.as_ref().map(|config| config.node.local_domains.as_slice());
    let context = Context {
        today: now.date(),
        local_domains: local_domains.unwrap_or_default(),
        test_range: None,
    };
    let policy = match files::sources(&folder) {
        Ok(sources) => {
            let (policy, faults) = Policy::compile(&sources, &context);
            diagnostics.extend(faults);
            policy
        }
        // What was found is told: that postern.toml has faults is why its policies are not known.
        Err(_) if diagnostics.has_errors() => None,
        Err(unread) => return Err(unread),
    };

    let mut out = std::io::stdout().lock();
    if arguments.json {
        for diagnostic in diagnostics.iter() {
            writeln!(out, "{}", as_json(diagnostic))?;
        }
    } else {
        write!(out, "{}", diagnostics.render(files::rendering(out.is_terminal())))?;
        writeln!(out, "{} ({})", files::faults(&diagnostics), folder.display())?;
    }
    drop(out);
    if let Some(policy) = policy.filter(|_| arguments.preview || arguments.preview_to.is_some()) {
        preview::show(&policy, arguments.preview_to.as_deref())?;
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
