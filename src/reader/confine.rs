//! What a process gives up before it reads: memory and time without end,
//! files, sockets, other processes, and all system calls it has no need of.
//!
//! Each belt holds where another should break. Limits (setrlimit) hold
//! everywhere. Landlock takes away files, TCP and the signals and abstract
//! sockets of other processes; kernels may be without it. seccomp kills what
//! asks the kernel for anything but memory and its own descriptors.

use std::{fs, io, time::Duration};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetError,
    RulesetStatus, Scope,
};
use nix::sys::{
    prctl,
    resource::{Resource, getrlimit, rlim_t, setrlimit},
};
use serde::{Deserialize, Serialize};

use super::{calls, settings::Confinement};

/// What a reader is told on its command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Octets beside those that the program takes to begin with.
    pub memory: u64,
    pub processor_time: Duration,
    pub confinement: Confinement,
}

/// What holds a reader, as it says itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confined {
    pub seccomp: bool,
    pub landlock: Landlock,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Landlock {
    Full,
    /// As much as this kernel has.
    Partial,
    #[default]
    Absent,
}

impl Confined {
    /// Nothing is missing that a kernel can have.
    pub fn is_whole(self) -> bool {
        self.seccomp && self.landlock == Landlock::Full
    }
}

impl Landlock {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Full => "full",
            Self::Partial => "partial",
            Self::Absent => "absent",
        }
    }
}

/// Which belt did not hold.
#[derive(Debug, thiserror::Error)]
pub enum ConfineError {
    #[error("limits: {0}")]
    Limits(#[from] nix::Error),
    #[error("how much memory the program has: {0}")]
    Memory(#[from] io::Error),
    #[error("landlock: {0}")]
    Landlock(#[from] RulesetError),
    #[error("the system calls: {0}")]
    Filter(#[from] seccompiler::BackendError),
    #[error("seccomp: {0}")]
    Seccomp(#[from] seccompiler::Error),
}

/// For good: there is no way back for this process. One thread only is left
/// with what it may ask; it must be the only one.
pub(super) fn confine(terms: &Terms) -> Result<Confined, ConfineError> {
    // Where memory runs out the kernel takes a reader before the gateway.
    _ = fs::write("/proc/self/oom_score_adj", "1000");
    limit_resources(terms)?;
    let required = terms.confinement == Confinement::Required;
    let privileges = prctl::set_no_new_privs().and_then(|()| prctl::set_dumpable(false));
    let landlock = match restrict_files() {
        Err(error) if required => return Err(error.into()),
        landlock => landlock.unwrap_or(Landlock::Absent),
    };
    limit(Resource::RLIMIT_NOFILE, 0)?;
    let seccomp = privileges.map_err(ConfineError::from).and_then(|()| restrict_calls());
    match seccomp {
        Err(error) if required => Err(error),
        seccomp => Ok(Confined { seccomp: seccomp.is_ok(), landlock }),
    }
}

fn limit_resources(terms: &Terms) -> Result<(), ConfineError> {
    let memory = address_space()?.saturating_add(terms.memory);
    limit(Resource::RLIMIT_AS, memory)?;
    limit(Resource::RLIMIT_CPU, terms.processor_time.as_secs())?;
    for none in [Resource::RLIMIT_CORE, Resource::RLIMIT_FSIZE, Resource::RLIMIT_NPROC] {
        limit(none, 0)?;
    }
    Ok(())
}

/// Never above what it may have already.
pub(super) fn limit(resource: Resource, most: rlim_t) -> nix::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    setrlimit(resource, most.min(hard), most.min(hard))
}

/// Octets of it in use: a debug build takes far more than a release.
fn address_space() -> io::Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let kibibytes = status.lines().find_map(|line| {
        line.strip_prefix("VmSize:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok()
    });
    let octets = kibibytes.and_then(|kibibytes| kibibytes.checked_mul(1024));
    octets.ok_or_else(|| io::Error::other("/proc/self/status names no VmSize"))
}

/// All that Landlock knows of is taken away, and no rule gives any back.
pub(super) fn restrict_files() -> Result<Landlock, RulesetError> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(KNOWN))?
        .handle_access(AccessNet::from_all(KNOWN))?
        .scope(Scope::from_all(KNOWN))?
        .create()?;
    Ok(match ruleset.restrict_self()?.ruleset {
        RulesetStatus::FullyEnforced => Landlock::Full,
        RulesetStatus::PartiallyEnforced => Landlock::Partial,
        RulesetStatus::NotEnforced => Landlock::Absent,
    })
}

fn restrict_calls() -> Result<(), ConfineError> {
    Ok(seccompiler::apply_filter(&calls::filter()?)?)
}

/// Linux 6.12.
const KNOWN: ABI = ABI::V6;
