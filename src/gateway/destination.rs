//! Destinations, as the schedule tells them apart: what one says of itself
//! must say nothing of another.

use crate::mail::{Domain, QueuedMessage, QueuedRecipient, RequireTls, TlsRequirement};

/// The exchanges of a domain, or what stands in for them, asked in one way.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Destination {
    pub(super) domain: Domain,
    pub(super) way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Way {
    Usual,
    /// Not without TLS: where that cannot be had, other mail goes on.
    Protected,
    /// Turned away from its route: the other next hop may be well.
    Redirected,
}

impl Destination {
    pub(super) fn of(message: &QueuedMessage, queued: &QueuedRecipient) -> Self {
        Self { domain: queued.address.domain().clone(), way: Way::of(message, queued) }
    }

    pub(super) fn is_of(&self, message: &QueuedMessage, queued: &QueuedRecipient) -> bool {
        *queued.address.domain() == self.domain && Way::of(message, queued) == self.way
    }
}

impl Way {
    fn of(message: &QueuedMessage, queued: &QueuedRecipient) -> Self {
        let asked = message.requests.require_tls == RequireTls::Yes;
        let needed = queued.protection.tls >= TlsRequirement::Encrypted || asked;
        match &message.redirect {
            Some(_) => Self::Redirected,
            None if needed && message.recourse.exemption.is_none() => Self::Protected,
            None => Self::Usual,
        }
    }
}
