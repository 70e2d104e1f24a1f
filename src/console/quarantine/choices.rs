//! What whoever looks at a held message may do with it as it stands. The desk
//! rules on what they then do: nothing is offered here that it would refuse.

use super::order;
use crate::{
    console::moments::moment,
    mail::{Actor, HeldEntry, Permission, Proposal, Timestamp},
};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choices {
    /// Release, redirect, reject.
    pub(super) decide: bool,
    pub(super) approve: bool,
    /// Take a proposal of their own back, or refuse another's.
    pub(super) withdraw: bool,
    pub(super) extend: bool,
    pub(super) legal_hold: bool,
    pub(super) reveal: bool,
    pub(super) export: bool,
}

/// What somebody wants done, as whoever looks is told of it.
pub(super) struct Proposed {
    pub(super) what: String,
    pub(super) by: String,
    pub(super) at: String,
    /// For the form to name it by.
    pub(super) moment: Timestamp,
    pub(super) reason: String,
    pub(super) is_own: bool,
    /// What they may do about it, or why nothing.
    pub(super) say: &'static str,
}

impl Choices {
    pub(super) fn of(who: &Actor, entry: &HeldEntry) -> Self {
        let may = |permission| who.may(permission);
        let proposal = entry.proposal.as_ref();
        let is_own = proposal.map(|proposal| proposal.by == who.name);
        let is_others = proposal.is_some_and(|one| who.is_other_than(&one.by, one.known_by));
        Self {
            decide: may(Permission::Decide) && is_own.is_none() && !entry.legal_hold,
            approve: may(Permission::Approve) && is_others && !entry.legal_hold,
            withdraw: match is_own {
                None => false,
                Some(true) => may(Permission::Decide),
                Some(false) => may(Permission::Decide) && may(Permission::Approve),
            },
            extend: may(Permission::Decide),
            legal_hold: may(Permission::LegalHold),
            reveal: may(Permission::Reveal),
            export: may(Permission::Export),
        }
    }

    /// Whether there is a form at all.
    pub(super) fn is_any(&self) -> bool {
        self.decide || self.approve || self.withdraw || self.extend || self.legal_hold
    }
}

impl Proposed {
    pub(super) fn of(proposal: &Proposal, who: &Actor, entry: &HeldEntry) -> Self {
        let is_own = proposal.by == who.name;
        Self {
            what: order::proposed(&proposal.act),
            by: proposal.by.clone(),
            at: moment(proposal.at),
            moment: proposal.at,
            reason: proposal.reason.clone(),
            is_own,
            say: say(Choices::of(who, entry), is_own, entry.legal_hold),
        }
    }
}

fn say(choices: Choices, is_own: bool, legal_hold: bool) -> &'static str {
    match choices {
        _ if legal_hold => {
            "Nobody can approve it now: a legal hold keeps the message, and must be lifted first."
        }
        Choices { withdraw: true, .. } if is_own => {
            "The proposal is yours, so another person must approve it. Until then the message \
             stays held. You can withdraw it."
        }
        Choices { approve: true, .. } => {
            "You can approve it as it stands, and it is done at once; or refuse it, and the \
             message stays held."
        }
        Choices { withdraw: true, .. } => {
            "Nobody can tell whether the proposal is yours: somebody who can be told from who made \
             it must approve it. You can refuse it."
        }
        _ => {
            "An approver must agree to it or refuse it, which your roles do not allow. Until then \
             the message stays held."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        mail::{ActorDoor, Case, HeldAct, KnownBy, Level, Role, Scope},
        quarantine::{
            Terms, rule_on,
            samples::{NOON, held},
        },
    };

    fn release() -> HeldAct {
        HeldAct::Release { recipients: Vec::new(), exemption: None, false_positive: false }
    }

    /// Whoever looks, whatever stands.
    fn each(check: impl Fn(&Actor, &Case)) {
        for role in Role::ALL {
            for by in [None, Some("jane"), Some("joan")] {
                for legal_hold in [false, true] {
                    let (name, door) = ("jane".to_owned(), ActorDoor::Console);
                    let (known_by, scope) = (KnownBy::Account, Scope::Everybody);
                    let who = Actor { name, door, known_by, roles: vec![role], scope };
                    let proposal = by.map(|by| Proposal {
                        act: release(),
                        by: by.to_owned(),
                        known_by: KnownBy::Account,
                        at: NOON,
                        reason: "agreed".to_owned(),
                    });
                    check(&who, &Case { legal_hold, proposal, ..Case::default() });
                }
            }
        }
    }

    #[test]
    fn what_is_offered_is_what_the_desk_allows() {
        each(|who, case| {
            let mut message = held(1, Level::SPECIALLY_PROTECTED);
            message.hold.as_mut().unwrap().case = case.clone();
            let entry = Terms::default().entry(&message).unwrap();
            let choices = Choices::of(who, &entry);
            let allowed = |act: HeldAct| {
                let ruled = rule_on((&message, case), (who, &act, "why"), &Terms::default(), NOON);
                ruled.is_ok()
            };
            let until = NOON + std::time::Duration::from_secs(3_600);
            let hold = if case.legal_hold { HeldAct::LiftLegalHold } else { HeldAct::LegalHold };
            let offered = [
                (choices.decide, release()),
                (choices.decide, HeldAct::Reject),
                (choices.approve, HeldAct::Approve { proposed_at: NOON }),
                (choices.withdraw, HeldAct::Withdraw { proposed_at: NOON }),
                (choices.extend, HeldAct::Extend { until }),
                (choices.legal_hold, hold),
            ];
            for (is_offered, act) in offered {
                assert_eq!(is_offered, allowed(act.clone()), "{who:?} {case:?} {act:?}");
            }
        });
    }

    #[test]
    fn everybody_is_told_what_they_may_do_about_a_proposal() {
        each(|who, case| {
            let Some(proposal) = &case.proposal else { return };
            let mut message = held(1, Level::SPECIALLY_PROTECTED);
            message.hold.as_mut().unwrap().case = case.clone();
            let entry = Terms::default().entry(&message).unwrap();
            let (choices, told) =
                (Choices::of(who, &entry), Proposed::of(proposal, who, &entry).say);
            assert_eq!(told.contains("You can approve"), choices.approve, "{who:?} {case:?}");
            assert_eq!(told.contains("legal hold"), case.legal_hold, "{who:?} {case:?}");
            assert!(!told.contains("You can withdraw") || choices.withdraw, "{who:?} {case:?}");
        });
    }
}
