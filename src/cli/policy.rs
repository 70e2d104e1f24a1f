//! `postern policy`: how the policy of the running gateway stands, and what
//! officers do to its versions.

use std::{
    io::Write,
    path::{Component, Path, PathBuf},
};

use clap::{Args, Subcommand};

use super::{
    control::{Control, asked},
    exit::Failure,
};
use crate::{
    gateway::{
        Answer, CameTo, Outcome, PolicyAnswer, PolicyRequest, PolicyStatus, Refused, Request,
        VersionName, Waiting,
    },
    mail::PolicyStep,
};

#[derive(Debug, Args)]
pub struct PolicyArguments {
    #[command(flatten)]
    control: Control,
    #[command(subcommand)]
    command: PolicyCommand,
}

#[derive(Debug, Subcommand)]
enum PolicyCommand {
    /// Which version decides, what is on trial, what waits, and why the files were refused
    Status,
    /// What was done to versions, by whom and why; the latest first
    History {
        /// So many steps
        #[arg(long, default_value_t = 50, value_name = "N")]
        last: usize,
    },
    /// The files of a version that is kept
    Show {
        version: VersionName,
        /// Only this one, as it is
        #[arg(value_name = "FILE")]
        file: Option<String>,
        /// Write them all below this folder
        #[arg(long, value_name = "DIR", conflicts_with = "file")]
        to: Option<PathBuf>,
    },
    /// Read the policy folder anew: build, check, test and prove it aside, then let it decide
    Reload,
    /// Likewise, with your name; with a reason also what was set aside before
    Propose {
        #[command(flatten)]
        officer: Officer,
        /// What it is for, for whoever approves it and for the audit trail
        #[arg(long, visible_alias = "comment", value_name = "WHY")]
        reason: Option<String>,
    },
    /// Stand for a version that waits, as the second officer
    Approve {
        version: VersionName,
        #[command(flatten)]
        officer: Officer,
        /// For the audit trail
        #[arg(long, value_name = "TEXT")]
        comment: Option<String>,
    },
    /// Say no to a version that waits
    Refuse {
        version: VersionName,
        #[command(flatten)]
        officer: Officer,
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
    /// Go back: out of a trial, or to the version that decided before, or to this one
    Return {
        version: Option<VersionName>,
        #[command(flatten)]
        officer: Officer,
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
    /// Let the version on trial decide for everybody now
    Complete {
        #[command(flatten)]
        officer: Officer,
        #[arg(long, value_name = "WHY")]
        reason: String,
    },
}

#[derive(Debug, Args)]
struct Officer {
    /// Your name, for the audit trail
    #[arg(long = "officer", value_name = "NAME")]
    name: String,
}

pub fn policy(arguments: PolicyArguments) -> Result<(), Failure> {
    let PolicyArguments { control: Control { control, json }, command } = arguments;
    let mut shown = Shown::Whole;
    let request = match command {
        PolicyCommand::Status => PolicyRequest::Status,
        PolicyCommand::History { last } => {
            shown = Shown::Last(last);
            PolicyRequest::History
        }
        PolicyCommand::Show { version, file, to } => {
            shown = match (file, to) {
                (Some(file), _) => Shown::File(file),
                (None, Some(folder)) => Shown::Below(folder),
                (None, None) => Shown::Whole,
            };
            PolicyRequest::Show { version }
        }
        PolicyCommand::Reload => PolicyRequest::Reload,
        PolicyCommand::Propose { officer, reason } => {
            PolicyRequest::Propose { officer: officer.name, reason }
        }
        PolicyCommand::Approve { version, officer, comment } => {
            PolicyRequest::Approve { version, officer: officer.name, reason: comment }
        }
        PolicyCommand::Refuse { version, officer, reason } => {
            PolicyRequest::Refuse { version, officer: officer.name, reason }
        }
        PolicyCommand::Return { version, officer, reason } => {
            PolicyRequest::Return { version, officer: officer.name, reason }
        }
        PolicyCommand::Complete { officer, reason } => {
            PolicyRequest::Complete { officer: officer.name, reason }
        }
    };
    match answer_to(&control, request)? {
        PolicyAnswer::Declined { why } => Err(Failure::negative(why)),
        answer => tell(&answer, &shown, json),
    }
}

enum Shown {
    Whole,
    Last(usize),
    File(String),
    Below(PathBuf),
}

fn answer_to(control: &Path, request: PolicyRequest) -> Result<PolicyAnswer, Failure> {
    match asked(control, &Request::Policy(request))? {
        Answer::Policy(answer) => Ok(answer),
        _ => Err(Failure::unavailable("the gateway has answered something else")),
    }
}

fn tell(answer: &PolicyAnswer, shown: &Shown, json: bool) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match (answer, shown) {
        (PolicyAnswer::Files { files, .. }, Shown::File(name)) => match files.get(name) {
            Some(text) => write!(out, "{text}")?,
            None => return Err(Failure::no_input(format!("the version has no file {name}"))),
        },
        (PolicyAnswer::Files { files, .. }, Shown::Below(folder)) => {
            for (path, text) in files {
                let is_below = Path::new(path).components().all(is_name);
                let path = folder.join(path);
                if !is_below {
                    return Err(Failure::bad_data(format!("{} is not below it", path.display())));
                }
                path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
                std::fs::write(&path, text)?;
            }
            writeln!(out, "{} files written to {}", files.len(), folder.display())?;
        }
        _ if json => writeln!(out, "{}", serde_json::json!(answer))?,
        (PolicyAnswer::Files { version, commit, files }, _) => {
            writeln!(out, "Version  {version}")?;
            commit.iter().try_for_each(|commit| writeln!(out, "Commit   {commit}"))?;
            for (path, text) in files {
                writeln!(out, "{:>8} lines  {path}", text.lines().count())?;
            }
        }
        (PolicyAnswer::Status(status), _) => tell_status(&mut out, status)?,
        (PolicyAnswer::History { steps }, Shown::Last(last)) => {
            steps.iter().rev().take(*last).try_for_each(|step| tell_step(&mut out, step))?;
        }
        (PolicyAnswer::Outcome(outcome), _) => tell_outcome(&mut out, outcome)?,
        _ => {}
    }
    match answer {
        PolicyAnswer::Outcome(Outcome { came_to: CameTo::Refused, .. }) => Err(Failure::silent(1)),
        _ => Ok(()),
    }
}

/// What is read of a gateway writes below the folder it was told, and nowhere
/// else.
fn is_name(component: Component<'_>) -> bool {
    matches!(component, Component::Normal(_))
}

fn tell_outcome(out: &mut impl Write, outcome: &Outcome) -> std::io::Result<()> {
    let came_to = match outcome.came_to {
        CameTo::Live => "LIVE",
        CameTo::Unchanged => "UNCHANGED",
        CameTo::Canary => "ON TRIAL",
        CameTo::Waiting => "WAITING",
        CameTo::Refused => "REFUSED",
    };
    outcome.refused.iter().try_for_each(|refused| write!(out, "{}", refused.drawn))?;
    let version = outcome.version.as_ref().map_or("", |version| version.short());
    writeln!(out, "{came_to}  {version}  {}", outcome.words)
}

fn tell_status(out: &mut impl Write, status: &PolicyStatus) -> std::io::Result<()> {
    writeln!(out, "Decides   {}", status.live)?;
    status.commit.iter().try_for_each(|commit| writeln!(out, "          commit {commit}"))?;
    if let Some(PolicyStep { at, by, reason, .. }) = &status.since {
        writeln!(out, "          since {}, by {by}{}", at.rfc3339(), because(reason.as_deref()))?;
    }
    if let Some(canary) = &status.canary {
        writeln!(out, "On trial  {} for {} of senders", canary.version, canary.share)?;
        canary.commit.iter().try_for_each(|commit| writeln!(out, "          commit {commit}"))?;
        writeln!(out, "          since {}, {}", canary.began.rfc3339(), left(canary.seconds_left))?;
        writeln!(out, "          {}", canary.words)?;
        if canary.messages < canary.least_messages {
            let (has, needs) = (canary.messages, canary.least_messages);
            writeln!(out, "          nothing is concluded from fewer than {needs} ({has} so far)")?;
        }
    }
    status.waiting.iter().try_for_each(|waiting| tell_waiting(out, waiting))?;
    match &status.refused {
        Some(refused) => tell_refused(out, refused),
        None if status.waiting.is_empty() => writeln!(out, "Folder    as it was last read, in use"),
        None => Ok(()),
    }
}

fn tell_waiting(out: &mut impl Write, waiting: &Waiting) -> std::io::Result<()> {
    let Waiting { version, commit, since, proposed_by, reason, officers } = waiting;
    writeln!(out, "Waits     {version}")?;
    commit.iter().try_for_each(|commit| writeln!(out, "          commit {commit}"))?;
    let why = because(reason.as_deref());
    writeln!(out, "          since {}, by {proposed_by}{why}", since.rfc3339())?;
    let needed = match officers.len() {
        0 => "two officers approve it".to_owned(),
        _ => {
            let names: Vec<_> = officers.iter().map(ToString::to_string).collect();
            format!("an officer other than {} approves it", names.join(" and "))
        }
    };
    writeln!(out, "          until {needed}")
}

fn tell_refused(out: &mut impl Write, refused: &Refused) -> std::io::Result<()> {
    let (at, reason) = (refused.at.rfc3339(), refused.reason.name());
    writeln!(out, "Refused   the files in the policy folder, at {at} ({reason})")?;
    writeln!(out, "          {}", refused.headline)?;
    match refused.drawn.as_str() {
        "" => Ok(()),
        drawn => write!(out, "\n{drawn}"),
    }
}

fn tell_step(out: &mut impl Write, step: &PolicyStep) -> std::io::Result<()> {
    let PolicyStep { at, step, version, commit, other: _, by, reason } = step;
    let version = version.get(..SHORT).unwrap_or(version);
    let commit = commit.as_deref().and_then(|commit| commit.get(..SHORT)).unwrap_or("-");
    let why = because(reason.as_deref());
    writeln!(out, "{}  {version}  {commit:<12}  {:<9}  by {by}{why}", at.rfc3339(), step.name())
}

fn because(reason: Option<&str>) -> String {
    reason.map_or_else(String::new, |reason| format!(": {reason}"))
}

fn left(seconds: u64) -> String {
    match (seconds / 3_600, seconds / 60 % 60) {
        (0, 0) => "its time is up".to_owned(),
        (0, minutes) => format!("{minutes} minutes to go"),
        (hours, minutes) => format!("{hours} hours {minutes} minutes to go"),
    }
}

/// As decisions name a version.
const SHORT: usize = 12;
