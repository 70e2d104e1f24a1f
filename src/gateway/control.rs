//! The control socket: how `postern queue` talks to the running gateway.
//!
//! A Unix socket, mode 0600, or 0660 for a group; one line of JSON asks, one
//! line answers, after those that tell how far an act for many has got. What a
//! person does to a message goes to the audit trail with the name the kernel
//! gives for the peer's user.

use std::{
    io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};

use super::{
    policies::{PolicyAnswer, PolicyRequest},
    quarantine::{QuarantineAnswer, QuarantineRequest},
};
use crate::{
    mail::{Actor, Domain, NextHop, Permission, QueueId, QueuedMessage, Scope, TlsRequirement},
    observe::Checkpoint,
};

/// What may be asked of a running gateway.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "do")]
pub enum Request {
    /// Messages in the spool, oldest first.
    List {
        selection: Selection,
    },
    Show {
        id: QueueId,
    },
    /// Deliver a held message after all.
    Release {
        id: QueueId,
        reason: Option<String>,
    },
    /// Return a held message to its sender.
    Reject {
        id: QueueId,
        reason: Option<String>,
    },
    /// Try now: one message, or all that wait.
    Retry {
        id: Option<QueueId>,
    },
    /// Let a waiting message go with less TLS than policy asks for.
    Exempt {
        id: QueueId,
        tls: LessTls,
        seconds: u64,
        reason: String,
    },
    /// Send what waits of a message another way.
    Redirect {
        id: QueueId,
        to: NextHop,
        reason: String,
    },
    /// Give up on a waiting message and return it to its sender.
    Bounce {
        id: QueueId,
        reason: Option<String>,
    },
    /// What the audit trail has of a message, in the queue or long gone.
    Trace {
        id: QueueId,
    },
    /// Today's TLS report for a domain, to look at or to send.
    #[serde(rename = "tls-report")]
    TlsReport {
        domain: Domain,
        send: SendReport,
    },
    /// About the policy and how it goes live.
    Policy(PolicyRequest),
    /// About what is held.
    Quarantine(QuarantineRequest),
    /// About the audit trail.
    Audit(AuditRequest),
}

/// What may be asked about the audit trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "about")]
pub enum AuditRequest {
    /// Somebody is going to read it: that is on record before they know where
    /// it stands.
    Access {
        what: AuditAccess,
        words: String,
    },
    /// Sign for all of it, as it stands now.
    Checkpoint,
    /// Keep all of it, whatever its time.
    SetLegalHold {
        reason: String,
    },
    LiftLegalHold {
        reason: String,
    },
}

/// What for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuditAccess {
    Search,
    Export,
    Verify,
    /// For the messages of one person.
    Subject,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "told")]
pub enum AuditAnswer {
    /// Where the trail is, and whose.
    Stands {
        data_dir: PathBuf,
        node: String,
    },
    Checkpoint {
        checkpoint: Checkpoint,
    },
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SendReport {
    /// At its time; it is only shown.
    AtItsTime,
    Now,
}

/// What a person may let a message go with: never in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LessTls {
    /// TLS or not at all, whosever certificate it is
    Encrypted,
}

