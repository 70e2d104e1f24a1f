//! `postern probe`: whether partners' mail systems are ready, as the gateway
//! would find them. No message is made, and no gateway need run.

use std::{io::Write, path::PathBuf, sync::Arc};

use clap::Args;
use tokio::{sync::Semaphore, task::JoinSet};

use super::{exit::Failure, files, folder, page::Page, readiness};
use crate::{
    config::Config,
    gateway::{Readiness, Surveyor},
    mail::{Domain, Timestamp},
    policy::{DomainPattern, Policy, Standing},
};

#[derive(Debug, Args)]
pub struct ProbeArguments {
    /// The domains to look at
    #[arg(value_name = "DOMAIN", required_unless_present = "all", conflicts_with = "all")]
    domains: Vec<Domain>,
    /// Every approved domain of the policy, as a table
    #[arg(long)]
    all: bool,
    /// postern.toml: name servers, routes and policies as the gateway has them
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The policy folder [default: the one postern.toml names, or `policies` here, or else /etc/postern/policies]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// A line of JSON a domain
    #[arg(long)]
    json: bool,
}

pub fn probe(arguments: ProbeArguments, now: Timestamp) -> Result<(), Failure> {
    let config = arguments.config.as_deref().map(files::configuration).transpose()?;
    let policy = policy(config.as_ref(), arguments.policies, now)?;
    let (domains, passed_over) = match arguments.all {
        true => approved(&policy),
        false => (arguments.domains, Vec::new()),
    };
    let runtime = tokio::runtime::Runtime::new().map_err(Failure::unavailable)?;
    let found = runtime.block_on(async {
        let surveyor = Surveyor::new(config, own_name()?, policy).map_err(Failure::unavailable)?;
        let surveyor = Arc::new(surveyor);
        let found = look(&surveyor, domains).await?;
        Ok::<_, Failure>((surveyor, found))
    });
    let (surveyor, found) = found?;
    let mut page = Page::standard_output();
    if arguments.json {
        as_json(&found, &passed_over)?;
    } else if arguments.all {
        readiness::table(&mut page, &found, &passed_over, now)?;
    } else {
        for one in &found {
            readiness::whole(&mut page, one, surveyor.policy(), now)?;
        }
    }
    page.flush()?;
    match found.iter().all(Readiness::is_ready) {
        true => Ok(()),
        false => Err(Failure::silent(1)),
    }
}

fn policy(
    config: Option<&Config>,
    folder: Option<PathBuf>,
    now: Timestamp,
) -> Result<Policy, Failure> {
    let folder = folder
        .or_else(|| config.map(|config| config.node.policies.clone()))
        .unwrap_or_else(folder::usual);
    let local_domains = config.map(|config| config.node.local_domains.as_slice());
    files::policy(&folder, local_domains.unwrap_or_default(), now)
}

/// By name; and the wildcards, which stand for domains that nobody has listed.
fn approved(policy: &Policy) -> (Vec<Domain>, Vec<DomainPattern>) {
    let approved = |standing: &Standing| matches!(standing, Standing::Approved { .. });
    let entries = policy.domains().iter().filter(|entry| approved(&entry.standing));
    let (mut domains, mut wildcards) = (Vec::new(), Vec::new());
    for entry in entries {
        match &entry.name {
            DomainPattern::Exact(domain) => domains.push(domain.clone()),
            wildcard @ DomainPattern::Below(_) => wildcards.push(wildcard.clone()),
        }
    }
    domains.sort_by(|one, other| one.as_str().cmp(other.as_str()));
    wildcards.sort_by_key(ToString::to_string);
    (domains, wildcards)
}

/// Several at a time; in the order of the domains.
async fn look(surveyor: &Arc<Surveyor>, domains: Vec<Domain>) -> Result<Vec<Readiness>, Failure> {
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let mut tasks = JoinSet::new();
    for (place, domain) in domains.into_iter().enumerate() {
        let (surveyor, places) = (Arc::clone(surveyor), Arc::clone(&places));
        tasks.spawn(async move {
            let _place = places.acquire().await;
            (place, surveyor.readiness(&domain).await)
        });
    }
    let mut found = Vec::new();
    while let Some(done) = tasks.join_next().await {
        found.push(done.map_err(Failure::unavailable)?);
    }
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, readiness)| readiness).collect())
}

fn as_json(found: &[Readiness], passed_over: &[DomainPattern]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    for one in found {
        let mut line = serde_json::json!(one);
        if let Some(line) = line.as_object_mut() {
            line.insert("ready".to_owned(), one.is_ready().into());
        }
        writeln!(out, "{line}")?;
    }
    for wildcard in passed_over {
        let domain = wildcard.to_string();
        writeln!(out, "{}", serde_json::json!({ "domain": domain, "skipped": "a wildcard" }))?;
    }
    Ok(())
}

/// For EHLO, where no postern.toml says it.
fn own_name() -> Result<Domain, Failure> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = name.and_then(|name| name.trim().parse().ok());
    name.map_or_else(|| "localhost".parse().map_err(Failure::unavailable), Ok)
}

/// Domains that are looked at together: a hundred must not take an hour, nor
/// fill anybody's log.
const AT_A_TIME: usize = 8;
