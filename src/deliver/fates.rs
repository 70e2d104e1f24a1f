//! What has become of each recipient, host after host.

use crate::{
    mail::{Address, Failure, FailureReason, Outcome, Recipient, Reply},
    smtp::client::{Onward, Settlement},
};

/// The recipients of one delivery.
#[derive(Debug)]
pub(super) struct Fates(Vec<(Recipient, Fate)>);

#[derive(Debug)]
enum Fate {
    /// Still to be tried; with what the hosts tried so far came to.
    Open(Option<Outcome>),
    Settled(Outcome),
}

impl Fates {
    pub(super) fn new(recipients: Vec<Recipient>) -> Self {
        Self(recipients.into_iter().map(|recipient| (recipient, Fate::Open(None))).collect())
    }

    /// Those who may be tried at the next host.
    pub(super) fn open(&self) -> Vec<Recipient> {
        let open = self.0.iter().filter(|(_, fate)| matches!(fate, Fate::Open(_)));
        open.map(|(recipient, _)| recipient.clone()).collect()
    }

    pub(super) fn is_settled(&self) -> bool {
        !self.0.iter().any(|(_, fate)| matches!(fate, Fate::Open(_)))
    }

    /// A host that could not be used at all: others may do better.
    pub(super) fn note(&mut self, outcome: &Outcome) {
        for (_, fate) in &mut self.0 {
            if let Fate::Open(known) = fate {
                *known = Some(weightier(known.take(), outcome.clone()));
            }
        }
    }

    /// What a host said of its recipients: final, but for what another host
    /// may be asked.
    pub(super) fn take(&mut self, settlement: Settlement) {
        for (address, outcome) in settlement.outcomes {
            let open = self.0.iter_mut().find_map(|(other, fate)| match fate {
                Fate::Open(known) if other.address == address => Some((known.take(), fate)),
                _ => None,
            });
            let Some((known, fate)) = open else { continue };
            let elsewhere = may_go_elsewhere(&outcome);
            *fate = match settlement.onward {
                Onward::NextHost if elsewhere => Fate::Open(Some(weightier(known, outcome))),
                _ => Fate::Settled(outcome),
            };
        }
    }

    /// Whoever is still open has what the hosts came to.
    pub(super) fn outcomes(self) -> Vec<(Address, Outcome)> {
        let outcomes = self.0.into_iter().map(|(recipient, fate)| match fate {
            Fate::Settled(outcome) | Fate::Open(Some(outcome)) => (recipient.address, outcome),
            Fate::Open(None) => (recipient.address, untried()),
        });
        outcomes.collect()
    }
}

/// Whether another host may do better: one that was too busy says nothing of
/// the others, nor does one that lacks an extension (RFC 8689 section 4.2.1
/// has all be asked).
fn may_go_elsewhere(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Delivered(_) => false,
        Outcome::Transient(_) => true,
        Outcome::Permanent(failure) => failure.reason == FailureReason::Extension,
    }
}

/// Of two hosts' failures, the one that is told. One host that may yet take
/// the message makes it worth waiting for; TLS that cannot be had is what the
/// duty desk must hear of (law 2), and a peer's own word beats our guess.
fn weightier(known: Option<Outcome>, new: Outcome) -> Outcome {
    const fn weight(outcome: &Outcome) -> u8 {
        match outcome {
            Outcome::Permanent(_) | Outcome::Delivered(_) => 0,
            Outcome::Transient(failure) => match failure.reason {
                FailureReason::Tls => 3,
                FailureReason::Peer => 2,
                _ => 1,
            },
        }
    }
    match known {
        Some(known) if weight(&known) > weight(&new) => known,
        _ => new,
    }
}

fn untried() -> Outcome {
    Outcome::Transient(Failure {
        reason: FailureReason::Connection,
        reply: Reply::plain(451, "no host could be tried in time"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{Handover, Taker};

    fn address(written: &str) -> Address {
        written.parse().unwrap()
    }

    fn outcome(code: u16, reason: FailureReason) -> Outcome {
        let failure = Failure { reason, reply: Reply::plain(code, "x") };
        if code >= 500 { Outcome::Permanent(failure) } else { Outcome::Transient(failure) }
    }

    fn after(notes: &[Outcome]) -> Outcome {
        let mut fates = Fates::new(vec![address("a@x.example").into()]);
        notes.iter().for_each(|note| fates.note(note));
        fates.outcomes().remove(0).1
    }

    #[test]
    fn one_host_that_may_yet_take_it_keeps_the_message_waiting() {
        let refused = outcome(554, FailureReason::Peer);
        let unreachable = outcome(451, FailureReason::Connect);
        assert_eq!(after(&[refused.clone(), unreachable.clone()]), unreachable);
        assert_eq!(after(&[unreachable.clone(), refused.clone()]), unreachable);
        assert_eq!(after(&[refused.clone(), refused.clone()]), refused);
    }

    #[test]
    fn a_host_that_lacks_an_extension_leaves_the_message_to_the_others() {
        let lacking = outcome(550, FailureReason::Extension);
        let refused = outcome(550, FailureReason::Peer);
        let address = address("a@x.example");
        for (outcome, settled) in [(&lacking, false), (&refused, true)] {
            let mut fates = Fates::new(vec![address.clone().into()]);
            let outcomes = vec![(address.clone(), outcome.clone())];
            fates.take(Settlement { outcomes, onward: Onward::NextHost });
            assert_eq!(fates.is_settled(), settled);
            assert_eq!(fates.outcomes(), [(address.clone(), outcome.clone())]);
        }
    }

    #[test]
    fn tls_that_cannot_be_had_is_what_is_told() {
        let tls = outcome(451, FailureReason::Tls);
        assert_eq!(after(&[tls.clone(), outcome(451, FailureReason::Connect)]), tls);
    }

    #[test]
    fn doubled_recipients_each_have_their_outcome() {
        let address = address("a@x.example");
        let mut fates = Fates::new(vec![address.clone().into(), address.clone().into()]);
        let handover = Handover { reply: Reply::plain(250, "ok"), to: Taker::Mailbox };
        let delivered = Outcome::Delivered(handover);
        let outcomes = vec![(address.clone(), delivered.clone()), (address, delivered)];
        fates.take(Settlement { outcomes, onward: Onward::NextHost });
        assert!(fates.is_settled());
    }
}
