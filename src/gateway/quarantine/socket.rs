//! What commands ask of the quarantine on the control socket.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{bulk::Progress, judging::Quarantine};
use crate::{
    console::{Acted, DeskError, HeldQuery, Which},
    mail::{
        Actor, DeedKind, HeldAct, HeldEntry, HeldFilter, HeldOrder, HeldPage, QueueId,
        QueuedMessage,
    },
};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "ask")]
pub enum QuarantineRequest {
    /// A piece of what is held.
    List {
        filter: HeldFilter,
        #[serde(default)]
        order: HeldOrder,
        #[serde(default)]
        offset: usize,
        limit: usize,
    },
    Show {
        id: QueueId,
    },
    /// Answered with [`QuarantineAnswer::Progress`] until it is over.
    Act {
        which: Which,
        act: HeldAct,
        reason: String,
    },
    /// To where postern.toml says, if anywhere.
    Portal {
        which: Which,
        reason: String,
    },
    Export {
        id: QueueId,
        passphrase: String,
        reason: String,
    },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "quarantine")]
pub enum QuarantineAnswer {
    Page(HeldPage),
    Held {
        entry: Box<HeldEntry>,
        queued: Box<QueuedMessage>,
        /// Whether two people must agree to let it go.
        needs_approval: bool,
    },
    /// More answers follow.
    Progress {
        judged: usize,
        of: usize,
    },
    Acted(Acted),
    /// A zip archive, in base64.
    Sealed {
        archive: String,
    },
    Refused {
        why: String,
    },
}

impl Quarantine {
    /// Answers one request; `telling` hears how far it has got.
    pub(in crate::gateway) async fn answer(
        &self,
        request: QuarantineRequest,
        who: &Actor,
        telling: watch::Sender<Progress>,
    ) -> QuarantineAnswer {
        let answered = match request {
            QuarantineRequest::List { filter, order, offset, limit } => {
                let wanted = HeldQuery { filter, order, offset, limit };
                self.page(who, &wanted).await.map(QuarantineAnswer::Page)
            }
            QuarantineRequest::Show { id } => self.known(who, id).map(|known| {
                self.done(who, DeedKind::Viewed, Some(id), "what is known of it");
                QuarantineAnswer::Held {
                    entry: Box::new(known.entry),
                    queued: Box::new(known.queued),
                    needs_approval: known.needs_approval,
                }
            }),
            QuarantineRequest::Act { which, act, reason } => {
                self.act(who, &which, &act, &reason, telling).await.map(QuarantineAnswer::Acted)
            }
            QuarantineRequest::Portal { which, reason } => match &self.config.quarantine.portal {
                Some(to) => {
                    let act = HeldAct::Redirect { to: to.clone() };
                    self.act(who, &which, &act, &reason, telling).await.map(QuarantineAnswer::Acted)
                }
                None => Err(DeskError::Refused(NO_PORTAL.to_owned())),
            },
            QuarantineRequest::Export { id, passphrase, reason } => {
                let archive = self.export(who, id, &passphrase, &reason).await;
                archive.map(|archive| QuarantineAnswer::Sealed { archive: BASE64.encode(archive) })
            }
        };
        answered.unwrap_or_else(|error| QuarantineAnswer::Refused { why: error.to_string() })
    }
}

const NO_PORTAL: &str =
    "say where to (--to smtp://host:port): [quarantine] in postern.toml names no portal";
