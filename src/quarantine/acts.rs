//! Acts: what somebody may do with a held message now, and what follows.
//!
//! Pure. What lets a message go takes two people from a level on that the
//! terms name: the first one's act becomes a proposal, which a second approves
//! as it stands or not at all. Somebody who cannot be told from the first is no
//! second. What stands under a legal hold goes nowhere.

use std::time::Duration;

use crate::mail::{
    Actor, Address, Case, HeldAct, KnownBy, LesserTls, NextHop, Permission, Proposal,
    QueuedMessage, Timestamp, TlsRequirement,
};

use super::terms::Terms;

/// What follows from an act.
#[derive(Clone, Debug, PartialEq)]
pub enum Ruling {
    Carry(Order),
    /// Another must approve.
    Propose(Proposal),
    /// What was proposed is not done.
    Withdraw,
}

/// An act that is to be carried out: never one about a proposal.
#[derive(Clone, Debug, PartialEq)]
pub struct Order {
    pub act: HeldAct,
    /// Whose wish it was, where somebody else has approved it.
    pub proposed: Option<Proposal>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActError {
    #[error("your roles do not allow this")]
    Denied,
    #[error("say why: the reason stands in the audit trail")]
    NoReason,
    #[error("{name} has proposed to {act} it: approve or withdraw that first")]
    Proposed { name: String, act: &'static str },
    #[error("nothing is proposed for it")]
    NothingProposed,
    #[error("something else is proposed for it by now: look again")]
    AnotherProposal,
    #[error("another person must approve what you have proposed yourself")]
    SamePerson,
    #[error(
        "{0} has proposed it, and that may be you: approve it as somebody who can be told from \
         them. An account's `unix_user` says who somebody is on the control socket"
    )]
    NotToldApart(String),
    #[error(
        "it takes two people, and several can be {0}: propose it from a user or an account of \
         your own"
    )]
    Anonymous(String),
    #[error("it is under a legal hold: lift that first")]
    LegalHold,
    #[error("it is under no legal hold")]
    NoLegalHold,
    #[error("nobody there waits for it: {0}")]
    NoSuchRecipient(String),
    #[error("an exemption is for a second at least and seven days at most")]
    ExemptionTime,
    #[error("an exemption lets it go with TLS encrypted, never in clear, found {0}")]
    ExemptionTls(TlsRequirement),
    #[error("a message is redirected to a host: smtp://host:port")]
    NotAHost,
    #[error("it is kept longer until a moment to come, and for a year at most")]
    ExtensionTime,
}

/// What follows from `act` on a held message and its case.
pub fn rule_on(
    (message, case): (&QueuedMessage, &Case),
    (who, act, reason): (&Actor, &HeldAct, &str),
    terms: &Terms,
    now: Timestamp,
) -> Result<Ruling, ActError> {
    if !who.may(permission(act)) {
        return Err(ActError::Denied);
    }
    if reason.trim().is_empty() {
        return Err(ActError::NoReason);
    }
    match act {
        HeldAct::Approve { proposed_at } => {
            return approve(message, case, (who, *proposed_at), now);
        }
        HeldAct::Withdraw { proposed_at } => return withdraw(case, (who, *proposed_at)),
        _ => makes_sense(message, case, act, now)?,
    }
    let carry = Ruling::Carry(Order { act: act.clone(), proposed: None });
    if !decides(act) {
        return Ok(carry);
    }
    if let Some(proposal) = &case.proposal {
        let (name, act) = (proposal.by.clone(), proposal.act.name());
        return Err(ActError::Proposed { name, act });
    }
    if !(lets_go(act) && terms.needs_two(message.level)) {
        return Ok(carry);
    }
    let (by, known_by, reason) = (who.name.clone(), who.known_by, reason.trim().to_owned());
    match known_by {
        // Nobody could ever stand beside them as the second.
        KnownBy::Nothing => Err(ActError::Anonymous(by)),
        KnownBy::Account | KnownBy::UnixUser | KnownBy::Provider => {
            Ok(Ruling::Propose(Proposal { act: act.clone(), by, known_by, at: now, reason }))
        }
    }
}

