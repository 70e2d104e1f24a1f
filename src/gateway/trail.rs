//! The audit trail, for an operator who asks: what it has of a message, who
//! reads it, what is signed for, and what is kept.

use std::{path::PathBuf, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    control::{Answer, AuditAccess, AuditAnswer, AuditRequest},
    queue::now,
};
use crate::{
    mail::{ActorDoor, Deed, DeedKind, Event, Observer, QueueId},
    observe::{self, Anchors, Excerpt, LegalHold, Observatory, excerpt},
};

#[derive(Clone)]
pub(super) struct Trail {
    pub(super) observatory: Arc<Observatory>,
    pub(super) folder: PathBuf,
}

impl Trail {
    pub(super) fn of(observatory: &Arc<Observatory>) -> Self {
        let folder = observatory.audit().settings().folder();
        Self { observatory: Arc::clone(observatory), folder }
    }

    /// Everything told so far is on disk.
    pub(super) async fn settled(&self) {
        let observatory = Arc::clone(&self.observatory);
        // It fails only where it panics, and then the trail's writer says so.
        let _ = tokio::task::spawn_blocking(move || observatory.flush()).await;
    }

    /// Reads every file of the trail, on a thread of its own; why not, in
    /// words for the operator.
    pub(super) async fn excerpt(&self, id: QueueId) -> Result<Excerpt, String> {
        let (observatory, folder) = (Arc::clone(&self.observatory), self.folder.clone());
        let reading = tokio::task::spawn_blocking(move || {
            // What was told a moment ago belongs to the story.
            observatory.flush();
            excerpt(&folder, id)
        });
        match reading.await {
            Ok(read) => read.map_err(|error| error.to_string()),
            Err(panic) => Err(format!("the audit trail was not read: {panic}")),
        }
    }

    pub(super) async fn answer(
        &self,
        request: AuditRequest,
        by: &str,
        observer: &dyn Observer,
    ) -> Answer {
        let tell = |kind, words: &str| {
            let door = ActorDoor::Socket;
            let words = (!words.is_empty()).then_some(words);
            let deed = Deed { kind, by, door, address: None, about: None, words };
            observer.observe(Event::Done(deed));
        };
        let answer = match request {
            AuditRequest::Access { what, words } => {
                tell(deed(what), &words);
                let settings = self.observatory.audit().settings();
                let (data_dir, node) = (settings.data_dir.clone(), settings.node.clone());
                Ok(AuditAnswer::Stands { data_dir, node })
            }
            AuditRequest::Checkpoint => self.checkpoint().await,
            AuditRequest::SetLegalHold { reason } => said(&reason).and_then(|reason| {
                let at = now().rfc3339();
                let hold = LegalHold { by: by.to_owned(), reason: reason.to_owned(), at };
                self.hold(Some(&hold))?;
                tell(DeedKind::LegalHoldSet, &format!("the audit trail: {reason}"));
                Ok(AuditAnswer::Done)
            }),
            AuditRequest::LiftLegalHold { reason } => said(&reason).and_then(|reason| {
                self.hold(None)?;
                tell(DeedKind::LegalHoldLifted, &format!("the audit trail: {reason}"));
                Ok(AuditAnswer::Done)
            }),
        };
        answer.map_or_else(|why| Answer::Refused { why }, Answer::Audit)
    }

    async fn checkpoint(&self) -> Result<AuditAnswer, String> {
        let observatory = Arc::clone(&self.observatory);
        let signing = tokio::task::spawn_blocking(move || observatory.audit().checkpoint());
        match signing.await.map_err(|panic| panic.to_string())? {
            Ok(Some(checkpoint)) => Ok(AuditAnswer::Checkpoint { checkpoint }),
            Ok(None) => Err("the trail has no line yet".to_owned()),
            Err(error) => Err(format!("the trail could not be signed for: {error}")),
        }
    }

    fn hold(&self, hold: Option<&LegalHold>) -> Result<(), String> {
        self.observatory.audit().hold_legally(hold).map_err(|error| error.to_string())
    }
}

/// Walks the whole trail after the start and once a day, so that Prometheus
/// knows of a break that nobody has looked for.
pub(super) async fn verify_daily(observatory: Arc<Observatory>, stop: CancellationToken) {
    loop {
        let walking = Arc::clone(&observatory);
        let walked = tokio::task::spawn_blocking(move || {
            let audit = walking.audit();
            let found = observe::verify(&audit.settings().folder(), &Anchors::default());
            found.inspect(|found| audit.state().has_verified(found))
        });
        match walked.await {
            Ok(Ok(found)) => {
                for fault in found.faults.iter().take(TOLD) {
                    tracing::error!(%fault, "the audit trail is not whole");
                }
            }
            Ok(Err(error)) => tracing::error!(%error, "the audit trail could not be verified"),
            Err(panic) => tracing::error!(%panic, "the audit trail could not be verified"),
        }
        if stop.run_until_cancelled(tokio::time::sleep(DAY)).await.is_none() {
            return;
        }
    }
}

fn said(reason: &str) -> Result<&str, String> {
    match reason.trim() {
        "" => Err("say why: the reason stands in the audit trail".to_owned()),
        reason => Ok(reason),
    }
}

fn deed(what: AuditAccess) -> DeedKind {
    match what {
        AuditAccess::Search => DeedKind::AuditSearched,
        AuditAccess::Export => DeedKind::AuditExported,
        AuditAccess::Verify => DeedKind::AuditVerified,
        AuditAccess::Subject => DeedKind::SubjectSearched,
    }
}

/// Faults in the log; `postern audit verify` tells all.
const TOLD: usize = 10;
const DAY: Duration = Duration::from_secs(24 * 3600);
