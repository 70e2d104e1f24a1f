//! What officers may ask of a running gateway about its policy, and what they
//! are answered: lines of JSON on the control socket.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Serialize};

use super::{
    build::{Built, Unfit},
    record::{SetAside, Waiting},
    version::{Version, VersionName},
};
use crate::{
    mail::{Permission, PolicyRefusal, PolicyStep, Timestamp},
    policy::diagnostics::{Diagnostic, Rendering},
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "ask")]
pub enum PolicyRequest {
    Status,
    History,
    /// The files of a version.
    Show {
        version: VersionName,
    },
    /// As SIGHUP does, with an answer.
    Reload,
    /// Likewise, by somebody who gives a name; a version that was set aside
    /// is taken up again if they say why.
    Propose {
        officer: String,
        reason: Option<String>,
    },
    Approve {
        version: VersionName,
        officer: String,
        reason: Option<String>,
    },
    Refuse {
        version: VersionName,
        officer: String,
        reason: String,
    },
    /// Out of the canary, or back to an earlier version.
    Return {
        version: Option<VersionName>,
        officer: String,
        reason: String,
    },
    /// The canary decides for everybody now.
    Complete {
        officer: String,
        reason: String,
    },
}

impl PolicyRequest {
    pub(in crate::gateway) const fn needs(&self) -> Permission {
        match self {
            Self::Status | Self::History | Self::Show { .. } => Permission::ViewPolicy,
            Self::Approve { .. } | Self::Refuse { .. } => Permission::ApprovePolicy,
            Self::Reload | Self::Propose { .. } | Self::Return { .. } | Self::Complete { .. } => {
                Permission::Operate
            }
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "policy")]
pub enum PolicyAnswer {
    Outcome(Outcome),
    Status(Box<PolicyStatus>),
    History {
        steps: Vec<PolicyStep>,
    },
    Files {
        version: Version,
        commit: Option<String>,
        files: BTreeMap<String, String>,
    },
    /// Why nothing was done.
    Declined {
        why: String,
    },
}

/// What has come of a version.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub came_to: CameTo,
    pub version: Option<Version>,
    /// In a sentence, or some.
    pub words: String,
    pub refused: Option<Refused>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CameTo {
    /// It decides for everybody.
    Live,
    /// It did so before.
    Unchanged,
    /// It decides for a share of senders.
    Canary,
    /// It waits for another officer.
    Waiting,
    /// It decides nothing.
    Refused,
}

/// Why the files in the policy folder do not decide.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refused {
    pub at: Timestamp,
    pub reason: PolicyRefusal,
    pub version: Option<Version>,
    /// The first fault, with file and line.
    pub headline: String,
    pub faults: Vec<ShownFault>,
    /// Every fault with the text it is about, for a person to read.
    pub drawn: String,
}

/// One fault, for programs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ShownFault {
    pub code: String,
    pub file: String,
    pub line: usize,
    pub message: String,
    pub label: String,
    pub help: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicyStatus {
    pub live: Version,
    pub commit: Option<String>,
    /// The step by which it became so; none where the record is younger.
    pub since: Option<PolicyStep>,
    pub canary: Option<CanaryShown>,
    pub waiting: Vec<Waiting>,
    pub refused: Option<Refused>,
    pub set_aside: Vec<SetAside>,
    pub needs_second_officer: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CanaryShown {
    pub version: Version,
    pub commit: Option<String>,
    pub share: String,
    pub began: Timestamp,
    pub seconds_left: u64,
    /// Before that nothing is concluded.
    pub least_messages: u64,
    pub messages: u64,
    /// Held or rejected, with the band and the version before.
    pub words: String,
}

impl Refused {
    pub(super) fn of(unfit: &Unfit, at: Timestamp) -> Self {
        let mut drawn = unfit.faults.render(Rendering::Plain);
        if let Some((end, _)) = drawn.char_indices().nth(MAX_DRAWN) {
            drawn.truncate(end);
            drawn.push_str("\n… and more: `postern check` shows all\n");
        }
        Self {
            at,
            reason: unfit.reason,
            version: unfit.version.clone(),
            headline: unfit.headline(),
            faults: unfit.faults.iter().take(MAX_FAULTS).map(ShownFault::of).collect(),
            drawn,
        }
    }

    /// Not for its files: they stand in the folder, and do not decide.
    pub(super) fn returned_from(from: &Built, why: &str, at: Timestamp) -> Self {
        Self {
            at,
            reason: PolicyRefusal::Returned,
            version: Some(from.version.clone()),
            headline: format!("version {} was returned from: {why}", from.version.short()),
            faults: Vec::new(),
            drawn: String::new(),
        }
    }
}

impl ShownFault {
    fn of(fault: &Diagnostic) -> Self {
        Self {
            code: fault.code.to_owned(),
            file: fault.file.path.clone(),
            line: fault.line(),
            message: fault.message.clone(),
            label: fault.label.clone(),
            help: fault.help.clone(),
        }
    }
}

/// `rules.toml:12: error[code]: message (help)`
impl fmt::Display for ShownFault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, file, line, message, .. } = self;
        write!(out, "{file}:{line}: error[{code}]: {message}")?;
        self.help.iter().try_for_each(|help| write!(out, " ({help})"))
    }
}

/// Law 7: a folder of nothing but faults is not told whole.
const MAX_FAULTS: usize = 100;
const MAX_DRAWN: usize = 64 << 10;