fn approve(
    message: &QueuedMessage,
    case: &Case,
    (who, proposed_at): (&Actor, Timestamp),
    now: Timestamp,
) -> Result<Ruling, ActError> {
    let proposal = proposal(case, proposed_at)?;
    if !who.is_other_than(&proposal.by, proposal.known_by) {
        return Err(match proposal.by == who.name {
            true => ActError::SamePerson,
            false => ActError::NotToldApart(proposal.by.clone()),
        });
    }
    // Things may have changed since it was proposed.
    makes_sense(message, case, &proposal.act, now)?;
    Ok(Ruling::Carry(Order { act: proposal.act.clone(), proposed: Some(proposal.clone()) }))
}

fn withdraw(case: &Case, (who, proposed_at): (&Actor, Timestamp)) -> Result<Ruling, ActError> {
    let proposal = proposal(case, proposed_at)?;
    match proposal.by == who.name || who.may(Permission::Approve) {
        true => Ok(Ruling::Withdraw),
        false => Err(ActError::Denied),
    }
}

/// The proposal that somebody has read, if it still stands.
fn proposal(case: &Case, proposed_at: Timestamp) -> Result<&Proposal, ActError> {
    let proposal = case.proposal.as_ref().ok_or(ActError::NothingProposed)?;
    match proposal.at == proposed_at {
        true => Ok(proposal),
        false => Err(ActError::AnotherProposal),
    }
}

/// Whether an act can be carried out at all.
fn makes_sense(
    message: &QueuedMessage,
    case: &Case,
    act: &HeldAct,
    now: Timestamp,
) -> Result<(), ActError> {
    if case.legal_hold && decides(act) {
        return Err(ActError::LegalHold);
    }
    match act {
        HeldAct::Release { recipients, exemption, .. } => {
            let waits = |one: &Address| message.pending().any(|queued| queued.address == *one);
            if let Some(stranger) = recipients.iter().find(|one| !waits(one)) {
                return Err(ActError::NoSuchRecipient(stranger.to_string()));
            }
            exemption.map_or(Ok(()), is_bounded)
        }
        HeldAct::Redirect { to: NextHop::Smtp { .. } | NextHop::Lmtp { .. } } => Ok(()),
        HeldAct::Redirect { .. } => Err(ActError::NotAHost),
        HeldAct::Extend { until } if *until <= now || *until > now + LONGEST_EXTENSION => {
            Err(ActError::ExtensionTime)
        }
        HeldAct::LiftLegalHold if !case.legal_hold => Err(ActError::NoLegalHold),
        _ => Ok(()),
    }
}

fn is_bounded(exemption: LesserTls) -> Result<(), ActError> {
    if exemption.tls != TlsRequirement::Encrypted {
        return Err(ActError::ExemptionTls(exemption.tls));
    }
    match (1..=LONGEST_EXEMPTION.as_secs()).contains(&exemption.seconds) {
        true => Ok(()),
        false => Err(ActError::ExemptionTime),
    }
}

/// Whether a message is no longer held afterwards, in whole or in part.
const fn decides(act: &HeldAct) -> bool {
    lets_go(act) || matches!(act, HeldAct::Reject)
}

/// Whether somebody else than its sender gets it.
pub(super) const fn lets_go(act: &HeldAct) -> bool {
    matches!(act, HeldAct::Release { .. } | HeldAct::Redirect { .. })
}

/// What it takes to do it.
pub const fn permission(act: &HeldAct) -> Permission {
    match act {
        HeldAct::Release { .. }
        | HeldAct::Reject
        | HeldAct::Redirect { .. }
        | HeldAct::Extend { .. }
        | HeldAct::Withdraw { .. } => Permission::Decide,
        HeldAct::LegalHold | HeldAct::LiftLegalHold => Permission::LegalHold,
        HeldAct::Approve { .. } => Permission::Approve,
    }
}

impl Ruling {
    /// Whether somebody gets the message by it: then nothing harmful may be
    /// found in it now.
    pub fn lets_go(&self) -> bool {
        matches!(self, Self::Carry(order) if lets_go(&order.act))
    }
}

