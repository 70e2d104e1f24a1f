//! `postern explain`: what would happen to a message, and why.

use std::{io::Write, net::IpAddr, path::PathBuf};

use bytes::Bytes;
use clap::Args;
use serde_json::json;

use super::{
    classify::{COLUMNS, View},
    documents::Documents,
    exit::Failure,
    files, findings,
    page::{Ink, Page, piece},
};
use crate::{
    content::{Content, Extract},
    gateway::{Fate, Judgement, judge},
    mail::{
        Address, Decision, Direction, Disposition, Domain, Envelope, Mode, Obligation, Origin,
        Protocol, Recipient, ReversePath, RuleMatch, Spoof, Submission, Timestamp, Urgency,
        Wording,
    },
    policy::Policy,
    transform::missing,
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
    #[command(flatten)]
    view: View,
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
    let ExplainArguments { file, journey, view, json } = arguments;
    let policy =
        files::policy_with(&journey.policies, &journey.local_domains, view.test_range(), now)?;
    let submission = journey.submission(files::message(&file)?);
    let (judgement, extract) = judged_with_extract(&policy, &submission, &Documents::new(), now)?;
    if json {
        writeln!(std::io::stdout(), "{}", as_json(&policy, &judgement, view))?;
        return Ok(());
    }
    let mut page = Page::standard_output().within(COLUMNS);
    findings::tell(&mut page, &policy, &judgement.classification, view.display(), view.extent())?;
    view.tell_left_out(&mut page, &policy, &extract)?;
    let missing = missing(&judgement.content, submission.origin.direction);
    if !missing.is_empty() {
        let words = format!("{}, which the client left out", missing.join(" and "));
        page.row("Supplied", &[piece(Ink::Plain, words)])?;
    }
    explain_spoofs(&mut page, &judgement.facts.spoof)?;
    for (recipient, decision) in &judgement.decisions {
        explain_decision(&mut page, &policy, recipient, decision)?;
    }
    if let Fate::Refused { reply, .. } = judgement.fate() {
        page.empty_line()?;
        let words = format!("The sender's server would be told: {reply}");
        page.text(&[piece(Ink::Plain, words)])?;
    }
    Ok(())
}

/// As the gateway does it, but for who has sent it, which no file says.
pub(super) fn judged(
    policy: &Policy,
    submission: &Submission,
    documents: &Documents,
    now: Timestamp,
) -> Result<Judgement, Failure> {
    judged_with_extract(policy, submission, documents, now).map(|(judgement, _)| judgement)
}

fn judged_with_extract(
    policy: &Policy,
    submission: &Submission,
    documents: &Documents,
    now: Timestamp,
) -> Result<(Judgement, Extract), Failure> {
    let mut reader = documents.reader()?;
    let content = Content::parse(submission.content.clone());
    let extract = content.extract(&mut reader);
    documents.were_read(&reader)?;
    Ok((judge(policy, submission, content, &extract, None, now), extract))
}

fn explain_spoofs<W: Write>(page: &mut Page<W>, signs: &[Spoof]) -> std::io::Result<()> {
    if !signs.is_empty() {
        page.heading("", "Signs that it is not from whom it shows")?;
    }
    for sign in signs {
        page.row("", &[piece(Ink::Care, format!("{sign} ({})", sign.name()))])?;
    }
    Ok(())
}

