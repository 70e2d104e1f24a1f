//! `postern audit export`: the trail for a SIEM.

use std::{
    io::Write,
    path::{Path, PathBuf},
    time::Duration,
};

use clap::{Args, ValueEnum};

use super::reach::Reach;
use crate::{
    cli::{exit::Failure, moment::Moment},
    gateway::AuditAccess,
    mail::Timestamp,
    observe::{Follow, More, TrailLine, read_checkpoints, search_trail},
    report::trail::{Host, TrailFilter, cef, syslog},
};

#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    #[command(flatten)]
    reach: Reach,
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
    /// From then on: 7d, 12h, 2026-11-16, 2026-11-16T09:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// And before then
    #[arg(long, value_name = "TIME", conflicts_with = "follow")]
    until: Option<Moment>,
    /// Behind this entry: where the last export ended
    #[arg(long, value_name = "SEQ")]
    after: Option<u64>,
    /// Go on with what is written from now on, until interrupted
    #[arg(long)]
    follow: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Lines as they stand, which can be verified
    Json,
    /// ArcSight Common Event Format
    Cef,
    /// RFC 5424, with structured data
    Syslog,
}

pub(super) fn export(
    arguments: &ExportArguments,
    control: &Path,
    now: Timestamp,
) -> Result<(), Failure> {
    let moment = |moment: Option<Moment>| moment.map(|moment| moment.before(now));
    let filter = TrailFilter {
        since: moment(arguments.since),
        until: moment(arguments.until),
        ..TrailFilter::default()
    };
    let format = arguments.format.to_possible_value();
    let format = format.as_ref().map_or("", |format| format.get_name());
    let words = format!("{format}, {}", filter.words());
    let trail = arguments.reach.reach(control, AuditAccess::Export, words)?;
    let host = trail.node.clone().or_else(|| signed_by(&trail.folder)).unwrap_or_default();
    let mut export = Export {
        out: std::io::stdout().lock(),
        format: arguments.format,
        host: Host::named(&host),
        filter,
        after: arguments.after,
        folder: trail.folder,
    };
    // Where it goes on from: what is written while the past is told comes
    // after it.
    let follow = arguments.follow.then(|| Follow::begin(&export.folder)).transpose();
    let follow = follow.map_err(Failure::no_input)?;
    export.all()?;
    follow.map_or(Ok(()), |follow| export.follow(follow))
}

/// Whose trail it is, where no gateway says so.
fn signed_by(folder: &Path) -> Option<String> {
    let (checkpoints, _) = read_checkpoints(folder).ok()?;
    checkpoints.into_iter().next_back().map(|checkpoint| checkpoint.node)
}

struct Export<W> {
    out: W,
    format: Format,
    host: Host,
    filter: TrailFilter,
    /// The last that was told.
    after: Option<u64>,
    folder: PathBuf,
}

impl<W: Write> Export<W> {
    fn all(&mut self) -> Result<(), Failure> {
        let (folder, since) = (self.folder.clone(), self.filter.since);
        let mut written = Ok(());
        let mut line = |read: TrailLine<'_>| {
            if let TrailLine::Whole(line) = read {
                written = self.line(line);
            }
            if written.is_ok() { More::Wanted } else { More::Unwanted }
        };
        let remarks = search_trail(&folder, since, &mut line).map_err(Failure::no_input)?;
        written?;
        remarks.iter().for_each(|remark| eprintln!("postern: {remark}"));
        Ok(self.out.flush()?)
    }

    fn follow(&mut self, mut follow: Follow) -> Result<(), Failure> {
        loop {
            while let Some(line) = follow.next_line().map_err(Failure::no_input)? {
                self.line(&line)?;
            }
            self.out.flush()?;
            std::thread::sleep(PAUSE);
        }
    }

    fn line(&mut self, line: &[u8]) -> std::io::Result<()> {
        let Some((entry, value)) = self.filter.matched(line) else { return Ok(()) };
        if entry.seq.is_some() && entry.seq <= self.after {
            return Ok(());
        }
        self.after = entry.seq.or(self.after);
        match self.format {
            Format::Json => {
                self.out.write_all(line)?;
                self.out.write_all(b"\n")
            }
            Format::Cef => writeln!(self.out, "{}", cef(&entry, &value)),
            Format::Syslog => writeln!(self.out, "{}", syslog(&entry, &value, &self.host)),
        }
    }
}

const PAUSE: Duration = Duration::from_secs(1);