/// A need that lasts longer is policy's to meet.
const LONGEST_EXEMPTION: Duration = Duration::from_secs(7 * 24 * 3600);
const LONGEST_EXTENSION: Duration = Duration::from_secs(366 * 24 * 3600);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        mail::{ActorDoor, Level, Role, Scope},
        quarantine::samples::{NOON, held},
    };

    fn person(name: &str, role: Role) -> Actor {
        let (door, known_by) = (ActorDoor::Console, KnownBy::Account);
        let (roles, scope) = (vec![role], Scope::Everybody);
        Actor { name: name.to_owned(), door, known_by, roles, scope }
    }

    fn proposed_by(name: &str, act: HeldAct, at: Timestamp) -> Case {
        let (by, known_by, reason) = (name.to_owned(), KnownBy::Account, "r".to_owned());
        Case { proposal: Some(Proposal { act, by, known_by, at, reason }), ..Case::default() }
    }

    const APPROVE: HeldAct = HeldAct::Approve { proposed_at: NOON };
    const WITHDRAW: HeldAct = HeldAct::Withdraw { proposed_at: NOON };

    fn release() -> HeldAct {
        HeldAct::Release { recipients: Vec::new(), exemption: None, false_positive: false }
    }

    fn rule(
        message: &QueuedMessage,
        case: &Case,
        who: &Actor,
        act: &HeldAct,
    ) -> Result<Ruling, ActError> {
        rule_on((message, case), (who, act, "agreed"), &Terms::default(), NOON)
    }

    #[test]
    fn one_person_releases_what_is_clinical_and_proposes_what_is_specially_protected() {
        let officer = person("ann", Role::Officer);
        let case = Case::default();
        let clinical = rule(&held(1, Level::CLINICAL), &case, &officer, &release());
        assert!(clinical.unwrap().lets_go());
        let special = rule(&held(1, Level::SPECIALLY_PROTECTED), &case, &officer, &release());
        let Ok(Ruling::Propose(proposal)) = special else { panic!("{special:?}") };
        assert_eq!((proposal.by.as_str(), &proposal.act), ("ann", &release()));
    }

    #[test]
    fn a_second_person_approves_exactly_what_was_proposed() {
        let message = held(1, Level::SPECIALLY_PROTECTED);
        let wish = HeldAct::Release {
            recipients: vec!["a@x.example".parse().unwrap()],
            exemption: None,
            false_positive: false,
        };
        let case = proposed_by("ann", wish.clone(), NOON);
        let approve = |who: &Actor| rule(&message, &case, who, &APPROVE);
        assert_eq!(approve(&person("ann", Role::Approver)), Err(ActError::SamePerson));
        assert_eq!(approve(&person("bob", Role::Officer)), Err(ActError::Denied));
        let order = Order { act: wish, proposed: case.proposal.clone() };
        assert_eq!(approve(&person("bob", Role::Approver)), Ok(Ruling::Carry(order)));
        // Nor may a second proposal take its place while somebody reads the first.
        let other = rule(&message, &case, &person("ann", Role::Officer), &release());
        assert!(matches!(other, Err(ActError::Proposed { .. })));
        let rejected = rule(&message, &case, &person("bob", Role::Approver), &HeldAct::Reject);
        assert!(matches!(rejected, Err(ActError::Proposed { .. })));
    }

    #[test]
    fn what_was_proposed_since_it_was_read_is_neither_approved_nor_refused() {
        let message = held(1, Level::SPECIALLY_PROTECTED);
        let at = NOON + Duration::from_millis(1);
        let case = proposed_by("ann", release(), at);
        let approver = person("bob", Role::Approver);
        for (read, since) in [
            (APPROVE, HeldAct::Approve { proposed_at: at }),
            (WITHDRAW, HeldAct::Withdraw { proposed_at: at }),
        ] {
            assert_eq!(rule(&message, &case, &approver, &read), Err(ActError::AnotherProposal));
            assert!(rule(&message, &case, &approver, &since).is_ok());
        }
        let none = rule(&message, &Case::default(), &approver, &APPROVE);
        assert_eq!(none, Err(ActError::NothingProposed));
    }

    #[test]
    fn one_person_at_two_doors_is_no_second_one() {
        let message = held(1, Level::SPECIALLY_PROTECTED);
        let case = proposed_by("ann", release(), NOON);
        let at_the_socket = |name: &str, known_by| {
            let door = ActorDoor::Socket;
            Actor { door, known_by, ..person(name, Role::Approver) }
        };
        let approve = |case: &Case, who: Actor| rule(&message, case, &who, &APPROVE);
        let unsaid = ActError::NotToldApart("ann".to_owned());
        let user = || at_the_socket("uid 1001", KnownBy::UnixUser);
        assert_eq!(approve(&case, user()), Err(unsaid.clone()));
        let root = || at_the_socket("root", KnownBy::Nothing);
        assert_eq!(approve(&case, root()), Err(unsaid));
        let ann = at_the_socket("ann", KnownBy::Account);
        assert_eq!(approve(&case, ann), Err(ActError::SamePerson));
        assert!(approve(&case, at_the_socket("bob", KnownBy::Account)).is_ok());
        // What nobody could approve is not proposed.
        let proposed = rule(&message, &Case::default(), &root(), &release());
        assert_eq!(proposed, Err(ActError::Anonymous("root".to_owned())));
        let Ok(Ruling::Propose(proposal)) = rule(&message, &Case::default(), &user(), &release())
        else {
            panic!("a user of the system may propose")
        };
        let case = Case { proposal: Some(proposal), ..Case::default() };
        assert!(approve(&case, at_the_socket("uid 1002", KnownBy::UnixUser)).is_ok());
        assert!(approve(&case, person("ann", Role::Approver)).is_err());
    }

    #[test]
    fn a_proposal_is_withdrawn_by_who_made_it_or_refused_by_who_could_approve_it() {
        let message = held(1, Level::SPECIALLY_PROTECTED);
        let case = proposed_by("ann", release(), NOON);
        let withdraw = |name, role| rule(&message, &case, &person(name, role), &WITHDRAW);
        assert_eq!(withdraw("ann", Role::Officer), Ok(Ruling::Withdraw));
        assert_eq!(withdraw("bob", Role::Approver), Ok(Ruling::Withdraw));
        assert_eq!(withdraw("cat", Role::Officer), Err(ActError::Denied));
    }

    #[test]
    fn under_a_legal_hold_a_message_goes_nowhere_until_it_is_lifted() {
        let message = held(1, Level::CLINICAL);
        let case = Case { legal_hold: true, ..Case::default() };
        let officer = person("ann", Role::Officer);
        let to = "smtp://portal.example:25".parse().unwrap();
        for act in [release(), HeldAct::Reject, HeldAct::Redirect { to }] {
            assert_eq!(rule(&message, &case, &officer, &act), Err(ActError::LegalHold));
        }
        assert!(rule(&message, &case, &officer, &HeldAct::LiftLegalHold).is_ok());
        let without = rule(&message, &Case::default(), &officer, &HeldAct::LiftLegalHold);
        assert_eq!(without, Err(ActError::NoLegalHold));
    }

    #[test]
    fn what_no_longer_makes_sense_is_not_approved_though_it_did_when_it_was_proposed() {
        let message = held(1, Level::SPECIALLY_PROTECTED);
        let approver = person("bob", Role::Approver);
        let kept = Case { legal_hold: true, ..proposed_by("ann", release(), NOON) };
        assert_eq!(rule(&message, &kept, &approver, &APPROVE), Err(ActError::LegalHold));
        let served = HeldAct::Release {
            recipients: vec!["c@z.example".parse().unwrap()],
            exemption: None,
            false_positive: false,
        };
        let served = proposed_by("ann", served, NOON);
        let ruling = rule(&message, &served, &approver, &APPROVE);
        assert_eq!(ruling, Err(ActError::NoSuchRecipient("c@z.example".to_owned())));
    }

    #[test]
    fn every_act_has_a_reason_and_a_permission() {
        let message = held(1, Level::CLINICAL);
        let subject = (&message, &Case::default());
        for act in [release(), HeldAct::Reject, HeldAct::LegalHold, WITHDRAW] {
            for role in [Role::Auditor, Role::Operator] {
                let ruling = rule(&message, &Case::default(), &person("x", role), &act);
                assert_eq!(ruling, Err(ActError::Denied));
            }
            let (who, terms) = (person("ann", Role::Approver), Terms::default());
            let ruling = rule_on(subject, (&who, &act, " \t"), &terms, NOON);
            assert_eq!(ruling, Err(ActError::NoReason));
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let message = held(1, Level::CLINICAL);
        let officer = person("ann", Role::Officer);
        let release = |to: &[&str], tls, seconds| HeldAct::Release {
            recipients: to.iter().map(|to| to.parse().unwrap()).collect(),
            exemption: Some(LesserTls { tls, seconds }),
            false_positive: false,
        };
        let encrypted = TlsRequirement::Encrypted;
        for act in [
            release(&["c@z.example"], encrypted, 60),
            release(&[], encrypted, 0),
            release(&[], encrypted, 8 * 24 * 3600),
            release(&[], TlsRequirement::None, 60),
            release(&[], TlsRequirement::Opportunistic, 60),
            HeldAct::Redirect { to: "mx".parse().unwrap() },
            HeldAct::Extend { until: NOON },
            HeldAct::Extend { until: NOON + Duration::from_secs(400 * 24 * 3600) },
        ] {
            let ruling = rule(&message, &Case::default(), &officer, &act);
            assert!(ruling.is_err(), "{act:?}: {ruling:?}");
        }
        assert!(rule(&message, &Case::default(), &officer, &release(&[], encrypted, 60)).is_ok());
    }

    fn any_act() -> impl Strategy<Value = HeldAct> {
        prop_oneof![
            Just(release()),
            Just(HeldAct::Reject),
            Just(HeldAct::Redirect { to: "smtp://portal.example:25".parse().unwrap() }),
            Just(HeldAct::Extend { until: NOON + Duration::from_secs(3600) }),
            Just(HeldAct::LegalHold),
            Just(HeldAct::LiftLegalHold),
            Just(APPROVE),
            Just(WITHDRAW),
        ]
    }

    /// As `gateway` carries rulings out.
    fn carry_out(case: &mut Case, ruling: Ruling) {
        match ruling {
            Ruling::Propose(proposal) => case.proposal = Some(proposal),
            Ruling::Withdraw => case.proposal = None,
            Ruling::Carry(Order { act, .. }) => match act {
                HeldAct::Extend { until } => case.extended_to = Some(until),
                HeldAct::LegalHold => case.legal_hold = true,
                HeldAct::LiftLegalHold => case.legal_hold = false,
                _ => {}
            },
        }
    }

    proptest! {
        #[test]
        fn nobody_alone_lets_go_what_needs_two(
            acts in prop::collection::vec(any_act(), 0..40),
            level in 0_u8..5,
        ) {
            let (message, who) = (held(1, level.try_into().unwrap()), person("ann", Role::Approver));
            let mut case = Case::default();
            for act in acts {
                let Ok(ruling) = rule(&message, &case, &who, &act) else { continue };
                prop_assert!(level < 4 || !ruling.lets_go(), "{act:?}");
                carry_out(&mut case, ruling);
            }
        }

        #[test]
        fn what_two_let_go_is_what_one_proposed_and_the_other_approved(
            acts in prop::collection::vec((any_act(), any::<bool>()), 0..40),
        ) {
            let message = held(1, Level::SPECIALLY_PROTECTED);
            let people = [person("ann", Role::Approver), person("bob", Role::Approver)];
            let mut case = Case::default();
            for (act, first) in acts {
                let who = &people[usize::from(first)];
                let Ok(ruling) = rule(&message, &case, who, &act) else { continue };
                if let Ruling::Carry(order) = &ruling && lets_go(&order.act) {
                    let proposal = order.proposed.as_ref().unwrap();
                    prop_assert!(proposal.by != who.name && proposal.act == order.act);
                    prop_assert!(!case.legal_hold);
                }
                carry_out(&mut case, ruling);
            }
        }
    }
}
