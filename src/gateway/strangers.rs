//! Strangers: what is asked about those who bring mail from outside, and
//! those they bring it for, before anything is taken.

use std::sync::Arc;

use super::replies::refused;
use crate::{
    authenticate::{Blocklists, Listing},
    config::Config,
    mail::{Address, Event, LookupSource, Observer, Origin, Refusal},
    recipients::{Answer, Lookup, Recipients},
    smtp::server::Refused,
};

pub(super) struct Strangers {
    pub(super) config: Arc<Config>,
    pub(super) blocklists: Blocklists,
    pub(super) recipients: Recipients,
    pub(super) observer: Arc<dyn Observer>,
}

impl Strangers {
    /// Only for our domains, and only for somebody who exists: what is taken
    /// and cannot be delivered would be returned to an address that the
    /// stranger has forged. A listed client learns nothing of who exists.
    pub(super) async fn admit(&self, origin: &Origin, recipient: &Address) -> Result<(), Refused> {
        if !self.config.node.local_domains.contains(recipient.domain()) {
            return Err(refused(Refusal::RelayDenied, 550, (5, 7, 1), "relaying denied"));
        }
        self.is_on_no_list(origin, recipient).await?;
        self.exists(recipient).await
    }

    /// The postmaster is reached by everybody, also to be told that a listing
    /// is wrong (RFC 5321 section 4.5.1).
    async fn is_on_no_list(&self, origin: &Origin, recipient: &Address) -> Result<(), Refused> {
        let known = origin.authenticated.is_some() || origin.certified.is_some();
        if known || recipient.is_postmaster() {
            return Ok(());
        }
        let client = origin.attributed();
        match self.blocklists.listing(client).await {
            None => Ok(()),
            Some(Listing { zone, text }) => {
                let mut why = format!("{client} is on the block list {zone}");
                if let Some(text) = text {
                    why.push('\n');
                    why.push_str(&text);
                }
                Err(refused(Refusal::Blocklist, 554, (5, 7, 1), &why))
            }
        }
    }

    async fn exists(&self, recipient: &Address) -> Result<(), Refused> {
        let Some(Lookup { source, answer }) = self.recipients.look_up(recipient).await else {
            return Ok(());
        };
        let cause = answer.cause();
        self.observer.observe(Event::RecipientLookedUp { source, answer: answer.kind(), cause });
        let status = match source {
            // RFC 3463 section 3.5: directory server failure.
            LookupSource::Directory => (4, 4, 3),
            LookupSource::File | LookupSource::NextHop => (4, 3, 0),
        };
        match answer {
            Answer::Known | Answer::Stale(_) => Ok(()),
            Answer::Unknown => {
                Err(refused(Refusal::UnknownRecipient, 550, (5, 1, 1), "no such recipient here"))
            }
            Answer::Unavailable(_) => {
                let text = "it cannot be said now whether there is such a recipient; try later";
                Err(refused(Refusal::UnknownRecipient, 451, status, text))
            }
        }
    }
}
