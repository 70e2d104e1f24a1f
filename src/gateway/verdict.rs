//! What an attempt says of its destination. Pure.

use crate::{
    mail::{Attempt, Failure, FailureReason, Outcome},
    schedule::Verdict,
};

/// Whoever answers of a recipient is well, whatever it answers. Of several
/// recipients' outcomes the best counts: a host that took one copy is there.
pub(super) fn verdict(attempt: &Attempt) -> Verdict {
    attempt.outcomes.iter().map(|(_, outcome)| of_outcome(outcome)).fold(Verdict::Nothing, better)
}

/// Of what two attempts say.
pub(super) fn better(one: Verdict, other: Verdict) -> Verdict {
    match (&one, &other) {
        (Verdict::Well, _) | (_, Verdict::Nothing) => one,
        (_, Verdict::Well) | (Verdict::Nothing, _) => other,
        // The later knows more.
        (Verdict::Failing(_), Verdict::Failing(_)) => other,
    }
}

fn of_outcome(outcome: &Outcome) -> Verdict {
    let failure = match outcome {
        // What fails for good leaves the queue: nothing waits for a rest.
        Outcome::Delivered(_) | Outcome::Permanent(_) => return Verdict::Well,
        Outcome::Transient(failure) => failure,
    };
    match failure.reason {
        FailureReason::Dns
        | FailureReason::Connect
        | FailureReason::Connection
        | FailureReason::Tls
        | FailureReason::Authentication
        | FailureReason::Store => Verdict::Failing(failure.clone()),
        FailureReason::Peer if is_of_the_system(failure) => Verdict::Failing(failure.clone()),
        FailureReason::Peer | FailureReason::Extension => Verdict::Well,
        FailureReason::NoRoute
        | FailureReason::Policy
        | FailureReason::Damaged
        | FailureReason::Expired => Verdict::Nothing,
    }
}

/// Whether a peer speaks of itself and of no mailbox: it closes the session
/// (RFC 5321 section 3.8), or its status is of its system (X.3, RFC 3463
/// section 3.4).
fn is_of_the_system(failure: &Failure) -> bool {
    failure.reply.code == SERVICE_CLOSING || failure.reply.status().1 == SYSTEM_STATUS
}

const SERVICE_CLOSING: u16 = 421;
const SYSTEM_STATUS: u16 = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mail::{EnhancedStatusCode, Handover, Reply, Taker};

    fn delivered() -> Outcome {
        Outcome::Delivered(Handover { reply: Reply::plain(250, "ok"), to: Taker::Mailbox })
    }

    fn transient(reason: FailureReason, code: u16, status: EnhancedStatusCode) -> Outcome {
        Outcome::Transient(Failure { reason, reply: Reply::new(code, status, "x") })
    }

    fn ours(reason: FailureReason) -> Outcome {
        transient(reason, 451, EnhancedStatusCode(4, 4, 0))
    }

    fn said(outcomes: &[Outcome]) -> Verdict {
        let outcomes =
            outcomes.iter().map(|outcome| ("a@x.example".parse().unwrap(), outcome.clone()));
        verdict(&Attempt { outcomes: outcomes.collect(), tries: Vec::new() })
    }

    fn name(verdict: &Verdict) -> &'static str {
        match verdict {
            Verdict::Well => "well",
            Verdict::Failing(_) => "failing",
            Verdict::Nothing => "nothing",
        }
    }

    #[test]
    fn a_destination_is_blamed_for_itself_and_not_for_its_recipients() {
        use FailureReason::{
            Connect, Connection, Dns, Expired, Extension, NoRoute, Peer, Policy, Store, Tls,
        };
        let peer = |code, subject| transient(Peer, code, EnhancedStatusCode(4, subject, 2));
        let cases = [
            (delivered(), "well"),
            (ours(Connect), "failing"),
            (ours(Connection), "failing"),
            (ours(Tls), "failing"),
            (ours(Dns), "failing"),
            (ours(Store), "failing"),
            (peer(421, 7), "failing"),
            (peer(450, 3), "failing"),
            // A full mailbox, greylisting.
            (peer(452, 2), "well"),
            (peer(451, 7), "well"),
            (ours(Extension), "well"),
            (ours(NoRoute), "nothing"),
            (ours(Expired), "nothing"),
            (ours(Policy), "nothing"),
        ];
        for (outcome, expected) in cases {
            let Outcome::Transient(failure) = &outcome else { continue };
            assert_eq!(name(&said(std::slice::from_ref(&outcome))), expected, "{outcome:?}");
            assert_eq!(name(&said(&[Outcome::Permanent(failure.clone())])), "well");
        }
    }

    #[test]
    fn of_several_recipients_the_best_outcome_speaks_for_the_destination() {
        let (lost, unknown) = (ours(FailureReason::Connection), ours(FailureReason::NoRoute));
        assert_eq!(name(&said(&[lost.clone(), delivered()])), "well");
        assert_eq!(name(&said(&[unknown.clone(), lost, unknown])), "failing");
        assert_eq!(name(&said(&[])), "nothing");
    }
}
