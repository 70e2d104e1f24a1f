//! `postern explain`: what would happen to a message, and why.

use std::{io::Write, net::IpAddr, path::PathBuf};

use bytes::Bytes;
use clap::Args;
use serde_json::json;

use super::{documents::Documents, exit::Failure, files};
use crate::{
    content::Content,
    gateway::{Fate, Judgement, judge},
    mail::{
        Address, Decision, Direction, Domain, Envelope, Mode, Obligation, Origin, Protocol,
        Recipient, ReversePath, Submission, Timestamp, Urgency,
    },
    policy::Policy,
};

/// How a message comes in, and under which policies.
#[derive(Debug, Args)]
pub(super) struct JourneyArguments {
    /// Its sender; empty for the null path
    #[arg(long, value_name = "ADDRESS")]
    from: ReversePath,
    /// Its recipients
    #[arg(long, required = true, num_args = 1.., value_name = "ADDRESS")]
    to: Vec<Address>,
    #[arg(long, value_enum, default_value_t = Way::Outbound)]
    direction: Way,
    #[arg(long, value_name = "DIR", default_value = "policies")]
    pub(super) policies: PathBuf,
    /// A domain of ours; its recipients count as local
    #[arg(long = "local", value_name = "DOMAIN")]
    pub(super) local_domains: Vec<Domain>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Way {
    Inbound,
    Outbound,
}

#[derive(Debug, Args)]
pub struct ExplainArguments {
    /// The message; `-` for standard input
    #[arg(value_name = "FILE.eml")]
    file: PathBuf,
    #[command(flatten)]
    journey: JourneyArguments,
    #[arg(long)]
    json: bool,
}

impl JourneyArguments {
    /// A message as if it had just come in.
    pub(super) fn submission(&self, content: Bytes) -> Submission {
        let envelope = Envelope {
            reverse_path: self.from.clone(),
            recipients: self.to.iter().cloned().map(Recipient::from).collect(),
            body: Default::default(),
            encoding: Default::default(),
            requests: Default::default(),
        };
        let origin = Origin {
            listener: "command line".to_owned(),
            direction: match self.direction {
                Way::Inbound => Direction::Inbound,
                Way::Outbound => Direction::Outbound,
            },
            client: IpAddr::from([127, 0, 0, 1]),
            helo: "localhost".to_owned(),
            protocol: Protocol::Esmtp,
            tls: None,
            authenticated: None,
            certified: None,
            forwarded: None,
        };
        Submission { envelope, content, origin }
    }
}

pub fn explain(arguments: ExplainArguments, now: Timestamp) -> Result<(), Failure> {
    let ExplainArguments { file, journey, json } = arguments;
    let policy = files::policy(&journey.policies, &journey.local_domains, now)?;
    let submission = journey.submission(files::message(&file)?);
    let judgement = judged(&policy, &submission, &Documents::new())?;
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", as_json(&policy, &judgement))?;
    } else {
        findings(&mut out, &policy, &judgement)?;
        for (recipient, decision) in &judgement.decisions {
            explain_decision(&mut out, &policy, recipient, decision)?;
        }
        if let Fate::Refused { reply, .. } = judgement.fate() {
            writeln!(out, "\nThe sender's server would be told: {reply}")?;
        }
    }
    Ok(())
}

/// As the gateway does it, but for who has sent it, which no file says.
pub(super) fn judged(
    policy: &Policy,
    submission: &Submission,
    documents: &Documents,
) -> Result<Judgement, Failure> {
    let mut reader = documents.reader()?;
    let content = Content::parse(submission.content.clone());
    let extract = content.extract(&mut reader);
    documents.were_read(&reader)?;
    Ok(judge(policy, submission, content, &extract, None))
}

fn findings(out: &mut impl Write, policy: &Policy, judgement: &Judgement) -> std::io::Result<()> {
    let level = judgement.facts.level;
    writeln!(out, "Level {level}: {}", policy.level_name(level))?;
    for why in &judgement.classification.why {
        writeln!(out, "  {why}")?;
    }
    if judgement.classification.findings.is_empty() {
        writeln!(out, "\nNothing was found.")?;
    } else {
        writeln!(out, "\nFindings")?;
    }
    for finding in judgement.findings() {
        writeln!(
            out,
            "  {:22} {:24} {:3} %  part {}, line {}",
            finding.kind.name(),
            finding.masked.as_str(),
            finding.confidence,
            finding.part,
            finding.line
        )?;
        writeln!(out, "  {:22} {}", "", finding.why)?;
    }
    for opaque in &judgement.classification.opaque {
        writeln!(out, "  {:22} part {}: {}", "could not be read", opaque.part, opaque.reason)?;
    }
    Ok(())
}

fn explain_decision(
    out: &mut impl Write,
    policy: &Policy,
    recipient: &Address,
    decision: &Decision,
) -> std::io::Result<()> {
    let destination = &decision.destination;
    writeln!(out, "\n{recipient}: {}", decision.disposition)?;
    writeln!(
        out,
        "  destination  {}, cleared to level {} ({})",
        destination.class.name(),
        destination.clearance,
        policy.level_name(destination.clearance)
    )?;
    writeln!(out, "  TLS          {}", decision.protection.tls)?;
    if let Some(next_hop) = &decision.redirect {
        writeln!(out, "  sent to      {next_hop}")?;
    }
    if let Some(next_hop) = &decision.fallback {
        writeln!(out, "  or else      {next_hop}, if that TLS cannot be had")?;
    }
    if decision.urgency == Urgency::Urgent {
        writeln!(out, "  urgent       people hear at once if that TLS cannot be had")?;
    }
    for obligation in &decision.obligations {
        match obligation {
            Obligation::Disclaimer(disclaimer) => {
                writeln!(out, "  tag line     {}", disclaimer.name)?;
            }
            Obligation::Header { name, value } => writeln!(out, "  header       {name}: {value}")?,
            Obligation::Copy(archive) => writeln!(out, "  copy to      {archive}")?,
        }
    }
    for matched in &decision.matched {
        let decides = decision.decided_by.as_ref() == Some(matched);
        let role = match (decides, matched.mode, matched.disposition) {
            (true, ..) => "decided by",
            (_, Mode::Observe, _) => "observed",
            (_, _, Some(_)) => "also matched",
            (_, _, None) => "rule",
        };
        writeln!(out, "  {role:12} {}", matched.rule)?;
        if !matched.reason.is_empty() {
            writeln!(out, "               {}", matched.reason)?;
        }
    }
    Ok(())
}

fn as_json(policy: &Policy, judgement: &Judgement) -> serde_json::Value {
    let recipients: Vec<_> = judgement
        .decisions
        .iter()
        .map(|(recipient, decision)| {
            json!({
                "recipient": recipient,
                "disposition": decision.disposition,
                "decided_by": decision.decided_by,
                "matched": decision.matched,
                "protection": decision.protection,
                "redirect": decision.redirect,
                "fallback": decision.fallback,
                "urgency": decision.urgency,
                "destination": decision.destination,
                "tell": decision.tell,
            })
        })
        .collect();
    let reply = match judgement.fate() {
        Fate::Refused { reply, .. } => Some(reply.to_string()),
        Fate::Taken(_) => None,
    };
    json!({
        "policy": policy.version(),
        "level": judgement.facts.level,
        "level_name": policy.level_name(judgement.facts.level),
        "why": judgement.classification.why,
        "facts": judgement.facts,
        "findings": judgement.findings().collect::<Vec<_>>(),
        "opaque": judgement.classification.opaque,
        "recipients": recipients,
        "reply": reply,
    })
}
