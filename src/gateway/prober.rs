//! The next hop as a source of recipients: whoever the route of a domain
//! leads to is asked, under the protection that a delivery would have. Also
//! whether it carries addresses beyond ASCII, before mail is taken for it.

use std::sync::Arc;

use super::{policies::Policies, replies::refused};
use crate::{
    config::{Config, Route},
    deliver::{Deliverer, Probe, Probed, Smtputf8},
    mail::{Address, AddressEncoding, Envelope, Refusal, Reply, ReversePath, Severity},
    recipients::{Found, Prober, Probing},
    smtp::server::Refused,
};

pub(super) struct NextHops {
    pub(super) config: Arc<Config>,
    pub(super) policies: Arc<Policies>,
    pub(super) deliverer: Deliverer,
}

impl Prober for NextHops {
    fn probe<'a>(&'a self, recipient: &'a Address) -> Probing<'a> {
        Box::pin(async move {
            match self.config.route(recipient.domain()) {
                Some(route) => found(self.deliverer.probe(&self.question(route, recipient)).await),
                None => Found::Unavailable("no route to the domain".to_owned()),
            }
        })
    }
}

impl NextHops {
    /// Refuses an address beyond ASCII whose route is known not to carry it
    /// (RFC 6531 section 3.5): its sender hears of it at once. Where nobody
    /// knows yet, the next hop is asked; one that cannot be is no reason to
    /// refuse, and the message may come back later.
    pub(super) async fn carry(
        &self,
        envelope: &Envelope,
        recipient: &Address,
    ) -> Result<(), Refused> {
        let sender = envelope.reverse_path.mailbox();
        let beyond_ascii =
            recipient.needs_smtputf8() || sender.is_some_and(Address::needs_smtputf8);
        let Some(route) = self.config.route(recipient.domain()) else { return Ok(()) };
        if envelope.encoding == AddressEncoding::Ascii || !beyond_ascii {
            return Ok(());
        }
        if self.deliverer.smtputf8(&route.next_hop) == Smtputf8::Unknown {
            // What it offers is remembered, whatever else it says.
            let question = Probe { recipient: None, ..self.question(route, recipient) };
            self.deliverer.probe(&question).await;
        }
        match self.deliverer.smtputf8(&route.next_hop) {
            Smtputf8::Offered | Smtputf8::Silent | Smtputf8::Unknown => Ok(()),
            Smtputf8::Lacking => {
                let text = "the next hop does not take addresses beyond ASCII (SMTPUTF8)";
                Err(refused(Refusal::Extension, 553, (5, 6, 7), text))
            }
        }
    }

    /// From nobody in particular: what is asked is about the recipient.
    fn question(&self, route: &Route, recipient: &Address) -> Probe {
        Probe {
            next_hop: route.next_hop.clone(),
            protection: self.policies.live().destination(recipient.domain()).protection(),
            route: route.into(),
            reverse_path: ReversePath::Null,
            recipient: Some(recipient.clone()),
        }
    }
}

/// Whatever a next hop refuses for good, for whatever reason, would come back
/// from it after we have taken it.
fn found(probed: Probed) -> Found {
    match probed {
        Probed::Answered { verdict: Some(reply), .. } => match reply.severity() {
            Severity::Positive => Found::Known,
            Severity::Permanent => Found::Unknown,
            Severity::Transient | Severity::Intermediate => said(&reply),
        },
        Probed::Answered { verdict: None, .. } => {
            Found::Unavailable("the next hop said nothing of the recipient".to_owned())
        }
        Probed::Unreachable(why) => Found::Unavailable(why),
    }
}

fn said(reply: &Reply) -> Found {
    Found::Unavailable(format!("the next hop said: {reply}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mail::EnhancedStatusCode, smtp::client::Extensions};

    fn answered(code: u16) -> Found {
        let reply = Reply::new(code, EnhancedStatusCode(5, 1, 1), "x");
        found(Probed::Answered { extensions: Extensions::default(), verdict: Some(reply) })
    }

    #[test]
    fn only_yes_is_yes_and_only_no_is_no() {
        assert_eq!(answered(250), Found::Known);
        assert_eq!(answered(251), Found::Known);
        assert_eq!(answered(550), Found::Unknown);
        assert_eq!(answered(553), Found::Unknown);
        for code in [421, 450, 451, 452, 354] {
            assert!(matches!(answered(code), Found::Unavailable(_)), "{code}");
        }
        let silent = Probed::Answered { extensions: Extensions::default(), verdict: None };
        assert!(matches!(found(silent), Found::Unavailable(_)));
        let away = Probed::Unreachable("connection refused".to_owned());
        assert_eq!(found(away), Found::Unavailable("connection refused".to_owned()));
    }
}
