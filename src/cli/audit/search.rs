//! `postern audit search`: entries of the trail.

use std::{io::Write, path::Path};

use clap::Args;

use super::reach::{Reach, Reached};
use crate::{
    cli::{exit::Failure, moment::Moment},
    gateway::AuditAccess,
    mail::Timestamp,
    observe::{More, TrailLine, search_trail},
    report::trail::{Entry, TrailFilter},
};

#[derive(Debug, Args)]
pub(super) struct SearchArguments {
    #[command(flatten)]
    reach: Reach,
    /// From then on: 7d, 12h, 2026-11-16, 2026-11-16T09:00:00Z
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// And before then
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// What happened: `decision`, `deed`, a deed's kind (`revealed`), `handled/release`
    #[arg(long)]
    event: Option<String>,
    /// About this message
    #[arg(long)]
    id: Option<String>,
    /// Who did it
    #[arg(long, value_name = "PERSON")]
    by: Option<String>,
    #[arg(long, value_name = "ADDRESS")]
    sender: Option<String>,
    #[arg(long, value_name = "ADDRESS")]
    recipient: Option<String>,
    /// Of a sender, a recipient or a destination; with its subdomains
    #[arg(long)]
    domain: Option<String>,
    /// A rule that decided or matched
    #[arg(long)]
    rule: Option<String>,
    /// What became of a copy: `hold`, `reject`
    #[arg(long)]
    disposition: Option<String>,
    /// Anywhere in the entry
    #[arg(long)]
    text: Option<String>,
    /// No more than so many
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
}

pub(super) fn search(
    arguments: &SearchArguments,
    control: &Path,
    json: bool,
    now: Timestamp,
) -> Result<(), Failure> {
    let filter = arguments.filter(now);
    let trail = arguments.reach.reach(control, AuditAccess::Search, filter.words())?;
    let limit = arguments.limit.unwrap_or(usize::MAX);
    match show(&trail, &filter, limit, json)? {
        0 => Err(Failure::silent(1)),
        _ => Ok(()),
    }
}

impl SearchArguments {
    fn filter(&self, now: Timestamp) -> TrailFilter {
        let moment = |moment: Option<Moment>| moment.map(|moment| moment.before(now));
        TrailFilter {
            since: moment(self.since),
            until: moment(self.until),
            event: self.event.clone(),
            id: self.id.clone(),
            by: self.by.clone(),
            sender: self.sender.clone(),
            recipient: self.recipient.clone(),
            domain: self.domain.clone(),
            rule: self.rule.clone(),
            disposition: self.disposition.clone(),
            subjects: Vec::new(),
            text: self.text.clone(),
        }
    }
}

/// A line each, the oldest first: as it stands, or in a sentence. How many.
pub(super) fn show(
    trail: &Reached,
    filter: &TrailFilter,
    limit: usize,
    json: bool,
) -> Result<usize, Failure> {
    let mut out = std::io::stdout().lock();
    let (mut shown, mut written) = (0, Ok(()));
    let mut line = |read: TrailLine<'_>| {
        let line = read.octets();
        if let Some((entry, _)) = filter.matched(line) {
            written = match json {
                true => out.write_all(line).and_then(|()| out.write_all(b"\n")),
                false => tell(&mut out, &entry),
            };
            shown += 1;
        }
        if shown < limit && written.is_ok() { More::Wanted } else { More::Unwanted }
    };
    let remarks =
        search_trail(&trail.folder, filter.since, &mut line).map_err(Failure::no_input)?;
    written?;
    remarks.iter().for_each(|remark| eprintln!("postern: {remark}"));
    Ok(shown)
}

fn tell(out: &mut impl Write, entry: &Entry) -> std::io::Result<()> {
    let seq = entry.seq.map_or_else(|| "-".to_owned(), |seq| seq.to_string());
    let (at, name) = (&entry.at, entry.name());
    let id = entry.id.as_deref().unwrap_or("-");
    let by = entry.by.as_deref().map(|by| format!("{by}: ")).unwrap_or_default();
    writeln!(out, "{seq:>8}  {at}  {name:24}  {id:13}  {by}{}", entry.words)
}
