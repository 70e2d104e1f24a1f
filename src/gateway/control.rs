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
    mail::{Domain, NextHop, QueueId, QueuedMessage},
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

/// What a person may let a message go with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LessTls {
    /// TLS or not at all, whosever certificate it is
    Encrypted,
    /// TLS if it is offered, in clear if not
    Opportunistic,
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
