//! News: what people are to be told of a message, and who of them wants to
//! hear it. Pure.

use crate::mail::{
    Address, ByMode, ByTrace, Evidence, FailureReason, NextHop, Notify, OriginalRecipient, Promise,
    QueuedRecipient, Reply, Requests, Taker, TlsFault, TlsRequirement, Unmet,
};

/// What people are to be told: senders only what NOTIFY leaves of it
/// (RFC 3461 section 5.2).
#[derive(Debug, Default, PartialEq)]
pub(super) struct News {
    pub(super) failed: Vec<Reported>,
    pub(super) delayed: Vec<Reported>,
    /// Passed on to somebody who may not tell the sender more.
    pub(super) relayed: Vec<Reported>,
    /// In their mailboxes.
    pub(super) delivered: Vec<Reported>,
    pub(super) unmet: Option<UnmetNews>,
}

/// What waits for TLS, when people must hear of it.
#[derive(Debug, Default, PartialEq)]
pub(super) struct UnmetNews {
    /// For the sender; perhaps nobody.
    pub(super) sender: Vec<Reported>,
    /// For the officers: everybody.
    pub(super) officers: Vec<Reported>,
    /// Where policy sends it instead.
    pub(super) fallback: Option<NextHop>,
}

/// A recipient in a report.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reported {
    pub(super) recipient: Address,
    pub(super) original: Option<OriginalRecipient>,
    /// None of a copy that went on.
    pub(super) reason: Option<FailureReason>,
    pub(super) reply: Reply,
    /// The host that gave the reply.
    pub(super) host: Option<String>,
    /// What policy asked of the journey.
    pub(super) tls: TlsRequirement,
    pub(super) fault: Option<TlsFault>,
}

impl Reported {
    pub(super) fn of(
        queued: &QueuedRecipient,
        reason: Option<FailureReason>,
        reply: &Reply,
        evidence: Option<&Evidence>,
    ) -> Self {
        Self {
            recipient: queued.address.clone(),
            original: queued.original.clone(),
            reason,
            reply: reply.clone(),
            host: evidence.and_then(public_host),
            tls: queued.protection.tls,
            fault: evidence.and_then(|evidence| evidence.fault),
        }
    }

    /// Of a recipient who waits for TLS.
    pub(super) fn of_unmet(queued: &QueuedRecipient) -> Option<Self> {
        let Unmet { reply, host, fault, .. } = queued.unmet.as_deref()?;
        let (host, fault) = (host.clone(), *fault);
        let reason = Some(FailureReason::Tls);
        Some(Self { host, fault, ..Self::of(queued, reason, reply, None) })
    }
}

/// What a sender is told of a copy that went on.
pub(super) enum Passed {
    Delivered,
    Relayed,
}

/// Whether a sender must hear from us of a copy that went on: who has it may
/// not tell (RFC 3461 sections 5.2.1 to 5.2.3), or every relay was asked to
/// (RFC 2852 section 4.1.5).
pub(super) fn told_of(to: Taker, notify: Option<Notify>, requests: &Requests) -> Option<Passed> {
    let success = notify.is_some_and(|notify| notify.success);
    let Taker::Relay { dsn, deliver_by } = to else {
        return success.then_some(Passed::Delivered);
    };
    let unobserved = success && dsn == Promise::Absent;
    let timed = requests.deliver_by.is_some_and(|by| {
        by.trace == ByTrace::Yes || by.mode == ByMode::Notify && deliver_by == Promise::Absent
    });
    (unobserved || timed && notify != Some(Notify::NEVER)).then_some(Passed::Relayed)
}

/// The host, where it was one: a directory of ours is nobody's business.
pub(super) fn public_host(evidence: &Evidence) -> Option<String> {
    evidence.host.clone().filter(|host| !host.starts_with("maildir:"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_of_ours_is_not_told() {
        let evidence = |host: &str| Evidence { host: Some(host.to_owned()), ..Evidence::default() };
        assert_eq!(public_host(&evidence("maildir:/var/mail/x")), None);
        assert_eq!(public_host(&evidence("mx.x.example")).as_deref(), Some("mx.x.example"));
    }
}