impl From<LessTls> for TlsRequirement {
    fn from(LessTls::Encrypted: LessTls) -> Self {
        Self::Encrypted
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Selection {
    #[default]
    All,
    /// Waiting for delivery.
    Active,
    /// In quarantine.
    Held,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "answer")]
pub enum Answer {
    Messages {
        messages: Vec<QueuedMessage>,
    },
    /// How many messages the action has reached.
    Done {
        messages: usize,
    },
    /// Lines of the audit trail as they stand, and the message where it is
    /// still in the queue.
    Trail {
        lines: Vec<String>,
        remarks: Vec<String>,
        queued: Option<Box<QueuedMessage>>,
    },
    /// A TLS report (RFC 8460 section 4.4), and where it was sent to.
    Report {
        report: String,
        sent: Vec<String>,
    },
    Policy(PolicyAnswer),
    Quarantine(QuarantineAnswer),
    Audit(AuditAnswer),
    /// Why it could not be done.
    Refused {
        why: String,
    },
}

#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("no gateway answers at {path}: {source}")]
    Unreachable { path: String, source: io::Error },
    #[error("the gateway's answer broke off: {0}")]
    Interrupted(#[from] io::Error),
    #[error("the gateway's answer cannot be read: {0}")]
    Malformed(#[from] serde_json::Error),
}

impl Request {
    /// Whether somebody may ask this; else what they lack. The quarantine
    /// judges for itself, by message: whoever sees the mail of some
    /// organisations only has nothing else here.
    pub(super) fn is_allowed_to(&self, who: &Actor) -> Result<(), Permission> {
        match self.needs() {
            Some(needed) if !who.may(needed) || who.scope != Scope::Everybody => Err(needed),
            _ => Ok(()),
        }
    }

    fn needs(&self) -> Option<Permission> {
        match self {
            Self::Release { .. } | Self::Reject { .. } | Self::Quarantine(_) => None,
            Self::List { .. } | Self::Show { .. } | Self::Trace { .. } => Some(Permission::Trace),
            Self::TlsReport { send: SendReport::AtItsTime, .. } => Some(Permission::Trace),
            Self::TlsReport { send: SendReport::Now, .. }
            | Self::Retry { .. }
            | Self::Exempt { .. }
            | Self::Redirect { .. }
            | Self::Bounce { .. } => Some(Permission::Operate),
            Self::Policy(request) => Some(request.needs()),
            Self::Audit(AuditRequest::Access { .. } | AuditRequest::Checkpoint) => {
                Some(Permission::ReadAudit)
            }
            Self::Audit(AuditRequest::SetLegalHold { .. } | AuditRequest::LiftLegalHold { .. }) => {
                Some(Permission::LegalHold)
            }
        }
    }
}

/// Asks the gateway that listens at `socket`.
pub async fn ask(socket: &Path, request: &Request) -> Result<Answer, ControlError> {
    ask_telling(socket, request, |_, _| {}).await
}

/// Likewise, and hears how many messages of how many an act has reached.
pub async fn ask_telling(
    socket: &Path,
    request: &Request,
    mut progress: impl FnMut(usize, usize),
) -> Result<Answer, ControlError> {
    let mut stream = UnixStream::connect(socket).await.map_err(|source| {
        ControlError::Unreachable { path: socket.display().to_string(), source }
    })?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    let mut answers = BufReader::new(stream);
    loop {
        let mut answer = String::new();
        answers.read_line(&mut answer).await?;
        if answer.is_empty() {
            return Err(ControlError::Interrupted(io::ErrorKind::UnexpectedEof.into()));
        }
        match serde_json::from_str(&answer)? {
            Answer::Quarantine(QuarantineAnswer::Progress { judged, of }) => progress(judged, of),
            answer => return Ok(answer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{ActorDoor, KnownBy, Role};

    /// One request of each kind that is not the quarantine's.
    fn requests() -> Vec<(&'static str, Request)> {
        let id = QueueId::at(0, 1);
        let domain = || "x.example".parse().unwrap();
        let (officer, reason) = ("x".to_owned(), "y".to_owned());
        let version = || "0123456789ab".parse().unwrap();
        let exempt =
            Request::Exempt { id, tls: LessTls::Encrypted, seconds: 1, reason: reason.clone() };
        let approve =
            PolicyRequest::Approve { version: version(), officer: officer.clone(), reason: None };
        let access = AuditRequest::Access { what: AuditAccess::Search, words: String::new() };
        vec![
            ("list", Request::List { selection: Selection::All }),
            ("show", Request::Show { id }),
            ("trace", Request::Trace { id }),
            ("retry", Request::Retry { id: None }),
            ("exempt", exempt),
            ("redirect", Request::Redirect { id, to: NextHop::Mx, reason: reason.clone() }),
            ("bounce", Request::Bounce { id, reason: None }),
            ("report", Request::TlsReport { domain: domain(), send: SendReport::AtItsTime }),
            ("report now", Request::TlsReport { domain: domain(), send: SendReport::Now }),
            ("status", Request::Policy(PolicyRequest::Status)),
            ("reload", Request::Policy(PolicyRequest::Reload)),
            ("approve", Request::Policy(approve)),
            (
                "return",
                Request::Policy(PolicyRequest::Return {
                    version: None,
                    officer,
                    reason: reason.clone(),
                }),
            ),
            ("read audit", Request::Audit(access)),
            ("hold audit", Request::Audit(AuditRequest::SetLegalHold { reason })),
        ]
    }

    fn allowed(roles: &[Role], scope: Scope) -> Vec<&'static str> {
        let (door, known_by) = (ActorDoor::Socket, KnownBy::Account);
        let who = Actor { name: "x".to_owned(), door, known_by, roles: roles.to_vec(), scope };
        let requests = requests().into_iter();
        requests.filter(|(_, one)| one.is_allowed_to(&who).is_ok()).map(|(name, _)| name).collect()
    }

    #[test]
    fn an_account_does_at_the_socket_what_its_roles_allow_and_no_more() {
        const LOOKS: [&str; 5] = ["list", "show", "trace", "report", "status"];
        const ACTS: [&str; 7] =
            ["retry", "exempt", "redirect", "bounce", "report now", "reload", "return"];
        for (role, more) in [
            (Role::Officer, [&ACTS[..], &["hold audit"]].concat()),
            (Role::Approver, [&ACTS[..], &["approve", "read audit", "hold audit"]].concat()),
            (Role::Auditor, vec!["read audit"]),
            (Role::Operator, ACTS.to_vec()),
        ] {
            let mut expected = [&LOOKS[..], &more].concat();
            let mut allowed = allowed(&[role], Scope::Everybody);
            expected.sort_unstable();
            allowed.sort_unstable();
            assert_eq!(allowed, expected, "{role}");
        }
    }

    #[test]
    fn a_locked_account_and_one_of_some_organisations_only_ask_nothing_of_all_mail() {
        assert_eq!(allowed(&[], Scope::Everybody), [""; 0]);
        let own = || Scope::Organisations(vec!["rxx".to_owned()]);
        assert_eq!(allowed(&[Role::LocalAdministrator], own()), [""; 0]);
        assert_eq!(allowed(&[Role::LocalAdministrator, Role::Approver], own()), [""; 0]);
    }
}