fn explain_decision<W: Write>(
    page: &mut Page<W>,
    policy: &Policy,
    recipient: &Address,
    decision: &Decision,
) -> std::io::Result<()> {
    page.heading("", &recipient.to_string())?;
    let ink = match decision.disposition {
        Disposition::Relay | Disposition::Redirect => Ink::Good,
        Disposition::Hold | Disposition::Defer => Ink::Care,
        Disposition::Reject => Ink::Bad,
    };
    page.row("Decision", &[piece(ink, decision.disposition.to_string())])?;
    let destination = &decision.destination;
    let cleared = format!(
        "{}, cleared to level {} ({})",
        destination.class.name(),
        destination.clearance,
        policy.level_name(destination.clearance)
    );
    page.row("Destination", &[piece(Ink::Plain, cleared)])?;
    page.row("TLS", &[piece(Ink::Plain, decision.protection.tls.to_string())])?;
    if let Some(next_hop) = &decision.redirect {
        page.row("Sent to", &[piece(Ink::Plain, next_hop.to_string())])?;
    }
    if let Some(next_hop) = &decision.fallback {
        let words = format!("{next_hop}, if that TLS cannot be had");
        page.row("Or else", &[piece(Ink::Plain, words)])?;
    }
    if decision.urgency == Urgency::Urgent {
        page.row("Urgent", &[piece(Ink::Plain, "people hear at once if that TLS cannot be had")])?;
    }
    for obligation in &decision.obligations {
        let (label, words) = match obligation {
            Obligation::Disclaimer(disclaimer) => ("Tag line", disclaimer.name.clone()),
            Obligation::Banner(banner) => ("Banner", banner.name.clone()),
            Obligation::TagSubject(tag) => ("Subject", format!("{tag} in front")),
            Obligation::StripSubject(tag) => ("Subject", format!("without {tag}")),
            Obligation::Wrap(classes) => {
                let names: Vec<_> = classes.iter().map(|class| class.name()).collect();
                ("Wrapped", format!("if it is {}", names.join(" or ")))
            }
            Obligation::Header { name, value } => ("Header", format!("{name}: {value}")),
            Obligation::RemoveHeaders(names) => ("Header", format!("without {names}")),
            Obligation::Copy(archive) => ("Copy to", archive.to_string()),
        };
        page.row(label, &[piece(Ink::Plain, words)])?;
    }
    explain_choices(page, decision)?;
    explain_rules(page, decision)
}

/// Of wordings that a message bears once: whose it is, and whose it is not.
fn explain_choices<W: Write>(page: &mut Page<W>, decision: &Decision) -> std::io::Result<()> {
    for choice in decision.choices.iter().filter(|choice| !choice.gave_way.is_empty()) {
        let notice = choice.notice.name();
        let words = |Wording { name, rule }: &Wording, which: &str| {
            format!("the {notice} {name}, which {which} asks for: {rule}")
        };
        page.row("Chosen", &[piece(Ink::Plain, words(&choice.chosen, "the narrowest rule"))])?;
        for wording in &choice.gave_way {
            page.row("Gave way", &[piece(Ink::Plain, words(wording, "another rule"))])?;
        }
    }
    Ok(())
}

/// The rule that decides first.
fn explain_rules<W: Write>(page: &mut Page<W>, decision: &Decision) -> std::io::Result<()> {
    let decides = |matched: &&RuleMatch| decision.decided_by.as_ref() == Some(*matched);
    let rest = decision.matched.iter().filter(|matched| !decides(matched));
    for matched in decision.matched.iter().filter(decides).chain(rest) {
        let (label, ink) = match (decides(&matched), matched.mode, matched.disposition) {
            (true, ..) => ("Decided by", Ink::Strong),
            (_, Mode::Observe, _) => ("Observed", Ink::Plain),
            (_, _, Some(_)) => ("Also", Ink::Plain),
            (_, _, None) => ("Rule", Ink::Plain),
        };
        page.row(label, &[piece(ink, matched.rule.as_str())])?;
        if !matched.reason.is_empty() {
            page.row("", &[piece(Ink::Quiet, matched.reason.as_str())])?;
        }
    }
    Ok(())
}

fn as_json(policy: &Policy, judgement: &Judgement, view: View) -> serde_json::Value {
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
                "choices": decision.choices,
            })
        })
        .collect();
    let reply = match judgement.fate() {
        Fate::Refused { reply, .. } => Some(reply.to_string()),
        Fate::Taken(_) => None,
    };
    let found = judgement.classification.findings.iter();
    let findings: Vec<_> = found.map(|found| findings::as_json(found, view.display())).collect();
    json!({
        "policy": policy.version(),
        "level": judgement.facts.level,
        "level_name": policy.level_name(judgement.facts.level),
        "why": judgement.classification.why,
        "facts": judgement.facts,
        "findings": findings,
        "opaque": judgement.classification.opaque,
        "recipients": recipients,
        "reply": reply,
    })
}
