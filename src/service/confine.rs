//! What the gateway gives up before the first session: every file but those
//! it was told of, and the system calls it has no need of.
//!
//! Landlock holds it to its folders: whoever takes over a session finds no
//! other program to start, no home folder, no other service's data. seccomp
//! refuses what no gateway asks for (debugging others, mounting, kernel
//! modules, keys, namespaces). Its readers give up far more (`reader`).

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreated, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use nix::sys::prctl;

use super::calls;

/// The files it may use: whole folders, since what is reloaded is put in the
/// old one's place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Files {
    pub read: Vec<PathBuf>,
    /// Programs and what they are linked with; may be read as well.
    pub run: Vec<PathBuf>,
    /// Read, written, made and removed.
    pub write: Vec<PathBuf>,
}

/// What holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Confined {
    /// Whether files are out of reach, as far as this kernel knows of them.
    pub files: bool,
    pub calls: bool,
}

impl Confined {
    pub fn is_whole(self) -> bool {
        self.files && self.calls
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    #[error("landlock: {0}")]
    Landlock(#[from] RulesetError),
    #[error("no new privileges: {0}")]
    Privileges(#[from] nix::Error),
    #[error("the system calls: {0}")]
    Filter(#[from] seccompiler::BackendError),
    #[error("seccomp: {0}")]
    Seccomp(#[from] seccompiler::Error),
}

/// For good, for this thread and all that it starts: there must be no other.
/// What this kernel cannot do is left out, and told.
pub fn confine(files: &Files) -> Result<Confined, ConfineError> {
    prctl::set_no_new_privs()?;
    let held = restrict_files(files)?;
    let calls = seccompiler::apply_filter(&calls::filter()?);
    Ok(Confined { files: held, calls: calls.is_ok() })
}

fn restrict_files(files: &Files) -> Result<bool, RulesetError> {
    let reading = AccessFs::ReadFile | AccessFs::ReadDir;
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?;
    let ruleset = allowed(ruleset, &files.read, reading)?;
    let ruleset = allowed(ruleset, &files.run, reading | AccessFs::Execute)?;
    let writing = AccessFs::from_all(KNOWN) & !AccessFs::Execute;
    let ruleset = allowed(ruleset, &files.write, writing)?;
    Ok(ruleset.restrict_self()?.ruleset != RulesetStatus::NotEnforced)
}

/// Paths that are not there give nothing away.
fn allowed(
    ruleset: RulesetCreated,
    paths: &[PathBuf],
    access: landlock::BitFlags<AccessFs>,
) -> Result<RulesetCreated, RulesetError> {
    let there = paths.iter().filter_map(|path| {
        let file_only = AccessFs::from_file(KNOWN);
        let access = if path.is_dir() { access } else { access & file_only };
        Some(Ok::<_, RulesetError>(PathBeneath::new(PathFd::new(path).ok()?, access)))
    });
    ruleset.add_rules(there)
}

/// Linux 6.12.
const KNOWN: ABI = ABI::V6;
