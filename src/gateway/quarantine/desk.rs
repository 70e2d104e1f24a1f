//! What the console asks of the quarantine.

use bytes::Bytes;
use tokio::sync::watch;

use super::judging::Quarantine;
use crate::{
    console::{Acted, DeskError, HeldMessage, HeldQuery, Pending, QuarantineDesk, Which},
    gateway::queue::now,
    mail::{Actor, DeedKind, HeldAct, HeldPage, Permission, QueueId},
    quarantine::{MessageView, Sight},
};

impl QuarantineDesk for Quarantine {
    fn list<'a>(&'a self, who: &'a Actor, wanted: &'a HeldQuery) -> Pending<'a, HeldPage> {
        Box::pin(async move {
            let page = self.page(who, wanted).await;
            self.trail.settled().await;
            page
        })
    }

    fn message<'a>(&'a self, who: &'a Actor, id: QueueId) -> Pending<'a, HeldMessage> {
        Box::pin(async move {
            let known = self.known(who, id);
            self.trail.settled().await;
            known
        })
    }

    fn view<'a>(&'a self, who: &'a Actor, id: QueueId, sight: Sight) -> Pending<'a, MessageView> {
        Box::pin(async move {
            let viewed = self.viewed(who, id, sight).await;
            self.trail.settled().await;
            viewed
        })
    }

    fn act<'a>(
        &'a self,
        who: &'a Actor,
        which: &'a Which,
        act: &'a HeldAct,
        reason: &'a str,
    ) -> Pending<'a, Acted> {
        Box::pin(async move {
            let acted = self.act(who, which, act, reason, watch::Sender::default()).await;
            self.trail.settled().await;
            acted
        })
    }

    fn export<'a>(
        &'a self,
        who: &'a Actor,
        id: QueueId,
        passphrase: &'a str,
        reason: &'a str,
    ) -> Pending<'a, Bytes> {
        Box::pin(async move {
            let sealed = self.export(who, id, passphrase, reason).await;
            self.trail.settled().await;
            sealed
        })
    }
}

impl Quarantine {
    pub(super) async fn page(
        &self,
        who: &Actor,
        wanted: &HeldQuery,
    ) -> Result<HeldPage, DeskError> {
        self.allow(who, Permission::ViewHeld, (None, "list what is held"))?;
        let HeldQuery { filter, order, offset, limit } = wanted.clone();
        let piece = (order, offset, limit.min(HeldQuery::LONGEST));
        self.look_through(who, move |seen| seen.page(&filter, piece, now())).await
    }

    pub(super) fn known(&self, who: &Actor, id: QueueId) -> Result<HeldMessage, DeskError> {
        self.allow(who, Permission::ViewHeld, (Some(id), "look at it"))?;
        let (queued, _) = self.held(who, id)?;
        let terms = self.queue.lines().ward().terms();
        let entry = terms.entry(&queued).ok_or(DeskError::Unknown)?;
        let hold = queued.hold.clone().ok_or(DeskError::Unknown)?;
        let needs_approval = terms.needs_two(queued.level);
        Ok(HeldMessage { entry, hold, queued, needs_approval })
    }

    /// That it was looked at is told whether or not there was anything to see
    /// in the end: somebody wanted to.
    async fn viewed(
        &self,
        who: &Actor,
        id: QueueId,
        sight: Sight,
    ) -> Result<MessageView, DeskError> {
        let (permission, words) = match sight {
            Sight::Masked => (Permission::ViewHeld, "its content"),
            // That it was revealed, and why, the console has told once.
            Sight::Revealed => (Permission::Reveal, "its content, revealed"),
        };
        self.held(who, id)?;
        self.allow(who, permission, (Some(id), words))?;
        self.done(who, DeedKind::Viewed, Some(id), words);
        let raw = self.original(id).await?;
        let viewed = self.viewer.view(raw, sight).await;
        viewed.map_err(|unseen| DeskError::Failed(unseen.to_string()))
    }
}
