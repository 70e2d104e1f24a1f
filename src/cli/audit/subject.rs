//! `postern audit subject`: a person's messages, found by the keyed hash of an
//! identifier. The identifier comes on standard input, for arguments stand in
//! process lists and shells' histories; it goes nowhere else.

use std::{
    io::BufRead,
    path::{Path, PathBuf},
};

use clap::Args;

use super::{reach::Reach, search::show};
use crate::{
    cli::exit::Failure, gateway::AuditAccess, observe::subject_key, report::trail::TrailFilter,
};

#[derive(Debug, Args)]
pub(super) struct SubjectArguments {
    #[command(flatten)]
    reach: Reach,
    /// Why: the request's reference; stands in the audit trail
    #[arg(long)]
    reason: String,
    /// The gateway's data folder, which has the key, where no gateway is asked
    #[arg(long, value_name = "DIR", requires = "audit")]
    data: Option<PathBuf>,
}

pub(super) fn subject(
    arguments: &SubjectArguments,
    control: &Path,
    json: bool,
) -> Result<(), Failure> {
    let reason = arguments.reason.trim();
    if reason.is_empty() {
        return Err(Failure::bad_data("say why: the reason stands in the audit trail"));
    }
    let mut identifier = String::new();
    std::io::stdin().lock().read_line(&mut identifier).map_err(Failure::no_input)?;
    if identifier.trim().is_empty() {
        return Err(Failure::no_input("write the identifier on standard input, on a line"));
    }
    let trail = arguments.reach.reach(control, AuditAccess::Subject, reason.to_owned())?;
    let data_dir = trail.data_dir.as_ref().or(arguments.data.as_ref());
    let data_dir = data_dir.ok_or_else(|| {
        Failure::no_input("name the data folder that has the key (audit-subjects.key): --data DIR")
    })?;
    // Another key, made here and now, would find nothing and hide that.
    if !data_dir.join(KEY).exists() {
        return Err(Failure::no_input(format!("there is no {KEY} in {}", data_dir.display())));
    }
    let key = subject_key(data_dir).map_err(Failure::no_input)?;
    let subjects = key.hashes(&identifier).iter().map(ToString::to_string).collect();
    let filter = TrailFilter { subjects, ..TrailFilter::default() };
    match show(&trail, &filter, usize::MAX, json)? {
        0 => Err(Failure::negative("no message is known to name that person")),
        _ => Ok(()),
    }
}

const KEY: &str = "audit-subjects.key";
