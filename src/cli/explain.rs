//! `postern explain`: what would happen to a message, or what has happened to
//! one, and why.

mod decision;
mod facts;
mod recorded;

use std::{
    io::Write,
    net::IpAddr,
    path::{Path, PathBuf},
};

use bytes::Bytes;
use clap::Args;
use serde_json::json;

use self::recorded::Present;
use super::{
    classify::{COLUMNS, View},
    control::SOCKET,
    documents::Documents,
    exit::Failure,
    files, findings,
    folder::Folder,
    page::{Ink, Page, piece},
    story::Story,
};
use crate::{
    content::{Content, Extract},
    gateway::{Fate, Judgement, judge},
    mail::{
        Address, Direction, Domain, Envelope, Origin, Protocol, QueueId, Recipient,
        RecordedOutcome, ReversePath, Submission, Timestamp,
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
    #[command(flatten)]
    pub(super) folder: Folder,
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
    /// A message in a file, `-` for standard input; or the queue id of one that was decided
    #[arg(value_name = "FILE.eml | QUEUE-ID")]
    subject: PathBuf,
    /// The sender of a file's message; empty for the null path
    #[arg(long, value_name = "ADDRESS")]
    from: Option<ReversePath>,
    /// Its recipients
    #[arg(long, num_args = 1.., value_name = "ADDRESS")]
    to: Vec<Address>,
    #[arg(long, value_enum, default_value_t = Way::Outbound)]
    direction: Way,
    /// The policies that are asked [default: those of postern.toml, or `policies` here, or else /etc/postern/policies]
    #[arg(long, value_name = "DIR")]
    policies: Option<PathBuf>,
    /// A domain of ours; its recipients count as local
    #[arg(long = "local", value_name = "DOMAIN")]
    local_domains: Vec<Domain>,
    /// The gateway's postern.toml: its policies, its domains, its control socket
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The gateway's control socket, to find a queue id [default: /var/lib/postern/control.sock]
    #[arg(long, value_name = "PATH")]
    control: Option<PathBuf>,
    /// Look for a queue id in the audit trail in this folder, and ask no gateway
    #[arg(long, value_name = "DIR")]
    audit: Option<PathBuf>,
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
    let config = match &arguments.config {
        Some(path) => Some(files::configuration(path)?),
        None => None,
    };
    let mut local_domains = arguments.local_domains;
    local_domains.extend(config.iter().flat_map(|config| config.node.local_domains.clone()));
    let policies =
        arguments.policies.or(config.as_ref().map(|config| config.node.policies.clone()));
    if let Some(id) = queue_id(&arguments.subject) {
        let beside = config.map(|config| config.node.control_socket);
        let control = arguments.control.or(beside).unwrap_or_else(|| SOCKET.into());
        let story = Story::find(id, &control, arguments.audit.as_deref())?;
        let present = Present { policies, local_domains, now };
        return recorded::explain(id, &story, &present, arguments.json);
    }
    let (Some(from), false) = (arguments.from, arguments.to.is_empty()) else {
        let message = "a message in a file needs --from and --to\n";
        clap::Error::raw(clap::error::ErrorKind::MissingRequiredArgument, message).exit();
    };
    let journey = JourneyArguments {
        from,
        to: arguments.to,
        direction: arguments.direction,
        folder: Folder::at(policies),
        local_domains,
    };
    explain_file(&arguments.subject, &journey, arguments.view, arguments.json, now)
}

/// Whatever is a file is one, however it is called.
fn queue_id(subject: &Path) -> Option<QueueId> {
    let written = subject.to_str().filter(|_| !subject.exists())?;
    written.parse().ok()
}

fn explain_file(
    file: &Path,
    journey: &JourneyArguments,
    view: View,
    json: bool,
    now: Timestamp,
) -> Result<(), Failure> {
    let policy =
        files::policy_with(&journey.folder.path(), &journey.local_domains, view.test_range(), now)?;
    let submission = journey.submission(files::message(file)?);
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
    facts::tell_content(&mut page, &judgement.facts)?;
    facts::tell_spoofs(&mut page, &judgement.facts.spoof)?;
    for (recipient, decision) in &judgement.decisions {
        let outcome = RecordedOutcome::of(recipient, decision);
        decision::tell(&mut page, Some(&policy), &outcome)?;
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
        "commit": policy.commit(),
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
