//! Asking: a sender says by the link in their notice why a message must go, or
//! that it was held in error. They have no account: the link proves that we
//! have told them of this message, and shows nothing that the notice did not.

use std::{
    collections::VecDeque,
    net::IpAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::judging::Quarantine;
use crate::{
    console::{DeskError, Pending, RequestDesk, RequestPage},
    gateway::{
        queue::now,
        reports::{addressees, tell_notices},
    },
    mail::{
        ActorDoor, Deed, DeedKind, Event, Level, NoticeKind, QueueId, QueuedMessage,
        ReleaseRequest, RequestKind, Timestamp,
    },
    report::PolicyNotice,
    spool::Batch,
};

/// When senders have asked lately: whoever has many links still writes to
/// officers so often only.
#[derive(Debug, Default)]
pub(in crate::gateway) struct Asked(Mutex<VecDeque<Timestamp>>);

impl Asked {
    fn once_more(&self, now: Timestamp) -> Result<(), DeskError> {
        let mut lately = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        while lately.front().is_some_and(|&first| first + PERIOD <= now) {
            lately.pop_front();
        }
        if lately.len() >= MOST_IN_PERIOD {
            return Err(DeskError::Refused("too many have asked just now: try again later".into()));
        }
        lately.push_back(now);
        Ok(())
    }
}

impl RequestDesk for Quarantine {
    fn page<'a>(&'a self, token: &'a str) -> Pending<'a, RequestPage> {
        Box::pin(async move {
            let message = self.asked_for(token)?;
            let requests = message.hold.as_ref().map_or(0, |hold| hold.case.requests.len());
            Ok(RequestPage {
                reference: message.id,
                received_at: message.received_at,
                left: MOST_OF_ONE.saturating_sub(requests),
            })
        })
    }

    fn ask<'a>(
        &'a self,
        token: &'a str,
        kind: RequestKind,
        justification: &'a str,
        address: Option<IpAddr>,
    ) -> Pending<'a, ()> {
        Box::pin(async move {
            let id = self.asked_for(token)?.id;
            if justification.trim().is_empty() {
                return Err(DeskError::Refused("say why".to_owned()));
            }
            self.asked.once_more(now())?;
            let justification = self.masked(justification, MAX_JUSTIFICATION);
            let request = ReleaseRequest { at: now(), kind, justification };
            // Whoever goes away half-way has asked all the same.
            let (quarantine, request) = (self.clone(), request);
            let asking = async move { quarantine.record_request(id, request, address).await };
            tokio::spawn(asking).await.map_err(|panic| DeskError::Failed(panic.to_string()))?
        })
    }
}

impl Quarantine {
    /// The same for a forged link and for a message that is gone.
    fn asked_for(&self, token: &str) -> Result<QueuedMessage, DeskError> {
        let id = self.reports.requests.message(token).ok_or(DeskError::Unknown)?;
        let message = self.queue.spool().message(id).map_err(|error| self.failed(&error))?;
        message.filter(QueuedMessage::is_held).ok_or(DeskError::Unknown)
    }

    /// With what officers are told of it in one commit.
    async fn record_request(
        &self,
        id: QueueId,
        request: ReleaseRequest,
        address: Option<IpAddr>,
    ) -> Result<(), DeskError> {
        let _lock = self.queue.lock(id).await;
        let message = self.queue.spool().message(id).map_err(|error| self.failed(&error))?;
        let Some(mut message) = message else { return Err(DeskError::Unknown) };
        let level = message.level;
        let Some(hold) = &mut message.hold else { return Err(DeskError::Unknown) };
        if hold.case.requests.len() >= MOST_OF_ONE {
            let why =
                "enough has been asked about this message: its reference is with the officers";
            return Err(DeskError::Refused(why.to_owned()));
        }
        hold.case.requests.push(request.clone());
        let notices = self.reports.to_officers(NoticeKind::HeldTerms, &notice(id, level, &request));
        let told = addressees(&notices);
        let recorded = self.queue.record(Batch::new().update(&message), notices).await;
        recorded.map_err(|error| self.failed(&error))?;
        self.queue.stands(&message);
        let kind = match request.kind {
            RequestKind::Release => DeedKind::ReleaseRequested,
            RequestKind::FalsePositive => DeedKind::FalsePositiveReported,
        };
        let words = Some(request.justification.as_str());
        let (by, door) = ("its sender", ActorDoor::Console);
        self.observer.observe(Event::Done(Deed {
            kind,
            by,
            door,
            address,
            about: Some(id),
            words,
        }));
        tell_notices(self.observer.as_ref(), id, &told);
        self.trail.settled().await;
        Ok(())
    }
}

fn notice(id: QueueId, level: Level, request: &ReleaseRequest) -> PolicyNotice {
    let what = match request.kind {
        RequestKind::Release => "says why it must go",
        RequestKind::FalsePositive => "says that it was held in error",
    };
    PolicyNotice {
        at: request.at,
        subject: format!("Held message {id}: its sender {what}"),
        text: format!(
            "The sender of a held message {what}, in their words (masked): {}",
            request.justification
        ),
        details: vec![("Message", id.to_string()), ("Level", level.to_string())],
        commands: vec![
            (format!("postern quarantine show {id}"), "the evidence, masked"),
            (format!("postern quarantine release {id} --reason WHY"), "let it go on its way"),
            (format!("postern quarantine reject {id} --reason WHY"), "return it to its sender"),
        ],
    }
}

/// Requests about one message.
const MOST_OF_ONE: usize = 5;
const MAX_JUSTIFICATION: usize = 1000;
const PERIOD: Duration = Duration::from_secs(60);
const MOST_IN_PERIOD: usize = 30;
