//! What goes under conditions: with less TLS, after a proposal, or once a legal
//! hold is lifted.

use std::time::Duration;

use super::*;
use crate::mail::{LesserTls, TlsRequirement};

#[tokio::test]
async fn a_release_with_less_tls_is_for_what_leaves_and_for_the_time_that_was_said() {
    let scene = Scene::begin("");
    let exemption = Some(LesserTls { tls: TlsRequirement::Encrypted, seconds: 3600 });
    let with_less = |recipients: Vec<Address>| HeldAct::Release {
        recipients,
        exemption,
        false_positive: false,
    };
    let before = now();
    let id = scene.hold(Level::CLINICAL).await;
    let some = with_less(vec!["b@y.example".parse().unwrap()]);
    assert_eq!(scene.act_on(&officer("ann"), id, &some).await, Ok((1, 0)));
    let scene = scene.restart("");
    let [part] = scene.going().try_into().unwrap();
    let given = part.recourse.exemption.clone().unwrap();
    assert_eq!((given.tls, given.by.as_str()), (TlsRequirement::Encrypted, "ann"));
    let hour = Duration::from_secs(3600);
    assert!(before + hour <= given.until && given.until <= now() + hour, "{given:?}");
    assert_eq!(scene.queued(id).unwrap().recourse.exemption, None, "the rest has none");
    // The rest goes without, and what was proposed is given by who approves it.
    assert_eq!(scene.act_on(&officer("ann"), id, &release()).await, Ok((1, 0)));
    assert_eq!(scene.queued(id).unwrap().recourse.exemption, None);
    let id = scene.hold(Level::SPECIALLY_PROTECTED).await;
    assert_eq!(scene.act_on(&approver("ann"), id, &with_less(Vec::new())).await, Ok((0, 1)));
    assert_eq!(scene.queued(id).unwrap().recourse.exemption, None);
    let approve = scene.approve(id);
    assert_eq!(scene.act_on(&approver("bob"), id, &approve).await, Ok((1, 0)));
    assert_eq!(scene.queued(id).unwrap().recourse.exemption.unwrap().by, "bob");
    assert!(scene.heard.has(&format!("exempted {id} to encrypted by bob")));
}

#[tokio::test]
async fn what_was_withdrawn_is_nobodys_to_approve() {
    let scene = Scene::begin("");
    for who in [approver("ann"), approver("bob")] {
        let id = scene.hold(Level::SPECIALLY_PROTECTED).await;
        assert_eq!(scene.act_on(&approver("ann"), id, &release()).await, Ok((0, 1)));
        let approve = scene.approve(id);
        let HeldAct::Approve { proposed_at } = approve else { panic!("{approve:?}") };
        let withdraw = HeldAct::Withdraw { proposed_at };
        assert!(scene.act_on(&officer("joe"), id, &withdraw).await.is_err(), "not theirs");
        assert_eq!(scene.act_on(&who, id, &withdraw).await, Ok((1, 0)));
        let scene = &scene;
        for second in ["ann", "bob"] {
            assert!(scene.act_on(&approver(second), id, &approve).await.is_err(), "{second}");
        }
        assert!(scene.queued(id).unwrap().is_held());
        assert!(scene.heard.has(&format!("withdrawn {id} by {}", who.name)));
    }
    assert!(scene.going().is_empty());
}

#[tokio::test]
async fn under_a_legal_hold_nothing_goes_until_it_is_lifted() {
    let scene = Scene::begin("");
    let id = scene.hold(Level::CLINICAL).await;
    assert_eq!(scene.act_on(&officer("ann"), id, &HeldAct::LegalHold).await, Ok((1, 0)));
    let scene = scene.restart("");
    let to = "smtp://portal.example:25".parse().unwrap();
    for act in [release(), HeldAct::Reject, HeldAct::Redirect { to }] {
        assert!(scene.act_on(&approver("bob"), id, &act).await.is_err(), "{}", act.name());
        assert!(scene.queued(id).unwrap().is_held(), "{}", act.name());
    }
    assert_eq!(scene.act_on(&approver("bob"), id, &HeldAct::LiftLegalHold).await, Ok((1, 0)));
    assert_eq!(scene.act_on(&officer("ann"), id, &release()).await, Ok((1, 0)));
    assert!(!scene.queued(id).unwrap().is_held());
}
