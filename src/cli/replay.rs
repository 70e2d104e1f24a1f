//! `postern replay`: recorded mail, decided again under other policies.

mod telling;

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use self::telling::{tell, tell_reported};
use super::{exit::Failure, files, moment::Moment, page::Page};
use crate::{
    decide::decide,
    mail::{Domain, RecordError, RecordedDecision, Timestamp},
    observe::{AuditSettings, TrailError, TrailLine, read_trail, read_trail_file},
    policy::{Policy, Replay, ReplayReport, Reported},
};

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("recorded").required(true).args(["files", "config", "data"]))]
pub struct ReplayArguments {
    /// Lines of an audit trail, compressed or not; `-` for standard input
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The policies that are asked
    #[arg(long, value_name = "DIR")]
    policies: PathBuf,
    /// The postern.toml of the gateway whose trail is read, with its domains
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The data folder of the gateway, or its `audit`
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// What was decided from then on: 7d, 12h, 2026-11-16, 2026-11-16T09:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// And before then
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// A domain of ours; its recipients count as local
    #[arg(long = "local", value_name = "DOMAIN")]
    local_domains: Vec<Domain>,
    /// Only what people have called held in error: senders who reported a false positive, officers
    /// who released one
    #[arg(long)]
    reported: bool,
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

/// What was of no use in what was read.
#[derive(Debug, Default)]
struct Unread {
    damaged: u64,
    later: u64,
    remarks: Vec<String>,
}

pub fn replay(arguments: ReplayArguments, now: Timestamp) -> Result<(), Failure> {
    let config = match &arguments.config {
        Some(path) => Some(files::configuration(path)?),
        None => None,
    };
    let mut local = arguments.local_domains.clone();
    local.extend(config.iter().flat_map(|config| config.node.local_domains.clone()));
    let policy = files::policy(&arguments.policies, &local, now)?;
    let data = arguments.data.or(config.map(|config| config.node.data_dir));
    let source = match &data {
        Some(folder) => Source::Folder(folder),
        None => Source::Files(&arguments.files),
    };
    let moment = |moment: Option<Moment>| moment.map(|moment| moment.before(now));
    if arguments.reported && !source.is_of_files() {
        return Err(Failure::bad_data("--reported reads more than once, and `-` can be read once"));
    }
    let reported = arguments.reported.then(|| source.reported()).transpose();
    let reported = reported.map_err(Failure::no_input)?;
    let (since, until) = (moment(arguments.since), moment(arguments.until));
    let wanted = Wanted { since, until, reported };
    let (report, unread) = replayed(&policy, &source, wanted).map_err(Failure::no_input)?;
    if arguments.json {
        writeln!(std::io::stdout(), "{}", as_json(&report, &unread))?;
    } else {
        let shown = arguments.policies.display().to_string();
        let mut page = Page::standard_output();
        if arguments.reported {
            tell_reported(&mut page, &report)?;
        }
        tell(&mut page, &policy, &shown, &report, &unread)?;
    }
    match report.messages {
        0 if arguments.reported => {
            Err(Failure::no_input("nothing of that time has been called held in error"))
        }
        0 => Err(Failure::no_input("there are no decisions of that time to ask about")),
        _ => Ok(()),
    }
}

/// Where the decisions stand.
enum Source<'a> {
    Folder(&'a Path),
    Files(&'a [PathBuf]),
}

impl Source<'_> {
    /// A line at a time: what is read is not kept. What could not be read, in
    /// words.
    fn read(
        &self,
        since: Option<Timestamp>,
        line: &mut dyn FnMut(TrailLine<'_>),
    ) -> Result<Vec<String>, TrailError> {
        let mut remarks = Vec::new();
        match self {
            Self::Folder(folder) => {
                let audit = AuditSettings::folder_in(folder);
                let audit = if audit.is_dir() { audit.as_path() } else { folder };
                remarks = read_trail(audit, since, line)?;
            }
            Self::Files(files) => {
                for file in *files {
                    remarks.extend(read_trail_file(file, line)?);
                }
            }
        }
        Ok(remarks)
    }

    /// Standard input can be read once.
    fn is_of_files(&self) -> bool {
        match self {
            Self::Folder(_) => true,
            Self::Files(files) => files.iter().all(|file| file != Path::new("-")),
        }
    }

    /// A report comes after the decision, and may come long after.
    fn reported(&self) -> Result<Reported, TrailError> {
        let mut reported = Reported::default();
        self.read(None, &mut |line| reported.note_report(line.octets()))?;
        self.read(None, &mut |line| reported.note_acceptance(line.octets()))?;
        Ok(reported)
    }
}

fn replayed(
    policy: &Policy,
    source: &Source<'_>,
    wanted: Wanted,
) -> Result<(ReplayReport, Unread), TrailError> {
    let Wanted { since, until, reported } = wanted;
    let mut replay = Replay::new(policy, decide);
    let mut unread = Unread::default();
    let mut line = |read: TrailLine<'_>| match RecordedDecision::read(read.octets()) {
        Ok(Some(mut decision)) => {
            let at = decision.facts.received_at.unwrap_or_default();
            let in_time =
                since.is_none_or(|since| at >= since) && until.is_none_or(|until| at < until);
            if in_time && reported.as_ref().is_none_or(|some| some.has(decision.id)) {
                replay.ask(&mut decision);
            }
        }
        Ok(None) => {}
        Err(RecordError::Later(_)) => unread.later += 1,
        Err(RecordError::Damaged(_)) => unread.damaged += 1,
    };
    let remarks = source.read(since, &mut line)?;
    unread.remarks = remarks;
    Ok((replay.finish(), unread))
}

/// Which decisions are asked about.
struct Wanted {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// Only these, where not all.
    reported: Option<Reported>,
}

fn as_json(report: &ReplayReport, unread: &Unread) -> serde_json::Value {
    let mut answer = json!(report);
    let moment = |moment: Option<Timestamp>| json!(moment.map(Timestamp::rfc3339));
    if let Some(answer) = answer.as_object_mut() {
        answer.insert("from".to_owned(), moment(report.from));
        answer.insert("to".to_owned(), moment(report.to));
        let of_no_use = json!({ "damaged": unread.damaged, "later": unread.later });
        answer.insert("unread".to_owned(), of_no_use);
        answer.insert("remarks".to_owned(), json!(unread.remarks));
    }
    answer
}
