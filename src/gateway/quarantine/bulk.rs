//! Many messages at once: one act for all that a filter means.
//!
//! Each message is judged by itself, under its own lock and in its own commit;
//! the spool's writer puts those of one moment into one sync. So a gateway that
//! dies half-way has let each go or holds it still, and who asks again finds
//! those alone that are left.

use tokio::{sync::watch, task::JoinSet};

use super::judging::{Came, Quarantine};
use crate::{
    console::{Acted, DeskError, Which},
    gateway::queue::now,
    mail::{Actor, HeldAct, HeldFilter, QueueId},
    quarantine::{Listing, permission},
};

/// How far an act for many has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::gateway) struct Progress {
    pub(in crate::gateway) judged: usize,
    pub(in crate::gateway) of: usize,
}

impl Quarantine {
    /// Goes on to its end whether or not anybody waits for it, and is on
    /// record when it returns.
    pub(in crate::gateway) async fn act(
        &self,
        who: &Actor,
        which: &Which,
        act: &HeldAct,
        reason: &str,
        progress: watch::Sender<Progress>,
    ) -> Result<Acted, DeskError> {
        self.allow(who, permission(act), (only(which), act.name()))?;
        if reason.trim().is_empty() {
            return Err(DeskError::Refused(NO_REASON.to_owned()));
        }
        let reason = self.masked(reason, MAX_REASON);
        let ids = match which {
            Which::These(ids) => {
                let mut ids = ids.clone();
                ids.sort_unstable();
                ids.dedup();
                ids
            }
            Which::All(filter) => self.meant(who, filter.clone()).await?,
        };
        let (quarantine, who, act) = (self.clone(), who.clone(), act.clone());
        let working = async move {
            let acted = quarantine.each(&who, ids, &act, &reason, &progress).await;
            quarantine.trail.settled().await;
            acted
        };
        tokio::spawn(working).await.map_err(|panic| DeskError::Failed(panic.to_string()))
    }

    /// So many at a time.
    async fn each(
        &self,
        who: &Actor,
        ids: Vec<QueueId>,
        act: &HeldAct,
        reason: &str,
        progress: &watch::Sender<Progress>,
    ) -> Acted {
        let of = ids.len();
        if of > 1 {
            tracing::info!(
                act = act.name(),
                messages = of,
                by = who.name,
                "an act for many begins"
            );
        }
        let (mut acted, mut waiting) = (Acted::default(), ids.into_iter());
        let mut working = JoinSet::new();
        let mut judged = 0;
        loop {
            while working.len() < AT_ONCE {
                let Some(id) = waiting.next() else { break };
                let quarantine = self.clone();
                let (who, act, reason) = (who.clone(), act.clone(), reason.to_owned());
                working.spawn(async move { (id, quarantine.judge(&who, id, &act, &reason).await) });
            }
            let Some(finished) = working.join_next().await else { break };
            judged += 1;
            progress.send_replace(Progress { judged, of });
            match finished {
                Ok((id, came)) => count(&mut acted, id, came),
                Err(panic) => {
                    tracing::error!(%panic, "an act on a held message has failed in itself");
                    acted.refusals += 1;
                }
            }
        }
        if of > 1 {
            let Acted { done, proposed, refusals, .. } = &acted;
            tracing::info!(act = act.name(), done, proposed, refusals, "an act for many is over");
        }
        acted
    }

    /// All that somebody may see and a filter means.
    pub(super) async fn meant(
        &self,
        who: &Actor,
        filter: HeldFilter,
    ) -> Result<Vec<QueueId>, DeskError> {
        self.look_through(who, move |seen| seen.ids(&filter, now())).await
    }

    /// Of many messages it takes a while: not on an IO thread.
    pub(super) async fn look_through<T: Send + 'static>(
        &self,
        who: &Actor,
        look: impl FnOnce(&Listing) -> T + Send + 'static,
    ) -> Result<T, DeskError> {
        let listing = self.queue.lines().ward().whole_listing().await;
        let who = who.clone();
        let looking = move || look(&listing.seen_by(|entry| who.sees(&entry.organisations)));
        let looked = tokio::task::spawn_blocking(looking).await;
        looked.map_err(|panic| DeskError::Failed(panic.to_string()))
    }
}

fn only(which: &Which) -> Option<QueueId> {
    match which {
        Which::These(ids) => ids.first().copied().filter(|_| ids.len() == 1),
        Which::All(_) => None,
    }
}

fn count(acted: &mut Acted, id: QueueId, came: Result<Came, DeskError>) {
    match came {
        Ok(Came::Done) => acted.done += 1,
        Ok(Came::Proposed) => acted.proposed += 1,
        Err(error) => {
            acted.refusals += 1;
            if acted.refused.len() < MOST_TOLD {
                acted.refused.push((id, error.to_string()));
            }
        }
    }
}

/// Messages judged at once: enough to share syncs.
const AT_ONCE: usize = 32;
/// Refusals told one by one.
const MOST_TOLD: usize = 20;
/// Characters of a reason.
pub(super) const MAX_REASON: usize = 1000;
const NO_REASON: &str = "say why: the reason stands in the audit trail";
