//! Destinations, as the queue tells them apart: what one says of itself must
//! say nothing of another.

use serde::{Deserialize, Serialize};

use super::{
    domain::Domain,
    message::{QueuedMessage, QueuedRecipient},
    protection::TlsRequirement,
    requests::RequireTls,
};

/// The exchanges of a domain, or what stands in for them, asked in one way.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Destination {
    pub domain: Domain,
    pub way: Way,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Way {
    Usual,
    /// Not without TLS: where that cannot be had, other mail goes on.
    Protected,
    /// Turned away from its route: the other next hop may be well.
    Redirected,
}

impl Destination {
    pub fn of(message: &QueuedMessage, queued: &QueuedRecipient) -> Self {
        Self { domain: queued.address.domain().clone(), way: Way::of(message, queued) }
    }

    pub fn is_of(&self, message: &QueuedMessage, queued: &QueuedRecipient) -> bool {
        *queued.address.domain() == self.domain && Way::of(message, queued) == self.way
    }
}

impl Way {
    pub const ALL: [Self; 3] = [Self::Usual, Self::Protected, Self::Redirected];

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
