//! `postern domains list` and `show`.

use std::{io::Write, path::PathBuf};

use clap::Args;
use serde_json::{Value, json};

use super::super::{
    exit::Failure,
    files,
    folder::Folder,
    page::{Ink, Page, piece},
};
use crate::{
    mail::{DestinationClass, Domain, Protection, Timestamp, Trust},
    policy::{DomainEntry, DomainPattern, Domains, Standing},
};

#[derive(Debug, Args)]
pub struct ListArguments {
    #[command(flatten)]
    folder: Folder,
    /// A line of JSON an entry
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub struct ShowArguments {
    #[arg(required = true)]
    domain: Vec<Domain>,
    #[command(flatten)]
    folder: Folder,
    /// postern.toml, for the domains whose mailboxes stand behind the gateway
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A line of JSON a domain
    #[arg(long)]
    json: bool,
}

pub(super) fn list(arguments: &ListArguments, now: Timestamp) -> Result<(), Failure> {
    let policy = arguments.folder.policy(&[], now)?;
    let domains = policy.domains();
    let mut entries: Vec<&DomainEntry> = domains.iter().collect();
    entries.sort_by_key(|entry| domains.line(&entry.name));
    if arguments.json {
        let mut out = std::io::stdout().lock();
        for entry in entries {
            writeln!(out, "{}", as_json(entry, domains))?;
        }
        return Ok(());
    }
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let (ink, clearance, tls) = match &entry.standing {
                Standing::Approved { clearance, protection } => {
                    (Ink::Plain, clearance.to_string(), protection.tls.name())
                }
                Standing::Retired(_) => (Ink::Quiet, "retired".to_owned(), ""),
            };
            let review = entry.review.map(|day| day.to_string()).unwrap_or_default();
            let overdue = entry.review.is_some_and(|day| day < now.date());
            vec![
                piece(Ink::Strong, entry.name.to_string()),
                piece(ink, clearance),
                piece(ink, tls),
                piece(if overdue { Ink::Bad } else { ink }, review),
                piece(ink, entry.owner.as_str()),
            ]
        })
        .collect();
    Page::standard_output().table(&["domain", "clearance", "TLS", "review", "owner"], &rows)?;
    Ok(())
}

pub(super) fn show(arguments: &ShowArguments, now: Timestamp) -> Result<(), Failure> {
    let config = arguments.config.as_deref().map(files::configuration).transpose()?;
    let local = config.as_ref().map(|config| config.node.local_domains.as_slice());
    let policy = arguments.folder.policy(local.unwrap_or_default(), now)?;
    let domains = policy.domains();
    let mut page = Page::standard_output();
    for domain in &arguments.domain {
        if arguments.json {
            page.as_it_is(&format!("{}\n", shown_as_json(domain, domains)))?;
        } else {
            tell(&mut page, domain, domains)?;
        }
    }
    Ok(())
}

fn tell<W: Write>(page: &mut Page<W>, domain: &Domain, domains: &Domains) -> std::io::Result<()> {
    let destination = domains.destination(domain);
    page.heading("", domain.as_str())?;
    let counts = match (destination.class, destination.entry) {
        (DestinationClass::Local, _) => "one of our own: everything may be sent to it".to_owned(),
        (_, None) => "the open internet: no entry speaks of it".to_owned(),
        (_, Some(entry)) => counts(domain, entry, domains),
    };
    page.row("Counts", &[piece(Ink::Strong, counts)])?;
    let most = format!("level {} at the most", destination.clearance);
    page.row("Clearance", &[piece(Ink::Plain, most)])?;
    for line in journey(&destination.protection()) {
        page.row("Journey", &[piece(Ink::Plain, line)])?;
    }
    let Some(entry) = destination.entry else { return Ok(()) };
    if let Standing::Retired(why) = &entry.standing {
        page.row("Retired", &[piece(Ink::Care, why.as_str())])?;
    }
    page.row("Owner", &[piece(Ink::Plain, entry.owner.as_str())])?;
    page.row("Evidence", &[piece(Ink::Plain, entry.evidence.as_str())])?;
    if let Some(day) = entry.review {
        page.row("Review", &[piece(Ink::Plain, format!("by {day}"))])?;
    }
    for other in domains.entries_for(domain).skip(1) {
        let line = domains.line(&other.name);
        let what = match &other.standing {
            Standing::Approved { clearance, .. } => format!("clearance {clearance}"),
            Standing::Retired(_) => "retired".to_owned(),
        };
        let said = format!("`{}` in line {line} ({what}): a narrower entry counts", other.name);
        page.row("Not", &[piece(Ink::Quiet, said)])?;
    }
    Ok(())
}

fn counts(domain: &Domain, entry: &DomainEntry, domains: &Domains) -> String {
    let line = domains.line(&entry.name);
    let name = &entry.name;
    match (name, &entry.standing) {
        (_, Standing::Retired(_)) => {
            format!("`{name}` in line {line}: retired, so no approval")
        }
        (DomainPattern::Exact(_), _) => format!("`{name}` in line {line}: its own entry"),
        (DomainPattern::Below(_), _) => {
            format!(
                "`{name}` in line {line}: the nearest above {domain}, which has none of its own"
            )
        }
    }
}

/// What the entry asks of the journey; rules and the domain itself may ask for
/// more.
fn journey(protection: &Protection) -> Vec<String> {
    let mut lines = vec![format!("{} TLS at least", protection.tls)];
    let names: Vec<String> = protection.mx_names.iter().map(ToString::to_string).collect();
    if !names.is_empty() {
        lines.push(format!("to {}", names.join(", ")));
    }
    match &protection.trust {
        Trust::Anchors(file) => lines.push(format!("certified by certs/{file} alone")),
        Trust::Keys(keys) => lines.push(format!("with one of {} pinned keys", keys.len())),
        _ => {}
    }
    lines
}

fn as_json(entry: &DomainEntry, domains: &Domains) -> Value {
    let (clearance, tls, retired) = match &entry.standing {
        Standing::Approved { clearance, protection } => {
            (Some(clearance.number()), Some(protection.tls.name()), None)
        }
        Standing::Retired(why) => (None, None, Some(why.as_str())),
    };
    json!({
        "name": entry.name.to_string(),
        "line": domains.line(&entry.name),
        "clearance": clearance,
        "tls": tls,
        "retired": retired,
        "owner": entry.owner,
        "evidence": entry.evidence,
        "review": entry.review.map(|day| day.to_string()),
    })
}

fn shown_as_json(domain: &Domain, domains: &Domains) -> Value {
    let destination = domains.destination(domain);
    json!({
        "domain": domain.as_str(),
        "class": destination.class.name(),
        "clearance": destination.clearance.number(),
        "entry": destination.entry.map(|entry| as_json(entry, domains)),
        "others": domains
            .entries_for(domain)
            .skip(1)
            .map(|entry| as_json(entry, domains))
            .collect::<Vec<_>>(),
    })
}
