//! `postern replay`: recorded mail, decided again under other policies.

mod telling;

use std::{
    io::Write,
    path::{Path, PathBuf},
    str::FromStr,
};

use clap::Args;
use serde_json::json;

use self::telling::tell;
use super::{exit::Failure, files, page::Page};
use crate::{
    config::Span,
    decide::decide,
    mail::{Domain, RecordError, RecordedDecision, Timestamp},
    observe::{TrailError, TrailLine, read_trail, read_trail_file},
    policy::{Policy, Replay, ReplayReport},
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
    /// Answer in JSON
    #[arg(long)]
    json: bool,
}

/// So long ago, or when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Ago(Span),
    At(Timestamp),
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
    let window = (moment(arguments.since), moment(arguments.until));
    let (report, unread) = replayed(&policy, &source, window).map_err(Failure::no_input)?;
    if arguments.json {
        writeln!(std::io::stdout(), "{}", as_json(&report, &unread))?;
    } else {
        let shown = arguments.policies.display().to_string();
        tell(&mut Page::standard_output(), &policy, &shown, &report, &unread)?;
    }
    match report.messages {
        0 => Err(Failure::no_input("there are no decisions of that time to ask about")),
        _ => Ok(()),
    }
}

/// Where the decisions stand.
enum Source<'a> {
    Folder(&'a Path),
    Files(&'a [PathBuf]),
}

/// A line at a time: what is read is not kept.
fn replayed(
    policy: &Policy,
    source: &Source<'_>,
    (since, until): (Option<Timestamp>, Option<Timestamp>),
) -> Result<(ReplayReport, Unread), TrailError> {
    let mut replay = Replay::new(policy, decide);
    let mut unread = Unread::default();
    let mut line = |read: TrailLine<'_>| {
        let (TrailLine::Whole(octets) | TrailLine::Torn(octets)) = read;
        match RecordedDecision::read(octets) {
            Ok(Some(mut decision)) => {
                let at = decision.facts.received_at.unwrap_or_default();
                if since.is_none_or(|since| at >= since) && until.is_none_or(|until| at < until) {
                    replay.ask(&mut decision);
                }
            }
            Ok(None) => {}
            Err(RecordError::Later(_)) => unread.later += 1,
            Err(RecordError::Damaged(_)) => unread.damaged += 1,
        }
    };
    let mut remarks = Vec::new();
    match source {
        Source::Folder(folder) => {
            let audit = folder.join("audit");
            let audit = if audit.is_dir() { audit.as_path() } else { folder };
            remarks = read_trail(audit, since, &mut line)?;
        }
        Source::Files(files) => {
            for file in *files {
                remarks.extend(read_trail_file(file, &mut line)?);
            }
        }
    }
    unread.remarks = remarks;
    Ok((replay.finish(), unread))
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

impl Moment {
    fn before(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(moment) => moment,
            Self::Ago(Span(time)) => {
                let ago = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                Timestamp::from_unix_milliseconds(now.unix_milliseconds().saturating_sub(ago))
            }
        }
    }
}

impl FromStr for Moment {
    type Err = String;

    fn from_str(written: &str) -> Result<Self, String> {
        let day = || format!("{written}T00:00:00Z").parse().ok();
        let moment = written.parse().ok().or_else(day).map(Self::At);
        moment.or_else(|| written.parse().ok().map(Self::Ago)).ok_or_else(|| {
            "write how long ago (`7d`, `12h`), a day (`2026-11-16`), or a moment \
             (`2026-11-16T09:00:00Z`)"
                .to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_how_long_ago_or_when() {
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let of = |written: &str| written.parse().map(|moment: Moment| moment.before(now).rfc3339());
        for (written, meant) in [
            ("7d", "2026-11-15T12:00:00.000Z"),
            ("12h", "2026-11-22T00:00:00.000Z"),
            ("2026-11-16", "2026-11-16T00:00:00.000Z"),
            ("2026-11-16T09:00:00+01:00", "2026-11-16T08:00:00.000Z"),
        ] {
            assert_eq!(of(written), Ok(meant.to_owned()));
        }
        for wrong in ["", "7", "yesterday", "2026-13-01"] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
